package durability

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var kills = flag.Int("kills", 10, "how often TestKilledAtRandom kills the daemon; 2,000 with GOSENDMAIL_SLOW")

// outcome is what a site did with the mail that it acknowledged.
type outcome struct {
	lost    []string
	doubled int
}

// account looks what became of the acknowledged messages; inflight says how often each was in the queue at the moment
// of a crash, and may be delivered once more.
func (s *site) account(t *testing.T, owed map[string][]string, inflight map[debt]int) outcome {
	t.Helper()
	l := newMemo().read(s.dir, s.load(t))
	took := s.peer.counts()
	copies := map[debt]int{}
	for i, box := range l.boxes {
		for _, m := range checkedBody.FindAllStringSubmatch(string(box), -1) {
			for rcpt, known := range recipients {
				for _, prefix := range known.where {
					if strings.HasPrefix(l.where[i], prefix) && strings.Contains(m[0], wanted(m[1])) {
						copies[debt{m[1], rcpt}]++
					}
				}
			}
		}
	}
	var out outcome
	for tag, rcpts := range owed {
		for _, rcpt := range rcpts {
			d := debt{tag, rcpt}
			n := copies[d] + took[tag+" "+rcpt]
			if n == 0 && !l.find(d).reported {
				out.lost = append(out.lost, tag+" for "+rcpt)
			}
			if n > 1 {
				out.doubled += n - 1
			}
			if n > 1+inflight[d] {
				t.Errorf("%s for %s: %d copies, in the queue at %d crashes", tag, rcpt, n, inflight[d])
			}
		}
	}
	return out
}

// checkedBody is a message's text with its tag.
var checkedBody = regexp.MustCompile(`(?:line of ([-\w]+)\n)+sum [0-9a-f]+\n`)

// traffic is what the senders send in turn. One recipient in five fails, now or for good.
var traffic = [][]string{
	{"bin@mail.test", "gone@far.test"}, {"file@mail.test"}, {"list@mail.test"}, {"far@far.test", "wait@far.test"}, {"games@md.test", "prog@mail.test"},
}

// TestKilledAtRandom kills a daemon again and again while it accepts, delivers, splits and bounces: nothing that was
// acknowledged is lost, and only what was being delivered at that moment comes twice.
func TestKilledAtRandom(t *testing.T) {
	requireStrace(t)
	n := *kills
	if os.Getenv("GOSENDMAIL_SLOW") != "" && n < 2000 {
		n = 2000
	}
	rnd := random(t)
	s := newSite(t, "b", false)
	port := s.port(t)
	owed := map[string][]string{}
	inflight := map[debt]int{}
	var mu sync.Mutex
	var next atomic.Int64
	var stop atomic.Bool
	var senders sync.WaitGroup
	for range 3 {
		senders.Go(func() {
			for !stop.Load() {
				k := int(next.Add(1))
				tag, rcpts := fmt.Sprintf("load-%d", k), traffic[k%len(traffic)]
				if !smtp(port, tag, rcpts...) {
					time.Sleep(5 * time.Millisecond) // it is down
					continue
				}
				if rcpts[0] == "list@mail.test" {
					rcpts = listMembers
				}
				mu.Lock()
				owed[tag] = rcpts
				mu.Unlock()
				time.Sleep(15 * time.Millisecond) // kills shall meet deliveries, too
			}
		})
	}
	restarts := 0
	for restarts < n {
		cmd := s.sendmail("-bD", "-q1s")
		must(t, cmd.Start())
		reads := s.greeted(port)
		time.Sleep(time.Duration(rnd.IntN(120)) * time.Millisecond)
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
		if !reads {
			continue
		}
		restarts++
		s.countQueued(t, inflight)
		if restarts%100 == 0 {
			t.Logf("%d kills", restarts)
		}
		if restarts%25 == 0 {
			s.peer.willing.Store(true) // else the queue grows beyond all measure
			s.drain(t)
			s.peer.willing.Store(false)
		}
	}
	stop.Store(true)
	senders.Wait()
	s.peer.willing.Store(true)
	until(t, "the queue is empty", func() bool { s.drain(t); return len(s.queued(t)) == 0 })
	out := s.account(t, owed, inflight)
	t.Logf("%d kills, %d messages acknowledged, %d recipients lost, %d deliveries doubled", restarts, len(owed), len(out.lost), out.doubled)
	for _, l := range out.lost {
		t.Errorf("lost: %s", l)
	}
	if len(owed) == 0 {
		t.Error("nothing was acknowledged")
	}
}

// greeted waits until the daemon answers.
func (s *site) greeted(port string) bool {
	for range 2000 {
		if smtp(port, "") {
			return true
		}
		time.Sleep(2 * time.Millisecond)
	}
	return false
}

func (s *site) port(t *testing.T) string {
	t.Helper()
	cf, err := os.ReadFile(s.path("sm.cf"))
	must(t, err)
	_, port, _ := strings.Cut(string(cf), "Port=")
	port, _, _ = strings.Cut(port, "\n")
	return port
}

// drain runs the queue once.
func (s *site) drain(t *testing.T) {
	t.Helper()
	if out, err := s.sendmail("-q").CombinedOutput(); err != nil {
		t.Logf("-q: %v\n%s", err, out)
	}
}

// countQueued notes who is in the queue now, and checks that nobody is there twice.
func (s *site) countQueued(t *testing.T, inflight map[debt]int) {
	t.Helper()
	st := state{}
	files, err := filepath.Glob(s.path("queue/[qd]f*"))
	must(t, err)
	for _, name := range files {
		st[name], err = os.ReadFile(name)
		must(t, err)
	}
	times := map[debt]int{}
	for _, m := range newMemo().read(s.dir, st).mails {
		tag := tagIn.FindSubmatch(m.body)
		if tag == nil || m.env.Flags.Response {
			continue
		}
		for rcpt := range recipients {
			if d := (debt{string(tag[1]), rcpt}); names(m.env, rcpt) {
				inflight[d]++
				if times[d]++; times[d] > 1 {
					t.Errorf("%v is in the queue %d times", d, times[d])
				}
			}
		}
	}
}
