package cf

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/macro"
)

// MaxMailers bounds the M lines.
const MaxMailers = 25

// DefaultMaxRecipients is r= where it is not given.
const DefaultMaxRecipients = 100

// NoID stands for a user or group id that is not given.
const NoID = -1

// Mailer is an M line (op.txt section 5.4).
type Mailer struct {
	Position
	Number int
	Name   string
	Path   string   // P=
	Argv   []string // A=, internal form, expanded for each delivery
	Flags  FlagSet  // F=

	// S= and R=: rulesets of envelope and header addresses; nil means none.
	SenderEnvelope, SenderHeader       *Ruleset
	RecipientEnvelope, RecipientHeader *Ruleset

	EOL            string // E=; the default depends on A=
	LineLimit      int    // L=: bytes; 0 means no limit
	MaxSize        int64  // M=: bytes; 0 means no limit
	MaxDeliveries  int    // m=: messages over one connection; 0 means no limit
	MaxRecipients  int    // r=
	Nice           int    // N=
	Dir            string // D=: colon-separated, internal form
	Root           string // /=: internal form
	Charset        string // C=
	QueueGroup     string // Q=
	Wait           time.Duration
	UID, GID       int // U=; NoID
	MTAType        string
	AddressType    string
	DiagnosticType string
}

// FlagSet is the set of F= characters.
type FlagSet [2]uint64

// Has reports whether flag c is set.
func (f FlagSet) Has(c byte) bool { return c < 128 && f[c>>6]&(1<<(c&63)) != 0 }

// Set adds flag c.
func (f *FlagSet) Set(c byte) {
	if c < 128 {
		f[c>>6] |= 1 << (c & 63)
	}
}

// String lists the flags in the order of their codes.
func (f FlagSet) String() string {
	var b []byte
	for c := byte(0); c < 128; c++ {
		if f.Has(c) {
			b = append(b, c)
		}
	}
	return string(b)
}

// Flags makes a set of characters.
func Flags(s string) (f FlagSet) {
	for i := range len(s) {
		f.Set(s[i])
	}
	return f
}

// builtinMailers are the three that exist without an M line; an M line of the same name replaces them.
func builtinMailers() []*Mailer {
	user := string([]byte{macro.Interpolate, 'u'})
	list := []*Mailer{
		{Name: "prog", Path: "/bin/sh", Argv: []string{"sh", "-c", user}, Flags: Flags("9Dloqsu"),
			MTAType: "X-Unix", AddressType: "X-Unix", DiagnosticType: "X-Unix"},
		{Name: "*file*", Path: "[FILE]", Argv: []string{"FILE", user}, Flags: Flags("9DEFMPloqsu"),
			MTAType: "X-Unix", AddressType: "X-Unix", DiagnosticType: "X-Unix"},
		{Name: "*include*", Path: "/dev/null", Argv: []string{"INCLUDE", user}, Flags: Flags("su")},
	}
	for i, m := range list {
		m.Number, m.MaxRecipients, m.EOL, m.UID, m.GID = i, DefaultMaxRecipients, "\n", NoID, NoID
	}
	return list
}

// mailerLine is an M line.
func (p *parser) mailerLine(s string) {
	name, fields := p.equates(s, "mailer")
	if name == "" {
		return
	}
	m := &Mailer{Position: p.at(), Name: name, UID: NoID, GID: NoID}
	defer func() { p.subject = "" }()
	for _, f := range fields {
		p.subject = fmt.Sprintf("mailer %s: %c=: ", name, f.code)
		if !p.mailerField(m, f) {
			return
		}
	}
	if p.mailerSound(m) {
		m.complete()
		p.enter(m)
	}
}

// oldMailers adds the flags that mailers of older levels have without saying so.
func (p *parser) oldMailers() {
	for _, m := range p.c.Mailers {
		add := ""
		switch {
		case equalFold(m.Name, "local") && p.c.Level < 6:
			add = "Aw5:|/@q"
		case equalFold(m.Name, "prog") && p.c.Level < 6:
			add = "oq"
		case (equalFold(m.Name, "local") || equalFold(m.Name, "prog")) && p.c.Level < 7:
			add = "q"
		}
		if m.Flags.Has('L') && p.c.Level < 2 {
			add += "7"
		}
		for i := range len(add) {
			m.Flags.Set(add[i])
		}
	}
}

// enter puts a mailer into the table, in the place of one of the same name.
func (p *parser) enter(m *Mailer) {
	for i, old := range p.c.Mailers {
		if equalFold(old.Name, m.Name) {
			m.Number = i
			p.c.Mailers[i] = m
			return
		}
	}
	if len(p.c.Mailers) >= MaxMailers {
		p.errorf("too many mailers defined (%d max)", MaxMailers)
		return
	}
	m.Number = len(p.c.Mailers)
	p.c.Mailers = append(p.c.Mailers, m)
}

// mailerField does one equate; false means that the line is given up.
func (p *parser) mailerField(m *Mailer, f equate) bool {
	v := f.value
	switch f.code {
	case 'P':
		m.Path = v
	case 'F':
		for i := range len(v) {
			if !isSpace(v[i]) {
				m.Flags.Set(v[i])
			}
		}
	case 'S', 'R':
		return p.mailerRulesets(m, f)
	case 'A':
		m.Argv = strings.Fields(v)
	case 'M':
		m.MaxSize = p.number(v)
	case 'm':
		m.MaxDeliveries = int(p.number(v))
	case 'r':
		m.MaxRecipients = int(p.number(v))
	case 'L':
		m.LineLimit = max(0, int(p.number(v)))
	case 'N':
		m.Nice = int(p.number(v))
	case 'T':
		m.types(v)
	case 'U':
		p.mailerUser(m, v)
	case 'W':
		m.Wait = p.duration(v, 's')
	default:
		p.mailerText(m, f)
	}
	return true
}

// mailerText does the equates whose value must not be empty.
func (p *parser) mailerText(m *Mailer, f equate) {
	target, what := (*string)(nil), ""
	switch f.code {
	case 'E':
		target, what = &m.EOL, "end-of-line string"
	case 'D':
		target, what = &m.Dir, "working directory"
	case 'C':
		target, what = &m.Charset, "charset"
	case 'Q':
		target, what = &m.QueueGroup, "queue"
	case '/':
		target, what = &m.Root, "root directory"
	default:
		p.errorf("M%s: unknown mailer equate %c=", m.Name, f.code)
		return
	}
	if f.value == "" {
		p.errorf("mailer %s: null %s", m.Name, what)
		return
	}
	if f.code == 'Q' && !p.hasQueue(f.value) {
		p.errorf("mailer %s: unknown queue %s", m.Name, f.value)
		return
	}
	*target = f.value
}

// hasQueue reports whether a queue group is declared; mqueue always is.
func (p *parser) hasQueue(name string) bool {
	for _, q := range p.c.Queues {
		if equalFold(q.Name, name) {
			return true
		}
	}
	return equalFold(name, "mqueue")
}

// mailerRulesets reads "envelope/header".
func (p *parser) mailerRulesets(m *Mailer, f equate) bool {
	env, rest := p.ruleset(f.value)
	if env == nil {
		return false
	}
	hdr := env
	if strings.HasPrefix(rest, "/") {
		if hdr, _ = p.ruleset(rest[1:]); hdr == nil {
			return false
		}
	}
	if f.code == 'S' {
		m.SenderEnvelope, m.SenderHeader = env, hdr
	} else {
		m.RecipientEnvelope, m.RecipientHeader = env, hdr
	}
	return true
}

// types reads T=MTA/address/diagnostic.
func (m *Mailer) types(v string) {
	parts := strings.SplitN(v, "/", 3)
	pick := func(i int, other string) string {
		if i < len(parts) && parts[i] != "" {
			return parts[i]
		}
		return other
	}
	m.MTAType, m.AddressType, m.DiagnosticType = pick(0, "dns"), pick(1, "rfc822"), pick(2, "smtp")
}

// mailerUser reads U=user[:group], names or numbers.
func (p *parser) mailerUser(m *Mailer, v string) {
	user, group, hasGroup := strings.Cut(strings.ReplaceAll(v, ".", ":"), ":")
	user, group = strings.TrimSpace(user), strings.TrimSpace(group)
	switch {
	case user == "":
		p.errorf("mailer %s: null user name", m.Name)
		return
	case isDigit(user[0]):
		m.UID = p.identifier(user)
	default:
		uid, gid, ok := p.user(user)
		if !ok {
			p.unknownName("readcf: mailer U= flag: unknown user %s", user)
			return
		}
		m.UID, m.GID = uid, gid
	}
	switch {
	case !hasGroup || group == "":
	case isDigit(group[0]):
		m.GID = p.identifier(group)
	default:
		gid, ok := p.group(group)
		if !ok {
			p.unknownName("readcf: mailer U= flag: unknown group %s", group)
			return
		}
		m.GID = gid
	}
}

func (p *parser) user(name string) (uid, gid int, ok bool) {
	if p.in.LookupUser == nil {
		return 0, 0, false
	}
	return p.in.LookupUser(name)
}

func (p *parser) group(name string) (gid int, ok bool) {
	if p.in.LookupGroup == nil {
		return 0, false
	}
	return p.in.LookupGroup(name)
}

// mailerSound checks what a mailer cannot be without.
func (p *parser) mailerSound(m *Mailer) bool {
	switch {
	case len(m.Argv) == 0:
		p.errorf("M%s: A= argument required", m.Name)
	case m.Path == "":
		p.errorf("M%s: P= argument required", m.Name)
	case m.Path == "[TCP]":
		p.errorf("M%s: P=[TCP] must be replaced by P=[IPC]", m.Name)
	case m.Path == "[IPC]" && len(m.Argv) < 2:
		p.errorf("M%s: too few parameters for %s mailer", m.Name, m.Path)
	case m.Path == "[FILE]" && len(m.Argv) < 2:
		p.errorf("M%s: too few parameters for [FILE] mailer", m.Name)
	case m.Path == "[FILE]" && len(m.Argv) > 2:
		p.errorf("M%s: too many parameters for [FILE] mailer", m.Name)
	case m.Path == "[FILE]" && m.Argv[0] != "FILE":
		p.errorf("M%s: first argument in [FILE] mailer must be FILE", m.Name)
	default:
		if m.Path == "[IPC]" && !slices.Contains([]string{"TCP", "TLS", "FILE"}, m.Argv[0]) {
			p.warnf("M%s: Warning: first argument in %s mailer must be TCP or FILE", m.Name, m.Path)
		}
		return true
	}
	return false
}

// complete sets the values that depend on others.
func (m *Mailer) complete() {
	if equalFold(m.Name, "prog") {
		m.Flags[1] &^= 1 << ('m' & 63) // a program is run for one recipient at a time, whatever the line says
	}
	if m.MaxRecipients <= 0 {
		m.MaxRecipients = DefaultMaxRecipients
	}
	if m.Flags.Has('L') && m.LineLimit == 0 {
		m.LineLimit = 990
	}
	if m.Path == "[IPC]" {
		kind := "smtp"
		if m.Argv[0] == "FILE" {
			kind = "x-unix"
		}
		m.MTAType, m.AddressType, m.DiagnosticType = or(m.MTAType, "dns"), or(m.AddressType, "rfc822"), or(m.DiagnosticType, kind)
	}
	if m.EOL == "" {
		m.EOL = "\r\n"
		for _, a := range m.Argv {
			if strings.Contains(a, string([]byte{macro.Interpolate, 'u'})) {
				m.EOL = "\n"
			}
		}
	}
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
