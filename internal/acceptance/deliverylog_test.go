package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// logAliases are local recipients whose programs end in all ways.
const logAliases = `postmaster: root
MAILER-DAEMON: postmaster
commented: alice, (only a comment), bob (b)
ok: "|cat; exit 0"
fails: "|cat; exit 1"
nouser: "|cat; exit 67"
later: "|cat; exit 75"
unavailable: "|cat; exit 69"
missing: "|/nonexistent/program"
file: /tmp/does/not/exist
two: alice, bob
mixed: alice, ok, later@mx1.remote.test
loop: loop2
loop2: loop
noinclude: :include:/nonexistent
list: alice, nosuchuser, bad@mx1.remote.test
owner-owned: carol
owned: bob, nosuchuser
`

// logPeer answers RCPT by the recipient's local part, and the end of the message by the sender's; "c450" stands for
// code 450.
func logPeer(c net.Conn, keywords string) {
	defer c.Close()
	say := func(text string) { io.WriteString(c, text+"\r\n") }
	say("220 peer.test ESMTP")
	sender := ""
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		_, addr, _ := strings.Cut(line, "<")
		local, _, _ := strings.Cut(addr, "@")
		switch verb {
		case "EHLO":
			say("250-peer.test hello\r\n" + keywords + "250 PIPELINING")
		case "MAIL":
			if sender = local; sender[0] == 'm' {
				say(sender[1:] + " as asked")
				continue
			}
			if sender == "badsender" {
				say("553 5.1.8 bad sender")
				continue
			}
			say("250 2.1.0 ok")
		case "RCPT":
			switch local {
			case "later":
				say("450 4.2.1 come back later")
			case "bad":
				say("550 5.1.1 no such user")
			case "plain":
				say("550 nobody here")
			case "many":
				say("550-5.7.1 first line\r\n550 5.7.1 second line")
			case "full":
				say("452 4.2.2 mailbox full")
			case "drop":
				return
			default:
				if local[0] == 'c' {
					say(local[1:] + " as asked")
					continue
				}
				say("250 2.1.5 fine")
			}
		case "DATA":
			say("354 go ahead")
			for lines.Scan() && lines.Text() != "." {
			}
			switch sender {
			case "data4":
				say("451 4.3.0 not now")
			case "data5":
				say("554 5.6.0 spam")
			case "dropped":
				return
			default:
				if sender[0] == 'd' {
					say(sender[1:] + " as asked")
					continue
				}
				say("250 2.0.0 queued as 12345")
			}
		case "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// serveLogPeer lets a logPeer answer at an address.
func serveLogPeer(t *testing.T, addr, keywords string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go logPeer(c, keywords)
		}
	}()
}

// logCodes are messages to a peer without enhanced codes that answers MAIL, RCPT and the end of the message with these
// codes.
func logCodes() (mails [][]string) {
	for _, code := range []string{"450", "451", "452", "500", "501", "502", "504", "521", "550", "551", "552", "553", "554", "555", "599"} {
		mails = append(mails, []string{"m" + code + "@mx1.remote.test", "x@mx2.remote.test"}, []string{"a@mx1.remote.test", "c" + code + "@mx2.remote.test"},
			[]string{"d" + code + "@mx1.remote.test", "x@mx2.remote.test"})
	}
	return mails
}

// logMails are messages of which every line of the log is compared: sender, recipients.
var logMails = [][]string{
	{"a@mx1.remote.test", "ok@mail.example.test"},
	{"a@mx1.remote.test", "alice@mail.example.test", "bob@mail.example.test"},
	{"a@mx1.remote.test", "fails@mail.example.test"},
	{"a@mx1.remote.test", "nouser@mail.example.test"},
	{"", "nouser@mail.example.test"},
	{"a@mx1.remote.test", "later@mail.example.test"},
	{"a@mx1.remote.test", "unavailable@mail.example.test", "alice@mail.example.test"},
	{"a@mx1.remote.test", "missing@mail.example.test"},
	{"a@mx1.remote.test", "two@mail.example.test"},
	{"a@mx1.remote.test", "mixed@mail.example.test"},
	{"a@mx1.remote.test", "loop@mail.example.test"},
	{"a@mx1.remote.test", "list@mail.example.test"},
	{"a@mx1.remote.test", "owned@mail.example.test"},
	{"a@mx1.remote.test", "x@mx1.remote.test"},
	{"a@mx1.remote.test", "x@mx1.remote.test", "y@mx1.remote.test", "bad@mx1.remote.test", "later@mx1.remote.test"},
	{"a@mx1.remote.test", "x@remote.test", "alice@mail.example.test"},
	{"a@mx1.remote.test", "plain@mx1.remote.test"},
	{"a@mx1.remote.test", "many@mx1.remote.test"},
	{"a@mx1.remote.test", "full@mx1.remote.test"},
	{"badsender@mx1.remote.test", "x@mx1.remote.test"},
	{"data4@mx1.remote.test", "x@mx1.remote.test", "y@mx1.remote.test"},
	{"data5@mx1.remote.test", "x@mx1.remote.test"},
	{"a@mx1.remote.test", "x@nullmx.test"},
	{"a@mx1.remote.test", "x@nxdomain.test"},
	{"a@mx1.remote.test", "x@aonly.test"},
	{"a@mx1.remote.test", "x@[127.0.1.1]"},
	{"alice@mail.example.test", "bad@mx1.remote.test"},
	{"alice@mail.example.test", "bad@mx1.remote.test NOTIFY=NEVER"},
	{"alice@mail.example.test", "x@mx1.remote.test NOTIFY=SUCCESS"},
	{"alice@mail.example.test", "bob@mail.example.test NOTIFY=SUCCESS", "two@mail.example.test NOTIFY=SUCCESS"},
}

// TestDeliveryLogAsTheOriginal holds the lines that deliveries, bounces and a queue run leave in the log.
func TestDeliveryLogAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/mail/access", logAccess)
		write(t, "/etc/mail/local-host-names", "")
		write(t, "/etc/mail/aliases", logAliases)
		serveLogPeer(t, "127.0.1.1:25", "250-ENHANCEDSTATUSCODES\r\n")
		serveLogPeer(t, "127.0.1.2:25", "")
		logConfig(t, w)
		ours := mailLog(t, w, func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
		want := mailLog(t, w, func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		loggedAll(t, strings.Join(ours[0], "\n"))
		for i, what := range []string{"deliveries", "queue run"} {
			extra, missing := difference(ours[i], want[i]), difference(want[i], ours[i])
			if len(extra)+len(missing) > 0 {
				t.Errorf("%s:\nours alone:\n  %s\noriginal alone:\n  %s", what, strings.Join(extra, "\n  "), strings.Join(missing, "\n  "))
			}
		}
	})
}

// loggedAll fails where the log says of a recipient to whom a message was sent neither that he got it, nor that he
// waits, nor that he could not be reached; that a report is made for each failure is what the whole log is held to.
func loggedAll(t *testing.T, log string) {
	t.Helper()
	a := oracletest.Account{Log: log, Aliases: map[string][]string{}}
	for line := range strings.Lines(logAliases) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for m := range strings.SplitSeq(value, ", ") {
			if !strings.ContainsAny(m, "|/") {
				a.Aliases[name] = append(a.Aliases[name], m)
			}
		}
	}
	for _, m := range failedTo.FindAllStringSubmatch(log, -1) {
		for name := range strings.SplitSeq(m[1]+","+m[2], ",") {
			a.Told += strings.Trim(name, "<>") + "... failed\n"
		}
	}
	if strings.Contains(log, "DSN: aliasing/forwarding loop broken") { // which has no other line
		a.Told += "loop... reported\n"
	}
	for _, m := range logMails {
		for _, rcpt := range m[1:] {
			addr, _, _ := strings.Cut(rcpt, " ")
			local := strings.TrimSuffix(addr, "@mail.example.test")
			if len(a.Missing([]string{addr})) > 0 && len(a.Missing([]string{local})) > 0 {
				t.Errorf("nothing is logged of what became of %s in %q", addr, m)
			}
		}
	}
}

// failedTo finds who could not be reached, and the alias that he stands for.
var failedTo = regexp.MustCompile(`(?m)to=(.+?), (?:ctladdr=(\S+) )?.*dsn=5`)

// mailLog sends all messages and then runs the queue; it returns what both left in the log. The order of deliveries
// does not matter.
func mailLog(t *testing.T, w world, sendmail func(args ...string) *exec.Cmd) [][]string {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	clearQueue(t)
	if out, err := sendmail("-C"+w.path("log.cf"), "-bi").CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v\n%s", err, out)
	}
	d := start(t, "127.0.0.1:25", sendmail("-bD", "-C"+w.path("log.cf")))
	settled(t, w)
	logLines(t, w)
	for i, m := range slices.Concat(logMails, logCodes()) {
		commands := []string{"EHLO client.test", "MAIL FROM:<" + m[0] + ">"}
		for _, rcpt := range m[1:] {
			addr, params, _ := strings.Cut(rcpt, " ")
			commands = append(commands, strings.TrimSpace("RCPT TO:<"+addr+"> "+params))
		}
		commands = append(commands, "DATA", fmt.Sprintf("Subject: test\r\nMessage-ID: <%d@example.test>\r\n\r\ntext\r\n.", i), "QUIT")
		dialogue(t, "127.0.0.1", commands...)
	}
	for range 5 { // deliveries end in processes of their own, which a busy machine may keep waiting
		settled(t, w)
	}
	deliveries := logLines(t, w)
	for i, line := range deliveries {
		deliveries[i] = cached.ReplaceAllString(line, "$1,")
	}
	d.stop()
	logLines(t, w)
	if out, err := sendmail("-C"+w.path("log.cf"), "-q", "-OQueueSortOrder=time", "-OForkEachJob=false").CombinedOutput(); err != nil {
		t.Fatalf("queue run: %v\n%s", err, out)
	}
	settled(t, w)
	return [][]string{deliveries, slices.DeleteFunc(logLines(t, w), func(line string) bool {
		return strings.Contains(line, "relay=mx") // the original remembers within a run what a host said
	})}
}

// cached finds the address of a peer, which the original leaves out for a connection that was open already.
var cached = regexp.MustCompile(`(relay=\S+) \[[0-9.]+\],`)

// difference returns the lines of a that b does not have as often.
func difference(a, b []string) (list []string) {
	count := map[string]int{}
	for _, line := range b {
		count[line]++
	}
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			list = append(list, line)
		}
	}
	return list
}

func clearQueue(t *testing.T) {
	t.Helper()
	files, err := os.ReadDir("/var/spool/mqueue")
	must(t, err)
	for _, f := range files {
		must(t, os.RemoveAll("/var/spool/mqueue/"+f.Name()))
	}
}
