package hoststat_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/hoststat"
	"gosendmail/internal/safefile"
)

var now = time.Unix(1795323907, 0)

// checks allow for the sticky bit of /tmp.
var checks = safefile.Checker{Blame: safefile.TrustStickyBit, UID: os.Geteuid()}

func open(t *testing.T) *hoststat.Dir {
	return &hoststat.Dir{Path: t.TempDir(), Fresh: time.Hour, Now: func() time.Time { return now }, Checks: checks}
}

func TestPutGet(t *testing.T) {
	d := open(t)
	e := hoststat.Entry{Host: "MX1.Remote.test.", Errno: syscall.ECONNREFUSED, Exit: 75, DSN: "4.4.1", Updated: now.Add(-time.Minute)}
	if err := d.Put(e); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.Path, "test.", "remote.", "mx1")
	text, err := os.ReadFile(path) // as the original wrote it
	if err != nil || string(text) != "V0\nE111\nH0\nS75\nD4.4.1\nU1795323847\n.\n" {
		t.Errorf("%q %v", text, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	got, ok, err := d.Get("mx1.remote.test")
	e.Host = "mx1.remote.test"
	if got != e || !ok || err != nil {
		t.Errorf("%+v %v %v", got, ok, err)
	}
	e.Updated, e.Reply = now.Add(-2*time.Hour), "421 down\nV0"
	if err := d.Put(e); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := d.Get("mx1.remote.test"); ok || err != nil || got.Reply != "421 down V0" {
		t.Errorf("stale: %+v %v %v", got, ok, err)
	}
	for _, host := range []string{"unknown.test", "remote.test", "below.mx1.remote.test"} {
		if _, ok, err := d.Get(host); ok || err != nil {
			t.Errorf("%s: %v %v", host, ok, err)
		}
	}
}

func TestNames(t *testing.T) {
	d := open(t)
	for _, host := range []string{"", ".", "..", "a..b", "../../etc/passwd", "a/b.test", "x\x00.test", "[]", "[..]", "[../x]",
		strings.Repeat("x", 300)} {
		if err := d.Put(hoststat.Entry{Host: host}); !errors.Is(err, hoststat.ErrName) {
			t.Errorf("%q: %v", host, err)
		}
		if _, _, err := d.Get(host); !errors.Is(err, hoststat.ErrName) {
			t.Errorf("%q: %v", host, err)
		}
	}
	for host, path := range map[string]string{"[192.0.2.1]": "1./2./0./192", "[IPv6:2001:db8::1]": "ipv6:2001:db8::1",
		"[IPv6:::ffff:192.0.2.1]": "1./2./0./ipv6:::ffff:192", "[mx.remote.test]": "test./remote./mx"} {
		if err := d.Put(hoststat.Entry{Host: host}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(d.Path, path)); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(d.Path, "evil")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(hoststat.Entry{Host: "evil"}); err == nil {
		t.Error("wrote through a link")
	}
}

func TestHold(t *testing.T) {
	d := open(t)
	put, release, err := d.Hold("mx.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Hold("mx.test"); !errors.Is(err, hoststat.ErrLocked) {
		t.Errorf("held twice: %v", err)
	}
	if err := d.Put(hoststat.Entry{Host: "mx.test", Exit: 75}); err != nil {
		t.Error(err)
	}
	if err := put(hoststat.Entry{Host: "mx.test", Exit: 68}); err != nil {
		t.Error(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if e, ok, err := d.Get("mx.test"); e.Exit != 68 || !ok || err != nil {
		t.Errorf("%+v %v %v", e, ok, err)
	}
}

// TestPrint has the lines that the original printed for the same files.
func TestPrint(t *testing.T) {
	d := open(t)
	put := func(name, text string) {
		path := filepath.Join(d.Path, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("127.0.0.1", "V0\nE0\nH0\nS0\nU1795323902\n.\n")
	put("test./b", "V0\nE0\nH2\nS75\nD4.0.0\nU1795320207\n.\n")
	put("test./c", "V0\nE0\nH1\nS68\nD5.1.2\nU1795320207\n.\n")
	put("test./junk", "hello\n")
	put("test./empty", "")
	put("test./newer", "V7\nE0\n.\n")
	put("test./remote./mx1", "V0\nE111\nH0\nS75\nD4.4.1\nU1795323807\n.\n")
	put("test./remote./mx2", "V0\nE0\nH0\nS0\nD2.0.0\nR250 2.0.0 abc123 Message accepted for delivery and more\nU1795223907\n.\n")
	_, release, err := d.Hold("held.test")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	put("test./held", "V0\nE0\nH0\nS0\nU1795323902\n.\n")
	var out bytes.Buffer
	var problems []string
	if err := d.Print(&out, false, func(err error) { problems = append(problems, err.Error()) }); err != nil {
		t.Fatal(err)
	}
	want := ` -------------- Hostname --------------- How long ago ---------Results---------
 127.0.0.1                                   00:00:05 OK
 b.test                                      01:01:40 4.0.0 Deferred
 c.test                                      01:01:40 5.1.2 Host unknown
*held.test                                   00:00:05 OK
 mx1.remote.test                             00:01:40 Deferred: Connection refu
 mx2.remote.test                           1+03:46:40 250 2.0.0 abc123 Message 
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if all := strings.Join(problems, "\n"); len(problems) != 3 || !strings.Contains(all, `test./junk: line 1: Unknown host status line "hello"`) ||
		!strings.Contains(all, "test./empty: could not read status file") ||
		!strings.Contains(all, "test./newer: line 1: Unknown host status version 7: 0 max") {
		t.Errorf("problems %q", problems)
	}
	out.Reset()
	if err := d.Print(&out, true, nil); err != nil || !strings.Contains(out.String(), " Deferred: Connection refused\n") {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestPurge(t *testing.T) {
	d := open(t)
	for host, age := range map[string]time.Duration{"old.a.test": 2 * time.Hour, "new.b.test": time.Minute, "held.test": 2 * time.Hour} {
		if err := d.Put(hoststat.Entry{Host: host}); err != nil {
			t.Fatal(err)
		}
		labels := strings.Split(host, ".")
		path := filepath.Join(d.Path, "test.", labels[0])
		if len(labels) == 3 {
			path = filepath.Join(d.Path, "test.", labels[1]+".", labels[0])
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	_, release, err := d.Hold("held.test")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if n, err := d.Purge(); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	for path, there := range map[string]bool{"test./a.": false, "test./b./new": true, "test./held": true} {
		if _, err := os.Stat(filepath.Join(d.Path, path)); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func FuzzGet(f *testing.F) {
	f.Add([]byte("V0\nE111\nH0\nS75\nD4.4.1\nRx\nU1795323807\n.\n"), "mx1.remote.test")
	f.Add([]byte("hello"), "[192.0.2.1]")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, host string) {
		d := &hoststat.Dir{Path: filepath.Join(dir, "status"), Fresh: time.Hour, Checks: checks}
		if err := d.Put(hoststat.Entry{Host: host}); err != nil {
			return
		}
		outside, err := os.ReadDir(dir)
		if err != nil || len(outside) != 1 {
			t.Fatalf("%q left the directory: %v", host, outside)
		}
		if _, ok, err := d.Get(host); !ok || err != nil {
			t.Fatalf("%q: %v %v", host, ok, err)
		}
		if err := os.RemoveAll(d.Path); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(d.Path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Path, "x"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		d.Get("x")
		if err := d.Print(io.Discard, true, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFilesOfOthers puts traps where a host's file is to be: what lies behind them stays as it was, and is not
// believed.
func TestFilesOfOthers(t *testing.T) {
	const believed = "V0\nE0\nH0\nS75\nRsecret\nU1795323807\n.\n"
	for name, lay := range map[string]func(path, other string) error{
		"symbolic link":  func(path, other string) error { return os.Symlink(other, path) },
		"hard link":      func(path, other string) error { return os.Link(other, path) },
		"FIFO":           func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
		"folder":         func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"group's file":   func(path, _ string) error { return writable(path, 0o660, believed) },
		"world's file":   func(path, _ string) error { return writable(path, 0o666, believed) },
		"world's folder": func(path, _ string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"group's folder": func(path, _ string) error { return os.Chmod(filepath.Dir(path), 0o770) },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			other, path := filepath.Join(t.TempDir(), "other"), filepath.Join(d.Path, "down")
			if err := errors.Join(os.WriteFile(other, []byte(believed), 0o600), lay(path, other)); err != nil {
				t.Fatal(err)
			}
			if e, known, err := d.Get("down"); known {
				t.Errorf("believed: %+v, %v", e, err)
			}
			if err := d.Put(hoststat.Entry{Host: "down", Exit: 75, Reply: "written"}); err == nil {
				t.Error("nothing is wrong with writing")
			}
			if _, release, err := d.Hold("down"); err == nil {
				t.Errorf("held: %v", release())
			}
			if text, err := os.ReadFile(other); string(text) != believed {
				t.Errorf("overwritten: %q, %v", text, err)
			}
		})
	}
}

// writable makes a file of that mode, whatever the umask.
func writable(path string, mode os.FileMode, text string) error {
	return errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode))
}
