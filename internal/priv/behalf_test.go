package priv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var alice = Identity{UID: 2001, GID: 2002, Groups: []int{2002, 2008}}

// open is a folder that everybody may write to.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "behalf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// threadStatus is what proc(5) says of the calling thread's ids, groups and effective capabilities.
func threadStatus(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Uid", "Gid", "Groups", "CapEff", "CapPrm":
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}

func TestOnBehalfFilesBelongToTheUser(t *testing.T) {
	needRoot(t)
	dir := open(t)
	name := filepath.Join(dir, "new")
	var f *os.File
	var failed error
	if err := OnBehalf(alice, func() { f, failed = os.Create(name) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	defer f.Close()
	if _, err := f.WriteString("open files stay usable"); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 2001 || st.Gid != 2002 {
		t.Errorf("belongs to %d:%d", st.Uid, st.Gid)
	}
}

func TestOnBehalfReachesWhatTheUserReaches(t *testing.T) {
	needRoot(t)
	dir := open(t)
	secret := filepath.Join(dir, "secret")
	write(t, secret, "root's", 0o600)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	write(t, shared, "the group's", 0o640)
	if err := os.Chown(shared, 0, 2008); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(secret, os.O_RDWR, 0) // as the process holds queue files
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	err = OnBehalf(alice, func() {
		for _, name := range []string{secret, link, "/proc/self/fd/" + strconv.Itoa(int(held.Fd())), "/proc/self/mem", "/proc/thread-self/mem"} {
			if f, err := os.OpenFile(name, os.O_WRONLY, 0); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v %v", name, f, err)
			}
		}
		for what, err := range map[string]error{
			"create in a folder of root": os.WriteFile(filepath.Join(closed, "x"), nil, 0o600),
			"chown":                      os.Chown(dir, 2001, 2001),
			"chmod of root's file":       os.Chmod(secret, 0o666),
			"raise a limit":              unix.Setpriority(unix.PRIO_PROCESS, 0, -5),
		} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := os.ReadFile(shared); err != nil {
			t.Errorf("supplementary group: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "root's" {
		t.Errorf("%q, %v", text, err)
	}
}

// Whatever threads do for users, others see files as root, before, meanwhile and after.
func TestOnBehalfStaysOnItsThread(t *testing.T) {
	needRoot(t)
	runtime.LockOSThread()
	before := threadStatus(t)
	runtime.UnlockOSThread()
	dir := open(t)
	secret := filepath.Join(dir, "secret")
	write(t, secret, "root's", 0o600)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				inner := make(chan error, 1)
				err := OnBehalf(alice, func() {
					if s := threadStatus(t); !strings.Contains(s, "CapEff:\t0000000000000000") {
						t.Errorf("capabilities left:\n%s", s)
					}
					go func() { _, err := os.ReadFile(secret); inner <- err }()
					if err := <-inner; err != nil {
						t.Errorf("a goroutine begun on behalf of a user: %v", err)
					}
					if _, err := os.ReadFile(secret); err == nil {
						t.Error("the user reads root's file")
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				if _, err := os.ReadFile(secret); err != nil {
					t.Errorf("root lost its rights: %v", err)
				}
				runtime.LockOSThread()
				if now := threadStatus(t); now != before {
					t.Errorf("thread is\n%s\nwas\n%s", now, before)
				}
				runtime.UnlockOSThread()
			}
		})
	}
	wg.Wait()
	out := run(t, Command{}, "id -u; id -G")
	if want := run(t, Command{}, "id -u; id -G"); out != want || !strings.HasPrefix(out, "0\n") {
		t.Errorf("children are %q", out)
	}
}

func TestOnBehalfPassesPanicsOn(t *testing.T) {
	needRoot(t)
	defer func() {
		if p := recover(); fmt.Sprint(p) == "" || !strings.HasPrefix(fmt.Sprint(p), "panic in thread of another user: broken at priv/behalf_test.go:") {
			t.Errorf("recovered %v", p)
		}
	}()
	err := OnBehalf(alice, func() { panic("broken") })
	t.Errorf("came back with %v", err)
}

func TestOnBehalfNeedsRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("is root, which may do it")
	}
	called := false
	if err := OnBehalf(alice, func() { called = true }); !errors.Is(err, ErrUnable) || called {
		t.Errorf("%v, called: %v", err, called)
	}
}

func BenchmarkOnBehalf(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	for b.Loop() {
		if err := OnBehalf(alice, func() {}); err != nil {
			b.Fatal(err)
		}
	}
}
