package mailers

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/status"
)

// crowd is a domain of so many exchangers of so many addresses each, all of them this host.
func crowd(hosts, addrs int) zone {
	z := zone{mx: map[string][]dns.MX{}, addrs: map[string][]string{}}
	for i := range hosts {
		name := fmt.Sprintf("mx%d.crowd.test", i)
		z.mx["crowd.test"] = append(z.mx["crowd.test"], dns.MX{Host: name, Pref: uint16(i)})
		z.addrs[name] = slices.Repeat([]string{"127.0.0.1"}, addrs)
	}
	return z
}

// TestConnectionsPerMessage sends one message to domains whose answers name more hosts and addresses than anybody
// needs.
func TestConnectionsPerMessage(t *testing.T) {
	p := &peer{greeting: "421 4.3.2 not now\r\n"}
	p.start(t)
	count := &counted{}
	s := deliver(t, newTable(t, Config{Resolver: crowd(2000, 250), Hosts: count}), newJob(smtpMailer(t, p), "crowd.test", "x"))["x"]
	if n := p.sessions(); n != 100 || s.Exit != status.TempFail {
		t.Errorf("busy hosts: %d connections, %v", n, s)
	}
	if len(count.hosts) != 100 {
		t.Errorf("busy hosts: %d hosts were asked", len(count.hosts))
	}
	// Nobody listens: a host is asked at each of its addresses, until there were enough.
	count = &counted{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	m := smtpMailer(t, &peer{ln: ln})
	s = deliver(t, newTable(t, Config{Resolver: crowd(2000, 40), Hosts: count}), newJob(m, "crowd.test", "x"))["x"]
	if len(count.hosts) != 3 || s.Exit != status.TempFail {
		t.Errorf("dead hosts: %d hosts were asked, %v", len(count.hosts), s)
	}
	// Names that lead nowhere count too.
	z := crowd(2000, 1)
	clear(z.addrs)
	count = &counted{}
	s = deliver(t, newTable(t, Config{Resolver: counting{z, count}}), newJob(m, "crowd.test", "x"))["x"]
	if len(count.hosts) != 100 || s.Exit != status.NoHost {
		t.Errorf("names without addresses: %d were looked up, %v", len(count.hosts), s)
	}
}

// counted notes the hosts that were asked.
type counted struct{ hosts []string }

func (*counted) Down(context.Context, string) error { return nil }

func (c *counted) Hold(host string) (func(error), func(), error) {
	return func(error) { c.note(host) }, func() {}, nil
}

func (c *counted) note(host string) { c.hosts = append(c.hosts, host) }

// counting is a resolver that notes whose addresses are asked for.
type counting struct {
	zone
	*counted
}

func (c counting) LookupAddrs(ctx context.Context, host string) (*dns.AddrAnswer, error) {
	c.note(host)
	return c.zone.LookupAddrs(ctx, host)
}

// TestExchangersThatAreNoHosts holds what becomes of names that a domain has for its exchangers.
func TestExchangersThatAreNoHosts(t *testing.T) {
	server := dnstest.Start(t, `quote.test. MX 10 a\"b.quote.test.
a\"b.quote.test. A 127.0.0.1
some.test. MX 10 [127.0.0.1].some.test.
some.test. MX 20 good.some.test.
good.some.test. A 127.0.0.1
number.test. MX 10 127.0.0.1.
empty.test. MX 10 nowhere.empty.test.
`)
	p := &peer{}
	p.start(t)
	for host, want := range map[string]string{
		"quote.test":  `Host unknown (Name server: a\"b.quote.test.: host not found)`,
		"some.test":   "Sent (2.0.0 taken)",
		"number.test": "Sent (2.0.0 taken)",
		"empty.test":  "Host unknown (Name server: nowhere.empty.test.: host not found)",
	} {
		s := deliver(t, newTable(t, Config{Resolver: server.Resolver()}), newJob(smtpMailer(t, p), host, "x"))["x"]
		if s.Text != want {
			t.Errorf("%s: %+v", host, s)
		}
	}
}
