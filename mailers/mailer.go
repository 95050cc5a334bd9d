package mailers

import "time"

// Mailer is one M line (op.txt section 5.4).
type Mailer struct {
	Name string
	Path string   // P=
	Argv []string // A=, split at blanks, macros not expanded

	Flags Flags // F=

	SenderEnvelope, SenderHeader       string // S=: rulesets by name or number; "" means none
	RecipientEnvelope, RecipientHeader string // R=

	EOL           string        // E=; "" means that P= decides
	MaxSize       int64         // M=: bytes; 0 means no limit
	MaxMessages   int           // m=: messages over one connection; 0 means no limit
	MaxRecipients int           // r=: recipients in one transaction; 0 means 100
	LineLimit     int           // L=: bytes in a body line without its end; 0 means no limit
	Dirs          string        // D=: colon-separated, macros not expanded
	Root          string        // /=: macros not expanded
	User          *User         // U=
	Nice          int           // N=
	Charset       string        // C=
	QueueGroup    string        // Q=
	Wait          time.Duration // W=: 0 means no limit
	MTAType       string        // T=, first part: for Reporting-MTA and Remote-MTA
	AddrType      string        // T=, second part: for Final-Recipient
	DiagType      string        // T=, third part: for Diagnostic-Code
}

// User is U=: the identity that program and file deliveries have unless flags say otherwise.
type User struct{ UID, GID int }

// Flags is the set of F= characters.
type Flags [4]uint64

// Has reports whether flag c is set.
func (f Flags) Has(c byte) bool { return f[c>>6]&(1<<(c&63)) != 0 }

// Set adds flag c.
func (f *Flags) Set(c byte) { f[c>>6] |= 1 << (c & 63) }

// Clear takes flag c away.
func (f *Flags) Clear(c byte) { f[c>>6] &^= 1 << (c & 63) }
