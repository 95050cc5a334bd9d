package mta

import (
	"errors"
	"fmt"

	"gosendmail/internal/envelope"
	"gosendmail/mailers"
)

// handedOn notes of a recipient what the sender may be told of a success: who has the message now, and whether that one
// tells more (RFC 3461), or is in time (RFC 2852).
func (m *message) handedOn(mailer *mailers.Mailer, o *outcome) {
	r, by := o.rcpt, m.env.DeliverBy
	promised := o.peer != nil && o.peer.DeliverBy
	if by.Mode == envelope.ByNotify && !promised && o.peer != nil && o.peer.DSN {
		r.Notify = mailers.DelayToo(r.Notify) // as the peer was told
	}
	if errors.Is(o.status.Err, mailers.ErrLate) {
		r.Status.Enhanced = lateCode
	}
	if !o.status.Success() {
		return
	}
	receipt := r.Notify&envelope.NotifySuccess != 0
	note := ""
	switch {
	case receipt && m.isFinal(mailer.Name):
		note = "Successfully delivered"
	case receipt && (o.peer == nil || !o.peer.DSN):
		r.State, note = envelope.Relayed, "relayed; expect no further notifications"
	case r.Notify&envelope.NotifyNever != 0:
	case by.Mode == envelope.ByNotify && !promised:
		r.State, note = envelope.RelayedNotify, "Deliver-by notify: relayed"
	case by.Trace:
		r.State, note = envelope.RelayedTrace, "Deliver-By trace: relayed"
	}
	if note != "" {
		fmt.Fprintf(&m.transcript, "%s... %s\n", r.Addr, note)
	}
}
