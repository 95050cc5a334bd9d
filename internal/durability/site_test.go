package durability

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// siteConfig delivers to mailboxes, maildirs, files, programs and a peer.
const siteConfig = `V10/Berkeley
Djmail.test
Cwmail.test
O QueueDirectory=%[1]s/queue
O AliasFile=%[1]s/aliases
O DontBlameSendmail=TrustStickyBit
O DeliveryMode=%[3]s
O SuperSafe=True
O LogFile=/dev/null
O PidFile=%[1]s/pid
O DaemonPortOptions=Name=MTA, Addr=127.0.0.1, Port=%[4]s
O Timeout.ident=0
O MinFreeBlocks=0
O MaxRunnersPerQueue=8
O SendMimeErrors=True
O OperatorChars=.:%%@!^/[]+
O DoubleBounceAddress=lp
O DefaultUser=1:1
O QueueLA=9999
O RefuseLA=9999
H?P?Return-Path: <$g>
HReceived: by $j; $b
H?M?Message-Id: <$t.$i@$j>
Scanonify=3
R$* < $* > $*	$: $2
R$- @ $+	$: $1 < @ $2 >
Sparse=0
R$@	$#local $: <>
R$* < @ $=w >	$#local $: $1
R$* < @ md.test >	$#md $@ md.test $: $1
R$* < @ $+ >	$#relay $@ $2 $: $1 @ $2
R$+	$#local $: $1
Sfinal=4
R$* < @ $* > $*	$: $1 @ $2 $3
Mlocal, P=[mbox], F=lsDFMAw5:/|@qPS, S=0, R=0, A=mbox %[1]s/mail/$u
Mmd, P=[maildir], F=lsDFMwqP, S=0, R=0, A=maildir %[1]s/md/$u
Mprog, P=/bin/sh, F=lsDFMoqu, A=sh -c $u
Mrelay, P=[IPC], F=mDFMuX, A=TCP [127.0.0.1] %[2]s
`

// aliasText names a file, a program, and a list with an owner that has members of all sorts.
const aliasText = `file: %[1]s/files/out
prog: "|%[1]s/prog"
list: bin, games@md.test, far2@far.test, gone2@far.test, prog, file
owner-list: lp
`

// program keeps a message as a careful program does: in a file of its own, synced.
const program = `#!/bin/sh
f=$(mktemp %[1]s/files/prog.XXXXXXXX) # not by process: their numbers come again
cat > $f && sync $f && sync %[1]s/files
`

// recipients are those of the messages: where their mail lands, and what a queue file may call them.
var recipients = map[string]struct {
	where []string // prefixes of paths, below the site
	named []string
}{
	"bin@mail.test":  {[]string{"mail/bin"}, []string{"bin@mail.test", "bin"}},
	"games@md.test":  {[]string{"md/games/new/"}, []string{"games@md.test"}},
	"file@mail.test": {[]string{"files/out"}, []string{"file@mail.test", "file", "/files/out"}},
	"prog@mail.test": {[]string{"files/prog."}, []string{"prog@mail.test", "prog", "/prog"}},
	"far@far.test":   {nil, []string{"far@far.test"}},
	"far2@far.test":  {nil, []string{"far2@far.test"}},
	"gone@far.test":  {nil, []string{"gone@far.test"}},
	"gone2@far.test": {nil, []string{"gone2@far.test"}},
	"wait@far.test":  {nil, []string{"wait@far.test"}},
}

// listMembers are who the list stands for.
var listMembers = []string{
	"bin@mail.test", "games@md.test", "far2@far.test", "gone2@far.test", "prog@mail.test", "file@mail.test",
}

// site is one under a folder of its own.
type site struct {
	dir, bin string
	peer     *sink
}

var binaries struct {
	sync.Once
	dir string
	err error
}

// feedEnv names the file with the lines that this program says, as a client, to the command that it is called with.
const feedEnv = "DURABILITY_FEED"

// feed speaks SMTP with a command's standard input and output: each line of a file is sent after the reply to the one
// before.
func feed(file string, argv []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	replies := textproto.NewReader(bufio.NewReader(out))
	for _, line := range append([]string{""}, strings.Split(string(text), "\f")...) {
		if _, err := io.WriteString(in, line); err != nil {
			return err
		}
		if _, _, err := replies.ReadResponse(0); err != nil {
			return err
		}
	}
	in.Close()
	return cmd.Wait()
}

// TestMain is also the client of feed. It removes the programs that newSite built.
func TestMain(m *testing.M) {
	if file := os.Getenv(feedEnv); file != "" {
		if err := feed(file, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	os.RemoveAll(binaries.dir)
	os.Exit(code)
}

func programs(t *testing.T) string {
	t.Helper()
	binaries.Do(func() {
		if binaries.dir, binaries.err = os.MkdirTemp("", "durability"); binaries.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", binaries.dir+"/", "gosendmail/cmd/sendmail", "gosendmail/cmd/makemap",
			"gosendmail/cmd/editmap", "gosendmail/cmd/drac")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			binaries.err = fmt.Errorf("%w\n%s", err, out)
		}
		os.Chmod(binaries.dir, 0o755)
	})
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return binaries.dir
}

// newSite makes a site in an empty folder; apart gives the queue separate folders for qf, df and xf.
func newSite(t *testing.T, mode string, apart bool) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), bin: programs(t), peer: newSink(t)}
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	s.lay(t, mode, freePort(t), apart)
	return s
}

// lay lays the site out below its folder.
func (s *site) lay(t *testing.T, mode, port string, apart bool) {
	t.Helper()
	for _, sub := range []string{"queue", "mail", "md", "files"} {
		must(t, os.MkdirAll(s.path(sub), 0o755))
	}
	for _, sub := range []string{"mail", "md", "files"} {
		must(t, os.Chmod(s.path(sub), 0o777|os.ModeSticky))
	}
	must(t, os.Chmod(s.path("queue"), 0o700))
	if apart {
		for _, sub := range []string{"qf", "df", "xf"} {
			must(t, os.Mkdir(s.path("queue", sub), 0o700))
		}
	}
	write := func(name, text string, mode os.FileMode) {
		must(t, os.WriteFile(s.path(name), []byte(text), mode))
	}
	write("prog", fmt.Sprintf(program, s.dir), 0o755)
	write("aliases", fmt.Sprintf(aliasText, s.dir), 0o644)
	write("sm.cf", fmt.Sprintf(siteConfig, s.dir, s.peer.port(), mode, port), 0o644)
	s.run(t, "", "-bi")
}

func (s *site) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// sendmail is a command of the site.
func (s *site) sendmail(args ...string) *exec.Cmd {
	return exec.Command(s.bin+"/sendmail", append([]string{"-C" + s.path("sm.cf")}, args...)...)
}

func (s *site) run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := s.sendmail(args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// text is a message that ends in its own checksum.
func text(tag string) string {
	body := strings.Repeat("line of "+tag+"\n", 30)
	return fmt.Sprintf("Subject: %s\nFrom: daemon@mail.test\n\n%ssum %x\n", tag, body, sha256.Sum256([]byte(body)))
}

// whole reports whether data holds the message of tag, undamaged.
func whole(data, tag string) bool { return strings.Contains(data, wanted(tag)) }

// wanted is the body of a message.
func wanted(tag string) string {
	_, body, _ := strings.Cut(text(tag), "\n\n")
	return body
}

// sink is the peer: it takes mail but for "gone" (550) and "wait" (450), and says whose it took.
type sink struct {
	net.Listener
	willing atomic.Bool // "wait" is taken too

	mu   sync.Mutex
	took map[string]int // by tag and recipient
}

func newSink(t *testing.T) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &sink{Listener: l, took: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

func (s *sink) port() string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return port
}

func (s *sink) talk(c net.Conn) {
	defer c.Close()
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 far.test ESMTP")
	lines := bufio.NewReader(c)
	var rcpts []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), ":")
		switch {
		case strings.HasPrefix(verb, "RCPT"):
			addr := strings.ToLower(strings.Trim(rest, "<> "))
			switch {
			case strings.HasPrefix(addr, "gone"):
				say("550 5.1.1 <%s>... who", addr)
			case strings.HasPrefix(addr, "wait") && !s.willing.Load():
				say("450 4.2.1 <%s>... later", addr)
			default:
				rcpts = append(rcpts, addr)
				say("250 2.1.5 ok")
			}
		case verb == "DATA" && len(rcpts) == 0:
			say("503 5.5.1 nobody")
		case verb == "DATA":
			say("354 go")
			tag := s.take(lines, rcpts)
			say("250 2.0.0 kept %s %s.", tag, strings.Join(rcpts, " "))
			rcpts = nil
		case verb == "QUIT":
			say("221 bye")
			return
		case verb == "RSET":
			rcpts = nil
			say("250 ok")
		default:
			say("250 ok")
		}
	}
}

// take reads a message and returns its tag.
func (s *sink) take(r *bufio.Reader, rcpts []string) (tag string) {
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		all.WriteString(strings.TrimSuffix(line, "\r\n") + "\n")
		if rest, ok := strings.CutPrefix(line, "Subject: "); ok && tag == "" {
			tag = strings.TrimSpace(rest)
		}
	}
	if !whole(all.String(), tag) {
		tag = "damaged"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rcpts {
		s.took[tag+" "+r]++
	}
	return tag
}

// counts returns what the peer took so far.
func (s *sink) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, n := range s.took {
		out[k] = n
	}
	return out
}

// smtp hands one message in over a connection and reports whether it was acknowledged. Without a tag it only says
// hello.
func smtp(port, tag string, rcpts ...string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	defer c.Close()
	lines := bufio.NewReader(c)
	ok := func(want string) bool {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return false
			}
			if len(line) > 3 && line[3] == ' ' {
				return strings.HasPrefix(line, want)
			}
		}
	}
	say := func(text, want string) bool {
		_, err := io.WriteString(c, text+"\r\n")
		return err == nil && ok(want)
	}
	if !ok("220") || !say("EHLO x", "250") || !say("MAIL FROM:<daemon@mail.test>", "250") {
		return false
	}
	for _, r := range rcpts {
		if !say("RCPT TO:<"+r+">", "250") {
			return false
		}
	}
	if tag == "" {
		return true
	}
	return say("DATA", "354") && say(strings.ReplaceAll(text(tag), "\n", "\r\n")+".", "250")
}
