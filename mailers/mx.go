package mailers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"gosendmail/internal/dns"
	"gosendmail/internal/status"
)

// target is one host to try.
type target struct {
	name     string // as logs show it: with a final dot, or a literal in its brackets
	asked    string // as failures of its look-up name it: exchangers with a final dot, others as they were given
	addr     netip.Addr
	fallback bool   // FallbackMXhost: Timeout.aconnect does not count
	last     bool   // we are an exchanger behind it: FallbackMXhost does not count
	domain   string // whose exchanger it is; "" where it was named by its address
	secure   bool   // DNSSEC, or the one who named it, vouches for its being one
}

// targets lists the hosts for a destination in the order in which they are tried: a list "a:b" in its order, for each
// host its exchangers by preference (RFC 5321 section 5.1), then FallbackMXhost. The error, a status.Status, says why
// there is no host but the fallbacks.
func (t *Table) targets(ctx context.Context, job *Job, list string) ([]target, error) {
	var all []target
	var failed error
	for _, host := range splitHosts(list) {
		found, err := t.exchangers(ctx, job, host)
		if err != nil {
			failed = worse(failed, err)
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		failed = nil
	} else if failed == nil {
		return nil, configError("null destination for " + job.Mailer.Name + " mailer")
	}
	ours := isFault(failed) || slices.ContainsFunc(all, func(to target) bool { return to.last })
	if job.Mailer.Flags.Has('0') || refusesMail(failed) || ours {
		return all, failed
	}
	return append(all, t.fallbacks(ctx, job)...), failed
}

// fallbacks are the hosts of FallbackMXhost, but for those that are this host by their name: mail would come back.
func (t *Table) fallbacks(ctx context.Context, job *Job) (list []target) {
	for _, host := range splitHosts(t.cfg.FallbackMX) {
		if _, named := bracketed(host); !named && t.own(host) {
			continue
		}
		found, err := t.exchangers(ctx, job, host)
		if err != nil {
			continue // as one that is not there
		}
		for _, f := range found {
			f.fallback = true
			if _, named := bracketed(host); named {
				f.name = host
			}
			list = append(list, f)
		}
	}
	return list
}

// own reports whether a name is one of this host.
func (t *Table) own(host string) bool { return t.cfg.Own != nil && t.cfg.Own(host) }

// refusesMail reports a final word of the domain itself, after which nobody else need be asked.
func refusesMail(err error) bool {
	return err != nil && status.As(err).Enhanced == status.Enhanced{5, 1, 10}
}

// worse keeps of two failures the one that lets the mail live, of two such ones the later.
func worse(a, b error) error {
	if b == nil || a != nil && status.As(a).Temporary() && !status.As(b).Temporary() {
		return a
	}
	return b
}

// splitHosts splits "a:b,[::1]" at colons and commas outside of brackets.
func splitHosts(list string) []string {
	var hosts []string
	depth, start := 0, 0
	add := func(h string) {
		if h = strings.TrimSpace(h); strings.TrimSuffix(h, ".") != "" {
			hosts = append(hosts, h)
		}
	}
	for i := range len(list) {
		switch list[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':', ',':
			if depth <= 0 {
				add(list[start:i])
				start = i + 1
			}
		}
	}
	add(list[start:])
	return hosts
}

// literal reads "[192.0.2.1]" and "[IPv6:2001:db8::1]".
func literal(host string) (netip.Addr, bool) {
	inner, ok := bracketed(host)
	if !ok {
		return netip.Addr{}, false
	}
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		inner = inner[5:]
	}
	a, err := netip.ParseAddr(inner)
	return a, err == nil
}

// isAddress reports an address without brackets.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return err == nil
}

// dotted is a host that has to be looked up.
func dotted(host string) target {
	return target{name: strings.TrimSuffix(host, ".") + ".", asked: host}
}

// chosen marks a host that is no exchanger that the DNS names.
func (t target) chosen() target {
	t.domain, t.secure = t.host(), true
	return t
}

// host is the name without its final dot, and without brackets unless it is an address.
func (t target) host() string {
	if inner, ok := bracketed(t.name); ok && !t.addr.IsValid() {
		return inner
	}
	return strings.TrimSuffix(t.name, ".")
}

// isFault reports a mistake in our configuration or in the DNS about us, which no other host mends.
func isFault(err error) bool {
	_, ok := errors.AsType[*Fault](err)
	return ok
}

func bracketed(host string) (string, bool) {
	if len(host) < 3 || host[0] != '[' || host[len(host)-1] != ']' {
		return "", false
	}
	return host[1 : len(host)-1], true
}

func (t *Table) exchangers(ctx context.Context, job *Job, host string) ([]target, error) {
	if a, ok := literal(host); ok {
		return []target{{name: host, addr: a}}, nil
	}
	if inner, ok := bracketed(host); ok {
		to := dotted(inner).chosen()
		to.asked = host
		return []target{to}, nil
	}
	if job.Mailer.Flags.Has('0') {
		to := dotted(host).chosen()
		if isAddress(host) {
			to.name = host
		}
		return []target{to}, nil
	}
	answer, err := t.cfg.Resolver.LookupMX(ctx, strings.TrimSuffix(host, "."))
	switch {
	case err == nil:
	case dns.KindOf(err) == dns.Temporary:
		if job.Note != nil {
			job.Note("451 " + strings.TrimSuffix(host, ".") + ": Name server timeout")
		}
		return nil, lookupStatus(host, err)
	case isAddress(host):
		return nil, lookupStatus(host, err) // RFC 5321 section 4.1.3: an address has brackets
	default:
		// RFC 5321 section 5.1 takes the host itself then. A name that does not exist may still be in hosts(5), which
		// the look-up of its address will find. That a signed zone has no MX record is proven, and its address then
		// shows that it is signed.
		return []target{dotted(host).chosen()}, nil
	}
	if answer.BadHost != "" && len(answer.Records) == 0 {
		return nil, lookupStatus(answer.BadHost+".", &dns.Error{Kind: dns.NoName, Name: answer.BadHost})
	}
	if answer.NullMX() {
		st := status.FromExit(status.Unavailable)
		st.Code, st.Enhanced, st.Err = 556, status.Enhanced{5, 1, 10}, complain("556 Host does not accept mail: MX 0 .")
		return nil, st
	}
	list, err := t.order(ctx, host, answer.Records)
	for i := range list {
		list[i].domain, list[i].secure = strings.TrimSuffix(host, "."), answer.Secure
	}
	return list, err
}

// lookupStatus turns a failed look-up into the original's words.
func lookupStatus(host string, err error) status.Status {
	text, permanent := lookupFailures[dns.KindOf(err)]
	if permanent {
		st := status.FromExit(status.NoHost)
		st.Text, st.Err = fmt.Sprintf("Host unknown (Name server: %s: %s)", host, text), err
		return st
	}
	st := status.FromExit(status.TempFail)
	st.Enhanced = status.Enhanced{4, 4, 3}
	st.Text, st.Err = fmt.Sprintf("Deferred: Name server: %s: host name lookup failure", host), err
	return st
}

// lookupFailures are the kinds of failures that waiting does not mend.
var lookupFailures = map[dns.Kind]string{
	dns.NoName: "host not found", dns.NoData: "no data known", dns.Unusable: "non-recoverable error",
}

// order sorts exchangers: by preference, at random among equals, and none that is not better than ourselves.
func (t *Table) order(ctx context.Context, host string, records []dns.MX) ([]target, error) {
	if !t.cfg.NoRandomMX {
		records = shuffled(records)
	}
	own := ""
	var list []target
	limit := -1
	for _, mx := range records {
		if t.own(mx.Host) && (limit < 0 || int(mx.Pref) < limit) {
			own, limit = mx.Host, int(mx.Pref)
		}
	}
	for _, mx := range records {
		if limit < 0 || int(mx.Pref) < limit {
			to := dotted(mx.Host + ".")
			to.last = limit >= 0
			list = append(list, to)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	if t.cfg.TryNullMX {
		_, err := t.cfg.Resolver.LookupAddrs(ctx, strings.TrimSuffix(host, "."))
		if err == nil || dns.KindOf(err) == dns.Temporary {
			return []target{dotted(host)}, nil
		}
	}
	return nil, configError(fmt.Sprintf("MX list for %s points back to %s", host, own))
}

// shuffled mixes runs of equal preference (RFC 5321 section 5.1); the input is in the order of preference and stays as
// it is.
func shuffled(in []dns.MX) []dns.MX {
	out := append([]dns.MX(nil), in...)
	for i := 0; i < len(out); {
		j := i + 1
		for j < len(out) && out[j].Pref == out[i].Pref {
			j++
		}
		run := out[i:j]
		rand.Shuffle(len(run), func(a, b int) { run[a], run[b] = run[b], run[a] })
		i = j
	}
	return out
}

// addresses resolves a target.
func (t *Table) addresses(ctx context.Context, to target) (*dns.AddrAnswer, error) {
	if to.addr.IsValid() {
		return &dns.AddrAnswer{Addrs: []netip.Addr{to.addr}}, nil
	}
	answer, err := t.cfg.Resolver.LookupAddrs(ctx, to.host())
	if err == nil {
		return answer, nil
	}
	if addr, bad := netip.ParseAddr(to.host()); bad == nil && dns.KindOf(err) != dns.Temporary {
		return &dns.AddrAnswer{Addrs: []netip.Addr{addr}}, nil // an exchanger that is named by its address; the system's library takes it for that
	}
	return nil, lookupStatus(to.asked, err)
}
