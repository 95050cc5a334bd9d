package maps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
)

// bestMX is class bestmx: the most preferred mail exchanger, or all of them with -z. This host comes first among its
// equals. A host without mail exchangers takes its mail itself, and an address in brackets is where it is.
func bestMX(ctx context.Context, p *Params, key string, args []string) (string, error) {
	if p.env.DNS == nil {
		return "", tempFail(errNoResolver)
	}
	if strings.HasPrefix(key, "[") {
		if _, err := inBrackets(key); err != nil {
			return "", ErrNotFound
		}
		return p.Result(ctx, key, key, args), nil
	}
	a, err := p.env.DNS.LookupMX(ctx, key)
	switch {
	case err != nil:
		return withoutMX(ctx, p, key, args, err)
	case a.NullMX() && a.Records[0].Pref == 0:
		return "", missing(exUnavailable, errors.New("the domain takes no mail"))
	}
	if len(a.Records) == 0 {
		return "", missing(exNoHost, errors.New("no exchanger has a host's name: "+a.BadHost))
	}
	hosts := byPreference(a.Records, p.env.IsLocal)
	if p.Delim == 0 {
		return p.Result(ctx, key, hosts[0], args), nil
	}
	for _, h := range hosts {
		if len(hosts) > 1 && strings.IndexByte(h, p.Delim) >= 0 {
			text := fmt.Sprintf("bestmx_map_lookup: MX host %.64s includes map delimiter character 0x%02X", h, p.Delim)
			p.tell(text, nil)
			return "", &Error{Key: key, Status: exOK, Cause: errors.New(text)}
		}
	}
	return p.Result(ctx, key, joinLimited(hosts, p.Delim, ""), args), nil
}

// withoutMX is the result for a name that has no mail exchangers: its own canonical name, where it is a host's. Another
// name of a host (CNAME) counts as none.
func withoutMX(ctx context.Context, p *Params, key string, args []string, err error) (string, error) {
	kind := dns.KindOf(err)
	if errors.Is(err, dns.ErrTemporary) {
		return "", dnsFailure(err)
	}
	if _, name := mdns.IsDomainName(key); kind == dns.Unusable && name {
		return "", missing(exNoHost, err) // nobody has a name with such characters
	}
	if kind != dns.NoData && kind != dns.NoName {
		return "", ErrNotFound
	}
	if _, cname := p.env.DNS.Query(ctx, key, mdns.TypeCNAME); cname == nil {
		return "", ErrNotFound
	}
	o := p.env.Canon
	o.TryMX = false
	resolver := p.env.DNS
	if strings.IndexByte(key, '.') < 0 { // the search list does not count
		conf := resolver.Config()
		conf.Canon = []string{"files"}
		resolver = dns.New(conf)
	}
	c, cerr := resolver.Canonical(ctx, key, o)
	switch {
	case cerr == nil:
		return p.Result(ctx, key, rooted(c.Name), args), nil
	case errors.Is(cerr, dns.ErrTemporary):
		return "", dnsFailure(cerr)
	case kind == dns.NoName:
		return "", dnsFailure(err)
	}
	return "", ErrNotFound
}

// byPreference lists the hosts with a final dot, each once: this host before its equals, the others in the server's
// order.
func byPreference(records []dns.MX, isLocal func(string) bool) []string {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b dns.MX) int {
		switch {
		case a.Pref != b.Pref || isLocal == nil || isLocal(a.Host) == isLocal(b.Host):
			return int(a.Pref) - int(b.Pref)
		case isLocal(a.Host):
			return -1
		}
		return 1
	})
	var hosts []string
	for _, r := range records {
		h := rooted(r.Host)
		if !slices.ContainsFunc(hosts, func(o string) bool { return strings.EqualFold(o, h) }) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// rooted gives a name its final dot.
func rooted(name string) string { return trimDot(name) + "." }
