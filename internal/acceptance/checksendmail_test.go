package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestChecksendmailAsTheOriginal runs Debian's checksendmail, which drives address test mode, over both servers.
func TestChecksendmailAsTheOriginal(t *testing.T) {
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skipf("checksendmail is a Perl script: %v", err)
	}
	addresses := []string{"you", "you@host", "you@domain1.com", "root", "a@outside.test", "<a@b.test>", "|prog", "/file", "a%b@host.domain.com", "uu!cp", "# a remark", ""}
	inArena(t, prepareSeed, func(t *testing.T, w world) {
		root := oracletest.Root(t)
		installSeed(t, w)
		originalTables(t)
		text, err := os.ReadFile(filepath.Join(root, "usr/sbin/checksendmail"))
		must(t, err)
		// A Perl of today does not compile the line that walks through the arguments.
		write(t, "script", strings.Replace(string(text), "shift ARGV)", "shift @ARGV)", 1))
		write(t, "addresses", strings.Join(addresses, "\n")+"\n")
		theirs := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
		libraries := theirs.Env[slices.IndexFunc(theirs.Env, func(v string) bool { return strings.HasPrefix(v, "LD_LIBRARY_PATH=") })]
		write(t, "theirs", "#!/bin/sh\nexport "+libraries+"\nexec "+theirs.Path+" \"$@\"\n")
		must(t, os.Chmod("theirs", 0o755))
		for _, flags := range []string{"", "-a", "-d", "-a -d", "-T you@domain1.com"} {
			got, want := checked(t, w.path("bin/sendmail"), flags), checked(t, "/etc/mail/theirs", flags)
			if len(want) < 8 {
				t.Fatalf("%q: the original gives %q", flags, want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q:\n%s", flags, firstDifference(strings.Join(got, "\n"), strings.Join(want, "\n")))
			}
		}
	})
}

// checked runs checksendmail and returns its sections, without what tells the programs apart. Perl gives the mailers in
// no order.
func checked(t *testing.T, program, flags string) []string {
	t.Helper()
	args := append([]string{"script", "-C", "/etc/mail/original.cf", "-b", program}, strings.Fields(flags)...)
	if !strings.Contains(flags, "-T") {
		args = append(args, "-r", "addresses")
	}
	out := run(t, "", append([]string{"perl"}, args...)...)
	out = regexp.MustCompile(`sendmail binary: .*|/tmp/csm\.in\d+`).ReplaceAllString(out, "")
	sections := strings.Split(strings.TrimSpace(out), "\n\n")
	slices.Sort(sections)
	return sections
}
