package operate

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gosendmail/internal/safefile"
)

type fake struct{ orders chan string }

func (f fake) Help() []string    { return []string{"214-2.0.0 a", "214 2.0.0 b"} }
func (f fake) Status() []string  { return []string{"1/2/3/4", "7 accepting connections"} }
func (f fake) Mstat() []string   { return []string{"C:1"} }
func (f fake) Memdump() []string { return []string{"memory"} }
func (f fake) Restart()          { f.orders <- "restart" }
func (f fake) Shutdown()         { f.orders <- "shutdown" }

func open(t *testing.T, timeout time.Duration) (path string, orders chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "control")
	orders = make(chan string, 1)
	// The folders of tests are below one that everybody can write to.
	check := &safefile.Checker{Blame: safefile.TrustStickyBit, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	c, err := Listen(context.Background(), path, check, timeout, fake{orders})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return path, orders
}

func ask(t *testing.T, path, text string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestCommands(t *testing.T) {
	path, orders := open(t, time.Minute)
	for command, want := range map[string]string{
		"help\n": "214-2.0.0 a\r\n214 2.0.0 b\r\n", "HELP me\r\n": "214-2.0.0 a\r\n214 2.0.0 b\r\n", " status\n": "1/2/3/4\r\n7 accepting connections\r\n",
		"mstat\n": "C:1\r\n", "memdump\n": "memory\r\n", "foo bar\n": "Bad command (foo)\r\n", "\n": "Bad command ()\r\n",
	} {
		if got := ask(t, path, command); got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
	for _, order := range []string{"restart", "shutdown"} {
		if got := ask(t, path, order+"\n"); got != "OK\r\n" || <-orders != order {
			t.Errorf("%s: %q", order, got)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestSilentPeers has as many peers as are served at a time say nothing: Timeout.control lets the next one in.
func TestSilentPeers(t *testing.T) {
	path, _ := open(t, 50*time.Millisecond)
	for range maxPeers {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if got := ask(t, path, "mstat\n"); got != "C:1\r\n" {
		t.Errorf("%q", got)
	}
}

// TestPlaces refuses a place that is not the administrator's alone.
func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	check := &safefile.Checker{Blame: safefile.TrustStickyBit, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), file, check, 0, fake{}); err == nil {
		t.Error("a file is replaced")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "other"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), link, check, 0, fake{}); err == nil {
		t.Error("a link is followed")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), filepath.Join(dir, "socket"), check, 0, fake{}); err == nil {
		t.Error("a socket in a folder of everybody's")
	}
}
