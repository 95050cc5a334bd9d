package drac

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// TestPanicEndsOneCall lets the table panic under a call: it is logged with its place, and the next caller is answered.
func TestPanicEndsOneCall(t *testing.T) {
	table, _ := newTable(t)
	read, broken := table.Read, false
	table.Read = func(path string) (map[string]string, error) {
		if broken {
			panic("damaged page")
		}
		return read(path)
	}
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
	if reply := s.answer(from, msg); reply != nil {
		t.Errorf("a call that panicked was answered with %x", reply)
	}
	broken = false
	if reply := s.answer(from, msg); len(reply) == 0 {
		t.Error("the call after it got no answer")
	}
	if got := strings.Join(lines, "\n"); !strings.Contains(got, "panic in RPC call from 127.0.0.1: damaged page at drac/panic_test.go:") {
		t.Errorf("the log says %q", got)
	}
}
