package testmode

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/dns"
	"gosendmail/internal/macro"
	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/maps"
)

// action does a "/" command; false ends the test mode.
func (t *session) action(line string) bool {
	line = strings.TrimRight(line, blanks)
	word, arg, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	arg = strings.TrimLeft(line[len(line)-len(arg):], blanks)
	actions := map[string]struct {
		do    func(arg string)
		usage string
	}{
		"mx":       {t.mx, "/mx address"},
		"canon":    {t.canon, "/canon address"},
		"map":      {t.lookup, "/map mapname key"},
		"try":      {t.try, "/try mailer address"},
		"tryflags": {t.tryFlags, "/tryflags [Hh|Ee][Ss|Rr]"},
		"parse":    {t.parse, "/parse address"},
		"header":   {t.header, ""},
		"sender":   {t.sender, ""},
		"expand":   {t.expand, "/expand string"},

		"gethostbyname": {t.hostByName, ""},
	}
	name := strings.ToLower(word[1:])
	a, ok := actions[name]
	switch {
	case name == "":
		t.printf("Usage: /[canon|map|mx|parse|try|tryflags]\n")
	case name == "quit":
		return false
	case !ok:
		t.printf("Unknown \"/\" command %s\n", word)
	case arg == "" && a.usage != "":
		t.printf("Usage: %s\n", a.usage)
	default:
		a.do(arg)
	}
	return true
}

// mx shows the mail exchangers of a domain.
func (t *session) mx(host string) {
	names, err := t.exchangers(host)
	switch {
	case errors.Is(err, dns.ErrTemporary):
		t.printf("getmxrr(%s) returns -1 value(s):\n", host)
	case len(names) == 1 && names[0] == "..":
		t.printf("getmxrr(%s) returns null MX (See RFC7505)\n", host)
	default:
		t.printf("getmxrr(%s) returns %d value(s):\n", host, len(names))
		for _, n := range names {
			t.printf("\t%s\n", n)
		}
	}
}

// exchangers are the hosts that take a domain's mail: the domain itself where it has no MX record but an address. Names
// end in a dot.
func (t *session) exchangers(host string) (names []string, err error) {
	if strings.HasPrefix(host, "[") {
		return []string{host}, nil
	}
	a, err := t.site.Resolver().LookupMX(t.ctx, host)
	if err == nil {
		for _, r := range a.Records {
			names = append(names, r.Host+".")
		}
		return names, nil
	}
	if !errors.Is(err, dns.ErrNotFound) {
		return nil, err
	}
	at, err := t.site.Resolver().LookupAddrs(t.ctx, host)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(at.Name, host) {
		return []string{host + "."}, nil
	}
	return []string{at.Name + "."}, nil
}

// canon shows the canonical name of a host.
func (t *session) canon(host string) {
	const most = 255 // bytes
	if len(host) > most {
		t.printf("Name too long\n")
		return
	}
	set := t.site.Settings()
	name := host
	o := dns.CanonOptions{TryMX: true, DontExpandCnames: set.DontExpandCnames}
	if c, err := t.site.Resolver().Canonical(t.ctx, host, o); err == nil {
		name = c.Name
	} else {
		name = strings.TrimSuffix(host, ".")
	}
	t.printf("getcanonname(%s) returns %s\n", host, name)
}

// lookup asks a map.
func (t *session) lookup(arg string) {
	i := strings.IndexAny(arg, blanks)
	if i < 0 {
		t.printf("No key specified\n")
		return
	}
	name, key := arg[:i], arg[i+1:]
	if _, ok := t.site.Maps.Spec(name); !ok {
		t.printf("Map named \"%s\" not found\n", name)
		return
	}
	ctx := maps.WithSession(t.ctx, t.env.Session())
	m, err := t.site.Maps.Map(name)
	if err != nil || t.env.OpenMap(ctx, name, key) == mta.Missing {
		t.printf("Map named \"%s\" not open\n", name)
		return
	}
	t.printf("map_lookup: %s (%s) ", name, key)
	t.env.OpenMembers(ctx, name, key)
	t.env.TellLookup(name, key, key)
	value, err := m.Lookup(ctx, key)
	switch {
	case errors.Is(err, maps.ErrNotFound) && t.env.FailedWithin(name):
		t.printf("no match (%d)\n", status.TempFail)
		return
	case err != nil:
		t.printf("no match (%d)\n", maps.Status(err))
		return
	}
	t.printf("returns %s (%d)\n", value, status.OK)
}

// try shows an address as a mailer's peer gets it.
func (t *session) try(arg string) {
	i := strings.IndexAny(arg, " \t")
	if i < 0 {
		t.printf("Usage: /try mailer address\n")
		return
	}
	name, addr := arg[:i], strings.TrimLeft(arg[i:], blanks)
	m := t.site.Mailer(name)
	if m == nil {
		t.printf("Unknown mailer %s\n", name)
		return
	}
	t.printf("Trying %s address %s for mailer %s\n", t.roleWords(), addr, name)
	t.stale = ""
	r := t.site.Remote(t.ctx, t.env, addr, m, mta.RemoteOptions{Role: t.role})
	t.printf("Rcode = %d, addr = %s\n", r.Exit(), r.Text)
}

func (t *session) roleWords() string {
	words := "envelope recipient"
	switch {
	case t.role.Header && t.role.Sender:
		words = "header sender"
	case t.role.Header:
		words = "header recipient"
	case t.role.Sender:
		words = "envelope sender"
	}
	return words
}

// tryFlags sets what /try and /parse take addresses for.
func (t *session) tryFlags(arg string) {
	for _, c := range arg {
		switch c {
		case 'H', 'h':
			t.role.Header = true
		case 'E', 'e':
			t.role.Header = false
		case 'S', 's':
			t.role.Sender = true
		case 'R', 'r':
			t.role.Sender = false
		}
	}
	t.env.Define("{addr_type}", t.role.String())
}

// parse shows what an address resolves to.
func (t *session) parse(addr string) {
	t.stale = ""
	t.printf("Cracked address = %s\nParsing %s address\n", macro.Show(t.site.CrackIn(t.env, addr)), t.roleWords())
	a := t.site.Parse(t.ctx, t.env, addr, 0, t.role)
	if a != nil && a.Error && (t.exit == status.OK || t.exit == status.TempFail) {
		t.exit = a.Status.Exit
	}
	switch {
	case a == nil:
		t.printf("Cannot parse\n")
	case a.Host != "":
		t.printf("mailer %s, host %s, user %s\n", a.MailerName(), a.Host, a.User)
	default:
		t.printf("mailer %s, user %s\n", a.MailerName(), a.User)
	}
}

// header runs the check of a header field and shows what kind of field it is.
func (t *session) header(arg string) {
	name, value, ok := strings.Cut(arg, ":")
	name = strings.TrimRight(name, blanks)
	if !ok || name == "" || strings.ContainsAny(name, blanks) {
		t.problem("", "553 5.0.0 header syntax error, line \""+arg+"\"")
		t.printf("ul = 00000000\n")
		return
	}
	flags := headerFlags[strings.ToLower(name)]
	if t.checkHeader(name, value, flags) {
		flags |= stripsComments
	}
	if strings.Trim(value, blanks) == "" && flags&always == 0 && t.added(name) {
		t.printf("ul = 00000000\n") // the field that is added stays
		return
	}
	if flags&endsHeader == 0 {
		flags |= fromUser
	}
	t.printf("ul = 0x%08x\n", flags)
}

// added reports whether an H line adds a field of a name.
func (t *session) added(name string) bool {
	return slices.ContainsFunc(t.site.Config.Headers, func(h cf.Header) bool { return h.Check == "" && strings.EqualFold(h.Name, name) })
}

// checkHeader runs the ruleset that an H line gives for a field, and reports whether one for this field drops comments.
func (t *session) checkHeader(name, value string, flags uint32) (strips bool) {
	var check *cf.Header
	for i := range t.site.Config.Headers {
		h := &t.site.Config.Headers[i]
		if h.Check != "" && (strings.EqualFold(h.Name, name) || h.CheckAll && check == nil) {
			check = h
		}
	}
	if check == nil {
		return false
	}
	t.env.Define("{currHeader}", mta.QuotedText(value))
	t.env.Define("{hdr_name}", name)
	t.env.Define("{hdrlen}", strconv.Itoa(len(value)))
	kind := "h"
	switch {
	case flags&ofSender != 0:
		kind = "h s"
	case flags&ofRecipient != 0:
		kind = "h r"
	}
	t.env.Define("{addr_type}", kind)
	o := mta.CheckOptions{StripComments: !check.KeepComments, Quiet: flags&(ofSender|ofRecipient) == 0}
	if v := t.site.Check(t.ctx, t.env, check.Check, value, "", false, o); v.Message != "" && !v.Failed {
		t.problem("", v.Message)
	}
	return !check.CheckAll && !check.KeepComments
}
