package acceptance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/status"
)

// timersConfig is a site whose local mail goes to one file and whose other mail goes to a server that never takes it.
const timersConfig = `V10/Berkeley
Djmail.example.test
Cwmail.example.test
DnMAILER-DAEMON
O QueueDirectory=%[1]s/queue
O SuperSafe=True
O MinFreeBlocks=0
O SendMimeErrors=True
O LogLevel=9
O UnixFromLine=From $g $d
O OperatorChars=.:%%@!^/[]+
O DefaultUser=1:1
O Timeout.queuewarn=4h
O Timeout.queuewarn.urgent=1h
O Timeout.queuewarn.non-urgent=12h
O Timeout.queuereturn=5d
O Timeout.queuereturn.urgent=2d
O Timeout.queuereturn.non-urgent=7d
O Timeout.queuereturn.dsn=3d
O DoubleBounceAddress=alice
Pspecial-delivery=100
Pjunk=-100
HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.by $j ($v/$Z)$?r with $r$. id $i$?u
	for $u; $|;
	$.$b
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
H?M?Message-Id: <$t.$i@$j>
Scanonify=3
R$@	$@ < @ >
R$* < $* > $*	$: $2
R$- @ $+	$: $1 < @ $2 >
Sparse=0
R$@	$#local $: <>
R$* < @ $=w >	$#local $: $1
R$* < @ $+ >	$#relay $@ [127.0.0.1] $: $1 @ $2
R$+	$#local $: $1
Sfinal=4
R$* < @ $* > $*	$: $1 @ $2 $3
SEnvFromL
R$*	$: $n
Mlocal, P=/bin/sh, F=lsDFMw, S=EnvFromL/0, R=0, A=sh -c cat>>%[1]s/box $u
Mprog, P=/bin/sh, F=lsDFMoq, A=sh -c $u
Mrelay, P=[IPC], F=mDFMuX, A=TCP $h %[2]s
`

// agedMail are messages that have waited for a while when the queue is run.
var agedMail = []struct {
	name, from, header string
	age                time.Duration
}{
	{"too young for a warning", "alice@mail.example.test", "", 3 * time.Hour},
	{"warning", "alice@mail.example.test", "", 5 * time.Hour},
	{"return", "alice@mail.example.test", "", 121 * time.Hour},
	{"warning of urgent mail", "alice@mail.example.test", "Precedence: special-delivery\n", 2 * time.Hour},
	{"return of urgent mail", "alice@mail.example.test", "Precedence: special-delivery\n", 49 * time.Hour},
	{"no warning of junk", "alice@mail.example.test", "Precedence: junk\n", 13 * time.Hour},
	{"return of junk", "alice@mail.example.test", "Precedence: junk\n", 169 * time.Hour},
	{"junk may wait longer", "alice@mail.example.test", "Precedence: junk\n", 121 * time.Hour},
	{"priority urgent", "alice@mail.example.test", "Priority: urgent\n", 49 * time.Hour},
	{"priority non-urgent", "alice@mail.example.test", "Priority: non-urgent\n", 121 * time.Hour},
	{"priority unknown", "alice@mail.example.test", "Priority: high\n", 121 * time.Hour},
	{"priority above precedence", "alice@mail.example.test", "Priority: normal\nPrecedence: junk\n", 121 * time.Hour},
	{"null sender", "<>", "", 73 * time.Hour},
	{"null sender, old", "<>", "", 121 * time.Hour},
}

// refuser is an SMTP server that takes nobody for now.
func refuser(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go refuse(c)
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

func refuse(c net.Conn) {
	defer c.Close()
	io.WriteString(c, "220 peer.test ESMTP\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		answer := "250 2.0.0 ok"
		switch verb, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " "); verb {
		case "RCPT":
			answer = "451 4.3.0 not now"
		case "DATA":
			answer = "503 5.0.0 no recipient"
		case "QUIT":
			io.WriteString(c, "221 2.0.0 bye\r\n")
			return
		}
		io.WriteString(c, answer+"\r\n")
	}
}

// refusalExits are the exit codes for a recipient or a message that is refused for good.
var refusalExits = map[int]bool{status.NoUser: true, status.Unavailable: true}

// outcome runs the queue with one message of that age in it and returns the local mail that came of it and what is
// left.
func outcome(t *testing.T, w world, qf, df []byte, sendmail func(args ...string) *exec.Cmd) string {
	t.Helper()
	queue, box := w.path("queue"), w.path("box")
	must(t, os.RemoveAll(queue))
	must(t, os.Mkdir(queue, 0o700))
	must(t, os.WriteFile(box, nil, 0o666))
	must(t, os.Chmod(box, 0o666))
	const id = "5AM0000a000001"
	must(t, os.WriteFile(filepath.Join(queue, "qf"+id), qf, 0o600))
	must(t, os.WriteFile(filepath.Join(queue, "df"+id), df, 0o600))
	for range 2 {
		out, err := sendmail("-C"+w.path("timers.cf"), "-qf").CombinedOutput()
		// The original ends as the last delivery that failed.
		if exit := new(exec.ExitError); err != nil && !(errors.As(err, &exit) && refusalExits[exit.ExitCode()]) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	text, err := os.ReadFile(box)
	must(t, err)
	left := "left:"
	files, err := filepath.Glob(queue + "/qf*")
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		for _, line := range regexp.MustCompile(`(?m)^[FNR].*$`).FindAllString(string(b), -1) {
			left += "\n" + line
		}
	}
	return comparable(string(text)) + left + "\n"
}

// boundaries of MIME hold the identifier and the time.
var boundary = regexp.MustCompile(`<id>\.\d+/`)

// TestTimersAsTheOriginal lets both programs run a queue with old messages: warnings and bounces must read the same,
// and the same must be left.
func TestTimersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, w.path("timers.cf"), fmt.Sprintf(timersConfig, string(w), refuser(t)))
		for _, m := range agedMail {
			created := time.Now().Add(-m.age).Unix()
			sender, flags := "S<"+m.from+">", "F8sb"
			if m.from == "<>" {
				sender = "S<>"
			}
			header := "H??Received: from client.test ([192.0.2.1])\n\tby mail.example.test (8.17/8.17) with ESMTP id 5AM0000a000001\n\tfor <x@far.test>; Sun, 1 Mar 2026 12:00:00 +0000\n" +
				"H??Message-Id: <1@client.test>\nH??From: alice@mail.example.test\nH??Date: Sun, 1 Mar 2026 12:00:00 +0000\nH??Subject: one\n"
			for line := range strings.Lines(m.header) {
				header += "H??" + line
			}
			qf := fmt.Sprintf("V8\nT%d\nK0\nN0\nP30000\n%s\n$_[192.0.2.1]\n$rESMTP\n$sclient.test\n${daemon_flags}\n%s\nrRFC822; x@far.test\nRPFD:<x@far.test>\n%s.\n",
				created, flags, sender, header)
			df := []byte("the body\n")
			got := outcome(t, w, []byte(qf), df, func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
			want := outcome(t, w, []byte(qf), df, func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
			got, want = boundary.ReplaceAllString(got, "<boundary>"), boundary.ReplaceAllString(want, "<boundary>")
			if got != want {
				t.Errorf("%s:\nours:\n%s\noriginal:\n%s", m.name, got, want)
			}
		}
	})
}
