package acceptance

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// inside names the environment variable that is set for the half of a test that runs in the arena.
const inside = "GOSENDMAIL_IN_ARENA"

// world is the folder of one arena.
type world string

func (w world) path(elem ...string) string {
	return filepath.Join(append([]string{string(w)}, elem...)...)
}

// inArena runs body in an arena of its own; prepare lays out the arena's folder before. The test executes itself again
// inside.
func inArena(t *testing.T, prepare, body func(*testing.T, world)) {
	t.Helper()
	if dir := os.Getenv(inside); dir != "" {
		body(t, world(dir))
		return
	}
	if testing.Short() {
		t.Skip("whole sites are not run with -short")
	}
	if os.Getuid() != 0 {
		t.Skip("an arena needs root (mount and network namespaces)")
	}
	arena := filepath.Join(oracletest.Shared(t), "arena", "arena.sh")
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("the arena's syslog needs python3: %v", err)
	}
	w := world(t.TempDir())
	// t.TempDir is private to its user; the arena's users must pass through it.
	for dir := string(w); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	install(t, w)
	prepare(t, w)
	t.Parallel() // a world of its own, which mostly waits
	timeout := 5 * time.Minute
	if end, ok := t.Deadline(); ok && os.Getenv("GOSENDMAIL_SLOW")+os.Getenv("GOSENDMAIL_CASES") != "" {
		timeout = time.Until(end)
	}
	cmd := exec.Command(arena, "-w", string(w), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", timeout.String())
	cmd.Env = append(os.Environ(), inside+"="+string(w), "GOSENDMAIL_SHARED="+oracletest.Shared(t))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		log, _ := os.ReadFile(w.path("log"))
		t.Fatalf("in the arena: %v\n%s\nsyslog:\n%s", err, out, log)
	}
	t.Logf("%s", out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// run executes a program of the arena and returns what it printed.
func run(t *testing.T, stdin string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// wholeLog is the log when all that was sent to syslog until now has arrived there.
func wholeLog(t *testing.T, w world) (log string) {
	t.Helper()
	c, err := net.Dial("unixgram", "/dev/log")
	must(t, err)
	defer c.Close()
	mark := fmt.Sprintf("the last line at %d", time.Now().UnixNano())
	_, err = c.Write([]byte("<22>" + mark))
	must(t, err)
	eventually(t, mark+" is in the log", func() bool {
		text, err := os.ReadFile(w.path("log"))
		before, _, found := strings.Cut(string(text), "<22>"+mark)
		log = before
		return err == nil && found
	})
	return log
}

// daemon is a server that a test started and stops.
type daemon struct {
	cmd  *exec.Cmd
	done chan error
}

// start runs a server and waits until addr greets.
func start(t *testing.T, addr string, cmd *exec.Cmd) *daemon {
	t.Helper()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	must(t, cmd.Start())
	d := &daemon{cmd, make(chan error, 1)}
	go func() { d.done <- cmd.Wait() }()
	t.Cleanup(d.kill)
	eventually(t, addr+" greets", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		defer c.Close()
		line, err := textproto.NewConn(c).ReadLine()
		return err == nil && strings.HasPrefix(line, "220")
	})
	return d
}

// kill ends the server as a crash would.
func (d *daemon) kill() { d.end(syscall.SIGKILL) }

// stop asks the server to end and waits for it.
func (d *daemon) stop() { d.end(syscall.SIGTERM) }

func (d *daemon) end(sig syscall.Signal) {
	if d.cmd.Process.Signal(sig) == nil {
		<-d.done
	}
}

// eventually polls until ok, for a minute at most.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

// talk speaks one SMTP dialogue from a local address: each line is sent after the reply to the one before. It returns
// the replies, the greeting first. A line may be a whole message body ("text\r\n." or "."), which is left out, with an
// empty reply, where none is asked for.
func talk(from, addr string, lines ...string) ([]string, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	tp := textproto.NewConn(c)
	var replies []string
	read := func() error {
		var got []string
		for {
			line, err := tp.ReadLine()
			if err != nil {
				return fmt.Errorf("after %q: %w", got, err)
			}
			got = append(got, line)
			if len(line) < 4 || line[3] != '-' {
				replies = append(replies, strings.Join(got, "\n"))
				return nil
			}
		}
	}
	if err := read(); err != nil {
		return replies, err
	}
	for _, line := range lines {
		if (line == "." || strings.HasSuffix(line, "\r\n.")) && !strings.HasPrefix(replies[len(replies)-1], "354") {
			replies = append(replies, "")
			continue
		}
		if err := tp.PrintfLine("%s", line); err != nil {
			return replies, err
		}
		if err := read(); err != nil {
			return replies, err
		}
	}
	return replies, nil
}

// dialogue is talk for a test that wants every reply.
func dialogue(t *testing.T, from string, lines ...string) []string {
	t.Helper()
	replies, err := talk(from, "127.0.0.1:25", lines...)
	if err != nil {
		t.Fatalf("from %s, %q: %v (replies %q)", from, lines, err, replies)
	}
	return replies
}

var (
	volatile = regexp.MustCompile(`\b(?:[A-Za-z0-9]{8}[0-9]{6}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), .*[+-]\d{4}(?: \([A-Z]+\))?|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), .* GMT)`)
	version  = regexp.MustCompile(`\b8\.1[0-9.]+`)
	auth     = regexp.MustCompile(`\n250-AUTH [^\n]*`)
)

// stable takes queue identifiers, dates, version numbers and the mechanisms of a SASL library out of replies.
func stable(replies []string) []string {
	out := make([]string, len(replies))
	for i, r := range replies {
		out[i] = auth.ReplaceAllString(version.ReplaceAllString(volatile.ReplaceAllString(r, "<volatile>"), "<version>"), "")
	}
	return out
}
