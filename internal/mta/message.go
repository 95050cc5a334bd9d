package mta

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
	"gosendmail/queue"
	"gosendmail/rules"
)

// message is one envelope on its way in or out, with the macros that belong to it. It belongs to one goroutine at a
// time.
type message struct {
	srv    *Server
	site   *setup
	macros *macro.Table
	env    *envelope.Envelope
	entry  *queue.Entry // nil until the message is stored
	id     string

	sender       *Address        // resolved; nil where it could not be
	senderMailer *mailers.Mailer // of the sender's address; nil where it did not resolve
	mailname     string          // what the user database has for the sender, where the sender's mailer has F=i; "" for none
	relay        string          // the client as the log shows it
	proto        string          // $r, for the log
	daemon       string          // the daemon's name, for the log
	logged       bool            // the from= line is written

	named         int                            // recipients accepted, twins counted
	accepted      int                            // recipients accepted, each once
	badRecipients int                            // recipients refused
	bodyType      string                         // what the sender called the body, where it turned out to need less; for the log
	unreturned    string                         // why no report reached the sender: "address... reason"
	unresolved    map[*envelope.Recipient]string // mailers that the rules chose for those who wait for a look-up
	notReturned   string                         // the same of a report that was on its way already
	about         *message                       // given up by its submission: whose report this is; else nil
	givenUp       bool                           // by its submission
	namesLists    bool                           // reports of failures name lists that the message was given to, too
	strangers     int                            // those of them who are no users here
	rejected      *status.Status                 // why the message is refused
	queueGroup    string                         // that ruleset queuegroup chose for the first recipient; "" leaves it to the mailer
	discard       bool                           // accepted and thrown away
	thrownAway    int                            // recipients accepted for that
	quarantine    string                         // why the message is held
	tooLarge      bool
	inherited     bool  // split from another message, whose failures some of its own are
	rereads       bool  // the priority is worked out anew when aliases are expanded
	cut           bool  // it could not be read to its end
	bodySize      int64 // bytes of the data file
	size          int64 // bytes that count for the priority

	hops   int // Received: and the like
	resent bool
	// fromNothing says that there was a From: without an address.
	fromNothing bool
	ranked      bool // a Precedence: field was met
	messageID   string
	date        string // of the Date: field
	errorsTo    string
	receiptTo   string
	exit        int  // sysexits code of the first failure of this attempt; -1 for one that has no name
	oldHeader   bool // blanks part the addresses of its header; see oldStyleHeader
	warnings    []string

	// watch is told what is said to mailers and what becomes of recipients; -v sets it.
	watch        func(line string)
	probing      bool // never sent: addresses are asked for
	queued       bool // read from the queue, not accepted just now
	selected     bool // of a queue run that was asked for
	noAlias      bool // -n
	namedLocally bool // its recipients are being taken from a command line or a header
	logsNames    bool // while they are: what is wrong with them goes into the log
	routed       bool // its recipients were expanded when it was handed in
	// namedBefore says that $u was settled before the header was read.
	namedBefore bool
	// fromHeader, if not nil, takes the recipients from the header (-t).
	fromHeader func([]envelope.Field)
	// headerRead, if not nil, is called when the header is complete.
	headerRead func()

	transcript   bytes.Buffer          // what a report tells of the attempts
	quiet        bool                  // nobody is told of failures but by the exit status
	failuresOnly bool                  // successes are not told
	letters      bool                  // failures are saved in the sender's dead.letter rather than mailed
	saved        string                // where that is, once it was done
	complain     func(to, text string) // hears what is wrong with addresses; nil: nobody does
	reported     map[*envelope.Recipient]bool
	unnamed      bool                                 // a host could not be looked up: that is why the message waits
	waits        *queue.Busy                          // the delivery to somebody has to wait for other ones
	lost         bool                                 // nobody could be told: the message is set aside
	deferred     map[*envelope.Recipient]bool         // put off before any mailer saw them
	places       map[rules.Triple]*envelope.Recipient // of the recipients so far, by where they lead
	rewrites     map[rewriteKey]string                // fields of the header as mailers get them
}

// newMessage begins an envelope on macros that lie above parent's.
func (s *Server) newMessage(site *setup, parent *macro.Table, id string) *message {
	m := &message{srv: s, site: site, macros: macro.NewTable(parent), env: &envelope.Envelope{}, id: id, watch: s.watch}
	m.env.Created = s.now()
	m.set("i", id)
	setTimeMacros(m.macros, m.env.Created.In(site.options.zone))
	m.macros.Define("a", m.get("b"))
	return m
}

// beginSession gives the message what the session knows.
func (m *message) beginSession(c *Session) {
	m.relay = c.relay
	m.discard, m.quarantine = c.throw, c.hold
	m.proto = c.protocol()
	m.daemon = c.daemon.name()
	m.set("r", m.proto)
	if c.helo == "" {
		host := c.client.name
		if !c.client.addr.IsValid() {
			host = "localhost"
		}
		m.set("s", host)
	}
	m.set("{nrcpts}", "0")
	m.set("{nbadrcpts}", "0")
	m.set("{ntries}", "0")
	m.set("c", "0")
}

// rename takes the identifier that the queue gave.
func (m *message) rename(id string) {
	if id == m.id {
		return
	}
	m.log(logDebug, 10, "identifier taken, now %s", id)
	m.id = id
	m.set("i", id)
}

// set defines a macro of the message from text that may come from outside.
func (m *message) set(name, value string) { m.macros.Define(name, quoteMacro(value)) }

func (m *message) get(name string) string {
	v, _ := m.macros.Macro(name)
	return v
}

// expand expands a template in internal form.
func (m *message) expand(template string) string { return expandText(template, m.macros) }

// setTimeMacros sets $b, $d, $t and ${time}.
func setTimeMacros(t *macro.Table, now time.Time) {
	t.Define("b", rfc822Date(now))
	t.Define("d", unixDate(now))
	t.Define("t", minuteStamp(now))
	t.Define("{time}", itoa(now.Unix()))
}

// DefineStart sets the macros that the original has when it begins, with a queue identifier that nobody uses.
func DefineStart(t *macro.Table) {
	now := time.Now()
	t.Define("b", rfc822Date(now))
	t.Define("i", queue.NewID(now))
	t.Define("{load_avg}", itoa(int64(loadAverage())))
	t.Define("{quarantine}", "")
}

// expandText expands a template to plain text. Macros that are nested too deep expand as far as the limit lets them.
func expandText(template string, t *macro.Table) string {
	out, _ := t.Expand(template)
	return unquoteMacro(out)
}

// quoteMacro makes text from outside safe as a macro's value: its bytes never act as operators of the rules.
func quoteMacro(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if macro.IsOperator(s[i]) || s[i] == macro.Quote {
			b.WriteByte(macro.Quote)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unquoteMacro undoes quoteMacro.
func unquoteMacro(s string) string {
	if strings.IndexByte(s, macro.Quote) < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == macro.Quote && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// showTemplate turns a template in internal form into the form that queue files keep: "$g", with "$$" for a dollar
// sign.
func showTemplate(template string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == macro.Interpolate:
			b.WriteByte('$')
		case c == macro.Quote && i+1 < len(template):
			i++
			b.WriteByte(template[i])
		case c == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// keptMacros are the macros that go into every queue file, beside those of class {persistentMacros}.
var keptMacros = []string{"_", "r", "s", "{if_addr}", "{daemon_flags}"}

// keepMacros copies into the envelope the macros that a later delivery needs. Names go without braces, as the queue has
// them.
func (m *message) keepMacros() {
	m.env.Macros = make(map[string]string, len(keptMacros))
	for _, name := range append(keptMacros[:len(keptMacros):len(keptMacros)], m.site.persistent...) {
		if v, ok := m.macros.Macro(name); ok {
			m.env.Macros[strings.Trim(name, "{}")] = unquoteMacro(v)
		}
	}
}

// restoreMacros is keepMacros undone, for a message from the queue.
func (m *message) restoreMacros() {
	for name, v := range m.env.Macros {
		if len(name) > 1 {
			name = "{" + name + "}"
		}
		m.set(name, v)
	}
}

// setAddress sets the macros that hold a resolved address.
func (m *message) setAddress(mailerMacro, hostMacro, addrMacro string, a *Address) {
	m.set(mailerMacro, a.MailerName())
	m.set(hostMacro, a.Host)
	m.set(addrMacro, a.User)
}

// setSender resolves the reverse path and sets $f, $g and ${mail_*}.
func (m *message) setSender(ctx context.Context, addr string) *status.Status {
	m.env.SenderText = addr
	m.env.Sender = bareAddress(addr)
	a, refusal := m.admit(ctx, addr, forSender)
	if refusal != nil {
		return refusal
	}
	switch a.MailerName() {
	case "prog", "*file*", "*include*":
		if m.complain == nil {
			m.log(logNotice, maillog.LevelMalformed, "setsender: %s: invalid or unparsable, received from %s", addr, m.relay)
		}
		return m.refuseQuietly(addr, &status.Status{Exit: status.DataErr, Code: 553, Enhanced: status.Enhanced{5, 1, 7},
			Text: "Invalid sender address"})
	}
	m.sender = a
	m.senderMailer = m.site.Mailer(a.MailerName())
	m.setAddress("{mail_mailer}", "{mail_host}", "{mail_addr}", a)
	if refusal := m.defineSender(ctx, addr); refusal != nil {
		return refusal
	}
	m.localSender(ctx)
	return nil
}

// defineSender sets $f and $g to the sender's address in its canonical form, or to that of his mailname. What the rules
// report about that refuses it.
func (m *message) defineSender(ctx context.Context, addr string) *status.Status {
	var problem complaint
	var err error
	user := ""
	if m.sender != nil && m.env.Sender != "" {
		user = m.sender.User
	}
	if m.mailname, err = m.mailnameOf(ctx, 'i', user); err != nil {
		return &status.Status{Exit: status.TempFail, Code: 451, Enhanced: status.Enhanced{4, 3, 0}, Text: "user database error", Err: err}
	}
	if m.mailname != "" {
		addr = m.mailname
	}
	from := m.canonicalSender(ctx, addr, &problem)
	m.set("f", from)
	m.set("g", strings.TrimSuffix(from, "<>"))
	return problem.refusal()
}

// localSender finds the account of a local sender: programs and files that his aliases name run with its rights, and
// his full name is $x.
func (m *message) localSender(ctx context.Context) {
	if m.senderMailer == nil || !m.senderMailer.Flags.Has('w') || m.env.Sender == "" {
		return
	}
	user, err := m.srv.Accounts.User(ctx, m.sender.User)
	if err != nil {
		return
	}
	m.env.SenderCtladdr = &envelope.Ctladdr{User: user.Name, UID: user.UID, GID: user.GID, Home: user.Home,
		Addr: m.env.SenderText}
	if name := FullName(user.Gecos, user.Name); name != "" && m.get("x") == "" {
		m.set("x", name)
	}
}

// FullName is the name part of an account's comment, "&" standing for the login name.
func FullName(gecos, login string) string {
	name, _, _ := strings.Cut(gecos, ",")
	if i := strings.IndexAny(name, ";("); i >= 0 {
		name = name[:i]
	}
	if login != "" {
		name = strings.ReplaceAll(name, "&", strings.ToUpper(login[:1])+login[1:])
	}
	return strings.TrimSpace(name)
}

// bareAddress takes the angle brackets off a path.
func bareAddress(addr string) string {
	s := strings.TrimSpace(addr)
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j >= 0 {
			return s[i+1 : i+j]
		}
	}
	return s
}

// throttle and the like speak of a message by this.
func (m *message) String() string { return fmt.Sprintf("message %s from %s", m.id, m.env.SenderText) }
