package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// probe is a block of a file in testdata/rows: what proves a row of docs/compatibility.md. What stands in {{ }} is
// there in one of two runs only.
type probe struct {
	row   string
	cf    []string          // lines of the configuration
	args  []string          // of the command line, one a line
	stdin []string          // lines of standard input
	files map[string]string // to be there
	peer  []string          // "PREFIX=reply" of the SMTP peer at $PORT
	want  []string          // expressions that what came out matches with the option, and does not match without it
	miss  []string          // the same the other way round
	shell string            // runs before
	do    []string          // runs instead of the program, in processes of their own
	root  bool              // needs root
	needs string            // a program
}

// probes reads the files of testdata/rows.
func probes(t *testing.T) (list []*probe) {
	t.Helper()
	files, err := filepath.Glob("testdata/rows/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no rows", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			line = strings.TrimSuffix(line, "\n")
			if row, begins := strings.CutPrefix(line, "== "); begins {
				list = append(list, &probe{row: row, files: map[string]string{}})
			} else if line != "" && line[0] != '#' && !list[len(list)-1].add(line) {
				t.Fatalf("%s:%d: %s", f, n, line)
			}
		}
	}
	return list
}

// add takes a line of a block; false means that it is none.
func (p *probe) add(line string) bool {
	word, rest, _ := strings.Cut(line, " ")
	lists := map[string]*[]string{"cf": &p.cf, "arg": &p.args, "<": &p.stdin, "peer": &p.peer, ">": &p.want, "!": &p.miss,
		"do": &p.do}
	switch word {
	case "<<": // a message
		p.stdin = append(p.stdin, "EHLO c.test", "MAIL FROM:<a@other.test>", "RCPT TO:<"+rest+">", "DATA", "Subject: s", "",
			"body", ".", "QUIT")
	case "file":
		name, content, _ := strings.Cut(rest, " ")
		p.files[name] += content + "\n"
	case "sh":
		p.shell = rest
	case "root":
		p.root = true
	case "needs":
		p.needs = rest
	default:
		if lists[word] == nil {
			return false
		}
		*lists[word] = append(*lists[word], rest)
	}
	return true
}

var braces = regexp.MustCompile(`\{\{(.*?)(?:\|\|(.*?))?\}\}`)

// choose keeps what stands before || in {{ }}, or what stands after it.
func choose(s string, with bool) string {
	if with {
		return braces.ReplaceAllString(s, "$1")
	}
	return braces.ReplaceAllString(s, "$2")
}

// TestRows: each probe sees the option of its row at work, and nothing of it without the option.
func TestRows(t *testing.T) {
	t.Setenv("TZ", "UTC")
	for _, p := range probes(t) {
		if p.do == nil {
			t.Run(p.row, p.test)
		}
	}
}

// TestRowsOfProcesses is TestRows for what takes several processes.
func TestRowsOfProcesses(t *testing.T) {
	for _, p := range probes(t) {
		if p.do != nil {
			t.Run(p.row, func(t *testing.T) {
				t.Parallel()
				p.test(t)
			})
		}
	}
}

func (p *probe) test(t *testing.T) {
	if len(p.want)+len(p.miss) == 0 {
		t.Fatal("nothing is expected")
	}
	if p.root && os.Geteuid() != 0 {
		t.Skip("the probe needs root: it acts for several users")
	}
	if _, err := exec.LookPath(p.needs); p.needs != "" && err != nil {
		t.Skipf("the probe needs a program: %v", err)
	}
	with, without := p.run(t, true), p.run(t, false)
	check := func(list []string, yes, no, what string) {
		for _, w := range list {
			re := regexp.MustCompile("(?m)" + strings.ReplaceAll(w, "$NICE", niceness(7)))
			if !re.MatchString(yes) {
				t.Errorf("%s the option: no %q in\n%s", what, w, yes)
			}
			if re.MatchString(no) {
				t.Errorf("not only %s the option: %q in\n%s", what, w, no)
			}
		}
	}
	check(p.want, with, without, "with")
	check(p.miss, without, with, "without")
}

// run does what the probe says and returns everything that came out: output, log, mailboxes, queue, what the peer
// heard.
func (p *probe) run(t *testing.T, with bool) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "row") // t.TempDir's name can hold blanks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	peer := newRowPeer(t, p.peer, free)
	values := strings.NewReplacer("$WORK", dir, "$PORT", peer.port, "$FREE", free, "$NAME", userName(), "$NICE",
		niceness(7), "$UID", fmt.Sprint(os.Getuid()), "$GID", fmt.Sprint(os.Getgid()))
	fill := func(s string) string { return values.Replace(choose(s, with)) }
	p.layOut(t, dir, fill)
	if p.shell != "" {
		runShell(t, dir, fill(p.shell))
	}
	text := ""
	if p.do != nil {
		text = processes(t, dir, fill(strings.Join(p.do, "\n")))
	} else {
		text = p.call(dir, fill)
	}
	text += peer.stop()
	for _, pattern := range []string{"log", "mail/*", "queue/*", "queue/*/*", "out*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil {
				name, _ := filepath.Rel(dir, f)
				text += "--- " + name + "\n" + string(b)
			}
		}
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), dir, "$WORK")
}

// layOut writes the files of a run.
func (p *probe) layOut(t *testing.T, dir string, fill func(string) string) {
	t.Helper()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"queue", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put("aliases", "list: alice, bob\npostmaster: alice\nroot: alice\n")
	put("switch", "aliases files\nhosts files\n")
	put("hosts", "127.0.0.1 localhost peer.test\n")
	for name, text := range p.files {
		put(fill(name), fill(text))
	}
	put("test.cf", fill(rowConfig+strings.Join(p.cf, "\n")+"\n"))
}

// call runs the program within the test.
func (p *probe) call(dir string, fill func(string) string) string {
	argv := []string{"sendmail", "-C" + filepath.Join(dir, "test.cf")}
	given := false
	for _, a := range p.args {
		if a = fill(a); a != "" {
			argv, given = append(argv, a), given || a[0] != '-' || strings.IndexByte("bqIQt", a[1]) >= 0
		}
	}
	eol := "\n"
	if !given {
		argv, eol = append(argv, "-bs"), "\r\n"
	}
	var out, errs bytes.Buffer
	stdin := fill(strings.Join(p.stdin, eol) + eol)
	code := run(argv, &lineReader{stdin}, &out, &errs)
	return out.String() + errs.String() + fmt.Sprintf("exit %d\n", code)
}

// processes runs a shell script in which sm is sendmail with the run's configuration.
func processes(t *testing.T, dir, script string) string {
	t.Helper()
	program, err := exec.LookPath("sendmail")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "SM='"+program+" -C"+dir+"/test.cf'; sm() { $SM \"$@\"; }\n"+script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that nothing is left when the script is over
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("not within %v: %s\n%s", patience, script, out)
	}
	if err != nil {
		return fmt.Sprintf("%s%v\n", out, err)
	}
	return string(out)
}

// lineReader gives one line at a time, as a client does that waits for replies.
type lineReader struct{ rest string }

func (r *lineReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	line, _, _ := strings.Cut(r.rest, "\n")
	n := copy(p, r.rest[:min(len(line)+1, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}

// rowPeer is an SMTP server that says yes to everything but what a probe says, and notes what it is told.
type rowPeer struct {
	ln    net.Listener
	port  string
	free  string // $FREE
	rules []string
	mu    sync.Mutex
	heard strings.Builder
	open  sync.WaitGroup
}

func newRowPeer(t *testing.T, rules []string, free string) *rowPeer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	p := &rowPeer{ln: ln, port: port, free: free, rules: rules}
	p.open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.open.Go(func() { p.talk(c) })
		}
	})
	return p
}

func (p *rowPeer) stop() string {
	p.ln.Close()
	p.open.Wait()
	return p.heard.String()
}

func (p *rowPeer) reply(command, usual string) string {
	for _, r := range p.rules {
		if prefix, text, _ := strings.Cut(r, "="); strings.HasPrefix(strings.ToUpper(command), prefix) {
			return strings.ReplaceAll(text, "|", "\r\n")
		}
	}
	return usual
}

func (p *rowPeer) talk(c net.Conn) {
	defer c.Close()
	tp := textproto.NewConn(c)
	note := func(s string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard.WriteString("C: " + s + "\n")
	}
	from := c.RemoteAddr().(*net.TCPAddr)
	note("(connection from " + from.IP.String() + ")")
	switch {
	case from.Port < 1024:
		note("(from a reserved port)")
	case fmt.Sprint(from.Port) == p.free:
		note("(from the free port)")
	}
	tp.PrintfLine("%s", p.reply("CONNECT", "220 peer.test ESMTP"))
	for {
		line, err := tp.ReadLine()
		if err != nil {
			return
		}
		note(line)
		usual := map[string]string{"EHLO": "250-peer.test\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE", "DATA": "354 go", "QUIT": "221 bye"}[strings.ToUpper(line[:min(4, len(line))])]
		if usual == "" {
			usual = "250 2.1.5 ok"
		}
		answer := p.reply(line, usual)
		tp.PrintfLine("%s", answer)
		switch {
		case strings.HasPrefix(answer, "221"):
			return
		case strings.HasPrefix(answer, "354"):
			for {
				line, err := tp.ReadLine()
				if err != nil {
					return
				}
				note("  " + line)
				if line == "." {
					break
				}
			}
			tp.PrintfLine("%s", p.reply("DOT", "250 2.0.0 taken"))
		}
	}
}

// rowConfig is what all probes have: alice and bob have mailboxes, hosts ending in .test are peers at $PORT.
const rowConfig = `V10/Berkeley
Djmail.test
Dmtest
DnMAILER-DAEMON
Cwmail.test localhost
Troot alice
O QueueDirectory=$WORK/queue
O AliasFile=$WORK/aliases
O ServiceSwitchFile=$WORK/switch
O HostsFile=$WORK/hosts
O LogFile=$WORK/log
O LogLevel=14
O DontProbeInterfaces=true
O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe
O SmtpGreetingMessage=$j ready
O OperatorChars=.:%@!^/[]+
O DefaultUser=$UID:$GID
O DeliveryMode=i
O PidFile=$WORK/pid
O SuperSafe=false
O MinFreeBlocks=0
O Timeout.ident=0
O SendMimeErrors=true
O DeadLetterDrop=$WORK/out-dead.letter
Pspecial-delivery=100
Pjunk=-100
H?P?Return-Path: <$g>
HReceived: from $s by $j id $i; $b
H?D?Date: $a
H?M?Message-Id: <$t.$i@$j>
H?F?From: $?x$x <$g>$|$g$.
Scanonify=3
R$@			$@
R$* < $* > $*		$: $2
R$- @ $+		$: $1 < @ $2 >
R$+ + $* @ $+		$: $1 + $2 < @ $3 >
Sparse=0
R$@			$#local $: <>
R$+ < @ $=w >		$#local $: $1
R$* < @ $+ >		$#relay $@ $2 $: $1 @ $2
R$+			$#local $: $1
Sfinal=4
R$* < @ $* > $*		$: $1 @ $2 $3
Slocaladdr=5
Mlocal,	P=[mbox], F=lsDFMAP, U=$UID:$GID, S=0, R=0, A=mbox $WORK/mail/$u
Mprog,	P=/bin/sh, F=lsDFMoq, A=sh -c $u
M*file*, P=[FILE], F=lsDFMPEou, A=FILE $u
Mrelay,	P=[IPC], F=mDFMuX, A=TCP [127.0.0.1] $PORT
`

func runShell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// niceness is that of this process and some more, as nice(1) prints it.
func niceness(more int) string {
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		n = 20
	}
	return fmt.Sprint(min(20-n+more, 19)) // the kernel's answer is 20 less the niceness
}

// userName is the name of the user who runs the test.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return "root"
	}
	return u.Username
}
