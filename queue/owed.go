package queue

import (
	"encoding/json"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// The lines of control files that V8 does not have begin with L, which the original passes over:
//
//	Lpart ID        this message is being split from that one, and counts once that one's control file names it
//	Lparts ID...    what was split from this message
//	Lowed JSON      an outcome that the sender is yet to be told; with "Retry" an R line follows for the original
const (
	partWord  = "part "
	partsWord = "parts "
	owedWord  = "owed "
)

// outcome is a recipient as an owed line keeps it.
type outcome struct {
	Addr             string
	Orcpt, Final     string            `json:",omitempty"`
	Alias            []string          `json:",omitempty"` // whose alias or .forward made it, the nearest first
	Notify           envelope.Notify   `json:",omitempty"`
	Primary, IsAlias bool              `json:",omitempty"`
	List             bool              `json:",omitempty"`
	Retry            bool              `json:",omitempty"`
	State            envelope.State    //
	Triple           [3]string         // mailer, host, user
	Ctladdr          *envelope.Ctladdr `json:",omitempty"`
	Tried            int64             `json:",omitempty"` // seconds since 1970
	Exit, Code       int               `json:",omitempty"`
	Enhanced         status.Enhanced   //
	Text, Remote     string            `json:",omitempty"`
	Diagnostic       string            `json:",omitempty"`
}

func (w *writer) parts(env *envelope.Envelope) {
	if env.PartOf != "" {
		w.line('L', partWord+env.PartOf)
	}
	if len(env.Parts) > 0 {
		w.line('L', partsWord+strings.Join(env.Parts, " "))
	}
}

// owed writes an outcome; retry says that an R line follows.
func (w *writer) owed(r *envelope.Recipient, retry bool) {
	s := &r.Status
	o := outcome{
		Addr: r.Addr, Orcpt: r.Orcpt, Final: r.Final, Notify: r.Notify, Primary: r.Primary, IsAlias: r.IsAlias,
		List: r.List, Retry: retry, State: r.State, Ctladdr: r.Ctladdr,
		Triple: [3]string{r.Triple.Mailer, r.Triple.Host, r.Triple.User},
		Exit:   s.Exit, Code: s.Code, Enhanced: s.Enhanced, Text: s.Text, Remote: s.Remote, Diagnostic: s.Diagnostic,
	}
	if !r.Tried.IsZero() {
		o.Tried = r.Tried.Unix()
	}
	for a := r.Alias; a != nil; a = a.Alias {
		o.Alias = append(o.Alias, a.Addr)
	}
	text, err := json.Marshal(&o)
	if err != nil {
		panic("queue: an outcome is not JSON: " + err.Error())
	}
	w.line('L', owedWord+string(text))
}

// extension reads an L line. What other programs wrote there is passed over, as the original does with all of them.
func (p *parser) extension(text string) error {
	env := p.c.Envelope
	switch {
	case strings.HasPrefix(text, partWord):
		if env.PartOf = text[len(partWord):]; !validID(env.PartOf) {
			return ErrLine
		}
	case strings.HasPrefix(text, partsWord):
		env.Parts = strings.Fields(text[len(partsWord):])
	case strings.HasPrefix(text, owedWord):
		return p.owed(text[len(owedWord):])
	}
	return nil
}

func (p *parser) owed(text string) error {
	var o outcome
	if json.Unmarshal([]byte(text), &o) != nil || o.State == envelope.Pending {
		return ErrLine
	}
	r := &envelope.Recipient{
		Addr: o.Addr, Orcpt: o.Orcpt, Final: o.Final, Notify: o.Notify, Primary: o.Primary, IsAlias: o.IsAlias,
		List: o.List, Owed: true, State: o.State, Ctladdr: o.Ctladdr,
		Triple: rules.Triple{Mailer: o.Triple[0], Host: o.Triple[1], User: o.Triple[2]},
		Status: status.Status{
			Exit: o.Exit, Code: o.Code, Enhanced: o.Enhanced, Text: o.Text, Remote: o.Remote, Diagnostic: o.Diagnostic,
		},
	}
	if o.Tried != 0 {
		r.Tried = time.Unix(o.Tried, 0)
	}
	for child, i := r, 0; i < len(o.Alias); i++ {
		child.Alias = &envelope.Recipient{Addr: o.Alias[i], State: envelope.Expanded}
		child = child.Alias
	}
	p.c.Envelope.Recipients = append(p.c.Envelope.Recipients, r)
	p.skip = o.Retry
	return nil
}
