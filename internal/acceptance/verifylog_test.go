package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"gosendmail/internal/oracletest"
)

// verified are arguments of -bv.
var verified = []string{
	"nosuch", "bob", "nosuch@mail.example.test", "far@remote.test", `"bob`, "<bob", "(bob", "bob)", "bob,nosuch", "@",
	"a b", "", "x@nodomain.invalid", "|/bin/true", "/etc/passwd", ":include:/etc/mail/list", "bob nosuch", "bob@",
	"b@[127.0.0.1", "b@c@d", "wrong", "missing", "\x01",
}

// TestVerifyAsTheOriginal holds what -bv prints of addresses, its exit status, and what the log has of it then.
func TestVerifyAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/mail/aliases", "wrong: :include:/etc/mail/list\nmissing: :include:/nonexistent\n")
		write(t, "/etc/mail/list", "bob\nnosuch\n")
		processSite(t, w, func(cf string) string { return cf })
		ask := func(level, arg string, sendmail func(...string) *exec.Cmd) string {
			wholeLog(t, w) // what is under way there comes first
			must(t, os.Truncate(w.path("log"), 0))
			out := outputOf(sendmail("-C"+w.path("log.cf"), "-OLogLevel="+level, "-bv", arg), "")
			return out + verifyMask.ReplaceAllString(wholeLog(t, w), "")
		}
		ours := func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) }
		original := func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) }
		got := map[string]string{}
		for _, arg := range verified {
			got[arg] = ask("9", arg, ours)
		}
		levels := map[string]string{}
		for _, level := range []string{"0", "3", "4", "5", "6"} {
			levels[level] = ask(level, "nosuch", ours)
		}
		must(t, os.RemoveAll("/etc/mail/aliases.db"))
		outputOf(original("-C"+w.path("log.cf"), "-bi"), "")
		for _, arg := range verified {
			if want := ask("9", arg, original); got[arg] != want {
				t.Errorf("%q:\nours:\n%soriginal:\n%s", arg, got[arg], want)
			}
		}
		for level, said := range levels {
			if want := ask(level, "nosuch", original); said != want {
				t.Errorf("LogLevel %s:\nours:\n%soriginal:\n%s", level, said, want)
			}
		}
	})
}

var verifyMask = regexp.MustCompile(`(?m)^<(\d+)>.*?: \w{14}: |^<.* at \d+\n`)
