package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/guard"
)

// udpSize is the EDNS0 payload size that avoids fragments (DNS flag day 2020).
const udpSize = 1232

// readSize is how much of an answer over UDP is read: some servers send more than they were asked for.
const readSize = 16 << 10

// maxChain is how often the end of a CNAME chain is asked for (MAXCNAMEDEPTH of the original), maxLinks how many CNAMEs
// are followed in all.
const (
	maxChain = 10
	maxLinks = 32
)

// Resolver asks name servers. It is safe for concurrent use.
type Resolver struct {
	cfg   Config
	next  atomic.Uint32 // first server of the next question, when rotating
	hosts hostsFile
	cache *cache // nil: off
	// ownWait and ownTries say that WithTimeouts set them: WithLimits does not change them.
	ownWait, ownTries bool
}

// New returns a resolver for a configuration. Without servers it asks the local one, as the resolver library does.
func New(cfg Config) *Resolver {
	if len(cfg.Servers) == 0 {
		cfg.Servers = []string{"127.0.0.1:53"}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Attempts <= 0 {
		cfg.Attempts = 2
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Resolver{cfg: cfg, hosts: hostsFile{path: cfg.HostsFile}}
	if cfg.CacheSize > 0 {
		r.cache = newCache(cfg.CacheSize)
	}
	return r
}

// Config returns what the resolver was made from.
func (r *Resolver) Config() Config { return r.cfg }

// WithTimeouts returns a resolver like r with another wait per packet and number of rounds (map flags -d and -r,
// Timeout.resolver.*). Zero keeps the old value.
func (r *Resolver) WithTimeouts(perPacket time.Duration, attempts int) *Resolver {
	cfg := r.cfg
	if perPacket > 0 {
		cfg.Timeout = perPacket
	}
	if attempts > 0 {
		cfg.Attempts = attempts
	}
	n := New(cfg)
	n.cache = r.cache
	n.ownWait, n.ownTries = r.ownWait || perPacket > 0, r.ownTries || attempts > 0
	return n
}

// limitsKey is the key of WithLimits.
type limitsKey struct{}

type limits struct {
	wait  time.Duration
	tries int
}

// WithLimits returns a context whose look-ups wait otherwise than the resolver's configuration says
// (Timeout.resolver.*.first and .normal), but for resolvers that WithTimeouts made. Zero keeps the resolver's own
// value.
func WithLimits(ctx context.Context, perPacket time.Duration, attempts int) context.Context {
	return context.WithValue(ctx, limitsKey{}, limits{perPacket, attempts})
}

// Limits returns how long a packet's answer is waited for at first, and how many rounds there are, for look-ups with
// ctx.
func (r *Resolver) Limits(ctx context.Context) (wait time.Duration, tries int) {
	wait, tries = r.cfg.Timeout, r.cfg.Attempts
	l, _ := ctx.Value(limitsKey{}).(limits)
	if l.wait > 0 && !r.ownWait {
		wait = l.wait
	}
	if l.tries > 0 && !r.ownTries {
		tries = l.tries
	}
	return wait, tries
}

// Answer is what a name server knows about one question.
type Answer struct {
	Name    string        // the owner of Records: the asked name, or the end of its CNAME chain; without final dot
	Aliases []string      // the CNAMEs passed on the way, the asked name first; empty without CNAME
	Records []mdns.RR     // of the asked type, in the server's order
	TTL     time.Duration // the smallest of the chain and the records
	Secure  bool          // the AD bit of a trusted server
}

// Query asks for one record type of an absolute name (a final dot changes nothing), following CNAMEs unless CNAME or
// ANY is asked for. Errors are *Error.
func (r *Resolver) Query(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	fqdn := mdns.Fqdn(name)
	if !askable(fqdn) {
		return nil, &Error{Kind: Unusable, Name: name, Type: qtype, Cause: errors.New("not a domain name")}
	}
	key := cacheKey{strings.ToLower(fqdn), qtype}
	if a, err, ok := r.cache.get(key, r.cfg.Now()); ok {
		return a, err
	}
	a, err := r.chase(ctx, name, fqdn, qtype)
	r.cache.put(key, a, err, r.cfg.Now())
	return a, err
}

// askable reports whether servers can be asked for a name at all.
func askable(fqdn string) bool {
	_, ok := mdns.IsDomainName(fqdn)
	return ok && len(fqdn) <= 255 && !strings.ContainsFunc(fqdn, unwritable)
}

// unwritable finds what no host name has and zone files protect by a backslash: a reply would spell the name another
// way.
func unwritable(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"'();@\`, r) }

// chase asks, and asks again for the target of a CNAME chain whose end the answer does not hold (RFC 1034 section
// 3.6.2).
func (r *Resolver) chase(ctx context.Context, name, fqdn string, qtype uint16) (*Answer, error) {
	total := &Answer{Name: trimDot(fqdn), Secure: true}
	seen := map[string]bool{}
	alias := ""
	for at, asked := fqdn, 0; ; alias, asked = at, asked+1 {
		if asked > maxChain {
			return nil, &Error{Kind: Unusable, Name: name, Type: qtype, Cause: fmt.Errorf("CNAME loop for %s", trimDot(fqdn))}
		}
		m, err := r.exchange(ctx, at, qtype)
		if err != nil {
			return nil, &Error{Kind: Temporary, Name: name, Type: qtype, Alias: alias, Cause: err}
		}
		if m.outcome() != 0 {
			return nil, r.failure(m, name, alias, qtype)
		}
		total.Secure = total.Secure && m.secure && r.cfg.TrustAD
		at, err = total.follow(m, at, qtype, seen)
		switch {
		case err != nil:
			return nil, &Error{Kind: Unusable, Name: name, Type: qtype, Cause: err}
		case len(total.Records) > 0:
			total.Name = trimDot(at)
			return total, nil
		case m.broken || strings.EqualFold(m.name, at):
			return nil, r.failure(m, name, alias, qtype)
		}
	}
}

// failure turns a reply without records into an error.
func (r *Resolver) failure(m *reply, name, alias string, qtype uint16) error {
	e := &Error{Kind: m.outcome(), Name: name, Type: qtype, Alias: alias, Cause: m.cause()}
	switch {
	case m.broken:
		e.Kind = Unusable
	case e.Kind == 0:
		e.Kind = NoData
	}
	if e.Kind == NoName || e.Kind == NoData {
		e.TTL = time.Duration(m.negative) * time.Second
	}
	return e
}

// follow walks the CNAMEs of a reply from the name at, collects the records of the asked type at their end and returns
// where it ended. Records of other owners are not looked at: a server has no say about them here. Of addresses all must
// be readable, as the C library wants it.
func (a *Answer) follow(m *reply, at string, qtype uint16, seen map[string]bool) (string, error) {
	for {
		unreadable := m.broken && addressType(qtype)
		for i := range m.records {
			rec := &m.records[i]
			if !rec.owned(at) || rec.header.Rrtype != qtype && qtype != mdns.TypeANY {
				continue
			}
			if rec.data == nil {
				unreadable = true
				continue
			}
			a.Records = append(a.Records, rec.data)
			a.keepTTL(rec.header.Ttl)
		}
		switch {
		case unreadable && (len(a.Records) == 0 || addressType(qtype)):
			return at, errMalformed
		case len(a.Records) > 0:
			return at, nil
		}
		c := m.cname(at)
		if c == nil {
			return at, nil
		}
		if hostType(qtype) && !IsHostName(c.Target) {
			return at, errNoHost
		}
		a.keepTTL(c.Hdr.Ttl)
		a.Aliases = append(a.Aliases, trimDot(at))
		seen[strings.ToLower(at)] = true
		at = c.Target
		if seen[strings.ToLower(at)] || len(seen) > maxLinks {
			return at, fmt.Errorf("CNAME loop at %s", trimDot(at))
		}
	}
}

// hostType reports whether the names that have such records are hosts.
func hostType(qtype uint16) bool { return addressType(qtype) || qtype == mdns.TypeMX }

func addressType(qtype uint16) bool { return qtype == mdns.TypeA || qtype == mdns.TypeAAAA }

func (a *Answer) keepTTL(seconds uint32) {
	ttl := time.Duration(seconds) * time.Second
	if a.TTL == 0 || ttl < a.TTL {
		a.TTL = ttl
	}
}

// exchange asks the servers, unless they left the question open a moment ago (WithMemory).
func (r *Resolver) exchange(ctx context.Context, fqdn string, qtype uint16) (*reply, error) {
	if f, failed := recall(ctx, fqdn, qtype, r.cfg.Now()); failed {
		return f.reply, f.err
	}
	m, err := r.rounds(ctx, fqdn, qtype)
	if open := err != nil || m.outcome() == Temporary; open && ctx.Err() == nil {
		remember(ctx, fqdn, qtype, failure{m, err, r.cfg.Now()})
	}
	return m, err
}

// rounds asks the servers in rounds until one gives a reply that settles the question. The error says that none did.
func (r *Resolver) rounds(ctx context.Context, fqdn string, qtype uint16) (*reply, error) {
	q := r.question(fqdn, qtype)
	var last *reply
	var lastErr error
	first := 0
	if r.cfg.Rotate {
		first = int(r.next.Add(1))
	}
	wait, tries := r.Limits(ctx)
	for range tries {
		for i := range r.cfg.Servers {
			server := r.cfg.Servers[(first+i)%len(r.cfg.Servers)]
			m, err := r.ask(ctx, server, q, wait)
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case err != nil:
				lastErr = err
			case m.outcome() != Temporary:
				return m, nil
			default:
				last = m // another server may know better
			}
		}
		if last != nil && lastErr == nil {
			break // every server answered; asking them again soon changes nothing
		}
		wait *= 2
	}
	if last != nil {
		return last, nil
	}
	return nil, lastErr
}

func (r *Resolver) question(fqdn string, qtype uint16) *mdns.Msg {
	q := new(mdns.Msg)
	q.SetQuestion(fqdn, qtype)
	q.RecursionDesired = !r.cfg.NoRecurse
	q.AuthenticatedData = r.cfg.TrustAD // RFC 6840 section 5.7: asks for the bit in the answer
	q.SetEdns0(udpSize, r.cfg.DNSSEC)
	return q
}

// ask puts the question to one server: over UDP, over TCP when the answer is truncated, and without EDNS0 when the
// server does not know that.
func (r *Resolver) ask(ctx context.Context, server string, q *mdns.Msg, wait time.Duration) (*reply, error) {
	network := "udp"
	if r.cfg.UseTCP {
		network = "tcp"
	}
	m, err := r.roundTrip(ctx, network, server, q, wait)
	if err == nil && q.IsEdns0() != nil && (m.rcode == mdns.RcodeFormatError || m.rcode == mdns.RcodeNotImplemented) {
		q = q.Copy()
		q.Extra = nil
		m, err = r.roundTrip(ctx, network, server, q, wait)
	}
	if err == nil && m.truncated && network == "udp" && !r.cfg.IgnoreTC {
		return r.roundTrip(ctx, "tcp", server, q, wait)
	}
	return m, err
}

func (r *Resolver) roundTrip(ctx context.Context, network, server string, q *mdns.Msg, wait time.Duration) (*reply,
	error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, guard.From(ctx).Func("DNS query", func() { nc.SetDeadline(time.Unix(1, 0)) }))
	defer stop()
	q = q.Copy()
	q.Id = mdns.Id()
	packet, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	if _, err := nc.Write(packet); err != nil {
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	m, err := await(nc, network, q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	return m, nil
}

// await reads until the reply to q has come. A foreign datagram proves nothing: the true answer may still come.
func await(nc net.Conn, network string, q *mdns.Msg) (*reply, error) {
	if network == "tcp" {
		var size [2]byte
		if _, err := io.ReadFull(nc, size[:]); err != nil {
			return nil, err
		}
		p := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(nc, p); err != nil {
			return nil, err
		}
		return readReply(p, q)
	}
	p := make([]byte, readSize)
	for {
		n, err := nc.Read(p)
		if err != nil {
			return nil, err
		}
		if m, err := readReply(p[:n], q); err != errForeign {
			return m, err
		}
	}
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }
