package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/cf"
	"gosendmail/internal/oracletest"
)

// setgidPrograms installs both servers as set-group-ID smmsp programs and returns their paths.
func setgidPrograms(t *testing.T, w world) (ours, original string) {
	t.Helper()
	source := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
	for name, from := range map[string]string{"ours": w.path("bin/sendmail"), "original": source.Path} {
		to := w.path("bin", name, "sendmail")
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		run(t, "", "cp", from, to)
		must(t, os.Chown(to, 0, 126))
		must(t, os.Chmod(to, 0o755|os.ModeSetgid))
	}
	// The loader ignores LD_LIBRARY_PATH for such programs: it gets a cache of its own.
	root := oracletest.Root(t)
	write(t, w.path("ld.conf"), root+"/usr/lib/x86_64-linux-gnu\n"+root+"/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n")
	run(t, "", "/sbin/ldconfig", "-X", "-f", w.path("ld.conf"), "-C", w.path("ld.cache"))
	run(t, "", "mount", "--bind", w.path("ld.cache"), "/etc/ld.so.cache")
	return w.path("bin/ours/sendmail"), w.path("bin/original/sendmail")
}

// submissionSite gives the arena a submit.cf and a sendmail.cf, and run.cf, which is the latter with RunAsUser.
func submissionSite(t *testing.T, w world) {
	t.Helper()
	processSite(t, w, func(cf string) string { return cf })
	text, err := os.ReadFile(w.path("log.cf"))
	must(t, err)
	write(t, "/etc/mail/sendmail.cf", string(text))
	write(t, "/etc/mail/run.cf", string(text)+"O RunAsUser=smmta\n")
	must(t, os.Chown("/var/spool/mqueue", 116, 125))
	m4 := oracletest.M4(t)
	m4.Stdin = strings.NewReader("divert(-1)include(`" + oracletest.Tree(t) + "/m4/cf.m4')divert(0)dnl\nOSTYPE(`linux')dnl\n" +
		"define(`confDOMAIN_NAME',`mail.example.test')dnl\nFEATURE(`msp',`[127.0.0.1]')dnl\n")
	msp, err := m4.Output()
	must(t, err)
	write(t, "/etc/mail/submit.cf", strings.Replace(string(msp), "O DeliveryMode=i", "O DeliveryMode=q", 1))
}

// asAlice makes a command one that alice gives.
func asAlice(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 2001, Gid: 2001}}
	cmd.Dir = "/"
	return cmd
}

// abbreviation is the shortest beginning of an option's name that only it has.
func abbreviation(name string) string {
	for n := 1; n < len(name); n++ {
		sharing := 0
		for _, d := range cf.Options() {
			if len(d.Name) >= n && strings.EqualFold(d.Name[:n], name[:n]) {
				sharing++
			}
		}
		if sharing == 1 {
			return name[:n]
		}
	}
	return name
}

// userCommands are command lines for an ordinary user: every flag, every option by name, by its shortest abbreviation
// and by its letter, every mode alone, with each configuration, and with options that keep and lose rights.
func userCommands() (list []string) {
	for _, d := range cf.Options() {
		list = append(list, "-O"+d.Name+"=1 bob", "-O"+abbreviation(d.Name)+"=1 bob")
		if d.Letter != 0 {
			list = append(list, fmt.Sprintf("-o%c1 bob", d.Letter))
		}
	}
	for _, flag := range []string{"", "-c", "-G", "-I", "-i", "-m", "-n", "-s", "-t", "-v", "-B7BIT", "-C/etc/mail/submit.cf", "-D/tmp/d", "-d0.1", "-em",
		"-Fx", "-fx@y.test", "-rx@y.test", "-h3", "-Ltag", "-Mr1", "-Ms1", "-Mx1", "-M{r}1", "-M{rx}1", "-oMr1", "-oMx1", "-Nnever", "-pSMTP:h", "-Rfull",
		"-Vx", "-X/dev/null", "-T3d", "-ONoSuch=1", "-OQueue=1", "-gosendmail-deliver", "-qIx", "-qRx", "-qSx", "-qGx", "-q!Ix", "-qf", "-q", "-q1h", "-qp1h",
		"-Qx -qIx"} {
		list = append(list, flag+" bob")
	}
	for _, mode := range "amdDiIhHpPstvC" {
		for _, more := range []string{"", "-Ac", "-Am", "-OLogLevel=5", "-OQueueDi=/tmp", "-ODaemonP=Port=2525", "-Mx1", "-q1h", "-q -Ac"} {
			list = append(list, fmt.Sprintf("-b%c %s", mode, more))
		}
	}
	return list
}

// keepsLess are the modes in which our program gives up rights that the original keeps until it ends, or refuses the
// call.
func keepsLess(line string) bool {
	for _, mode := range []string{"-bd", "-bD", "-bi", "-bI", "-bh", "-bH", "-bC", "-I "} {
		if strings.HasPrefix(line, mode) {
			return true
		}
	}
	return false
}

// TestRightsBesideTheOriginal traces what rights a set-group-ID program has left when it ends, for every flag, option
// and mode that a user may think of. Never does ours keep what the original gives up, and it gives up no more except
// where keepsLess says so.
func TestRightsBesideTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, original := setgidPrograms(t, w)
		lines := userCommands()
		for _, line := range lines {
			want := traceToEnd(t, func() *exec.Cmd { return asAlice(exec.Command(original, words(line)...)) })
			got := traceToEnd(t, func() *exec.Cmd { return asAlice(exec.Command(ours, words(line)...)) })
			less := keepsLess(line) || strings.Contains(want.out, "unknown option name") && !strings.Contains(got.out, "unknown option name")
			if got.uids != "2001 2001 2001 2001" || got.gids != want.gids && !(less && effective(got.gids) == "2001") {
				t.Errorf("sendmail %s: ends with uids %s, gids %s (exit %d: %s), the original with gids %s (exit %d: %s)",
					line, got.uids, got.gids, got.exit, got.out, want.gids, want.exit, want.out)
			}
		}
		t.Logf("%d command lines", len(lines))
	})
}

// TestRightsOfRoot traces whose rights the program has when it ends that root called: RunAsUser's in every mode but
// -bt, -bi and those that bind sockets, with the submission program's configuration too.
func TestRightsOfRoot(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, original := setgidPrograms(t, w)
		for _, line := range []string{"bob", "-bp", "-bP", "-bs", "-q", "-qf", "-qIx", "-qRx", "-bt", "-bv bob", "-bh", "-bH", "-bC", "-Qx -qIx", "-odi bob",
			"-odb bob", "-odq bob"} {
			for _, which := range []string{"-C/etc/mail/run.cf", "-Ac"} {
				if which == "-Ac" && strings.HasPrefix(line, "-bt") {
					continue // no rules to test
				}
				args := append([]string{which}, words(line)...)
				want := traceToEnd(t, func() *exec.Cmd { return exec.Command(original, args...) })
				got := traceToEnd(t, func() *exec.Cmd { return exec.Command(ours, args...) })
				if effective(got.uids) != effective(want.uids) || effective(got.gids) != effective(want.gids) {
					t.Errorf("sendmail %s %s: ends with uids %s, gids %s (exit %d: %s), the original with uids %s, gids %s (exit %d: %s)", which, line,
						got.uids, got.gids, got.exit, got.out, want.uids, want.gids, want.exit, want.out)
				}
			}
		}
	})
}

// TestWhoMayOperate holds what only those may do whom the site trusts, and what others are answered.
func TestWhoMayOperate(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, original := setgidPrograms(t, w)
		answer := func(program, line, user string) string {
			must(t, os.Truncate(w.path("log"), 0))
			cmd := exec.Command(program, words(line)...)
			if user == "alice" {
				asAlice(cmd)
			}
			out, _ := cmd.CombinedOutput()
			_, attempt, _ := strings.Cut(wholeLog(t, w), "attempted")
			// A daemon of the original speaks SMTP already.
			return fmt.Sprintf("exit %d: %s; log: %s", cmd.ProcessState.ExitCode(), strings.TrimSpace(strings.TrimPrefix(string(out), "550 ")), strings.TrimSpace(attempt))
		}
		for _, c := range []struct{ user, line string }{
			{"alice", "-bd"}, {"alice", "-bD"}, {"alice", "-bd -Ac"}, {"alice", "-bD -Ac"}, {"root", "-bd -Ac"}, {"root", "-bD -Ac"}, {"alice", "-bi"},
			{"alice", "-bi -Ac"}, {"alice", "-bH"}, {"alice", "-q1h"}, {"alice", "-q1h -Ac"}, {"alice", "-qp1h -Ac"}, {"alice", "-Qx -qIx"},
			{"alice", "-bD -ODaemonP=Port=2525"}, {"alice", "-bd -q1h"}, {"alice", "-q -Ac"},
		} {
			if got, want := answer(ours, c.line, c.user), answer(original, c.line, c.user); got != want {
				t.Errorf("%s: sendmail %s:\nours:     %s\noriginal: %s", c.user, c.line, got, want)
			}
		}
	})
}

// TestRootReadsTablesOfTrustedUser: newaliases gives the data base to TrustedUser and root's group. Root reads it with
// a set-group-ID program, too, for the modes that keep the program's group.
func TestRootReadsTablesOfTrustedUser(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, original := setgidPrograms(t, w)
		write(t, "/etc/mail/aliases", "zork: alice\n")
		must(t, os.Remove("/etc/mail/aliases.db")) // the original makes its own
		run(t, "", original, "-bi")
		must(t, os.Chown("/etc/mail/aliases.db", 116, 0))
		must(t, os.Chmod("/etc/mail/aliases.db", 0o640))
		answer := func(program string) string {
			out, err := exec.Command(program, "-bv", "zork").CombinedOutput()
			return fmt.Sprintf("%s (%v)", out, err)
		}
		if got, want := answer(ours), answer(original); got != want || !strings.Contains(want, "alice") {
			t.Errorf("ours:     %s\noriginal: %s", got, want)
		}
	})
}
