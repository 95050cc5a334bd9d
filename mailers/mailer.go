package mailers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/priv"
)

// Mailer is one M line (op.txt section 5.4).
type Mailer struct {
	Name string
	Path string   // P=
	Argv []string // A=, split at blanks, macros not expanded

	Flags Flags // F=

	SenderEnvelope, SenderHeader       string // S=: rulesets by name or number; "" means none
	RecipientEnvelope, RecipientHeader string // R=

	EOL           string        // E=, or "\n" if A= has $u, else "\r\n"
	MaxSize       int64         // M=: bytes; 0 means no limit
	MaxMessages   int           // m=: messages over one connection; 0 means no limit
	MaxRecipients int           // r=: recipients in one transaction
	LineLimit     int           // L=: bytes in a line without its end; 0 means no limit
	Dirs          string        // D=: colon-separated, macros not expanded
	Root          string        // /=: macros not expanded
	User          *User         // U=
	Nice          int           // N=
	Charset       string        // C=
	QueueGroup    string        // Q=
	Wait          time.Duration // W=: 0 means no limit
	MTAType       string        // T=, first part: for Reporting-MTA and Remote-MTA; "" means undefined
	AddrType      string        // T=, second part: for Final-Recipient
	DiagType      string        // T=, third part: for Diagnostic-Code
}

// User is U=: the identity that program and file deliveries have unless flags say otherwise.
type User struct{ UID, GID int }

// Limits of the original.
const (
	smtpLineLimit        = 990
	defaultMaxRecipients = 100
)

// ParseMailer reads an M line without its M: "name, field=value, ...". Problems that the original complains of and lives
// with come back as warnings together with the mailer; an error means that there is no mailer. The words are the
// original's; the caller puts file and line before them.
func ParseMailer(ctx context.Context, line string, accounts priv.Accounts) (m *Mailer, warnings []string, err error) {
	name := strings.TrimSpace(line)
	if i := strings.IndexAny(line, ", \t"); i >= 0 {
		name, line = line[:i], line[i:]
	} else {
		line = ""
	}
	if name == "" {
		return nil, nil, errors.New("name required for mailer")
	}
	p := equates{ctx: ctx, accounts: accounts, m: &Mailer{Name: name, MaxRecipients: defaultMaxRecipients}}
	if err := p.all(line); err != nil {
		return nil, nil, err
	}
	m = p.m
	if err := m.check(); err != nil {
		return nil, p.warnings, err
	}
	m.defaults()
	return m, p.warnings, nil
}

// complaint is a complaint in the original's words, with its capitals and full stops.
type complaint string

func (e complaint) Error() string { return string(e) }

func problem(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// equates reads the fields of one M line.
type equates struct {
	ctx      context.Context
	accounts priv.Accounts
	m        *Mailer
	warnings []string
}

func (p *equates) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

func (p *equates) all(s string) error {
	for {
		s = strings.TrimLeft(s, ", \t")
		if s == "" {
			return nil
		}
		field := s[0]
		eq := strings.IndexAny(s, "=,")
		if eq < 0 || s[eq] == ',' {
			return fmt.Errorf("mailer %s: `=' expected", p.m.Name)
		}
		value, rest := cutValue(strings.TrimLeft(s[eq+1:], " \t"))
		if err := p.set(field, value); err != nil {
			return err
		}
		s = rest
	}
}

// cutValue ends a value at the next comma that neither a backslash nor double quotes protect. A backslash makes b, f, n and
// r the control characters of C and any other character itself; quotes are dropped.
func cutValue(s string) (value, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if j := strings.IndexByte("bfnr", s[i]); j >= 0 {
				b.WriteByte("\b\f\n\r"[j])
			} else {
				b.WriteByte(s[i])
			}
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return strings.Trim(b.String(), " \t"), s[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return strings.Trim(b.String(), " \t"), ""
}

func (p *equates) set(field byte, v string) error {
	m := p.m
	var err error
	switch field {
	case 'P':
		m.Path = v
	case 'F':
		for i := range len(v) {
			if v[i] != ' ' && v[i] != '\t' {
				m.Flags.Set(v[i])
			}
		}
	case 'S':
		m.SenderEnvelope, m.SenderHeader, err = rulesets(v)
	case 'R':
		m.RecipientEnvelope, m.RecipientHeader, err = rulesets(v)
	case 'E':
		m.EOL = v
	case 'A':
		m.Argv = strings.Fields(v)
	case 'M':
		m.MaxSize = leadingInt(v)
	case 'm':
		m.MaxMessages = int(leadingInt(v))
	case 'r':
		m.MaxRecipients = int(leadingInt(v))
		if m.MaxRecipients == 0 {
			m.MaxRecipients = defaultMaxRecipients
		}
	case 'L':
		m.LineLimit = int(leadingInt(v))
	case 'N':
		m.Nice, err = nice(v)
	case 'W':
		if m.Wait, err = ParseTime(v, 's'); err != nil {
			p.warn("%v", err)
			err = nil
		}
	case 'D':
		m.Dirs = v
	case '/':
		m.Root = v
	case 'C':
		if v == "" {
			p.warn("mailer %s: null charset", m.Name)
		}
		m.Charset = v
	case 'Q':
		if v == "" {
			p.warn("mailer %s: null queue", m.Name)
		}
		m.QueueGroup = v
	case 'T':
		p.types(v)
	case 'U':
		p.user(v)
	default:
		p.warn("M%s: unknown mailer equate %c=", m.Name, field)
	}
	return err
}

func (p *equates) types(v string) {
	parts := strings.SplitN(v, "/", 3)
	parts = append(parts, "", "")
	p.m.MTAType, p.m.AddrType, p.m.DiagType = parts[0], parts[1], parts[2]
	fill := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	fill(&p.m.MTAType, "dns")
	fill(&p.m.AddrType, "rfc822")
	fill(&p.m.DiagType, "smtp")
}

func (p *equates) user(v string) {
	name, group, both := strings.Cut(v, ":")
	name, group = strings.TrimSpace(name), strings.TrimSpace(group)
	if name == "" {
		p.warn("mailer %s: null user name", p.m.Name)
		return
	}
	var u User
	uid, err := strconv.Atoi(name)
	if err == nil && uid >= 0 {
		u.UID = uid
	} else {
		acc, err := p.accounts.User(p.ctx, name)
		if err != nil {
			p.warn("readcf: mailer U= flag: unknown user %s", name)
			return
		}
		u.UID, u.GID = acc.UID, acc.GID
	}
	if both && group != "" {
		if u.GID, err = strconv.Atoi(group); err != nil || u.GID < 0 {
			g, err := p.accounts.Group(p.ctx, group)
			if err != nil {
				p.warn("readcf: mailer U= flag: unknown group %s", group)
				return
			}
			u.GID = g.GID
		}
	}
	p.m.User = &u
}

// check refuses what cannot work.
func (m *Mailer) check() error {
	switch {
	case len(m.Argv) == 0:
		return problem("M%s: A= argument required", m.Name)
	case m.Path == "":
		return problem("M%s: P= argument required", m.Name)
	case m.Path == "[TCP]":
		return problem("M%s: P=[TCP] must be replaced by P=[IPC]", m.Name)
	case m.Path == "[IPC]" && len(m.Argv) < 2:
		return problem("M%s: too few parameters for [IPC] mailer", m.Name)
	case m.Path == "[IPC]" && !slices.Contains([]string{"TCP", "IPC", "FILE"}, m.Argv[0]):
		return problem("M%s: A=%s must be TCP or FILE", m.Name, m.Argv[0])
	case m.Path[0] == '[' && !slices.Contains(builtinPaths, m.Path):
		return problem("M%s: unknown built-in path P=%s", m.Name, m.Path)
	case (m.Path == "[mbox]" || m.Path == "[maildir]") && len(m.Argv) != 2:
		return problem("M%s: %s needs A=%s and a path", m.Name, m.Path, strings.Trim(m.Path, "[]"))
	}
	return nil
}

var builtinPaths = []string{"[IPC]", "[FILE]", "[mbox]", "[maildir]"}

// defaults fills in what follows from other fields.
func (m *Mailer) defaults() {
	if m.EOL == "" {
		m.EOL = "\r\n"
		if m.hasUser() || m.Path == "[mbox]" || m.Path == "[maildir]" {
			m.EOL = "\n"
		}
	}
	if m.Flags.Has('L') && m.LineLimit == 0 {
		m.LineLimit = smtpLineLimit
	}
	if m.Path == "[IPC]" && m.MTAType == "" {
		m.MTAType, m.AddrType, m.DiagType = "dns", "rfc822", "smtp"
		if m.Argv[0] == "FILE" {
			m.DiagType = "x-unix"
		}
	}
}

// hasUser reports whether A= names $u: then the message goes to standard input, else SMTP or LMTP is spoken.
func (m *Mailer) hasUser() bool {
	return slices.ContainsFunc(m.Argv, func(a string) bool { return strings.Contains(a, "$u") })
}

// rulesets reads S= and R=: one ruleset for both, or envelope/header. Zero and empty mean none.
func rulesets(v string) (envelope, header string, err error) {
	envelope, header, two := strings.Cut(v, "/")
	if !two {
		header = envelope
	}
	for _, s := range []*string{&envelope, &header} {
		*s = strings.TrimSpace(*s)
		if n, err := strconv.Atoi(*s); err == nil {
			if n < 0 || n >= 100 {
				return "", "", fmt.Errorf("bad ruleset %d (100 max)", n)
			}
			if n == 0 {
				*s = ""
			}
		}
	}
	return envelope, header, nil
}

// leadingInt reads a number as atoi(3) does; negative numbers and words are 0, as nothing that takes one means more.
func leadingInt(v string) int64 {
	n := 0
	for n < len(v) && n < 18 && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	i, _ := strconv.ParseInt(v[:n], 10, 64)
	return i
}

func nice(v string) (int, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < -40 || n > 40 {
		return 0, fmt.Errorf("nice value %q is no number between -40 and 40", v)
	}
	return n, nil
}

// ParseTime reads a time value such as 1h30m; unit is that of a bare number (op.txt section 4.1).
func ParseTime(v string, unit byte) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	var total time.Duration
	for v != "" {
		n := 0
		for n < len(v) && v[n] >= '0' && v[n] <= '9' {
			n++
		}
		count, err := strconv.ParseInt(v[:n], 10, 32)
		u := unit
		if n < len(v) {
			u = v[n] | 0x20
			n++
		}
		if units[u] == 0 || err != nil {
			return 0, problem("Invalid time unit `%c'", u)
		}
		total += time.Duration(count) * units[u]
		v = v[n:]
	}
	return total, nil
}
