package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// CanonOptions say how a host's canonical name is found.
type CanonOptions struct {
	TryMX            bool   // an MX record alone proves the name too (the original passes not HasWildcardMX)
	DontExpandCnames bool   // option DontExpandCnames: a CNAME is canonical itself
	Domain           string // $m, for names without a dot from hosts(5); may be empty
	IPv6             bool   // ask for AAAA before A
}

// Canon is a canonical host name.
type Canon struct {
	Name string        // without final dot
	TTL  time.Duration // 0: unknown
}

// Canonical returns the canonical form of a host name ($[name$], map class host): the services of the switch are asked
// in turn, in the DNS each domain of the search list, for an address, or with TryMX a mail exchanger. A name with a
// final dot is not searched.
func (r *Resolver) Canonical(ctx context.Context, host string, o CanonOptions) (Canon, error) {
	var failed error
	order := r.cfg.Canon
	if order == nil {
		order = r.cfg.Order
	}
	for _, service := range order {
		var c Canon
		var err error
		switch service {
		case "files":
			c, err = r.canonFromFile(host, o)
		case "dns":
			c, err = r.canonFromDNS(ctx, host, o)
		default:
			continue
		}
		if err == nil && (o.Domain != "" || strings.Contains(c.Name, ".")) {
			return c.complete(host, o)
		}
		if err == nil {
			err = &Error{Kind: NoName, Name: host}
		}
		failed = worse(failed, err)
	}
	if failed == nil {
		failed = &Error{Kind: NoName, Name: host}
	}
	return Canon{}, failed
}

// complete adds $m to a name that is still a single word, since some tables hold such names.
func (c Canon) complete(host string, o CanonOptions) (Canon, error) {
	if i := strings.IndexByte(c.Name, '.'); i >= 0 && i < len(c.Name)-1 {
		return c, nil
	}
	if o.Domain == "" {
		return Canon{}, &Error{Kind: NoName, Name: host}
	}
	c.Name = trimDot(c.Name) + "." + o.Domain
	return c, nil
}

func (r *Resolver) canonFromFile(host string, o CanonOptions) (Canon, error) {
	t, err := r.hosts.load()
	if err != nil {
		return Canon{}, &Error{Kind: Temporary, Name: host, Cause: err}
	}
	if name := t.canonical(trimDot(host), o.Domain); name != "" {
		return Canon{Name: name}, nil
	}
	return Canon{}, &Error{Kind: NoName, Name: host}
}

// canonFromDNS restarts with the target of each CNAME, whose own search list may differ.
func (r *Resolver) canonFromDNS(ctx context.Context, host string, o CanonOptions) (Canon, error) {
	at := host
	for range maxChain + 2 {
		c, target, err := r.canonPass(ctx, at, o)
		if err != nil || target == "" {
			return c, err
		}
		at = target
	}
	return Canon{}, &Error{Kind: Unusable, Name: host, Cause: fmt.Errorf("CNAME loop for %s", host)}
}

// canonPass tries the search list once. It returns the canonical name, or the target of a CNAME to go on with.
func (r *Resolver) canonPass(ctx context.Context, host string, o CanonOptions) (c Canon, target string, err error) {
	var temporary error
	saved := Canon{} // an MX match that a wildcard may have made
	name := trimDot(host)
	for _, domain := range r.canonSearch(host) {
		full := name
		if domain != "" {
			full += "." + domain
		}
		p := probe{r: r, o: o, full: full, bare: domain == ""}
		found, err := p.run(ctx)
		switch {
		case err != nil && errors.Is(err, ErrTemporary):
			if domain != "" {
				return Canon{}, "", err
			}
			temporary = err
		case found && p.target != "":
			return Canon{}, p.target, nil
		case found:
			return Canon{full, p.ttl}, "", nil
		case p.wildcard && saved.Name == "" && o.TryMX:
			saved = Canon{full, p.ttl}
		}
	}
	switch {
	case saved.Name != "":
		return saved, "", nil
	case temporary != nil:
		return Canon{}, "", temporary
	}
	return Canon{}, "", &Error{Kind: NoName, Name: host}
}

// canonSearch lists the domains to append: a name with a dot is tried alone first, so that no search can shadow it;
// without DNSRCH only a name without a dot is completed, with the first domain.
func (r *Resolver) canonSearch(host string) []string {
	var list []string
	dots := strings.Count(host, ".")
	if dots > 0 {
		list = append(list, "")
	}
	switch {
	case strings.HasSuffix(host, "."):
	case !r.cfg.NoSearch:
		list = append(list, r.cfg.Search...)
	case dots == 0 && !r.cfg.NoDomain && len(r.cfg.Search) > 0:
		list = append(list, r.cfg.Search[0])
	}
	return list
}

// probe looks for proof that one absolute name is a host.
type probe struct {
	r    *Resolver
	o    CanonOptions
	full string
	bare bool // nothing was appended

	ttl      time.Duration
	target   string // of a CNAME at this name
	wildcard bool   // only an MX was found that a wildcard may have made
}

func (p *probe) run(ctx context.Context) (bool, error) {
	if !askable(mdns.Fqdn(p.full)) {
		return false, nil // there is no such name
	}
	var types []uint16
	if p.o.IPv6 {
		types = append(types, mdns.TypeAAAA)
	}
	types = append(types, mdns.TypeA)
	if p.o.TryMX || p.bare {
		types = append(types, mdns.TypeMX)
	}
	var temporary error
	for _, t := range types {
		m, err := p.r.exchange(ctx, mdns.Fqdn(p.full), t)
		if err != nil {
			err = &Error{Kind: Temporary, Name: p.full, Type: t, Cause: err}
		} else if found := p.look(m, t); found {
			return true, nil
		} else if m.broken || m.outcome() != 0 {
			err = p.r.failure(m, p.full, "", t)
		}
		if KindOf(err) == NoName {
			return false, temporary
		}
		if err != nil && errors.Is(err, ErrTemporary) {
			temporary = err
			if !p.bare && !(p.r.cfg.WorkAroundBrokenAAAA && t == mdns.TypeAAAA) {
				return false, err
			}
		}
	}
	return false, temporary
}

// look reads one reply: a CNAME at the name, a record of the asked type, or an MX of doubtful worth. A record proves
// the name even where its data cannot be read.
func (p *probe) look(m *reply, qtype uint16) bool {
	if m.outcome() != 0 {
		return false
	}
	at := mdns.Fqdn(p.full)
	if c := m.cname(at); c != nil {
		if !p.o.DontExpandCnames {
			if !IsHostName(c.Target) {
				return false
			}
			p.target = trimDot(c.Target)
		}
		p.ttl = time.Duration(c.Hdr.Ttl) * time.Second
		return true
	}
	for i := range m.records {
		h := &m.records[i].header
		if h.Rrtype != qtype || !m.records[i].owned(at) {
			continue
		}
		p.ttl = time.Duration(h.Ttl) * time.Second
		if qtype == mdns.TypeMX && !p.bare && p.r.cfg.WildcardMX {
			p.wildcard = true
			return false
		}
		return true
	}
	return false
}
