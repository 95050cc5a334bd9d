package mta

import (
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
	s := strictServer(t, ns.Addr, time.Millisecond)
	limits := &s.site.Config.Settings.Timeout
	limits.ResolverRetryFirst, limits.ResolverRetryNormal = 2, 3
	limits.ResolverRetransFirst, limits.ResolverRetransNormal = 2*time.Millisecond, 3*time.Millisecond
	for first, want := range map[bool]time.Duration{true: limits.ResolverRetransFirst, false: limits.ResolverRetransNormal} {
		if wait, _ := s.site.Resolver().Limits(s.resolverLimits(t.Context(), first)); wait != want {
			t.Errorf("first attempt %t: waits %v, want %v", first, wait, want)
		}
	}
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
