package acceptance

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// logSite is a site whose log is compared line by line: the rules that refuse, limits that are easily reached, short
// times.
const logSite = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<LOCAL_MAILER_PATH>>,<</bin/sh>>)dnl
define(<<LOCAL_MAILER_FLAGS>>,<<PSqhn9>>)dnl
define(<<LOCAL_MAILER_ARGS>>,<<sh -c cat $u>>)dnl
define(<<confRECEIVED_HEADER>>,<<from $s by $j id $i>>)dnl
define(<<confTO_IDENT>>,<<0>>)dnl
define(<<confTO_COMMAND>>,<<2s>>)dnl
define(<<confTO_DATABLOCK>>,<<2s>>)dnl
define(<<confMAX_MESSAGE_SIZE>>,<<20000>>)dnl
define(<<confMAX_HEADERS_LENGTH>>,<<17000>>)dnl
define(<<confMAX_RCPTS_PER_MESSAGE>>,<<3>>)dnl
define(<<confBAD_RCPT_SHUTDOWN>>,<<4>>)dnl
define(<<confBAD_RCPT_THROTTLE>>,<<2>>)dnl
define(<<confPRIVACY_FLAGS>>,<<authwarnings,noexpn,noetrn>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confLOG_LEVEL>>,<<@LEVEL@>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
FEATURE(<<no_default_msa>>)dnl
FEATURE(<<access_db>>,<<text -o -z| -k0 -v1 /etc/mail/access>>)dnl
FEATURE(<<blocklist_recipients>>)dnl
FEATURE(<<dnsbl>>,<<dnsbl.test>>)dnl
FEATURE(<<greet_pause>>,<<0>>)dnl
DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
LOCAL_RULESETS
Scheck_data
R4	$#error $@ 4.7.1 $: "451 4.7.1 four"
Scheck_eom
R$+	$: $&{mail_addr}
R$* discarded $*	$#discard $: discard
R$* held $*	$#error $@ quarantine $: held back
R$* late $*	$#error $@ 5.7.1 $: "554 5.7.1 too late"
`

// logAccess is the access table of that site; the texts need no quoting as the table is read as it is.
const logAccess = `connect:127.0.3.1|550 go away
connect:127.0.3.2|ERROR:4.7.1:450 later
connect:127.0.3.3|REJECT
connect:127.0.3.4|DISCARD
connect:127.0.3.6|421 4.7.0 not now
greetpause:127.0.3.10|400
from:spam@remote.test|REJECT
from:held@remote.test|QUARANTINE:by access
from:gone@remote.test|DISCARD
to:refused@example.test|550 no such place
carol@mail.example.test|ERROR:5.2.1:550 closed
`

// session is one dialogue: lines are sent after the reply to the one before; ">text" is sent as it is and nothing is
// awaited; "close", "reset" and "wait" end it: by closing, by cutting the connection off, or by waiting until the
// server closes it.
type session struct {
	from  string
	lines []string
}

func begin(lines ...string) []string {
	return append([]string{"EHLO client.test", "MAIL FROM:<a@remote.test>", "RCPT TO:<alice@mail.example.test>"}, lines...)
}

func repeated(n int, line string) []string { return slices.Repeat([]string{line}, n) }

var sessions = []session{
	{"127.0.2.8", []string{"QUIT"}},
	{"127.0.2.8", []string{"close"}},
	{"127.0.2.8", []string{"reset"}},
	{"127.0.2.8", []string{"wait"}},
	{"127.0.2.9", []string{"EHLO client.test", "QUIT"}},
	{"127.0.3.9", []string{"EHLO client.test", "close"}},
	{"127.0.3.9", []string{"NOOP", "HELP", "QUIT"}},
	{"127.0.3.9", []string{"RSET", "AUTH PLAIN x", "QUIT"}},
	{"127.0.3.9", append(repeated(27, "junk"), "wait")},
	{"127.0.3.9", append([]string{"EHLO x"}, append(repeated(27, "junk"), "wait")...)},
	{"127.0.2.8", []string{">GET / HTTP/1.0\r\n", "wait"}},
	{"127.0.2.8", []string{">POST /x HTTP/1.0\r\nHost: x\r\n\r\n", "wait"}},
	{"127.0.2.8", []string{"NOOP", ">CONNECT x:25 HTTP/1.0\r\n", "close"}},
	{"127.0.2.8", []string{"wiz", "debug", "showq", "QUIT"}},
	{"127.0.2.8", []string{"HELO x", "HELO x", "QUIT"}},
	{"127.0.2.8", append(repeated(3, "HELO x"), "QUIT")},
	{"127.0.2.8", append(repeated(21, "NOOP"), "QUIT")},
	{"127.0.2.8", append(repeated(6, "VRFY x"), "QUIT")},
	{"127.0.2.8", []string{"VRFY alice", "VRFY nobodyhere", "EXPN postmaster", "ETRN example.test", "QUIT"}},
	{"127.0.2.8", []string{"VRFY a b", "VRFY <alice@mail.example.test>", "VRFY", "EXPN", "ETRN", "QUIT"}},
	{"127.0.3.1", begin("QUIT")},
	{"127.0.3.1", []string{"QUIT"}},
	{"127.0.3.2", begin("QUIT")},
	{"127.0.3.3", begin("close")},
	{"127.0.3.3", append(repeated(27, "MAIL FROM:<a@remote.test>"), "wait")},
	{"127.0.3.4", begin("DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT")},
	{"127.0.3.6", []string{"wait"}},
	{"127.0.2.7", begin("QUIT")}, // the original's arg2= is what the list answered; see arg2
	{"127.0.3.10", []string{">EHLO early\r\n", "MAIL FROM:<a@remote.test>", "QUIT"}},
	{"127.0.3.10", []string{">EHLO early\r\n", "wait"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<spam@remote.test>", "RCPT TO:<alice@mail.example.test>", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<held@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<gone@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<discarded@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<held.@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<late@remote.test>", "RCPT TO:<alice@mail.example.test>", "RCPT TO:<bob@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<a@nxdomain.test>", "MAIL FROM:<a>", "MAIL FROM:<a@b@c>", "MAIL FROM:a b", "MAIL FROM:<\"|x\"@mail.example.test>", "QUIT"}},
	{"127.0.2.9", []string{"EHLO c", "MAIL FROM:<a@remote.test> SIZE=30000", "QUIT"}},
	{"127.0.2.8", begin("RCPT TO:<nobodyhere@mail.example.test>", "RCPT TO:<x@elsewhere.test>", "QUIT")},
	{"127.0.2.9", begin("RCPT TO:<x@elsewhere.test>", "close")},
	{"127.0.2.8", begin("RCPT TO:<carol@mail.example.test>", "RCPT TO:<refused@example.test>", "RSET", "QUIT")},
	{"127.0.2.8", begin("RCPT TO:<bob@mail.example.test>", "RCPT TO:<root@mail.example.test>", "RCPT TO:<daemon@mail.example.test>", "RSET", "QUIT")},
	{"127.0.2.8", append(append([]string{"EHLO c", "MAIL FROM:<a@remote.test>"}, repeated(5, "RCPT TO:<nobodyhere@mail.example.test>")...), "wait")},
	{"127.0.2.8", begin("RCPT TO:", "RCPT TO:<>", "RCPT TO:<a b>", "RCPT TO:<alice@mail.example.test", "QUIT")},
	{"127.0.2.8", begin("RCPT TO:<\"|/bin/true\"@mail.example.test>", "RCPT TO:</tmp/x@mail.example.test>", "RCPT TO:<:include:/x@mail.example.test>", "QUIT")},
	{"127.0.2.8", begin("close")},
	{"127.0.2.8", begin("reset")},
	{"127.0.2.8", begin("wait")},
	{"127.0.2.8", begin("DATA", "close")},
	{"127.0.2.8", begin("DATA", ">Subject: x\r\n\r\nhalf", "close")},
	{"127.0.2.8", begin("DATA", ">Subject: x\r\n\r\nhalf", "wait")},
	{"127.0.2.8", begin("DATA", ">Subject: x\r\n\r\nhalf", "reset")},
	{"127.0.2.8", begin("DATA", ">Subject: bare\n\r\n.\r\n", "wait")},
	{"127.0.2.8", begin("DATA", ">Subject: bare\r\n\r\na\rb\r\n.\r\n", "wait")},
	{"127.0.2.8", begin(">DATA\r\nSubject: x\r\n", "close")},
	{"127.0.2.8", []string{">EHLO a\r\nMAIL FROM:<a@remote.test>\r\n", "close"}},
	{"127.0.2.8", begin("DATA", "Subject: big\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 1500)+".", "QUIT")},
	{"127.0.2.8", begin("DATA", "Subject: headers\r\nX: "+strings.Repeat("0123456789abcdef\r\n ", 1050)+"\r\n\r\n.", "QUIT")},
	{"127.0.2.8", begin("DATA", "Subject: good\r\nMessage-ID: <good@x.test>\r\n\r\nx\r\n.", "QUIT")},
	{"127.0.2.9", []string{"MAIL FROM:<a@remote.test> BODY=8BITMIME", "RCPT TO:<alice@mail.example.test> NOTIFY=SUCCESS", "DATA", "Subject: no hello\r\nFrom: x\r\n\r\nx\r\n.", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<>", "RCPT TO:<alice@mail.example.test>", "RCPT TO:<bob@mail.example.test>", "DATA", "Subject: two\r\nPrecedence: junk\r\n\r\nx\r\n.", "close"}},
	{"127.0.2.8", append(repeated(3, "NOOP"), "MAIL FROM:<a@remote.test>", "MAIL FROM:<b@remote.test>", "DATA", "QUIT")},
	{"127.0.2.8", []string{">" + strings.Repeat("x", 3000) + "\r\n", "wait"}},
	{"127.0.2.8", []string{"NO\x01OP\xe9 \\ %s", "EHLO a\x00b", "QUIT"}},
	{"127.0.2.8", append([]string{"EHLO c"}, append(repeated(5, "RSET"), "STARTTLS", "QUIT")...)},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<a@remote.test>", "EHLO d", "QUIT"}},
	{"127.0.2.8", []string{"EHLO c", "MAIL FROM:<a@remote.test>", "RSET", "MAIL FROM:<b@remote.test>", "QUIT"}},
}

// carryOut speaks a dialogue. What the server answers is not looked at: other tests do.
func (s session) carryOut(t *testing.T) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.from)}, Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", "127.0.0.1:25")
	must(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	tp := textproto.NewConn(c)
	if !strings.HasPrefix(s.lines[0], ">") {
		reply(tp)
	}
	for _, line := range s.lines {
		switch text, raw := strings.CutPrefix(line, ">"); {
		case line == "reset":
			must(t, c.(*net.TCPConn).SetLinger(0))
			return
		case line == "close":
			must(t, c.(*net.TCPConn).CloseWrite())
		case raw:
			fmt.Fprint(c, text)
			continue
		case line != "wait":
			fmt.Fprint(c, line+"\r\n")
			reply(tp)
			continue
		}
		break
	}
	for reply(tp) == nil {
	}
}

// reply reads one reply.
func reply(c *textproto.Conn) error {
	for {
		line, err := c.ReadLine()
		if err != nil || len(line) < 4 || line[3] != '-' {
			return err
		}
	}
}

var (
	logStamp  = regexp.MustCompile(`^(<\d+>)\w+ +\d+ [\d:]+ sendmail\[\d+\]: `)
	logDelays = regexp.MustCompile(`delay=\d\d:\d\d:\d\d`)
	arg2      = regexp.MustCompile(`arg2=127\.0\.(2\.7|0\.2)\b`)
	logMsgID  = regexp.MustCompile(`\b20\d{10}\b`)
)

// logLines returns the lines of the log since the last call without what differs from run to run.
func logLines(t *testing.T, w world) []string {
	t.Helper()
	text := wholeLog(t, w)
	must(t, os.Truncate(w.path("log"), 0))
	var lines []string
	for line := range strings.Lines(text) {
		line = logStamp.ReplaceAllString(strings.TrimSpace(line), "$1 ")
		line = logDelays.ReplaceAllString(queueID.ReplaceAllString(line, "<id>"), "delay=<time>")
		line = arg2.ReplaceAllString(line, "arg2=<address>")
		lines = append(lines, version.ReplaceAllString(logMsgID.ReplaceAllString(line, "<time>"), "<version>"))
	}
	return lines
}

// TestLogAsTheOriginal holds what log watchers read: the same dialogues must leave the same lines, priorities and order
// included.
func TestLogAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/mail/access", logAccess)
		write(t, "/etc/mail/local-host-names", "")
		logConfig(t, w)
		ours := sessionLog(t, w, exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bi"), exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		want := sessionLog(t, w, oracletest.Sendmail(t, "-C"+w.path("log.cf"), "-bi"), oracletest.Sendmail(t, "-bD", "-C"+w.path("log.cf")))
		for i, s := range sessions {
			if !slices.Equal(ours[i], want[i]) {
				t.Errorf("%d: %s %.300q:\nours:\n  %s\noriginal:\n  %s", i, s.from, s.lines, strings.Join(ours[i], "\n  "), strings.Join(want[i], "\n  "))
			}
		}
	})
}

// logConfig compiles the site's configuration with the original's tree; both programs take it.
func logConfig(t *testing.T, w world) {
	t.Helper()
	m4 := oracletest.M4(t)
	m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@", string(w), "@LEVEL@", logLevel()).Replace(logSite))
	cf, err := m4.Output()
	must(t, err)
	write(t, w.path("log.cf"), string(cf))
}

func logLevel() string {
	if l := os.Getenv("GOSENDMAIL_LOGLEVEL"); l != "" {
		return l
	}
	return "9"
}

// sessionLog carries out all sessions, one after the other, and returns what each of them left in the log.
func sessionLog(t *testing.T, w world, aliases, daemon *exec.Cmd) (lines [][]string) {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	if out, err := aliases.CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v\n%s", err, out)
	}
	d := start(t, "127.0.0.1:25", daemon)
	session{"127.0.9.9", []string{"QUIT"}}.carryOut(t)
	settled(t, w)
	logLines(t, w)
	for _, s := range sessions {
		s.carryOut(t)
		settled(t, w)
		lines = append(lines, logLines(t, w))
	}
	d.stop()
	logLines(t, w)
	return lines
}

// settled waits until the log has stood still for a while: what ends a session is logged after the connection is closed.
func settled(t *testing.T, w world) {
	t.Helper()
	size, still := int64(-1), 0
	eventually(t, "the log stands still", func() bool {
		st, err := os.Stat(w.path("log"))
		must(t, err)
		if st.Size() != size {
			size, still = st.Size(), 0
		}
		still++
		return still > 12
	})
}
