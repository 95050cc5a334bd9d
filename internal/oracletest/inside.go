package oracletest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// insideEnv names the folder of the world that a test was started in.
const insideEnv = "GOSENDMAIL_WORLD"

// Inside runs the calling test once more, in a private world (see Arena), and reports there that it is inside, with the
// world's folder. Outside it reports false after the inner run, whose failure is the test's. prepare may put files into
// the folder first.
//
//	dir, inside := oracletest.Inside(t, nil)
//	if !inside {
//		return
//	}
func Inside(t *testing.T, prepare func(dir string)) (dir string, inside bool) {
	t.Helper()
	if dir := os.Getenv(insideEnv); dir != "" {
		return dir, true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("cd '%s' && %s=$ARENA exec '%s' -test.v -test.run '^%s$' 2>&1 || true\n", here, insideEnv, self, t.Name())
	_, out := Arena(t, script, prepare)
	switch {
	case strings.Contains(out, "--- SKIP: "+t.Name()):
		t.Skip(out)
	case !strings.Contains(out, "--- PASS: "+t.Name()+" "):
		t.Fatalf("in the world:\n%s", out)
	case testing.Verbose():
		t.Log(out)
	}
	return "", false
}

// Build compiles a program of this module, by its folder below cmd, and returns its path. Users of a world can run it.
func Build(tb testing.TB, name string) string {
	tb.Helper()
	dir := tb.TempDir()
	for d := dir; d != "/" && d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if out, err := exec.Command("go", "build", "-o", path, "gosendmail/cmd/"+name).CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

var logStamp = regexp.MustCompile(`(?m)^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d `)

// Log takes the lines that the world's log got and empties it: "<priority>tag: text", without their time.
func Log(tb testing.TB, dir string) string {
	tb.Helper()
	conn, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	const end = "<0>end of this part"
	if _, err := io.WriteString(conn, end); err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	for range 5000 { // the log is another process's
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			tb.Fatal(err)
		}
		if lines, ok := strings.CutSuffix(string(text), end+"\n"); ok {
			if err := os.Truncate(path, 0); err != nil {
				tb.Fatal(err)
			}
			return logStamp.ReplaceAllString(lines, "<$1>")
		}
		time.Sleep(time.Millisecond)
	}
	tb.Fatal("the log of the world does not write")
	return ""
}
