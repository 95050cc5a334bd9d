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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// drainMC is the site whose queue both programs drain; @MAILERS@ are mailers that a case brings.
const drainMC = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<confTO_IDENT>>,<<0s>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
FEATURE(<<use_cw_file>>)dnl
FEATURE(<<mailertable>>,<<text -z| -k0 -v1 /etc/mail/mailertable>>)dnl
FEATURE(<<no_default_msa>>)dnl
define(<<LOCAL_MAILER_PATH>>,<</home/rec>>)dnl
define(<<LOCAL_MAILER_ARGS>>,<<rec local -d $u>>)dnl
define(<<LOCAL_SHELL_PATH>>,<</bin/sh>>)dnl
define(<<LOCAL_SHELL_ARGS>>,<<sh -c $u>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
MAILER_DEFINITIONS
Mwithf, P=/home/rec, F=lsDFMmfu, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=rec withf $u
Mwithr, P=/home/rec, F=sDFMrX, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, A=rec withr -h $h $u
Mroot, P=/home/rec, F=lsDFMmS, A=rec root $f $u
Mown, P=/home/rec, F=lsDFMmon, U=bob, D=/tmp:/, A=rec own $u
Mplain, P=/home/rec, F=9bhC, U=bob:mail, A=rec plain $g $u
Mseven, P=[IPC], F=mDFMuX7, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, T=DNS/RFC822/SMTP, A=TCP $h
Mesmtp8, P=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, T=DNS/RFC822/SMTP, A=TCP $h
`

const drainZone = `mail.example.test. A 127.0.0.1
1.0.0.127.in-addr.arpa. PTR mail.example.test.
example.test. MX 10 mail.example.test.
remote.test. MX 10 mx1.remote.test.
mx1.remote.test. A 127.0.1.1
1.1.0.127.in-addr.arpa. PTR mx1.remote.test.
plain.test. MX 10 mx1.plain.test.
mx1.plain.test. A 127.0.1.2
2.1.0.127.in-addr.arpa. PTR mx1.plain.test.
`

// recordingMailer notes how it was called, by whom and where, and with which message. The groups of mailers that run as
// root or have U= differ on purpose. Its words before the message end with the exit code that the last argument asks
// for.
const recordingMailer = `#!/bin/sh
out=$(mktemp /home/out/XXXXXXXX)
{
	echo "args:"; for a; do echo " [$a]"; done
	echo "id: $(id -u) $(id -ru) $(id -g) $(id -rg)"
	case "$(id -u) $*" in 0\ *|*random*|*\ own*|*plain*) ;; *) echo "groups: $(id -G | tr ' ' '\n' | sort -n | tr '\n' ' ')";; esac
	echo "cwd: $(pwd) umask: $(umask)"
	echo "env: $(env | grep -v -e ^_= -e ^PWD= -e ^OLDPWD= -e ^SHLVL= | sort | tr '\n' ' ')"
	cat
	echo "<end>"
} >"$out"
for a; do :; done
case $a in exit[0-9]*) echo "words of $a"; exit ${a#exit};; esac
exit 0
`

var drainFiles = map[string]string{
	"etc/mail/local-host-names": "example.test\nmail.example.test\n",
	"etc/mail/mailertable":      "f.test|withf:x\nr.test|withr:hh\ns.test|root:x\no.test|own:x\np.test|plain:hp\nseven.test|seven:mx1.remote.test\neight.test|esmtp8:mx1.plain.test\nrnd.test|random:hx\n",
	"etc/mail/trusted-users":    "alice\n",
	"home/rec":                  recordingMailer,
	"etc/mail/aliases": `postmaster: root
MAILER-DAEMON: postmaster
prog1: "|/home/rec prog1"
prog2: "|/home/rec prog2 \"two words\" 'x  y'"
prog67: "|/home/rec exit67"
prog75: "|/home/rec exit75"
prog70: "|/home/rec exit99"
plist: :include:/home/lists/prog
alist: :include:/home/lists/plain
ulist: :include:/home/lists/alices
file1: /home/files/one
file2: "/home/files/two words"
mixed: prog1, file1, bob, far@remote.test
nested: deeper, carol
deeper: \hans, "|/home/rec deeper", :include:/home/lists/plain
three: alice, bob, carol
toprog: dave
owner-owned: carol
owned: bob, nosuch2, far@remote.test
owner-progs: carol
progs: "|/home/rec progs", file1, bob
half: alice, nosuch3, rej@remote.test
loops: loops2
loops2: loops
fwd: far@plain.test
null: /dev/null
`,
	"home/lists/prog":     "\"|/home/rec plist\"\n",
	"home/lists/plain":    "# a list\nbob, far@remote.test\ncarol\n",
	"home/lists/alices":   "\"|/home/rec ulist\", alice\n/home/files/alices\n",
	"home/dave/.forward":  "\"|/home/rec dave \\\"two words\\\"\", \\dave\n",
	"home/erin/.forward":  "/home/erin/box\n",
	"home/frank/.forward": "far@remote.test, \\frank\n",
	"home/gina/.forward":  "\"|/home/rec gina exit75\"\n",
}

// drainUsers have numbers from 2001 on.
var drainUsers = []string{"alice", "bob", "carol", "dave", "erin", "frank", "gina", "hans"}

// prepareDrain lays out the site.
func prepareDrain(t *testing.T, w world) {
	t.Helper()
	prepareDrainWith(t, w, "")
}

// prepareDrainWith lays out the site with more lines in its .mc, before the mailers.
func prepareDrainWith(t *testing.T, w world, extra string) {
	t.Helper()
	oracletest.Root(t)
	passwd := "root:x:0:0:root:/home/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nsmmta:x:116:125::/:/bin/sh\nsmmsp:x:117:126::/:/bin/sh\nmailnull:x:118:127::/:/bin/sh\n"
	group := "root:x:0:\ndaemon:x:1:\nmail:x:8:bob\nnogroup:x:65534:\nsmmta:x:125:\nsmmsp:x:126:\nmailnull:x:127:\nextra:x:500:alice,mailnull\nmore:x:501:alice,bob,dave,root\n"
	for i, u := range drainUsers {
		passwd += fmt.Sprintf("%s:x:%d:%d:%s:/home/%s:/bin/sh\n", u, 2001+i, 2001+i, strings.ToUpper(u[:1])+u[1:]+" Test", u)
		group += fmt.Sprintf("%s:x:%d:\n", u, 2001+i)
		must(t, os.MkdirAll(w.path("home", u), 0o755))
	}
	write(t, w.path("etc/passwd"), passwd)
	write(t, w.path("etc/group"), group)
	write(t, w.path("zone"), drainZone)
	for name, text := range drainFiles {
		write(t, w.path(name), text)
	}
	for i, u := range drainUsers {
		must(t, os.Chown(w.path("home", u), 2001+i, 2001+i))
		if _, err := os.Stat(w.path("home", u, ".forward")); err == nil {
			must(t, os.Chown(w.path("home", u, ".forward"), 2001+i, 2001+i))
		}
	}
	must(t, os.Chmod(w.path("home/rec"), 0o755))
	must(t, os.Chown(w.path("home/lists/alices"), 2001, 2001))
	for _, d := range []string{"home/out", "home/files", "home/root"} {
		must(t, os.MkdirAll(w.path(d), 0o777))
		must(t, os.Chmod(w.path(d), 0o777))
	}
	must(t, os.Chmod(w.path("home/root"), 0o755))
	mc := strings.Replace(drainMC, "MAILER(<<local>>)", extra+"MAILER(<<local>>)", 1)
	write(t, w.path("etc/mail/sendmail.cf"), siteOf(t, w, mc))
	for _, p := range []string{"ours", "original"} {
		must(t, os.MkdirAll(w.path(p), 0o755))
	}
	run(t, "", "cp", w.path("bin/sendmail"), w.path("ours/sendmail"))
	run(t, "", "cp", filepath.Join(oracletest.Root(t), "usr/libexec/sendmail/sendmail"), w.path("original/sendmail"))
}

// siteOf is the configuration that the original's m4 makes of an .mc.
func siteOf(t *testing.T, w world, mc string) string {
	t.Helper()
	m4 := oracletest.M4(t)
	quotes := strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@", string(w))
	m4.Stdin = strings.NewReader(quotes.Replace(mc))
	cf, err := m4.Output()
	must(t, err)
	return string(cf)
}

// sinkLog is what the peers of a drain were told since the last look. In round 0 they put off what begins with "tmp".
type sinkLog struct {
	sync.Mutex
	messages []string
	round    atomic.Int32
}

func (p *sinkLog) take() string {
	p.Lock()
	defer p.Unlock()
	list := p.messages
	p.messages = nil
	slices.Sort(list)
	return strings.Join(list, "--\n")
}

// listen serves one peer; extensions are the lines of its EHLO reply, none for a server that knows HELO only.
func (p *sinkLog) listen(t *testing.T, addr string, extensions ...string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	must(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, extensions)
		}
	}()
}

func (p *sinkLog) serve(c net.Conn, extensions []string) {
	defer c.Close()
	var said strings.Builder
	flush := func() {
		p.Lock()
		defer p.Unlock()
		if said.Len() > 0 {
			p.messages = append(p.messages, said.String())
		}
		said.Reset()
	}
	defer flush()
	say := func(text string) { io.WriteString(c, text+"\r\n") }
	say("220 peer.test ESMTP")
	taken, refuse := 0, ""
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if verb == "MAIL" {
			flush()
		}
		if verb == "MAIL" || verb == "RCPT" {
			said.WriteString("C: " + line + "\n")
		}
		_, rcpt, _ := strings.Cut(line, "<")
		switch verb {
		case "EHLO":
			if extensions == nil {
				say("502 5.5.1 unknown")
				continue
			}
			say("250-peer.test\r\n250-" + strings.Join(extensions, "\r\n250-") + "\r\n250 HELP")
		case "MAIL":
			taken, refuse = 0, ""
			say("250 2.1.0 ok")
		case "RCPT":
			switch {
			case strings.HasPrefix(rcpt, "rej"):
				say("550 5.1.1 no such user here")
			case strings.HasPrefix(rcpt, "tmp") && p.round.Load() == 0:
				say("450 4.2.0 come back")
			default:
				taken++
				switch {
				case strings.HasPrefix(rcpt, "datarej"):
					refuse = "554 5.6.0 body refused"
				case strings.HasPrefix(rcpt, "datatmp") && p.round.Load() == 0:
					refuse = "451 4.3.0 body put off"
				}
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
				said.WriteString("D: " + strings.ReplaceAll(strings.TrimSuffix(line, "\r\n"), "\r", "<CR>") + "\n")
			}
			if refuse != "" {
				said.WriteString(refuse + "\n")
				flush()
				say(refuse)
			} else {
				flush()
				say("250 2.0.0 taken")
			}
		case "RSET", "QUIT":
			flush()
			say("250 2.0.0 done")
			if verb == "RSET" {
				continue
			}
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// drainLab runs the cases of a suite.
type drainLab struct {
	w     world
	cf    string // without a case's mailers
	peers *sinkLog
	logs  bool // the log is compared, too
}

func openDrainLab(t *testing.T, w world) *drainLab {
	t.Helper()
	run(t, "", "ldconfig", "-C", ldCache(t, w), "-f", w.path("ld.so.conf"))
	run(t, "", "mount", "--bind", w.path("ld.so.cache"), "/etc/ld.so.cache")
	cf, err := os.ReadFile("/etc/mail/sendmail.cf")
	must(t, err)
	l := &drainLab{w: w, cf: string(cf), peers: &sinkLog{}}
	l.peers.listen(t, "127.0.1.1:25", "8BITMIME", "SIZE", "DSN", "ENHANCEDSTATUSCODES")
	l.peers.listen(t, "127.0.1.2:25")
	l.compileAliases(t)
	return l
}

// compileAliases has each program make its data base of the aliases.
func (l *drainLab) compileAliases(t *testing.T) {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	for _, who := range []string{them, us} {
		run(t, "", l.program(who), "-bi")
		must(t, os.Rename("/etc/mail/aliases.db", "/etc/mail/aliases."+who))
	}
}

// ldCache writes where the loader finds the original's libraries, also for programs that lose the environment, and names the cache to be made.
func ldCache(t *testing.T, w world) string {
	root := oracletest.Root(t)
	write(t, w.path("ld.so.conf"), "/usr/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n"+root+"/usr/lib/x86_64-linux-gnu\n"+root+"/lib/x86_64-linux-gnu\n")
	return w.path("ld.so.cache")
}

func (l *drainLab) program(who string) string { return l.w.path(who, "sendmail") }

// use makes a case's site the present one for a program.
func (l *drainLab) use(t *testing.T, who string, c *drainCase) {
	t.Helper()
	write(t, "/etc/mail/sendmail.cf", l.cf+c.mailer)
	run(t, "", "cp", "-p", "/etc/mail/aliases."+who, "/etc/mail/aliases.db")
}

// drainCase is one message that is handed in to be queued, or delivered at once.
type drainCase struct {
	user   string
	args   []string // options that hold for writing and draining
	rcpts  []string // arguments of the one who hands it in
	stdin  string
	mailer string              // lines of the configuration
	damage func([]byte) []byte // to the queue file before it is drained; nil for none
	named  []string
}

func (c *drainCase) String() string {
	return fmt.Sprintf("as %s: sendmail %q %q\nmailer %q\nstdin %q", c.user, c.args, c.rcpts, c.mailer, c.stdin)
}

// call runs a program of the lab.
func (l *drainLab) call(t *testing.T, who, user string, stdin string, args ...string) string {
	t.Helper()
	id, home := uint32(0), "/home/root"
	if i := slices.Index(drainUsers, user); i >= 0 {
		id, home = uint32(2001+i), "/home/"+user
	}
	cmd := exec.Command(l.program(who), args...)
	cmd.Args[0], cmd.Dir = "sendmail", "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home, "LOGNAME=" + user}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}, Setsid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Stdin = strings.NewReader(stdin)
	if slices.Contains(args, "-bs") {
		return l.converse(t, cmd, stdin)
	}
	cmd.WaitDelay = 10 * time.Second
	timer := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	err := cmd.Run()
	timer.Stop()
	if cmd.ProcessState == nil {
		t.Fatalf("%s %q: %v", who, args, err)
	}
	eventually(t, who+" ends", func() bool { return !l.running(t) })
	return fmt.Sprintf("%sexit %d\n", out.String(), cmd.ProcessState.ExitCode())
}

// converse speaks SMTP with a program on its standard input, command by command.
func (l *drainLab) converse(t *testing.T, cmd *exec.Cmd, text string) string {
	t.Helper()
	var said strings.Builder
	cmd.Stdin, cmd.Stdout = nil, nil
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	replies := bufio.NewReader(out)
	answer := ""
	reply := func() {
		for {
			answer, err = replies.ReadString('\n')
			said.WriteString(answer)
			if err != nil || len(answer) < 4 || answer[3] != '-' {
				return
			}
		}
	}
	reply()
	commands, body, _ := strings.Cut(text, "DATA\r\n")
	for line := range strings.Lines(commands + "DATA\r\n") {
		io.WriteString(in, line)
		reply()
	}
	if strings.HasPrefix(answer, "354") {
		io.WriteString(in, strings.TrimSuffix(body, "QUIT\r\n"))
		reply()
	}
	io.WriteString(in, "QUIT\r\n")
	in.Close()
	reply()
	err = cmd.Wait()
	eventually(t, "the program ends", func() bool { return !l.running(t) })
	return fmt.Sprintf("%sexit %v\n", said.String(), err)
}

// running reports whether any process runs one of the programs.
func (l *drainLab) running(t *testing.T) bool {
	t.Helper()
	list, err := os.ReadDir("/proc")
	must(t, err)
	for _, p := range list {
		if p.Name()[0] > '9' {
			continue
		}
		if exe, err := os.Readlink("/proc/" + p.Name() + "/exe"); err == nil && strings.HasPrefix(exe, string(l.w)) && filepath.Base(exe) == "sendmail" {
			return true
		}
	}
	return false
}

// spool is the content of the queue.
type spool map[string][]byte

const (
	spoolDir  = "/var/spool/mqueue/"
	clientDir = "/var/spool/clientmqueue/" // of the submission program
)

// clean empties everything that a case leaves.
func (l *drainLab) clean(t *testing.T) {
	t.Helper()
	must(t, os.Truncate(l.w.path("log"), 0))
	for _, pattern := range []string{"/var/mail/*", "/home/files/*", "/home/out/*", "/home/*/box",
		"/home/*/dead.letter", spoolDir + "*", clientDir + "*"} {
		list, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range list {
			must(t, os.RemoveAll(f))
		}
	}
	l.peers.take()
	l.peers.round.Store(0)
}

// write has a program queue a case, and takes the queue's files.
func (l *drainLab) write(t *testing.T, who string, c *drainCase) (s spool, said string) {
	t.Helper()
	l.clean(t)
	l.use(t, who, c)
	args := append(append([]string{"-odq"}, c.args...), c.rcpts...)
	said = l.call(t, who, c.user, c.stdin, args...)
	s = spool{}
	list, err := os.ReadDir(spoolDir)
	must(t, err)
	for _, e := range list {
		text, err := os.ReadFile(spoolDir + e.Name())
		must(t, err)
		if c.damage != nil && strings.HasPrefix(e.Name(), "qf") {
			text = c.damage(text)
		}
		s[e.Name()] = text
	}
	if l.logs { // nothing of this comes later
		oracletest.Log(t, string(l.w))
	}
	return s, said
}

// drain puts queue files in place and has programs run the queue in turn. From the second on peers take what they put off.
func (l *drainLab) drain(t *testing.T, s spool, c *drainCase, whos ...string) result {
	t.Helper()
	l.clean(t)
	for name, text := range s {
		must(t, os.WriteFile(spoolDir+name, text, 0o600))
	}
	for i, who := range whos {
		l.use(t, who, c)
		l.peers.round.Store(int32(i))
		for _, a := range []string{"-OMinQueueAge=0"} {
			l.call(t, who, "root", "", append([]string{"-q", a}, c.args...)...)
		}
	}
	return l.result(t)
}

// deliver has a program deliver a case at once.
func (l *drainLab) deliver(t *testing.T, who string, c *drainCase) result {
	t.Helper()
	l.clean(t)
	l.use(t, who, c)
	mode := "-odi"
	if slices.Contains(c.rcpts, "-bs") {
		mode = "-odb" // else aliases are expanded at RCPT
	}
	said := l.call(t, who, c.user, c.stdin, append(append([]string{mode}, c.args...), c.rcpts...)...)
	r := l.result(t)
	r["said"] = l.mask(said)
	return r
}

// drainSections are what is compared.
var drainSections = []string{"said", "mail", "peers", "queue", "log"}

// result is what a drain left.
func (l *drainLab) result(t *testing.T) result {
	t.Helper()
	r := result{"peers": l.mask(l.peers.take())}
	var list []string
	for _, pattern := range []string{"/home/out/*", "/home/files/*", "/home/*/box", "/home/*/dead.letter", "/var/mail/*"} {
		names, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range names {
			st, err := os.Stat(f)
			must(t, err)
			text, err := os.ReadFile(f)
			must(t, err)
			head := ""
			if !strings.HasPrefix(f, "/home/out/") {
				sys := st.Sys().(*syscall.Stat_t)
				head = fmt.Sprintf("== %s %v %d:%d\n", f, st.Mode(), sys.Uid, sys.Gid)
			}
			list = append(list, head+l.mask(string(text)))
		}
	}
	slices.Sort(list)
	r["mail"] = strings.Join(list, "=====\n")
	r["queue"] = l.waiting(t, spoolDir) + l.waiting(t, clientDir)
	if l.logs {
		r["log"] = sortedLog(l.mask(oracletest.Log(t, string(l.w))))
	}
	return r
}

// waiting is what is in a queue.
func (l *drainLab) waiting(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	names, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range names {
		if strings.HasPrefix(e.Name(), "xf") {
			continue
		}
		text, err := os.ReadFile(dir + e.Name())
		must(t, err)
		if qf, err := os.ReadFile(dir + "qf" + e.Name()[2:]); err == nil && !strings.Contains(string(qf), "\nR") {
			continue // of nobody: the original leaves some that its next run removes
		}
		shown := l.mask(string(text))
		if e.Name()[0] != 'd' {
			for _, m := range queueMasks {
				shown = m.find.ReplaceAllString(shown, m.put)
			}
		}
		list = append(list, "== "+e.Name()[:2]+"\n"+shown+"\n")
	}
	slices.Sort(list)
	return strings.Join(list, "")
}
