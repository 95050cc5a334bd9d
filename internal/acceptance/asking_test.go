package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// nslookup answers as the one of 1997, whose words the script expn understands.
const nslookup = `#!/bin/sh
read x; read name
case $name in
	list.test) echo "$name preference = 20, mail exchanger = other.test"; echo "$name preference = 10, mail exchanger = mail.example.test";;
	dead.test) ;;
	*) echo "** server can't find $name: Non-existent domain";;
esac
`

var (
	enhanced  = regexp.MustCompile(`(?m)(^\t?|250[- ])2\.\d\.\d `)
	queueRun  = regexp.MustCompile(`\b25[0123] .*(?:[Qq]ueu|pending).*`)
	scriptsAt = regexp.MustCompile(` at \S+ line \d+\.`)
)

// asked is what etrn or expn said, without the time and the name of the server in greetings, which both print as they
// came.
func asked(out string) string {
	var lines []string
	for l := range strings.Lines(strings.ReplaceAll(out, "\r", "")) {
		if !strings.HasPrefix(l, "220 ") && !strings.HasPrefix(l, "221 ") && !strings.HasPrefix(l, "Unknown option: ") {
			lines = append(lines, l)
		}
	}
	text := scriptsAt.ReplaceAllString(enhanced.ReplaceAllString(strings.Join(lines, ""), "$1"), "")
	return queueRun.ReplaceAllString(text, "QUEUE RUN")
}

// TestEtrnAndExpn runs the original's scripts and our programs against the original's daemon and ours.
func TestEtrnAndExpn(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		write(t, w.path("zone"), "mail.example.test. A 127.0.0.1\n1.0.0.127.in-addr.arpa. PTR mail.example.test.\nlist.test. MX 20 other.test.\nlist.test. MX 10 mail.example.test.\nother.test. A 127.0.0.9\ndead.test. A 127.0.0.9\n")
	}, func(t *testing.T, w world) {
		mended(t, w)
		write(t, "/etc/mail/aliases", "postmaster: root\nlist: alice, bob, x@dead.test, y@gone.test, sub\nsub: carol, z@list.test, \"|/bin/cat\", /tmp/file\none: alice\nloop: loop@mail.example.test\n")
		processSite(t, w, func(cf string) string {
			return strings.ReplaceAll(cf, "PrivacyOptions=", "PrivacyOptions=#") + "O AliasFile=/etc/mail/aliases\nCwfirst.test localhost\nFw/etc/mail/local-host-names\n"
		})
		write(t, "/etc/mail/local-host-names", "# ours\nsecond.test\nthird.test\n")
		run(t, "", "cp", w.path("log.cf"), "/etc/mail/sendmail.cf")
		write(t, w.path("tools/nslookup"), nslookup)
		run(t, "", "chmod", "755", w.path("tools/nslookup"))
		calls := []string{"etrn 127.0.0.1 a.test", "etrn -v 127.0.0.1 a.test @b.test #c", "etrn -v localhost", "etrn -bv mail.example.test one.test", "etrn 127.0.0.9 x", "etrn nowhere.test x", "etrn", "etrn -x",
			"expn alice", "expn one bob@mail.example.test", "expn list", "expn -v list", "expn -a list", "expn -aa list", "expn -av list", "expn -1 list", "expn -11v list", "expn -w nobody", "expn -v z@list.test",
			"expn y@gone.test", "expn x@dead.test", "expn -v loop", "expn -aav x@dead.test y@gone.test", "expn", "expn -x a", "expn alice@mail", "expn mail.example.test!alice", "expn <alice>", "expn -w one -v"}
		for _, sendmail := range []func(...string) *exec.Cmd{
			func(args ...string) *exec.Cmd { return oracletest.Command(t, "usr/libexec/sendmail/sendmail", args...) },
			func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) },
		} {
			os.Remove("/etc/mail/aliases.db") // the other's
			if out, err := sendmail("-bi", "-C"+w.path("log.cf")).CombinedOutput(); err != nil {
				t.Fatalf("newaliases: %v\n%s", err, out)
			}
			server := sendmail("-bD", "-C"+w.path("log.cf"))
			d := start(t, "127.0.0.1:25", server)
			for _, c := range calls {
				words := strings.Fields(c)
				script := w.path("scripts", words[0])
				theirs := exec.Command("perl", append([]string{script}, words[1:]...)...)
				theirs.Env = []string{"PATH=" + w.path("tools") + ":/usr/bin:/bin"}
				ours := exec.Command(w.path("bin", words[0]), words[1:]...)
				if got, want := spoken(t, ours), strings.ReplaceAll(spoken(t, theirs), script, words[0]); got != want {
					t.Errorf("%s, at %s\nours:\n%s\noriginal:\n%s", c, server.Path, got, want)
				}
			}
			d.stop()
		}
	})
}

// mended copies the scripts, without etrn's pauses, and without two faults of expn, that end it, or lose the host of an
// address, under a Perl of today.
func mended(t *testing.T, w world) {
	t.Helper()
	for from, to := range map[string]string{"usr/sbin/etrn": "etrn", "usr/bin/expn": "expn"} {
		text, err := os.ReadFile(filepath.Join(oracletest.Root(t), from))
		must(t, err)
		mended := strings.Replace(string(text), `$addr = "$addr@$host"`, `$addr = "$addr\@$host"`, 1)
		mended = strings.Replace(mended, "\t\tsleep(1);\n", "", 1)
		mended = strings.Replace(mended, `sysopen(T,`, `unlink("/tmp/expn$$"); sysopen(T,`, 1)
		if to == "expn" && len(mended) != len(text)+len(`\unlink("/tmp/expn$$"); `) {
			t.Fatal("expn is another one than known")
		}
		write(t, w.path("scripts", to), mended)
	}
}

// spoken is what a program prints, and whether it succeeds.
func spoken(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%sstderr:\n%ssuccess: %t", asked(out.String()), asked(errout.String()), cmd.ProcessState.Success())
}
