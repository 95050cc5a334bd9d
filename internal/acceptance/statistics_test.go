package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// countedMail is mail of all fates: client, sender, recipient.
var countedMail = [][3]string{
	{"127.0.0.1", "a@mx1.remote.test", "alice@mail.example.test"},
	{"127.0.0.1", "a@mx1.remote.test", "two@mail.example.test"},
	{"127.0.0.1", "a@mx1.remote.test", "ok@mail.example.test"},
	{"127.0.0.1", "alice@mail.example.test", "x@mx1.remote.test"},
	{"127.0.0.1", "a@mx1.remote.test", "bad@mx1.remote.test"},
	{"127.0.0.1", "alice@mail.example.test", "later@mx1.remote.test"},
	{"127.0.2.8", "spam@remote.test", "alice@mail.example.test"},
	{"127.0.2.8", "held@remote.test", "alice@mail.example.test"},
	{"127.0.2.8", "gone@remote.test", "alice@mail.example.test"},
	{"127.0.2.8", "late@remote.test", "alice@mail.example.test"},
	{"127.0.2.8", "a@remote.test", "x@elsewhere.test"},
	{"127.0.2.8", "a@remote.test", "nosuchuser@mail.example.test"},
	{"127.0.3.3", "a@remote.test", "alice@mail.example.test"},
	{"127.0.3.4", "a@remote.test", "alice@mail.example.test"},
}

// count lets a daemon take that mail and returns the file of statistics without its time and the connections made.
func count(t *testing.T, w world, sendmail func(args ...string) *exec.Cmd) []byte {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	clearQueue(t)
	write(t, w.path("statistics"), "")
	if out, err := sendmail("-C"+w.path("log.cf"), "-bi").CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v\n%s", err, out)
	}
	d := start(t, "127.0.0.1:25", sendmail("-bD", "-C"+w.path("log.cf")))
	for i, m := range countedMail {
		// what is refused ends the dialogue sooner
		talk(m[0], "127.0.0.1:25", "EHLO client.test", "MAIL FROM:<"+m[1]+">", "RCPT TO:<"+m[2]+">", "DATA",
			fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@example.test>\r\n\r\n%s.", i, i, strings.Repeat("line of text\r\n", 100)), "QUIT")
	}
	settled(t, w)
	d.stop()
	data, err := os.ReadFile(w.path("statistics"))
	must(t, err)
	if len(data) < 16 {
		t.Fatalf("%d bytes of statistics", len(data))
	}
	copy(data[8:16], make([]byte, 8))
	copy(data[32:40], make([]byte, 8)) // connections made: ours serve for more than one message
	return data
}

// TestStatisticsAsTheOriginal holds the file of statistics after the same mail, and both mailstats on it.
func TestStatisticsAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/mail/access", logAccess)
		write(t, "/etc/mail/local-host-names", "")
		write(t, "/etc/mail/aliases", logAliases)
		serveLogPeer(t, "127.0.1.1:25", "250-ENHANCEDSTATUSCODES\r\n")
		logConfig(t, w)
		want := count(t, w, func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		got := count(t, w, func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
		for name, data := range map[string][]byte{"ours": got, "original": want} {
			write(t, w.path(name), string(data))
		}
		if !bytes.Equal(got, want) {
			for _, name := range []string{"ours", "original"} {
				out, _ := oracletest.Command(t, "usr/libexec/sendmail/mailstats", "-C", w.path("log.cf"), "-f", w.path(name)).CombinedOutput()
				t.Errorf("%s:\n%s", name, out)
			}
		}
		now := regexp.MustCompile(`(?m)^(0 )\d+$|Statistics from .*`) // an empty file begins now
		write(t, w.path("empty"), "")
		write(t, w.path("damaged"), "something else in here")
		write(t, w.path("cut"), string(want[:1000]))
		for _, flags := range []string{"", "-P", "-o", "-oP", "-f " + w.path("empty"), "-f " + w.path("damaged"), "-f " + w.path("cut"), "-f /nonexistent", "-c", "-C /nonexistent", "-x", "more", "-p", ""} {
			var printed [2]string
			for i, name := range []string{"ours", "original"} {
				args := append(strings.Fields("-C "+w.path("log.cf")+" -f "+w.path(name)), strings.Fields(flags)...)
				cmd := exec.Command(w.path("bin/mailstats"), args...)
				if i == 1 {
					cmd = oracletest.Command(t, "usr/libexec/sendmail/mailstats", args...)
				}
				out, _ := cmd.CombinedOutput()
				text := strings.NewReplacer(cmd.Args[0]+":", "mailstats:", w.path(name), "FILE").Replace(string(out))
				printed[i] = now.ReplaceAllString(text, "<now>") + fmt.Sprintf("exit %d", cmd.ProcessState.ExitCode())
			}
			if printed[0] != printed[1] {
				t.Errorf("mailstats %s:\nours:\n%s\noriginal:\n%s", flags, printed[0], printed[1])
			}
		}
	})
}
