package mta

import (
	"context"
	"fmt"
	"time"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// expiredCode is the enhanced code of what waited too long (RFC 3463 section 3.5).
var expiredCode = status.Enhanced{4, 4, 7}

// lateCode is the enhanced code of what is returned since the time of BY= is over, or would be (RFC 3463 section 3.5).
var lateCode = status.Enhanced{5, 4, 7}

// tooOld reports whether a code says that the message waited too long.
func tooOld(code status.Enhanced) bool { return code == expiredCode || code == lateCode }

// expire fails everyone where the message waited longer than BY=...;R (RFC 2852) or Timeout.queuereturn allows. It
// returns what the log says of that; "" means that the message may still wait.
func (m *message) expire(now time.Time) (logged string) {
	limit := m.site.timeouts.Return.For(m.env)
	text, code := "Message could not be delivered for "+dsn.Words(limit), expiredCode
	logged = "Cannot send message for " + dsn.Words(limit)
	switch seconds := m.env.DeliverBy.Seconds(); {
	case m.env.Overdue(envelope.ByReturn, now):
		text, code = fmt.Sprintf("Delivery time (%ds) expired", seconds), lateCode
		logged = fmt.Sprintf("delivery time expired %ds", seconds)
	case !m.site.timeouts.Expired(m.env, now):
		return ""
	}
	m.transcript.WriteString(text + "\nMessage will be deleted from queue\n")
	for _, r := range m.env.PendingRecipients() {
		s := r.Status
		mailer := m.site.Mailer(r.Triple.Mailer)
		if mailer != nil && mailer.DiagType == "X-Unix" && s.Exit == status.TempFail {
			s.Diagnostic = itoa(int64(s.Exit)) // what a program ended with
		}
		s.Exit, s.Code, s.Enhanced, s.Text = status.Unavailable, 554, code, text
		r.Status, r.State = s, envelope.Failed
		if code == lateCode {
			r.Tried = now // as the original, which counts that
		}
	}
	return logged
}

// warn tells the sender that the message is still being tried. late says that the time of BY= is over (RFC 2852), of
// which a sender hears who did not say by NOTIFY= of what he wants to hear.
func (m *message) warn(ctx context.Context, pending []*envelope.Recipient, late bool) error {
	if m.env.Sender == "" || m.env.Flags.Response || m.env.Class < 0 {
		return nil
	}
	limits := m.site.timeouts
	rep := &dsn.Report{Kind: dsn.Delay, Envelope: m.env, HeaderOnly: m.headerOnly(),
		Overdue: late, Waited: limits.Warn.For(m.env), Limit: limits.Return.For(m.env)}
	var told []*envelope.Recipient
	for _, r := range pending {
		action := dsn.Delayed
		switch {
		case r.Notify == 0 || r.Notify&envelope.NotifyDelay != 0:
		case late && r.Notify&envelope.NotifyImplied != 0:
			action = dsn.DelayedNotify
		default:
			continue
		}
		rep.Recipients = append(rep.Recipients, m.reportRecipient(r, action))
		told = append(told, r)
	}
	if len(told) > 0 {
		subject, still := rep.Warning(), rep.Warning()
		if !late {
			still = "Warning: message still undelivered after " + dsn.Words(rep.Waited)
		}
		m.transcript.WriteString(still + "\nWill keep trying until message is " + dsn.Words(rep.Limit) + " old\n")
		if err := m.send(ctx, rep, m.returnPath(), "sender notify: "+subject); err != nil {
			return err
		}
	}
	for _, r := range told {
		r.Delayed = true
	}
	m.env.Flags.Warning = m.env.Flags.Warning || len(told) > 0
	return nil
}
