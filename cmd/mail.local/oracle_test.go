package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/maillog"
	"gosendmail/internal/oracletest"
)

// delivery is one run of the program in a spool that place prepared.
type delivery struct {
	args  []string
	in    string
	place func() error
}

const plain = "From: x\nContent-Length: 5\nSubject: y\n folded\n\nbody\n\n>From z\n.\n..\na\x00\x80\rb\nend\n"

const lhlo = "LHLO client\r\n"

// mailTo is a dialogue with one message.
func mailTo(path string, rcpts ...string) string {
	text := lhlo + "MAIL FROM:" + path + "\r\n"
	for _, r := range rcpts {
		text += "RCPT TO:" + r + "\r\n"
	}
	return text + "DATA\r\nA: b\r\nContent-Length: 999\r\n\r\nline\r\n..dot\r\n.\r\nQUIT\r\n"
}

func deliveries() (list []delivery) {
	add := func(place func() error, in string, args ...string) { list = append(list, delivery{args, in, place}) }
	alice := "/var/mail/alice"
	owned := func(mode os.FileMode) func() error {
		return func() error {
			if err := os.WriteFile(alice, []byte("old\n\n"), mode); err != nil {
				return err
			}
			return os.Chown(alice, 2001, 8)
		}
	}
	for _, in := range []string{plain, "no header\nbody\n\nx\n", "\nbody\n", "A: b\r\n\r\nx\r\n", "From old@x Thu Jan 1\nSubject: a\n\nx\n", "A: b\n\n" + strings.Repeat("x", 70000) + "\ny\n",
		"content-length: 5\n\nbody\n", "A: b\nFrom x\n\nq\n", "A: b\n"} {
		add(nil, in, "alice")
		add(owned(0o644), in, "-f", "s@x", "alice", "bob")
	}
	for _, args := range [][]string{{}, {"-x"}, {"-f"}, {"-f", "a", "-f", "b", "alice"}, {"-r", "a", "-f", "b", "alice"}, {"-d", "-r", "<a b>", "alice"}, {"-r", "", "alice"},
		{"alice", "nobodyy", "bob"}, {"alice@example.test"}, {"alice+x"}, {"Alice"}, {"alice/../bob"}, {"../alice"}, {"..", "."}, {""}, {"root"}, {"-7", "-b", "bob"}, {"-l", "alice"},
		{"-h", "mbox", "alice"}, {"-D", "pw", "alice"}, {"-h", "mbox", "emptyhome"}, {"alice", "-f", "late"}, {"--", "alice", "-f"}} {
		add(nil, plain, args...)
	}
	for _, place := range []func() error{
		owned(0o600), owned(0o666), owned(0o755),
		func() error { return os.WriteFile(alice, nil, 0o644) },
		func() error { return os.Symlink("/tmp/target", alice) },
		func() error { return os.Symlink("/etc/passwd", alice) },
		func() error { return os.Mkdir(alice, 0o755) },
		func() error { return syscall.Mkfifo(alice, 0o600) },
		func() error { return firstError(owned(0o644)(), os.Link(alice, "/var/mail/other")) },
	} {
		add(place, plain, "-f", "s", "alice", "bob")
		add(place, mailTo("<s>", "<alice>", "<bob>"), "-l")
	}
	for _, from := range []string{"<>", "<a@b> SIZE=1 BODY=8BITMIME", " <a@b>", "a@b", "<a b>", "<@x:a@b>", `<"a b"@c>`, "<a", "<a@b>x", "", "<a@[1.2.3.4]>", "<a\x80@b>"} {
		add(nil, mailTo(from, "<alice>"), "-l")
	}
	for _, to := range []string{"<alice> NOTIFY=NEVER", " <alice>", "alice", "<>", "<@a,@b:alice@c>", `<"al\ice">`, "<alice+d@x>", "<alice+d>", "<ALICE>", "<alice@x@y>", "<alice", "<alice>x",
		"<alice >", "", "<../x>", `<\alice>`, "<alice%x>", "<nobodyy@x>"} {
		add(nil, mailTo("<s>", to), "-l")
		add(nil, mailTo("<s>", to, "<bob>"), "-7", "-l")
	}
	for _, in := range []string{"", "QUIT\r\n", "HELO x\r\nEHLO x\r\nNOOP\r\nVRFY a\r\nEXPN a\r\nHELP\r\nRSET\r\nDATA\r\nSTARTTLS\r\nXX\r\n\r\nBDAT 3\r\nQUIT now\r\nquit\r\n",
		"RCPT TO:<alice>\r\nMAIL FROM:<a>\r\nLHLO\r\nLHLO a b\r\nlhlo y\r\nMAIL FROM:<b>\r\nDATA\r\nRSET\r\nMAIL\r\nMAIL FROM\r\nMAIL FROM:\r\nRCPT\r\n",
		lhlo + "MAIL FROM:<>\r\nRCPT TO:<alice>\r\nDATA\r\nno end\r\n",
		"LHLO x\nMAIL FROM:<a>\nRCPT TO:<alice>\nDATA\nA: b\n\n..x\n.\nmail from:<b>\nrcpt to:<bob>\nrcpt to:<bob>\ndata\nx\n.\nquit\n"} {
		add(nil, in, "-l")
	}
	return list
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestLikeOriginal gives the same messages to the original and to ours, in the same spools.
func TestLikeOriginal(t *testing.T) {
	dir, inside := oracletest.Inside(t, func(dir string) {
		os.MkdirAll(filepath.Join(dir, "etc"), 0o755)
	})
	if !inside {
		return
	}
	f, err := os.OpenFile("/etc/passwd", os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("emptyhome:x:2010:2010:::/bin/sh\n")
	}
	if err = firstError(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	ours := oracletest.Build(t, "mail.local")
	oracletest.Log(t, dir)
	for _, d := range deliveries() {
		want := outcome(t, dir, d, oracletest.Command(t, "usr/libexec/sendmail/mail.local", d.args...))
		if got := outcome(t, dir, d, exec.Command(ours, d.args...)); got != want {
			t.Errorf("mail.local %q <%.300q\nours:\n%.900s\noriginal:\n%.900s", d.args, d.in, got, want)
		}
	}
}

var date = regexp.MustCompile(`\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`)

// outcome runs a delivery and returns all that came of it: exit status, answers, files, log.
func outcome(t *testing.T, dir string, d delivery, cmd *exec.Cmd) string {
	t.Helper()
	for _, pattern := range []string{"/var/mail/*", "/home/alice/*"} {
		names, _ := filepath.Glob(pattern)
		for _, n := range names {
			os.Remove(n)
		}
	}
	if d.place != nil {
		if err := d.place(); err != nil {
			t.Fatal(err)
		}
	}
	var out, errout bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(d.in), &out, &errout
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("exit %d\n%s\n%s\n", cmd.ProcessState.ExitCode(), out.String(), strings.ReplaceAll(strings.ReplaceAll(errout.String(), cmd.Path+":", "mail.local:"), "\n\n", "\n"))
	for _, pattern := range []string{"/var/mail/*", "/home/alice/*"} {
		names, _ := filepath.Glob(pattern)
		for _, n := range names {
			info, err := os.Lstat(n)
			if err != nil {
				t.Fatal(err)
			}
			sys := info.Sys().(*syscall.Stat_t)
			text += fmt.Sprintf("%s %v %d %d\n", n, info.Mode(), sys.Uid, sys.Gid)
			if info.Mode().IsRegular() {
				b, _ := os.ReadFile(n)
				text += fmt.Sprintf("%q\n", date.ReplaceAll(b, []byte("DATE")))
			}
		}
	}
	if cmd.ProcessState.ExitCode() != 0 || strings.Contains(out.String(), "\n5") {
		text += maillog.Printable(oracletest.Log(t, dir))
	}
	return text
}
