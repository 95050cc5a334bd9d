package queue

import (
	"strings"
	"time"

	"gosendmail/internal/envelope"
)

// Never is a time limit that does not come.
const Never = time.Duration(1<<63 - 1)

// Limits is Timeout.queuereturn or Timeout.queuewarn, by the class of the message. 0 means "now" for queuereturn and
// no warning for queuewarn.
type Limits struct {
	Urgent    time.Duration // Priority: urgent, else Precedence above zero
	Normal    time.Duration // Priority: normal, else zero
	NonUrgent time.Duration // Priority: non-urgent, else below zero
	DSN       time.Duration // a bounce or other report, of class zero; Never takes Normal
}

// For returns the limit that applies to env. A Priority field is stronger than the class. A null sender alone makes no
// report.
func (l Limits) For(env *envelope.Envelope) time.Duration {
	switch priority := strings.ToLower(priorityOf(env)); {
	case priority == "urgent":
		return l.Urgent
	case priority == "normal":
		return l.Normal
	case priority == "non-urgent":
		return l.NonUrgent
	case env.Class > 0:
		return l.Urgent
	case env.Class < 0:
		return l.NonUrgent
	case l.DSN != Never && env.Flags.Response:
		return l.DSN
	}
	return l.Normal
}

// priorityOf is what the field Priority says; "" where there is none.
func priorityOf(env *envelope.Envelope) string {
	for i := range env.Header {
		if strings.EqualFold(env.Header[i].Name, "priority") {
			return strings.TrimSpace(env.Header[i].Value)
		}
	}
	return ""
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
