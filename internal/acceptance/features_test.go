package acceptance

import (
	"os"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestServerFeaturesAsTheOriginal gives clients the letters of srv_features by the access table.
func TestServerFeaturesAsTheOriginal(t *testing.T) {
	given := map[string]string{
		"127.0.3.1": "D", "127.0.3.2": "E", "127.0.3.3": "X", "127.0.3.4": "P", "127.0.3.5": "D d", "127.0.3.6": "B", "127.0.3.7": "l", "127.0.3.8": "h", "127.0.3.9": "<TMPF>",
		"127.0.3.10": "D E X P", "127.0.3.11": "q", "127.0.3.12": "L",
	}
	lines := []string{
		"EHLO c.test", "EXPN you", "VRFY you", "ETRN domain1.com", "ETRN #mqueue", "MAIL FROM:<a@outside.test> ENVID=x",
		"MAIL FROM:<a@outside.test>", "RCPT TO:<you@domain1.com> NOTIFY=NEVER", "RCPT TO:<you@domain1.com>", "RSET",
		"GET / HTTP/1.0", "QUIT",
	}
	inArena(t, func(t *testing.T, w world) {
		prepareSeed(t, w)
		edit := func(name string, f func(string) string) {
			text, err := os.ReadFile(w.path(name))
			must(t, err)
			write(t, w.path(name), f(string(text)))
		}
		edit("etc/mail/sendmail.mc", func(s string) string {
			return strings.Replace(s, "`goaway,restrictmailq,restrictqrun'", "`authwarnings'", 1)
		})
		for addr, letters := range given {
			last := addr[strings.LastIndexByte(addr, '.')+1:]
			edit("etc/mail/access", func(s string) string { return s + "Srv_Features:" + addr + "\t" + letters + "\n" })
			edit("zone", func(s string) string {
				return s + last + ".3.0.127.in-addr.arpa. PTR c" + last + ".client.test.\nc" + last + ".client.test. A " + addr + "\n"
			})
		}
	}, func(t *testing.T, w world) {
		oracletest.Root(t)
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		ours := startOurs(t, w)
		got := map[string][]string{}
		for addr := range given {
			got[addr] = answered(addr, lines)
		}
		ours.stop()
		originalTables(t)
		start(t, "127.0.0.1:25", originalDaemon(t))
		for addr, letters := range given {
			if want := answered(addr, lines); strings.Join(got[addr], "\n") != strings.Join(want, "\n") {
				t.Errorf("%s:\n%s", letters, differing(lines, got[addr], want))
			}
		}
	})
}
