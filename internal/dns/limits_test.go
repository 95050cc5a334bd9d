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

// TestMemory counts questions to servers that leave them open: in one context each is put to them once, for a minute.
func TestMemory(t *testing.T) {
	silent := func(mdns.ResponseWriter, *mdns.Msg) bool { return true }
	failing := func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		_ = w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeServerFailure))
		return true
	}
	for _, name := range []string{"silent", "failing"} {
		s := dnstest.Start(t, zone)
		s.Handle(silent)
		if name == "failing" {
			s.Handle(failing)
		}
		now := time.Now()
		cfg := s.Config()
		cfg.Timeout, cfg.Attempts, cfg.Now = 200*time.Millisecond, 1, func() time.Time { return now }
		r := dns.New(cfg)
		ctx, other := dns.WithMemory(t.Context()), dns.WithMemory(t.Context())
		for i, step := range []struct {
			ctx   context.Context
			after time.Duration
			want  int
		}{{ctx, 0, 1}, {ctx, 0, 1}, {dns.WithMemory(ctx), 59 * time.Second, 1}, {t.Context(), 0, 2},
			{other, 0, 3}, {ctx, 2 * time.Second, 4}} {
			now = now.Add(step.after)
			if _, err := r.Query(step.ctx, "Example.test", mdns.TypeMX); dns.KindOf(err) != dns.Temporary {
				t.Errorf("%s, question %d: %v", name, i, err)
			}
			if got := len(s.Asked()); got != step.want {
				t.Errorf("%s, question %d: asked %d times, want %d", name, i, got, step.want)
			}
		}
	}
}
