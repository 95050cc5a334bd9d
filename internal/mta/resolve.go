package mta

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
	"gosendmail/maps"
	"gosendmail/rules"
)

// The roles of envelope addresses.
var (
	forSender    = Role{Sender: true}
	forRecipient = Role{}
)

// complaint is the first error that rules reported.
type complaint struct {
	to, text string // to: the text that could not be scanned, or ""
	fatal    bool   // it stands for a refusal of its own
}

// hear takes an error.
func (c *complaint) hear(to, text string) {
	code, _, ok := replyCode(text)
	if fatal := ok && code >= 400; c.text == "" || fatal && !c.fatal {
		*c = complaint{to, text, fatal}
	}
}

// env2 returns the environment in which rules run for the message. The first error that rules report is kept in
// problem, unless that is nil.
func (m *message) env2(problem *complaint) *Env {
	e := m.envAbove(m.macros)
	if problem != nil {
		e.Problem = func(to, text string) {
			if silent, noted := strings.CutPrefix(text, "851 "); noted { // a name server that did not answer
				m.transcript.WriteString("451 " + silent + "\n")
			}
			if m.complain != nil && mended(text) {
				m.complain(to, text)
				return
			}
			problem.hear(to, text)
		}
	}
	return e
}

// mended reports whether an error in an address is one that does not make it unusable.
func mended(text string) bool { return strings.Contains(text, "Unbalanced") }

// resolve finds mailer, host and user of an address. The status tells why the address cannot be used. A resolution that
// only a name server's silence prevents is no refusal: Address.Status is temporary then.
func (m *message) resolve(ctx context.Context, addr string, role Role) (*Address, *status.Status) {
	a, refusal, _ := m.parse(ctx, addr, role)
	return a, refusal
}

// admit is resolve for an address that a client names: an error that the rules report refuses it, though they found a
// mailer. The refusal says what it is about.
func (m *message) admit(ctx context.Context, addr string, role Role) (*Address, *status.Status) {
	a, refusal, problem := m.parse(ctx, addr, role)
	if refusal == nil {
		return a, problem.refusal()
	}
	s := about(addr, *refusal)
	return a, &s
}

// parse is resolve that tells also what the rules reported.
func (m *message) parse(ctx context.Context, addr string, role Role) (*Address, *status.Status, complaint) {
	var problem complaint
	env := m.env2(&problem)
	a := m.site.Parse(ctx, env, addr, 0, role)
	if a == nil {
		if problem.text == "" {
			problem.text = "553 5.0.0 User address required"
		}
		s := statusOf(problem.text, status.DataErr)
		if s.Enhanced == (status.Enhanced{}) {
			s.Enhanced = status.Enhanced{5, 0, 0}
		}
		return nil, &s, problem
	}
	if m.fallbackServes(a, role) {
		a.Status = status.Status{}
	}
	if s := a.Status; !s.Success() && !(a.Mailer != nil && s.Temporary()) {
		if strings.HasPrefix(s.Text, "buildaddr: ") {
			m.sysErr("%s", s.Text)
		}
		s = told(s, problem.text)
		if env.unanswered && s.Permanent() {
			s = statusOf(temporaryFailure, status.TempFail)
		}
		return a, &s, problem
	}
	return a, nil, problem
}

// fallbackServes reports whether FallbackMXhost is there for a recipient whose host a name server did not tell about.
func (m *message) fallbackServes(a *Address, role Role) bool {
	return !role.Sender && m.site.options.FallbackMXhost != "" && a.Mailer != nil && a.Status.Enhanced == status.Enhanced{4, 4, 3} &&
		a.Status.Temporary() && !a.Mailer.Flags.Has('0')
}

// refusal is what an error of the rules means for an address that they resolved all the same: they did not do what they
// were written for.
func (c *complaint) refusal() *status.Status {
	if !c.fatal {
		return nil
	}
	var v Verdict
	v.fail(c.to, c.text)
	s := about(c.to, v.Status)
	return &s
}

// told is a refusal with the codes that the client hears: those of the message, which without any begins "553 5.3.0".
func told(s status.Status, message string) status.Status {
	if message == "" {
		return s
	}
	t := statusOf(message, s.Exit)
	s.Code, s.Enhanced, s.Text = t.Code, t.Enhanced, t.Text
	return s
}

// canonicalSender is $f: the sender through rulesets 3, 1 and 4. What they report is kept in problem.
func (m *message) canonicalSender(ctx context.Context, addr string, problem *complaint) string {
	env := m.env2(problem)
	scan := m.site.Sets.Scan(addr, 0, rules.External, true)
	if scan.Workspace == nil {
		return bareAddress(addr)
	}
	ret, _ := m.site.Sets.Chain(ctx, env, scan.Workspace, "3", "1", "4")
	return m.site.Sets.Join(ret.Workspace, 0, true)
}

// envAbove returns the environment for a delivery, whose macros lie above those of the message.
func (m *message) envAbove(t *macro.Table) *Env {
	e := m.site.EnvWith(t)
	e.NoAnswer = m.unanswered
	return e
}

// unanswered notes, as the reason why the message waits, that a name server gave no answer for a host.
func (m *message) unanswered(host string) {
	m.env.Message, m.unnamed = "host map: lookup ("+shownName(host)+"): deferred", true
	m.say("%s: Name server timeout", host)
}

// senderFor is the reverse path as a mailer gets it, and $g: for the null sender what the mailer's rulesets put for it,
// for a report of ours its author.
func (m *message) senderFor(ctx context.Context, mailer *mailers.Mailer, t *macro.Table) (path, g string) {
	text := m.env.SenderText
	if m.env.Sender == "" && !m.env.Flags.Response {
		text = "<>"
	}
	if m.mailname != "" && m.env.Sender != "" {
		text = m.mailname
	}
	r := m.site.Remote(ctx, m.envAbove(t), text, m.site.Config.Mailer(mailer.Name),
		RemoteOptions{Role: forSender, Canonical: true})
	g = bareAddress(unquoteMacro(r.Text))
	if m.env.Sender == "" && !mailer.Flags.Has('g') {
		return "", g
	}
	return g, g
}

// headerAddress rewrites one address of a header field for a mailer.
func (m *message) headerAddress(ctx context.Context, env *Env, name string, mailer *mailers.Mailer, sender bool) string {
	if !sender {
		if to, err := m.mailnameOf(ctx, 'j', name); err == nil && to != "" {
			name = to
		}
	}
	r := m.site.Remote(ctx, env, name, m.site.Config.Mailer(mailer.Name),
		RemoteOptions{Role: Role{Header: true, Sender: sender}, From: m.senderDomain()})
	return unquoteMacro(r.Text)
}

// mailnameOf is the name under which the user database has a user send and receive mail (op.txt section 5.12.2), where
// the sender's mailer has a flag; "" where there is none.
func (m *message) mailnameOf(ctx context.Context, flag byte, user string) (string, error) {
	if user == "" || m.senderMailer == nil || !m.senderMailer.Flags.Has(flag) || m.srv.aliases.users.Empty() {
		return "", nil
	}
	name, err := m.srv.aliases.users.Get(ctx, user, "mailname")
	if errors.Is(err, maps.ErrNotFound) && !errors.Is(err, maps.ErrTempFail) {
		return "", nil
	}
	return name, err
}

// senderDomain is "@domain" of the sender where its mailer adds that to addresses without a domain (F=C), else nil.
func (m *message) senderDomain() rules.Workspace {
	if m.senderMailer == nil || !m.senderMailer.Flags.Has('C') {
		return nil
	}
	at := strings.LastIndexByte(m.env.Sender, '@')
	if at < 0 {
		return nil
	}
	return m.site.Sets.Scan(m.env.Sender[at:], 0, rules.External, true).Workspace
}

// scanEnd finds where the first address of a list ends.
func (s *setup) scanEnd(list string, delim byte) int {
	scan := s.Sets.Scan(list, delim, rules.External, false)
	if scan.Failed || scan.End <= 0 {
		if i := strings.IndexByte(list, delim); i >= 0 {
			return i
		}
		return len(list)
	}
	return min(scan.End, len(list))
}

// ruling is what a check_* ruleset said about its arguments.
type ruling struct {
	Verdict
	ruleset, arg1, arg2 string
}

// check runs a ruleset that may refuse; nil means that it has nothing against it.
func (m *message) check(ctx context.Context, ruleset string, args ...string) *ruling {
	return m.site.ask(ctx, m.env2(nil), ruleset, CheckOptions{StripComments: true, Quiet: !ofAddress[ruleset]}, args...)
}

// ofAddress are the rulesets for addresses: what was wrong with a text and could be mended counts there.
var ofAddress = map[string]bool{"check_relay": true, "check_mail": true, "check_rcpt": true, "check_compat": true, "check_vrfy": true, "check_expn": true, "check_etrn": true}

// checkHeader runs the ruleset of a header field over its text.
func (m *message) checkHeader(ctx context.Context, hc headerCheck, value string) *ruling {
	return m.site.ask(ctx, m.env2(nil), hc.ruleset, CheckOptions{StripComments: !hc.comments, Quiet: true}, value)
}

// check is message.check for rulesets that concern the connection.
func (c *Session) check(ctx context.Context, ruleset string, args ...string) *ruling {
	env := c.site.EnvWith(c.macros)
	if c.msg != nil {
		env = c.msg.env2(nil)
	}
	return c.site.ask(ctx, env, ruleset, CheckOptions{StripComments: true, Quiet: !ofAddress[ruleset]}, args...)
}

// ask runs a check with one or two arguments.
func (s *setup) ask(ctx context.Context, env *Env, ruleset string, o CheckOptions, args ...string) *ruling {
	second := ""
	if len(args) > 1 {
		second = args[1]
	}
	v := s.Check(ctx, env, ruleset, args[0], second, len(args) > 1, o)
	if !v.Called || v.OK() && v.Quarantine == "" {
		return nil
	}
	if v.Failed {
		v.Status = about(v.About, v.Status)
	} else {
		v.Status = told(v.Status, v.Message)
	}
	if s.options.SoftBounce && v.Status.Code >= 500 {
		v.Status.Code -= 100
		v.Status.Enhanced[0] = 4
		v.Status.Exit = status.TempFail
	}
	return &ruling{v, ruleset, args[0], second}
}

// obey does what a ruleset said: it returns the refusal, to is the address that it is about, as replies show it.
func (m *message) obey(v *ruling, to string) *status.Status {
	line := maillog.Check{Ruleset: v.ruleset, Arg1: v.arg1, Arg2: v.arg2, Relay: m.relay}
	switch {
	case v.Discard:
		m.discard = true
		line.Verdict = maillog.Discarded
	case v.Quarantine != "":
		m.quarantine = v.Quarantine
		m.set("{quarantine}", v.Quarantine)
		line.Verdict, line.Text = maillog.Quarantined, v.Quarantine
	default:
		s := v.Status
		if !v.Failed {
			s = about(to, s)
		}
		line.Verdict, line.Text = maillog.Rejected, replyText(s)
		m.countVerdict(line.Verdict)
		m.srv.Log.Check(m.id, &line)
		return &s
	}
	m.srv.Log.Check(m.id, &line)
	return nil
}

// about puts the address in front of a refusal's text, where the code is one that the original does so with.
func about(to string, s status.Status) status.Status {
	switch s.Code {
	case 450, 550, 553, 250, 252:
		if to != "" && !strings.HasPrefix(s.Text, to+"... ") {
			s.Text = clipped(to) + "... " + s.Text
		}
	}
	return s
}

// refused is what is said of a recipient whom the expansion or the rules refused, as one line.
func refused(addr string, s status.Status) string {
	s = about(addr, s)
	s.Text = s.Place + s.Text
	return replyText(s)
}

// clipped is an address as replies tell it: the middle of a long one is left out.
func clipped(addr string) string { return maillog.Shorten(addr, 203) }

// replyText is a refusal as one line: "550 5.7.1 Access denied".
func replyText(s status.Status) string {
	if s.Enhanced == (status.Enhanced{}) {
		return fmt.Sprintf("%d %s", s.Code, s.Text)
	}
	return fmt.Sprintf("%d %s %s", s.Code, s.Enhanced, s.Text)
}

// relayRefusal logs what check_relay said and returns the refusal; where it wants messages thrown away or held, the
// session keeps that in mind.
func (c *Session) relayRefusal(v *ruling) *status.Status {
	line := maillog.Check{Ruleset: v.ruleset, Arg1: v.arg1, Arg2: v.arg2, Relay: c.relay}
	switch {
	case v.Discard:
		c.throw, line.Verdict = true, maillog.Discarded
	case v.Quarantine != "":
		c.hold = v.Quarantine
		line.Verdict, line.Text = maillog.Quarantined, v.Quarantine
	default:
		line.Verdict, line.Text = maillog.Rejected, replyText(v.Status)
		c.srv.countRefused()
		c.srv.Log.Check("", &line)
		s := v.Status
		return &s
	}
	c.srv.Log.Check("", &line)
	return nil
}
