package acceptance

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/peertest"
)

// peerAt is the address of misbehaving peer i.
func peerAt(i int) string { return fmt.Sprintf("127.31.%d.%d", i/200, 1+i%200) }

// listenEach serves connections to a port of the address of each of n peers.
func listenEach(t *testing.T, n int, port string, serve func(i int, c net.Conn)) {
	t.Helper()
	for i := range n {
		l, err := net.Listen("tcp", peerAt(i)+":"+port)
		must(t, err)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(i, c)
			}
		}()
	}
}

// TestHostilePeersAsTheOriginal holds what both make of servers for SMTP that misbehave.
func TestHostilePeersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "0")
		peers := peertest.Peers()
		listenEach(t, len(peers), "2525", func(i int, c net.Conn) { peers[i].Serve(c) })
		cases := sampled(len(peers))
		var titles []string
		for _, i := range cases {
			titles = append(titles, peers[i].Name)
		}
		deliver := func(cmd func() *exec.Cmd) []hostileVerdict {
			must(t, os.Truncate(w.path("log"), 0))
			took := inParallel(len(cases), 40, func(i int) string {
				c := cmd()
				c.Args = append(c.Args, "-odi", "-fa@mail.example.test", fmt.Sprintf("u%d@[%s]", i, peerAt(cases[i])))
				c.Stdin = strings.NewReader("Subject: x\n\nx\n")
				return firstLine(c)
			})
			return outcomes(t, w, took)
		}
		ours := deliver(func() *exec.Cmd { return exec.Command(w.path("bin/sendmail"), "-C"+w.path("hostile.cf")) })
		want := deliver(func() *exec.Cmd {
			return oracletest.Command(t, "usr/libexec/sendmail/sendmail", "-C"+w.path("hostile.cf"))
		})
		compare(t, titles, ours, want, knownPeers)
	})
}

// knownPeers says what we make otherwise of peers.
var knownPeers = []allowance{
	{regexp.MustCompile(`^EHLO: SIZE 1$`), "failed", "RFC 1870: the message is too large"},
	{regexp.MustCompile(`^MAIL: (000|2500)$`), "failed", "pipelined: the answer to DATA is taken for that to MAIL"},
	{regexp.MustCompile(`^(DATA|\.): (not ended|endless line)$`), "deferred", "a line that does not end is none"},
}

// knownIdents likewise.
var knownIdents = []allowance{
	{regexp.MustCompile(`^answer: long system$`), "250 mail.example.test Hello joe@, pleased to meet you\n5",
		"RFC 1413 section 6 allows 512 characters"},
}

// TestHostileIdentsAsTheOriginal holds what both take from ident servers that misbehave.
func TestHostileIdentsAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "2s")
		idents := peertest.Idents()
		listenEach(t, len(idents), "113", func(i int, c net.Conn) { idents[i].Serve(c) })
		cases := sampled(len(idents))
		var titles []string
		for _, i := range cases {
			titles = append(titles, idents[i].Name)
		}
		ask := func(cmd *exec.Cmd) []hostileVerdict {
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			return inParallel(len(cases), 24, func(i int) string {
				replies, err := patient(peerAt(cases[i]), "127.0.0.1:25", "HELO client.test", "RCPT TO:<u@elsewhere.hostile.test>")
				if len(replies) < 2 {
					return fmt.Sprint(replies, err)
				}
				return strings.Join(replies[1:], "\n")
			})
		}
		ours := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("hostile.cf")))
		compare(t, titles, ours, ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("hostile.cf"))), knownIdents)
	})
}
