package acceptance

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// crashBody makes a body of some kilobytes that ends in its own checksum, so that damage shows.
func crashBody(tag string) string {
	text := strings.Repeat("line of "+tag+"\r\n", 200)
	return fmt.Sprintf("Subject: %s\r\n\r\n%ssum %x", tag, text, sha256.Sum256([]byte(strings.ReplaceAll(text, "\r\n", "\n"))))
}

// whole reports whether a mailbox holds the message of tag undamaged.
func whole(box, tag string) bool {
	text := strings.Repeat("line of "+tag+"\n", 200)
	return strings.Contains(box, fmt.Sprintf("Subject: %s\n", tag)) &&
		strings.Contains(box, fmt.Sprintf("\n\n%ssum %x\n", text, sha256.Sum256([]byte(text))))
}

// TestKilledDaemonLosesNothing sends 200 messages while the daemon is killed ten times: what got a 250 must arrive
// undamaged.
func TestKilledDaemonLosesNothing(t *testing.T) {
	const messages, kills, senders = 200, 10, 4
	inArena(t, prepareSeed, func(t *testing.T, w world) {
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		d := startOurs(t, w)
		var acked sync.Map
		var count, next atomic.Int64
		var wg sync.WaitGroup
		reached := make(chan struct{}, messages)
		for range senders {
			wg.Go(func() {
				for {
					n := next.Add(1)
					if n > messages {
						return
					}
					tag := fmt.Sprintf("crash-%03d", n)
					for !deliverOnce(tag) {
					}
					acked.Store(tag, true)
					count.Add(1)
					reached <- struct{}{}
				}
			})
		}
		for kill := range kills {
			for range messages / (kills + 1) {
				<-reached
			}
			t.Logf("kill %d after %d acknowledged messages", kill+1, count.Load())
			d.kill()
			d = startOurs(t, w)
		}
		wg.Wait()
		eventually(t, "the queue is empty", func() bool {
			exec.Command(w.path("bin/sendmail"), "-q").Run()
			left, _ := filepath.Glob("/var/spool/mqueue/qf*")
			return len(left) == 0
		})
		box, err := os.ReadFile("/var/mail/you")
		must(t, err)
		lost := 0
		acked.Range(func(tag, _ any) bool {
			if !whole(string(box), tag.(string)) {
				lost++
				t.Errorf("%s was acknowledged and is lost or damaged", tag)
			}
			return true
		})
		t.Logf("%d acknowledged, %d lost, %d copies in the mailbox", count.Load(), lost, strings.Count(string(box), "\nSubject: crash-"))
	})
}

// deliverOnce tries to send the message of tag and reports whether its end got a 250. A daemon that is down counts as a
// refusal.
func deliverOnce(tag string) bool {
	replies, err := talk("127.0.2.8", "127.0.0.1:25", "EHLO client.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<you@domain1.com>", "DATA", crashBody(tag)+"\r\n.")
	return len(replies) == 6 && strings.HasPrefix(replies[5], "250 ") && (err == nil || len(replies) == 6)
}
