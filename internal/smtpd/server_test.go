package smtpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"gosendmail/internal/status"
)

// peer is a client of a server under test.
type peer struct {
	t testing.TB
	net.Conn
	in      *bufio.Reader
	stopped chan struct{} // closed when the server accepts nobody any more
}

// serve starts a server whose sessions are f, and connects to it.
func serve(t testing.TB, f Session, cfg Config) (*peer, *Server) {
	t.Helper()
	cfg.HostName = "mail.example.test"
	cfg.NewSession = func(context.Context, Conn) (Session, error) { return f, nil }
	srv := New(cfg)
	l, err := Listen(context.Background(), "tcp", "127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	done, stopped := make(chan error, 1), make(chan struct{})
	go func() {
		done <- srv.Serve(context.Background(), l)
		close(stopped)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, ErrServerClosed) {
			t.Error(err)
		}
	})
	return &peer{t, conn, bufio.NewReader(conn), stopped}, srv
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, text); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads a reply and compares its beginning.
func (p *peer) expect(want string) {
	p.t.Helper()
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			p.t.Fatalf("%v, want %s", err, want)
		}
		if line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, want) {
			p.t.Fatalf("got %q, want %q", line, want)
		}
		return
	}
}

func (p *peer) ended() {
	p.t.Helper()
	if b, err := p.in.ReadByte(); err == nil {
		p.t.Fatalf("the connection goes on: %q", b)
	}
}

func TestPipelining(t *testing.T) {
	f := &fake{}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("EHLO me\r\n")
	p.expect("250 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nRCPT TO:<nosuch>\r\nDATA\r\n")
	for _, w := range []string{"250 2.1.0", "250 2.1.5", "550 5.1.1", "354"} {
		p.expect(w)
	}
	p.send("hi\r\n.\r\nRSET\r\nQUIT\r\n")
	for _, w := range []string{"250 2.0.0", "250 2.0.0 Reset", "221"} {
		p.expect(w)
	}
	p.ended()
	if len(f.messages) != 1 || string(f.messages[0]) != "hi\n" {
		t.Errorf("%q", f.messages)
	}
}

func TestEarlyMessageIsRefused(t *testing.T) {
	f := &fake{}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\nhi\r\n.\r\nMAIL FROM:<x@y>\r\nQUIT\r\n")
	for _, w := range []string{"250 2.1.0", "250 2.1.5", "554 5.5.0 SMTP protocol error"} {
		p.expect(w)
	}
	p.ended()
	if len(f.messages) != 0 {
		t.Errorf("%q", f.messages)
	}
}

func TestEarlyMessageWithFeatureF(t *testing.T) {
	f := &fake{features: []string{"F"}}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
	for _, w := range []string{"250", "250", "354", "250", "221"} {
		p.expect(w)
	}
}

func TestRefusedClient(t *testing.T) {
	f := &fake{refusal: &status.Reply{Code: 550, Enhanced: status.Enhanced{5, 7, 1}, Lines: []string{"Access denied"}}}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	for _, c := range [][2]string{{"EHLO x", "250 ENHANCEDSTATUSCODES"}, {"MAIL FROM:<a@b>", "550 5.7.1 Access denied"}, {"RCPT TO:<a>", "550 5.7.1"},
		{"DATA", "550 5.7.1"}, {"VRFY a", "550 5.7.1"}, {"HELP", "550 5.7.1"}, {"STARTTLS", "550 5.7.1"}, {"foo", "500 5.5.1"}, {"NOOP", "250"}, {"RSET", "250"}, {"QUIT", "221"}} {
		p.send(c[0] + "\r\n")
		p.expect(c[1])
	}
}

func TestSessionThatDoesNotReadTheMessage(t *testing.T) {
	f := &fake{stop: 1}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
	p.expect("250")
	p.expect("250")
	p.expect("354")
	p.send(strings.Repeat("QUIT\r\n", 50000) + ".\r\nNOOP\r\n")
	p.expect("250 2.0.0 ID")
	p.expect("250 2.0.0 OK")
}

func TestReplyCannotBeForged(t *testing.T) {
	f := &fake{}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("VRFY a\rb\r\n")
	p.expect("250 2.1.5 <a b@mail.example.test>")
}

func TestBareLineEndEndsTheSession(t *testing.T) {
	f := &fake{}
	p, _ := serve(t, f, Config{})
	p.expect("220 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
	p.expect("250")
	p.expect("250")
	p.expect("354")
	p.send("x\n.\nMAIL FROM:<evil@b>\r\n.\r\nNOOP\r\n")
	p.expect("421 4.5.0 Bare linefeed (LF) not allowed")
	p.ended()
	if len(f.messages) != 0 {
		t.Errorf("%q", f.messages)
	}
}

func TestTimeout(t *testing.T) {
	f := &fake{}
	p, srv := serve(t, f, Config{Timeouts: Timeouts{Command: time.Nanosecond, Write: time.Minute}})
	p.expect("220 ")
	p.expect("421 4.4.1 mail.example.test timeout")
	p.ended()
	_ = srv.Shutdown(context.Background())
	if !f.closed || !errors.Is(f.cause, os.ErrDeadlineExceeded) {
		t.Errorf("%v", f.cause)
	}
}

func TestShutdown(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		p, srv := serve(t, &fake{}, Config{})
		p.expect("220 ")
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		p.expect("421 4.3.2 ")
		p.ended()
	})
	t.Run("a message is finished", func(t *testing.T) {
		f := &fake{}
		p, srv := serve(t, f, Config{})
		p.expect("220 ")
		p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
		p.expect("250")
		p.expect("250")
		p.expect("354")
		done := make(chan error)
		go func() { done <- srv.Shutdown(context.Background()) }()
		<-p.stopped
		p.send("hi\r\n.\r\n")
		p.expect("250 2.0.0 ID")
		p.expect("421 4.3.2")
		if err := <-done; err != nil || len(f.messages) != 1 {
			t.Error(err, f.messages)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		p, srv := serve(t, &fake{}, Config{})
		p.expect("220 ")
		p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
		p.expect("250")
		p.expect("250")
		p.expect("354")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestLostConnection(t *testing.T) {
	f := &fake{}
	p, srv := serve(t, f, Config{})
	p.expect("220 ")
	p.send("MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
	p.expect("250")
	p.expect("250")
	p.expect("354")
	p.send("hi\r\n")
	p.Close()
	_ = srv.Shutdown(context.Background())
	if !errors.Is(f.cause, io.ErrUnexpectedEOF) && !errors.Is(f.cause, io.EOF) || len(f.messages) != 0 || !strings.Contains(fmt.Sprint(f.cause), "after DATA") {
		t.Errorf("%v %q", f.cause, f.messages)
	}
}

// Standard input and output have no deadlines and no addresses (-bs).
func TestOverStandardInput(t *testing.T) {
	f := &fake{}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	srv := New(Config{HostName: "h", NewSession: func(context.Context, Conn) (Session, error) { return f, nil }})
	go func() {
		srv.ServeConn(context.Background(), stdio{inR, outW}, Conn{})
		outW.Close()
	}()
	go func() {
		_, _ = io.WriteString(inW, "HELO x\r\n")
		_, _ = io.WriteString(inW, "MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nDATA\r\n")
		_, _ = io.WriteString(inW, strings.Repeat("line\r\n", 2000)+".\r\n")
		_, _ = io.WriteString(inW, "QUIT\r\n")
	}()
	r := textproto.NewReader(bufio.NewReader(outR))
	for _, code := range []int{220, 250, 250, 250, 354, 250, 221} {
		if _, _, err := r.ReadResponse(code); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadLine(); err != io.EOF {
		t.Error(err)
	}
	if len(f.messages) != 1 || len(f.messages[0]) != 10000 {
		t.Errorf("%d messages", len(f.messages))
	}
}

type stdio struct {
	io.ReadCloser
	io.Writer
}

func TestNewSessionFails(t *testing.T) {
	client, server := net.Pipe()
	srv := New(Config{HostName: "h", NewSession: func(context.Context, Conn) (Session, error) { return nil, io.ErrNoProgress }})
	go srv.ServeConn(context.Background(), server, Conn{})
	if b, _ := io.ReadAll(client); !strings.HasPrefix(string(b), "421 4.3.0 h ") {
		t.Errorf("%q", b)
	}
}

func TestSlowDown(t *testing.T) {
	f := &fake{}
	var waits []time.Duration
	p, _ := serve(t, f, Config{Delay: func(_ context.Context, d time.Duration) { waits = append(waits, d) }})
	p.expect("220 ")
	for range 5 {
		p.send("HELO x\r\n")
		p.expect("250")
	}
	p.send("QUIT\r\n")
	p.expect("221")
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("%v", waits)
	}
	if !slices.Contains(f.got, "notice: attack by HELO/EHLO, 3") {
		t.Errorf("%q", f.got)
	}
}

// guessing is a session whose passwords are all wrong.
type guessing struct{ *fake }

func (guessing) AuthOffered(context.Context) bool { return true }

func (guessing) Auth(_ context.Context, mechanism string) (sasl.Server, status.Reply) {
	if mechanism != sasl.Plain {
		return nil, say(504, noEnhanced, "no such mechanism")
	}
	return sasl.NewPlainServer(func(_, _, _ string) error { return sasl.ErrUnexpectedClientResponse }), status.Reply{}
}

func (guessing) AuthDone(context.Context, string, error) status.Reply {
	return say(535, status.Enhanced{5, 7, 0}, "authentication failed")
}

// TestSlowGuesses holds that whoever tries passwords waits longer and longer, whatever the tries look like.
func TestSlowGuesses(t *testing.T) {
	f := &fake{}
	var waits []time.Duration
	p, _ := serve(t, guessing{f}, Config{Delay: func(_ context.Context, d time.Duration) { waits = append(waits, d) }})
	p.expect("220 ")
	for range 3 {
		p.send("AUTH\r\nAUTH FOO\r\nAUTH PLAIN AGEAYg==\r\nAUTH PLAIN\r\n*\r\n")
		for _, code := range []string{"501 ", "504 ", "535 ", "334 ", "501 "} {
			p.expect(code)
		}
	}
	p.send("QUIT\r\n")
	p.expect("221")
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("%v", waits)
	}
	if !slices.Contains(f.got, "notice: attack by AUTH, 10") {
		t.Errorf("%q", f.got)
	}
}

func FuzzCommands(f *testing.F) {
	f.Add("EHLO x\r\nMAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c> NOTIFY=NEVER ORCPT=rfc822;a+20b\r\nDATA\r\n.\r\n")
	f.Add("MAIL FROM:<> BY=10;RT AUTH=<> RET=HDRS ENVID=a+2Bb\r\nRCPT TO:<\"a b\"@c> X\r\nVRFY (\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		srv := New(Config{HostName: "h", Delay: func(context.Context, time.Duration) {}, NewSession: func(context.Context, Conn) (Session, error) { return &fake{features: []string{"F"}}, nil }})
		out := &recorder{Reader: strings.NewReader(sent)}
		srv.ServeConn(context.Background(), out, Conn{})
		for line := range strings.Lines(out.String()) {
			if len(line) < 6 || !strings.HasSuffix(line, "\r\n") || line[0] < '2' || line[0] > '5' || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") {
				t.Fatalf("%q was answered by %q", sent, line)
			}
		}
	})
}

type recorder struct {
	io.Reader
	strings.Builder
}

func (r *recorder) Write(p []byte) (int, error)      { return r.Builder.Write(p) }
func (r *recorder) Close() error                     { return nil }
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkSessions is a whole session with one message of 4 kB over loopback, client included.
func BenchmarkSessions(b *testing.B) {
	srv := New(Config{HostName: "h", NewSession: func(context.Context, Conn) (Session, error) { return null{&fake{}}, nil }})
	l, err := Listen(context.Background(), "tcp", "127.0.0.1:0", 0)
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = srv.Serve(context.Background(), l) }()
	defer func() { _ = srv.Shutdown(context.Background()) }()
	message := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52) + ".\r\n"
	b.SetParallelism(10)
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 4096)
		for pb.Next() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			for _, say := range []string{"EHLO x\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", message, "QUIT\r\n", ""} {
				if _, err := conn.Read(buf); err != nil {
					b.Error(err)
				}
				_, _ = io.WriteString(conn, say)
			}
			conn.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

// null drops what it gets without notes.
type null struct{ *fake }

func (null) Data(_ context.Context, r io.Reader) status.Reply {
	_, _ = io.Copy(io.Discard, r)
	return say(250, ok200, "ID Message accepted for delivery")
}

func BenchmarkData(b *testing.B) {
	sent := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 13000) + ".\r\n"
	b.SetBytes(int64(len(sent)))
	for b.Loop() {
		s := newStream(&wire{Reader: strings.NewReader(sent)}, 0)
		s.borrow()
		if _, err := io.Copy(io.Discard, newDataReader(s, features{}, 0, 0)); err != nil {
			b.Fatal(err)
		}
		s.giveBack()
	}
}

// TestStep holds that each command, the greeting among them, has a context of its own.
func TestStep(t *testing.T) {
	f := &fake{}
	steps := 0
	p, _ := serve(t, f, Config{Step: func(ctx context.Context) context.Context {
		steps++
		return ctx
	}})
	p.expect("220 ")
	for _, command := range []string{"HELO client.example", "MAIL FROM:<a@b.example>", "QUIT"} {
		p.send(command + "\r\n")
		p.expect("2")
	}
	if steps != 4 {
		t.Errorf("%d steps", steps)
	}
}

// TestRepliesAreOneLineEach: what a session puts into a reply cannot end it or begin another.
func TestRepliesAreOneLineEach(t *testing.T) {
	for text, want := range map[string]string{"a\r\n250 ok\nb": "a  250 ok b", "nul\x00 del\x7f esc\x1b[2J": "nul  del  esc [2J", "tab\tstays": "tab\tstays"} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
