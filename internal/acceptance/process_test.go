package acceptance

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
)

// processSite is the site of the log tests with more lines.
func processSite(t *testing.T, w world, edit func(string) string) {
	t.Helper()
	write(t, "/etc/mail/access", logAccess)
	write(t, "/etc/mail/local-host-names", "")
	logConfig(t, w)
	cf, err := os.ReadFile(w.path("log.cf"))
	must(t, err)
	write(t, w.path("log.cf"), edit(string(cf)))
	run(t, "", w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bi")
}

// TestRunAsUser has a daemon give up root when its socket is open, and deliver all the same.
func TestRunAsUser(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf + "O RunAsUser=smmta\nO TrustedUser=smmta\n" })
		must(t, os.Chown("/var/spool/mqueue", 116, 125))
		d := start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
		must(t, err)
		for _, want := range []string{"Uid:\t116\t116\t116\t116\n", "Gid:\t125\t125\t125\t125\n", "Groups:\t125 \n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		send(t, "127.0.2.8", "a@remote.test", "alice@mail.example.test", "Subject: x\r\n\r\nx")
		eventually(t, "it is delivered", func() bool {
			log, err := os.ReadFile(w.path("log"))
			must(t, err)
			return strings.Contains(string(log), "to=<alice@mail.example.test>") && strings.Contains(string(log), "stat=Sent")
		})
	})
}

// TestReloadChangesPorts gives a daemon another configuration while a client is there: the old port goes, the new one
// comes, one stays, and the client is served to its end.
func TestReloadChangesPorts(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		const old = "O DaemonPortOptions=Name=MTA, Addr=127.0.0.1"
		processSite(t, w, func(cf string) string {
			return strings.Replace(cf, old, old+"\nO DaemonPortOptions=Name=Goes, Addr=127.0.0.1, Port=2525", 1)
		})
		d := start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("log.cf")))
		c, err := net.Dial("tcp", "127.0.0.1:2525")
		must(t, err)
		defer c.Close()
		tp := textproto.NewConn(c)
		must(t, reply(tp))
		must(t, tp.PrintfLine("EHLO client.test"))
		must(t, reply(tp))
		processSite(t, w, func(cf string) string {
			return strings.Replace(cf, old, old+"\nO DaemonPortOptions=Name=Comes, Addr=127.0.0.5, Port=2526", 1)
		})
		must(t, d.cmd.Process.Signal(syscall.SIGHUP))
		eventually(t, "the new port is served", func() bool {
			_, err := talk("127.0.0.1", "127.0.0.5:2526", "QUIT")
			return err == nil
		})
		eventually(t, "the old port is closed", func() bool {
			_, err := net.Dial("tcp", "127.0.0.1:2525")
			return err != nil
		})
		if r := dialogue(t, "127.0.0.1", "NOOP", "QUIT"); len(r) != 3 {
			t.Errorf("the port that stays: %q", r)
		}
		for _, line := range []string{"MAIL FROM:<a@remote.test>", "RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n."} {
			must(t, tp.PrintfLine("%s", line))
			if got, err := tp.ReadLine(); err != nil || got[0] > '3' {
				t.Fatalf("the old client's %.20q: %q, %v", line, got, err)
			}
		}
		d.stop()
	})
}

// TestSubmissionProgram hands mail in as a user whom only a set-group-ID file lets into the queue (UseMSP), and without
// one, where the error must be the original's.
func TestSubmissionProgram(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		tree := oracletest.Tree(t)
		m4 := oracletest.M4(t)
		m4.Stdin = strings.NewReader("divert(-1)include(`" + tree + "/m4/cf.m4')divert(0)dnl\nOSTYPE(`linux')dnl\ndefine(`confDOMAIN_NAME',`mail.example.test')dnl\nFEATURE(`msp',`[127.0.0.1]')dnl\n")
		cf, err := m4.Output()
		must(t, err)
		write(t, "/etc/mail/submit.cf", strings.Replace(string(cf), "O DeliveryMode=i", "O DeliveryMode=q", 1))
		asAlice := func(cmd *exec.Cmd) string {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 2001, Gid: 2001}}
			cmd.Stdin, cmd.Dir = strings.NewReader("Subject: x\n\nx\n"), "/"
			out, _ := cmd.CombinedOutput()
			return fmt.Sprintf("exit %d\n%s", cmd.ProcessState.ExitCode(), out)
		}
		plain := asAlice(exec.Command(w.path("bin/sendmail"), "-odq", "bob"))
		original := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
		run(t, "", "cp", original.Path, w.path("bin/original")) // where alice may go
		must(t, os.Chmod(w.path("bin/original"), 0o755))
		env := original.Env
		original = exec.Command(w.path("bin/original"), "-odq", "bob")
		original.Env = env
		if want := asAlice(original); plain != want {
			t.Errorf("without rights:\nours: %s\noriginal: %s", plain, want)
		}
		setgid := w.path("bin/msp")
		run(t, "", "cp", w.path("bin/sendmail"), setgid)
		must(t, os.Chown(setgid, 0, 126))
		must(t, os.Chmod(setgid, 0o755|os.ModeSetgid))
		if got := asAlice(exec.Command(setgid, "-odq", "bob")); got != "exit 0\n" {
			t.Fatal(got)
		}
		files, err := filepath.Glob("/var/spool/clientmqueue/[dq]f*")
		must(t, err)
		if len(files) != 2 {
			t.Fatalf("in the queue: %q", files)
		}
		for _, f := range files {
			st, err := os.Stat(f)
			must(t, err)
			sys := st.Sys().(*syscall.Stat_t)
			if st.Mode().Perm() != 0o660 || sys.Uid != 2001 || sys.Gid != 126 {
				t.Errorf("%s: mode %v, owner %d:%d", f, st.Mode(), sys.Uid, sys.Gid)
			}
		}
		// Options that are not for everybody give the rights up.
		if got := asAlice(exec.Command(setgid, "-odq", "-oQ/var/spool/clientmqueue", "bob")); got == "exit 0\n" {
			t.Error("an unsafe option keeps the rights of the file")
		}
	})
}
