package mta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

// split gives the members of each list with an owner (alias owner-LIST) an envelope of their own, from which errors go
// to the owner.
//
//  1. The parts are committed; each says that it is part of this message.
//  2. This message's queue file is written anew, without the members and with the names of the parts: only now do they count.
//  3. The parts are written anew and stand by themselves. Before that this message does not leave the queue.
//
// A part that this message does not name, or that it has outlived, is void, whoever meets it (queue.Spool.Open): a
// crash between the steps neither loses nor repeats anything. After an error parts is what has to be closed; this
// message is as it was.
func (m *message) split(ctx context.Context) (parts []*message, err error) {
	var owners []string
	members := map[string][]*envelope.Recipient{} // by owner
	for _, r := range m.env.Recipients {
		if owned(r) && r.Owner != m.env.SenderText {
			if members[r.Owner] == nil {
				owners = append(owners, r.Owner)
			}
			members[r.Owner] = append(members[r.Owner], r)
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	for _, owner := range owners {
		c, err := m.clone(ctx, owner, members[owner])
		if err != nil {
			return parts, err
		}
		parts = append(parts, c)
		m.env.Parts = append(m.env.Parts, c.id)
	}
	m.env.Recipients = slices.DeleteFunc(m.env.Recipients, func(r *envelope.Recipient) bool {
		return owned(r) && members[r.Owner] != nil
	})
	m.env.Flags.Split = true
	if m.get("{opMode}") == "m" {
		m.srv.named = true // mailers with F=f and F=r are told the owner, and the sender with him
	}
	if err := m.store(); err != nil {
		return parts, err
	}
	for i, c := range parts {
		c.env.PartOf = ""
		if err := c.store(); err != nil {
			c.log(logErr, maillog.LevelSerious, "%v", err) // a later run of this message makes up for it
		} else {
			m.env.Parts = slices.DeleteFunc(m.env.Parts, func(id string) bool { return id == c.id })
		}
		m.log(logInfo, maillog.LevelErrors, "%s: clone: owner=%s", c.id, owners[i])
	}
	return parts, nil
}

// reportInherited tells the owner of those who could not be reached when his list was expanded, with what the session
// of from said. A part that is delivered now, here or in the background, does that at its end.
func (m *message) reportInherited(ctx context.Context, from *message) {
	m.transcript.Write(from.transcript.Bytes())
	err := m.report(ctx, "")
	if err == nil && len(m.reported) > 0 { // what was told is not told again
		err = m.store()
	}
	if err != nil {
		m.log(logErr, maillog.LevelSerious, "%v", err) // kept for a later attempt
	}
}

// adoptParts does the last step of a split that another process began.
func (m *message) adoptParts() error {
	for _, id := range m.env.Parts {
		if err := m.srv.spool.Adopt(id); err != nil {
			return fmt.Errorf("mta: %s is part of %s: %w", id, m.id, err)
		}
	}
	m.env.Parts = nil
	return nil
}

// owned reports whether a recipient is its list's owner's affair: one that is yet to be reached, or that could not be
// when the list was expanded.
func owned(r *envelope.Recipient) bool {
	return r.Owner != "" && (r.State == envelope.Pending || r.State == envelope.Failed)
}

// clone makes the envelope of one owner's part. Failures in it are the owner's affair also where the sender's are told
// to the caller.
func (m *message) clone(ctx context.Context, owner string, members []*envelope.Recipient) (*message, error) {
	entry, err := m.entry.Clone(m.entry.Group())
	if err != nil {
		return nil, fmt.Errorf("mta: split %s for %s: %w", m.id, owner, err)
	}
	c := m.srv.newMessage(m.site, m.macros, entry.ID())
	env := *m.env
	env.Recipients = nil
	env.Macros = maps.Clone(m.env.Macros)
	env.Flags.Split = true
	env.Header = slices.Clone(m.env.Header)
	env.Flags.RetParam, env.Ret = false, "" // what the sender wants back does not bind the list's owner
	env.SenderCtladdr = nil
	env.PartOf, env.Parts = m.id, nil
	c.env, c.entry, c.size, c.inherited = &env, entry, m.size, true
	c.deferred, c.unresolved, c.oldHeader = m.deferred, m.unresolved, m.oldHeader
	c.messageID, c.hops, c.watch, c.queued, c.routed = m.messageID, m.hops, m.watch, m.queued, m.routed
	if refusal := c.setSender(ctx, owner); refusal != nil {
		m.log(logNotice, maillog.LevelMalformed, "owner %s: %s", owner, refusal.Text)
	}
	for _, r := range members {
		if r.Notify&envelope.NotifySuccess != 0 { // what became of the list was told of the list
			if r.Notify &^= envelope.NotifySuccess; r.Notify == 0 {
				r.Notify = envelope.NotifyNever
			}
		}
	}
	c.env.Recipients = members
	c.noteOwed()
	if err := entry.Commit(c.env); err != nil {
		return nil, fmt.Errorf("mta: split %s for %s: %w", m.id, owner, errors.Join(err, entry.Close()))
	}
	return c, nil
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
