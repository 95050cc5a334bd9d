package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
)

// home is a program whose users u1 and u2 are we, with homes of their own and mail in the file "box" there.
func home(t *testing.T) (*program, string) {
	t.Helper()
	dir := t.TempDir()
	passwd := ""
	for _, u := range []string{"u1", "u2"} {
		if err := os.Mkdir(filepath.Join(dir, u), 0o755); err != nil {
			t.Fatal(err)
		}
		passwd += fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", u, os.Getuid(), os.Getgid(), filepath.Join(dir, u))
	}
	if err := os.WriteFile(filepath.Join(dir, "passwd"), []byte(passwd), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := maillog.Open(maillog.Config{File: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	return &program{file: "box", stderr: io.Discard, log: log, accounts: priv.Accounts{PasswdFile: filepath.Join(dir, "passwd")}}, dir
}

func box(t *testing.T, dir, user string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, user, "box"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return date.ReplaceAllString(string(text), "DATE")
}

// TestFromLines is what the manual page promises and Debian's build, which relies on Content-Length, does not do.
func TestFromLines(t *testing.T) {
	p, dir := home(t)
	if code := p.deliverAll(context.Background(), strings.NewReader("A: b\nFrom c\n\nFrom d\nFrom e\n\nFrom f\n>From g\nend"), []string{"u1"}); code != 0 {
		t.Fatal(code)
	}
	want := "From  DATE\nA: b\nFrom c\nContent-Length: 36\n\n>From d\nFrom e\n\n>From f\n>From g\nend\n\n"
	if got := box(t, dir, "u1"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSender lets nobody write a From line of his own.
func TestSender(t *testing.T) {
	p, dir := home(t)
	p.from = "a\n\nFrom b"
	if code := p.deliverAll(context.Background(), strings.NewReader("A: b\n\n"), []string{"u1"}); code != 0 {
		t.Fatal(code)
	}
	if got := box(t, dir, "u1"); !strings.HasPrefix(got, `From a\n\nFrom b DATE`+"\nA: b\n") {
		t.Errorf("%q", got)
	}
}

// TestEndOfMessage does not let a message end itself where lines end in CRLF.
func TestEndOfMessage(t *testing.T) {
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r\r\n"} {
		p, dir := home(t)
		text := lhlo + "MAIL FROM:<s>\r\nRCPT TO:<u1>\r\nDATA\r\nA: b\r\n\r\nx" + end + "MAIL FROM:<evil>\r\nRCPT TO:<u2>\r\nDATA\r\nB: c\r\n.\r\nQUIT\r\n"
		var out bytes.Buffer
		if code := p.serve(context.Background(), strings.NewReader(text), &out); code != 0 {
			t.Fatal(code)
		}
		if got := box(t, dir, "u1"); !strings.Contains(got, "evil") || box(t, dir, "u2") != "" || strings.Count(out.String(), "354") != 1 {
			t.Errorf("end %q: %q\n%s", end, got, &out)
		}
	}
}

// TestFullDisk takes half a message back and reports that a later attempt may succeed.
func TestFullDisk(t *testing.T) {
	p, dir := home(t)
	path := filepath.Join(dir, "u1", "box")
	old := strings.Repeat("x", 3998) + "\n\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	var none syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &none); err != nil {
		t.Fatal(err)
	}
	text := lhlo + "MAIL FROM:<s>\r\nRCPT TO:<u1>\r\nRCPT TO:<u2>\r\nDATA\r\nA: b\r\n\r\n" + strings.Repeat("line\r\n", 700) + ".\r\nQUIT\r\n"
	var out bytes.Buffer
	limit := syscall.Rlimit{Cur: 6000, Max: none.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	p.serve(context.Background(), strings.NewReader(text), &out)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &none); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "450 4.2.0 Write "+path+": File too large\r\n250 2.1.5 u2 Ok\r\n") {
		t.Error(out.String())
	}
	if got := box(t, dir, "u1"); got != old {
		t.Errorf("%d bytes are left", len(got))
	}
}

// TestPlaces refuses files outside of the home and what is no mailbox.
func TestPlaces(t *testing.T) {
	for _, file := range []string{"../x", "/tmp/x", "a/../../x", "..", "."} {
		p, _ := home(t)
		p.file = file
		if code := p.deliverAll(context.Background(), strings.NewReader("A: b\n\n"), []string{"u1"}); code != 69 {
			t.Errorf("-h %s: %d", file, code)
		}
	}
	p, dir := home(t)
	if err := os.Symlink(filepath.Join(dir, "u2", "box"), filepath.Join(dir, "u1", "box")); err != nil {
		t.Fatal(err)
	}
	if code := p.deliverAll(context.Background(), strings.NewReader("A: b\n\n"), []string{"u1"}); code != 69 || box(t, dir, "u2") != "" {
		t.Errorf("link: %d", code)
	}
}
