package testmode

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/dns"
	"gosendmail/internal/macro"
	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
	"gosendmail/rules"
)

// sender makes an address the sender of the envelope and shows the user that it resolves to.
func (t *session) sender(addr string) {
	t.stale = addr
	t.env.Copies = true
	defer func() { t.env.Copies = false }()
	t.env.Define("x", "")
	t.env.Define("{addr_type}", "e s")
	if t.site.Config.Level < 2 { // errors were not told in those days
		defer t.onlySystem()()
	}
	from, a := t.senderAddress(addr)
	if a == nil {
		t.printf("addr=\n")
		return
	}
	if a.Mailer != nil && a.Mailer.Flags.Has('w') {
		t.senderAccount(a)
	}
	scan := t.site.Sets.Scan(from, 0, rules.Internal, false)
	for _, p := range scan.Problems {
		t.problem(from, p)
	}
	ws := t.canonicalSender(scan.Workspace)
	t.env.Undefine("{addr_type}")
	text := t.site.Sets.Join(ws, 0, false)
	if strings.HasPrefix(text, "@") && a.Mailer != nil && !a.Mailer.Flags.Has('d') {
		text = "<" + text + ">"
	}
	t.env.Define("f", text)
	if a.Mailer != nil && a.Mailer.Flags.Has('C') {
		t.env.Define("{addr_type}", "e s")
		t.canonicalSender(ws)
		t.env.Undefine("{addr_type}")
	}
	t.printf("addr=%s\n", a.User)
}

// senderAddress resolves a sender; in place of one that cannot be one stands the caller, else $n or postmaster.
func (t *session) senderAddress(addr string) (from string, a *mta.Address) {
	sender := mta.Role{Sender: true}
	if a = t.site.Parse(t.ctx, t.env, addr, 0, sender); a != nil && (a.Status.Success() || a.Status.Temporary()) && !deliversHere(a.Mailer) {
		return addr, a
	}
	if a != nil && deliversHere(a.Mailer) {
		t.problem(addr, "553 5.1.7 Invalid sender address")
	}
	defer t.onlySystem()()
	daemon, _ := t.env.Macros.Expand(string([]byte{macro.Interpolate, 'n'}))
	for _, name := range []string{t.login, daemon, "postmaster"} {
		t.stale = name
		if a = t.site.Parse(t.ctx, t.env, name, ' ', sender); a != nil {
			t.stale = ""
			return name, a
		}
	}
	return addr, nil
}

// onlySystem drops all errors but those of the configuration and the system; what it returns lets all through again.
func (t *session) onlySystem() (undo func()) {
	told := t.env.Problem
	t.env.Problem = func(to, text string) {
		if strings.HasPrefix(text, "554 ") || strings.HasPrefix(text, "451 ") {
			t.problem(to, text)
		}
	}
	return func() { t.env.Problem = told }
}

// deliversHere reports whether a mailer is one of those for programs, files and lists, which no sender has.
func deliversHere(m *cf.Mailer) bool {
	return m != nil && (m.Name == "prog" || m.Name == "*file*" || m.Name == "*include*")
}

// senderAccount sets home and full name of a local sender.
func (t *session) senderAccount(a *mta.Address) {
	if user, err := priv.System().User(t.ctx, a.User); err == nil {
		if user.Home != "" {
			t.env.Define("z", strings.TrimSuffix(user.Home, "/"))
		} else {
			t.env.Undefine("z")
		}
		if t.fullName == "" && user.Name == a.User {
			t.fullName = mta.FullName(user.Gecos, user.Name)
		}
	}
	if t.fullName != "" {
		t.env.Define("x", t.fullName)
	}
}

// canonicalSender runs rulesets 3, 1 and 4.
func (t *session) canonicalSender(ws rules.Workspace) rules.Workspace {
	for _, name := range []string{"3", "1", "4"} {
		ret, _ := t.site.Sets.Rewrite(t.ctx, t.env, name, ws)
		ws = ret.Workspace
	}
	return ws
}

// expand shows what macros in a text stand for. The text is in internal form, as it comes: "$x" is none.
func (t *session) expand(text string) {
	expanded, err := t.env.Macros.Expand(text)
	if err != nil {
		t.problem("", "554 5.0.0 "+err.Error())
	}
	t.printf("%s", macro.Show(expanded))
}

// hostByName looks the addresses of a host up and shows them at -d61.10.
func (t *session) hostByName(arg string) {
	name, family, _ := strings.Cut(arg, " ")
	family = strings.Trim(family, blanks)
	kind, number := dns.IPv4, 2
	if family == "inet6" || family == "AAAA" {
		kind, number = dns.IPv6, 10
	}
	a, err := t.site.Resolver().LookupFamily(context.WithoutCancel(t.ctx), name, kind)
	if !t.log.At(61, 10) {
		return
	}
	t.log.Printf("sm_gethostbyname(%s, %d)... ", name, number)
	if err != nil {
		t.log.Printf("failure: errno=0, h_errno=%d\n", hostErrno(err))
		return
	}
	t.log.Printf("%s\n", a.Name)
	if t.log.At(61, 11) {
		for _, alias := range a.Aliases {
			t.log.Printf("\talias: %s\n", alias)
		}
		for _, addr := range a.Addrs {
			t.log.Printf("\taddr: %s\n", longAddress(addr))
		}
	}
}

// longAddress is an address with all its groups (RFC 5321 section 4.1.3).
func longAddress(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	b := a.As16()
	text := "IPv6"
	for i := 0; i < len(b); i += 2 {
		text += fmt.Sprintf(":%x", int(b[i])<<8|int(b[i+1]))
	}
	return text
}

// hostErrno is the resolver library's number of an error (netdb.h).
func hostErrno(err error) int {
	switch dns.KindOf(err) {
	case dns.NoName:
		return 1
	case dns.Temporary:
		return 2
	case dns.NoData:
		return 4
	}
	return 3
}
