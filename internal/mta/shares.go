package mta

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/queue"
)

// programShare is which part of MailerConcurrencyLimit a mailer has that starts programs: each is a process, and may
// want a processor.
const programShare = 5

// deliverInTurn is deliverGroup, unless too many deliveries by the same mailer, or to the same host or user, are
// under way: then the group waits.
func (m *message) deliverInTurn(ctx context.Context, g *group) {
	leave, busy := m.srv.runner.Take(m.shares(g)...)
	if busy != nil {
		m.waits = busy
		m.log(logInfo, maillog.LevelDeferred, "to %s: %v", g.rcpts[0].Addr, busy)
		return
	}
	defer leave()
	m.deliverGroup(ctx, g)
}

// shares are what a delivery counts against.
func (m *message) shares(g *group) []queue.Share {
	o := &m.site.options
	list := []queue.Share{{Key: "mailer " + g.mailer.Name, Limit: o.MailerConcurrencyLimit}}
	if strings.HasPrefix(g.mailer.Path, "/") && o.MailerConcurrencyLimit > 0 {
		list[0].Limit = max(o.MailerConcurrencyLimit/programShare, 1)
	}
	if to := m.destination(g); to != "" {
		list = append(list, queue.Share{Key: to, Limit: o.DestinationConcurrencyLimit})
	}
	return list
}

// destination names the host, or the user, that a delivery is to; "" where it is to several users of this host. What
// a user's programs and files take counts for him, not for whoever he names. A relay, which takes mail for
// everybody's destinations (all mail of the submission queue goes to one), is no destination: there a delivery counts
// for whoever sent the message.
func (m *message) destination(g *group) string {
	r := g.rcpts[0]
	if g.mailer.Path == "[IPC]" && g.host != "" {
		to := g.mailer.Name + " " + strings.ToLower(g.host)
		if relayFor(r, g.host) {
			to += " from " + m.sentBy(r)
		}
		return to
	}
	switch {
	case ownRights(g.mailer) && r.Ctladdr != nil:
		return "user " + userOf(r.Ctladdr)
	case len(g.rcpts) == 1:
		return g.mailer.Name + " user " + strings.ToLower(r.Triple.User)
	}
	return ""
}

// relayFor reports whether a host is asked to pass a recipient's mail on: it is not the host of his address.
func relayFor(r *envelope.Recipient, host string) bool {
	domain := r.Triple.User[strings.LastIndexByte(r.Triple.User, '@')+1:]
	return !strings.EqualFold(strings.TrimSuffix(domain, "."), strings.TrimSuffix(host, "."))
}

// sentBy names whoever sent the message: the user of this host who handed it in, who logged in, or else the
// envelope's sender, whom trusted users (class t) choose. Reports have no sender and count for whoever gets them.
func (m *message) sentBy(r *envelope.Recipient) string {
	user, here := strings.CutSuffix(m.get("_"), "@localhost")
	switch login := m.get("{auth_authen}"); {
	case here && !m.site.trusted(user):
		return user
	case login != "":
		return "login " + login
	case m.env.Sender == "":
		return "<> to " + strings.ToLower(r.Addr)
	}
	return strings.ToLower(m.env.Sender)
}

func userOf(c *envelope.Ctladdr) string {
	if c.User != "" {
		return c.User
	}
	return strconv.Itoa(c.UID)
}

// untouched reports whether the attempt changed nothing that is to be kept: all wait as they did before.
func (m *message) untouched() bool {
	for _, r := range m.env.Recipients {
		switch r.State {
		case envelope.Pending, envelope.Expanded, envelope.Duplicate:
			if m.waiting(r) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// later gives a message whose delivery had to wait, and whose entry is closed, its turn when there is room; it is
// false where err says something else.
func (s *Server) later(id string, err error) bool {
	busy, ok := errors.AsType[*queue.Busy](err)
	if ok {
		s.runner.Later(s.deliveries, id, busy)
	}
	return ok
}
