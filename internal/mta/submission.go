package mta

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"gosendmail/internal/alias"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// Submission is a message that a local program hands in. The steps are Sender, Recipients, Collect, then Deliver,
// Release or GiveUp. What goes wrong on the way is in Complaints, and in Exit.
type Submission struct {
	m         *message
	fromField bool // recipients come from the header too
	notify    envelope.Notify
	hops      int
	letters   bool         // failures are saved in dead.letter where the sender is the caller
	named     bool         // the sender is the one that -f names
	listed    int          // addresses named so far
	met       alias.Memory // the recipients so far
	logs      bool         // complaints of users who do not exist go into the log
	newStyle  bool         // a list had marks that only lists with commas have
	arpanet   bool         // see SubmissionOptions
	unsent    bool         // the header names a sender that cannot be used
	broken    bool         // a list of the header could not be read: nobody can tell who is named in it

	complaints    []string
	held          string // see Reason
	heldTemporary bool
	stored        bool
	told          map[*envelope.Recipient]bool // complained of already
	failures      int                          // recipients whose look-up failed for now
	exit          int                          // sysexits code of the first failure
}

// Error modes (option ErrorMode).
const (
	ErrorsPrint = 'p' // to the terminal; the message goes to dead.letter
	ErrorsQuiet = 'q' // only the exit status says so
	ErrorsMail  = 'm' // by mail to the sender
	ErrorsWrite = 'w' // to the sender's terminal; by mail, since nobody can say which that is
	ErrorsExit  = 'e' // by mail, and the exit status is always 0
)

// SubmissionOptions are what the command line says about a message.
type SubmissionOptions struct {
	FromHeader bool   // -t
	NoAlias    bool   // -n
	FullName   string // -F
	Body       string // -B: "7BIT" or "8BITMIME"; "" means not told
	Notify     envelope.Notify
	Ret        envelope.Return
	EnvID      string
	ErrorMode  byte   // how failures are told: ErrorsMail and the like
	Gateway    bool   // -G: relayed, not new
	Hops       int    // -h
	Protocol   string // -p, $r
	Host       string // -p, $s
	Watch      func(line string)
	Macros     map[string]string // -M
	Doubts     []string          // for X-Authentication-Warning: what the caller chose and the site does not trust
	// ARPANET is -ba: the header says who sends the message, and complaints begin with their codes, as replies of SMTP.
	ARPANET bool
}

// NewSubmission begins a message.
func (srv *Server) NewSubmission(o SubmissionOptions) *Submission {
	m := srv.newMessage(srv.site, srv.macros, srv.spool.NewID())
	if o.Watch != nil {
		m.watch = o.Watch
	}
	m.relay = srv.Caller.Name + "@localhost"
	m.proto = o.Protocol
	if m.proto == "" {
		m.proto = o.Macros["r"]
	}
	m.set("_", m.relay)
	if o.Protocol != "" {
		m.set("r", o.Protocol)
	}
	if o.Host != "" {
		m.set("s", o.Host)
	}
	if !o.ARPANET { // as the original
		m.set("{daemon_flags}", srv.submissionFlags(o.Gateway))
	}
	for name, value := range o.Macros {
		m.set(name, value)
	}
	if o.FullName != "" {
		m.set("x", srv.site.QuotedName(o.FullName))
	}
	for _, text := range o.Doubts {
		m.warnings = append(m.warnings, srv.site.Hostname()+": "+text)
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
	m.quiet = o.ErrorMode == ErrorsQuiet
	s := &Submission{m: m, fromField: o.FromHeader, notify: o.Notify, hops: o.Hops}
	s.arpanet = o.ARPANET
	s.letters = o.ErrorMode == ErrorsPrint || o.ErrorMode == 0
	return s
}

// submissionFlags is ${daemon_flags} of messages from the command line: option DirectSubmissionModifiers, or what
// op.txt says of new and relayed messages.
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

// Complaints returns what went wrong since the last call, as terminals show it: "address... reason".
func (s *Submission) Complaints() []string {
	list := s.complaints
	s.complaints = nil
	return list
}

// Reason returns the complaint that ends a message whose recipients are in its header: the last one, permanent ones
// before temporary.
func (s *Submission) Reason() string { return s.held }

// Named reports whether the message is sent in the name that -f gave.
func (s *Submission) Named() bool { return s.named }

// Exit is the sysexits code of the first failure, 0 where there was none that has one.
func (s *Submission) Exit() int { return s.exit }

// Fail sets the exit status, unless a failure before set it.
func (s *Submission) Fail(exit int) { s.fail(status.Status{Exit: exit, Code: 550}) }

// fail remembers the exit status of the first failure.
func (s *Submission) fail(st status.Status) {
	if s.exit != status.OK || st.Temporary() {
		return
	}
	if s.exit = st.Exit; s.exit == status.OK {
		s.exit = status.Unavailable
	}
}

// complain notes what is wrong with an address.
func (s *Submission) complain(to, text string) {
	temporary := strings.HasPrefix(text, "4")
	code := codes.FindString(text)
	text = text[len(code):]
	if to != "" && !alone(text) && !strings.HasPrefix(text, to+"... ") {
		text = clipped(to) + "... " + text
	}
	plain := text
	if s.arpanet {
		text = cmp.Or(code, "550 ") + text
	}
	if n := len(s.complaints); n == 0 || s.complaints[n-1] != text {
		s.complaints = append(s.complaints, text)
	}
	s.m.reason(plain, temporary)
	if temporary && s.held != "" && !s.heldTemporary {
		return
	}
	s.held, s.heldTemporary = text, temporary
}

// alone reports whether an error stands without an address: it is one of the configuration, or names the address by
// itself.
func alone(text string) bool {
	return strings.HasPrefix(text, "buildaddr: ") || strings.HasPrefix(text, "Syntax error in mailbox address ")
}

// misread is complain for text that is no address; the report has it too.
func (s *Submission) misread(to, text string) {
	s.complain(to, text)
	code, rest := text, ""
	if loc := codes.FindStringIndex(text); loc != nil {
		code, rest = text[:loc[1]], text[loc[1]:]
	}
	if len(code) == len("553 ") {
		code += "5.0.0 "
	}
	s.m.transcript.WriteString(code + clipped(to) + "... " + rest + "\n")
}

// codes are the reply code and the enhanced code in front of an error.
var codes = regexp.MustCompile(`^[245]\d\d (?:[245]\.\d{1,3}\.\d{1,3} )?`)

// Sender sets who sends it: from is the value of -f, given says that there was one; else it is the calling user. An
// address that cannot be used is a complaint, and the calling user sends it then. Only trusted users (class t) may name
// somebody else without a warning in the header; flag is the letter that the warning names.
func (s *Submission) Sender(ctx context.Context, from string, given bool, flag byte) error {
	m := s.m
	caller := m.srv.Caller
	text := from
	switch {
	case !given:
		text = caller.Name
	case from == "":
		text = "<>"
	}
	m.complain = s.misread
	refusal := m.setSender(ctx, text)
	m.complain = nil
	bad := refusal != nil
	if bad {
		given = false
		s.badSender(text, *refusal)
		if text = caller.Name; s.arpanet {
			text = m.expand(string([]byte{0x81, 'n'}))
		}
		if refusal = m.setSender(ctx, text); refusal != nil {
			return *refusal
		}
	}
	local := m.senderMailer != nil && m.senderMailer.Flags.Has('w')
	if from == "" {
		from = "<>"
	}
	if flag != 0 && !m.site.trusted(caller.Name) && !m.isCaller() {
		m.authWarning("%s set sender to %s using -%c", caller.Name, from, flag)
	}
	if given && m.env.Sender != "" && !local {
		m.macros.Undefine("x") // the name that the caller gives is not that of somebody elsewhere
	}
	s.named = given
	m.srv.named = m.srv.named || given
	if m.env.Sender == "" {
		return nil
	}
	m.env.AuthParam = m.qualified(bareAddress(unquoteMacro(m.get("f"))))
	if !local {
		m.actsFor(text)
	}
	if !given && m.get("x") == "" && !(bad && s.arpanet) {
		m.set("x", m.site.QuotedName(FullName(caller.Gecos, caller.Name)))
	}
	return nil
}

// badSender complains of a sender's address. Only rules give the call an exit status.
func (s *Submission) badSender(text string, refusal status.Status) {
	if refusal.Enhanced != (status.Enhanced{5, 1, 7}) {
		s.fail(refusal)
	}
	refusal.Text = strings.TrimPrefix(refusal.Text, clipped(text)+"... ")
	s.misread(text, replyText(refusal))
	const form = "setsender: %s: invalid or unparsable, received from %s"
	s.m.log(logNotice, maillog.LevelMalformed, form, text, s.m.relay)
}

// headerSender makes the one whom the header names the sender (-ba), for no account but one of this host: its fields
// are tried in the order in which they say who sent the message.
func (s *Submission) headerSender(ctx context.Context) {
	m := s.m
	var text string
	var own bool // the caller wrote it
	for _, name := range []string{"Resent-Sender", "Resent-From", "Sender", "From"} {
		if kindOf(name).is(fieldResent) && !m.resent {
			continue
		}
		for i := range m.env.Header {
			if f := &m.env.Header[i]; text == "" && strings.EqualFold(f.Name, name) {
				text, own = strings.TrimSpace(f.Value), !f.Default
			}
		}
	}
	if text == "" {
		return
	}
	m.env.SenderCtladdr = nil
	m.complain = s.misread
	refusal := m.setSender(ctx, text)
	m.complain = nil
	if refusal != nil {
		s.broken, s.unsent = true, true
		s.badSender(text, *refusal)
		m.setSender(ctx, m.expand(string([]byte{0x81, 'n'})))
	}
	if caller := m.srv.Caller; own && !m.site.trusted(caller.Name) && !m.isCaller() {
		m.authWarning("%s set sender to %s using -ba", caller.Name, text)
	}
	m.env.AuthParam = m.qualified(bareAddress(unquoteMacro(m.get("f"))))
}

// isCaller reports whether the sender is the calling user.
func (m *message) isCaller() bool {
	return m.senderMailer != nil && m.senderMailer.Flags.Has('w') && m.sender.User == m.srv.Caller.Name
}

// actsFor makes the calling user the one who sends the message for somebody elsewhere.
func (m *message) actsFor(sender string) {
	c := m.srv.Caller
	m.env.SenderCtladdr = &envelope.Ctladdr{User: c.Name, UID: c.UID, GID: c.GID, Home: c.Home, Addr: sender}
}

// qualified is an address with our name where it has no host.
func (m *message) qualified(addr string) string {
	if addr == "" || strings.Contains(addr, "@") {
		return addr
	}
	return addr + "@" + m.site.Hostname()
}

// Collect takes the message in. What it complains of, and the refusal, say why it cannot be delivered as it is: GiveUp
// is due then.
func (s *Submission) Collect(ctx context.Context, r io.Reader) *status.Status {
	m := s.m
	m.macros.Undefine("u")
	if s.listed == 1 {
		for _, r := range m.env.Recipients {
			if r.Primary && r.Alias == nil {
				m.set("u", r.Addr)
			}
		}
	}
	m.namedBefore, s.held = true, ""
	if s.fromField {
		m.fromHeader = func(fields []envelope.Field) { s.headerRecipients(ctx, fields) }
	}
	m.headerRead = func() {
		if s.arpanet {
			s.headerSender(ctx)
		}
		if s.fromField {
			s.noRecipients()
		}
	}
	m.collect(ctx, r)
	if s.hops > 0 {
		m.hops = s.hops
	}
	if m.rejected != nil {
		s.complain("", m.rejected.Text)
	}
	m.logFrom()
	return m.rejected
}

// CallerOf finds the account of a user id, or makes one up for an id that has none. The group is the caller's own.
func CallerOf(ctx context.Context, a priv.Accounts, uid, gid int) priv.User {
	if u, err := a.UserID(ctx, uid); err == nil {
		u.GID = gid
		return u
	}
	name := fmt.Sprintf("user%d", uid)
	return priv.User{Name: name, UID: uid, GID: gid, Home: "/"}
}
