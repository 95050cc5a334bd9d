// Package status holds what became of a recipient or of an envelope: the sysexits code that programs and
// mailers answer with, the SMTP reply code, the enhanced code (RFC 3463) and a text for people.
//
// Whether a failure is temporary or permanent is decided where its cause is known and carried here; it becomes
// an SMTP reply, a queue state or a DSN only at the edges.
package status

import (
	"errors"
	"fmt"
)

// Exit codes as sysexits.h names them.
const (
	OK          = 0
	Usage       = 64
	DataErr     = 65
	NoInput     = 66
	NoUser      = 67
	NoHost      = 68
	Unavailable = 69
	Software    = 70
	OSErr       = 71
	OSFile      = 72
	CantCreat   = 73
	IOErr       = 74
	TempFail    = 75
	Protocol    = 76
	NoPerm      = 77
	Config      = 78
)

// Enhanced is an enhanced mail system status code (RFC 3463): class, subject, detail. The zero value means none.
type Enhanced [3]int

// String returns "5.1.1", or "" for the zero value.
func (e Enhanced) String() string {
	if e == (Enhanced{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
}

// ParseEnhanced reads "5.1.1" with class 2, 4 or 5 and fields of at most three digits (RFC 3463 section 2).
// ok is false where s does not begin with one; rest is what follows it.
func ParseEnhanced(s string) (e Enhanced, rest string, ok bool) {
	i := 0
	for f := range e {
		start, n := i, 0
		for ; i < len(s) && i-start < 3 && s[i] >= '0' && s[i] <= '9'; i++ {
			n = n*10 + int(s[i]-'0')
		}
		if i == start {
			return Enhanced{}, s, false
		}
		e[f] = n
		if f < 2 {
			if i >= len(s) || s[i] != '.' {
				return Enhanced{}, s, false
			}
			i++
		}
	}
	if e[0] != 2 && e[0] != 4 && e[0] != 5 || i < len(s) && s[i] >= '0' && s[i] <= '9' {
		return Enhanced{}, s, false
	}
	return e, s[i:], true
}

// Status is one outcome. The zero value is "delivered, nothing to say".
type Status struct {
	Exit       int      // sysexits code; OK means success
	Code       int      // SMTP reply code as the peer gave it or as we would give it; 0 means none
	Enhanced   Enhanced // RFC 3463; zero means none
	Text       string   // one line for people, without codes
	Place      string   // the file and line that named an address refused as they were read, "FILE: line 3: "
	Remote     string   // the peer that said it, for Remote-MTA; "" means we did
	Diagnostic string   // the peer's whole last reply, for Diagnostic-Code; "" means none
	LastLine   string   // the last line of that reply, if it had several, for the log; "" means Diagnostic
	Scope      Scope    // what the peer's reply is about
	Err        error    // the cause, for the log; may be nil
}

// Scope is what a peer's reply is about.
type Scope uint8

// The scopes. Reports do not name the peer where nobody was named to it; logs have a line for each recipient that it
// answers for.
const (
	OfMessage   Scope = iota // DATA and the end of the message, or no peer has replied
	OfSession                // the greeting, EHLO and MAIL
	OfRecipient              // RCPT
)

// Success reports whether the outcome is final and good.
func (s Status) Success() bool { return s.Exit == OK && s.Code < 400 }

// Temporary reports whether a later attempt may succeed.
func (s Status) Temporary() bool {
	if s.Code >= 400 {
		return s.Code < 500
	}
	switch s.Exit {
	case TempFail, OSErr, IOErr:
		return true
	}
	return s.Enhanced[0] == 4
}

// Permanent reports whether the outcome is final and bad.
func (s Status) Permanent() bool { return !s.Success() && !s.Temporary() }

// Error makes a Status usable as an error; use As to get it back.
func (s Status) Error() string {
	text := s.Text
	if s.Enhanced != (Enhanced{}) {
		text = s.Enhanced.String() + " " + text
	}
	if s.Code != 0 {
		text = fmt.Sprintf("%d %s", s.Code, text)
	}
	if s.Err != nil {
		text += ": " + s.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (s Status) Unwrap() error { return s.Err }

// As finds the Status in err's chain. An error without one is a temporary failure with exit code TempFail:
// mail is kept where the cause is not understood.
func As(err error) Status {
	if err == nil {
		return Status{}
	}
	var s Status
	if errors.As(err, &s) {
		return s
	}
	return Status{Exit: TempFail, Code: 451, Enhanced: Enhanced{4, 3, 0}, Text: "Temporary system failure", Err: err}
}

type exitText struct {
	code     int
	enhanced Enhanced
	text     string
}

// exitTexts are the words that stat= and bounces use for an exit code, with the codes that go with them.
var exitTexts = map[int]exitText{
	OK:          {250, Enhanced{2, 0, 0}, "Sent"},
	Usage:       {500, Enhanced{5, 0, 0}, "Command line usage error"},
	DataErr:     {501, Enhanced{5, 6, 0}, "Data format error"},
	NoInput:     {550, Enhanced{5, 3, 0}, "Cannot open input"},
	NoUser:      {550, Enhanced{5, 1, 1}, "User unknown"},
	NoHost:      {550, Enhanced{5, 1, 2}, "Host unknown"},
	Unavailable: {554, Enhanced{5, 0, 0}, "Service unavailable"},
	Software:    {554, Enhanced{5, 3, 0}, "Internal error"},
	OSErr:       {451, Enhanced{4, 0, 0}, "Operating system error"},
	OSFile:      {554, Enhanced{5, 3, 5}, "System file missing"},
	CantCreat:   {550, Enhanced{5, 0, 0}, "Can't create output"},
	IOErr:       {451, Enhanced{4, 0, 0}, "I/O error"},
	TempFail:    {450, Enhanced{4, 0, 0}, "Deferred"},
	Protocol:    {554, Enhanced{5, 5, 0}, "Remote protocol error"},
	NoPerm:      {550, Enhanced{5, 0, 0}, "Insufficient permission"},
	Config:      {554, Enhanced{5, 3, 5}, "Local configuration error"},
}

// FromExit makes the Status of a mailer's exit code (sysexits). A code outside the table is a permanent
// failure whose text names it, as with the original.
func FromExit(code int) Status {
	if t, ok := exitTexts[code]; ok {
		return Status{Exit: code, Code: t.code, Enhanced: t.enhanced, Text: t.text}
	}
	return Status{Exit: Unavailable, Code: 554, Enhanced: Enhanced{5, 3, 0}, Text: fmt.Sprintf("unknown mailer error %d", code)}
}
