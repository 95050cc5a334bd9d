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

// programShare is which part of MailerConcurrencyLimit a mailer has that starts programs: each is a process, and may want a processor.
const programShare = 5

// deliverInTurn is deliverGroup, unless too many deliveries by the same mailer, or to the same host or user, are under way: then the
// group waits.
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
	if to := destination(g); to != "" {
		list = append(list, queue.Share{Key: to, Limit: o.DestinationConcurrencyLimit})
	}
	return list
}

// destination names the host, or the user, that a delivery is to; "" where it is to several users of this host. What a user's programs
// and files take counts for him, not for whoever he names.
func destination(g *group) string {
	if g.mailer.Path == "[IPC]" && g.host != "" {
		return g.mailer.Name + " " + strings.ToLower(g.host)
	}
	r := g.rcpts[0]
	switch {
	case ownRights(g.mailer) && r.Ctladdr != nil:
		return "user " + userOf(r.Ctladdr)
	case len(g.rcpts) == 1:
		return g.mailer.Name + " user " + strings.ToLower(r.Triple.User)
	}
	return ""
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

// later gives a message whose delivery had to wait, and whose entry is closed, its turn when there is room; it is false where err says
// something else.
func (s *Server) later(id string, err error) bool {
	busy, ok := errors.AsType[*queue.Busy](err)
	if ok {
		s.runner.Later(s.deliveries, id, busy)
	}
	return ok
}
