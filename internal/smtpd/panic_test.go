package smtpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/guard"
	"gosendmail/internal/status"
)

// breaking is a session that panics in one of its methods.
type breaking struct {
	fake
	in string
}

func (b *breaking) at(where string) {
	if b.in == where {
		panic("broken in " + where)
	}
}

func (b *breaking) Connect(ctx context.Context) status.Reply {
	b.at("Connect")
	return b.fake.Connect(ctx)
}

func (b *breaking) Helo(ctx context.Context, verb, name string) (status.Reply, []string) {
	b.at("Helo")
	return b.fake.Helo(ctx, verb, name)
}

func (b *breaking) Rcpt(ctx context.Context, addr string, o *smtp.RcptOptions) status.Reply {
	b.at("Rcpt")
	return b.fake.Rcpt(ctx, addr, o)
}

func (b *breaking) Data(ctx context.Context, r io.Reader) status.Reply {
	b.at("Data")
	return b.fake.Data(ctx, r)
}

func (b *breaking) Close(ctx context.Context, cause error) {
	b.at("Close")
	b.fake.Close(ctx, cause)
}

// TestPanicEndsOneSession lets sessions panic in all that they do: each client is left with a 421 or a closed
// connection, each panic is reported with its place, and the next client is served.
func TestPanicEndsOneSession(t *testing.T) {
	places := []string{"New", "Connect", "Helo", "Rcpt", "Data", "Close", ""}
	told := make(chan *guard.Panic, len(places))
	n := 0
	srv := New(Config{HostName: "mail.test", Panicked: func(p *guard.Panic) { told <- p },
		NewSession: func(context.Context, Conn) (Session, error) {
			s := &breaking{in: places[n]}
			n++
			s.at("New")
			return s, nil
		}})
	l, err := Listen(context.Background(), "tcp", "127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	done := guard.Start("server", func() error { return srv.Serve(context.Background(), l) })
	for _, where := range places {
		out := talk(t, l.Addr().String())
		if last := where == "" || where == "Close"; last != strings.Contains(out, "221 ") || last == strings.Contains(out, "421 4.3.0 mail.test") {
			t.Errorf("%s: the client got %q", where, out)
		}
		if where == "" {
			continue
		}
		if p := <-told; p.Value != "broken in "+where || !strings.HasPrefix(p.Place, "smtpd/panic_test.go:") {
			t.Errorf("%s: reported %v", where, p)
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil || srv.Connections() != 0 {
		t.Error(err, srv.Connections())
	}
	<-done
}

// talk sends a whole message and returns what the server said to the end.
func talk(t *testing.T, addr string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	var out strings.Builder
	for _, line := range []string{"", "EHLO c.test", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA", "hello\r\n.", "QUIT"} {
		if line != "" {
			io.WriteString(c, line+"\r\n")
		}
		for {
			reply, err := in.ReadString('\n')
			out.WriteString(reply)
			if err != nil {
				return out.String()
			}
			if reply[3] == ' ' {
				break
			}
		}
	}
	return out.String()
}

// fullListener has no descriptors left.
type fullListener struct {
	net.Listener
	closed chan struct{}
}

func (l fullListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, syscall.EMFILE
	}
}

func (l fullListener) Close() error {
	close(l.closed)
	return nil
}

// TestFullDescriptorsDoNotFillTheLog lets accept fail for ten minutes, twenty times in a second: that is told once a
// minute, with its number.
func TestFullDescriptorsDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, all := 0, 0
		srv := New(Config{AcceptError: func(n int, err error) {
			if told++; !errors.Is(err, syscall.EMFILE) {
				t.Error(err)
			}
			all += n
		}})
		ctx, cancel := context.WithCancel(context.Background())
		done := guard.Start("server", func() error { return srv.Serve(ctx, fullListener{closed: make(chan struct{})}) })
		time.Sleep(10*time.Minute + time.Second)
		cancel()
		<-done
		if told != 11 || all < 20*60*10 {
			t.Errorf("told %d times of %d failures", told, all)
		}
	})
}
