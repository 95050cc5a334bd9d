package durability

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

// debt is what has been acknowledged and to whom it is owed.
type debt struct {
	tag  string
	rcpt string
}

// found is where a debt stands in a state.
type found struct {
	queued    int // envelopes of the queue that will deliver or report it
	delivered bool
	reported  bool
}

// ledger reads a state of a site.
type ledger struct {
	*memo
	boxes [][]byte // of mailboxes, maildirs and files
	where []string // their paths, below the site
	mails []mail
}

// memo remembers what was found out about contents: most files are the same in most states.
type memo struct {
	envelopes map[content]*envelope.Envelope
	answers   map[question]bool
}

type content struct {
	first *byte
	size  int
}

type question struct {
	content
	debt
	report bool
}

func newMemo() *memo {
	return &memo{map[content]*envelope.Envelope{}, map[question]bool{}}
}

func contentOf(data []byte) content { return content{unsafe.SliceData(data), len(data)} }

// envelope is a control file's, nil where it is none.
func (m *memo) envelope(data []byte) *envelope.Envelope {
	key := contentOf(data)
	env, ok := m.envelopes[key]
	if !ok {
		if c, err := queue.ParseControl(data); err == nil {
			env = c.Envelope
		}
		m.envelopes[key] = env
	}
	return env
}

// holds reports whether data holds the mail of a debt or, if so asked, a report about it.
func (m *memo) holds(data []byte, d debt, report bool) bool {
	key := question{contentOf(data), d, report}
	yes, ok := m.answers[key]
	if !ok {
		if yes = whole(string(data), d.tag); report {
			yes = tells(string(data), d)
		}
		m.answers[key] = yes
	}
	return yes
}

// mail is one valid envelope in the queue, with its body.
type mail struct {
	id   string
	env  *envelope.Envelope
	body []byte
}

func (m *memo) read(root string, s state) *ledger {
	l := &ledger{memo: m}
	controls := map[string]*envelope.Envelope{}
	for path, data := range s {
		name, rel := filepath.Base(path), strings.TrimPrefix(path, root+"/")
		switch {
		case strings.HasPrefix(rel, "mail/"), strings.HasPrefix(rel, "md/"), strings.HasPrefix(rel, "files/"),
			strings.HasPrefix(rel, "letter/"):
			l.boxes, l.where = append(l.boxes, data), append(l.where, rel)
		case strings.HasPrefix(rel, "queue/") && (strings.HasPrefix(name, "qf") || strings.HasPrefix(name, "hf")):
			if env := m.envelope(data); env != nil {
				controls[name[2:]] = env
			}
		}
	}
	for id, env := range controls {
		if of := controls[env.PartOf]; env.PartOf != "" && (of == nil || !slices.Contains(of.Parts, id)) {
			continue // void
		}
		for _, dir := range []string{"queue/", "queue/df/"} {
			if data, ok := s[filepath.Join(root, dir, "df"+id)]; ok {
				l.mails = append(l.mails, mail{id, env, data})
			}
		}
	}
	return l
}

// find looks for a debt.
func (l *ledger) find(d debt) found {
	var f found
	known := recipients[d.rcpt]
	for i, box := range l.boxes {
		for _, prefix := range known.where {
			if strings.HasPrefix(l.where[i], prefix) && l.holds(box, d, false) {
				f.delivered = true
			}
		}
		if l.where[i] == "mail/daemon" || l.where[i] == "mail/lp" || strings.HasPrefix(l.where[i], "letter/") {
			f.reported = f.reported || l.holds(box, d, true)
		}
	}
	for _, m := range l.mails {
		switch {
		case m.env.Flags.Response:
			f.reported = f.reported || len(m.env.Recipients) > 0 && l.holds(m.body, d, true)
		case len(m.body) == len(wanted(d.tag)) && l.holds(m.body, d, false) && names(m.env, d.rcpt):
			f.queued++
		}
	}
	return f
}

// names reports whether an envelope goes to a recipient, by itself or as a member of the list.
func names(env *envelope.Envelope, rcpt string) bool {
	for _, r := range env.Recipients {
		addr := strings.Trim(r.Addr, "<>|\"")
		if slices.Contains(recipients[rcpt].named, addr) || (addr == "list" || addr == "list@mail.test") && slices.Contains(listMembers, rcpt) {
			return true
		}
		for _, n := range recipients[rcpt].named {
			if strings.HasPrefix(n, "/") && strings.HasSuffix(addr, n) {
				return true
			}
		}
	}
	return false
}

// tells reports whether one of the reports in a text, whole to its end, is about a debt.
func tells(text string, d debt) bool {
	for _, one := range strings.Split(text, "Content-Type: message/delivery-status") {
		about := strings.Contains(one, d.rcpt) || strings.Contains(one, recipients[d.rcpt].named[len(recipients[d.rcpt].named)-1])
		if about && strings.Contains(one, "Final-Recipient:") && whole(one, d.tag) {
			return true
		}
	}
	return false
}

// check returns what is wrong with a debt in a state; external says that a peer has it.
func (l *ledger) check(d debt, external bool) error {
	f := l.find(d)
	switch {
	case f.queued == 0 && !f.delivered && !f.reported && !external:
		return fmt.Errorf("%s for %s is lost", d.tag, d.rcpt)
	case f.queued > 1:
		return fmt.Errorf("%s for %s is in the queue %d times", d.tag, d.rcpt, f.queued)
	}
	return nil
}
