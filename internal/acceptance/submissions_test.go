package acceptance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// submitMC is the site to which the random submissions are handed in.
const submitMC = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<confTO_IDENT>>,<<0s>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confDELIVERY_MODE>>,<<i>>)dnl
define(<<confPRIVACY_FLAGS>>,<<authwarnings>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
define(<<confTRUSTED_USERS>>,<<smmsp>>)dnl
FEATURE(<<use_cw_file>>)dnl
FEATURE(<<access_db>>,<<text -o -z| -k0 -v1 /etc/mail/access>>)dnl
FEATURE(<<virtusertable>>,<<text -z| -k0 -v1 /etc/mail/virtusertable>>)dnl
FEATURE(<<mailertable>>,<<text -z| -k0 -v1 /etc/mail/mailertable>>)dnl
FEATURE(<<no_default_msa>>)dnl
VIRTUSER_DOMAIN(<<virt.test>>)dnl
DAEMON_OPTIONS(<<Port=25,Addr=127.0.0.1,Name=MTA>>)dnl
define(<<LOCAL_MAILER_PATH>>,<</home/lda>>)dnl
define(<<LOCAL_MAILER_ARGS>>,<<lda -f $g -d $u>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
`

const submitMSP = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<confTO_IDENT>>,<<0s>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
FEATURE(<<msp>>,<<[127.0.0.1]>>)dnl
`

// submitZone has one host for each domain: more are the affair of tests of MX.
const submitZone = `mail.example.test. A 127.0.0.1
1.0.0.127.in-addr.arpa. PTR mail.example.test.
example.test. MX 10 mail.example.test.
remote.test. MX 10 mx1.remote.test.
mx1.remote.test. A 127.0.1.1
1.1.0.127.in-addr.arpa. PTR mx1.remote.test.
nullmx.test. MX 0 .
alias.test. CNAME remote.test.
`

// submitFiles are the tables and accounts of that site.
var submitFiles = map[string]string{
	"etc/mail/local-host-names": "example.test\nmail.example.test\n",
	"etc/mail/access":           "Connect:127.0.0.1|RELAY\n",
	"etc/mail/virtusertable":    "one@virt.test|alice\nlater@virt.test|error:4.2.0:450 come back later\ngone@virt.test|error:nouser moved away\n",
	"etc/mail/mailertable":      "temp.test|error:4.2.0:450 route is down\nperm.test|error:5.1.2:550 no route\nlost.test|nosuchmailer:x\n",
	"etc/mail/trusted-users":    "",
	"etc/mail/aliases": `postmaster: root
MAILER-DAEMON: postmaster
lists: alice, bob, far@remote.test
owner-owned: carol
owned: bob, nosuch2, far@remote.test
self: self@example.test
none: none
pipe: "|cat >/dev/null"
file: /home/files/box
fwd: fwd2@remote.test
exit67: "|exit 67"
exit75: "|exit 75"
exit64: "|echo usage; exit 64"
exit70: "|exit 70"
loop1: loop2
loop2: loop1
badlist: alice, nosuch3, rej@remote.test
noinclude: :include:/nonexistent
multi: alice, bob
missing: "|/nonexistent/program"
`,
	"home/lda": `#!/bin/sh
args="$*"
while [ $# -gt 0 ]; do case $1 in -r) shift;; -f) shift;; -d) u=$2; shift;; esac; shift; done
case $u in full*) echo "over quota"; cat >/dev/null; exit 75;; esac
{ echo "[$args]"; cat; echo; } >>/var/mail/$u
`,
}

// lab runs submissions with one of the two programs in the arena.
type lab struct {
	w       world
	program string
	others  []string // programs that the deliveries leave behind, which must end too
	daemon  int
	peers   *peerLog
}

// peerLog is what the peers were told since the last look, a part for each message. What belongs to a message that was
// looked at already, such as the RSET behind it on a connection that was kept, is not shown.
type peerLog struct {
	sync.Mutex
	dialogues []*strings.Builder
}

// begin begins a part.
func (p *peerLog) begin() *strings.Builder {
	p.Lock()
	defer p.Unlock()
	part := &strings.Builder{}
	p.dialogues = append(p.dialogues, part)
	return part
}

// add continues a part.
func (p *peerLog) add(part *strings.Builder, line string) {
	p.Lock()
	defer p.Unlock()
	part.WriteString(line + "\n")
}

func (p *peerLog) take() (list []string) {
	p.Lock()
	defer p.Unlock()
	for _, part := range p.dialogues {
		list = append(list, part.String())
	}
	p.dialogues = nil
	return list
}

// peer is an SMTP server that answers as the first letters of a recipient say, and notes the dialogue.
func (p *peerLog) peer(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	must(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
}

func (p *peerLog) serve(c net.Conn) {
	defer c.Close()
	said := p.begin()
	say := func(text string) { io.WriteString(c, text+"\r\n") }
	say("220 peer.test ESMTP")
	taken, refuse := 0, false
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if verb == "MAIL" {
			said = p.begin()
		}
		p.add(said, "C: "+line)
		_, rcpt, _ := strings.Cut(line, "<")
		switch verb {
		case "EHLO":
			say("250-peer.test\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES")
		case "MAIL":
			taken, refuse = 0, false
			say("250 2.1.0 ok")
		case "RCPT":
			switch {
			case strings.HasPrefix(rcpt, "rej"):
				say("550 5.1.1 no such user here")
			case strings.HasPrefix(rcpt, "tmp"):
				say("450 4.2.0 come back")
			case strings.HasPrefix(rcpt, "multi"):
				say("550-5.7.1 line one\r\n550 5.7.1 line two")
			default:
				taken++
				refuse = refuse || strings.HasPrefix(rcpt, "datarej")
				say("250 2.1.5 ok")
			}
		case "DATA":
			if taken == 0 {
				say("503 5.5.1 no recipients")
				continue
			}
			say("354 go on")
			for {
				if line, err = in.ReadString('\n'); err != nil || line == ".\r\n" {
					break
				}
				p.add(said, "D: "+strings.ReplaceAll(strings.TrimSuffix(line, "\r\n"), "\r", "<CR>"))
			}
			if refuse {
				say("554 5.6.0 body refused")
			} else {
				say("250 2.0.0 taken")
			}
		case "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// prepareSubmissions lays out the site.
func prepareSubmissions(t *testing.T, w world) {
	t.Helper()
	oracletest.Root(t)
	for name, text := range submitFiles {
		write(t, w.path(name), strings.ReplaceAll(text, "@DIR@", string(w)))
	}
	must(t, os.Chmod(w.path("home/lda"), 0o755))
	for name, text := range map[string]string{"sendmail.cf": submitMC, "submit.cf": submitMSP} {
		m4 := oracletest.M4(t)
		m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@", string(w)).Replace(text))
		cf, err := m4.Output()
		must(t, err)
		write(t, w.path("etc/mail", name), string(cf))
	}
	write(t, w.path("zone"), submitZone)
	must(t, os.MkdirAll(w.path("home/files"), 0o777))
	must(t, os.Chmod(w.path("home/files"), 0o777))
	// Both programs are files of group smmsp with its rights, as packages install them.
	for _, p := range []string{"ours", "original"} {
		must(t, os.MkdirAll(w.path(p), 0o755))
	}
	run(t, "", "cp", w.path("bin/sendmail"), w.path("ours/sendmail"))
	run(t, "", "cp", filepath.Join(oracletest.Root(t), "usr/libexec/sendmail/sendmail"), w.path("original/sendmail"))
	for _, p := range []string{"ours", "original"} {
		must(t, os.Chown(w.path(p, "sendmail"), 0, 126))
		must(t, os.Chmod(w.path(p, "sendmail"), 0o755|os.ModeSetgid))
	}
}

// trustLibraries lets the loader find the original's libraries for a set-group-ID program too.
func trustLibraries(t *testing.T, w world) {
	t.Helper()
	root := oracletest.Root(t)
	conf := "/usr/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n" + root + "/usr/lib/x86_64-linux-gnu\n" + root + "/lib/x86_64-linux-gnu\n"
	write(t, w.path("ld.so.conf"), conf)
	run(t, "", "ldconfig", "-C", w.path("ld.so.cache"), "-f", w.path("ld.so.conf"))
	run(t, "", "mount", "--bind", w.path("ld.so.cache"), "/etc/ld.so.cache")
}

// open starts the daemon of a program on an empty queue.
func (l *lab) open(t *testing.T) (stop func()) {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	run(t, "", l.program, "-bi")
	d := start(t, "127.0.0.1:25", exec.Command(l.program, "-bD"))
	l.daemon = d.cmd.Process.Pid
	eventually(t, "the connection that asked whether it serves is in the log", func() bool {
		return strings.Contains(wholeLog(t, l.w), "did not issue MAIL")
	})
	return d.stop
}

// accounts are the users who hand mail in: user and group id, home.
var accounts = map[string]struct {
	uid  uint32
	home string
}{"root": {0, "/home/root"}, "alice": {2001, "/home/alice"}, "bob": {2002, "/home/bob"}, "smmsp": {117, "/"}}

// result is what a submission left, in sections.
type result map[string]string

// sections in the order in which they are shown.
var sections = []string{"exit", "stdout", "stderr", "mail", "dead.letter", "peers", "queue", "log"}

// hand runs one submission and waits until nothing moves any more.
func (l *lab) hand(t *testing.T, s *submitted) result {
	t.Helper()
	l.clean(t)
	a := accounts[s.user]
	cmd := exec.Command(l.program, s.args...)
	cmd.Args[0] = "sendmail"
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + a.home, "LOGNAME=" + s.user}, s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.uid}, Setsid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(s.stdin), &stdout, &stderr
	cmd.WaitDelay = 30 * time.Second
	var talk *stepwise
	if s.has("-bs") {
		in, feed, err := os.Pipe()
		must(t, err)
		defer in.Close()
		talk = &stepwise{left: strings.SplitAfter(s.stdin, "\n"), feed: feed}
		cmd.Stdin, cmd.Stdout = in, io.MultiWriter(&stdout, talk)
	}
	timer := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	err := cmd.Run()
	timer.Stop()
	if talk != nil {
		talk.feed.Close()
	}
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", s, err)
	}
	l.settle(t)
	r := result{"exit": fmt.Sprint(cmd.ProcessState.ExitCode()) + "\n", "stdout": stdout.String(), "stderr": stderr.String()}
	r["mail"] = files(t, "/var/mail/*", "/home/files/*")
	r["dead.letter"] = files(t, "/home/*/dead.letter", "/dead.letter")
	r["peers"] = transactions(l.peers.take())
	r["queue"] = l.queue(t)
	r["log"] = wholeLog(t, l.w)
	for name, text := range r {
		text = strings.ReplaceAll(text, l.program, "sendmail")
		r[name] = strings.ReplaceAll(text, string(l.w), "@DIR@")
	}
	return r
}

// comparable is a result without what differs from run to run.
func (r result) comparable(msp, verbose bool) result {
	c := result{}
	for name, text := range r {
		if text = masked(text); msp {
			text = priorities.ReplaceAllString(text, "$1<size>")
		}
		c[name] = text
	}
	if verbose {
		c["stdout"] = sortedLines(c["stdout"]) // deliveries go on side by side
	}
	c["queue"] = sortedParts(c["queue"])
	c["log"] = sortedLines(c["log"])
	return c
}

// stepwise feeds a dialogue to a server, a command for each reply and the message for 354, as programs do that use -bs.
type stepwise struct {
	left []string
	feed *os.File
	rest string
}

// Write takes what the server says.
func (s *stepwise) Write(p []byte) (int, error) {
	s.rest += string(p)
	for {
		line, rest, whole := strings.Cut(s.rest, "\n")
		if !whole {
			return len(p), nil
		}
		if s.rest = rest; len(line) < 4 || line[3] != ' ' || line[0] < '2' || line[0] > '5' {
			continue
		}
		n := min(1, len(s.left))
		if strings.HasPrefix(line, "354") {
			n = slices.Index(s.left, ".\r\n") + 1
		}
		s.feed.WriteString(strings.Join(s.left[:n], ""))
		s.left = s.left[n:]
	}
}

// transactions are the messages of dialogues, whatever connections they came over.
func transactions(dialogues []string) string {
	var list []string
	for _, d := range dialogues {
		for i, part := range strings.Split(d, "C: MAIL ") {
			if i > 0 {
				list = append(list, "C: MAIL "+housekeeping.ReplaceAllString(part, ""))
			}
		}
	}
	slices.Sort(list)
	return strings.Join(list, "--\n")
}

var housekeeping = regexp.MustCompile(`(?m)^C: (?:RSET|QUIT|EHLO .*)\n`)

// clean takes away what the last submission left.
func (l *lab) clean(t *testing.T) {
	t.Helper()
	must(t, os.Truncate(l.w.path("log"), 0))
	for _, pattern := range []string{"/var/mail/*", "/home/files/*", "/home/*/dead.letter", "/home/root/*", "/dead.letter", "/var/spool/mqueue/*", "/var/spool/clientmqueue/*"} {
		list, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range list {
			if !strings.HasPrefix(filepath.Base(f), "tfSpare") {
				must(t, os.RemoveAll(f))
			}
		}
	}
	l.peers.take()
}

// settle waits until no process but the daemon runs the program, nothing in the queue is locked and the log stands still.
func (l *lab) settle(t *testing.T) {
	t.Helper()
	size, still := int64(-1), 0
	deadline := time.Now().Add(time.Minute)
	for ; still < 3; time.Sleep(4 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not settled within a minute: %s", files(t, l.w.path("log")))
		}
		st, err := os.Stat(l.w.path("log"))
		must(t, err)
		if l.running(t) || locked(t) || st.Size() != size {
			size, still = st.Size(), 0
			continue
		}
		still++
	}
}

// running reports whether a process beside the daemon runs the program or one of the others.
func (l *lab) running(t *testing.T) bool {
	t.Helper()
	list, err := os.ReadDir("/proc")
	must(t, err)
	for _, p := range list {
		if pid, err := strconv.Atoi(p.Name()); err == nil && pid != l.daemon {
			if exe, err := os.Readlink("/proc/" + p.Name() + "/exe"); err == nil && (exe == l.program || slices.Contains(l.others, exe)) {
				return true
			}
		}
	}
	return false
}

// locked reports whether a queue file is being worked on.
func locked(t *testing.T) bool {
	t.Helper()
	locks, err := os.ReadFile("/proc/locks")
	must(t, err)
	list, err := filepath.Glob("/var/spool/*queue/[qd]f*")
	must(t, err)
	for _, f := range list {
		if st, err := os.Stat(f); err == nil && strings.Contains(string(locks), fmt.Sprintf(":%d ", st.Sys().(*syscall.Stat_t).Ino)) {
			return true
		}
	}
	return false
}

// files shows files with owner and mode.
func files(t *testing.T, patterns ...string) string {
	t.Helper()
	var b strings.Builder
	for _, p := range patterns {
		list, err := filepath.Glob(p)
		must(t, err)
		for _, f := range list {
			text, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			st, err := os.Stat(f)
			must(t, err)
			sys := st.Sys().(*syscall.Stat_t)
			fmt.Fprintf(&b, "== %s %v %d:%d\n%s", f, st.Mode(), sys.Uid, sys.Gid, text)
		}
	}
	return b.String()
}

// queue shows what is in the queues.
func (l *lab) queue(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range []string{"mqueue", "clientmqueue"} {
		list, err := os.ReadDir("/var/spool/" + dir)
		must(t, err)
		for _, e := range list {
			name := e.Name()
			if len(name) > 2 && l.nobody(t, dir, name[2:]) {
				continue
			}
			if len(name) < 3 || strings.HasPrefix(name, "tfSpare") || name == "sm-client.pid" {
				continue
			}
			text, err := os.ReadFile("/var/spool/" + dir + "/" + name)
			must(t, err)
			fmt.Fprintf(&b, "== %s/%s\n%s\n", dir, name[:2], text)
		}
	}
	return b.String()
}

// nobody reports whether a queue file names no recipients: the original leaves some that its next queue run removes.
func (l *lab) nobody(t *testing.T, dir, id string) bool {
	t.Helper()
	text, err := os.ReadFile("/var/spool/" + dir + "/qf" + id)
	return err == nil && !strings.Contains(string(text), "\nR")
}

// What differs from run to run.
var submitMasks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`(?m)^[A-Z].*Timed out waiting.*\n`), ""},
	{regexp.MustCompile(`\b[0-9][0-9A-Za-z]{7}[0-9]{6,}\.\d+/`), "<id>.<time>/"},
	{regexp.MustCompile(`\b20\d{10}\.[0-9][0-9A-Za-z]{7}[0-9]{6,}\b`), "<time>.<id>"},
	{regexp.MustCompile(`\b[0-9][0-9A-Za-z]{7}[0-9]{6,}\b`), "<id>"},
	{regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +\d+ [A-Z][a-z]{2} 20[2-9]\d [\d:]+ (?:[+-]\d{4}|GMT)(?: \(\w+\))?`), "<date>"},
	{regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ [\d:]+ (?:\w{3,4} )?20[2-9]\d`), "<date>"},
	{regexp.MustCompile(`(?m)^(<\d+>)[A-Z][a-z]{2} +\d+ [\d:]+ `), "$1"},
	{regexp.MustCompile(`\b(sendmail|sm-mta|other)\[\d+\]`), "$1"},
	{regexp.MustCompile(`delay=[\d:+]+`), "delay=<time>"},
	{regexp.MustCompile(`\b8\.1[78]\.1(?:\.9)?(?:/8\.1[78]\.1(?:\.9)?)?[^ );,\n]*`), "<version>"},
	{regexp.MustCompile(`(?m)^([TK])[1-9]\d*$`), "$1<time>"},
	{regexp.MustCompile(`(?m)^I\d+/\d+/\d+\n`), ""},
	// Whose rights a delivery has: tests of the queue compare them.
	{regexp.MustCompile(`(?m)^C[^:\n]*(?::\d+:\d+)?(?::.*)?\n`), ""},
	// Ours alone: docs/differences.md.
	{regexp.MustCompile(`(?m)^.*Authentication-Warning: .* using -ba\n`), ""},
	// Of reports: docs/differences.md.
	{regexp.MustCompile(`(MAIL From:<>) SIZE=\d+`), "$1"},
	// What docs/differences.md says of the log of the server, of files, and of NOTIFY for what aliases name.
	{regexp.MustCompile(`(setsender: <[^>]*>) .*(: invalid or unparsable)`), "$1$2"},
	{regexp.MustCompile(`(?m)^.*: from=.*, nrcpts=0, proto=E?SMTP, daemon=.*\n`), ""},
	{regexp.MustCompile(`(?m)^no newline\n\n`), "no newline\n"},
	{regexp.MustCompile(`(?m)^((?:D: )?>>> RCPT To:<[^>]*>) NOTIFY=.*`), "$1"},
	// Bytes that are no ASCII are shown otherwise.
	{regexp.MustCompile(`Command unrecognized: ".*"`), "Command unrecognized"},
	// On kept connections.
	{regexp.MustCompile(`(?m)^(?:>>> RSET|250 2\.0\.0 (?:Reset state|ok))\r?\n`), ""},
	// Commands that went out together.
	{regexp.MustCompile(`(?m)^(?:D: )?(?:>>> DATA|<<< 503 5\.0\.0 Need MAIL .*)\n`), ""},
	// Of -v.
	{regexp.MustCompile(`(?m)^250-(?:VERB|AUTH .*)\r?\n|^>>> VERB\n|^250 2\.0\.0 Verbose mode\n`), ""},
	{regexp.MustCompile(`(?m)^050 .*\n| AUTH=\S+$`), ""},
	{regexp.MustCompile(`(?m)^rRFC822;.*\n`), ""},
	// What is no address.
	{regexp.MustCompile(`(?m)^(?:D: )?X-Actual-Recipient: rfc822; (?:"?5\d\d |moved away).*\n`), ""},
	{regexp.MustCompile(`(?m)^((?:D: )?Final-Recipient: RFC822; )(?:"5\d\d .*|[a-z-]+:)$`), "$1<no address>"},
	{regexp.MustCompile(`(?m)^(?:D: )?(?:5\d\d 5\.0\.0 )?.*\.\.\. Unbalanced '.'\n`), ""},
	{regexp.MustCompile(`(DSN|postmaster notify|return to sender): .*Unbalanced '.'`), "$1: <damage>"},
	{regexp.MustCompile(`(?m)^H\?\?(?:Return-Path|Content-Length):.*\n`), ""},
	{regexp.MustCompile(`(?m)^(D: )?TO:\t`), "${1}TO: "},
	// Versions are not of the same length.
	{regexp.MustCompile(`(from=.*) size=\d+(.*daemon=MTA)`), "$1 size=<size>$2"},
	{regexp.MustCompile(`(?m)^A.*\n`), ""},
	{regexp.MustCompile(`(relay=\S+) \[[0-9.]+\],`), "$1,"},
	// Of -d0.1.
	{regexp.MustCompile(`(?m)^(?: Compiled with:|\t\t[A-Z_0-9]+).*\n`), ""},
	{regexp.MustCompile(`\bport=\d+`), "port=<port>"},
}

// priorities of messages that went through the server: the Received: lines have versions of different lengths.
var priorities = regexp.MustCompile(`(pri=|SIZE=|(?m:^P))\d+`)

func masked(text string) string {
	for _, m := range submitMasks {
		text = m.find.ReplaceAllString(text, m.put)
	}
	return text
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.TrimPrefix(strings.Join(lines, "\n")+"\n", "\n")
}

// sortedParts sorts what stands between lines that begin with "==".
func sortedParts(text string) string {
	parts := strings.Split("\n"+text, "\n== ")
	slices.Sort(parts)
	return strings.TrimPrefix(strings.Join(parts, "\n== "), "\n")
}
