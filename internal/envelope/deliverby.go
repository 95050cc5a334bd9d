package envelope

import (
	"fmt"
	"time"
)

// ByMode is what is to become of a message that is not delivered in time (RFC 2852 section 4).
type ByMode byte

// The modes of BY=; zero means that there was no BY=.
const (
	ByNotify ByMode = 'N' // the sender is told, and the message is still tried
	ByReturn ByMode = 'R' // it is returned
)

// DeliverBy is BY= of MAIL (RFC 2852).
type DeliverBy struct {
	Mode  ByMode
	Time  time.Duration // since Created, whole seconds; with ByNotify not above zero where it was over on the way here
	Trace bool          // whoever hands the message on says so
}

// Set reports whether there was BY=.
func (b DeliverBy) Set() bool { return b.Mode != 0 }

// Seconds is the time as BY= has it.
func (b DeliverBy) Seconds() int64 { return int64(b.Time / time.Second) }

// String is the value of BY=.
func (b DeliverBy) String() string {
	trace := ""
	if b.Trace {
		trace = "T"
	}
	return fmt.Sprintf("%d;%c%s", b.Seconds(), b.Mode, trace)
}

// Overdue reports whether the time of a request of that mode has run out. As for the original, that of one that came
// without any time left never does.
func (e *Envelope) Overdue(mode ByMode, now time.Time) bool {
	by := e.DeliverBy
	return by.Mode == mode && by.Time > 0 && now.After(e.Created.Add(by.Time))
}
