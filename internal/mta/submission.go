package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// Submission is a message that a local program hands in. The steps are Sender, Recipients, Collect, Commit, in that order.
type Submission struct {
	m         *message
	fromField bool // recipients come from the header too
	notify    envelope.Notify
	failed    []Refusal
	hops      int
}

// Refusal is a recipient that cannot be reached, and why.
type Refusal struct {
	Addr   string
	Status status.Status // Text with the address in front
}

// SubmissionOptions are what the command line says about a message.
type SubmissionOptions struct {
	FromHeader bool   // -t
	NoAlias    bool   // -n
	FullName   string // -F
	Body       string // -B: "7BIT" or "8BITMIME"; "" means not told
	Notify     envelope.Notify
	Ret        envelope.Return
	EnvID      string
	Gateway    bool   // -G: relayed, not new
	Hops       int    // -h
	Protocol   string // -p, $r
	Host       string // -p, $s
	Watch      func(line string)
	Macros     map[string]string // -M
}

// NewSubmission begins a message.
func (s *Server) NewSubmission(o SubmissionOptions) *Submission {
	m := s.newMessage(s.site, s.macros, s.spool.NewID())
	if o.Watch != nil {
		m.watch = o.Watch
	}
	m.relay = s.Caller.Name + "@localhost"
	m.proto = o.Protocol
	m.deleteBcc = o.FromHeader
	m.set("_", m.relay)
	if o.Protocol != "" {
		m.set("r", o.Protocol)
	}
	if o.Host != "" {
		m.set("s", o.Host)
	}
	m.set("{daemon_flags}", s.submissionFlags(o.Gateway))
	for name, value := range o.Macros {
		m.set(name, value)
	}
	if o.FullName != "" {
		m.set("x", o.FullName)
	}
	m.env.Body = o.Body
	m.env.Ret = o.Ret
	m.env.Flags.RetParam = o.Ret != ""
	m.env.Flags.NoReturn = o.Ret == envelope.ReturnHeaders
	m.env.EnvID = o.EnvID
	m.set("{envid}", o.EnvID)
	m.set("{dsn_envid}", o.EnvID)
	m.set("{dsn_ret}", strings.ToLower(string(o.Ret)))
	m.noAlias = o.NoAlias
	return &Submission{m: m, fromField: o.FromHeader, notify: o.Notify, hops: o.Hops}
}

// submissionFlags is ${daemon_flags} of messages from the command line: option DirectSubmissionModifiers, or what op.txt says of new and
// relayed messages.
func (s *Server) submissionFlags(gateway bool) string {
	if flags := s.site.options.DirectSubmissionModifiers; flags != "" {
		return (&Daemon{Modifiers: flags}).flags()
	}
	if gateway {
		return "CC f"
	}
	return "c u"
}

// ID returns the queue identifier.
func (s *Submission) ID() string { return s.m.id }

// Sender sets who sends it: from is -f's value, or "" for the calling user. Only trusted users (class t) may name somebody
// else without a warning in the header.
func (s *Submission) Sender(ctx context.Context, from string) *status.Status {
	m := s.m
	caller := m.srv.Caller
	text := from
	if text == "" {
		text = caller.Name
	}
	if from != "" && !m.site.trusted(caller.Name) && bareAddress(from) != caller.Name {
		m.authWarning("%s set sender to %s using -f", caller.Name, from)
	}
	if from == "<>" {
		m.env.SenderText, m.env.Sender = "<>", ""
		m.setSender(ctx, "<>")
		return nil
	}
	if refusal := m.setSender(ctx, text); refusal != nil {
		// The original sends the mail all the same, in the caller's name.
		if refusal = m.setSender(ctx, caller.Name); refusal != nil {
			return refusal
		}
	}
	if from != "" && m.env.Sender != "" && (m.senderMailer == nil || !m.senderMailer.Flags.Has('w')) {
		m.macros.Undefine("x") // the name that the caller gives is not that of somebody elsewhere
	}
	m.env.SenderText = text
	m.env.AuthParam = m.qualified(bareAddress(text))
	m.env.SenderCtladdr = &envelope.Ctladdr{User: caller.Name, UID: caller.UID, GID: caller.GID, Home: caller.Home, Addr: text}
	if from == "" && m.get("x") == "" {
		m.set("x", FullName(caller.Gecos, caller.Name))
	}
	return nil
}

// qualified is an address with our name where it has no host.
func (m *message) qualified(addr string) string {
	if addr == "" || strings.Contains(addr, "@") {
		return addr
	}
	return addr + "@" + m.site.Hostname()
}

// Recipients adds recipients, each argument a list of addresses. It returns those that were refused just now.
func (s *Submission) Recipients(ctx context.Context, lists ...string) []Refusal {
	before := len(s.failed)
	for _, list := range lists {
		names := s.m.splitList(list, s.m.oldStyle(list))
		for i := len(names) - 1; i >= 0; i-- {
			s.add(ctx, names[i])
		}
	}
	return s.failed[before:]
}

func (s *Submission) add(ctx context.Context, addr string) {
	m := s.m
	r := &envelope.Recipient{Addr: addr, Primary: true, Notify: s.notify}
	a, refusal := m.resolve(ctx, addr, forRecipient)
	if refusal == nil {
		r.Triple = a.Triple()
		if m.sameRecipient(r) != nil {
			return
		}
		refusal = m.verify(ctx, r, a)
	}
	if refusal == nil {
		r.Final = m.finalRecipient(addr, a)
		m.chooseGroup(a)
		m.env.Recipients = append(m.env.Recipients, r)
		return
	}
	r.State = envelope.Failed
	text := *refusal
	if !strings.HasPrefix(text.Text, addr+"... ") {
		text.Text = addr + "... " + text.Text
	}
	r.State, r.Status, r.Tried = envelope.Failed, *refusal, m.srv.now()
	r.Status.Diagnostic = replyText(*refusal)
	if !s.fromField {
		m.log(logNotice, maillog.LevelCollect, "%s", text.Text)
	}
	m.env.Message = refusal.Text
	m.transcribe(r, *refusal)
	r.Final = m.finalRecipient(addr, a)
	m.logTo([]*envelope.Recipient{r}, toLine{mailer: r.Triple.Mailer, status: *refusal, refused: true})
	m.env.Recipients = append(m.env.Recipients, r)
	s.failed = append(s.failed, Refusal{addr, text})
}

// Refused returns the recipients that cannot be reached.
func (s *Submission) Refused() []Refusal { return s.failed }

// Accepted counts the recipients that the message goes to.
func (s *Submission) Accepted() int { return len(s.m.env.PendingRecipients()) }

// Collect takes the message in. The refusal says why it cannot be accepted.
func (s *Submission) Collect(ctx context.Context, r io.Reader) *status.Status {
	m := s.m
	if s.fromField {
		m.fromHeader = func(fields []envelope.Field) { s.headerRecipients(ctx, fields) }
	}
	m.collect(ctx, r)
	if m.env.Body == envelope.Body8BitMIME && !m.env.Flags.EightBit {
		m.env.Body = envelope.Body7Bit // nothing of it needs more
	}
	if s.hops > 0 {
		m.hops = s.hops
	}
	if m.rejected == nil && len(m.env.Recipients) == 0 {
		m.reject(status.Status{Exit: status.NoInput, Code: 550, Enhanced: status.Enhanced{5, 1, 3},
			Text: "No recipient addresses found in header"})
		m.rejected.Exit = status.Usage
	}
	m.logFrom()
	return m.rejected
}

// headerRecipients adds what the header's recipient fields name; once a Resent- field is there, only those count.
func (s *Submission) headerRecipients(ctx context.Context, fields []envelope.Field) {
	for i := range fields {
		kind := kindOf(fields[i].Name)
		if !kind.is(fieldRcpt) || s.m.resent != kind.is(fieldResent) {
			continue
		}
		s.Recipients(ctx, strings.TrimSpace(fields[i].Value))
	}
}

// Abort forgets the message.
func (s *Submission) Abort() { s.m.abort() }

// Commit makes the message safe. With tell, a report about those who were refused goes to the sender.
func (s *Submission) Commit(ctx context.Context, tell bool) error {
	m := s.m
	if !tell {
		for _, r := range m.env.Recipients {
			if r.State == envelope.Failed {
				m.markReported(r)
			}
		}
	}
	m.env.Flags.Split = m.site.options.DeliveryMode == deliverQueueOnly || m.site.options.DeliveryMode == deliverDeferred
	m.noteOwed()
	if err := m.entry.Commit(m.env); err != nil {
		m.log(maillog.Alert, 0, "SYSERR: %v", err)
		return fmt.Errorf("mta: submit: %w", err)
	}
	return nil
}

// Deliver makes the first attempt now. It returns the outcomes of those who failed; with mail they are told to the sender by
// mail as well.
func (s *Submission) Deliver(ctx context.Context, mail bool) ([]Refusal, error) {
	m := s.m
	m.quiet = !mail
	e := m.entry
	err := m.attempt(ctx)
	var failed []Refusal
	for _, r := range m.env.Recipients {
		if r.State == envelope.Failed {
			failed = append(failed, Refusal{r.Addr, r.Status})
		}
	}
	if cerr := e.Close(); err == nil {
		err = cerr
	}
	m.entry = nil
	return failed, err
}

// Release leaves the message in the queue for another process or the next run.
func (s *Submission) Release(queued bool) error {
	m := s.m
	if queued {
		for _, r := range m.env.PendingRecipients() {
			m.logTo([]*envelope.Recipient{r}, toLine{mailer: r.Triple.Mailer, text: "queued"})
		}
	}
	var err error
	if len(m.reportable()) > 0 {
		err = m.report(ctx(), false) // else a queue run tells it
		err = errors.Join(err, m.store())
	}
	err = errors.Join(err, m.entry.Close())
	m.entry = nil
	return err
}

// ctx is for work that must not end with the caller's: the message is accepted already.
func ctx() context.Context { return context.Background() }

// CallerOf finds the account of a user id, or makes one up for an id that has none.
func CallerOf(ctx context.Context, a priv.Accounts, uid, gid int) priv.User {
	if u, err := a.UserID(ctx, uid); err == nil {
		return u
	}
	name := fmt.Sprintf("user%d", uid)
	return priv.User{Name: name, UID: uid, GID: gid, Home: "/"}
}
