package acceptance

import (
	"bufio"
	"net"
	"net/textproto"
	"os/exec"
	"sync/atomic"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestSilentNameServersAsTheOriginal counts what a sender costs whose name servers never answer: no more questions,
// each of which is waited for, than with the original, and none when he tries again.
func TestSilentNameServersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		pc, err := net.ListenPacket("udp", "127.0.0.2:53")
		must(t, err)
		defer pc.Close()
		var asked atomic.Int64
		go func() {
			p := make([]byte, 512)
			for {
				if _, _, err := pc.ReadFrom(p); err != nil {
					return
				}
				asked.Add(1)
			}
		}()
		write(t, "/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
		// questions are how many each command took.
		questions := func(program *exec.Cmd) (counts []int64) {
			in, err := program.StdinPipe()
			must(t, err)
			out, err := program.StdoutPipe()
			must(t, err)
			must(t, program.Start())
			replies := textproto.NewReader(bufio.NewReader(out))
			read := func() {
				_, _, err := replies.ReadResponse(0)
				must(t, err)
			}
			read()
			for _, command := range []string{"HELO c.test", "MAIL FROM:<a@silent.test>", "RSET",
				"MAIL FROM:<b@silent.test>", "RSET", "MAIL FROM:<>",
				"RCPT TO:<c@quiet.test>", "RCPT TO:<d@quiet.test>"} {
				before := asked.Load()
				_, err := in.Write([]byte(command + "\r\n"))
				must(t, err)
				read()
				counts = append(counts, asked.Load()-before)
			}
			must(t, in.Close())
			must(t, program.Wait())
			return counts
		}
		ours := questions(exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bs"))
		original := questions(oracletest.Sendmail(t, "-C"+w.path("log.cf"), "-bs"))
		t.Logf("ours %d, original %d", ours, original)
		for i, n := range ours {
			if n > original[i] {
				t.Errorf("command %d: %d questions, with the original %d", i, n, original[i])
			}
		}
		if original[1] == 0 {
			t.Error("the original asks nothing")
		}
	})
}
