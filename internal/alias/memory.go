package alias

import (
	"fmt"
	"strings"

	"gosendmail/internal/envelope"
)

// places are recipients by where they lead.
type places map[string]*envelope.Recipient

// Memory is who a message goes to so far. What several expansions for one message find is compared with it, so that
// each costs what it finds itself, however many recipients were there before.
type Memory struct {
	seen places
	last places // of them, those to be delivered
}

// Add remembers a recipient that resolved to a target and stays with the message.
func (x *Memory) Add(r *envelope.Recipient, t Target) {
	if x.seen == nil {
		x.seen, x.last = places{}, places{}
	}
	k := key(r, &meta{target: t})
	if !strings.HasPrefix(strings.Trim(r.Addr, "<> "), `\`) { // \user does not stand for what user stands for
		x.seen[k] = r
	}
	if r.State == envelope.Pending {
		x.last[k] = r
	}
}

// key tells twins: the same mailer, host and user, for programs and files also with the same rights.
func key(rcpt *envelope.Recipient, m *meta) string {
	t := m.target.Triple
	user, host := t.User, strings.ToLower(t.Host)
	if !m.target.Case && m.target.Kind == Mailbox {
		user = strings.ToLower(user)
	}
	k := t.Mailer + "\x00" + host + "\x00" + user
	if m.target.Kind != Mailbox && rcpt.Ctladdr != nil {
		k += fmt.Sprintf("\x00%d", rcpt.Ctladdr.UID)
	}
	return k
}

// isTwin finds a recipient that is there already, and is done with this one then; else it notes this one in the first
// of the places.
func isTwin(met []places, rcpt *envelope.Recipient, m *meta) bool {
	k := key(rcpt, m)
	for _, p := range met {
		if twin := p[k]; twin != nil {
			twin.Notify |= rcpt.Notify
			rcpt.State, m.twin = envelope.Duplicate, twin
			return true
		}
	}
	met[0][k] = rcpt
	return false
}
