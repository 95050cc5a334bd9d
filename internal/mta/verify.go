package mta

import (
	"context"
	"errors"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/mailers"
	"gosendmail/rules"
)

// verify tells why a recipient cannot be reached: programs and files that nobody may name, local users who do not
// exist. An address that only an alias or another mailer can judge passes. It may put another triple in the recipient's
// place (ruleset 5 for mailers with F=5).
func (m *message) verify(ctx context.Context, r *envelope.Recipient, a *Address) *status.Status {
	if refusal := forbidden(r); refusal != nil {
		return refusal
	}
	mailer := m.site.Mailer(r.Triple.Mailer)
	if mailer == nil {
		return nil
	}
	if known, refusal := m.aliased(ctx, r, mailer); known || refusal != nil {
		return refusal
	}
	for i := 0; i < maxLocal && m.localAddress(ctx, r, mailer, a.NotRemote); i++ {
		if mailer = m.site.Mailer(r.Triple.Mailer); mailer == nil {
			return nil
		}
		if known, refusal := m.aliased(ctx, r, mailer); known || refusal != nil {
			return refusal
		}
	}
	if !mailer.Flags.Has('w') {
		return nil
	}
	_, refusal := m.account(ctx, r)
	return refusal
}

// maxLocal is how often ruleset 5 may give a user another address before it is taken as it is.
const maxLocal = 10

// forbidden refuses programs, files and lists that a client names: only aliases and .forward files may.
func forbidden(r *envelope.Recipient) *status.Status {
	what := ""
	switch r.Triple.Mailer {
	case "prog":
		what = "programs"
	case "*file*":
		what = "files"
	case "*include*":
		what = ":include:s"
	default:
		return nil
	}
	return &status.Status{Exit: status.Unavailable, Code: 550, Enhanced: status.Enhanced{5, 7, 1},
		Text: "Cannot mail directly to " + what}
}

// escaped reports whether the user part says that no alias and no .forward file counts.
func escaped(user string) bool { return strings.HasPrefix(user, "\\") }

// aliased reports whether there is an alias for a recipient of a mailer with F=A.
func (m *message) aliased(ctx context.Context, r *envelope.Recipient, mailer *mailers.Mailer) (bool, *status.Status) {
	if !mailer.Flags.Has('A') || escaped(r.Triple.User) || m.noAlias {
		return false, nil
	}
	_, found, err := m.srv.aliases.Lookup(ctx, r.Triple.User)
	if err != nil {
		return false, tempStatus("alias database unavailable", err)
	}
	return found, nil
}

func tempStatus(text string, err error) *status.Status {
	return &status.Status{Exit: status.TempFail, Code: 451, Enhanced: status.Enhanced{4, 3, 0}, Text: text, Err: err}
}

// localAddress runs ruleset 5 over the user of a mailer with F=5; true means that the recipient has a new triple.
func (m *message) localAddress(ctx context.Context, r *envelope.Recipient, mailer *mailers.Mailer, notRemote bool) bool {
	if !mailer.Flags.Has('5') || notRemote || escaped(r.Triple.User) {
		return false
	}
	m.set("{addr_type}", forRecipient.String())
	scan := m.site.Sets.Scan(r.Triple.User, 0, rules.External, true)
	if scan.Workspace == nil {
		return false
	}
	m.set("h", r.Triple.Host)
	env := m.env2(nil)
	ret, _ := m.site.Sets.Rewrite(ctx, env, "5", scan.Workspace)
	if ret.Triple() == nil {
		return false
	}
	a := m.site.Build(ctx, env, r.Triple.User, ret.Workspace, forRecipient)
	if a.Mailer == nil || a.Triple() == r.Triple {
		return false
	}
	r.Triple = a.Triple()
	return true
}

// account finds the account of a local recipient; the refusal is "User unknown" or temporary.
func (m *message) account(ctx context.Context, r *envelope.Recipient) (priv.User, *status.Status) {
	name := strings.TrimPrefix(r.Triple.User, "\\")
	name = strings.Trim(name, "\"")
	user, err := m.srv.Accounts.User(ctx, name)
	if errors.Is(err, priv.ErrNotFound) && m.site.options.MatchGECOS {
		user, err = m.srv.byFullName(ctx, name, err)
	}
	switch {
	case err == nil:
		return user, nil
	case errors.Is(err, priv.ErrNotFound):
		s := status.FromExit(status.NoUser)
		return priv.User{}, &s
	}
	return priv.User{}, tempStatus("user database unavailable", err)
}

// finalRecipient is Final-Recipient of a DSN (RFC 3464), in the form that queue files keep: "RFC822; user@host".
func (m *message) finalRecipient(addr string, a *Address) string {
	bare := plainAddress(addr)
	if _, member, ok := strings.Cut(bare, ": "); ok { // of a group
		bare = member
	}
	local := a != nil && a.Mailer != nil && a.Mailer.Flags.Has('l')
	if a != nil && a.MailerName() == "*include*" {
		bare, local = a.User, true
	}
	if local && !strings.Contains(bare, "@") {
		bare += "@" + m.site.Hostname()
	}
	if a != nil && a.Mailer != nil && !a.Mailer.Flags.Has('u') {
		bare = lowerASCII(bare)
	}
	return "RFC822; " + bare
}

// plainAddress is the address in a text without comments, and without what is left of a list or of damage around it.
func plainAddress(text string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	plain := strings.Trim(strings.TrimRight(bareAddress(b.String()), `\;)]>`), "< ")
	if i := strings.LastIndexByte(plain, '['); i >= 0 && strings.HasPrefix(bareAddress(b.String()), plain+"]") {
		plain += "]" // of an address literal
	}
	return plain
}

// sameRecipient returns the earlier recipient that leads to the same place; where there is none it notes this one and
// returns nil.
func (m *message) sameRecipient(r *envelope.Recipient) *envelope.Recipient {
	if r.Triple.Mailer == "" {
		return nil
	}
	if m.places == nil {
		m.places = map[rules.Triple]*envelope.Recipient{}
	}
	if o := m.places[r.Triple]; o != nil && o.State != envelope.Failed {
		return o
	}
	m.places[r.Triple] = r
	return nil
}
