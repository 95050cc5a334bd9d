package queue

import (
	"time"

	"gosendmail/internal/envelope"
)

// Never is a time limit that does not come.
const Never = time.Duration(1<<63 - 1)

// Limits is Timeout.queuereturn or Timeout.queuewarn, by the class of the message. 0 means "now" for queuereturn and
// no warning for queuewarn.
type Limits struct {
	Urgent    time.Duration // Precedence above zero
	Normal    time.Duration // zero
	NonUrgent time.Duration // below zero
	DSN       time.Duration // a bounce or other report, of class zero; Never takes Normal
}

// For returns the limit that applies to env.
func (l Limits) For(env *envelope.Envelope) time.Duration {
	switch {
	case env.Class > 0:
		return l.Urgent
	case env.Class < 0:
		return l.NonUrgent
	case l.DSN != Never && (env.Flags.Response || env.Sender == ""):
		return l.DSN
	}
	return l.Normal
}

// Timeouts says how long a message may stay.
type Timeouts struct {
	Return Limits // Timeout.queuereturn.*
	Warn   Limits // Timeout.queuewarn.*
}

// DefaultTimeouts are the values that op.txt names: five days, no warning.
func DefaultTimeouts() Timeouts {
	day5 := 5 * 24 * time.Hour
	return Timeouts{
		Return: Limits{Urgent: day5, Normal: day5, NonUrgent: day5, DSN: day5},
	}
}

// Expired reports whether env has been in the queue longer than Timeout.queuereturn and is to be bounced.
func (t Timeouts) Expired(env *envelope.Envelope, now time.Time) bool {
	limit := t.Return.For(env)
	return limit != Never && now.Sub(env.Created) > limit
}

// WarnDue reports whether a delay warning is due that has not been sent (flag w).
func (t Timeouts) WarnDue(env *envelope.Envelope, now time.Time) bool {
	limit := t.Warn.For(env)
	return limit > 0 && limit != Never && !env.Flags.Warning && now.Sub(env.Created) > limit
}
