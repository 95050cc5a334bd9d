package acceptance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// What random dialogues are made of. Left out is what docs/differences.md names: VERB, 8-bit and control characters.
var (
	saidHosts     = []string{"c.test", "c", "[127.0.2.8]", "", "host.domain.com", "c test", "c.test.", "-x_y", "localhost", "a;b", "<c>", "\"q\"", "c.test (x)"}
	saidAddresses = []string{
		"<a@outside.test>", "<you@domain1.com>", "<nosuch@domain1.com>", "<user3@domain1.com>", "<b@outside.test>", "<>", "<you>", "<nobodyhere>", "you", "a@outside.test",
		"<postmaster>", "<@host.domain.com:you@domain1.com>", "<b%outside.test@domain1.com>", "<you@host.domain.com>", "<\"you\"@domain1.com>", "<you+x@host.domain.com>",
		"<a@nxdomain.test>", "<a@[127.0.0.1]>", "<a@[127.0.0.1>", "<a b@outside.test>", "<a@outside.test", "a@outside.test>", "<<a@outside.test>>", "<a@b@outside.test>",
		"<(x)a@outside.test>", "< a@outside.test >", "<a@outside.test> x", "<|prog>", "</etc/passwd>", "<:include:/etc/passwd>", "<\\you>", "<you,user2>", "<you@domain1.com>,<a@b>",
		"<webmaster@domain2.tv>", "<x!y@domain1.com>", "<y!x>", "<@>", "<a@>", "<@domain1.com>", "<.>", "<\"a\\\"b\"@domain1.com>", "<a..b@outside.test>", "<user4@domain2.tv>", "a", "",
		"Joe <a@outside.test>", "<a@outside.test>;", "<list:;>", "<" + strings.Repeat("x", 300) + "@outside.test>",
	}
	mailParameters = []string{
		"SIZE=100", "SIZE=6000000", "SIZE=", "SIZE", "SIZE=x", "SIZE=99999999999999999999", "BODY=8BITMIME", "BODY=7BIT", "BODY=FOO", "BODY", "body=8bitmime", "RET=FULL", "RET=HDRS",
		"RET=x", "RET", "ENVID=abc", "ENVID=a+2Bb", "ENVID=a+zz", "ENVID", "AUTH=<>", "AUTH=a@b", "AUTH=a+3Cb", "AUTH", "FOO=1", "FOO", "SMTPUTF8", "BY=100;R", "SIZE=1 SIZE=2",
		"RET=FULL RET=HDRS", "ENVID=a ENVID=b", "SIZE=100 BODY=8BITMIME", "=x", "X-=",
	}
	rcptParameters = []string{
		"NOTIFY=SUCCESS", "NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE,DELAY", "NOTIFY=NEVER,SUCCESS", "NOTIFY=x", "NOTIFY=", "NOTIFY", "ORCPT=rfc822;a@b", "ORCPT=rfc822;a+2Bb", "ORCPT=a", "ORCPT",
		"ORCPT=;x", "notify=success", "FOO=1", "SIZE=1", "NOTIFY=SUCCESS NOTIFY=DELAY", "ORCPT=rfc822;a ORCPT=rfc822;b",
	}
	saidOther = []string{
		"NOOP", "NOOP x", "noop", "RSET", "RSET x", "HELP", "HELP MAIL", "HELP NOSUCH", "VRFY", "VRFY you", "VRFY <you@domain1.com>", "VRFY nobodyhere", "VRFY user3@domain1.com", "VRFY webmaster@domain2.tv", "EXPN webmaster", "EXPN info-domain2.tv", "VRFY <>", "EXPN you user2", "VRFY you user2", "EXPN you,user2", "VRFY you, nobodyhere", "EXPN nobodyhere, you", "EXPN you user2, webmaster", "EXPN you you", "VRFY root", "VRFY b@outside.test", "EXPN", "EXPN postmaster",
		"EXPN nobodyhere", "ETRN", "ETRN domain1.com", "ETRN @domain1.com", "ETRN #x", "XYZZY", "MAIL", "RCPT", "MAIL a@outside.test", "RCPT you", "MAIL TO:<you>", "RCPT FROM:<you>", "DATA x", "", " ", " NOOP", "NOOP\t",
		"SEND FROM:<a@outside.test>", "SOML FROM:<a@outside.test>", "TURN", "ONEX", "XUSR", "GET / HTTP/1.0", "Subject: x", "BDAT 3", "mail from:<a@outside.test>", "rcpt to: <you@domain1.com>",
		"MAIL FROM: <a@outside.test>", "MAIL FROM :<a@outside.test>", "MAIL  FROM:<a@outside.test>", "STARTTLS x", "QUITX", "QUIT x",
	}
	saidBodies = []string{"Subject: x\r\n\r\nhello\r\n.", ".", "..\r\n.", "no header\r\n.", "From: x\r\nTo: you\r\n\r\n\r\n.", "Received: x\r\nReceived: y\r\n\r\nz\r\n."}
)

// said makes the lines of one dialogue.
func said(r *rand.Rand) []string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	with := func(list []string) string {
		if r.IntN(3) > 0 {
			return ""
		}
		return " " + pick(list)
	}
	var lines []string
	if r.IntN(8) > 0 {
		lines = append(lines, pick([]string{"HELO ", "EHLO ", "EHLO ", "ehlo "})+pick(saidHosts[:3]))
	}
	helos := 0 // the third is answered late
	for range 4 + r.IntN(6) {
		switch r.IntN(10) {
		case 0:
			if helos++; helos < 2 {
				lines = append(lines, pick([]string{"HELO ", "EHLO "})+pick(saidHosts))
			}
		case 1:
			lines = append(lines, "MAIL FROM:"+pick(saidAddresses))
		case 2, 3: // a wrong parameter is refused before the address is looked at
			lines = append(lines, "MAIL FROM:"+pick([]string{"<a@outside.test>", "<>"})+with(mailParameters))
		case 4:
			lines = append(lines, "RCPT TO:"+pick(saidAddresses))
		case 5, 6:
			lines = append(lines, "RCPT TO:"+pick([]string{"<you@domain1.com>", "<user2@domain1.com>"})+with(rcptParameters))
		case 7:
			lines = append(lines, "DATA", pick(saidBodies))
		default:
			lines = append(lines, pick(saidOther))
		}
	}
	return append(lines, "QUIT")
}

// dialogueCount is how many dialogues there are: enough for every day, or with GOSENDMAIL_SLOW many.
func dialogueCount() int {
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		return 600
	}
	return 60
}

// answered speaks a dialogue; the end of the connection before its time is part of the answer.
func answered(from string, lines []string) []string {
	replies, err := talk(from, "127.0.0.1:25", lines...)
	replies = stable(replies)
	for i, r := range replies {
		replies[i] = strings.Replace(r, "\n250-VERB", "", 1)
	}
	if err != nil {
		return append(replies, "closed")
	}
	return replies
}

// TestRandomDialoguesAsTheOriginal speaks the same random dialogues to both servers, with and without the seed's
// privacy flags.
func TestRandomDialoguesAsTheOriginal(t *testing.T) {
	for name, privacy := range map[string]string{
		"goaway": "goaway", "open": "authwarnings", "helo": "needmailhelo,needvrfyhelo,needexpnhelo,noetrn,noreceipts",
	} {
		t.Run(name, func(t *testing.T) {
			inArena(t, func(t *testing.T, w world) {
				prepareSeed(t, w)
				path := w.path("etc/mail/sendmail.mc")
				mc, err := os.ReadFile(path)
				must(t, err)
				text := strings.Replace(string(mc), "`goaway,restrictmailq,restrictqrun'", "`"+privacy+"'", 1)
				write(t, path, strings.Replace(text, "FEATURE(`drac')", "define(`confDELIVERY_MODE', `q')dnl\nFEATURE(`drac')", 1))
			}, func(t *testing.T, w world) {
				oracletest.Root(t)
				installSeed(t, w)
				run(t, "", w.path("bin/sendmail"), "-bi")
				r := rand.New(rand.NewPCG(uint64(len(privacy)), 1))
				dialogues := make([][]string, dialogueCount())
				for i := range dialogues {
					dialogues[i] = said(r)
				}
				ours := startOurs(t, w)
				var got [][]string
				waits := map[string]int{}
				for _, d := range dialogues {
					got = append(got, answered("127.0.2.8", d))
				}
				ours.stop()
				for i, d := range dialogues {
					for name, n := range taken(d, got[i]) {
						waits[name] += n
					}
				}
				inQueue(t, waits)
				originalTables(t)
				start(t, "127.0.0.1:25", originalDaemon(t))
				for i, d := range dialogues {
					if want := answered("127.0.2.8", d); !slices.Equal(got[i], want) {
						t.Errorf("%s", differing(d, got[i], want))
					}
				}
			})
		})
	}
}

// taken are the recipients of the messages that a dialogue handed in, as often as a message was taken for them.
func taken(lines, replies []string) map[string]int {
	all, message := map[string]int{}, map[string]bool{}
	for i, line := range lines {
		if i+2 >= len(replies) {
			break
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		ok := strings.HasPrefix(replies[i+1], "250")
		switch {
		case ok && (verb == "MAIL" || verb == "RSET" || verb == "HELO" || verb == "EHLO"):
			message = map[string]bool{}
		case ok && verb == "RCPT":
			message[strings.ToLower(namedIn(line))] = true
		case verb == "DATA" && strings.HasPrefix(replies[i+1], "354") && strings.HasPrefix(replies[i+2], "250"):
			for name := range message {
				all[name]++
			}
			message = map[string]bool{}
		}
	}
	return all
}

// namedIn is the local part of the address in RCPT, which queue files show with or without the rest.
func namedIn(line string) string {
	_, addr, _ := strings.Cut(line, ":")
	addr, _, _ = strings.Cut(strings.Trim(addr, " <"), ">")
	if at := strings.LastIndexByte(addr, '@'); at > 0 {
		addr = addr[:at]
	}
	return addr
}

// inQueue fails where somebody for whom so many messages were taken stands in fewer queue files, and has not got them.
func inQueue(t *testing.T, waits map[string]int) {
	t.Helper()
	names, err := filepath.Glob("/var/spool/mqueue/?f*")
	must(t, err)
	var lines strings.Builder
	for _, n := range names {
		if base := filepath.Base(n); strings.HasPrefix(base, "qf") || strings.HasPrefix(base, "Qf") {
			text, err := os.ReadFile(n)
			must(t, err)
			for _, line := range rcptLines.FindAllString(string(text), -1) {
				lines.WriteString(strings.ToLower(line) + "\n")
			}
		}
	}
	for name, n := range waits {
		box, _ := os.ReadFile("/var/mail/" + name) // ETRN had the queue run
		have := strings.Count(lines.String(), name) + len(postmark.FindAllString("\n\n"+string(box), -1))
		if have < n {
			t.Errorf("%q was taken in %d messages; there are %d in the queue and in the mailbox", name, n, have)
		}
	}
	t.Logf("%d recipients stand in the queue", len(waits))
}

var rcptLines = regexp.MustCompile(`(?m)^R.*`)

// differing tells a dialogue up to the first reply that differs.
func differing(lines, got, want []string) string {
	var b strings.Builder
	for i := range max(len(got), len(want)) {
		var ours, original string
		if i < len(got) {
			ours = got[i]
		}
		if i < len(want) {
			original = want[i]
		}
		if i > 0 && i <= len(lines) {
			fmt.Fprintf(&b, "%q\n", lines[i-1])
		}
		if ours != original {
			fmt.Fprintf(&b, "   ours     %q\n   original %q\n", ours, original)
			break
		}
	}
	return b.String()
}

// bursts are commands of which each waits for its reply, and then one with what must not come before its reply.
var bursts = [][]string{
	{"EHLO c\r\nNOOP\r\nMAIL FROM:<a@remote.test>\r\nQUIT"},
	{"HELO c\r\nNOOP\r\nQUIT"},
	{"EHLO c", "NOOP\r\nRSET\r\nVRFY alice\r\nHELP\r\nFOO\r\nQUIT"},
	{"EHLO c", "ETRN x.test\r\nNOOP\r\nQUIT"},
	{"EHLO c", "QUIT\r\nNOOP"},
	{"EHLO c", "DATA\r\nNOOP\r\nQUIT"},
	{"EHLO c", "MAIL FROM:<a@remote.test>", "DATA\r\nhi\r\n.\r\nQUIT"},
	{"EHLO c", "MAIL FROM:<a@remote.test>", "EHLO c\r\nNOOP\r\nQUIT"},
	begin("DATA\r\nhi\r\n.\r\nMAIL FROM:<b@remote.test>\r\nQUIT"),
	begin("DATA x\r\nNOOP\r\nQUIT"),
	begin("BDAT 3 LAST\r\nhi\r\nQUIT"),
	{"HELO c", "MAIL FROM:<a@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA\r\nhi\r\n.\r\nQUIT"},
	{"EHLO c", "MAIL FROM:<a@remote.test>\r\nRCPT TO:<alice@mail.example.test>\r\nDATA\r\nhi\r\n.\r\nQUIT"},
	{"EHLO c", "MAIL FROM:<a@remote.test>", "RCPT TO:<alice@mail.example.test>\r\nDATA\r\n.\r\nQUIT"},
}

// TestEarlyCommandsAsTheOriginal sends more than the command whose reply is to be waited for.
func TestEarlyCommandsAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		ask := func(cmd *exec.Cmd) (said []string) {
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			for _, b := range bursts {
				said = append(said, burst(t, b))
			}
			return said
		}
		got := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		for i, want := range ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("log.cf"))) {
			if got[i] != want {
				t.Errorf("%q\nours:\n%soriginal:\n%s", bursts[i], got[i], want)
			}
		}
	})
}

// burst sends lines, each when the one before is answered, and returns all that comes until the server closes.
func burst(t *testing.T, lines []string) string {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.2.8")}}
	c, err := d.Dial("tcp", "127.0.0.1:25")
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	tp := textproto.NewConn(c)
	said := ""
	read := func() error {
		for {
			line, err := tp.ReadLine()
			if err != nil {
				return err
			}
			if said += line + "\n"; len(line) < 4 || line[3] != '-' {
				return nil
			}
		}
	}
	for _, line := range lines {
		must(t, read())
		must(t, tp.PrintfLine("%s", line))
	}
	for err == nil {
		err = read()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		said += "left open\n"
	}
	return stable([]string{said})[0]
}
