package dns_test

import (
	"context"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
)

// TestWithLimits counts questions to a server that is silent.
func TestWithLimits(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Handle(func(mdns.ResponseWriter, *mdns.Msg) bool { return true })
	cfg := s.Config()
	cfg.Timeout, cfg.Attempts = 20*time.Millisecond, 1
	r := dns.New(cfg)
	ctx := dns.WithLimits(context.Background(), 25*time.Millisecond, 3)
	for _, c := range []struct {
		r    *dns.Resolver
		ctx  context.Context
		want int
	}{{r, context.Background(), 1}, {r, ctx, 3}, {r, dns.WithLimits(ctx, 0, 0), 1}, {r.WithTimeouts(0, 2), ctx, 2}, {r.WithTimeouts(20*time.Millisecond, 0), ctx, 3}} {
		before := len(s.Asked())
		if _, err := c.r.Query(c.ctx, "example.test", mdns.TypeMX); dns.KindOf(err) != dns.Temporary {
			t.Errorf("a silent server: %v", err)
		}
		if got := len(s.Asked()) - before; got != c.want {
			t.Errorf("asked %d times, want %d", got, c.want)
		}
	}
}
