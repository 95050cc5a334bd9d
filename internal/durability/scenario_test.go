package durability

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scenario is a site in which a report is due, or a message has to be set aside, while a call fails.
type scenario struct {
	name   string
	config string // lines for sm.cf
	queued []handed
	age    int                           // hours, of what is queued
	spoil  func(t *testing.T, s *site)   // of what is queued
	args   []string                      // what is run with the fault: "-q" where it is nil
	input  string                        // its standard input; an SMTP dialogue for -bs
	takes  handed                        // the message that the faulty command is to take
	ends   func(*testing.T, *site) error // what must be so in the end, after runs without a fault
}

// handed is a message that is handed in.
type handed struct {
	tag, from string
	rcpts     []string
}

// scenarios are the ways on which a message ends in a report, or in no queue run any more.
var scenarios = []scenario{
	{name: "postmaster's copy", config: "O PostmasterCopy=lp\n",
		queued: []handed{{"f-copy", "daemon@mail.test", []string{"gone@far.test", "bin@mail.test"}}},
		ends: all(told("daemon", "f-copy", "failed", "gone@far.test"), told("lp", "f-copy", "failed", "gone@far.test"),
			kept("mail/bin", "f-copy"))},
	{name: "double bounce", queued: []handed{{"f-null", "<>", []string{"gone@far.test"}}, {"f-nowhere", "gone2@far.test", []string{"gone@far.test"}}},
		ends: all(told("lp", "f-null", "failed", "gone@far.test"), told("lp", "f-nowhere", "failed", "gone@far.test"))},
	{name: "double bounce that fails", config: "O DoubleBounceAddress=gone2@far.test\n",
		queued: []handed{{"f-panic", "gone@far.test", []string{"gone@far.test"}}}, ends: panicked("f-panic")},
	{name: "bogus queue file", queued: []handed{{"f-bogus", "daemon@mail.test", []string{"bin@mail.test", "gone@far.test"}}}, spoil: cutOff,
		ends: setAside("f-bogus")},
	{name: "lost messages", args: []string{"-qL"}, queued: []handed{{"f-lost", "daemon@mail.test", []string{"bin@mail.test", "gone@far.test"}}},
		spoil: makeLost, ends: all(kept("mail/bin", "f-lost"), told("daemon", "f-lost", "failed", "gone@far.test"))},
	{name: "warning", config: "O Timeout.queuewarn=1h\nO PostmasterCopy=lp\n", age: 2,
		queued: []handed{{"f-warn", "daemon@mail.test", []string{"wait@far.test", "bin@mail.test"}}},
		ends:   all(told("daemon", "f-warn", "delayed", "wait@far.test"), kept("mail/bin", "f-warn"), waits("f-warn", "wait@far.test"))},
	{name: "expiry", config: "O Timeout.queuereturn=1d\nO PostmasterCopy=lp\n", age: 48,
		queued: []handed{{"f-old", "daemon@mail.test", []string{"wait@far.test", "bin@mail.test"}}, {"f-null", "<>", []string{"wait@far.test"}}},
		ends: all(told("daemon", "f-old", "failed", "wait@far.test"), told("lp", "f-old", "failed", "wait@far.test"),
			told("lp", "f-null", "failed", "wait@far.test"), either(kept("mail/bin", "f-old"), told("daemon", "f-old", "failed", "bin@mail.test")))},
	{name: "acceptance with -odi", config: "O PostmasterCopy=lp\n", args: []string{"-odi", "-oem", "-i", "-f", "daemon@mail.test", "gone@far.test", "bin@mail.test"},
		takes: handed{"f-odi", "", []string{"gone@far.test", "bin@mail.test"}}, input: text("f-odi")},
	{name: "acceptance with -odb", args: []string{"-odb", "-oem", "-i", "-f", "daemon@mail.test", "list"},
		takes: handed{"f-odb", "", listMembers}, input: text("f-odb")},
	{name: "acceptance by SMTP", args: []string{"-bs", "-odi"}, takes: handed{"f-smtp", "", []string{"gone@far.test", "bin@mail.test"}},
		input: dialogue("f-smtp", []string{"gone@far.test", "bin@mail.test"})},
}

// lay lays the site of a scenario out, with what waits in its queue.
func (c *scenario) lay(t *testing.T) *site {
	t.Helper()
	s := newSite(t, "b", false)
	cf, err := os.ReadFile(s.path("sm.cf"))
	must(t, err)
	options, rest, _ := strings.Cut(string(cf), "H?P?Return-Path")
	must(t, os.WriteFile(s.path("sm.cf"), []byte(options+c.config+"H?P?Return-Path"+rest), 0o644))
	for _, m := range c.queued {
		s.run(t, text(m.tag), append([]string{"-odq", "-oem", "-i", "-f", m.from}, m.rcpts...)...)
		if c.age > 0 {
			s.age(t, m.tag, c.age)
		}
	}
	if c.spoil != nil {
		c.spoil(t, s)
	}
	return s
}

// command is what is run while a call fails.
func (c *scenario) command(s *site) *exec.Cmd {
	if c.args == nil {
		return s.sendmail("-q")
	}
	return s.sendmail(c.args...)
}

// work runs a command of the scenario to its end, and returns for whom it took the message that it was given.
func (c *scenario) work(cmd *exec.Cmd) (took []string) {
	if strings.Contains(c.input, "\f") {
		return converse(cmd, strings.Split(c.input, "\f"))
	}
	cmd.Stdin = strings.NewReader(c.input)
	_ = cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if code == 0 || code >= 64 && code <= 69 { // all went well, or what did not is told by a report
		return c.takes.rcpts
	}
	return nil
}

// converse speaks SMTP with a command and returns the recipients for whom the message was acknowledged.
func converse(cmd *exec.Cmd, lines []string) (took []string) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil
	}
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	var named []string
	replies := textproto.NewReader(bufio.NewReader(out))
	for _, line := range append([]string{""}, lines...) {
		_, _ = io.WriteString(in, line) // the reply says whether it came through
		code, _, err := replies.ReadResponse(0)
		if err != nil {
			break
		}
		if rcpt, ok := strings.CutPrefix(line, "RCPT TO:<"); ok && code == 250 {
			named = append(named, strings.TrimSuffix(rcpt, ">\r\n"))
		}
		if strings.HasSuffix(line, "\r\n.\r\n") && code == 250 {
			took = named
		}
		if line == "DATA\r\n" && code != 354 {
			break
		}
	}
	in.Close()
	_ = cmd.Wait()
	return took
}

// try runs the scenario once with a fault, and then without one; met is false where the fault did not come up.
func (c *scenario) try(t *testing.T, s *site, before state, name, fault, when string) (met bool, err error) {
	t.Helper()
	s.restore(t, before)
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := inject(c.command(s), trace, name, fault, when)
	took := c.work(cmd)
	out, err := os.ReadFile(trace)
	must(t, err)
	if !strings.Contains(string(out), "(INJECTED)") {
		return false, nil
	}
	if c.args != nil && c.takes.tag == "" {
		_ = c.command(s).Run() // what it has to say was said
	}
	for range 2 {
		s.drain(t)
	}
	if c.ends != nil {
		return true, c.ends(t, s)
	}
	if left := s.queued(t); len(left) > 0 {
		return true, fmt.Errorf("stays in the queue: %v", left)
	}
	many := map[debt]int{}
	for _, r := range took {
		many[debt{c.takes.tag, r}] = 100
	}
	if lost := s.account(t, map[string][]string{c.takes.tag: took}, many).lost; len(lost) > 0 {
		return true, fmt.Errorf("lost: %v", lost)
	}
	return true, nil
}

// inject lets a call of a command fail.
func inject(cmd *exec.Cmd, trace, name, fault, when string) *exec.Cmd {
	cmd.Args = append([]string{"strace", "-f", "-qq", "-o", trace, "-e", "signal=none", "-e", "trace=" + name,
		"-e", "inject=" + name + ":error=" + fault + ":when=" + when, "--", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/usr/bin/strace"
	return cmd
}

// all must be so.
func all(checks ...func(*testing.T, *site) error) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		var errs []error
		for _, check := range checks {
			errs = append(errs, check(t, s))
		}
		return errors.Join(errs...)
	}
}

// either is enough.
func either(a, b func(*testing.T, *site) error) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		if a(t, s) == nil {
			return nil
		}
		return b(t, s)
	}
}

// told requires a report in somebody's mailbox.
func told(box, tag, action, rcpt string) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		data, err := os.ReadFile(s.path("mail", box))
		for _, one := range strings.Split(string(data), "Content-Type: message/delivery-status")[1:] {
			has := func(text string) bool { return strings.Contains(one, text+"\n") }
			if has("Final-Recipient: RFC822; "+rcpt) && has("Action: "+action) && has("Subject: "+tag) {
				return nil
			}
		}
		return fmt.Errorf("%s has no report that %s for %s is %s (%v)", box, tag, rcpt, action, err)
	}
}

// kept requires a message in a mailbox.
func kept(box, tag string) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		if data, err := os.ReadFile(s.path(box)); err != nil || !whole(string(data), tag) {
			return fmt.Errorf("%s is not in %s (%v)", tag, box, err)
		}
		return nil
	}
}

// waits requires that a recipient is still being tried, and that he gets his mail when his host takes it.
func waits(tag, rcpt string) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		s.peer.willing.Store(true)
		defer s.peer.willing.Store(false)
		s.drain(t)
		if left := s.queued(t); len(left) > 0 || s.peer.counts()[tag+" "+rcpt] != 1 {
			return fmt.Errorf("%s for %s: %v, left %v", tag, rcpt, s.peer.counts(), left)
		}
		return nil
	}
}

// setAside requires that the queue holds a message as a Qf with its data, perhaps more than once, and nothing else.
func setAside(tag string) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		left := s.queued(t)
		if len(left) == 0 {
			return fmt.Errorf("%s is lost", tag)
		}
		for _, path := range left {
			dir, name := filepath.Split(path)
			data, err := os.ReadFile(dir + "df" + name[2:])
			if name[0] != 'Q' || err != nil || !strings.Contains(string(data), wanted(tag)) {
				return fmt.Errorf("the queue holds %s with %q, %v", path, data, err)
			}
		}
		return nil
	}
}

// panicked requires that a report that nobody takes is set aside, and comes where it can when it is put back.
func panicked(tag string) func(*testing.T, *site) error {
	return func(t *testing.T, s *site) error {
		if err := setAside(tag)(t, s); err != nil {
			return err
		}
		if out, err := s.sendmail("-ODoubleBounceAddress=lp", "-qL").CombinedOutput(); err != nil {
			return fmt.Errorf("-qL: %w %s", err, out)
		}
		s.drain(t)
		if left := s.queued(t); len(left) > 0 {
			return fmt.Errorf("-qL leaves %v", left)
		}
		return told("lp", tag, "failed", "gone@far.test")(t, s)
	}
}

// cutOff takes the end of the control file away.
func cutOff(t *testing.T, s *site) {
	for _, name := range s.queued(t) {
		data, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(name, bytes.TrimSuffix(data, []byte(".\n")), 0o600))
	}
}

// makeLost makes lost messages of those that wait.
func makeLost(t *testing.T, s *site) {
	for _, name := range s.queued(t) {
		must(t, os.Rename(name, filepath.Join(filepath.Dir(name), "Q"+filepath.Base(name)[1:])))
	}
}

var (
	every = flag.Int("every", 1,
		"with GOSENDMAIL_SLOW, one in how many calls fails in TestEveryCallFailsWithAReportDue")
	fault = flag.String("fault", "",
		"one failure for TestEveryCallFailsWithAReportDue, as it names them: \"EIO openat 30+\"")
)

// TestEveryCallFailsWithAReportDue does each scenario while one call after the other fails, for itself and from then
// on. Without GOSENDMAIL_SLOW one call fails, taken at random.
func TestEveryCallFailsWithAReportDue(t *testing.T) {
	requireStrace(t)
	rnd := random(t)
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			s := c.lay(t)
			before := s.load(t)
			if took := c.work(c.command(s)); len(took) != len(c.takes.rcpts) {
				t.Fatalf("without a fault it takes the message for %v", took)
			}
			try := func(name, fault, when string) bool {
				met, err := c.try(t, s, before, name, fault, when)
				if err != nil {
					t.Errorf("%s %s %s: %v; queued: %v", fault, name, when, err, s.queued(t))
				}
				return met
			}
			if one := strings.Fields(*fault); len(one) == 3 {
				t.Log("met:", try(one[1], one[0], one[2]))
				return
			}
			if os.Getenv("GOSENDMAIL_SLOW") == "" {
				met := false
				for !met { // some calls are not that many
					f := faults[rnd.IntN(3)]
					name := []string{"openat", "write", "fsync", "renameat2", "unlinkat"}[rnd.IntN(5)]
					met = try(name, f.fault, fmt.Sprint(1+rnd.IntN(8)))
				}
				return
			}
			runs := 0
			for _, f := range faults {
				for _, name := range strings.Split(f.calls, ",") {
					for at := 1 + rnd.IntN(*every); ; at += *every {
						when := fmt.Sprint(at)
						if runs%2 == 1 {
							when += "+"
						}
						if !try(name, f.fault, when) {
							break // there are not so many
						}
						runs++
					}
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}
