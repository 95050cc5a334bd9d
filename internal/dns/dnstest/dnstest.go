// Package dnstest runs a name server with a zone of the test's making on the loopback, so that no test needs the public
// DNS. Only tests import it.
package dnstest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/dns"

	mdns "github.com/miekg/dns"
)

// Server answers from one zone over UDP and TCP on one loopback port: NXDOMAIN for unknown names, SERVFAIL for names
// under "servfail.test.", nothing at all for those under "timeout.test.".
type Server struct {
	Addr string // "127.0.0.1:port"

	mu      sync.Mutex
	records map[string][]mdns.RR
	exists  map[string]bool
	asked   []mdns.Question
	handler func(w mdns.ResponseWriter, q *mdns.Msg) bool
}

// Start runs a server with the records of a zone text (RFC 1035, absolute names; TTL 60 by default) until the test
// ends.
func Start(tb testing.TB, zone string) *Server {
	tb.Helper()
	s := &Server{}
	s.SetZone(tb, zone)
	pc, l := listen(tb)
	s.Addr = pc.LocalAddr().String()
	h := mdns.HandlerFunc(s.serve)
	for _, srv := range []*mdns.Server{{PacketConn: pc, Handler: h}, {Listener: l, Handler: h}} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); srv.ActivateAndServe() }()
		<-started
		tb.Cleanup(func() { srv.Shutdown(); <-done })
	}
	return s
}

// listen finds a port that is free for UDP and TCP.
func listen(tb testing.TB) (net.PacketConn, net.Listener) {
	tb.Helper()
	for range 50 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, l
		}
		pc.Close()
	}
	tb.Fatal("dnstest: no port is free for both UDP and TCP")
	return nil, nil
}

// SetZone replaces the records.
func (s *Server) SetZone(tb testing.TB, zone string) {
	tb.Helper()
	records, exists := map[string][]mdns.RR{}, map[string]bool{}
	zp := mdns.NewZoneParser(strings.NewReader(zone), ".", "zone")
	zp.SetDefaultTTL(60)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		name := strings.ToLower(rr.Header().Name)
		records[name] = append(records[name], rr)
		for n := name; n != "." && n != ""; {
			exists[n] = true
			_, n, _ = strings.Cut(n, ".")
		}
	}
	if err := zp.Err(); err != nil {
		tb.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records, s.exists = records, exists
}

// Handle lets h answer first; the zone answers what h returns false for.
func (s *Server) Handle(h func(w mdns.ResponseWriter, q *mdns.Msg) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// Asked returns the questions so far, in order.
func (s *Server) Asked() []mdns.Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mdns.Question(nil), s.asked...)
}

// Config returns a resolver configuration that asks this server only, without hosts file, and waits one second.
func (s *Server) Config() dns.Config {
	return dns.Config{Servers: []string{s.Addr}, Ndots: 1, Timeout: time.Second, Attempts: 1, Order: []string{"files", "dns"}}
}

// Resolver returns a resolver with Config.
func (s *Server) Resolver() *dns.Resolver { return dns.New(s.Config()) }

func (s *Server) serve(w mdns.ResponseWriter, q *mdns.Msg) {
	s.mu.Lock()
	s.asked = append(s.asked, q.Question[0])
	h := s.handler
	s.mu.Unlock()
	if h != nil && h(w, q) {
		return
	}
	if m := s.Reply(q); m != nil {
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			size := 512
			if o := q.IsEdns0(); o != nil {
				size = int(o.UDPSize())
			}
			m.Truncate(size)
		}
		w.WriteMsg(m)
	}
}

// Reply returns the zone's answer to a query, or nil where the server stays silent.
func (s *Server) Reply(q *mdns.Msg) *mdns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(mdns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable, m.AuthenticatedData = true, true, q.AuthenticatedData
	name := strings.ToLower(q.Question[0].Name)
	switch {
	case strings.HasSuffix(name, "timeout.test."):
		return nil
	case strings.HasSuffix(name, "servfail.test."):
		m.Rcode = mdns.RcodeServerFailure
		return m
	}
	for range 20 {
		next := ""
		for _, rr := range s.records[name] {
			t, want := rr.Header().Rrtype, q.Question[0].Qtype
			if t == want || want == mdns.TypeANY || t == mdns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
			if c, ok := rr.(*mdns.CNAME); ok && want != mdns.TypeCNAME && want != mdns.TypeANY {
				next = strings.ToLower(c.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 && !s.exists[name] {
		m.Rcode = mdns.RcodeNameError
	}
	return m
}

// Addr parses an address, or ends the test.
func Addr(tb testing.TB, s string) netip.Addr {
	tb.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}
