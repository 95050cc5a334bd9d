package acceptance

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestIdentityOfPrograms holds who a program is, with all its groups, when an alias, a .forward or a list names it,
// with U= of the mailer and with DontInitGroups, beside the original.
func TestIdentityOfPrograms(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		groups, err := os.OpenFile("/etc/group", os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = groups.WriteString("extra:x:3000:alice,mailnull\nmore:x:3001:alice\n")
		must(t, err)
		must(t, groups.Close())
		must(t, os.Mkdir("/home/out", 0o777))
		must(t, os.Chmod("/home/out", 0o777))
		program := func(name string) string { return `"|(id -u; id -ru; id -g; id -G) >/home/out/` + name + ` 2>&1"` }
		write(t, "/home/alice/.forward", program("forward")+"\n")
		write(t, "/home/alice/list", program("list")+"\n")
		for _, f := range []string{"/home/alice/.forward", "/home/alice/list"} {
			must(t, os.Chown(f, 2001, 2001))
		}
		write(t, "/home/roots", program("roots")+"\n")
		prog := func(cf, field string) string { return strings.Replace(cf, "Mprog,", "Mprog, "+field+",", 1) }
		for name, edit := range map[string]func(string) string{
			"plain":           func(cf string) string { return cf },
			"DontInitGroups":  func(cf string) string { return cf + "O DontInitGroups=True\n" },
			"DefaultUser=1:1": func(cf string) string { return cf + "O DefaultUser=1:1\n" },
			"DefaultUser=bob": func(cf string) string { return cf + "O DefaultUser=bob\n" },
			"RunAsUser=smmta": func(cf string) string { return cf + "O RunAsUser=smmta\n" },
			"RunAsUser=smmta safe": func(cf string) string {
				return cf + "O RunAsUser=smmta\nO DontBlameSendmail=NonRootSafeAddr\n"
			},
			"without F=o": func(cf string) string { return strings.Replace(cf, "F=lsDFMoqeu9", "F=lsDFMqeu9", 1) },
			"F=S with U=alice": func(cf string) string {
				return prog(strings.Replace(cf, "F=lsDFMoqeu9", "F=lsDFMoqeu9S", 1), "U=alice")
			},
		} {
			processSite(t, w, func(cf string) string { return cf })
			run(t, "", "cp", w.path("log.cf"), w.path("plain.cf"))
			write(t, "/etc/mail/aliases", "postmaster: root\na: "+program("alias")+"\nl: :include:/home/alice/list\nr: :include:/home/roots\n")
			cf, err := os.ReadFile(w.path("plain.cf"))
			must(t, err)
			write(t, w.path("log.cf"), edit(string(cf)))
			owner := 0
			if strings.HasPrefix(name, "RunAsUser") {
				owner = 116
			}
			must(t, os.Chown("/var/spool/mqueue", owner, 0))
			var results [2]string
			for i, sendmail := range []func(...string) *exec.Cmd{
				func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) },
				func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) },
			} {
				clearQueue(t)
				must(t, os.RemoveAll("/etc/mail/aliases.db"))
				if out, err := sendmail("-C"+w.path("plain.cf"), "-bi").CombinedOutput(); err != nil {
					t.Fatalf("newaliases: %v\n%s", err, out)
				}
				must(t, os.Chown("/etc/mail/aliases.db", owner, 0))
				for _, f := range []string{"alias", "list", "roots", "forward"} {
					must(t, os.RemoveAll("/home/out/"+f))
				}
				cmd := sendmail("-C"+w.path("log.cf"), "-odi", "-fx@remote.test", "a", "l", "r", "alice")
				cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
				_, _ = cmd.CombinedOutput()
				for _, f := range []string{"alias", "list", "roots", "forward"} {
					text, err := os.ReadFile("/home/out/" + f)
					if err != nil {
						text = []byte("did not run")
					}
					results[i] += f + ": " + strings.Join(strings.Fields(string(text)), " ") + "\n"
				}
			}
			if results[0] != results[1] {
				t.Errorf("%s:\nours:\n%soriginal:\n%s", name, results[0], results[1])
			}
		}
	})
}
