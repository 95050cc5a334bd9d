package mailers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// ErrLate is why a peer is not given a message that is to be returned rather than to be late (RFC 2852): it does not
// promise to be in time.
var ErrLate = errors.New("mailers: peer promises no delivery in time")

// shortest is the time below which a peer takes no BY=...;R (RFC 2852 section 3).
func (c capabilities) shortest() time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(c["DELIVERBY"]), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// inTime refuses what is to be returned when it is late, and would be for all that the peer says. It is an error of
// type status.Status.
func (t *transaction) inTime() error {
	by := t.job.Envelope.DeliverBy
	if by.Mode != envelope.ByReturn {
		return nil
	}
	why := ""
	switch left, least := t.left(), t.s.caps.shortest(); {
	case !t.s.caps.has("DELIVERBY"):
		why = "Server does not support Deliver By"
	case by.Time > 0 && least > 0 && left < least:
		why = fmt.Sprintf("Message can't be delivered in time; %d < %d", left/time.Second, least/time.Second)
	default:
		return nil
	}
	if t.job.Note != nil {
		t.job.Note("554 5.4.7 " + why)
	}
	st := status.FromExit(status.Unavailable)
	st.Err = ErrLate
	return st
}

// left is what is left of the time, in whole seconds; below zero it is over.
func (t *transaction) left() time.Duration {
	e := t.job.Envelope
	now := time.Now
	if t.cfg.Now != nil {
		now = t.cfg.Now
	}
	return e.DeliverBy.Time - now().Sub(e.Created).Truncate(time.Second)
}

// timeLeft is the request as the peer gets it. That of a message that is to be returned must have some time left
// (RFC 2852 section 4).
func (t *transaction) timeLeft() envelope.DeliverBy {
	by := t.job.Envelope.DeliverBy
	if by.Time = t.left(); by.Mode == envelope.ByReturn && by.Time <= 0 {
		by.Time = max(time.Second, t.s.caps.shortest())
	}
	return by
}

// notify is when the sender of a recipient wants a DSN. A peer that promises no time is asked to tell of delays
// instead (RFC 2852 section 4.1.4.2).
func (t *transaction) notify(rc Rcpt) envelope.Notify {
	if t.job.Envelope.DeliverBy.Mode != envelope.ByNotify || t.s.caps.has("DELIVERBY") {
		return rc.Notify
	}
	return DelayToo(rc.Notify)
}

// DelayToo adds delays to what a sender wants a DSN of, unless he wants none.
func DelayToo(n envelope.Notify) envelope.Notify {
	switch {
	case n&envelope.NotifyNever != 0:
		return n
	case n == 0 || n&envelope.NotifyImplied != 0:
		return n&^envelope.NotifyImplied | envelope.NotifyFailure | envelope.NotifyDelay
	}
	return n | envelope.NotifyDelay
}
