package mta

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gosendmail/queue"
)

// clock is a time that tests move. It is ahead of the real one, by which connections end.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2036, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// peer is an SMTP server that answers RCPT as it is told and counts what it accepts.
type peer struct {
	net.Listener
	rcpt     atomic.Pointer[string] // the answer to RCPT; nil takes everyone
	gone     atomic.Pointer[string] // the answer to RCPT for gone.test, where it differs
	attempts atomic.Int32           // RCPT commands seen
	messages atomic.Int32           // messages taken
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.talk(c)
		}
	}()
	return p
}

func (p *peer) answer(text string) { p.rcpt.Store(&text) }

func (p *peer) talk(c net.Conn) {
	defer c.Close()
	say := func(text string) { io.WriteString(c, text+"\r\n") }
	say("220 peer.test ESMTP")
	lines := bufio.NewScanner(c)
	content := false
	for lines.Scan() {
		line := lines.Text()
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case content && line != ".":
		case content:
			content = false
			p.messages.Add(1)
			say("250 2.0.0 taken")
		case verb == "RCPT":
			p.attempts.Add(1)
			text := p.rcpt.Load()
			if other := p.gone.Load(); other != nil && strings.Contains(line, "@gone.test>") {
				text = other
			}
			if text != nil && *text != "" {
				say(*text)
				continue
			}
			say("250 2.1.5 ok")
		case verb == "DATA":
			content = true
			say("354 go on")
		case verb == "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// timedServer is a server with a clock, whose mail to other hosts goes to a peer, and with more options.
func timedServer(t *testing.T, c *clock, p *peer, options ...string) *Server {
	t.Helper()
	_, port, err := net.SplitHostPort(p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("\nScanonify", "\nPfirst-class=100\nPbulk=-60\nScanonify", "$#relay $@ $2", "$#relay $@ [127.0.0.1]", "A=TCP $h", "A=TCP $h "+port).Replace(testConfig)
	for _, o := range options {
		config = strings.Replace(config, "O MinFreeBlocks", "O "+o+"\nO MinFreeBlocks", 1)
	}
	return testServerOf(t, "false", config, c.now)
}

// runQueue is an ordinary queue run.
func runQueue(t *testing.T, s *Server) {
	t.Helper()
	if err := s.RunQueue(context.Background(), queue.Selection{}); err != nil {
		t.Fatal(err)
	}
	s.Wait()
}

func logText(t *testing.T, s *Server) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(filepath.Dir(s.spool.Group("").Directories()[0]), "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// qfFlags is the F line of a control file.
func qfFlags(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^F(.*)$`).FindStringSubmatch(string(b))
	if m == nil {
		return ""
	}
	return m[1]
}

func TestRetryAfterTemporaryFailure(t *testing.T) {
	c, p := newClock(), newPeer(t)
	s := timedServer(t, c, p)
	p.answer("451 4.3.0 not now")
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<x@far.test>"}, "Subject: one\n\nx\n")
	runQueue(t, s)
	files := queueFiles(t, s)
	if len(files) != 1 || p.messages.Load() != 0 {
		t.Fatalf("%d in the queue, %d taken", len(files), p.messages.Load())
	}
	b, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(b), "\nMDeferred: 451 4.3.0 not now\n") || !strings.Contains(string(b), "\nN1\n") {
		t.Errorf("control file (%v):\n%s", err, b)
	}
	p.answer("")
	runQueue(t, s)
	if files := queueFiles(t, s); len(files) != 0 || p.messages.Load() != 1 {
		t.Errorf("%d in the queue, %d taken", len(files), p.messages.Load())
	}
	if text := logText(t, s); !strings.Contains(text, "stat=Deferred: 451 4.3.0 not now") || !strings.Contains(text, "stat=Sent (2.0.0 taken)") {
		t.Errorf("log:\n%s", text)
	}
}

func TestMinQueueAge(t *testing.T) {
	c, p := newClock(), newPeer(t)
	s := timedServer(t, c, p, "MinQueueAge=30m")
	p.answer("451 4.3.0 not now")
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<x@far.test>"}, "Subject: one\n\nx\n")
	for _, step := range []struct {
		wait time.Duration
		want int32
	}{{0, 1}, {time.Minute, 1}, {28 * time.Minute, 1}, {2 * time.Minute, 2}, {29 * time.Minute, 2}, {2 * time.Minute, 3}} {
		c.pass(step.wait)
		runQueue(t, s)
		if n := p.attempts.Load(); n != step.want {
			t.Errorf("after %v more: %d attempts, want %d", step.wait, n, step.want)
		}
	}
	deliver(t, s) // a run that selects does not wait
	if n := p.attempts.Load(); n != 4 {
		t.Errorf("%d attempts after a run on demand", n)
	}
}

// TestQueueWarn holds that a sender hears of the delay once, and when.
func TestQueueWarn(t *testing.T) {
	c, p := newClock(), newPeer(t)
	s := timedServer(t, c, p, "Timeout.queuewarn=4h", "Timeout.queuereturn=5d")
	p.answer("451 4.3.0 not now")
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<x@far.test>"}, "Subject: one\n\nx\n")
	file := queueFiles(t, s)[0]
	for _, step := range []struct {
		wait     time.Duration
		warnings int
	}{{0, 0}, {3 * time.Hour, 0}, {2 * time.Hour, 1}, {time.Hour, 1}, {50 * time.Hour, 1}} {
		c.pass(step.wait)
		runQueue(t, s)
		runQueue(t, s) // delivers the report
		box := mailbox(t, s, "alice")
		if n := strings.Count(box, "\nSubject: Warning: could not send message for past 4 hours\n"); n != step.warnings {
			t.Errorf("after %v more: %d warnings, want %d:\n%s", step.wait, n, step.warnings, box)
		}
		if got := strings.Contains(qfFlags(t, file), "w"); got != (step.warnings > 0) {
			t.Errorf("after %v more: flags %s", step.wait, qfFlags(t, file))
		}
	}
	box := mailbox(t, s, "alice")
	for _, want := range []string{"**      THIS IS A WARNING MESSAGE ONLY      **", "**  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **",
		"Warning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n", "Action: delayed\n",
		"451 4.3.0 not now", "Subject: one\n"} {
		if !strings.Contains(box, want) {
			t.Errorf("%q is missing in\n%s", want, box)
		}
	}
	if left := queueFiles(t, s); len(left) != 1 {
		t.Errorf("in the queue: %v", left)
	}
}

// TestQueueReturn holds which of the limits counts for a message.
func TestQueueReturn(t *testing.T) {
	tests := []struct {
		name, from, header, words string
		limit                     time.Duration
	}{
		{"normal", "<alice@mail.test>", "", "5 days", 120 * time.Hour},
		{"urgent", "<alice@mail.test>", "Precedence: first-class\n", "1 day", 24 * time.Hour},
		{"non-urgent", "<alice@mail.test>", "Precedence: bulk\n", "1 week", 168 * time.Hour},
		{"null sender", "<>", "", "5 days", 120 * time.Hour},
		{"by its priority", "<alice@mail.test>", "Priority: non-urgent\nPrecedence: first-class\n", "1 week", 168 * time.Hour},
		{"all alike", "<alice@mail.test>", "Precedence: bulk\n", "3 days", 72 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, p := newClock(), newPeer(t)
			limits := []string{"Timeout.queuereturn.normal=5d", "Timeout.queuereturn.urgent=1d",
				"Timeout.queuereturn.non-urgent=7d", "Timeout.queuereturn.dsn=2h"}
			if tt.name == "all alike" {
				limits = []string{"Timeout.queuereturn=3d"}
			}
			s := timedServer(t, c, p, append(limits, "DoubleBounceAddress=alice")...)
			p.answer("451 4.3.0 not now")
			send(t, s.testSession(t), tt.from, []string{"<x@far.test>"}, tt.header+"Subject: one\n\nx\n")
			c.pass(tt.limit - time.Minute)
			runQueue(t, s)
			if n := len(queueFiles(t, s)); n != 1 || mailbox(t, s, "alice") != "" {
				t.Fatalf("%d in the queue before the limit", n)
			}
			c.pass(2 * time.Minute)
			runQueue(t, s)
			runQueue(t, s)
			box := mailbox(t, s, "alice")
			for _, want := range []string{"Message could not be delivered for " + tt.words + "\nMessage will be deleted from queue\n",
				"Action: failed\n", "Status: 4.4.7\n", "Diagnostic-Code: smtp; 451 4.3.0 not now\n"} {
				if !strings.Contains(box, want) {
					t.Errorf("%q is missing in\n%s", want, box)
				}
			}
			if left := queueFiles(t, s); len(left) != 0 {
				t.Errorf("left in the queue: %v", left)
			}
		})
	}
}

// TestQueueReturnOfReports holds that reports have a limit of their own.
func TestQueueReturnOfReports(t *testing.T) {
	c, p := newClock(), newPeer(t)
	s := timedServer(t, c, p, "Timeout.queuereturn=5d", "Timeout.queuereturn.dsn=2h", "DoubleBounceAddress=alice")
	p.answer("550 5.1.1 nobody here")
	later := "451 4.3.0 not now"
	p.gone.Store(&later)
	send(t, s.testSession(t), "<y@gone.test>", []string{"<x@far.test>"}, "Subject: one\n\nx\n")
	runQueue(t, s)
	if n := len(queueFiles(t, s)); n != 1 {
		t.Fatalf("%d in the queue, want the report", n)
	}
	c.pass(2*time.Hour + time.Minute)
	runQueue(t, s)
	runQueue(t, s)
	if box := mailbox(t, s, "alice"); !strings.Contains(box, "Message could not be delivered for 2 hours\n") {
		t.Errorf("mailbox:\n%s", box)
	}
	if left := queueFiles(t, s); len(left) != 0 {
		t.Errorf("left in the queue: %v", left)
	}
}

// TestDoubleBounce sends a message whose bounce cannot be delivered either: the postmaster hears of it, or nobody where
// DoubleBounceAddress is empty.
func TestDoubleBounce(t *testing.T) {
	for address, want := range map[string]bool{"alice": true, "": false} {
		t.Run(fmt.Sprintf("to %q", address), func(t *testing.T) {
			c, p := newClock(), newPeer(t)
			s := timedServer(t, c, p, "DoubleBounceAddress="+address)
			p.answer("550 5.1.1 nobody here")
			send(t, s.testSession(t), "<y@gone.test>", []string{"<x@far.test>"}, "Subject: one\n\nx\n")
			for range 4 {
				runQueue(t, s)
			}
			box := mailbox(t, s, "alice")
			if got := strings.Contains(box, "\nSubject: Postmaster notify: see transcript for details\n"); got != want {
				t.Errorf("told: %t\n%s", got, box)
			}
			if left := queueFiles(t, s); len(left) != 0 {
				t.Errorf("left in the queue: %v", left)
			}
		})
	}
}

// TestBrokenControlFile puts a control file without an end and one of nonsense into the queue: they are set aside, the
// log says so, and other mail goes on.
func TestBrokenControlFile(t *testing.T) {
	c, p := newClock(), newPeer(t)
	s := timedServer(t, c, p)
	send(t, s.testSession(t), "<a@far.test>", []string{"<alice@mail.test>"}, "Subject: cut\n\nx\n")
	whole, err := os.ReadFile(queueFiles(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := s.spool.Group("").Directories()[0]
	for id, text := range map[string]string{
		"qf62Gaaaaa000001": strings.TrimSuffix(string(whole), ".\n"),
		"qf62Gaaaaa000002": "V8\nT1772366400\n\x01nonsense\n.\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, id), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "d"+id[1:]), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runQueue(t, s)
	for _, id := range []string{"62Gaaaaa000001", "62Gaaaaa000002"} {
		if _, err := os.Stat(filepath.Join(dir, "Qf"+id)); err != nil {
			t.Errorf("not set aside: %v", err)
		}
		if !strings.Contains(logText(t, s), id+": Losing ") {
			t.Errorf("nothing of %s in the log:\n%s", id, logText(t, s))
		}
	}
	if left := queueFiles(t, s); len(left) != 0 || !strings.Contains(mailbox(t, s, "alice"), "Subject: cut\n") {
		t.Errorf("left in the queue: %v", left)
	}
}
