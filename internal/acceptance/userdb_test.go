package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

var (
	localMailer = regexp.MustCompile(`(?m)^Mlocal,\s*P=[^,]*, F=`)
	esmtpFlags  = regexp.MustCompile(`(?m)^(Mesmtp,\s*P=[^,]*, F=)`)
	addressed   = regexp.MustCompile(`(?m)^(?:Return-Path|From|To|Cc):.*\n`)
)

// TestUserDatabaseNames compares what F=i and F=j make of the sender and the recipients in a message with what the
// original does.
func TestUserDatabaseNames(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		got := w.path("got")
		write(t, w.path("deliver"), "#!/bin/sh\ncat >"+got+"\n")
		must(t, os.Chmod(w.path("deliver"), 0o755))
		must(t, os.Chmod(string(w), 0o777))
		local, esmtp := "", ""
		site := func() {
			processSite(t, w, func(cf string) string {
				cf = localMailer.ReplaceAllString(cf, "Mlocal, P="+w.path("deliver")+", F="+local)
				return esmtpFlags.ReplaceAllString(cf, "${1}"+esmtp) + "O UserDatabaseSpec=/etc/mail/users.db\n"
			})
		}
		site()
		makemap := oracletest.Command(t, "usr/sbin/makemap", "-C", w.path("log.cf"), "btree", "/etc/mail/users")
		makemap.Stdin = strings.NewReader("alice:mailname Alice.L@corp.test\nbob:maildrop bob2@y.test\n:default:mailname dflt.test\ncarol:mailname Carol.C\n")
		if out, err := makemap.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		changed := 0
		for _, flags := range [][2]string{{"", ""}, {"i", ""}, {"j", ""}, {"ij", ""}, {"", "ij"}} {
			local, esmtp = flags[0], flags[1]
			site()
			for _, from := range []string{"alice", "bob", "carol", "alice@mail.example.test", "root", "a@x.test"} {
				text := "From: " + from + "\nTo: alice, Bob <bob>, BOB\nCc: bob, carol@mail.example.test, x@y.test,\n  Carol\n\nx\n"
				var results [2]string
				for i, sendmail := range []*exec.Cmd{
					oracletest.Command(t, "usr/libexec/sendmail/sendmail", "-C"+w.path("log.cf"), "-odi", "-i", "-f", from, "root"),
					exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-odi", "-i", "-f", from, "root"),
				} {
					os.Remove("/etc/mail/aliases.db")
					os.Remove(got)
					sendmail.Stdin = strings.NewReader(text)
					sendmail.CombinedOutput() // without an aliases file of its own each complains in its way
					box, err := os.ReadFile(got)
					must(t, err)
					results[i] = strings.Join(addressed.FindAllString(string(box), -1), "")
				}
				if results[0] != results[1] {
					t.Errorf("local F=%s, esmtp F=%s, from %s\nours:\n%s\noriginal:\n%s", local, esmtp, from, results[1], results[0])
				}
				if strings.Contains(results[0], "Alice.L@corp.test") {
					changed++
				}
			}
		}
		if changed == 0 {
			t.Error("the original changed no address")
		}
	})
}
