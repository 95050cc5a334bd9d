package acceptance

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// brokenName is the one whose look-up fails for the time being.
const brokenName = "5.2.0.127.in-addr.arpa."

// serveDNS stands before the arena's name server, at 127.0.0.2: it answers brokenName with SERVFAIL, knows some CNAMEs,
// and passes on the rest.
func serveDNS(t *testing.T) {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if len(q.Question) == 1 && q.Question[0].Name == brokenName {
			w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
			return
		}
		if a := brokenAlias(q); a != nil {
			w.WriteMsg(a)
			return
		}
		if a, err := dns.Exchange(q, "127.0.0.1:53"); err == nil {
			w.WriteMsg(a)
		}
	})
	conn, err := net.ListenPacket("udp", "127.0.0.2:53")
	must(t, err)
	s := &dns.Server{PacketConn: conn, Handler: handler}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
}
