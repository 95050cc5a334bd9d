package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/status"
)

// encrypted is a session with TLS, from the first byte on or when it is asked for.
type encrypted struct {
	fake
	implicit bool
}

func (e *encrypted) ImplicitTLS() bool               { return e.implicit }
func (e *encrypted) TLSOffered(context.Context) bool { return true }
func (e *encrypted) StartTLS(context.Context) (*tls.Config, status.Reply) {
	return &tls.Config{}, status.Reply{}
}
func (e *encrypted) TLSDone(context.Context, *tls.ConnectionState, error) (r status.Reply) { return r }

// busy is a session whose server takes a minute for each recipient.
type busy struct{ fake }

func (b *busy) Rcpt(ctx context.Context, addr string, o *smtp.RcptOptions) status.Reply {
	time.Sleep(time.Minute)
	return b.fake.Rcpt(ctx, addr, o)
}

// serverOf is a server with one session.
func serverOf(cfg Config, s Session) *Server {
	cfg.NewSession = func(context.Context, Conn) (Session, error) { return s, nil }
	return New(cfg)
}

// dialogueOf begins a dialogue of a session over a pipe. What the client is sent is in the buffer when the session
// has ended.
func dialogueOf(srv *Server) (client net.Conn, got *bytes.Buffer, over <-chan struct{}) {
	client, server := net.Pipe()
	done := make(chan struct{})
	got = new(bytes.Buffer)
	var both sync.WaitGroup
	both.Go(func() { io.Copy(got, client) })
	both.Go(func() { srv.ServeConn(context.Background(), server, Conn{}) })
	go func() {
		both.Wait()
		close(done)
	}()
	return client, got, done
}

// speak sends text, each line when there may be a reply to the one before.
func speak(c io.Writer, text string) error {
	for line := range strings.Lines(text) {
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// repeat speaks every so often until the other side has gone.
func repeat(text string, every time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for speak(c, text) == nil {
			time.Sleep(every)
		}
	}
}

const hello = "EHLO x\r\n"
const toData = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"

// TestRoomIsMade has clients who keep the server waiting in all ways there are: while it is full they go after a
// while, and not before.
func TestRoomIsMade(t *testing.T) {
	wrong := strings.Repeat("RCPT TO:<nosuch@d.test>\r\n", 100)
	drip := func(line string) func(net.Conn) {
		return func(c net.Conn) { speak(c, hello+toData); repeat(line, time.Second)(c) }
	}
	text := func(s string) func(net.Conn) { return func(c net.Conn) { speak(c, s) } }
	for _, c := range []struct {
		name    string
		session Session
		client  func(net.Conn)
		after   time.Duration // from which on it has to go; 0: it never has to
		ends    string        // what it is sent last
	}{
		{"silent", &fake{}, text(""), 10 * time.Second, "421 4.3.2 "},
		{"half a line", &fake{}, text("EHLO"), 10 * time.Second, "421 4.3.2 "},
		{"a byte a second", &fake{}, repeat("x", time.Second), 11 * time.Second, "421 4.3.2 "},
		{"silent after HELO", &fake{}, text("HELO x\r\n"), 10 * time.Second, "421 4.3.2 "},
		{"silent after MAIL", &fake{}, text("HELO x\r\nMAIL FROM:<a@b.test>\r\n"), 10 * time.Second, "421 4.3.2 "},
		{"silent after DATA", &fake{}, text(hello + toData), 10 * time.Second, "421 4.3.2 "},
		{"drips a message", &fake{}, drip("x\r\n"), 11 * time.Second, "421 4.3.2 "},
		{"commands that do nothing", &fake{}, repeat("RSET\r\n", time.Second), 11 * time.Second, "421 4.3.2 "},
		{"answers slow down", &fake{}, text(strings.Repeat("NOOP\r\n", 100)), 10 * time.Second, "421 4.3.2 "},
		{"AUTH", guessing{&fake{}}, text("EHLO x\r\nAUTH LOGIN\r\n"), 10 * time.Second, "421 4.3.2 "},
		{"STARTTLS", &encrypted{}, text("EHLO x\r\nSTARTTLS\r\n"), 10 * time.Second, "220 2.0.0 Ready"},
		{"TLS", &encrypted{implicit: true}, text(""), 10 * time.Second, ""},
		{"a busy server", &busy{}, text("HELO x\r\nMAIL FROM:<a@b.test>\r\n" + wrong), 310 * time.Second, "421 4.3.2 "},
		{"a slow line", &fake{}, drip(strings.Repeat("x", 598) + "\r\n"), 0, ""},
		{"a message now and then", &fake{}, repeat(toData+".\r\n", 9*time.Second), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serverOf(Config{HostName: "mail.test"}, c.session)
				client, got, over := dialogueOf(srv)
				var talking sync.WaitGroup
				defer func() { <-over; talking.Wait() }()
				defer client.Close()
				talking.Go(func() { c.client(client) })
				most := c.after + 4*time.Second
				if c.after == 0 {
					most = 10 * time.Minute
				}
				time.Sleep(time.Millisecond)
				for begun := time.Now(); time.Since(begun) < most; time.Sleep(time.Second) {
					if !srv.MakeRoom() {
						continue
					}
					if past := time.Since(begun); c.after == 0 || past < c.after-2*time.Second {
						t.Fatalf("had to go after %v, want %v", past, c.after)
					}
					if srv.MakeRoom() {
						t.Error("goes twice")
					}
					select {
					case <-over:
					case <-time.After(time.Minute):
						t.Fatal("stays")
					}
					lines := strings.Split(strings.TrimSpace(got.String()), "\n")
					if !strings.HasPrefix(lines[len(lines)-1], c.ends) {
						t.Errorf("was sent %q", lines)
					}
					return
				}
				if c.after != 0 {
					t.Fatalf("was still there after %v", most)
				}
			})
		})
	}
}

// TestRoomIsMadeByTheWorst: of several the one goes that costs most, and one that takes no reply goes, too.
func TestRoomIsMadeByTheWorst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan string, 3)
		var n atomic.Int32
		srv := New(Config{HostName: "mail.test", NewSession: func(context.Context, Conn) (Session, error) {
			return &named{name: fmt.Sprint(n.Add(1)), ended: ended}, nil
		}})
		deaf, server := net.Pipe() // reads nothing: the greeting cannot be written
		go srv.ServeConn(context.Background(), server, Conn{})
		time.Sleep(15 * time.Second)
		_, _, second := dialogueOf(srv)
		time.Sleep(5 * time.Second)
		last, _, third := dialogueOf(srv)
		time.Sleep(8 * time.Second)
		for _, want := range []string{"1", "2"} {
			if !srv.MakeRoom() {
				t.Fatal("no room")
			}
			if got := <-ended; got != want {
				t.Fatalf("%s went, not %s", got, want)
			}
		}
		if srv.MakeRoom() {
			t.Error("a dialogue of eight seconds had to go")
		}
		<-second
		last.Close()
		<-third
		deaf.Close()
	})
}

// named is a session that says when it ends.
type named struct {
	fake
	name  string
	ended chan<- string
}

func (n *named) Close(_ context.Context, cause error) {
	if errors.Is(cause, ErrCrowded) || cause != nil && n.name == "1" {
		n.ended <- n.name
	}
}

// TestFirstTime: who has said nothing yet has five minutes, or one for a handshake, whatever the options allow for
// commands.
func TestFirstTime(t *testing.T) {
	for _, c := range []struct {
		session Session
		text    string
		want    time.Duration
	}{
		{&fake{}, "", 5 * time.Minute},
		{&fake{}, "NOOP\r\n", time.Hour},
		{&encrypted{implicit: true}, "", time.Minute},
		{&encrypted{}, "EHLO x\r\nSTARTTLS\r\n", time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := serverOf(Config{Timeouts: Timeouts{Command: time.Hour, StartTLS: time.Hour}}, c.session)
			client, _, over := dialogueOf(srv)
			defer client.Close()
			speak(client, c.text)
			begun := time.Now()
			<-over
			if got := time.Since(begun).Round(time.Second); got != c.want {
				t.Errorf("%T %q: waited %v, want %v", c.session, c.text, got, c.want)
			}
		})
	}
}
