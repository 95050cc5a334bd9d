package mta

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/guard"
)

func TestIdentUser(t *testing.T) {
	for line, want := range map[string]string{
		"1000 , 25 : USERID : UNIX : joe\r\n":                "joe@",
		"1000,25:USERID:UNIX:joe\r\n":                        "joe@",
		"1000, 25 : userid : UNIX,US-ASCII : joe blow\r\n":   "joeblow@",
		"1000, 25 : USERID : OTHER : joe\r\n":                "IDENT:joe@",
		"1000, 25 : USERID : UNIX : [c2VjcmV0]\r\n":          "c2VjcmV0@",
		"1000, 25 : USERID : UNIX : a\x07b<c>(d)\x80e\r\n":   "abcde@",
		"1000, 25 : ERROR : NO-USER\r\n":                     "",
		"nonsense\r\n":                                       "",
		"1000, 25 : USERID : UNIX : \r\n":                    "@",
		"1, 2 : USERID : UNIX : " + strings.Repeat("x", 900): strings.Repeat("x", identName) + "@",
	} {
		if got := identUser(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func FuzzIdentUser(f *testing.F) {
	f.Add("1000 , 25 : USERID : UNIX : joe\r\n")
	f.Fuzz(func(t *testing.T, line string) {
		if got := identUser(line); len(got) > identName+1 || strings.ContainsAny(got, "\r\n <>(),;\"\\") || strings.Contains(strings.TrimSuffix(got, "@"), "@") {
			t.Errorf("%q gives %q", line, got)
		}
	})
}

// TestAskIdent asks a server on loopback, one that says nothing, and a port where nobody is.
func TestAskIdent(t *testing.T) {
	local, remote := netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort("127.0.0.1:1000")
	asked := make(chan string, 1)
	serve := func(answer func(c net.Conn)) (port uint16, stop func() error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			line, _ := bufio.NewReader(c).ReadString('\n')
			asked <- line
			answer(c)
		}()
		return AddrPort(l.Addr()).Port(), l.Close
	}
	port, stop := serve(func(c net.Conn) { io.WriteString(c, "1000 , 25 : USERID : UNIX : joe\r\n") })
	defer stop()
	if got := askIdent(context.Background(), local, remote, port, time.Minute); got != "joe@" {
		t.Errorf("got %q", got)
	}
	if line := <-asked; line != "1000,25\r\n" {
		t.Errorf("asked %q", line)
	}
	silent, stop := serve(func(c net.Conn) { io.Copy(io.Discard, c) })
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	if got := askIdent(ctx, local, remote, silent, time.Minute); got != "" {
		t.Errorf("a silent server: %q", got)
	}
	stop()
	if got := askIdent(context.Background(), local, remote, silent, time.Minute); got != "" {
		t.Errorf("nobody: %q", got)
	}
	c := client{addr: remote.Addr(), name: "host.test", resolve: resolveOK, ident: "joe@"}
	if got := c.text(); got != "joe@host.test [127.0.0.1]" {
		t.Errorf("$_ is %q", got)
	}
	c.name = "[127.0.0.1]"
	if got := c.text(); got != "joe@[127.0.0.1]" {
		t.Errorf("$_ is %q", got)
	}
}

// breakingConn is a connection that panics where it reads, or where it is closed at the end of the time.
type breakingConn struct {
	net.Conn
	inRead bool
	gone   chan struct{}
}

func (c *breakingConn) Write(p []byte) (int, error) { return len(p), nil }

func (c *breakingConn) Read([]byte) (int, error) {
	if c.inRead {
		panic("broken in Read")
	}
	<-c.gone
	return 0, io.EOF
}

func (c *breakingConn) Close() error {
	if c.inRead {
		return nil
	}
	select {
	case <-c.gone: // the second time
		return nil
	default:
	}
	close(c.gone)
	panic("broken in Close")
}

// TestPanicCostsTheIdentAnswer: a panic while an ident server is asked is reported with its place, in the session's
// goroutine and in that of the time limit; the session goes on without an answer.
func TestPanicCostsTheIdentAnswer(t *testing.T) {
	local, remote := netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort("127.0.0.1:1000")
	for _, inRead := range []bool{true, false} {
		told := make(chan *guard.Panic, 2)
		ctx, cancel := context.WithCancel(guard.With(context.Background(), func(p *guard.Panic) { told <- p }))
		dial := func(context.Context, string, string) (net.Conn, error) {
			return &breakingConn{inRead: inRead, gone: make(chan struct{})}, nil
		}
		if !inRead {
			cancel() // the time is over
		}
		if got := askIdentBy(ctx, dial, local, remote, identPort); got != "" {
			t.Errorf("answer %q", got)
		}
		if p := <-told; p.What != "ident query" || !strings.Contains(p.Place, "mta/ident_test.go:") {
			t.Errorf("told of %v", p)
		}
		cancel()
	}
}
