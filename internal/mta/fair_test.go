package mta

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/queue"
	"gosendmail/rules"
)

// stuckMailers are ways to a peer that says nothing after DATA.
const stuckMailers = `Msilent, P=[IPC], F=mDFMuX, A=FILE %[1]s/silent
`

// silentPeer takes messages up to DATA and says nothing more to those that have a recipient with the word stuck. It
// counts whom it keeps waiting, and sends the recipients of the others to taken.
func silentPeer(t testing.TB, path string, taken chan<- string) *atomic.Int32 {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var waiting atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go beSilent(c, &waiting, taken)
		}
	}()
	return &waiting
}

// beSilent is one dialogue of silentPeer's.
func beSilent(c net.Conn, waiting *atomic.Int32, taken chan<- string) {
	defer c.Close()
	in := bufio.NewReader(c)
	io.WriteString(c, "220 silent.test\r\n")
	rcpt, message := "", false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		reply := "250 ok\r\n"
		switch {
		case message && line != ".\r\n":
			continue
		case message:
			message = false
			taken <- rcpt
		case strings.HasPrefix(line, "RCPT"):
			rcpt = line
		case strings.HasPrefix(line, "DATA") && strings.Contains(rcpt, "stuck"):
			waiting.Add(1)
			in.WriteTo(io.Discard)
			return
		case strings.HasPrefix(line, "DATA"):
			message, reply = true, "354 go\r\n"
		}
		io.WriteString(c, reply)
	}
}

// fairServer has 100 users with mailboxes, 300 aliases that lead to programs, one of them always to the same, and hosts
// that hang.
func fairServer(t *testing.T, config string) (*Server, string) {
	t.Helper()
	config = strings.Replace(config, "R$* < @ nowhere.test >", "R$* < @ $- .stuck >	$#silent $@ $2 $: $1 @ $2\nR$* < @ nowhere.test >", 1)
	config = strings.Replace(config, "O MaxRecipientsPerMessage=3\n", "", 1)
	config = strings.Replace(config, "F=lsDFMAwP", "F=lsDFMAwP|", 1)
	s := testServerOf(t, "false", config+stuckMailers, nil)
	dir := filepath.Dir(s.spool.Group("").Directories()[0])
	var aliases, passwd strings.Builder
	aliases.WriteString("same: \"|exec sleep 600\"\n")
	for i := range 300 {
		fmt.Fprintf(&aliases, "other%d: \"|exec sleep 600.%d\"\n", i, i)
	}
	for i := range 100 {
		fmt.Fprintf(&passwd, "user%d:x:%d:%d:User:%s:/bin/sh\n", i, os.Getuid(), os.Getgid(), dir)
	}
	for name, text := range map[string]string{"aliases": aliases.String(), "passwd": passwd.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, problems, err := RebuildAliases(context.Background(), s.site.Site, s.Log, "tester"); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return s, dir
}

// TestStuckDeliveries puts 300 messages whose delivery hangs before messages to 100 users: all users have theirs while
// the others hang.
func TestStuckDeliveries(t *testing.T) {
	for name, c := range map[string]struct {
		rcpt  func(i int) string
		limit int // deliveries that hang at a time
	}{
		"one program":   {func(int) string { return "<same@mail.test>" }, 20},
		"many programs": {func(i int) string { return fmt.Sprintf("<other%d@mail.test>", i) }, 100},
		"one host":      {func(i int) string { return fmt.Sprintf("<x%d@silent.stuck>", i) }, 20},
		"many hosts":    {func(i int) string { return fmt.Sprintf("<x@silent%d.stuck>", i) }, 300},
	} {
		if name != "one program" && os.Getenv("GOSENDMAIL_SLOW") == "" {
			continue // queue tests the others with a clock of their own
		}
		for _, path := range []string{"background", "queue run", "small runs"} {
			t.Run(name+"/"+path, func(t *testing.T) {
				config := testConfig
				if path == "small runs" {
					config = strings.Replace(config, "O SendMimeErrors", "O MaxRunnersPerQueue=5\nO MaxQueueChildren=5\nO SendMimeErrors", 1)
				}
				s, dir := fairServer(t, config)
				waiting := silentPeer(t, dir+"/silent", nil)
				if path == "background" {
					s.site.options.DeliveryMode = 'b'
				}
				session := s.testSession(t)
				for i := range 400 {
					to := fmt.Sprintf("<user%d@mail.test>", i-300)
					if i < 300 {
						to = c.rcpt(i)
					}
					if got := shown(send(t, session, "<a@other.test>", []string{to}, "Subject: x\n\nx\n")); !strings.HasPrefix(got, "250 ") {
						t.Fatal(got)
					}
				}
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				var runs sync.WaitGroup
				defer runs.Wait()  // the run writes to the queue until its end
				defer s.Close(ctx) // does not wait for what hangs
				if path != "background" {
					runs.Go(func() { s.RunQueue(s.runs, queue.Selection{}) })
				}
				for end := time.Now().Add(2 * time.Minute); boxes(dir) < 100; time.Sleep(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%d of 100 users have their mail", boxes(dir))
					}
				}
				if hang := int(waiting.Load()) + sleepers(); hang == 0 || hang > c.limit {
					t.Errorf("%d deliveries hang, limit %d", hang, c.limit)
				}
			})
		}
	}
}

// TestStuckSubmissions is TestStuckDeliveries for the submission queue, all of whose mail goes to one relay: 300
// messages at which the relay hangs, from one user or from as many, stand before those of 100 other users.
func TestStuckSubmissions(t *testing.T) {
	for name, c := range map[string]struct {
		users int // who hand in what hangs
		limit int // deliveries that hang at a time
	}{"one user": {1, 20}, "many users": {300, 300}} {
		if name != "one user" && os.Getenv("GOSENDMAIL_SLOW") == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			config := strings.Replace(testConfig, "O SendMimeErrors", "O MaxRunnersPerQueue=5\nO MaxQueueChildren=5\nO SendMimeErrors", 1)
			config = strings.Replace(config, "R$* < @ nowhere.test >	", "R$* < @ $+ >	$#silent $@ [127.0.0.1] $: $1 @ $2\nR$* < @ nowhere.test >	", 1)
			s := testServerOf(t, "false", config+stuckMailers, nil)
			taken := make(chan string, 100)
			waiting := silentPeer(t, filepath.Dir(s.spool.Group("").Directories()[0])+"/silent", taken)
			for i := range 300 {
				handIn(t, s, fmt.Sprintf("stuck%d", i%c.users), fmt.Sprintf("stuck%d@elsewhere.test", i))
			}
			for i := range 100 {
				handIn(t, s, fmt.Sprintf("user%d", i), fmt.Sprintf("friend%d@elsewhere.test", i))
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			ran := make(chan error)
			defer func() { <-ran }()
			defer s.Close(ctx) // does not wait for what hangs
			go func() { ran <- s.RunQueue(s.runs, queue.Selection{}) }()
			late := time.After(2 * time.Minute)
			for n := range 100 {
				select {
				case <-taken:
				case <-late:
					t.Fatalf("%d of 100 users' messages were passed on; %d hang", n, waiting.Load())
				}
			}
			if hang := int(waiting.Load()); hang == 0 || hang > c.limit {
				t.Errorf("%d deliveries hang, limit %d", hang, c.limit)
			}
		})
	}
}

// handIn puts a message of a user of this host into the queue.
func handIn(t *testing.T, s *Server, user, to string) {
	t.Helper()
	s.Caller = priv.User{Name: user, UID: 1000, GID: 1000, Home: "/"}
	sub := s.NewSubmission(SubmissionOptions{})
	ctx := context.Background()
	err := sub.Sender(ctx, "", false, 0)
	if err == nil {
		sub.Recipients(ctx, to)
		if refusal := sub.Collect(ctx, strings.NewReader("Subject: x\n\nx\n")); refusal != nil {
			err = *refusal
		}
	}
	if err == nil {
		_, _, err = sub.Release(ctx, true, false)
	}
	if problems := sub.Complaints(); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
}

// boxes counts the mailboxes that are there.
func boxes(dir string) int {
	list, _ := filepath.Glob(filepath.Join(dir, "mail", "user*"))
	n := 0
	for _, name := range list {
		if !strings.HasSuffix(name, ".lock") {
			n++
		}
	}
	return n
}

// sleepers counts the programs of this process that hang.
func sleepers() (n int) {
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range list {
		stat, _ := os.ReadFile(name)
		text := string(stat)
		if f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]); len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) && strings.Contains(text, "(sleep)") {
			n++
		}
	}
	return n
}

// manyHosts is a message to n hosts with as many addresses in its To: field as fit.
func manyHosts(tb testing.TB, s *Server, n int) *message {
	m := s.newMessage(s.site, s.macros, "TEST")
	var to strings.Builder
	for i := range 1900 {
		fmt.Fprintf(&to, " a%d@h.test,", i)
	}
	m.env.Header = []envelope.Field{{Name: "To", Value: to.String()}}
	m.env.SenderText, m.env.Sender = "<a@b.test>", "a@b.test"
	for i := range n {
		m.env.Recipients = append(m.env.Recipients, &envelope.Recipient{Addr: "x",
			Triple: rules.Triple{Mailer: "relay", Host: fmt.Sprintf("h%d.test", i), User: "x"}})
	}
	return m
}

// TestHeaderIsRewrittenOnce makes the header for 50 hosts: the rules see each address once, unless they look at the
// host.
func TestHeaderIsRewrittenOnce(t *testing.T) {
	for rule, want := range map[string]int{"R$*	$: $1": 1, "R$*	$: $&h": 0} {
		s := testServerOf(t, "false", testConfig+"SperHost\n"+rule+"\nMwith, P=[IPC], F=mDFMuX, R=perHost, A=TCP $h\n", nil)
		m := manyHosts(t, s, 50)
		for _, r := range m.env.Recipients {
			r.Triple.Mailer = "with"
		}
		for _, g := range m.groups() {
			m.job(context.Background(), g, g.rcpts)
		}
		if len(m.rewrites) != want {
			t.Errorf("%s: %d fields are kept for other hosts, want %d", rule, len(m.rewrites), want)
		}
	}
}

func BenchmarkHeaderForManyHosts(b *testing.B) {
	s := testServer(b, "false")
	for b.Loop() {
		m := manyHosts(b, s, 400)
		for _, g := range m.groups() {
			m.job(context.Background(), g, g.rcpts)
		}
	}
}

// BenchmarkManyRecipients takes a message for 100,000 recipients in one transaction, for which the limit is lifted, and
// delivers it to a relay, a hundred recipients at a time.
func BenchmarkManyRecipients(b *testing.B) {
	for b.Loop() {
		manyRecipients(b, 100000)
	}
}

// manyRecipients hands in and delivers a message for n recipients. It returns how many transactions the relay saw.
func manyRecipients(tb testing.TB, n int) int {
	config := strings.Replace(testConfig, "O MaxRecipientsPerMessage=3\n", "O MaxRecipientsPerMessage=0\n", 1)
	s := testServerOf(tb, "false", strings.Replace(config, "Mrelay, P=[IPC], F=mDFMuX, A=TCP $h", "Mrelay, P=[IPC], F=mDFMuX, A=FILE %[1]s/silent", 1), nil)
	taken := make(chan string, n)
	silentPeer(tb, filepath.Dir(s.spool.Group("").Directories()[0])+"/silent", taken)
	c := s.testSession(tb)
	ctx := context.Background()
	begun := time.Now()
	c.Mail(ctx, "<a@other.test>", nil)
	for i := range n {
		if r := c.Rcpt(ctx, fmt.Sprintf("<x%d@elsewhere.test>", i), nil); r.Code != 250 {
			tb.Fatal(i, shown(r))
		}
	}
	if r := c.Data(ctx, strings.NewReader("Subject: x\n\nx\n")); r.Code != 250 {
		tb.Fatal(shown(r))
	}
	accepted := time.Since(begun)
	deliver(tb, s)
	tb.Logf("%d recipients: accepted in %v, delivered in %v", n, accepted, time.Since(begun)-accepted)
	return len(taken)
}
