package acceptance

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/peertest"
)

// reportZone are hosts that fail before MAIL, and domains for which there is no answer.
const reportZone = `greet4.test. MX 10 h4.greet.test.
greet5.test. MX 10 h5.greet.test.
hello4.test. MX 10 h4.hello.test.
hello5.test. MX 10 h5.hello.test.
mail4.test. MX 10 h4.mail.test.
mail5.test. MX 10 h5.mail.test.
h4.greet.test. A 127.0.2.1
h5.greet.test. A 127.0.2.2
h4.hello.test. A 127.0.2.3
h5.hello.test. A 127.0.2.4
h4.mail.test. A 127.0.2.5
h5.mail.test. A 127.0.2.6
nullmx.test. MX 0 .
loop.test. MX 10 mail.example.test.
closed.test. MX 10 h.closed.test.
mxfail.test. MX 10 h.servfail.test.
h.closed.test. A 127.0.2.9
`

// listenFailing serves the hosts of reportZone.
func listenFailing(t *testing.T) {
	t.Helper()
	for addr, p := range map[string]peertest.Peer{
		"127.0.2.1": {Answers: map[string]string{"greeting": "421 4.3.2 not now\r\n"}},
		"127.0.2.2": {Answers: map[string]string{"greeting": "554 5.3.2 go away\r\n"}},
		"127.0.2.3": {Answers: map[string]string{"EHLO": "421 4.3.2 busy\r\n"}},
		"127.0.2.4": {Answers: map[string]string{"EHLO": "550 5.7.1 no hello\r\n", "HELO": "550 5.7.1 no hello\r\n"}},
		"127.0.2.5": {Answers: map[string]string{"MAIL": "451 4.7.1 later\r\n"}},
		"127.0.2.6": {Answers: map[string]string{"MAIL": "553 5.1.8 no such sender\r\n"}},
	} {
		listener, err := net.Listen("tcp", addr+":25")
		must(t, err)
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				go p.Serve(c)
			}
		}()
	}
}

// Of what the messages of the report suite are made.
var (
	reportRcpts = []string{"alice", "nosuch", "nosuch@example.test", "prog67", "prog75", "prog70", "missing", "exit64", "exit78", "half", "file1", "nofile", "noinclude", "three",
		"far@remote.test", "rej@remote.test", "tmp@remote.test", "datarej@remote.test", "datatmp@plain.test", "rej@plain.test", "far@plain.test", "x@nohost.test", "x@nullmx.test", "x@loop.test", "x@closed.test",
		"u@greet4.test", "u@greet5.test", "u@hello4.test", "u@hello5.test", "u@mail4.test", "u@mail5.test",
		"User@rnd.test", "User@rnd.test", "big@tiny.test", "x@[127.0.1.1]", "x@[127.9.9.9]", "\"q r\"@remote.test",
		"x@servfail.test", "x@mxfail.test", "d1", "d2"}
	reportFrom = []string{"", "", "-falice", "-ffar@remote.test", "-fbob@example.test", "-frej@remote.test", "-fnosuch@example.test", "-fx@nohost.test"}
	reportDSN  = []string{"", "", "", "", "-Nnever", "-Nfailure", "-Ndelay", "-Nfailure,delay", "-Rhdrs", "-Rfull -Vid1"}
	reportOpts = []string{"", "", "", "-OMaxHopCount=3", "-OPrivacyOptions=nobodyreturn", "-OPrivacyOptions=noactualrecipient", "-OPostmasterCopy=postmaster", "-ODoubleBounceAddress=bob", "-ODoubleBounceAddress=",
		"-OSendMimeErrors=False", "-OErrorHeader=Read this.", "-OUseErrorsTo=True", "-OMaxMessageSize=100000", "-OEightBitMode=pass8", "-OSevenBitInput=True"}
	reportHead = []string{"From: alice@example.test", "From: Alice Test <alice@example.test>", "From: <alice@example.test> (comment)", "From: \"A; B\" <alice@example.test>", "From: alice@example.test (Alice \"Q\" Test)", "From: Alice (x) <alice@example.test> y",
		"To: bob@example.test", "To: \"Bob, Q\" <bob@example.test>, far@remote.test", "To: group: bob, carol;", "To: undisclosed-recipients:;", "To: bob@example.test,,carol", "To: <@a.test,@b.test:bob@example.test>",
		"Cc: bob@example.test (Bob)", "Cc: =?utf-8?Q?B=C3=B6b?= <bob@example.test>", "Bcc: carol", "Reply-To: list@remote.test", "Sender: bob", "Subject: plain", "Subject:", "Subject: tabs\tinside  blanks", "subject: lower", "SUBJECT: upper",
		"X-Folded: one\n two\n\tthree", "X-Long: " + strings.Repeat("w", 990), "X-Eight: gr\xfc\xdfe", "X-Blank:    ", "X_Under: 1", "X-Space : before the colon", "Date: yesterday", "Message-Id: <m@x.test>", "Message-ID: no brackets",
		"Received: from a by b; Mon, 1 Jan 2001 00:00:00 +0000", "Received: from c by d; Mon, 1 Jan 2001 00:00:00 +0000", "Received: from e by f; Mon, 1 Jan 2001 00:00:00 +0000", "Received: from g by h; Mon, 1 Jan 2001 00:00:00 +0000",
		"Precedence: bulk", "Precedence: junk", "Precedence: list", "Errors-To: carol@example.test", "Return-Path: <x@y.test>", "Return-Receipt-To: alice@example.test", "Resent-From: bob", "Resent-To: carol", "Apparently-To: dave",
		"Content-Length: 7", "Lines: 3", "Status: RO", "X-Mailer: t", "Auto-Submitted: auto-replied", "List-Id: <l.x.test>", "Mail-From: x", "Comments: a", "Keywords: b", "Via: c", "Priority: urgent"}
	reportText = []string{"text\n", "", "a\nb\n", "From here\n", ".\n", "8bit \xe4\n", strings.Repeat("line\n", 200), "tab\tend \n"}
	// reportFlags are the mailer flags that touch headers and lines.
	reportFlags = "DFMPxCnuhlebE5796w@A:|/mXdRUpL"
)

// reportCase is the number-th message of a seed. aged is how long it has been in the queue, 0 for one that is delivered
// at once.
func reportCase(seed, number uint64) (c *drainCase, aged time.Duration) {
	r := rand.New(rand.NewPCG(seed, 2<<32+number))
	c = &drainCase{user: "root"}
	if o := pick(r, reportOpts); o != "" {
		c.args = []string{o}
	}
	for range 1 + r.IntN(3) {
		c.named = append(c.named, pick(r, reportRcpts))
	}
	flags := "l"
	for _, f := range reportFlags {
		if r.IntN(3) == 0 {
			flags += string(f)
		}
	}
	c.mailer = "Mrandom, P=/home/rec, F=" + flags + pick(r, []string{"", ", S=EnvFromL/HdrFromL, R=EnvToL/HdrToL", ", S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP"}) +
		", T=DNS/RFC822/X-Unix" + pick(r, []string{"", ", L=80", ", E=\\r\\n"}) + ", A=rec random $g $u" + pick(r, []string{"", " exit67", " exit75", " exit69", " exit78"}) +
		"\nMtiny, P=/home/rec, F=lsDFMu, M=100, T=DNS/RFC822/X-Unix, A=rec tiny $u\n"
	var text strings.Builder
	for range 1 + r.IntN(7) {
		text.WriteString(pick(r, reportHead) + "\n")
	}
	waits := r.IntN(3) == 0
	if waits {
		if aged = 5 * time.Hour; r.IntN(2) == 0 {
			aged = 6 * 24 * time.Hour
		}
	}
	c.named = together(c.named, aged)
	from, asks := pick(r, reportFrom), pick(r, reportDSN)
	if !c.receipts(from) {
		asks = ""
	}
	if strings.Contains(from, "nosuch") && (waits || slices.Contains(c.args, "-OSendMimeErrors=False")) {
		from = ""
	}
	c.rcpts = append(c.rcpts, strings.Fields(from+" "+asks)...)
	c.rcpts = append(append(c.rcpts, "-i"), c.named...)
	c.stdin = text.String() + "\n" + pick(r, reportText)
	if waits {
		c.args = append(c.args, "-OTimeout.queuewarn=4h", "-OTimeout.queuereturn=5d")
		c.damage = func(qf []byte) []byte {
			return createdLine.ReplaceAll(qf, fmt.Appendf(nil, "T%d", time.Now().Add(-aged).Unix()))
		}
	}
	return c, aged
}

// reportWaits are recipients that wait, or get the message: a failure beside a warning is told in two reports
// (docs/differences.md).
var reportWaits = []string{"alice", "prog75", "far@remote.test", "tmp@remote.test", "x@closed.test", "u@mail4.test",
	"x@[127.9.9.9]", "file1", "three", "x@servfail.test", "x@mxfail.test"}

// together leaves out of a list what is told in another way beside others.
func together(named []string, aged time.Duration) []string {
	for _, alone := range []string{"x@loop.test", "u@mail5.test"} {
		if slices.Contains(named, alone) {
			return []string{alone} // the exit status, and a program's, are those of what was tried first
		}
	}
	if aged > 0 { // the original takes the reply to QUIT for the reason
		named = slices.DeleteFunc(named, func(n string) bool { return n == "u@greet4.test" || n == "u@hello4.test" })
	}
	if aged == 5*time.Hour {
		named = slices.DeleteFunc(named, func(n string) bool { return !slices.Contains(reportWaits, n) })
	}
	if len(named) == 0 {
		return []string{"tmp@remote.test"}
	}
	return named
}

var createdLine = regexp.MustCompile(`(?m)^T\d+$`)

// TestReportsOfAllKindsAsTheOriginal hands in messages that cannot be delivered, or not yet, and holds mailboxes,
// reports, warnings, dialogues, queue files and the log beside the original's.
func TestReportsOfAllKindsAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		prepareDrain(t, w)
		appendTo(t, w.path("zone"), reportZone)
		appendTo(t, w.path("etc/mail/mailertable"), "tiny.test|tiny:x\n")
		appendTo(t, w.path("etc/mail/aliases"), "missing: \"|/nonexistent/program\"\nexit64: \"|/home/rec exit64\"\n"+
			"exit78: \"|/home/rec exit78\"\nnofile: /nonexistent/folder/file\n"+
			"noinclude: :include:/nonexistent\n"+deepAliases())
	}, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		l.logs = true
		listenFailing(t)
		seed, numbers := suite(t, 12, 400)
		v := &holding{sections: map[string]int{}}
		for _, n := range numbers {
			c, aged := reportCase(seed, n)
			var got, want result
			told := ""
			if aged > 0 {
				var s spool
				s, told = l.write(t, them, c)
				want, got = l.drain(t, s, c, them), l.drain(t, s, c, us)
			} else {
				want, got = l.deliver(t, them, c), l.deliver(t, us, c)
				told = got["said"]
			}
			if len(c.named) > 1 {
				got["log"], want["log"] = severalReason.ReplaceAllString(got["log"], "$1"), severalReason.ReplaceAllString(want["log"], "$1")
			}
			v.compare(t, fmt.Sprint(n), c, got, want)
			if lost := l.unaccounted(t, c, got, told); len(lost) > 0 {
				t.Errorf("%d: of %q nothing is known\n%s", n, lost, c)
			}
		}
		v.most(t, 3)
	})
}

// deepAliases are d1 to d13, of which those that lie deeper than MaxAliasRecursion are refused.
func deepAliases() (text string) {
	for i := range 12 {
		text += fmt.Sprintf("d%d: d%d\n", i+1, i+2)
	}
	return text + "d13: bob\n"
}

// severalReason is why a report is made, of a message with several recipients: the log names one of them.
var severalReason = regexp.MustCompile(`(DSN|sender notify|postmaster notify): .*`)

// sortedLog is the log in an order of its own, without what differs between programs on purpose.
func sortedLog(text string) string {
	lines := strings.Split(regexp.MustCompile(`, nrcpts=\d+`).ReplaceAllString(text, ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
