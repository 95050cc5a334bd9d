package mta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gosendmail/internal/alias"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// route finds for every pending recipient where the mail goes: addresses of which the queue kept the text only are
// resolved, aliases, lists and .forward files expanded, those that lead to the same place joined. What cannot be looked
// up now stays pending with its status.
func (m *message) route(ctx context.Context) { m.routeBeside(ctx, nil) }

// routeBeside is route for recipients that come to earlier ones, which are expanded already; nil means that there are
// none. Those who stay are remembered with them.
func (m *message) routeBeside(ctx context.Context, earlier *alias.Memory) {
	var list, rest []*envelope.Recipient
	for _, r := range m.env.Recipients {
		switch {
		case r.State != envelope.Pending, m.waiting(r):
			rest = append(rest, r)
		case r.Triple.Mailer == "" && !m.resolveQueued(ctx, r):
			rest = append(rest, r)
		default:
			list = append(list, r)
		}
	}
	env := newExpansion(m)
	x := alias.Expander{Env: env, MaxRecursion: m.site.options.MaxAliasRecursion,
		MaxForward: m.site.options.MaxForwardAddresses, HostName: m.site.Hostname(),
		NoAlias: m.noAlias, KeepNotify: m.namedLocally, LastFirst: m.namedLocally, Earlier: earlier}
	if m.watch != nil && (m.namedLocally || m.env.Flags.Response && !m.queued) {
		x.Told = m.tell
	}
	all, err := x.Expand(ctx, list)
	if err != nil {
		s := status.As(err)
		m.log(logNotice, maillog.LevelMalformed, "expansion: %v", err)
		for _, r := range list {
			m.settle(r, s)
			r.Triple = rules.Triple{}
		}
		all = list
	}
	m.env.Recipients = append(rest, m.withoutSender(all, rest)...)
	sortByHost(m.env.Recipients)
	m.expanded(all)
	m.tellLists(all)
	for _, r := range m.env.Recipients {
		if earlier != nil && r.Triple.Mailer != "" {
			earlier.Add(r, env.target(r.Triple, r.Final))
		}
	}
}

// withoutSender leaves out of what was expanded the sender's own address, unless the message was sent to it, or to
// nobody else (MeToo). rest are its other recipients.
func (m *message) withoutSender(all, rest []*envelope.Recipient) []*envelope.Recipient {
	if m.site.options.MeToo || m.sender == nil {
		return all
	}
	own := m.sender.Triple()
	keepsCase := false
	if mailer := m.site.Mailer(own.Mailer); mailer != nil {
		keepsCase = mailer.Flags.Has('u')
	}
	same := func(r *envelope.Recipient) bool {
		t := r.Triple
		return t.Mailer == own.Mailer && strings.EqualFold(t.Host, own.Host) &&
			(t.User == own.User || !keepsCase && strings.EqualFold(t.User, own.User))
	}
	list := make([]*envelope.Recipient, 0, len(all))
	for _, r := range all {
		switch {
		case !same(r):
			list = append(list, r)
		case r.Primary && !r.IsAlias:
			return all
		case r.State != envelope.Pending:
			list = append(list, r)
		}
	}
	for _, r := range slices.Concat(list, rest) {
		if r.State != envelope.Expanded && r.State != envelope.Duplicate {
			return list
		}
	}
	return all
}

// sortByHost puts recipients in the order in which the original keeps them: by host, those of one host as they came.
func sortByHost(list []*envelope.Recipient) {
	slices.SortStableFunc(list, func(a, b *envelope.Recipient) int {
		return strings.Compare(strings.ToLower(a.Triple.Host), strings.ToLower(b.Triple.Host))
	})
}

// tellLists notes for the transcript which mailing lists, those with an owner, the message went to.
func (m *message) tellLists(all []*envelope.Recipient) {
	for _, r := range all {
		if list := r.Alias; list != nil && r.Owner != list.Owner && !list.List {
			list.List = true
			list.Tried = m.srv.now()
			fmt.Fprintf(&m.transcript, "Message delivered to mailing list %s\n", list.Addr)
			if list.Notify&envelope.NotifySuccess != 0 && !m.namedLocally { // else told when it was expanded
				fmt.Fprintf(&m.transcript, "%s... expanded to multiple addresses\n", list.Addr)
			}
		}
	}
}

// expanded logs what the expansion refused or put off, and takes what it put off out of this attempt.
func (m *message) expanded(all []*envelope.Recipient) {
	var children map[*envelope.Recipient]int
	if m.namedLocally {
		children = m.children()
	}
	for _, r := range childrenFirst(all) {
		if r.Notify&envelope.NotifySuccess != 0 && children[r] > 1 {
			fmt.Fprintf(&m.transcript, "%s... expanded to multiple addresses\n", r.Addr)
		}
		failed := r.State == envelope.Failed
		waits := r.State == envelope.Pending && r.Status.Temporary() && r.Status.Text != ""
		if !failed && !waits {
			continue
		}
		if r.Status.Exit == status.NoUser && r.Status.Diagnostic == "" {
			r.Status.Diagnostic = replyText(r.Status)
		}
		m.settle(r, r.Status)
		m.putOff(r)
		if failed {
			m.noteFailed(r)
		}
		// The original does not log what is wrong with aliases themselves.
		if !m.probing && (waits || r.Status.Exit == status.NoUser) {
			m.logTo([]*envelope.Recipient{r}, toLine{mailer: r.Triple.Mailer, status: r.Status, refused: true})
		}
		m.transcribe(r, r.Status)
	}
}

// noteFailed logs why the expansion refused a recipient: all that is wrong with what a local user named, and of others
// lists that cannot be opened. Who tells of a loop is the submission.
func (m *message) noteFailed(r *envelope.Recipient) {
	level := maillog.LevelCollect
	switch {
	case r.Status.Enhanced == loopCode:
		return
	case r.Status.Enhanced == status.Enhanced{5, 2, 4}:
		level = maillog.LevelMalformed
	case !m.namedLocally:
		return
	}
	if m.namedLocally && !m.logsNames {
		return
	}
	m.log(logNotice, level, "%s%s", r.Status.Place, about(r.Addr, status.Status{Code: 550, Text: r.Status.Text}).Text)
}

// childrenFirst puts aliases that failed with what they stand for behind it.
func childrenFirst(all []*envelope.Recipient) []*envelope.Recipient {
	var list, aliases []*envelope.Recipient
	behind := map[*envelope.Recipient]bool{} // those in aliases
	for _, r := range all {
		if r.Alias != nil && r.Alias.State == envelope.Failed && !behind[r.Alias] {
			aliases = append(aliases, r.Alias)
			behind[r.Alias] = true
		}
	}
	if len(aliases) == 0 {
		return all
	}
	for _, r := range all {
		if !behind[r] {
			list = append(list, r)
		}
	}
	return append(list, aliases...)
}

// resolveQueued resolves a recipient of which the queue kept the text only.
func (m *message) resolveQueued(ctx context.Context, r *envelope.Recipient) bool {
	a, refusal := m.resolve(ctx, r.Addr, forRecipient)
	if refusal == nil && !a.Status.Success() {
		refusal = &a.Status
	}
	if refusal != nil {
		m.settle(r, *refusal)
		m.putOff(r)
		if a != nil && refusal.Temporary() {
			r.Triple.Host = a.Host
		}
		if refusal.Permanent() {
			m.logTo([]*envelope.Recipient{r}, toLine{status: *refusal, refused: true})
		}
		m.transcribe(r, *refusal)
		m.say("%s... %s", r.Addr, refusal.Text)
		return false
	}
	r.Triple = a.Triple()
	if r.Final == "" {
		r.Final = m.finalRecipient(r.Addr, a)
	}
	return true
}

// waiting reports whether a recipient was put off before any mailer saw it.
func (m *message) waiting(r *envelope.Recipient) bool { return m.deferred[r] }

func (m *message) putOff(r *envelope.Recipient) {
	if m.deferred == nil {
		m.deferred = map[*envelope.Recipient]bool{}
	}
	m.deferred[r] = true
}

// expansion is what aliases, lists and .forward files need of a message. It implements alias.Env.
type expansion struct {
	m     *message
	known map[string]*envelope.Recipient // recipients that were resolved at RCPT, by address
}

// newExpansion looks at the recipients once.
func newExpansion(m *message) *expansion {
	e := &expansion{m, map[string]*envelope.Recipient{}}
	for _, r := range m.env.Recipients {
		if r.Triple.Mailer != "" && e.known[r.Addr] == nil {
			e.known[r.Addr] = r
		}
	}
	return e
}

// Resolve implements alias.Env. What was resolved at RCPT is not resolved again.
func (e *expansion) Resolve(ctx context.Context, addr string, from *envelope.Recipient) (alias.Target, error) {
	if r := e.known[addr]; from == nil && r != nil && r.Triple.Mailer != "" {
		return e.target(r.Triple, r.Final), nil
	}
	tell := e.m.complain
	e.m.complain = nil // Complain knows the place
	a, refusal, problem := e.m.parse(ctx, addr, forRecipient)
	e.m.complain = tell
	if refusal != nil {
		return alias.Target{}, *refusal
	}
	if !a.Status.Success() {
		return alias.Target{}, a.Status
	}
	t := e.target(a.Triple(), e.m.finalRecipient(addr, a))
	if mended(problem.text) {
		t.Problem = problem.text
	}
	return t, nil
}

func (e *expansion) target(t rules.Triple, final string) alias.Target {
	out := alias.Target{Triple: t, Final: final}
	switch t.Mailer {
	case "prog":
		out.Kind = alias.Program
	case "*file*":
		out.Kind = alias.File
	case "*include*":
		out.Kind = alias.Include
	}
	if mailer := e.m.site.Mailer(t.Mailer); mailer != nil {
		out.Aliased, out.Account, out.Case = mailer.Flags.Has('A'), mailer.Flags.Has('w'), mailer.Flags.Has('u')
		out.UserDB = mailer.Flags.Has('@') && !e.m.srv.aliases.users.Empty()
	}
	return out
}

// Local implements alias.Env.
func (e *expansion) Local(ctx context.Context, t alias.Target) (alias.Target, bool, error) {
	mailer := e.m.site.Mailer(t.Triple.Mailer)
	if mailer == nil {
		return t, false, nil
	}
	r := &envelope.Recipient{Triple: t.Triple}
	if !e.m.localAddress(ctx, r, mailer, false) {
		return t, false, nil
	}
	return e.target(r.Triple, t.Final), true, nil
}

// Alias implements alias.Env.
func (e *expansion) Alias(ctx context.Context, name string) (string, error) {
	v, found, err := e.m.srv.aliases.Lookup(ctx, name)
	if err == nil && !found {
		err = alias.ErrNotFound
	}
	return v, err
}

// Maildrop implements alias.UserDB.
func (e *expansion) Maildrop(ctx context.Context, user string) (list []string, sender string, err error) {
	return e.m.srv.aliases.maildrop(ctx, user)
}

// Account implements alias.Env.
func (e *expansion) Account(ctx context.Context, name string) (priv.User, error) {
	name = strings.Trim(name, "\"")
	u, err := e.m.srv.Accounts.User(ctx, name)
	if errors.Is(err, priv.ErrNotFound) && e.m.site.options.MatchGECOS {
		return e.m.srv.byFullName(ctx, name, err)
	}
	return u, err
}

// AccountID implements alias.Env.
func (e *expansion) AccountID(ctx context.Context, uid int) (priv.User, error) {
	return e.m.srv.Accounts.UserID(ctx, uid)
}

// Forward implements alias.Env: option ForwardPath with the macros of the user.
func (e *expansion) Forward(u priv.User, t rules.Triple) []string {
	m := e.m
	for name, value := range map[string]string{"z": u.Home, "u": u.Name, "h": t.Host} {
		old, defined := m.macros.Macro(name)
		m.set(name, value)
		defer func() {
			if defined {
				m.macros.Define(name, old)
			} else {
				m.macros.Undefine(name)
			}
		}()
	}
	var paths []string
	for _, p := range strings.Split(m.expand(m.site.options.ForwardPath), ":") {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// defaultShells are the valid login shells where there is no /etc/shells.
var defaultShells = []string{"/bin/sh", "/bin/csh", "/bin/bash", "/usr/bin/sh", "/usr/bin/csh", "/usr/bin/bash", "/bin/ksh", "/usr/bin/ksh"}

// ValidShell implements alias.Env.
func (e *expansion) ValidShell(shell string) bool {
	text, err := os.ReadFile("/etc/shells")
	if err != nil {
		return slices.Contains(defaultShells, shell)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == shell && shell != "" || line == "/SENDMAIL/ANY/SHELL/" {
			return true
		}
	}
	return false
}

// Log implements alias.Env.
func (e *expansion) Log(format string, args ...any) {
	e.m.log(logInfo, maillog.LevelExpansion, format, args...)
}

// Complain implements alias.Env.
func (e *expansion) Complain(place, addr, problem string) {
	if e.m.complain != nil {
		e.m.complain(place+addr, problem)
	}
	if !e.m.namedLocally || e.m.logsNames {
		text := codes.ReplaceAllString(problem, "")
		e.m.log(logNotice, maillog.LevelMalformed, "%s%s... %s", place, clipped(addr), text)
	}
}

// Warn implements alias.Env.
func (e *expansion) Warn(format string, args ...any) {
	e.m.log(maillog.Warning, maillog.LevelMalformed, format, args...)
}
