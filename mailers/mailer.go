package mailers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/macro"
)

// Mailer is one M line (op.txt section 5.4) as delivery needs it. Texts with macros are in the form in which they were
// written.
type Mailer struct {
	Name string
	Path string   // P=
	Argv []string // A=, macros not expanded

	Flags Flags // F=

	SenderEnvelope, SenderHeader       string // S=: rulesets by name or number; "" means none
	RecipientEnvelope, RecipientHeader string // R=

	EOL           string        // E=, or "\n" if A= has $u, else "\r\n"
	MaxSize       int64         // M=: bytes; 0 means no limit
	MaxMessages   int           // m=: messages over one connection; 0 means no limit
	MaxRecipients int           // r=: recipients in one transaction; 0 means 100
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
type User struct {
	UID int
	GID int // negative: that of DefaultUser
}

const defaultMaxRecipients = 100

// builtinPaths are the values of P= that are no programs.
var builtinPaths = []string{"[IPC]", "[FILE]", "[mbox]", "[maildir]"}

// New makes the mailer of an M line. The error, which the caller puts file and line before, says that nothing could be
// delivered with it; such lines the original accepts and fails on later.
func New(m *cf.Mailer) (*Mailer, error) {
	out := &Mailer{
		Name: m.Name, Path: m.Path,
		SenderEnvelope: label(m.SenderEnvelope), SenderHeader: label(m.SenderHeader),
		RecipientEnvelope: label(m.RecipientEnvelope), RecipientHeader: label(m.RecipientHeader),
		EOL: m.EOL, MaxSize: m.MaxSize, MaxMessages: m.MaxDeliveries, MaxRecipients: m.MaxRecipients, LineLimit: m.LineLimit,
		Dirs: macro.Show(m.Dir), Root: macro.Show(m.Root), Nice: m.Nice, Charset: m.Charset, QueueGroup: m.QueueGroup,
		Wait: m.Wait, MTAType: m.MTAType, AddrType: m.AddressType, DiagType: m.DiagnosticType,
	}
	for _, a := range m.Argv {
		out.Argv = append(out.Argv, macro.Show(a))
	}
	for c := byte(0); c < 128; c++ {
		if m.Flags.Has(c) {
			out.Flags.Set(c)
		}
	}
	if m.UID != cf.NoID {
		out.User = &User{UID: m.UID, GID: m.GID}
	}
	return out, out.check()
}

// check refuses what can never deliver.
func (m *Mailer) check() error {
	builtin := strings.HasPrefix(m.Path, "[")
	switch {
	case builtin && !slices.Contains(builtinPaths, m.Path):
		return complain("M%s: unknown built-in path P=%s", m.Name, m.Path)
	case !builtin && !strings.HasPrefix(m.Path, "/"):
		return complain("M%s: P=%s is neither built in nor an absolute path", m.Name, m.Path)
	case (m.Path == "[mbox]" || m.Path == "[maildir]") && len(m.Argv) != 2:
		return complain("M%s: P=%s needs A=%s and a path", m.Name, m.Path, strings.Trim(m.Path, "[]"))
	}
	return nil
}

// label names a ruleset as rules.Sets finds it.
func label(r *cf.Ruleset) string {
	switch {
	case r == nil:
		return ""
	case r.Name != "":
		return r.Name
	}
	return strconv.Itoa(r.Number)
}

// complaint is an error in the words of the original or of its kind, with their capitals and full stops.
type complaint string

func (c complaint) Error() string { return string(c) }

func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// implicitTLS reports whether connections begin with the TLS handshake: A=TLS instead of A=TCP.
func (m *Mailer) implicitTLS() bool { return len(m.Argv) > 0 && m.Argv[0] == "TLS" }

// hasUser reports whether A= names $u: then the message goes to standard input, else SMTP or LMTP is spoken.
func (m *Mailer) hasUser() bool {
	return slices.ContainsFunc(m.Argv, func(a string) bool { return strings.Contains(a, "$u") })
}
