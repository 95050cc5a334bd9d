package mta

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/queue"
)

// Verify answers VRFY: whether mail for an address is taken, and who that is.
func (c *Session) Verify(ctx context.Context, arg string) status.Reply {
	return c.lookUp(ctx, "VRFY", arg)
}

// Expand answers EXPN: who is behind an alias.
func (c *Session) Expand(ctx context.Context, arg string) status.Reply {
	return c.lookUp(ctx, "EXPN", arg)
}

func (c *Session) lookUp(ctx context.Context, verb, arg string) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	p := c.site.options.privacy
	expn := verb == "EXPN"
	forbidden := reply(252, status.Enhanced{2, 5, 2}, "Cannot VRFY user; try RCPT to attempt delivery (or try finger)")
	denied := p.has(noVrfy)
	if expn {
		forbidden, denied = reply(502, status.Enhanced{5, 7, 0}, "Sorry, we do not allow this operation"), p.has(noExpn)
	}
	if !denied && c.helo == "" && (expn && p.has(needExpnHelo) || !expn && p.has(needVrfyHelo)) {
		return reply(503, status.Enhanced{5, 0, 0}, "I demand that you introduce yourself first")
	}
	if denied {
		c.log(logInfo, maillog.LevelCollect, "%s: %s [rejected]", c.relay, strings.TrimSpace(verb+" "+arg))
		return forbidden
	}
	if arg == "" {
		c.log(logInfo, maillog.LevelCollect, "%s: %s", c.relay, verb)
		return reply(501, status.Enhanced{5, 5, 2}, "Argument required")
	}
	if v := c.check(ctx, "check_"+strings.ToLower(verb), arg); v != nil {
		m := c.probe()
		if refusal := m.obey(v, ""); refusal != nil {
			return refusal.Reply()
		}
	}
	c.log(logInfo, maillog.LevelCollect, "%s: %s %s", c.relay, verb, arg)
	return c.tellWho(ctx, arg, expn)
}

// log writes a line about the session.
func (c *Session) log(pri maillog.Priority, level int, format string, args ...any) {
	id := c.id
	if c.msg != nil {
		id = c.msg.id
	}
	c.srv.Log.Logf(level, pri, id, format, args...)
}

// probe is a message that is never sent, to resolve addresses with.
func (c *Session) probe() *message {
	m := c.srv.newMessage(c.site, c.macros, c.id)
	m.relay, m.probing = c.relay, true
	return m
}

// tellWho makes the answer to VRFY and EXPN.
func (c *Session) tellWho(ctx context.Context, arg string, expand bool) status.Reply {
	m := c.probe()
	for _, addr := range m.splitList(arg, m.oldStyle(arg)) {
		r := &envelope.Recipient{Addr: addr, Primary: true}
		a, refusal := m.admit(ctx, addr, forRecipient)
		if refusal != nil {
			return refusal.Reply()
		}
		r.Triple = a.Triple()
		if refusal = m.verify(ctx, r, a); refusal != nil {
			return about(addr, *refusal).Reply()
		}
		m.env.Recipients = append(m.env.Recipients, r)
	}
	slices.Reverse(m.env.Recipients)
	if expand {
		m.namedLocally = true
		m.route(ctx)
	}
	sortByHost(m.env.Recipients)
	out := status.Reply{Code: 250, Enhanced: status.Enhanced{2, 1, 5}}
	for _, r := range m.env.Recipients {
		if r.State == envelope.Failed {
			return about(r.Addr, r.Status).Reply()
		}
		if r.State != envelope.Pending {
			continue
		}
		line, local := m.who(ctx, r)
		out.Lines = append(out.Lines, line)
		if !local && !expand {
			out.Code = 252
		}
	}
	if len(out.Lines) == 0 {
		return reply(550, status.Enhanced{5, 1, 1}, clipped(arg)+"... User unknown")
	}
	return out
}

// who is one line of the answer: the full name, where known, and the address. local says that the mailer vouches for it
// (F=q).
func (m *message) who(ctx context.Context, r *envelope.Recipient) (line string, local bool) {
	mailer := m.site.Mailer(r.Triple.Mailer)
	user := r.Triple.User
	name := ""
	if mailer != nil {
		local = mailer.Flags.Has('q')
		if mailer.Flags.Has('w') {
			if u, err := m.srv.Accounts.User(ctx, r.Triple.User); err == nil {
				name = FullName(u.Gecos, u.Name)
			}
		}
	}
	plain := r.Triple.Mailer != "prog" && r.Triple.Mailer != "*file*"
	if !plain {
		user = bareAddress(r.Addr)
	} else if !strings.Contains(user, "@") {
		user += "@" + m.site.Hostname()
	}
	line = "<" + user + ">"
	if name != "" {
		line = name + " " + line
	}
	return line, local || !plain
}

// Etrn answers ETRN (RFC 1985): a queue run for the mail of a host begins.
func (c *Session) Etrn(ctx context.Context, arg string) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	if c.site.options.privacy.has(noEtrn) || c.daemon != nil && c.daemon.Has('E') {
		c.log(logInfo, maillog.LevelCollect, "%s: %s [rejected]", c.relay, strings.TrimSpace("ETRN "+arg))
		return reply(502, status.Enhanced{5, 7, 0}, "Sorry, we do not allow this operation")
	}
	if arg == "" {
		return reply(500, status.Enhanced{5, 5, 2}, "Parameter required")
	}
	if v := c.check(ctx, "check_etrn", arg); v != nil {
		if refusal := c.probe().obey(v, ""); refusal != nil {
			return refusal.Reply()
		}
	}
	c.log(logInfo, maillog.LevelCollect, "%s: ETRN %s", c.relay, arg)
	var sel queue.Selection
	what := "node " + arg
	switch {
	case strings.HasPrefix(arg, "#"):
		if c.srv.spool.Group(arg[1:]) == nil {
			return reply(459, status.Enhanced{4, 5, 4}, "Queue "+arg[1:]+" unknown")
		}
		sel.Group, what = arg[1:], "queue group "+arg[1:]
	case strings.HasPrefix(arg, "@"):
		sel.Recipients = []queue.Match{{Text: arg[1:]}}
	default:
		sel.Recipients = []queue.Match{{Text: "@" + arg}}
	}
	if err := c.srv.runner.Demand(context.WithValue(c.srv.runs, onDemand{}, true), sel); err != nil {
		return reply(458, status.Enhanced{4, 3, 2}, "Unable to queue messages for "+what) // RFC 1985 section 5
	}
	return reply(250, status.Enhanced{2, 0, 0}, "Queuing for "+what+" started")
}

// Help answers HELP from the file of option HelpFile: lines "topic<TAB>text" whose macros are expanded.
func (c *Session) Help(ctx context.Context, topic string) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	return c.site.help(topic)
}

// help reads a topic from the file.
func (s *Site) help(topic string) status.Reply {
	version := Version(s)
	file, err := s.openHelp()
	if err != nil {
		return reply(502, status.Enhanced{5, 3, 0}, "Sendmail "+version+" -- HELP not implemented")
	}
	defer file.Close()
	want := strings.ToLower(strings.TrimSpace(topic))
	if want == "" {
		want = "smtp"
	}
	out := status.Reply{Code: 214, Enhanced: status.Enhanced{2, 0, 0}}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, text, ok := strings.Cut(lines.Text(), "\t")
		if !ok || !strings.HasPrefix(strings.ToLower(key), want) || strings.HasPrefix(key, "#") {
			continue
		}
		text = strings.ReplaceAll(strings.ReplaceAll(text, "$v", version), "$$", "$")
		out.Lines = append(out.Lines, text)
	}
	if len(out.Lines) == 0 && topic != "" {
		return reply(504, status.Enhanced{5, 3, 0}, fmt.Sprintf("HELP topic %q unknown", topic))
	}
	out.Lines = append(out.Lines, "End of HELP info")
	return out
}
