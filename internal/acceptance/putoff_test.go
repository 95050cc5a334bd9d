package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/oracletest"
)

// TestPutOffByANameServer hands in mail for hosts that the name server does not answer for: both put it off, and say
// the same of it to the user, in the log and in the queue file.
func TestPutOffByANameServer(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "0")
		servfail := slices.IndexFunc(dnstest.Faults(), func(f dnstest.Fault) bool { return f.Name == "servfail" })
		silent, refuses := "u1@"+fmt.Sprintf(dnstest.FaultyMX, servfail), "u2@[127.31.1.1]"
		for _, c := range []struct {
			args  []string // of the command line, or the delivery mode of a daemon and the recipients
			lines int      // in the log, about recipients
		}{
			{[]string{"-odi", silent}, 1}, {[]string{"-odb", silent}, 1}, {[]string{"-odq", silent}, 1}, {[]string{"-odd", silent}, 1},
			{[]string{"-odi", silent, "u3@" + silent[3:]}, 2}, {[]string{"-odi", silent, refuses}, 1},
			{[]string{"-odb", refuses, silent}, 1}, {[]string{"-odq", refuses, silent}, 2}, {[]string{"-odd", refuses, silent}, 2},
			{[]string{"-odi", "-v", silent}, 1}, {[]string{"-odi", "-f" + silent, refuses}, 1}, {[]string{"-odi", "-t"}, 1},
			{[]string{"i", silent}, 1}, {[]string{"b", silent}, 1}, {[]string{"q", silent}, 1}, {[]string{"d", silent}, 1},
			{[]string{"i", silent, refuses}, 1}, {[]string{"b", silent, refuses}, 1}, {[]string{"q", silent, refuses}, 2},
			{[]string{"d", silent, refuses}, 2}, {[]string{"q", refuses}, 1}, {[]string{"d", refuses}, 1},
			{[]string{"q", "root"}, 0}, {[]string{"d", "root"}, 0}, {[]string{"d", "root@mail.example.test"}, 0}, {[]string{"q", "root", refuses}, 0}, {[]string{"d", "u4@good.hostile.test"}, 1}, {[]string{"q", "u4@good.hostile.test"}, 1},
		} {
			hand := func(cmd *exec.Cmd) string {
				must(t, os.RemoveAll("/var/spool/mqueue"))
				must(t, os.Mkdir("/var/spool/mqueue", 0o700))
				must(t, os.Truncate(w.path("log"), 0))
				cmd.Args = append(cmd.Args, "-C"+w.path("hostile.cf"))
				mode := c.args[0]
				queued := strings.ContainsAny(mode[len(mode)-1:], "qd")
				var said string
				if len(mode) == 1 {
					said = putOffBySMTP(t, cmd, mode, c.args[1:])
				} else {
					cmd.Stdin = strings.NewReader("Subject: x\nTo: " + silent + "\n\nx\n")
					said = putOffBy(t, cmd, c.args)
				}
				return said + recipientLines(t, w, c.lines) + controlLines(t, queued)
			}
			got := hand(exec.Command(w.path("bin/sendmail")))
			if want := hand(oracletest.Command(t, "usr/libexec/sendmail/sendmail")); got != want {
				t.Errorf("%q:\nours:\n%soriginal:\n%s", c.args, got, want)
			}
		}
	})
}

// putOffBy hands in a message by a command line.
func putOffBy(t *testing.T, cmd *exec.Cmd, args []string) string {
	t.Helper()
	if !strings.HasPrefix(args[1], "-f") {
		cmd.Args = append(cmd.Args, "-fa@mail.example.test")
	}
	cmd.Args = append(cmd.Args, args...)
	out, err := cmd.CombinedOutput()
	must(t, err)
	return string(out)
}

// putOffBySMTP hands in a message by SMTP to a daemon with a delivery mode.
func putOffBySMTP(t *testing.T, cmd *exec.Cmd, mode string, to []string) string {
	t.Helper()
	cmd.Args = append(cmd.Args, "-bD", "-ODeliveryMode="+mode)
	d := start(t, "127.0.0.1:25", cmd)
	t.Cleanup(d.stop)
	lines := []string{"EHLO x", "MAIL FROM:<a@mail.example.test>"}
	for _, addr := range to {
		lines = append(lines, "RCPT TO:<"+addr+">")
	}
	replies, err := talk("127.0.0.1", "127.0.0.1:25", append(lines, "DATA", "Subject: x\r\n\r\nx\r\n.")...)
	must(t, err)
	d.stop()
	return strings.Join(replies[2:len(replies)-1], "\n") + "\n"
}

// recipientLines waits for so many lines about recipients in the log and returns them.
func recipientLines(t *testing.T, w world, n int) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		log, err := os.ReadFile(w.path("log"))
		must(t, err)
		var text string
		for _, line := range aboutRecipient.FindAllStringSubmatch(string(log), -1) {
			text += varies.ReplaceAllString(line[1], "") + "\n"
		}
		if strings.Count(text, "\n") >= n || time.Now().After(end) {
			return text
		}
	}
}

var (
	aboutRecipient = regexp.MustCompile(`(?m): (to=.*)$`)
	varies         = regexp.MustCompile(`, x?delay=[^,\n]*`)
)

// controlLines is what the queue file says of the recipients: as it is where the message was only to be queued, else
// after the first attempt.
func controlLines(t *testing.T, queued bool) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		names, err := filepath.Glob("/var/spool/mqueue/qf*")
		must(t, err)
		if len(names) != 1 {
			t.Fatalf("%d messages in the queue", len(names))
		}
		control, err := os.ReadFile(names[0])
		must(t, err)
		text := ""
		for line := range strings.Lines(string(control)) {
			if strings.Contains("MRN", line[:1]) {
				text += line
			}
		}
		if queued || strings.HasPrefix(text, "N1\n") || time.Now().After(end) {
			return text
		}
	}
}
