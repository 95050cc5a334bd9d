package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"gosendmail/internal/status"
)

// peer answers each EXPN with what answer makes of its argument.
func peer(t *testing.T, answer func(string) string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn, answer)
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func serve(conn net.Conn, answer func(string) string) {
	defer conn.Close()
	io.WriteString(conn, "220 x\r\n")
	for in := bufio.NewScanner(conn); in.Scan(); {
		verb, rest, _ := strings.Cut(in.Text(), " ")
		switch verb {
		case "expn":
			io.WriteString(conn, answer(rest))
		case "vrfy":
			io.WriteString(conn, "502 no\r\n")
		case "quit":
			io.WriteString(conn, "221 bye\r\n")
			return
		default:
			io.WriteString(conn, "250 ok\r\n")
		}
	}
}

// TestAnswers takes what servers say, and shows what would steer the terminal.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(string) string
		want   string
	}{
		"escape":  {func(string) string { return "250 \x1b]0;x\x07 <a@127.0.0.1>\r\n" }, "\\033]0;x\\007 <a@127.0.0.1>\n"},
		"garbled": {func(string) string { return "what?\r\n" }, "<u@127.0.0.1> 127.0.0.1: garbled reply to 'expn u@127.0.0.1'\n"},
		"unknown": {func(string) string { return "550 no\r\n" }, "<u@127.0.0.1> USER UNKNOWN\n"},
		"refused": {func(string) string { return "252 no\r\n" }, "<u@127.0.0.1> REFUSED TO VRFY\n"},
		"moved":   {func(string) string { return "551 try <v@127.0.0.1>\r\n" }, "<v@127.0.0.1>\n"},
	} {
		var out, errout bytes.Buffer
		exit := run(t.Context(), []string{"u@127.0.0.1"}, peer(t, c.answer), &out, &errout)
		if exit != status.OK || out.String() != c.want {
			t.Errorf("%s: %d %q %s", name, exit, out.String(), errout.String())
		}
	}
}

func TestComplete(t *testing.T) {
	x := newExpander("25", io.Discard)
	for _, c := range [][3]string{{"shiva", "cs.example.edu", "shiva.example.edu"}, {"shiva.cs", "cs.example.edu", "shiva.cs"}, {"a", "b", "a"}, {"a", "b.test", "a.b.test"}, {"a.test.", "b.test", "a.test"}} {
		if got := x.complete(c[0], c[1], "u"); got != c[2] {
			t.Errorf("%s named by %s: %s", c[0], c[1], got)
		}
	}
	if got := x.guesses[at{"u", "shiva.cs"}]; len(got) == 0 || got[0] != "shiva.cs.example.edu" {
		t.Errorf("guesses: %q", got)
	}
	for host, want := range map[string]string{"shiva.cs": "shiva.cs.example.edu", "a.b.cs": "a.b.cs.example.edu", "shiva": "", "x.edu": ""} {
		if got := joint(host, "cs.example.edu"); got != want {
			t.Errorf("%s: %q", host, got)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{{}, {"-"}, {"-v"}, {"-x", "a"}, {"a", "-"}} {
		var out, errout bytes.Buffer
		if exit := run(t.Context(), args, "1", &out, &errout); exit != status.Usage || errout.String() != usage {
			t.Errorf("%q: %d %s", args, exit, errout.String())
		}
	}
	for n, want := range []float64{1: 0.8, 2: 1, 3: 0.9, 4: 0, 5: 0.5} {
		if n > 0 && required(n) != want {
			t.Errorf("-a %d times: %g", n, required(n))
		}
	}
}
