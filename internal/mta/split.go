package mta

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

// split gives the members of each list with an owner (alias owner-LIST) an envelope of their own, from which errors go to the
// owner. The parts are in the queue before the recipients leave this envelope: a crash between may duplicate mail, not lose it.
func (m *message) split(ctx context.Context) ([]*message, error) {
	var owners []string
	for _, r := range m.env.Recipients {
		if owned(r) && r.Owner != m.env.SenderText && !slices.Contains(owners, r.Owner) {
			owners = append(owners, r.Owner)
		}
	}
	var clones []*message
	for _, owner := range owners {
		c, err := m.clone(ctx, owner)
		if err != nil {
			return clones, err
		}
		clones = append(clones, c)
		m.env.Recipients = slices.DeleteFunc(m.env.Recipients, func(r *envelope.Recipient) bool {
			return owned(r) && r.Owner == owner
		})
	}
	if len(clones) > 0 {
		m.env.Flags.Split = true
		if err := m.entry.Update(m.env); err != nil {
			return clones, err
		}
	}
	return clones, nil
}

// owned reports whether a recipient is its list's owner's affair: one that is yet to be reached, or that could not be when the list was
// expanded.
func owned(r *envelope.Recipient) bool {
	return r.Owner != "" && (r.State == envelope.Pending || r.State == envelope.Failed)
}

// clone makes the envelope of one owner's part.
func (m *message) clone(ctx context.Context, owner string) (*message, error) {
	entry, err := m.entry.Clone(m.entry.Group())
	if err != nil {
		return nil, fmt.Errorf("mta: split %s for %s: %w", m.id, owner, err)
	}
	c := m.srv.newMessage(m.site, m.macros, entry.ID())
	env := *m.env
	env.Recipients = nil
	env.Macros = maps.Clone(m.env.Macros)
	env.Flags.Split = true
	env.Header = slices.DeleteFunc(slices.Clone(env.Header), func(f envelope.Field) bool { return kindOf(f.Name).is(fieldReceipt) })
	env.Flags.RetParam, env.Ret = false, "" // what the sender wants back does not bind the list's owner
	env.SenderCtladdr = nil
	c.env, c.entry, c.size = &env, entry, m.size
	c.deferred, c.oldHeader = m.deferred, m.oldHeader
	c.messageID, c.hops, c.quiet, c.watch, c.queued = m.messageID, m.hops, m.quiet, m.watch, m.queued
	if refusal := c.setSender(ctx, owner); refusal != nil {
		m.log(logNotice, maillog.LevelMalformed, "owner %s: %s", owner, refusal.Text)
	}
	for _, r := range m.env.Recipients {
		if owned(r) && r.Owner == owner {
			c.env.Recipients = append(c.env.Recipients, r)
		}
	}
	if err := entry.Commit(c.env); err != nil {
		entry.Close()
		return nil, fmt.Errorf("mta: split %s for %s: %w", m.id, owner, err)
	}
	m.log(logInfo, maillog.LevelErrors, "%s: clone: owner=%s", c.id, owner)
	if list := c.reportable(); len(list) > 0 && !c.quiet {
		// Told now: the queue files hold only those who can still be reached.
		c.inherited = true
		err = c.report(ctx, list, false)
	}
	return c, err
}

// compatible runs check_compat for each recipient of a group; those that it refuses are settled and left out.
func (m *message) compatible(ctx context.Context, g *group) []*envelope.Recipient {
	if m.site.Sets.Ruleset("check_compat") == nil {
		return g.rcpts
	}
	var list []*envelope.Recipient
	for _, r := range g.rcpts {
		v := m.check(ctx, "check_compat", m.env.SenderText, r.Addr)
		if v == nil {
			list = append(list, r)
			continue
		}
		s := v.Status
		if v.Discard {
			s = status.Status{Exit: status.OK, Code: 250, Enhanced: status.Enhanced{2, 0, 0}, Text: "discarded"}
		} else {
			m.obey(v, r.Addr)
		}
		m.settle(r, s)
		m.logTo([]*envelope.Recipient{r}, toLine{mailer: g.mailer.Name, status: s, refused: true})
	}
	return list
}
