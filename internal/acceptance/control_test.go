package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// controlHelp is a help file with a topic for the control socket.
const controlHelp = "smtp\tcommands\ncontrol\tHelp for smcontrol:\ncontrol\thelp\t\tThis message.\n"

var (
	figures  = regexp.MustCompile(`\b\d{2,}\b`)
	averages = regexp.MustCompile(`Load average: \d+|(?m)^L:\d+`)
)

// withoutFigures leaves out what differs from one moment to the next.
func withoutFigures(out []byte) string {
	text := averages.ReplaceAllString(strings.ReplaceAll(string(out), "\r", ""), "LOAD")
	return figures.ReplaceAllString(text, "N")
}

// TestControlSocket gives the same commands over the control sockets of the original and of ours, with the original's
// smcontrol, and with ours.
func TestControlSocket(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		root := oracletest.Root(t)
		write(t, "/etc/mail/helpfile", controlHelp)
		processSite(t, w, func(cf string) string {
			return cf + "O ControlSocketName=/run/control\nO HelpFile=/etc/mail/helpfile\nO MaxDaemonChildren=7\nO Timeout.control=5s\n"
		})
		script := filepath.Join(root, "usr/share/sendmail/smcontrol.pl")
		original := oracletest.Command(t, "usr/libexec/sendmail/sendmail", "-bD", "-C"+w.path("log.cf"))
		ask := func(command string) string {
			out, _ := exec.Command("perl", script, "-f", "/run/control", command).CombinedOutput()
			lines := strings.SplitAfter(withoutFigures(out), "\n")
			for i, l := range lines {
				if strings.Contains(l, "console socket child") { // a process of its own there
					lines[i] = ""
				}
			}
			return strings.Join(lines, "")
		}
		commands := []string{"status", "help", "restart", "status", "bogus"}
		var want []string
		theirs := start(t, "127.0.0.1:25", original)
		for _, c := range commands {
			eventually(t, c, func() bool { _, err := os.Stat("/run/control"); return err == nil })
			want = append(want, ask(c))
		}
		ask("shutdown")
		eventually(t, "the original ends", func() bool { _, err := os.Stat("/run/control"); return err != nil })
		theirs.stop()
		ours := start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		for i, c := range commands {
			eventually(t, c, func() bool { _, err := os.Stat("/run/control"); return err == nil })
			if got := ask(c); got != want[i] {
				t.Errorf("%s: ours:\n%s\noriginal:\n%s", c, got, want[i])
			}
		}
		tool := w.path("bin/smcontrol")
		if out, err := exec.Command(tool, "-C", w.path("log.cf"), "status").CombinedOutput(); err != nil || withoutFigures(out) != want[0] {
			t.Errorf("smcontrol status: %v\n%s\noriginal:\n%s", err, out, want[0])
		}
		if out := run(t, "", tool, "-f", "/run/control", "mstat"); !strings.Contains(out, "C:0\r\nM:7\r\n") || !strings.Contains(out, fmt.Sprintf("P:%d accepting connections", ours.cmd.Process.Pid)) {
			t.Errorf("mstat: %q", out)
		}
		if out := run(t, "", tool, "-f", "/run/control", "shutdown"); out != "OK\r\n\n" {
			t.Errorf("shutdown: %q", out)
		}
		if err := <-ours.done; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat("/run/control"); err == nil {
			t.Error("the socket is left")
		}
		if out, err := exec.Command(tool, "-f", "/run/control", "status").CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "Daemon Status: Sendmail does not appear to be running.") {
			t.Errorf("nobody there: %v %s", err, out)
		}
	})
}

// TestControlSocketInOpenFolder has a daemon serve without a socket that others could put theirs in the place of.
func TestControlSocketInOpenFolder(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		must(t, os.Mkdir("/run/open", 0o777))
		must(t, os.Chmod("/run/open", 0o777))
		processSite(t, w, func(cf string) string { return cf + "O ControlSocketName=/run/open/control\n" })
		start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		eventually(t, "the log tells it", func() bool {
			log, err := os.ReadFile(w.path("log"))
			must(t, err)
			return strings.Contains(string(log), "daemon could not open control socket /run/open/control: World writable directory")
		})
		if _, err := os.Stat("/run/open/control"); err == nil {
			t.Error("there is a socket")
		}
	})
}
