package mailers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// private is a folder that children of another user can reach.
func private(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mailers")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// nobodyConfig runs children as a user without rights where the test runs as root.
func nobodyConfig() Config {
	return Config{DefaultUser: priv.Identity{UID: 65534, GID: 65534}}
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const fromLineText = "From a@src.test Sun Nov 22 05:00:00 2026\n"

func TestProgramGetsMessageArgumentsAndEnvironment(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	out := filepath.Join(dir, "out")
	m := mustMailer(t, "p, P=/bin/sh, F=lsmf, A=sh -c cat>"+out+";echo\\ $0\\ $*>>"+out+";env>>"+out+" $g $u x$u")
	m.Argv = []string{"sh", "-c", "cat >" + out + "; echo \"$0|$*\" >>" + out + "; /usr/bin/env | sort >>" + out, "$g", "$u", "to=$u"}
	m.Flags.Clear('f')
	cfg := nobodyConfig()
	cfg.Environ = []string{"TZ=Asia/Tokyo"}
	got := deliver(t, newTable(t, cfg), newJob(m, "", "\"x\"", "y"))
	if !got["y"].Success() {
		t.Fatalf("%+v", got)
	}
	text := read(t, out)
	want := fromLineText + "From: a@src.test\nSubject: hi\n\n" + testBody + "a@src.test|x y to=x to=y\nAGENT=sendmail\n"
	if !strings.HasPrefix(text, want) || !strings.Contains(text, "TZ=Asia/Tokyo\n") || strings.Contains(text, "HOME=") {
		t.Errorf("%q\nwant\n%q", text, want)
	}
}

func TestProgramExitStatus(t *testing.T) {
	for _, c := range []struct {
		script string
		exit   int
		text   string
		temp   bool
	}{
		{"cat >/dev/null", status.OK, "Sent", false},
		{"exit 0", status.OK, "Sent", false},
		{"cat >/dev/null; exit 67", status.NoUser, "User unknown", false},
		{"cat >/dev/null; exit 75", status.TempFail, "Deferred: p mailer (/bin/sh) exited with EX_TEMPFAIL", true},
		{"exit 7", status.Unavailable, "unknown mailer error 7", false},
		{"kill -9 $$", status.TempFail, "Deferred: mailer p died with signal 9", true},
	} {
		m := mustMailer(t, "p, P=/bin/sh, F=ls, A=sh -c $u")
		s := deliver(t, newTable(t, nobodyConfig()), newJob(m, "", c.script))[c.script]
		if s.Exit != c.exit || s.Text != c.text || s.Temporary() != c.temp {
			t.Errorf("%s: %+v", c.script, s)
		}
	}
}

func TestProgramOutputReachesTranscript(t *testing.T) {
	m := mustMailer(t, "p, P=/bin/sh, F=ls, A=sh -c $u")
	job := newJob(m, "", "echo one; echo two >&2; exit 1")
	var lines []string
	job.Exchange = func(out bool, line string) { lines = append(lines, fmt.Sprint(out, " ", line)) }
	deliver(t, newTable(t, nobodyConfig()), job)
	if fmt.Sprint(lines) != "[false one false two]" {
		t.Errorf("%q", lines)
	}
}

func TestProgramThatHangsIsKilled(t *testing.T) {
	m := mustMailer(t, "p, P=/bin/sh, F=ls, W=1s, A=sh -c $u")
	s := deliver(t, newTable(t, nobodyConfig()), newJob(m, "", "cat >/dev/null; sleep 600"))["cat >/dev/null; sleep 600"]
	if !s.Temporary() || s.Text != "Deferred: mailer p: wait timeout (1)" {
		t.Errorf("%+v", s)
	}
}

func TestProgramThatDoesNotExistBounces(t *testing.T) {
	m := mustMailer(t, "p, P=/nonexistent/prog, F=ls, A=prog $u")
	if s := deliver(t, newTable(t, nobodyConfig()), newJob(m, "", "x"))["x"]; s.Exit != status.Unavailable || !errors.Is(s.Err, fs.ErrNotExist) {
		t.Errorf("%+v", s)
	}
}

func TestUnreadableBodyIsNeverDelivered(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	broken := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("half"), brokenReader{})), nil
	}
	p := &peer{}
	p.start(t)
	for name, m := range map[string]*Mailer{
		"program": mustMailer(t, "p, P=/bin/cat, F=ls, A=cat $u"),
		"smtp":    smtpMailer(t, p),
		"file":    mustMailer(t, "*file*, P=[FILE], F=lsDFMPEouq9, A=FILE $u"),
		"maildir": mustMailer(t, "local, P=[maildir], F=ls, U=65534:65534, A=maildir "+dir+"/$u"),
		"mbox":    mustMailer(t, "local, P=[mbox], F=ls, U=65534:65534, A=mbox "+dir+"/mbox"),
	} {
		user := "-"
		if name == "file" {
			user = filepath.Join(dir, "file")
		}
		if name == "maildir" {
			user = "md"
		}
		job := newJob(m, "peer.test", user)
		job.Envelope.Open = broken
		if s := deliver(t, newTable(t, nobodyConfig()), job)[user]; !s.Temporary() {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if len(p.messages()) > 0 {
		t.Errorf("the peer got %q", p.messages())
	}
	for _, f := range []string{"file", "mbox"} {
		if b, err := os.ReadFile(filepath.Join(dir, f)); len(b) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has %q, %v", f, b, err)
		}
	}
	if list, _ := filepath.Glob(dir + "/md/*/*"); len(list) > 0 {
		t.Errorf("maildir has %q", list)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, syscall.EIO }

func mboxMailer(t testing.TB, dir string) *Mailer {
	return mustMailer(t, "local, P=[mbox], F=lsDFMAw5:/|@qPS, U=65534:65534, A=mbox "+dir+"/$u")
}

func TestMbox(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	table := newTable(t, nobodyConfig())
	job := newJob(mboxMailer(t, dir), "", "alice")
	job.Envelope.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("From here\nno end")), nil
	}
	for range 2 {
		if s := deliver(t, table, job)["alice"]; !s.Success() {
			t.Fatalf("%+v", s)
		}
	}
	one := fromLineText + "From: a@src.test\nSubject: hi\n\n>From here\nno end\n\n"
	if got := read(t, dir+"/alice"); got != one+one {
		t.Errorf("%q", got)
	}
	info, err := os.Stat(dir + "/alice")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if os.Geteuid() == 0 && info.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Error("mailbox belongs to root")
	}
	if list, _ := filepath.Glob(dir + "/*.lock"); len(list) > 0 {
		t.Errorf("left behind: %q", list)
	}
}

func TestManyWritersOfOneMbox(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	table := newTable(t, nobodyConfig())
	m := mboxMailer(t, dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3 {
				if s := deliver(t, table, newJob(m, "", "bob"))["bob"]; !s.Success() {
					t.Errorf("%+v", s)
				}
			}
		})
	}
	wg.Wait()
	one := fromLineText + "From: a@src.test\nSubject: hi\n\n" + testBody + "\n"
	if got := read(t, dir+"/bob"); got != strings.Repeat(one, 24) {
		t.Errorf("%d bytes, want %d", len(got), 24*len(one))
	}
}

func TestMboxTraps(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	secret := filepath.Join(dir, "secret")
	os.WriteFile(secret, []byte("x"), 0o666)
	os.Chmod(secret, 0o666)
	for name, trap := range map[string]func(path string) error{
		"symlink":  func(p string) error { return os.Symlink(secret, p) },
		"hardlink": func(p string) error { return os.Link(secret, p) },
		"fifo":     func(p string) error { return syscall.Mkfifo(p, 0o666) },
		"folder":   func(p string) error { return os.Mkdir(p, 0o777) },
	} {
		if err := trap(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if s := deliver(t, newTable(t, nobodyConfig()), newJob(mboxMailer(t, dir), "", name))[name]; !s.Temporary() {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if got := read(t, secret); got != "x" {
		t.Errorf("written through a link: %q", got)
	}
	for _, user := range []string{"../secret", "", ".", "..", "a/b", ".lock"} {
		if s := deliver(t, newTable(t, nobodyConfig()), newJob(mboxMailer(t, dir), "", user))[user]; s.Exit != status.NoUser {
			t.Errorf("%q: %+v", user, s)
		}
	}
}

func TestMboxOfSomebodyElseWaits(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make another user's mailbox")
	}
	dir := private(t)
	os.Chmod(dir, 0o777)
	os.WriteFile(dir+"/alice", nil, 0o666)
	os.Chmod(dir+"/alice", 0o666)
	s := deliver(t, newTable(t, nobodyConfig()), newJob(mboxMailer(t, dir), "", "alice"))["alice"]
	if !s.Temporary() || !strings.Contains(s.Err.Error(), "belongs to somebody else") {
		t.Errorf("%+v", s)
	}
}

func TestMaildir(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	m := mustMailer(t, "local, P=[maildir], F=ls, U=65534:65534, A=maildir "+dir+"/$u")
	if s := deliver(t, newTable(t, nobodyConfig()), newJob(m, "", "alice"))["alice"]; !s.Success() {
		t.Fatalf("%+v", s)
	}
	list, _ := filepath.Glob(dir + "/alice/new/*")
	if len(list) != 1 || read(t, list[0]) != "From: a@src.test\nSubject: hi\n\n"+testBody {
		t.Errorf("%q", list)
	}
}

func fileMailer(t testing.TB) *Mailer {
	return mustMailer(t, "*file*, P=[FILE], F=lsDFMPEouq9, T=DNS/RFC822/X-Unix, A=FILE $u")
}

func TestFile(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	path := filepath.Join(dir, "log")
	job := newJob(fileMailer(t), "", path)
	job.Rcpts[0].Ctladdr = &envelope.Ctladdr{User: "nobody", UID: 65534, GID: 65534}
	if s := deliver(t, newTable(t, nobodyConfig()), job)[path]; !s.Success() {
		t.Fatalf("%+v", s)
	}
	if got := read(t, path); got != fromLineText+"From: a@src.test\nSubject: hi\n\n"+testBody+"\n" {
		t.Errorf("%q", got)
	}
	os.Chmod(path, 0o755)
	if s := deliver(t, newTable(t, nobodyConfig()), job)[path]; s.Exit != status.CantCreat {
		t.Errorf("executable file: %+v", s)
	}
	if s := deliver(t, newTable(t, nobodyConfig()), newJob(fileMailer(t), "", "/dev/null"))["/dev/null"]; !s.Success() {
		t.Errorf("/dev/null: %+v", s)
	}
	if s := deliver(t, newTable(t, nobodyConfig()), newJob(fileMailer(t), "", "relative"))["relative"]; s.Exit != status.CantCreat {
		t.Errorf("relative: %+v", s)
	}
}

func TestSafeFileEnvironment(t *testing.T) {
	dir := private(t)
	safe := filepath.Join(dir, "safe")
	os.Mkdir(safe, 0o777)
	os.Chmod(safe, 0o777)
	os.Chmod(dir, 0o777)
	cfg := nobodyConfig()
	cfg.SafeFileEnv = safe
	for _, user := range []string{filepath.Join(safe, "log"), "/log"} {
		if s := deliver(t, newTable(t, cfg), newJob(fileMailer(t), "", user))[user]; !s.Success() {
			t.Errorf("%s: %+v", user, s)
		}
	}
	if n := strings.Count(read(t, filepath.Join(safe, "log")), fromLineText); n != 2 {
		t.Errorf("%d messages", n)
	}
	os.Symlink("..", filepath.Join(safe, "up"))
	if s := deliver(t, newTable(t, cfg), newJob(fileMailer(t), "", "/up/log"))["/up/log"]; s.Success() {
		t.Error("a link led out of SafeFileEnvironment")
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
		t.Error("file outside of SafeFileEnvironment")
	}
}

func TestHeldLockDefers(t *testing.T) {
	dir := private(t)
	os.WriteFile(dir+"/box.lock", nil, 0o644)
	err := appendTo(t.Context(), order{Kind: "mbox", Path: dir + "/box", Owner: os.Geteuid(), Wait: 20 * time.Millisecond}, strings.NewReader("x"))
	if st := storeStatus(order{Kind: "mbox"}, err); !st.Temporary() {
		t.Errorf("%v %+v", err, st)
	}
	old := time.Now().Add(-2 * staleLock)
	os.Chtimes(dir+"/box.lock", old, old)
	if err := appendTo(t.Context(), order{Kind: "mbox", Path: dir + "/box", Owner: os.Geteuid(), Wait: time.Second}, strings.NewReader("x")); err != nil {
		t.Errorf("stale lock: %v", err)
	}
}

func TestLMTP(t *testing.T) {
	for _, ext := range [][]string{nil, {"PIPELINING"}} {
		p := &peer{
			lmtp: true, ext: ext, greeting: "220 lmtp.test LMTP\r\n",
			dot:     []string{"250 2.1.5 ok", "452 4.2.2 full", "550 5.2.0 no"},
			answers: map[string]string{"RCPT To:<bad>": "550 5.1.1 who"},
		}
		p.start(t)
		m := mustMailer(t, "lmtp, P=[IPC], F=mz, A=TCP $h "+p.port())
		got := deliver(t, newTable(t, Config{}), newJob(m, "peer.test", "a", "bad", "b", "c"))
		for a, exit := range map[string]int{"a": status.OK, "bad": status.NoUser, "b": status.TempFail, "c": status.Unavailable} {
			if got[a].Exit != exit {
				t.Errorf("%v %s: %+v", ext, a, got[a])
			}
		}
	}
}

// lmtpProgram speaks LMTP on its standard input and output and keeps the messages in the file $1.
const lmtpProgram = `
printf '220 prog LMTP\r\n'
n=0
while IFS= read -r line; do
  case $line in
  LHLO*) printf '250-prog\r\n250 PIPELINING\r\n' ;;
  RCPT*) n=$((n+1)); printf '250 2.1.5 ok\r\n' ;;
  DATA*) printf '354 go\r\n'
    while IFS= read -r l; do [ "$l" = "$(printf '.\r')" ] && break; printf '%s\n' "$l" >>$1; done
    while [ $n -gt 0 ]; do printf '250 2.0.0 kept %s\r\n' $n; n=$((n-1)); done ;;
  QUIT*) printf '221 bye\r\n'; echo quit >>$1; exit 0 ;;
  *) n=0; printf '250 2.0.0 ok\r\n' ;;
  esac
done
`

func TestLMTPOverPipes(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	prog := filepath.Join(dir, "prog")
	if err := os.WriteFile(prog, []byte("#!/bin/sh\n"+lmtpProgram), 0o755); err != nil {
		t.Fatal(err)
	}
	m := mustMailer(t, "smtpf, P="+prog+", F=mzDFMuX, L=990, A=smtpfeed "+dir+"/out")
	table := newTable(t, Config{CacheSize: 1, DefaultUser: priv.Identity{UID: 65534, GID: 65534}})
	for range 2 {
		got := deliver(t, table, newJob(m, "LMTP", "x@far.test", "y@far.test"))
		if got["x@far.test"].Text != "Sent (2.0.0 kept 2)" || got["y@far.test"].Text != "Sent (2.0.0 kept 1)" {
			t.Errorf("%+v", got)
		}
	}
	table.Close()
	one := "From: a@src.test\r\nSubject: hi\r\n\r\nline one\r\n..dot\r\nlast\r\n"
	if got := read(t, dir+"/out"); got != one+one+"quit\n" {
		t.Errorf("%q", got)
	}
}
