package maps_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
	"gosendmail/maps"
)

// TestNamesFromTheDNS holds that no map gives a rule what its owner calls a host although it is none.
func TestNamesFromTheDNS(t *testing.T) {
	s := dnstest.Start(t, `d.test. MX 10 a\"b.d.test.
d.test. NS [127.0.0.1].d.test.
e.test. MX 10 [127.0.0.1].e.test.
e.test. MX 20 good.e.test.
c.test. CNAME user\@host.c.test.
1.0.0.127.in-addr.arpa. PTR [127.0.0.1].evil.test.
2.0.0.127.in-addr.arpa. PTR 127.0.0.1.
3.0.0.127.in-addr.arpa. PTR a.test.
s.test. SRV 0 0 25 $j.s.test.
text.test. TXT "a\"b"
`)
	set, err := maps.NewSet(specs([]string{"Khost host", "Kbestmx bestmx -z:", "Kmx dns -RMX -z:", "Kns dns -RNS",
		"Kcname dns -RCNAME", "Kptr dns -RPTR",
		"Ksrv dns -RSRV", "Ktxt dns -RTXT"}), maps.Env{DNS: s.Resolver()})
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{
		"host [127.0.0.1]": "", "host [127.0.0.2]": "", "host [127.0.0.3]": "a.test", "host [127.0.0.3].": "a.test",
		"host [127.0.0.3].evil.test": "",
		"host c.test":                "", "bestmx d.test": "", "bestmx e.test": "good.e.test.", "bestmx [127.0.0.3].evil.test": "",
		"bestmx [127.0.0.3]": "[127.0.0.3]",
		"mx d.test":          "", "mx e.test": "good.e.test", "ns d.test": "", "cname c.test": "", "ptr 1.0.0.127.in-addr.arpa": "",
		"srv s.test": "", "txt text.test": `a"b`,
	} {
		m, key, _ := strings.Cut(q, " ")
		if v, err := set.Lookup(context.Background(), m, key); v != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", q, v, err, want)
		}
	}
}

// TestBadNamesInMaps asks every class that names hosts about each bad name.
func TestBadNamesInMaps(t *testing.T) {
	env := maps.Env{DNS: resolverAt(dnstest.StartHostile(t, "127.0.0.1:0"))}
	set, err := maps.NewSet(specs([]string{"Khost host", "Kbestmx bestmx", "Kmx dns -RMX", "Kcname dns -RCNAME"}), env)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range dnstest.BadNames() {
		if n.Host || n.Title == "root" {
			continue
		}
		for _, q := range []string{"host [" + fmt.Sprintf(dnstest.NamedPTR, i) + "]",
			"host " + fmt.Sprintf(dnstest.NamedCNAME, i),
			"bestmx " + fmt.Sprintf(dnstest.NamedMX, i), "mx " + fmt.Sprintf(dnstest.NamedMX,
				i), "cname " + fmt.Sprintf(dnstest.NamedCNAME, i)} {
			m, key, _ := strings.Cut(q, " ")
			if v, err := set.Lookup(context.Background(), m, key); err == nil {
				t.Errorf("%s: %s gives %q", n.Title, m, v)
			}
		}
	}
}

// resolverAt asks one name server.
func resolverAt(addr string) *dns.Resolver {
	return dns.New(dns.Config{Servers: []string{addr}, Ndots: 1, Timeout: time.Second, Attempts: 1,
		Order: []string{"dns"}})
}
