package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// deliveries are messages whose delivered form must be the original's: who sends, to whom, the content, and where it
// arrives.
var deliveries = []struct {
	name, from, sender, rcpt, content string
}{
	{"virtual user", "127.0.2.8", "a@outside.test", "you@domain1.com", "Subject: one\r\nFrom: a@outside.test\r\nMessage-ID: <1@outside.test>\r\n\r\nbody one\r\n..dot\r\nFrom here on\r\n"},
	{"alias of a virtual list", "127.0.2.8", "a@outside.test", "info@domain2.tv", "Subject: two\r\nMessage-ID: <2@outside.test>\r\n\r\nbody two\r\n"},
	{"no header at all", "127.0.2.8", "a@outside.test", "you@domain1.com", "\r\nonly a body\r\n"},
	{"forwarded outside", "127.0.2.8", "a@outside.test", "user3@domain1.com", "Subject: three\r\nTo: user3@domain1.com\r\nMessage-ID: <3@outside.test>\r\n\r\nbody three\r\n"},
	{"local sender to the world", "127.0.0.1", "you@host.domain.com", "friend@outside.test", "From: You <you@host.domain.com>\r\nTo: Friend <friend@outside.test>, you\r\nCc: (a comment) \"Quoted, name\" <x@y.test>\r\nSubject: four\r\n  folded\r\nMessage-ID: <4@host.domain.com>\r\n\r\nbody four\r\n"},
	{"by the mailertable", "127.0.0.1", "you@host.domain.com", "x@routed.test", "From: You <you@host.domain.com>\r\nTo: x@routed.test, user2, root\r\nSubject: six\r\nMessage-ID: <6@host.domain.com>\r\n\r\nbody six\r\n.. two dots\r\n"},
	{"null sender", "127.0.2.8", "", "you@domain1.com", "Subject: five\r\nFrom: <>\r\nMessage-ID: <5@outside.test>\r\n\r\nbody five\r\n"},
}

var (
	minute    = regexp.MustCompile(`\b20[0-9]{10}\.`)
	queueID   = regexp.MustCompile(`\b[A-Za-z0-9]{8}[0-9]{6}\b`)
	timestamp = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .*20[0-9][0-9].*`)
)

// comparable takes identifiers, dates and versions out of a delivered message.
func comparable(text string) string {
	text = timestamp.ReplaceAllString(text, "<date>")
	text = queueID.ReplaceAllString(minute.ReplaceAllString(text, "<minute>."), "<id>")
	return version.ReplaceAllString(text, "<version>")
}

// deliverAll sends every delivery and returns the mailboxes and the smart host's messages in a comparable form.
func deliverAll(t *testing.T, s *sink) []string {
	t.Helper()
	for _, f := range feedFiles(t) {
		must(t, os.Remove(f))
	}
	for _, u := range users {
		if err := os.Truncate("/var/mail/"+u, 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	for _, d := range deliveries {
		send(t, d.from, d.sender, d.rcpt, strings.TrimSuffix(d.content, "\r\n"))
	}
	// you: three, user2 and user4: one each; the smart host: two
	eventually(t, "every message has arrived", func() bool {
		n := len(feedFiles(t))
		for _, u := range users {
			box, _ := os.ReadFile("/var/mail/" + u)
			n += strings.Count(string(box), "\nReturn-Path:")
		}
		return n == 7
	})
	m := s.next(t)
	got := []string{fmt.Sprintf("sink: from <%s> to <%s>\n%s", m.from, m.to, comparable(m.text))}
	for _, u := range users {
		box, err := os.ReadFile("/var/mail/" + u)
		must(t, err)
		for _, m := range strings.Split("\n"+string(box), "\nFrom ")[1:] {
			got = append(got, u+": "+comparable(m))
		}
	}
	for _, f := range feeds(t) {
		got = append(got, "smtpfeed: "+comparable(f))
	}
	slices.Sort(got)
	return got
}

// TestDeliveredAsTheOriginal sends the same mail through both servers: what arrives must be the same but for
// identifiers and dates.
func TestDeliveredAsTheOriginal(t *testing.T) {
	inArena(t, prepareSeed, func(t *testing.T, w world) {
		oracletest.Root(t)
		installSeed(t, w)
		s := newSink(t)
		run(t, "", w.path("bin/sendmail"), "-bi")
		ours := startOurs(t, w)
		got := deliverAll(t, s)
		ours.stop()
		logged := takeLog(t, w)
		originalTables(t)
		takeLog(t, w)
		d := start(t, "127.0.0.1:25", originalDaemon(t))
		want := deliverAll(t, s)
		d.stop()
		compareLogs(t, logged, takeLog(t, w))
		if len(got) != len(want) {
			t.Fatalf("%d messages, the original delivers %d:\n%q\n%q", len(got), len(want), got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("ours:\n%s\noriginal:\n%s", got[i], want[i])
			}
		}
	})
}

var (
	logHead  = regexp.MustCompile(`^<\d+>\w+ +\d+ [\d:]+ (sendmail)\[\d+\]: `)
	logTimes = regexp.MustCompile(`\bpri=\d+|delay=\d\d:\d\d:\d\d|\b20\d{10}\b`)
)

// takeLog returns the lines from= and to= that were logged since the last call, without what differs from run to run.
func takeLog(t *testing.T, w world) []string {
	t.Helper()
	text := wholeLog(t, w)
	must(t, os.Truncate(w.path("log"), 0))
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(logHead.ReplaceAllString(line, "$1: "))
		line = queueID.ReplaceAllString(logTimes.ReplaceAllString(line, "<time>"), "<id>")
		if strings.Contains(line, "from=") || strings.Contains(line, "to=") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func compareLogs(t *testing.T, got, want []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("the original logs %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("ours logs         %s", line)
		}
	}
}

func originalDaemon(t *testing.T) *exec.Cmd {
	return oracletest.Sendmail(t, "-bD", "-C", "/etc/mail/original.cf")
}
