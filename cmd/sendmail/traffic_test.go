package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gosendmail/internal/status"
)

// TestTraffic notes what goes over a connection, in lines, whatever the pieces are in which it comes.
func TestTraffic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := &invocation{flags: &flags{traffic: path}}
	if code := v.openTraffic(); code != status.OK {
		t.Fatal(code)
	}
	ours, theirs := net.Pipe()
	noted := v.dialogues.stream(ours)
	if _, ok := noted.(net.Conn); !ok {
		t.Error("a connection has no deadlines any more")
	}
	go func() {
		for _, piece := range []string{"EH", "LO x\r\nNO", "OP\r\nhalf"} {
			io.WriteString(theirs, piece)
		}
		io.ReadFull(theirs, make([]byte, 5))
		theirs.Close()
	}()
	buf := make([]byte, 100)
	for range 3 {
		if _, err := noted.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(noted, "250\r\n")
	io.ReadAll(noted)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "before\n<pid> <<< EHLO x\n<pid> <<< NOOP\n<pid> >>> 250\n<pid> <<< half\n<pid> <<< [EOF]\n"
	if got := regexp.MustCompile(`(?m)^\d{5,}`).ReplaceAllString(string(text), "<pid>"); got != want {
		t.Errorf("got\n%s", got)
	}
}
