package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestMailFromMacroAsTheOriginal holds the macro {mail_from}, which FEATURE(delay_checks) of Debian looks
// at, beside the original's, for senders of all forms.
func TestMailFromMacroAsTheOriginal(t *testing.T) {
	senders := []string{"<a@good.client.test>", "a@good.client.test", "<>", `<"q r"@good.client.test>`,
		"<A@Good.Client.Test>", "<@remote.test:a@good.client.test>", "(c) <a@good.client.test>",
		"<a@good.client.test> SIZE=3", "<alice>",
		"Full Name <a@good.client.test>", "<a%b@good.client.test>", "<a@[127.0.0.1]>"}
	mentions := regexp.MustCompile(`(?:mail|rcpt)\.is.*`)
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string {
			return cf + "\nKnote syslog -D -LNOTICE\nSLocal_check_mail\nR$*\t$: $(note mail is $&{mail_from} $) $1\n" +
				"SLocal_check_rcpt\nR$*\t$: $(note rcpt is $&{mail_from} $) $1\n"
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
		ours := notes(exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bs"))
		original := notes(oracletest.Sendmail(t, "-C"+w.path("log.cf"), "-bs"))
		if len(original) < len(senders) {
			t.Errorf("the original notes only %q", original)
		}
		if a, b := strings.Join(ours, "\n"), strings.Join(original, "\n"); a != b {
			t.Errorf("ours:\n%s\noriginal:\n%s", a, b)
		}
	})
}
