package mta

import (
	"context"
	"slices"
	"strings"

	"gosendmail/internal/alias"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

// Verify tells for -bv where mail for the arguments goes, which may be lists of addresses: what is wrong with them
// first, then the places in the order of their hosts. The status is that of the first error. sender is that of -f; ""
// means the caller.
func (s *Server) Verify(ctx context.Context, args []string, sender string, noAlias bool) (lines []string, exit int) {
	m := s.newMessage(s.site, s.macros, s.spool.NewID())
	if sender == "" {
		sender = s.Caller.Name
	}
	m.setSender(ctx, sender)
	v := &verification{m: m, commas: !s.site.options.OldStyleHeaders}
	for _, arg := range args {
		v.add(ctx, arg)
	}
	x := alias.Expander{Env: newExpansion(m), MaxRecursion: s.site.options.MaxAliasRecursion, HostName: s.site.Hostname(), NoAlias: noAlias,
		LastFirst: true}
	m.env.Recipients = v.list
	all, err := x.Expand(ctx, v.list)
	if err != nil {
		st := status.As(err)
		v.fail(st.Exit, st.Text)
	}
	v.places(all)
	return v.lines, v.status()
}

// verification is what -bv has found so far.
type verification struct {
	m      *message
	commas bool // only commas are between addresses: a list with one, or with brackets or comments, has been seen
	list   []*envelope.Recipient
	lines  []string
	exit   int
	mended bool // something was wrong with an address that has a place all the same
}

// status is what the program ends with.
func (v *verification) status() int {
	if v.exit == status.OK && v.mended {
		return status.Usage
	}
	return v.exit
}

// fail tells of an error, in the log, too.
func (v *verification) fail(exit int, line string) {
	v.m.log(logNotice, maillog.LevelMinor, "%s", line)
	v.lines = append(v.lines, line)
	if v.exit == status.OK {
		v.exit = exit
	}
}

// add resolves the addresses of an argument, the last one first as the original does.
func (v *verification) add(ctx context.Context, text string) {
	if strings.ContainsAny(text, ",;<(") {
		v.commas = true
	}
	delim := byte(' ')
	if v.commas {
		delim = ','
	}
	var found []*envelope.Recipient
	for text = strings.TrimLeft(text, blanks+","); text != ""; text = strings.TrimLeft(text, blanks+",") {
		end := max(1, v.m.site.scanEnd(text, delim))
		if r := v.resolve(ctx, strings.TrimRight(text[:end], blanks)); r != nil {
			found = append(found, r)
		}
		text = text[end:]
	}
	slices.Reverse(found)
	v.list = append(v.list, found...)
}

// resolve runs the rulesets over an address; nil where it is none, which has been told.
func (v *verification) resolve(ctx context.Context, addr string) *envelope.Recipient {
	env := v.m.env2(nil)
	var problems []string
	env.Problem = func(to, text string) {
		s := statusOf(text, status.Usage)
		problems = append(problems, about(shownName(addr), s).Text)
	}
	a := v.m.site.Parse(ctx, env, addr, 0, forRecipient)
	exit := status.Usage
	switch {
	case a == nil:
	case a.Mailer != nil && !a.Status.Permanent():
		exit = status.OK // what could be mended counts where nothing worse comes
		v.mended = v.mended || len(problems) > 0
	case a.Status.Exit != status.DataErr:
		exit = a.Status.Exit
	}
	for _, p := range problems {
		v.fail(exit, p)
	}
	if a == nil || a.Mailer == nil || a.Status.Permanent() {
		return nil
	}
	return &envelope.Recipient{Addr: addr, Primary: true, Triple: a.Triple()}
}

// shownName is an address as messages show it, without the middle of a long one.
func shownName(s string) string {
	const most = 203
	if len(s) < most {
		return s
	}
	const half = (most - 3) / 2
	return s[:half] + "..." + s[len(s)-half:]
}

// places adds what became of the recipients.
func (v *verification) places(all []*envelope.Recipient) {
	var good []*envelope.Recipient
	for _, r := range all {
		switch r.State {
		case envelope.Pending:
			good = append(good, r)
		case envelope.Failed:
			s := r.Status
			s.Text = strings.TrimPrefix(s.Text, r.Addr+"... ")
			exit := status.Usage
			if s.Exit == status.NoUser {
				exit = s.Exit
			}
			v.fail(exit, s.Place+about(shownName(r.Addr), s).Text)
		}
	}
	slices.SortStableFunc(good, func(a, b *envelope.Recipient) int {
		return strings.Compare(strings.ToLower(a.Triple.Host), strings.ToLower(b.Triple.Host))
	})
	for _, r := range good {
		line := r.Addr + "... deliverable: mailer " + r.Triple.Mailer
		if r.Triple.Host != "" {
			line += ", host " + r.Triple.Host
		}
		user := r.Triple.User
		if strings.HasPrefix(r.Addr, `\`) && !strings.HasPrefix(user, `\`) {
			user = `\` + user // which the expansion has taken off
		}
		v.lines = append(v.lines, line+", user "+user)
	}
}
