package dialogue

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReply reads answers that a server says at once.
func TestReply(t *testing.T) {
	for said, want := range map[string]struct {
		lines []string
		err   string
	}{
		"250 a\r\nrest\r\n":             {[]string{"250 a"}, ""},
		"250-a\r\n250 b\r\n":            {[]string{"250-a", "250 b"}, ""},
		"250\n":                         {[]string{"250"}, ""},
		"hello\r\n":                     {[]string{"hello"}, ErrGarbled.Error()},
		"250-a\r\n25":                   {[]string{"250-a"}, "EOF"},
		strings.Repeat("2", 5000):       {nil, errLong.Error()},
		"250x\r\n":                      {[]string{"250x"}, ErrGarbled.Error()},
		strings.Repeat("250-\r\n", 1e4): {slices.Repeat([]string{"250-"}, 1e4), errLong.Error()},
	} {
		lines, err := converse(t, said)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if !slices.Equal(lines, want.lines) || text != want.err {
			t.Errorf("%.40q: %d lines, %q", said, len(lines), text)
		}
	}
}

func converse(t *testing.T, said string) ([]string, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		peer, err := l.Accept()
		if err != nil {
			return
		}
		peer.Write([]byte(said))
		peer.(*net.TCPConn).CloseWrite()
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	c, err := Dial(t.Context(), host, port, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Reply()
}

// TestSend takes no line for two.
func TestSend(t *testing.T) {
	if err := (&Conn{}).Send("expn a\r\nMAIL FROM:<b>"); err == nil {
		t.Error("two commands were sent for one")
	}
}

func TestReason(t *testing.T) {
	if _, err := Dial(t.Context(), "127.0.0.1", "1", time.Minute); err == nil || Reason(err) != "Connection refused" {
		t.Errorf("%v", err)
	}
	if got := Reason(errors.New("x y")); got != "X y" {
		t.Errorf("another error is %q", got)
	}
}
