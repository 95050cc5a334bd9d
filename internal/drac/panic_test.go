package drac

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
)

// brokenFiles panic while they are broken.
type brokenFiles struct {
	testFiles
	broken *bool
}

func (f brokenFiles) Open(file *os.File) (File, error) {
	if *f.broken {
		panic("damaged page")
	}
	return f.testFiles.Open(file)
}

// TestPanicEndsOneCall lets the table panic under a call: it is logged with its place, and the next caller is served.
func TestPanicEndsOneCall(t *testing.T) {
	table, _ := newTable(t)
	broken := false
	table.Files = brokenFiles{broken: &broken}
	var mu sync.Mutex
	var lines []string
	s := &Server{Table: table, Log: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf(format, args...))
	}}
	from := netip.MustParseAddr("127.0.0.1")
	msg := call{program: programDRAC, version: versionIPv4, procedure: procAdd, args: []byte{192, 0, 2, 7}}.encode()
	if err := table.Add(from); err != nil { // there is a file to read then
		t.Fatal(err)
	}
	broken = true
	if reply := s.answer(from, msg); len(reply) == 0 || binary.BigEndian.Uint32(reply[len(reply)-4:]) != statusSystem {
		t.Errorf("a call that panicked was answered with %x", reply)
	}
	broken = false
	if reply := s.answer(from, msg); len(reply) == 0 || binary.BigEndian.Uint32(reply[len(reply)-4:]) != statusSuccess {
		t.Errorf("the call after it was answered with %x", reply)
	}
	if got := strings.Join(lines, "\n"); !strings.Contains(got, "damaged page at drac/panic_test.go:") {
		t.Errorf("the log says %q", got)
	}
}
