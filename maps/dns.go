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

// dnsFlags are the flags of classes host and dns: -d retransmission interval, -r tries, and for dns -R type, -Z limit,
// -B base domain.
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
	sc := flagScanner{s: p.Args}
	var wrong error
	for {
		letter, value := sc.next()
		switch {
		case letter == 0:
			if f.qtype == 0 {
				wrong = errors.Join(wrong, harmless{fmt.Errorf("dns map %s: missing -R type", p.Name)})
			}
			return wrong
		case letter == 'R':
			name := sc.after(value)
			if f.qtype = dnsTypes[strings.ToUpper(name)]; f.qtype == 0 {
				rest := strings.TrimRight(name+" "+sc.s, blanks)
				wrong = errors.Join(wrong, harmless{fmt.Errorf("dns map %s: wrong type %s", p.Name, rest)})
			}
		case letter == 'z':
			p.Delim = delimiter(value)
		case letter == 'Z':
			f.limit, _ = strconv.Atoi(sc.after(value))
		case letter == 'B':
			f.base = sc.after(value)
		case f.timing(&sc, letter, value):
		default:
			p.common(letter, value) // what the class does not have means nothing here, and is not told
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
	if f.qtype == 0 {
		return nullMap{}, nil
	}
	return &dnsMap{p, f, p.env.DNS.WithTimeouts(f.wait, f.tries)}, nil
}

// maxAnswer is how long a value of several records may be. What is left out is shown by an ellipsis.
const maxAnswer = 627

// Lookup asks for the records of a name.
func (m *dnsMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	name := key
	if m.f.base != "" {
		name += "." + m.f.base
	}
	a, err := m.r.Search(ctx, name, m.f.qtype)
	if err != nil {
		return "", dnsFailure(err)
	}
	var values []string
	for _, rr := range a.Records {
		if name, isName := recordName(rr); isName && name != "." && !dns.IsHostName(name) {
			continue // as if it were not there: what rules do with a name must not be for its owner to choose
		}
		values = append(values, printable(recordText(rr)))
		if m.p.Delim == 0 || m.p.MatchOnly || len(values) == m.f.most() {
			break
		}
	}
	if len(values) == 0 {
		return "", missing(exNoHost, errors.New("no answer is a host's name"))
	}
	return m.p.Result(ctx, key, joinLimited(values, m.p.Delim, "..."), args), nil
}

// most is how many values -Z lets through, 0 for all of them. It counts as the original does, which stops when it has
// one more than it was told, unless that was one.
func (f *dnsFlags) most() int {
	if f.limit > 1 {
		return f.limit + 1
	}
	return f.limit
}

func dnsFailure(err error) error {
	switch {
	case err == ErrNotFound:
		return err
	case errors.Is(err, dns.ErrTemporary):
		return tempFail(err)
	}
	return missing(exNoHost, err)
}

// joinLimited joins values with the separator. Where they are too long for one value, it gives as many as fit together
// with more, as if that were a last one; "" stands for nothing.
func joinLimited(values []string, sep byte, more string) string {
	delim := string([]byte{sep})
	all := strings.Join(values, delim)
	if len(all) <= maxAnswer || len(values) < 2 {
		return all
	}
	if more != "" {
		more = delim + more
	}
	n, size := 1, len(values[0])
	for n < len(values) && size+1+len(values[n])+len(more) <= maxAnswer {
		size += 1 + len(values[n])
		n++
	}
	return strings.Join(values[:n], delim) + more
}

// printable puts an X in the place of each byte that cannot be printed.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			b := []byte(s)
			for i, c := range b {
				if c < ' ' || c > '~' {
					b[i] = 'X'
				}
			}
			return string(b)
		}
	}
	return s
}

// recordText is what a map returns of a record: the address, the host name, the first text, the fields of a
// certificate's record.
func recordText(rr mdns.RR) string {
	switch rr := rr.(type) {
	case *mdns.A:
		return rr.A.String()
	case *mdns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
			return "IPv6:" + spelledOut(a)
		}
		return ""
	case *mdns.TXT:
		if len(rr.Txt) == 0 {
			return ""
		}
		return unescape(rr.Txt[0])
	case *mdns.TLSA:
		return fmt.Sprintf("%02X %02X %02X %s", rr.Usage, rr.Selector, rr.MatchingType, hexPairs(rr.Certificate))
	}
	if name, ok := recordName(rr); ok {
		return trimDot(name)
	}
	return rr.String()
}

// recordName is the host that a record names, for the types whose records do.
func recordName(rr mdns.RR) (name string, ok bool) {
	switch rr := rr.(type) {
	case *mdns.MX:
		return rr.Mx, true
	case *mdns.NS:
		return rr.Ns, true
	case *mdns.PTR:
		return rr.Ptr, true
	case *mdns.CNAME:
		return rr.Target, true
	case *mdns.SRV:
		return rr.Target, true
	case *mdns.AFSDB:
		return rr.Hostname, true
	}
	return "", false
}

// spelledOut writes an IPv6 address with all its zeros, as the original's tables and rules have it.
func spelledOut(a netip.Addr) string {
	b := a.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	return strings.Join(groups, ":")
}

// unescape undoes the escapes of zone files, \X and \DDD, in which the DNS module gives texts.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}

// hexPairs writes hexadecimal digits as pairs between colons.
func hexPairs(hex string) string {
	var b strings.Builder
	for i := 0; i < len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex[i:min(i+2, len(hex))]))
	}
	return b.String()
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
	sc := flagScanner{s: p.Args}
	for {
		letter, value := sc.next()
		switch {
		case letter == 0:
			return nil
		case letter == 'h' || letter == 'P': // hints of older configurations, without meaning since 8.7
		case f.timing(&sc, letter, value):
		default:
			p.common(letter, value) // what the class does not have means nothing here, and is not told
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
		if errors.Is(err, dns.ErrTemporary) {
			unanswered(ctx, key)
		}
		return "", dnsFailure(err)
	}
	return m.p.Result(ctx, key, name, args), nil
}

// unanswered reports to the session that a host could not be looked up.
func unanswered(ctx context.Context, host string) {
	s := sessionOf(ctx)
	if r, ok := s.(Reporter); ok {
		r.Report("", "851 "+shortened(host)+": Name server timeout")
	}
	if u, ok := s.(Unanswered); ok {
		u.NoAnswer(host)
	}
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
	addr, err := inBrackets(key)
	if err != nil {
		return "", err
	}
	names, err := m.r.LookupPTR(ctx, addr)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// inBrackets reads "[192.0.2.1]" and "[IPv6:2001:db8::1]". What follows is passed over as by the original, but for the
// rest of a name: the bracket must not hide what a name ends in.
func inBrackets(key string) (netip.Addr, error) {
	text, rest, ok := strings.Cut(key[1:], "]")
	if !ok || len(rest) > 1 && rest[0] == '.' {
		return netip.Addr{}, ErrNotFound
	}
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, &dns.Error{Kind: dns.NoName, Name: key, Cause: err}
	}
	return addr, nil
}

// Close does nothing.
func (m *hostMap) Close() error { return nil }

// Close does nothing.
func (m *dnsMap) Close() error { return nil }
