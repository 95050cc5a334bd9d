package mta

import (
	"context"
	"slices"
	"strings"

	"gosendmail/internal/alias"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Recipients adds recipients, each argument a list of addresses, and expands aliases and .forward files. Those that
// cannot be reached are complaints.
func (s *Submission) Recipients(ctx context.Context, lists ...string) {
	s.logs = true
	for _, list := range lists {
		s.list(ctx, list)
	}
	sortByHost(s.m.env.Recipients)
	s.logs = false
}

// headerRecipients adds what the header's recipient fields name; once a Resent- field is there, only those count.
func (s *Submission) headerRecipients(ctx context.Context, fields []envelope.Field) {
	for i := range fields {
		kind := kindOf(fields[i].Name)
		if !kind.is(fieldRcpt) || s.m.resent != kind.is(fieldResent) {
			continue
		}
		s.broken = !s.list(ctx, fields[i].Value) || s.broken
		if text := strings.TrimLeft(fields[i].Value, " \t"); strings.HasPrefix(text, ",") {
			fields[i].Value = " " + strings.TrimLeft(text, ", \t\n")
		}
	}
	sortByHost(s.m.env.Recipients)
}

// noRecipients complains of a header that names nobody.
func (s *Submission) noRecipients() {
	if len(s.m.env.Recipients) > 0 || s.held != "" {
		return
	}
	to := ""
	if s.arpanet && s.m.env.Sender != "" {
		to = s.m.env.SenderText // whose address was looked at last
	}
	s.complain(to, "No recipient addresses found in header")
}

// listed is one address of a list.
type listed struct {
	addr    string
	a       *Address
	refusal *status.Status
}

// list adds the addresses of one list. All are read before the first is looked up, and they are looked up from the last
// to the first, as the original does. It returns false where the list is damaged: brackets, quotes or comments do not
// match.
func (s *Submission) list(ctx context.Context, list string) bool {
	m := s.m
	if strings.ContainsAny(list, ",;<(") {
		s.newStyle = true
	}
	delim := byte(',')
	if m.site.options.OldStyleHeaders && !s.newStyle {
		delim = ' '
	}
	list = strings.ReplaceAll(list, "\n", " ")
	whole := true
	var all []listed
	for {
		list = strings.TrimLeft(list, ", \t\r")
		if list == "" {
			break
		}
		end := m.site.scanEnd(list, delim)
		if end == 0 {
			end = len(list)
		}
		l := listed{addr: strings.TrimRight(list[:end], " \t\r")}
		if alias.OnlyComments(l.addr) {
			list = list[end:]
			continue
		}
		m.complain = func(_, text string) {
			whole = false
			s.misread(list, text)
		}
		l.a, l.refusal = m.resolve(ctx, l.addr, forRecipient)
		m.complain = nil
		list = list[end:]
		if l.refusal != nil {
			s.misread(l.addr, replyText(*l.refusal))
		}
		if l.a == nil {
			continue
		}
		if l.refusal != nil {
			s.fail(*l.refusal)
			if s.logs && !alone(l.refusal.Text) {
				m.log(logNotice, maillog.LevelCollect, "%s... %s", l.addr, l.refusal.Text)
			}
		}
		s.listed++
		all = append(all, l)
	}
	before := len(m.env.Recipients)
	for i := len(all) - 1; i >= 0; i-- {
		if a := all[i].a; all[i].refusal == nil && forbidden(&envelope.Recipient{Triple: a.Triple()}) != nil {
			s.expand(ctx, before) // what is wrong with those before him is said before
			before = len(m.env.Recipients)
		}
		s.add(ctx, all[i])
	}
	s.expand(ctx, before)
	return whole
}

// add adds a recipient.
func (s *Submission) add(ctx context.Context, l listed) {
	m := s.m
	r := &envelope.Recipient{Addr: l.addr, Primary: true, Notify: s.notify, Final: m.finalRecipient(l.addr, l.a)}
	refusal := l.refusal
	if refusal == nil {
		if r.Triple = l.a.Triple(); !l.a.Status.Success() {
			m.say("%s... %s", r.Addr, l.a.Status.Text)
			s.wait(r, l.a.Status)
			return
		}
		refusal = forbidden(r)
	}
	if refusal == nil {
		m.chooseGroup(l.a)
		m.env.Recipients = append(m.env.Recipients, r)
		return
	}
	if l.refusal == nil {
		s.misread(l.addr, replyText(*refusal))
		if s.logs {
			m.log(logNotice, maillog.LevelCollect, "%s... %s", l.addr, refusal.Text)
		}
	}
	if refusal.Temporary() {
		s.failures++
		r.Triple = rules.Triple{Mailer: "*error*", Host: l.a.Host}
		s.wait(r, *refusal)
		return
	}
	if l.refusal != nil {
		r.Triple = rules.Triple{Host: l.a.Host} // its place among the others
	}
	r.State, r.Status, r.Tried = envelope.Failed, *refusal, m.srv.now()
	m.putOff(r)
	s.say(r)
	m.env.Recipients = append(m.env.Recipients, r)
	switch r.Status.Enhanced {
	case status.Enhanced{5, 3, 0}, status.Enhanced{5, 3, 5}: // of errors without a code of their own
		r.Status.Enhanced = status.Enhanced{5, 0, 0}
	}
}

// say notes that a recipient was complained of.
func (s *Submission) say(r *envelope.Recipient) {
	if s.told == nil {
		s.told = map[*envelope.Recipient]bool{}
	}
	s.told[r] = true
}

// wait leaves a recipient that cannot be looked up now to a queue run, which finds its mailer anew.
func (s *Submission) wait(r *envelope.Recipient, st status.Status) {
	s.m.unresolvable(r, r.Triple, st)
	s.say(r)
	s.m.env.Recipients = append(s.m.env.Recipients, r)
}

// expand expands the recipients from number before on, and complains of those that stand for nobody. Who cannot be
// expanded now waits in the queue: nothing is wrong with the call, and a caller who learnt otherwise would hand the
// message in again.
func (s *Submission) expand(ctx context.Context, before int) {
	m := s.m
	earlier := m.env.Recipients[:before]
	m.env.Recipients = slices.Clone(m.env.Recipients[before:])
	m.namedLocally, m.logsNames = true, s.logs
	m.complain = s.misread
	m.routeBeside(ctx, &s.met)
	m.complain = nil
	m.namedLocally, m.routed = false, true
	fresh := m.env.Recipients
	m.env.Recipients = append(earlier, fresh...)
	for _, r := range s.failedIn(fresh) {
		s.complain("", refused(r.Addr, r.Status))
		if r.Status.Enhanced == loopCode && s.logs {
			m.log(logNotice, maillog.LevelCollect, "%s", r.Status.Text)
		}
		if r.Status.Exit != status.NoUser {
			continue
		}
		s.fail(r.Status)
		m.reason(r.Status.Text, false)
		if s.held = r.Addr + "... " + r.Status.Text; s.arpanet {
			s.held = codes.FindString(replyText(r.Status)) + s.held
		}
	}
}

// failedIn returns those whom the expansion refused, aliases behind what they stand for.
func (s *Submission) failedIn(fresh []*envelope.Recipient) []*envelope.Recipient {
	return slices.DeleteFunc(slices.Clone(childrenFirst(fresh)), func(r *envelope.Recipient) bool {
		return s.told[r] || !s.m.waiting(r) || r.Status.Temporary()
	})
}
