package acceptance

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gosendmail/internal/oracletest"
)

// resolveNames are clients whose names are in all states: found, leading elsewhere, missing, unknown for now, behind a
// CNAME that leads to a name, to nothing, or to a server that is down.
var resolveNames = []string{"127.0.2.8", "127.0.2.9", "127.0.3.9", "127.0.2.5", "127.0.9.1", "127.0.9.2", "127.0.9.3"}

// brokenAlias answers for the addresses whose names stand behind CNAMEs.
func brokenAlias(q *dns.Msg) *dns.Msg {
	answer := func(lines ...string) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		for _, l := range lines {
			rr, err := dns.NewRR(l)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		return m
	}
	switch strings.ToLower(q.Question[0].Name) {
	case "1.9.0.127.in-addr.arpa.":
		return answer("1.9.0.127.in-addr.arpa. CNAME 1.net9.test.", "1.net9.test. PTR good.client.test.")
	case "2.9.0.127.in-addr.arpa.":
		return answer("2.9.0.127.in-addr.arpa. CNAME 2.net9.test.")
	case "3.9.0.127.in-addr.arpa.":
		return answer("3.9.0.127.in-addr.arpa. CNAME 3.net9.test.")
	case "2.net9.test.":
		return new(dns.Msg).SetRcode(q, dns.RcodeNameError)
	case "3.net9.test.":
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
	return nil
}

// TestClientResolveAsTheOriginal holds ${client_resolve}, ${client_name} and ${client_ptr} of such clients.
func TestClientResolveAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
		serveDNS(t)
		processSite(t, w, func(cf string) string {
			return cf + "Scheck_vrfy\nR$*\t$#error $@ 5.7.0 $: \"550 \" $&{client_resolve} \" \" $&{client_name} \" \" $&{client_ptr}\n"
		})
		ask := func(cmd *exec.Cmd) (replies []string) {
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			for _, addr := range resolveNames {
				replies = append(replies, dialogue(t, addr, "VRFY x")[1])
			}
			return replies
		}
		ours := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		t.Logf("%q", ours)
		for i, want := range ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("log.cf"))) {
			if ours[i] != want {
				t.Errorf("%s:\nours:     %s\noriginal: %s", resolveNames[i], ours[i], want)
			}
		}
	})
}
