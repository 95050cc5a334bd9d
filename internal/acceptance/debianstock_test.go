package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestDebianStockSite runs the configurations that Debian's packages bring, as they are: a user's mail goes through the
// submission program to the daemon, which takes it, and strangers' mail as well.
func TestDebianStockSite(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		stock := filepath.Join(oracletest.Root(t), "usr/share/sendmail/cf/debian")
		for _, name := range []string{"sendmail", "submit"} {
			text, err := os.ReadFile(filepath.Join(stock, name+".mc"))
			must(t, err)
			write(t, "/etc/mail/"+name+".mc", string(text))
		}
		for _, name := range []string{"m4/dialup.m4", "m4/provider.m4", "access"} {
			write(t, "/etc/mail/"+name, "")
		}
		write(t, "/etc/mail/local-host-names", "mail.example.test\n")
		must(t, os.MkdirAll("/var/spool/mqueue-client", 0o770))
		must(t, os.Chown("/var/spool/mqueue-client", 117, 126))
		must(t, os.Chmod("/var/spool/mqueue-client", 0o770))
		must(t, os.Chdir("/etc/mail"))
		for _, name := range []string{"sendmail", "submit"} {
			write(t, "/etc/mail/"+name+".cf", run(t, "", w.path("bin/mkcf"), name+".mc"))
		}
		run(t, "", w.path("bin/makemap"), "hash", "/etc/mail/access")
		run(t, "", w.path("bin/sendmail"), "-bi")
		start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD"))
		submission := exec.Command(w.path("bin/sendmail"), "-Am", "-C/etc/mail/submit.cf", "-v",
			"bob@mail.example.test")
		submission.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 117, Gid: 126}}
		submission.Stdin = strings.NewReader("Subject: stock\n\nx\n")
		out, err := submission.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Message accepted for delivery") {
			t.Errorf("a user's mail: %v\n%s", err, out)
		}
		replies, err := talk("127.0.2.8", "127.0.0.1:25", "EHLO good.client.test", "MAIL FROM:<>",
			"RCPT TO:<bob@mail.example.test>", "RSET", "MAIL FROM:<x@remote.test>", "RCPT TO:<bob@mail.example.test>",
			"RCPT TO:<y@elsewhere.test>", "QUIT")
		must(t, err)
		for i, want := range map[int]string{3: "250 2.1.5", 6: "250 2.1.5", 7: "550 5.7.1"} {
			if !strings.HasPrefix(replies[i], want) {
				t.Errorf("reply %d: %q, want %s", i, replies[i], want)
			}
		}
	})
}
