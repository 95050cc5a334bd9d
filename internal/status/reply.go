package status

import "time"

// Reply is what an SMTP server says to one command (RFC 5321 section 4.2).
type Reply struct {
	Code     int
	Enhanced Enhanced      // zero: none is sent (greeting, HELO, 354 and where the class has none)
	Lines    []string      // at least one, without codes and line ends
	Close    bool          // the connection ends after it, as with 421
	Delay    time.Duration // how long the client, whose fault it is, waits for it
}

// Reply turns an outcome into what the client is told. The cause (Err) stays out of it: peers get the text only.
func (s Status) Reply() Reply {
	r := Reply{Code: s.Code, Enhanced: s.Enhanced, Lines: []string{s.Text}, Close: s.Code == 421}
	if r.Code == 0 {
		t := FromExit(s.Exit)
		r.Code = t.Code
		if r.Enhanced == (Enhanced{}) {
			r.Enhanced = t.Enhanced
		}
		if s.Text == "" {
			r.Lines[0] = t.Text
		}
	}
	return r
}
