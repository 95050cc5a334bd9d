package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
)

const zone = `
example.test. MX 20 b.example.test.
example.test. MX 10 a.example.test.
example.test. MX 20 c.example.test.
example.test. TXT "one " "two"
a.example.test. A 192.0.2.1
a.example.test. AAAA 2001:db8::1
b.example.test. A 192.0.2.2
alias.test. CNAME www.alias.test.
www.alias.test. CNAME a.example.test.
loop.test. CNAME loop2.test.
loop2.test. CNAME loop.test.
dangling.test. CNAME nowhere.test.
null.test. MX 0 .
1.2.0.192.in-addr.arpa. PTR a.example.test.
1.2.0.192.in-addr.arpa. PTR other.example.test.
*.wild.test. MX 5 mx.wild.test.
mxonly.test. MX 5 a.example.test.
host.sub.test. A 192.0.2.9
`

func TestLookups(t *testing.T) {
	ctx := context.Background()
	r := dnstest.Start(t, zone).Resolver()
	mx, err := r.LookupMX(ctx, "Example.Test")
	if err != nil || mx.NullMX() {
		t.Fatal(mx, err)
	}
	var hosts []string
	for _, m := range mx.Records {
		hosts = append(hosts, m.Host)
	}
	if !slices.Equal(hosts, []string{"a.example.test", "b.example.test", "c.example.test"}) || mx.TTL != time.Minute || mx.Secure {
		t.Errorf("MX: %v %v %v", hosts, mx.TTL, mx.Secure)
	}
	if mx, err := r.LookupMX(ctx, "null.test"); err != nil || !mx.NullMX() {
		t.Errorf("null MX: %v %v", mx, err)
	}
	a, err := r.LookupAddrs(ctx, "alias.test.")
	if err != nil || a.Name != "a.example.test" || len(a.Addrs) != 2 || a.Addrs[0].String() != "2001:db8::1" || a.Addrs[1].String() != "192.0.2.1" {
		t.Errorf("addresses: %+v %v", a, err)
	}
	if a, err := r.LookupFamily(ctx, "a.example.test", dns.IPv4); err != nil || len(a.Addrs) != 1 {
		t.Errorf("IPv4: %+v %v", a, err)
	}
	if names, err := r.LookupPTR(ctx, netip.MustParseAddr("::ffff:192.0.2.1")); err != nil || !slices.Equal(names, []string{"a.example.test", "other.example.test"}) {
		t.Errorf("PTR: %v %v", names, err)
	}
	if txt, err := r.LookupTXT(ctx, "example.test"); err != nil || !slices.Equal(txt, []string{"one two"}) {
		t.Errorf("TXT: %q %v", txt, err)
	}
}

func TestOutcomes(t *testing.T) {
	s := dnstest.Start(t, zone)
	cfg := s.Config()
	cfg.Timeout = 50 * time.Millisecond
	r := dns.New(cfg)
	for name, want := range map[string]dns.Kind{
		"absent.test": dns.NoName, "a.example.test": dns.NoData, "x.servfail.test": dns.Temporary, "x.timeout.test": dns.Temporary,
		"loop.test": dns.Unusable, "dangling.test": dns.NoName, "bad name": dns.Unusable, strings.Repeat("x", 64) + ".test": dns.Unusable,
	} {
		_, err := r.Query(context.Background(), name, mdns.TypeMX)
		if dns.KindOf(err) != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if errors.Is(err, dns.ErrNotFound) != (want == dns.NoName || want == dns.NoData) || errors.Is(err, dns.ErrTemporary) != (want == dns.Temporary) {
			t.Errorf("%s: errors.Is of %v", name, err)
		}
	}
}

// A long answer comes over TCP.
func TestTruncatedAnswer(t *testing.T) {
	var z strings.Builder
	for range 40 {
		z.WriteString("big.test. TXT \"" + strings.Repeat("x", 200) + "\"\n")
	}
	for i := range 40 {
		z.WriteString("many.test. MX " + string(rune('0'+i%10)) + " " + strings.Repeat("h", 50) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".test.\n")
	}
	r := dnstest.Start(t, z.String()).Resolver()
	if mx, err := r.LookupMX(context.Background(), "many.test"); err != nil || len(mx.Records) != 40 {
		t.Errorf("MX: %v", err)
	}
	if txt, err := r.LookupTXT(context.Background(), "big.test"); err != nil || len(txt) != 40 {
		t.Errorf("TXT: %d %v", len(txt), err)
	}
}

// Answers to other questions, and garbage, are passed over; the true answer counts.
func TestForeignAnswers(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		forged := s.Reply(q)
		forged.Answer = []mdns.RR{&mdns.A{Hdr: mdns.RR_Header{Name: "a.example.test.", Rrtype: mdns.TypeA, Class: 1, Ttl: 9}, A: []byte{6, 6, 6, 6}}}
		wrongID, wrongName := forged.Copy(), forged.Copy()
		wrongID.Id++
		wrongName.Question[0].Name = "evil.test."
		w.WriteMsg(wrongID)
		w.WriteMsg(wrongName)
		w.Write([]byte(strings.Repeat("garbage", 3)))
		return false
	})
	a, err := s.Resolver().LookupFamily(context.Background(), "a.example.test", dns.IPv4)
	if err != nil || len(a.Addrs) != 1 || a.Addrs[0].String() != "192.0.2.1" {
		t.Errorf("%+v %v", a, err)
	}
}

// Records in an answer that belong to another owner are not taken.
func TestForeignRecords(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		m := s.Reply(q)
		m.Answer = append(m.Answer, &mdns.MX{Hdr: mdns.RR_Header{Name: "other.test.", Rrtype: mdns.TypeMX, Class: 1, Ttl: 9}, Mx: "evil.test."})
		w.WriteMsg(m)
		return true
	})
	mx, err := s.Resolver().LookupMX(context.Background(), "mxonly.test")
	if err != nil || len(mx.Records) != 1 {
		t.Errorf("%+v %v", mx, err)
	}
}

func TestNoEDNS(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		if q.IsEdns0() == nil {
			return false
		}
		w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeFormatError))
		return true
	})
	if _, err := s.Resolver().LookupMX(context.Background(), "example.test"); err != nil {
		t.Error(err)
	}
}

// The second server is asked when the first cannot tell.
func TestSecondServer(t *testing.T) {
	bad, good := dnstest.Start(t, ""), dnstest.Start(t, zone)
	bad.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeRefused))
		return true
	})
	cfg := good.Config()
	cfg.Servers = []string{bad.Addr, good.Addr}
	if _, err := dns.New(cfg).LookupMX(context.Background(), "example.test"); err != nil {
		t.Error(err)
	}
}

func TestADOnlyFromTrusted(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		m := s.Reply(q)
		m.AuthenticatedData = true
		w.WriteMsg(m)
		return true
	})
	for _, trust := range []bool{false, true} {
		cfg := s.Config()
		cfg.TrustAD = trust
		if mx, err := dns.New(cfg).LookupMX(context.Background(), "example.test"); err != nil || mx.Secure != trust {
			t.Errorf("trust %v: %+v %v", trust, mx, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	s := dnstest.Start(t, zone)
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.77 short full.local.test # c\n192.0.2.78 lonely\nbad line here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host   string
		opts   dns.CanonOptions
		search []string
		want   string // "" none, "?" temporary
	}{
		{host: "A.example.test", want: "A.example.test"}, {host: "alias.test", want: "a.example.test"},
		{host: "alias.test", opts: dns.CanonOptions{DontExpandCnames: true}, want: "alias.test"},
		{host: "loop.test"}, {host: "absent.test"}, {host: "x.servfail.test", want: "?"},
		{host: "host", search: []string{"none.test", "sub.test"}, want: "host.sub.test"}, {host: "host.sub", search: []string{"test"}, want: "host.sub.test"},
		{host: "host.sub.", search: []string{"test"}}, {host: "mxonly.test", want: "mxonly.test"},
		{host: "short", want: "full.local.test"}, {host: "lonely"}, {host: "lonely", opts: dns.CanonOptions{Domain: "dom.test"}, want: "lonely.dom.test"},
		{host: "lonely.dom.test", opts: dns.CanonOptions{Domain: "dom.test"}, want: "lonely.dom.test"}, {host: "dangling.test"},
	} {
		cfg := s.Config()
		cfg.HostsFile, cfg.Search = hosts, c.search
		got, err := dns.New(cfg).Canonical(context.Background(), c.host, c.opts)
		switch {
		case c.want == "?" && !errors.Is(err, dns.ErrTemporary), c.want == "" && (err == nil || errors.Is(err, dns.ErrTemporary)), c.want != "" && c.want != "?" && (err != nil || got.Name != c.want):
			t.Errorf("Canonical(%s, %+v) = %+v, %v; want %q", c.host, c.opts, got, err, c.want)
		}
	}
}

func TestHostsFile(t *testing.T) {
	s := dnstest.Start(t, zone)
	hosts := filepath.Join(t.TempDir(), "hosts")
	cfg := s.Config()
	cfg.HostsFile = hosts
	r := dns.New(cfg)
	if _, err := r.LookupAddrs(context.Background(), "local.test"); !errors.Is(err, dns.ErrNotFound) {
		t.Errorf("without file: %v", err)
	}
	if err := os.WriteFile(hosts, []byte("127.0.0.9 local.test l\n::9 l\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if a, err := r.LookupAddrs(context.Background(), "L"); err != nil || len(a.Addrs) != 2 || a.Name != "local.test" {
		t.Errorf("%+v %v", a, err)
	}
	if n, err := r.LookupPTR(context.Background(), netip.MustParseAddr("127.0.0.9")); err != nil || !slices.Equal(n, []string{"local.test", "l"}) {
		t.Errorf("%v %v", n, err)
	}
}

func TestCache(t *testing.T) {
	s := dnstest.Start(t, zone)
	now := time.Unix(1e9, 0)
	cfg := s.Config()
	cfg.CacheSize, cfg.Now = 2, func() time.Time { return now }
	r := dns.New(cfg)
	ask := func(name string, want int) {
		t.Helper()
		r.LookupMX(context.Background(), name)
		if n := len(s.Asked()); n != want {
			t.Errorf("after %s: %d questions, want %d", name, n, want)
		}
	}
	ask("example.test", 1)
	ask("EXAMPLE.test.", 1)
	now = now.Add(61 * time.Second)
	ask("example.test", 2)
	ask("mxonly.test", 3)
	ask("x.servfail.test", 4)
	ask("x.servfail.test", 5) // failures are not kept
	ask("null.test", 6)       // one of the two others goes
	ask("null.test", 6)
}

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := dns.Paths{
		ResolvConf: file("resolv.conf", "# c\nnameserver 192.0.2.1\nnameserver [::1]:5353 ; x\nnameserver 1.1.1.1\nnameserver 9.9.9.9\nsearch a.test b.test.\noptions timeout:7 attempts:9 ndots:3 rotate trust-ad use-vc\n"),
		NSSwitch:   file("nsswitch.conf", "hosts: dns [!UNAVAIL=return] files\naliases: nis\n"), Hosts: "/h",
	}
	c, err := dns.LoadConfig(p)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Servers, []string{"192.0.2.1:53", "[::1]:5353", "1.1.1.1:53"}) || !slices.Equal(c.Search, []string{"a.test", "b.test"}) ||
		c.Timeout != 7*time.Second || c.Attempts != 5 || c.Ndots != 3 || !c.Rotate || !c.TrustAD || !c.UseTCP || c.HostsFile != "/h" || !slices.Equal(c.Order, []string{"dns", "files"}) {
		t.Errorf("%+v", c)
	}
	p.ServiceSwitch = file("service.switch", "hosts\tfiles\n")
	if o, err := dns.ServiceOrder(p, "hosts"); err != nil || !slices.Equal(o, []string{"files"}) {
		t.Errorf("%v %v", o, err)
	}
	if o, err := dns.ServiceOrder(p, "aliases"); err != nil || !slices.Equal(o, []string{"nis"}) {
		t.Errorf("%v %v", o, err)
	}
	p.ResolvConf = file("bad", "search x\nnameserver somewhere\n")
	if _, err := dns.LoadConfig(p); err == nil || !strings.Contains(err.Error(), "bad:2: nameserver somewhere") {
		t.Errorf("%v", err)
	}
	if err := errors.Join(c.SetOption("-DNSRCH"), c.SetOption("+HasWildcardMX"), c.SetOption("WorkAroundBrokenAAAA")); err != nil || !c.NoSearch || !c.WildcardMX || !c.WorkAroundBrokenAAAA {
		t.Errorf("%v %+v", err, c)
	}
	if err := c.SetOption("nonsense"); err == nil {
		t.Error("nonsense accepted")
	}
}

func TestCancel(t *testing.T) {
	s := dnstest.Start(t, zone)
	ctx, cancel := context.WithCancel(context.Background())
	s.Handle(func(mdns.ResponseWriter, *mdns.Msg) bool { cancel(); return true })
	cfg := s.Config()
	cfg.Timeout = time.Minute
	if _, err := dns.New(cfg).LookupMX(ctx, "example.test"); !errors.Is(err, dns.ErrTemporary) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzAnswer lets the server send any bytes behind a proper header.
func FuzzAnswer(f *testing.F) {
	s := dnstest.Start(f, zone)
	q := new(mdns.Msg).SetQuestion("alias.test.", mdns.TypeA)
	seed, err := s.Reply(q).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed[2:])
	f.Add([]byte{})
	cfg := s.Config()
	cfg.Timeout = time.Millisecond // a garbled answer is waited out
	r := dns.New(cfg)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1200 {
			return
		}
		s.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
			w.Write(append([]byte{byte(q.Id >> 8), byte(q.Id)}, body...))
			return true
		})
		r.Canonical(context.Background(), "alias.test", dns.CanonOptions{})
		if a, err := r.Query(context.Background(), "alias.test", mdns.TypeA); err == nil && len(a.Records) == 0 {
			t.Error("answer without records")
		}
	})
}

// TestHostileServer asks a misbehaving server for everything that it spoils. There is an answer or an error, never
// neither, and what is called a host is one.
func TestHostileServer(t *testing.T) {
	r := dns.New(dns.Config{Servers: []string{dnstest.StartHostile(t, "127.0.0.1:0")}, Ndots: 1,
		Timeout: 30 * time.Millisecond, Attempts: 1,
		Order: []string{"dns"}})
	ctx := context.Background()
	host := func(t *testing.T, name string) {
		t.Helper()
		if !dns.IsHostName(name) {
			t.Errorf("%q is called a host", name)
		}
	}
	ask := func(t *testing.T, addr, domain string) {
		t.Helper()
		names, err := r.LookupPTR(ctx, netip.MustParseAddr(addr))
		if (len(names) == 0) != (err != nil) {
			t.Errorf("%s: %q, %v", addr, names, err)
		}
		for _, n := range names {
			host(t, n)
		}
		a, err := r.LookupAddrs(ctx, domain)
		if (a == nil) == (err == nil) || a != nil && (len(a.Addrs) == 0 || !dns.IsHostName(a.Name)) {
			t.Errorf("%s: %+v, %v", domain, a, err)
		}
		mx, err := r.LookupMX(ctx, domain)
		if (mx == nil) == (err == nil) || mx != nil && len(mx.Records) == 0 && mx.BadHost == "" {
			t.Errorf("%s: %+v, %v", domain, mx, err)
		}
		for i := 0; mx != nil && i < len(mx.Records); i++ {
			if h := mx.Records[i].Host; h != "." {
				host(t, h)
			}
		}
		if c, err := r.Canonical(ctx, domain, dns.CanonOptions{TryMX: true}); err == nil {
			host(t, c.Name)
		}
	}
	for i, f := range dnstest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			ask(t, fmt.Sprintf(dnstest.FaultyPTR, i), fmt.Sprintf(dnstest.FaultyMX, i))
			ask(t, fmt.Sprintf(dnstest.FaultyA, i), fmt.Sprintf(dnstest.FaultyHost, i))
		})
	}
	for i, n := range dnstest.BadNames() {
		t.Run("name "+n.Title, func(t *testing.T) {
			t.Parallel()
			ask(t, fmt.Sprintf(dnstest.NamedPTR, i), fmt.Sprintf(dnstest.NamedMX, i))
			ask(t, fmt.Sprintf(dnstest.AliasedPTR, i), fmt.Sprintf(dnstest.NamedCNAME, i))
		})
	}
}

// TestManyExchangers holds how many of a domain's exchangers count: the most preferred.
func TestManyExchangers(t *testing.T) {
	var z strings.Builder
	for i := range 300 {
		fmt.Fprintf(&z, "many.test. MX %d h%d.many.test.\n", 300-i, i)
	}
	mx, err := dnstest.Start(t, z.String()).Resolver().LookupMX(context.Background(), "many.test")
	if err != nil || len(mx.Records) != 100 || mx.Records[0].Pref != 1 {
		t.Error(len(mx.Records), err)
	}
}
