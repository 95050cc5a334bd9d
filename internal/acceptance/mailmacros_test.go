package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestMacrosOfMailAsTheOriginal holds macros that rules see at MAIL and RCPT beside the original's, for senders of all
// forms: {mail_from}, which FEATURE(delay_checks) of Debian looks at, and {daemon_info}. The original's {bodytype} and
// {queue_interval} are empty then.
func TestMacrosOfMailAsTheOriginal(t *testing.T) {
	senders := []string{"<a@good.client.test>", "a@good.client.test", "<>", `<"q r"@good.client.test>`,
		"<A@Good.Client.Test>", "<@remote.test:a@good.client.test>", "(c) <a@good.client.test>",
		"<a@good.client.test> SIZE=3", "<a@good.client.test> BODY=8BITMIME", "<a@good.client.test> body=7bit",
		"<alice>",
		"Full Name <a@good.client.test>", "<a%b@good.client.test>", "<a@[127.0.0.1]>"}
	mentions := regexp.MustCompile(`(?:mail|rcpt)\.is.*`)
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string {
			const seen = "is $&{mail_from} body $&{bodytype} daemon $&{daemon_info} runs $&{queue_interval} $) $1\n"
			return cf + "\nKnote syslog -D -LNOTICE\nSLocal_check_mail\nR$*\t$: $(note mail " + seen +
				"SLocal_check_rcpt\nR$*\t$: $(note rcpt " + seen
		})
		notes := func(program *exec.Cmd) (list []string) {
			must(t, os.Truncate(w.path("log"), 0))
			var in strings.Builder
			for _, s := range senders {
				in.WriteString("MAIL FROM:" + s + "\r\nRCPT TO:<alice>\r\nRSET\r\n")
			}
			program.Stdin = strings.NewReader(in.String() + "QUIT\r\n")
			out, err := program.Output()
			must(t, err)
			if !strings.Contains(string(out), "\n221 ") {
				t.Fatalf("%s", out)
			}
			return mentions.FindAllString(wholeLog(t, w), -1)
		}
		daemonNotes := func(program *exec.Cmd) []string {
			d := start(t, "127.0.0.1:25", program)
			must(t, os.Truncate(w.path("log"), 0))
			dialogue(t, "127.0.2.8", "HELO good.client.test", "MAIL FROM:<a@good.client.test>", "RCPT TO:<alice>",
				"QUIT")
			list := mentions.FindAllString(wholeLog(t, w), -1)
			d.stop()
			return list
		}
		all := func(sendmail func(...string) *exec.Cmd) []string {
			must(t, os.RemoveAll("/etc/mail/aliases.db"))
			cf := "-C" + w.path("log.cf")
			outputOf(sendmail(cf, "-bi"), "")
			list := notes(sendmail(cf, "-bs"))
			for _, flags := range [][]string{{"-bD"}, {"-bD", "-q15m"}, {"-bD", "-q1d2h"}} {
				list = append(list, daemonNotes(sendmail(append(flags, cf)...))...)
			}
			return list
		}
		ours := all(func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
		original := all(func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		if len(original) < len(senders) {
			t.Errorf("the original notes only %q", original)
		}
		if a, b := strings.Join(ours, "\n"), strings.Join(original, "\n"); a != b {
			t.Errorf("ours:\n%s\noriginal:\n%s", a, b)
		}
	})
}
