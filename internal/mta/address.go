package mta

import (
	"context"
	"fmt"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/macro"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Role says what an address is: of the envelope or of a header field, of the sender or of a recipient.
type Role struct {
	Header bool
	Sender bool
}

// String is the value of ${addr_type}.
func (r Role) String() string {
	b := []byte("e r")
	if r.Header {
		b[0] = 'h'
	}
	if r.Sender {
		b[2] = 's'
	}
	return string(b)
}

// Address is what parsing made of an address.
type Address struct {
	Text    string     // as it was given
	Mailer  *cf.Mailer // nil where it did not resolve, or resolved to $#error
	Host    string
	HasHost bool
	User    string // rewritten for the mailer (rulesets 2, R=, 4)
	// NotRemote: the user began with "@" and the mailer has F=5, so that it is not looked up again (ruleset 5).
	NotRemote  bool
	QueueGroup string // what ruleset queuegroup chose for a recipient; "" means nothing
	// Status is what is wrong with it: of $#error, of rules that went wrong, of a map that cannot tell (TempFail: keep
	// the message). Its zero value means that the address is good.
	Status status.Status
	Error  bool // resolved to the error mailer
}

// MailerName is the mailer's name; "*error*" where there is none.
func (a *Address) MailerName() string {
	if a.Mailer == nil {
		return "*error*"
	}
	return a.Mailer.Name
}

// Triple is what deliveries need of the address.
func (a *Address) Triple() rules.Triple {
	return rules.Triple{Mailer: a.MailerName(), Host: a.Host, User: a.User}
}

// Parse resolves an address: rulesets 3 and 0 name mailer, host and user; 2, the mailer's R= and 4 rewrite the user.
// The address ends at delim (0: at its end). It is nil where there is nothing in it or it cannot be scanned; the
// problem has been reported to env then.
func (s *Site) Parse(ctx context.Context, env *Env, addr string, delim byte, role Role) *Address {
	if env.Debug.At(20, 1) {
		env.Debug.Printf("\n--parseaddr(%s)\n", addr)
	}
	scan := s.Sets.Scan(addr, delim, rules.External, false)
	for _, p := range scan.Problems {
		env.Report(addr, p)
	}
	if scan.Workspace == nil {
		return env.unparsed("NULL")
	}
	text := addr
	if delim != 0 {
		text = addr[:scan.End]
	}
	if problem := Invalid(text, !role.Sender); problem != "" {
		env.Report(text[:min(len(text), MaxName-1)], problem)
		return env.unparsed("bad address")
	}
	env.insecure = false
	var temp bool
	ws := s.run(ctx, env, scan.Workspace, &temp, "3", "0")
	a := s.Build(ctx, env, addr, ws, role)
	a.Text = text
	if problem := control(&a.User, !role.Sender); problem != "" {
		env.Report(addr, problem)
		env.unparsed("bad q_user")
		a.Status = statusOf(problem, status.Usage)
	}
	if env.Debug.At(24, 4) {
		env.Debug.Printf("allocaddr(flags=%x, paddr=%s, ad=%d)\n", env.flagsOf(role), text, secureNumber(env.insecure))
	}
	s.finish(ctx, env, a, role, temp)
	return a
}

// unparsed tells why an address is not parsed.
func (e *Env) unparsed(why string) *Address {
	if e.Debug.At(20, 1) {
		e.Debug.Printf("parseaddr-->%s\n", why)
	}
	return nil
}

// finish chooses the queue group of an address that resolved and marks it where a look-up failed temporarily.
func (s *Site) finish(ctx context.Context, env *Env, a *Address, role Role, temp bool) {
	if a.Mailer == nil || a.Status.Exit != status.OK {
		return
	}
	secure := !env.insecure
	if !role.Sender && !role.Header {
		a.QueueGroup = s.queueGroup(ctx, env, a)
	}
	if temp {
		if env.Debug.At(20, 1) {
			env.Debug.Printf("parseaddr: queueing message\n")
		}
		a.Status = status.Status{Exit: status.TempFail, Code: 451, Enhanced: status.Enhanced{4, 4, 3},
			Text: "Transient parse error -- message queued for future delivery"}
		if env.TellQueueing {
			env.Report(a.Text, "050 "+a.Status.Text)
		}
	}
	if env.Debug.At(20, 1) {
		a.tell(env.Debug, "parseaddr-->", a.Text, true, secure)
	}
}

// queueGroup asks ruleset queuegroup (op.txt section 5.1.4.21).
func (s *Site) queueGroup(ctx context.Context, env *Env, a *Address) string {
	v := s.Check(ctx, env, "queuegroup", a.User, "", false, CheckOptions{StripComments: true, Quiet: true, Function: "rscap"})
	if !v.Resolved || len(v.Return) < 2 {
		return ""
	}
	return v.Return[1].Text()
}

// run is Sets.Chain that remembers temporary failures.
func (s *Site) run(ctx context.Context, env *Env, ws rules.Workspace, temp *bool, rulesets ...string) rules.Workspace {
	ret, err := s.Sets.Chain(ctx, env, ws, rulesets...)
	if f, ok := err.(*rules.Failure); ok && f.Exit == status.TempFail {
		*temp = true
	}
	return ret.Workspace
}

// Invalid tells what forbids an address as a whole: bytes that rules use as operators, and length.
func Invalid(addr string, rcpt bool) string {
	shown := []byte(addr)
	bad := false
	for i := range shown {
		if macro.IsOperator(shown[i]) {
			shown[i] = '?'
			bad = true
		}
		if i >= MaxName-1 {
			return fmt.Sprintf("553 5.1.0 Address \"%s\" too long (%d bytes max)", shown[:i], MaxName-1)
		}
	}
	if !bad {
		return ""
	}
	return fmt.Sprintf("501 5.1.%d 8-bit character in mailbox address \"%s\"", side(rcpt), shown)
}

// side is the detail of the enhanced code for a bad recipient (3) or sender (7).
func side(rcpt bool) int {
	if rcpt {
		return 3
	}
	return 7
}

// control tells of control characters and unbalanced quotes in a rewritten user, and replaces the characters by "?".
func control(user *string, rcpt bool) string {
	b := []byte(*user)
	quoted, problem := false, ""
	for i := 0; i < len(b); i++ {
		if i >= MaxName-1 {
			*user = string(b[:i])
			return fmt.Sprintf("553 5.1.0 Address \"%s\" too long (%d bytes max)", *user, MaxName-1)
		}
		switch c := b[i]; {
		case !quoted && (c < 32 || c == 127):
			problem = "non-printable character"
			b[i] = '?'
			continue
		case c == '"':
			quoted = !quoted
		case c == '\\' && i+1 == len(b):
			problem = "trailing \\ character"
			b[i] = '?'
		case c == '\\':
			i++
		}
		if macro.IsOperator(b[i]) {
			problem = "8-bit character"
			b[i] = '?'
		}
	}
	if quoted {
		problem = "unbalanced quote"
	}
	*user = string(b)
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("501 5.1.%d Syntax error in mailbox address \"%s\" (%s)", side(rcpt), *user, problem)
}

// statusOf makes a status of a message that begins with codes.
func statusOf(problem string, exit int) status.Status {
	st := status.Status{Exit: exit, Text: problem}
	if code, rest, ok := replyCode(problem); ok {
		st.Code, st.Text = code, rest
		if e, after, ok := status.ParseEnhanced(rest); ok && strings.HasPrefix(after, " ") {
			st.Enhanced, st.Text = e, after[1:]
		}
	}
	return st
}

// replyCode splits a reply code off the front of s.
func replyCode(s string) (code int, rest string, ok bool) {
	if len(s) < 4 || s[3] != ' ' || s[0] < '2' || s[0] > '5' || !digit(s[1]) || !digit(s[2]) {
		return 0, s, false
	}
	return int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0'), s[4:], true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// Build makes an address of what ruleset 0 (or 5) made of text. Errors are reported to env and stand in the status.
func (s *Site) Build(ctx context.Context, env *Env, text string, ws rules.Workspace, role Role) *Address {
	if env.Debug.At(24, 5) {
		env.Debug.Printf("buildaddr, flags=%x, tv=%s\n", env.flagsOf(role), tokens(ws))
	}
	a := &Address{Text: text}
	if len(ws) < 2 || ws[0].Op() != macro.CanonNet {
		return a.fail(env, "554 5.3.5 buildaddr: no mailer in parsed address", status.Software)
	}
	p := ws.Parts()
	if !p.HasUser {
		return a.fail(env, "554 5.3.5 buildaddr: no user", status.Software)
	}
	host := s.Sets.Join(p.Host, 0, true)
	user := s.Sets.Join(p.User, ' ', false)
	if strings.EqualFold(p.Mailer, "error") {
		a.Error, a.Host, a.HasHost, a.User = true, host, p.HasHost, user
		var msg string
		a.Status, msg = errorStatus(p.HasHost, host, user)
		env.Report(a.Text, msg)
		return a
	}
	m := s.Mailer(p.Mailer)
	if m == nil {
		return a.fail(env, "554 5.3.5 buildaddr: unknown mailer "+p.Mailer, status.Software)
	}
	a.Mailer, a.Host, a.HasHost = m, host, p.HasHost
	if !p.HasHost && !m.Flags.Has('l') {
		a.Mailer = nil
		return a.fail(env, "554 5.3.5 buildaddr: no host", status.Software)
	}
	words := p.User
	if m.Flags.Has('5') && strings.HasPrefix(user, "@") {
		user, words, a.NotRemote = user[1:], words[1:], true
	}
	if !s.special(a, user) {
		s.finishUser(ctx, env, a, words, role)
		if env.Debug.At(24, 6) {
			a.tell(env.Debug, "buildaddr => ", "<null>", a.HasHost, false)
		}
	}
	return a
}

// fail marks an address that rules did not resolve.
func (a *Address) fail(env *Env, problem string, exit int) *Address {
	env.Report("", problem)
	a.Error = true
	a.Status = statusOf(problem, exit)
	return a
}

// special turns users that mean a program, a file or a list to the mailers for these; true means that nothing more is
// to be rewritten.
func (s *Site) special(a *Address, user string) bool {
	first := strings.TrimPrefix(user, "\"")
	if first == "" {
		return false
	}
	other := ""
	switch {
	case first[0] == '|' && a.Mailer.Flags.Has('|'):
		other = "prog"
	case first[0] == '/' && a.Mailer.Flags.Has('/'):
		other = "*file*"
	case first[0] == ':' && a.Mailer.Flags.Has(':'):
		list := unquote(user)
		if len(list) >= 9 && strings.EqualFold(list[:9], ":include:") {
			a.Mailer, a.User = s.Mailer("*include*"), list[9:]
			return true
		}
	}
	if m := s.Mailer(other); m != nil {
		a.Mailer = m
	}
	return false
}

// unquote drops quotes and the backslashes before what they protect.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			continue
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// finishUser runs the rulesets for the mailer's recipients.
func (s *Site) finishUser(ctx context.Context, env *Env, a *Address, words rules.Workspace, role Role) {
	m := a.Mailer
	if a.HasHost {
		env.Define("h", a.Host)
	} else {
		env.Undefine("h")
	}
	var temp bool
	var first, own string
	if s.Config.Level >= 10 || !role.Sender && !role.Header {
		first, own = "2", setLabel(m.RecipientEnvelope)
	}
	words = s.run(ctx, env, words, &temp, first, own, "4")
	a.User = s.Sets.Join(words, 0, true)
	if !m.Flags.Has('h') && a.HasHost {
		a.Host = lowerASCII(a.Host)
		env.Macros.Define("h", a.Host)
	}
	if !m.Flags.Has('u') {
		a.User = lowerASCII(a.User)
	}
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j := range b {
				if b[j] >= 'A' && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// Remote is Site.Remote's outcome.
type Remote struct {
	Text string // the address as the mailer's peer is to see it
	Temp bool   // a look-up failed temporarily: the result may be wrong
}

// Exit is the exit code that goes with it.
func (r Remote) Exit() int {
	if r.Temp {
		return status.TempFail
	}
	return status.OK
}

// RemoteOptions tune Site.Remote.
type RemoteOptions struct {
	Role
	Canonical bool            // comments and phrase are dropped
	From      rules.Workspace // "@domain" of the sender, added to names without a domain (mailer flag C); nil for none
}

// Remote rewrites an address for a mailer: rulesets 3, 1 or 2, the mailer's S= or R=, and 4, keeping comments and the
// phrase (op.txt section 5.1.3).
func (s *Site) Remote(ctx context.Context, env *Env, name string, m *cf.Mailer, o RemoteOptions) Remote {
	if env.Debug.At(12, 1) {
		env.Debug.Printf("remotename(%s)\n", macro.Show(name))
	}
	set := mailerSet(m, o.Role)
	env.Define("{addr_type}", o.Role.String())
	fancy := string(gMacro)
	if !o.Canonical && !m.Flags.Has('c') {
		fancy = s.CrackIn(env, name)
	}
	scan := s.Sets.Scan(name, 0, rules.External, false)
	for _, p := range scan.Problems {
		env.Report(name, p)
	}
	if scan.Workspace == nil {
		return Remote{Text: name}
	}
	var r Remote
	ws := s.run(ctx, env, scan.Workspace, &r.Temp, "3")
	if o.From != nil && !hasAt(ws) {
		ws = s.run(ctx, env, append(ws[:len(ws):len(ws)], o.From...), &r.Temp, "3")
	}
	middle := "2"
	if o.Sender {
		middle = "1"
	}
	ws = s.run(ctx, env, ws, &r.Temp, middle, setLabel(set), "4")
	bare := s.Sets.Join(ws, 0, false)
	if o.Canonical && strings.HasPrefix(bare, "@") {
		fancy = "<" + fancy + ">"
	}
	r.Text = s.fill(env, fancy, bare)
	if env.Debug.At(12, 1) {
		env.Debug.Printf("remotename => `%s', stat=%d\n", macro.Show(r.Text), r.Exit())
	}
	return r
}

// fill puts the address into what Crack kept.
func (s *Site) fill(env *Env, fancy, bare string) string {
	old, had := env.Macros.Macro("g")
	env.tellSet("g", macro.Show(bare))
	env.Macros.Define("g", bare)
	text, err := env.Macros.Expand(fancy)
	if err != nil {
		env.Report("", "554 5.0.0 "+err.Error())
	}
	if had {
		env.tellSet("g", macro.Show(old))
		env.Macros.Define("g", old)
	} else {
		env.tellSet("g", "<null>")
		env.Macros.Undefine("g")
	}
	return text
}

func hasAt(ws rules.Workspace) bool {
	for i := range ws {
		if ws[i].Text() == "@" {
			return true
		}
	}
	return false
}

// setLabel names a mailer's ruleset; "" where it has none.
func setLabel(set *cf.Ruleset) string {
	if set == nil || set.Number <= 0 {
		return ""
	}
	return set.Label()
}

// mailerSet is the ruleset of a mailer for a role.
func mailerSet(m *cf.Mailer, r Role) *cf.Ruleset {
	switch {
	case r.Sender && r.Header:
		return m.SenderHeader
	case r.Sender:
		return m.SenderEnvelope
	case r.Header:
		return m.RecipientHeader
	}
	return m.RecipientEnvelope
}
