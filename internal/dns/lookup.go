package dns

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// maxExchangers is how many mail exchangers of a domain count (MAXMXHOSTS of the original).
const maxExchangers = 100

// MX is one mail exchanger.
type MX struct {
	Host string // without final dot; "." alone says that the domain takes no mail (RFC 7505)
	Pref uint16 // lower goes first
}

// MXAnswer lists a domain's mail exchangers, the most preferred first; those of equal preference keep the server's
// order.
type MXAnswer struct {
	Records []MX   // at most maxExchangers; those whose names can be no host's are left out
	Name    string // the owner after CNAMEs
	// BadHost is such a name, as zone files write it; "" where there was none. A domain whose exchangers are all of
	// that kind has none.
	BadHost string
	TTL     time.Duration
	Secure  bool
}

// NullMX reports whether the domain says that it takes no mail (RFC 7505).
func (a *MXAnswer) NullMX() bool { return len(a.Records) == 1 && a.Records[0].Host == "." }

// LookupMX returns the mail exchangers of an absolute name. NoData is no failure to the caller: RFC 5321 section 5.1
// takes the host itself then.
func (r *Resolver) LookupMX(ctx context.Context, host string) (*MXAnswer, error) {
	a, err := r.Query(ctx, host, mdns.TypeMX)
	if err != nil {
		return nil, err
	}
	out := &MXAnswer{Name: a.Name, TTL: a.TTL, Secure: a.Secure}
	for _, rr := range a.Records {
		mx, ok := rr.(*mdns.MX)
		switch {
		case !ok:
		case mx.Mx == ".":
			out.Records = append(out.Records, MX{Host: ".", Pref: mx.Preference})
		case IsHostName(mx.Mx):
			out.Records = append(out.Records, MX{Host: trimDot(mx.Mx), Pref: mx.Preference})
		default:
			out.BadHost = trimDot(mx.Mx)
		}
	}
	slices.SortStableFunc(out.Records, func(a, b MX) int { return cmp.Compare(a.Pref, b.Pref) })
	out.Records = out.Records[:min(len(out.Records), maxExchangers)]
	return out, nil
}

// AddrAnswer holds the addresses of a host, IPv6 before IPv4 as the original tries them.
type AddrAnswer struct {
	Addrs []netip.Addr
	Name  string // canonical, after CNAMEs or from hosts(5)
	// Aliases are the other names of the lines of hosts(5), as gethostbyname(3) gives them; names that the DNS passed
	// on the way to Name are not among them.
	Aliases []string
	TTL     time.Duration
	Secure  bool
}

// Family selects the addresses that LookupFamily asks for.
type Family int

// The families.
const (
	AnyFamily Family = iota
	IPv4
	IPv6
)

// LookupAddrs returns the addresses of a host in the order of the service switch; names without a dot are completed
// with the search list.
func (r *Resolver) LookupAddrs(ctx context.Context, host string) (*AddrAnswer, error) {
	return r.LookupFamily(ctx, host, AnyFamily)
}

// LookupFamily is LookupAddrs for one address family.
func (r *Resolver) LookupFamily(ctx context.Context, host string, f Family) (*AddrAnswer, error) {
	var failed error
	for _, service := range r.cfg.Order {
		var a *AddrAnswer
		var err error
		switch service {
		case "files":
			a, err = r.addrsFromFile(host, f)
		case "dns":
			a, err = r.addrsFromDNS(ctx, host, f)
		default:
			continue
		}
		if err == nil {
			return a, nil
		}
		failed = worse(failed, err)
	}
	if failed == nil {
		failed = &Error{Kind: NoName, Name: host}
	}
	return nil, failed
}

// worse keeps the error that must decide: a temporary one wins, then the later one.
func worse(a, b error) error {
	if a != nil && errors.Is(a, ErrTemporary) {
		return a
	}
	return b
}

func (f Family) has(a netip.Addr) bool {
	return f == AnyFamily || (f == IPv4) == a.Is4()
}

func (r *Resolver) addrsFromFile(host string, f Family) (*AddrAnswer, error) {
	t, err := r.hosts.load()
	if err != nil {
		return nil, &Error{Kind: Temporary, Name: host, Cause: err}
	}
	a := t.find(host, f)
	if len(a.Addrs) == 0 {
		return nil, &Error{Kind: NoName, Name: host}
	}
	a.Secure = true // this host's own word
	return a, nil
}

func (r *Resolver) addrsFromDNS(ctx context.Context, host string, f Family) (*AddrAnswer, error) {
	var failed error
	for _, name := range r.candidates(host) {
		a, err := r.addrsOf(ctx, name, f)
		if err == nil {
			return a, nil
		}
		failed = worse(failed, err)
		if errors.Is(err, ErrTemporary) {
			break
		}
	}
	return nil, failed
}

func (r *Resolver) addrsOf(ctx context.Context, name string, f Family) (*AddrAnswer, error) {
	out := AddrAnswer{Name: trimDot(name)}
	var failed error
	for _, t := range []uint16{mdns.TypeAAAA, mdns.TypeA} {
		if (f == IPv4 && t == mdns.TypeAAAA) || (f == IPv6 && t == mdns.TypeA) {
			continue
		}
		a, err := r.Query(ctx, name, t)
		if err != nil {
			failed = worse(failed, err)
			continue
		}
		out.add(a)
	}
	switch {
	case len(out.Addrs) > 0:
		return &out, nil
	case failed == nil:
		failed = &Error{Kind: NoData, Name: name}
	}
	return nil, failed
}

func (out *AddrAnswer) add(a *Answer) {
	if len(out.Addrs) == 0 {
		out.Secure, out.TTL = a.Secure, a.TTL
	}
	out.Secure, out.TTL = out.Secure && a.Secure, min(out.TTL, a.TTL)
	if IsHostName(a.Name) {
		out.Name = a.Name
	}
	for _, rr := range a.Records {
		if addr, ok := recordAddr(rr); ok {
			out.Addrs = append(out.Addrs, addr)
		}
	}
}

// candidates lists the absolute names to try for a host (resolv.conf(5): search, ndots).
func (r *Resolver) candidates(host string) []string {
	if strings.HasSuffix(host, ".") {
		return []string{host}
	}
	dots := strings.Count(host, ".")
	var more []string
	if (dots == 0 && !r.cfg.NoDomain) || (dots > 0 && !r.cfg.NoSearch) {
		for i, d := range r.cfg.Search {
			if i > 0 && r.cfg.NoSearch {
				break
			}
			more = append(more, host+"."+d)
		}
	}
	if dots >= r.cfg.Ndots {
		return append([]string{host}, more...)
	}
	return append(more, host)
}

// LookupPTR returns the names of an address in the order of the service switch, without final dots.
func (r *Resolver) LookupPTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	addr = addr.Unmap().WithZone("")
	var failed error
	for _, service := range r.cfg.Order {
		var names []string
		var err error
		switch service {
		case "files":
			names, err = r.ptrFromFile(addr)
		case "dns":
			names, err = r.ptrFromDNS(ctx, addr)
		default:
			continue
		}
		if err == nil {
			return names, nil
		}
		failed = worse(failed, err)
	}
	if failed == nil {
		failed = &Error{Kind: NoName, Name: addr.String(), Type: mdns.TypePTR}
	}
	return nil, failed
}

// LookupHost returns the name of an address and its other names as gethostbyaddr(3) does: those of the first line of
// hosts(5), or the further names that the DNS has.
func (r *Resolver) LookupHost(ctx context.Context, addr netip.Addr) (name string, aliases []string, err error) {
	addr = addr.Unmap().WithZone("")
	if t, err := r.hosts.load(); err == nil && slices.Contains(r.cfg.Order, "files") {
		if lines := t.byAddr[addr]; len(lines) > 0 {
			names := t.lines[lines[0]].names
			return names[0], names[1:], nil
		}
	}
	names, err := r.LookupPTR(ctx, addr)
	if err != nil {
		return "", nil, err
	}
	return names[0], names[1:], nil
}

func (r *Resolver) ptrFromFile(addr netip.Addr) ([]string, error) {
	t, err := r.hosts.load()
	if err != nil {
		return nil, &Error{Kind: Temporary, Name: addr.String(), Type: mdns.TypePTR, Cause: err}
	}
	if names := t.names(addr); len(names) > 0 {
		return names, nil
	}
	return nil, &Error{Kind: NoName, Name: addr.String(), Type: mdns.TypePTR}
}

func (r *Resolver) ptrFromDNS(ctx context.Context, addr netip.Addr) ([]string, error) {
	rev, err := mdns.ReverseAddr(addr.String())
	if err != nil {
		return nil, &Error{Kind: Unusable, Name: addr.String(), Type: mdns.TypePTR, Cause: err}
	}
	a, err := r.Query(ctx, rev, mdns.TypePTR)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, rr := range a.Records {
		if ptr, ok := rr.(*mdns.PTR); ok && IsHostName(ptr.Ptr) && !isAddress(trimDot(ptr.Ptr)) {
			names = append(names, trimDot(ptr.Ptr))
		}
	}
	if len(names) == 0 {
		return nil, &Error{Kind: Unusable, Name: addr.String(), Type: mdns.TypePTR, Cause: errNoHost}
	}
	return names, nil
}

// errNoHost says that an answer names nothing that can be a host.
var errNoHost = errors.New("the answer is no host name")

// LookupTXT returns the TXT records of an absolute name, the strings of each joined (RFC 7208 section 3.3).
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := r.Query(ctx, name, mdns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.Records {
		if txt, ok := rr.(*mdns.TXT); ok {
			out = append(out, strings.Join(txt.Txt, ""))
		}
	}
	return out, nil
}
