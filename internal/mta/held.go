package mta

import (
	"slices"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// logWaiting writes for each pending recipient that the message waits in the queue, or is held there. As in the
// original a session that is told to queue everything writes nothing of a message whose aliases are still to be
// expanded.
func (m *message) logWaiting() {
	for _, r := range m.env.PendingRecipients() {
		l := toLine{mailer: r.Triple.Mailer, text: "queued"}
		if l.mailer == "" {
			l.mailer, l.dsn = m.unresolved[r], r.Status.Enhanced.String()
		}
		if m.env.QuarantineReason != "" {
			l.text, l.quarantine = "quarantined", m.env.QuarantineReason
		}
		m.logTo([]*envelope.Recipient{r}, l)
		m.say("%s... %s", r.Addr, l.text)
	}
}

// held reports whether a recipient waits for a queue run: mailers that are expensive to reach (F=e), and those that
// only an explicit run may use (F=%).
func (m *message) held(r *envelope.Recipient, mailer *mailers.Mailer) bool {
	expensive := mailer.Flags.Has('e') && m.site.options.HoldExpensive && !m.queued
	ondemand := mailer.Flags.Has('%') && !m.selected
	if !expensive && !ondemand {
		return false
	}
	r.Status = status.Status{Exit: status.TempFail, Text: "queued"}
	if ondemand {
		m.logTo([]*envelope.Recipient{r}, toLine{mailer: mailer.Name, text: "queued"})
	}
	return true
}

// holds reports whether a recipient waits for a queue run because his mailer is expensive.
func (m *message) holds() bool {
	return slices.ContainsFunc(m.env.PendingRecipients(), func(r *envelope.Recipient) bool { return !m.waiting(r) })
}

// settle gives a recipient the outcome of an attempt.
func (m *message) settle(r *envelope.Recipient, s status.Status) {
	r.Status = s
	r.Tried = m.srv.now()
	r.Message = ""
	switch {
	case s.Success():
		r.State = envelope.Delivered
	case s.Permanent():
		r.State = envelope.Failed
		m.reason(s.Text, false)
		if m.about != nil {
			m.about.notReturned = r.Addr + "... " + s.Text
		}
	case !m.unnamed:
		if m.reason(mailers.QueueText(s), true); s.Scope == status.OfRecipient && s.Remote != "" {
			r.Message = mailers.QueueText(s)
		}
	}
}

// reason notes why the message waits, as mailq shows it: the first thing that passes, or the last that does not.
func (m *message) reason(text string, temporary bool) {
	if !temporary || m.env.Message == "" {
		m.env.Message = text
	}
}
