package mta

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

// TestResolverLimits asks a silent name server as often as Timeout.resolver.retry.first says in the first attempt, and
// as .normal says in the next.
func TestResolverLimits(t *testing.T) {
	ns := dnstest.Start(t, "")
	ns.Handle(func(mdns.ResponseWriter, *mdns.Msg) bool { return true })
	s := strictServer(t, ns.Addr, time.Millisecond,
		"define(<<confTO_RESOLVER_RETRY_FIRST>>,<<2>>)", "define(<<confTO_RESOLVER_RETRY_NORMAL>>,<<3>>)",
		"define(<<confTO_RESOLVER_RETRANS_FIRST>>,<<7s>>)", "define(<<confTO_RESOLVER_RETRANS_NORMAL>>,<<11s>>)")
	for first, want := range map[bool]string{true: "7s 2", false: "11s 3"} {
		wait, tries := s.site.Resolver().Limits(s.resolverLimits(t.Context(), first))
		if got := fmt.Sprint(wait, tries); got != want {
			t.Errorf("first attempt %t: waits and asks %s times, want %s", first, got, want)
		}
	}
	limits := &s.site.Config.Settings.Timeout // so long nobody wants to wait
	limits.ResolverRetransFirst, limits.ResolverRetransNormal = 2*time.Millisecond, 3*time.Millisecond
	e, err := s.spool.Groups()[0].Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env := &envelope.Envelope{Sender: "a@example.test", Created: time.Now(), Recipients: []*envelope.Recipient{{Addr: "u@silent.test"}}}
	if err := e.Commit(env); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 3} {
		before := len(ns.Asked())
		if err := s.RunQueue(t.Context(), queue.Selection{}); err != nil {
			t.Fatal(err)
		}
		s.Wait()
		// What was asked last may still be on its way into the name server's list.
		asking := func(q mdns.Question) bool { return q.Qtype == mdns.TypeMX && strings.EqualFold(q.Name, "silent.test.") }
		for range 400 {
			if n := len(slices.DeleteFunc(slices.Clone(ns.Asked()[before:]), func(q mdns.Question) bool { return !asking(q) })); n >= want {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		asked := map[string]int{}
		for _, q := range ns.Asked()[before:] {
			asked[strings.ToLower(q.Name)+mdns.TypeToString[q.Qtype]]++
		}
		if n := asked["silent.test.MX"]; n != want {
			t.Errorf("asked %d times, want %d: %v", n, want, asked)
		}
	}
}
