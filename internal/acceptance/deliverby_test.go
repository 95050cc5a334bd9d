package acceptance

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/peertest"
)

// deliverByMail are messages with a request of RFC 2852 that have waited for a while when the queue is run. mode is
// the byte of line ! of the queue file: 1 for N, 2 for R, 16 more for T. hello are the keywords of the next host.
var deliverByMail = []struct {
	name    string
	mode    byte
	seconds int
	age     time.Duration
	hello   string
	rcpt    string // its answer to RCPT where it takes nobody
	lines   string // of the queue file: the recipients
}{
	{"R, over, put off", 2, 7200, 3 * time.Hour, "DSN", "451 4.3.0 not now", ""},
	{"R, over, put off by one that offers it", 2, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"R, not over, put off", 2, 7200, time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, over, put off", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, over, put off, also too old for no warning", 1, 7200, 5 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, over, put off by one without it", 1, 7200, 3 * time.Hour, "DSN", "451 4.3.0 not now", ""},
	{"N, not over, put off", 1, 7200, time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"NT, over, put off", 17, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"RT, over, put off", 18, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, negative, put off", 1, -5, time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, zero, put off", 1, 0, time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"R, zero, put off", 2, 0, time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"R, older than queuereturn", 2, 7200, 121 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, older than queuereturn", 1, 7200, 121 * time.Hour, "DELIVERBY", "451 4.3.0 not now", ""},
	{"N, over, NOTIFY=NEVER", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", "RPN:<x@far.test>\n"},
	{"N, over, NOTIFY=FAILURE", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", "RPF:<x@far.test>\n"},
	{"N, over, NOTIFY=DELAY", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", "RPD:<x@far.test>\n"},
	{"R, over, NOTIFY=NEVER", 2, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", "RPN:<x@far.test>\n"},
	{"R, over, NOTIFY=DELAY", 2, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now", "RPD:<x@far.test>\n"},

	{"R, not over, offered", 2, 7200, time.Hour, "DSN DELIVERBY", "", ""},
	{"R, over, offered", 2, 7200, 3 * time.Hour, "DSN DELIVERBY", "", ""},
	{"R, over, offered with a minimum", 2, 7200, 3 * time.Hour, "DSN DELIVERBY_600", "", ""},
	{"R, not over, offered with a minimum", 2, 7200, time.Hour, "DSN DELIVERBY_600", "", ""},
	{"R, minimum too high", 2, 7200, time.Hour, "DSN DELIVERBY_6000", "", ""},
	{"R, minimum odd", 2, 7200, time.Hour, "DSN DELIVERBY_x", "", ""},
	{"R, minimum negative", 2, 7200, time.Hour, "DSN DELIVERBY_-5", "", ""},
	{"RT, not over, offered", 18, 7200, time.Hour, "DSN DELIVERBY", "", ""},
	{"R, not offered", 2, 7200, time.Hour, "DSN", "", ""},
	{"R, over, not offered", 2, 7200, 3 * time.Hour, "DSN", "", ""},
	{"R, not offered, no DSN", 2, 7200, time.Hour, "PIPELINING", "", ""},
	{"RT, not offered", 18, 7200, time.Hour, "DSN", "", ""},
	{"N, not over, offered", 1, 7200, time.Hour, "DSN DELIVERBY", "", ""},
	{"N, over, offered", 1, 7200, 3 * time.Hour, "DSN DELIVERBY", "", ""},
	{"N, over, offered with a minimum", 1, 7200, 3 * time.Hour, "DSN DELIVERBY_600", "", ""},
	{"N, negative, offered", 1, -100, time.Hour, "DSN DELIVERBY", "", ""},
	{"NT, not over, offered", 17, 7200, time.Hour, "DSN DELIVERBY", "", ""},
	{"NT, not offered", 17, 7200, time.Hour, "DSN", "", ""},
	{"NT, not offered, no DSN", 17, 7200, time.Hour, "PIPELINING", "", ""},
	{"N, not offered", 1, 7200, time.Hour, "DSN", "", ""},
	{"N, over, not offered", 1, 7200, 3 * time.Hour, "DSN", "", ""},
	{"N, not offered, no DSN", 1, 7200, time.Hour, "PIPELINING", "", ""},
	{"N, not offered, NOTIFY=SUCCESS", 1, 7200, time.Hour, "DSN", "", "RPS:<x@far.test>\n"},
	{"N, not offered, no DSN, NOTIFY=SUCCESS", 1, 7200, time.Hour, "PIPELINING", "", "RPS:<x@far.test>\n"},
	{"NT, offered, NOTIFY=SUCCESS", 17, 7200, time.Hour, "DSN DELIVERBY", "", "RPS:<x@far.test>\n"},
	{"N, not offered, NOTIFY=NEVER", 1, 7200, time.Hour, "DSN", "", "RPN:<x@far.test>\n"},
	{"NT, offered, NOTIFY=NEVER", 17, 7200, time.Hour, "DSN DELIVERBY", "", "RPN:<x@far.test>\n"},
	{"N, not offered, NOTIFY=FAILURE", 1, 7200, time.Hour, "DSN", "", "RPF:<x@far.test>\n"},
	{"R, not offered, NOTIFY=NEVER", 2, 7200, time.Hour, "DSN", "", "RPN:<x@far.test>\n"},
	{"N, refused", 1, 7200, time.Hour, "DSN DELIVERBY", "550 5.1.1 no", ""},
	{"R, two recipients, not offered", 2, 7200, time.Hour, "DSN", "", "RPFD:<x@far.test>\nRPFD:<y@far.test>\n"},
	{"N, two recipients, not offered", 1, 7200, time.Hour, "DSN", "", "RPFD:<x@far.test>\nRPFD:<y@far.test>\n"},

	{"NT, no DSN, NOTIFY=SUCCESS", 17, 7200, time.Hour, "DELIVERBY", "", "RPS:<x@far.test>\n"},
	{"N, not offered, asks for successes alone", 1, 7200, time.Hour, "DSN", "", "RPNS:<x@far.test>\n"},
	{"N, put off, asks for failures alone", 1, 7200, time.Hour, "DSN", "451 4.3.0 not now", "RPNF:<x@far.test>\n"},
	{"N, over, put off, asks for failures alone", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now",
		"RPNF:<x@far.test>\n"},
	{"N, not offered, asks for failures alone", 1, 7200, time.Hour, "DSN", "", "RPNF:<x@far.test>\n"},
	{"NT, asks for failures alone", 17, 7200, time.Hour, "DSN DELIVERBY", "", "RPNF:<x@far.test>\n"},
	{"N, over, put off, asks for successes alone", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now",
		"RPNS:<x@far.test>\n"},
	{"N, local, asks for failures alone", 1, 7200, time.Hour, "", "", "RPNF:<bob@mail.example.test>\n"},
	{"NT, not primary", 17, 7200, time.Hour, "DELIVERBY", "", "RFD:<x@far.test>\n"},
	{"N, not primary, not offered", 1, 7200, time.Hour, "DSN", "", "RFD:<x@far.test>\n"},
	{"N, negative, refused", 1, -5, time.Hour, "DELIVERBY", "550 5.1.1 no", ""},
	{"N, over, junk", 1, 7200, 3 * time.Hour, "DELIVERBY", "451 4.3.0 not now",
		"RPFD:<x@far.test>\nH??Precedence: junk\n"},
	{"N, local, NOTIFY=SUCCESS", 1, 7200, time.Hour, "", "", "RPS:<bob@mail.example.test>\n"},
	{"RT, local, NOTIFY=SUCCESS", 18, 7200, time.Hour, "", "", "RPS:<bob@mail.example.test>\n"},
	{"R, over, two, one NEVER", 2, 7200, 3 * time.Hour, "", "", "RPN:<x@far.test>\nRPFD:<y@far.test>\n"},
	{"R, local, not over", 2, 7200, time.Hour, "", "", "RPFD:<bob@mail.example.test>\n"},
	{"R, local, over", 2, 7200, 3 * time.Hour, "", "", "RPFD:<bob@mail.example.test>\n"},
	{"N, local, over", 1, 7200, 3 * time.Hour, "", "", "RPFD:<bob@mail.example.test>\n"},
	{"NT, local, not over", 17, 7200, time.Hour, "", "", "RPFD:<bob@mail.example.test>\n"},
	{"RT, local and far", 18, 7200, time.Hour, "DSN", "", "RPFD:<bob@mail.example.test>\nRPFD:<y@far.test>\n"},
	{"N, local and far", 1, 7200, time.Hour, "DSN", "", "RPFD:<bob@mail.example.test>\nRPFD:<y@far.test>\n"},
	{"N, a program", 1, 7200, time.Hour, "DSN", "", "RPFD:<bob@program.test>\n"},
	{"R, a program, over", 2, 7200, 3 * time.Hour, "DSN", "", "RPFD:<bob@program.test>\n"},
	{"NT, a program", 17, 7200, time.Hour, "DSN", "", "RPFD:<bob@program.test>\n"},
}

// notedPeer is a next host that keeps what it is told.
type notedPeer struct {
	mu   sync.Mutex
	said strings.Builder
}

// notedConn notes what a client says.
type notedConn struct {
	net.Conn
	peer *notedPeer
}

func (c notedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	c.peer.said.Write(b[:n])
	return n, err
}

// finalRecipient finds the address of an R line.
var finalRecipient = regexp.MustCompile(`(?m)^R.*<(.*)>$`)

// by is BY= as MAIL has it.
var by = regexp.MustCompile(`BY=(-?\d+);`)

// take returns MAIL and RCPT since it was last called. What is left of the time depends on the second: it is
// rounded to minutes.
func (p *notedPeer) take() (mails string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.said.String()) {
		if strings.HasPrefix(line, "RCPT ") {
			mails += line
		}
		if strings.HasPrefix(line, "MAIL ") {
			mails += by.ReplaceAllStringFunc(line, func(text string) string {
				n, _ := strconv.Atoi(by.FindStringSubmatch(text)[1])
				if n > 1 || n < -1 {
					n = (n + 30*n/max(n, -n)) / 60 * 60
				}
				return fmt.Sprintf("BY=%d;", n)
			})
		}
	}
	p.said.Reset()
	return mails
}

// serveNoted is a next host with those keywords and that answer to RCPT ("" takes everybody).
func serveNoted(t *testing.T, hello, rcpt string) (p *notedPeer, port string) {
	t.Helper()
	p = &notedPeer{}
	peer := peertest.Peer{Answers: map[string]string{"EHLO": "250-peer.test\r\n"}}
	for _, word := range strings.Fields(hello) {
		peer.Answers["EHLO"] += "250-" + strings.ReplaceAll(word, "_", " ") + "\r\n"
	}
	peer.Answers["EHLO"] += "250 HELP\r\n"
	if rcpt != "" {
		peer.Answers["RCPT"], peer.Answers["DATA"] = rcpt+"\r\n", "503 5.0.0 no recipient\r\n"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go peer.Serve(notedConn{c, p})
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	must(t, err)
	return p, port
}

// deliverByQf is the queue file: when it was made, the mode and the seconds of BY=, and its recipients.
const deliverByQf = `V8
T%d
K0
N0
P30000
!%c %d
F8sb
$_[192.0.2.1]
$rESMTP
$sclient.test
${daemon_flags}
S<alice@mail.example.test>
%sH??Message-Id: <1@client.test>
H??From: alice@mail.example.test
H??Date: Sun, 1 Mar 2026 12:00:00 +0000
H??Subject: one
.
`

// deliverByLog are the log lines of deliveries and reports, without what differs from run to run.
var (
	deliverByLog   = regexp.MustCompile(`(?m)(?:to=|DSN: |sender notify|SYSERR|postmaster notify).*$`)
	deliverByTimes = regexp.MustCompile(`x?delay=[^,]*, |pri=\d+, |mailer=[^,]*, `)
)

// TestDeliverByAsTheOriginal lets both programs run a queue with messages that are to be delivered by a time: what the
// next host is told, reports, what is left and the log must be the same.
func TestDeliverByAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		const relay = "R$* < @ $+ >\t$#relay"
		config := strings.Replace(timersConfig, relay, "R$* < @ program.test >\t$#pipe $@ here $: $1\n"+relay, 1)
		config += "Mpipe, P=/bin/sh, F=DFMu, A=sh -c cat>/dev/null $u\n"
		for _, m := range deliverByMail {
			peer, port := serveNoted(t, m.hello, m.rcpt)
			write(t, w.path("timers.cf"), fmt.Sprintf(config, string(w), port))
			if m.lines == "" {
				m.lines = "RPFD:<x@far.test>\n"
			}
			m.lines = finalRecipient.ReplaceAllString(m.lines, "rRFC822; $1\n$0")
			qf := fmt.Sprintf(deliverByQf, time.Now().Add(-m.age).Unix(), m.mode, m.seconds, m.lines)
			result := func(sendmail func(args ...string) *exec.Cmd) string {
				before := len(wholeLog(t, w))
				text := outcome(t, w, []byte(qf), []byte("the body\n"), sendmail)
				text += deliverByLeft(t, w) + peer.take()
				for _, line := range deliverByLog.FindAllString(wholeLog(t, w)[before:], -1) {
					text += comparable(deliverByTimes.ReplaceAllString(line, "")) + "\n"
				}
				return boundary.ReplaceAllString(text, "<boundary>")
			}
			got := result(func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
			want := result(func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
			if got != want {
				t.Errorf("%s:\nours:\n%s\noriginal:\n%s", m.name, got, want)
			}
		}
	})
}

// deliverByLeft are the lines of the queue file that tell of the request and why the message waits.
func deliverByLeft(t *testing.T, w world) (left string) {
	t.Helper()
	files, err := filepath.Glob(w.path("queue") + "/qf*")
	must(t, err)
	for _, f := range files {
		r, err := os.Open(f)
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		must(t, r.Close())
		for _, line := range regexp.MustCompile(`(?m)^[!M].*$`).FindAllString(string(text), -1) {
			left += fmt.Sprintf("%q\n", line)
		}
	}
	return left
}
