package maps

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
)

// dnsFlags are the flags of classes host and dns: -d retransmission interval, -r tries, and for dns -R type, -Z limit, -B base domain.
type dnsFlags struct {
	wait  time.Duration
	tries int
	qtype uint16
	limit int
	base  string
}

var dnsTypes = map[string]uint16{
	"A": mdns.TypeA, "AAAA": mdns.TypeAAAA, "AFSDB": mdns.TypeAFSDB, "CNAME": mdns.TypeCNAME, "MX": mdns.TypeMX,
	"NS": mdns.TypeNS, "PTR": mdns.TypePTR, "SRV": mdns.TypeSRV, "TXT": mdns.TypeTXT, "TLSA": mdns.TypeTLSA,
}

func parseDNS(p *Params) error {
	f := &dnsFlags{}
	p.extra = f
	sc := flagScanner{p.Args}
	for {
		letter, value := sc.next()
		switch {
		case letter == 0:
			if f.qtype == 0 {
				return fmt.Errorf("dns map %s: missing -R type", p.Name)
			}
			return nil
		case letter == 'R':
			name := sc.after(value)
			if f.qtype = dnsTypes[strings.ToUpper(name)]; f.qtype == 0 {
				return fmt.Errorf("dns map %s: wrong type %s", p.Name, name)
			}
		case letter == 'z':
			p.Delim = delimiter(value)
		case letter == 'Z':
			f.limit, _ = strconv.Atoi(sc.after(value))
		case letter == 'B':
			f.base = sc.after(value)
		case f.timing(&sc, letter, value):
		case !p.common(letter, value):
			return fmt.Errorf("Illegal option %c map %s", letter, p.Name)
		}
	}
}

// timing applies -d and -r.
func (f *dnsFlags) timing(sc *flagScanner, letter byte, value string) bool {
	switch letter {
	case 'd':
		f.wait = interval(sc.after(value))
	case 'r':
		f.tries, _ = strconv.Atoi(sc.after(value))
	default:
		return false
	}
	return true
}

// interval reads a time with units as options have them ("2m30s"); a bare number is seconds.
func interval(s string) time.Duration {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	var total time.Duration
	for s != "" {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		n, err := strconv.Atoi(s[:digits])
		if err != nil || n > 1<<20 {
			return total
		}
		unit := time.Second
		if s = s[digits:]; s != "" {
			unit, s = units[s[0]], s[1:]
		}
		total += time.Duration(n) * unit
	}
	return total
}

// dnsMap is class dns.
type dnsMap struct {
	p *Params
	f *dnsFlags
	r *dns.Resolver
}

var errNoResolver = errors.New("no resolver")

func openDNS(p *Params) (Map, error) {
	if p.env.DNS == nil {
		return nil, errNoResolver
	}
	f := p.extra.(*dnsFlags)
	return &dnsMap{p, f, p.env.DNS.WithTimeouts(f.wait, f.tries)}, nil
}

// maxAnswer is how long a value of several records may be; it ends at a separator (half the size of the rewriting buffer).
const maxAnswer = 1024

// Lookup asks for the records of a name.
func (m *dnsMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	name := key
	if m.f.base != "" {
		name += "." + m.f.base
	}
	a, err := m.r.Query(ctx, name, m.f.qtype)
	if err != nil {
		return "", dnsFailure(err)
	}
	var values []string
	for _, rr := range a.Records {
		values = append(values, recordText(rr))
		if m.p.Delim == 0 || m.p.MatchOnly || m.f.limit > 0 && len(values) >= m.f.limit {
			break
		}
	}
	return m.p.Result(ctx, key, joinLimited(values, m.p.Delim), args), nil
}

func dnsFailure(err error) error {
	if errors.Is(err, dns.ErrTemporary) {
		return tempFail(err)
	}
	return missing(exNoHost, err)
}

// joinLimited joins values with the separator, as many as fit.
func joinLimited(values []string, sep byte) string {
	s := strings.Join(values, string(sep))
	if sep == 0 || len(s) < maxAnswer {
		return s
	}
	s = s[:maxAnswer]
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i]
	}
	return s
}

// recordText is what a map returns of a record: the address, host name or text.
func recordText(rr mdns.RR) string {
	switch rr := rr.(type) {
	case *mdns.A:
		return rr.A.String()
	case *mdns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
			return "IPv6:" + a.String()
		}
		return ""
	case *mdns.MX:
		return trimDot(rr.Mx)
	case *mdns.NS:
		return trimDot(rr.Ns)
	case *mdns.PTR:
		return trimDot(rr.Ptr)
	case *mdns.CNAME:
		return trimDot(rr.Target)
	case *mdns.SRV:
		return trimDot(rr.Target)
	case *mdns.AFSDB:
		return trimDot(rr.Hostname)
	case *mdns.TXT:
		return strings.Join(rr.Txt, "")
	case *mdns.TLSA:
		return fmt.Sprintf("%d %d %d %s", rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate)
	}
	return rr.String()
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

// hostMap is class host.
type hostMap struct {
	p *Params
	r *dns.Resolver
}

func parseHost(p *Params) error {
	f := &dnsFlags{}
	p.extra = f
	sc := flagScanner{p.Args}
	for {
		letter, value := sc.next()
		switch {
		case letter == 0:
			return nil
		case letter == 'h' || letter == 'P': // hints of older configurations, without meaning since 8.7
		case f.timing(&sc, letter, value):
		case !p.common(letter, value):
			return fmt.Errorf("Illegal option %c map %s", letter, p.Name)
		}
	}
}

func openHost(p *Params) (Map, error) {
	if p.env.DNS == nil {
		return nil, errNoResolver
	}
	f := p.extra.(*dnsFlags)
	return &hostMap{p, p.env.DNS.WithTimeouts(f.wait, f.tries)}, nil
}

// Lookup returns the canonical name of a host, or for an address in brackets the name of its PTR record.
func (m *hostMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	name, err := m.canonical(ctx, key)
	if err != nil {
		if r, ok := sessionOf(ctx).(Reporter); ok && errors.Is(err, dns.ErrTemporary) {
			r.Report("", "851 "+shortened(key)+": Name server timeout")
		}
		return "", dnsFailure(err)
	}
	return m.p.Result(ctx, key, name, args), nil
}

// shortened is a name as messages show it, without the middle of a long one.
func shortened(name string) string {
	const most = 33
	if len(name) < most {
		return name
	}
	return name[:most/2-1] + "..." + name[len(name)-most/2+1:]
}

func (m *hostMap) canonical(ctx context.Context, key string) (string, error) {
	if !strings.HasPrefix(key, "[") {
		o := m.p.env.Canon
		if o.Domain == "" {
			o.Domain = macroOf(ctx, "m")
		}
		c, err := m.r.Canonical(ctx, key, o)
		return c.Name, err
	}
	text, _, ok := strings.Cut(key[1:], "]")
	if !ok {
		return "", &dns.Error{Kind: dns.Unusable, Name: key}
	}
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "", &dns.Error{Kind: dns.NoName, Name: key, Cause: err}
	}
	names, err := m.r.LookupPTR(ctx, addr)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Close does nothing.
func (m *hostMap) Close() error { return nil }

// Close does nothing.
func (m *dnsMap) Close() error { return nil }

// bestMX is class bestmx: the most preferred mail exchanger, or all with -z. This host wins among equals, and hosts behind it do not count.
func bestMX(ctx context.Context, p *Params, key string, args []string) (string, error) {
	if p.env.DNS == nil {
		return "", tempFail(errNoResolver)
	}
	a, err := p.env.DNS.LookupMX(ctx, key)
	switch {
	case dns.KindOf(err) == dns.NoData:
		return p.Result(ctx, key, key+".", args), nil // without MX the host itself takes its mail
	case err != nil:
		return "", dnsFailure(err)
	case a.NullMX():
		return "", missing(exUnavailable, errors.New("the domain takes no mail"))
	}
	hosts := preferLocal(a.Records, p.env.IsLocal)
	if p.Delim == 0 {
		hosts = hosts[:1]
	}
	for i, h := range hosts {
		hosts[i] = h + "."
		if p.Delim != 0 && strings.IndexByte(h, p.Delim) >= 0 {
			return "", missing(exConfig, fmt.Errorf("MX host %.64s includes map delimiter character 0x%02X", h, p.Delim))
		}
	}
	return p.Result(ctx, key, joinLimited(hosts, p.Delim), args), nil
}

// preferLocal lists the hosts: when this host is one of them, those less or equally preferred go, and it comes first among its equals.
func preferLocal(records []dns.MX, isLocal func(string) bool) []string {
	var hosts []string
	for _, mx := range records {
		if isLocal != nil && isLocal(mx.Host) {
			var out []string
			for _, r := range records {
				if r.Pref < mx.Pref {
					out = append(out, r.Host)
				}
			}
			if len(out) == 0 {
				return []string{mx.Host}
			}
			return out
		}
		hosts = append(hosts, mx.Host)
	}
	return hosts
}
