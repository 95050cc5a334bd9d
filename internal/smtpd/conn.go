package smtpd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"gosendmail/internal/status"
)

// conn is one dialogue. One goroutine runs it.
type conn struct {
	srv  *Server
	info Conn
	s    *stream
	sess Session
	feat features
	base context.Context // of the connection
	ctx  context.Context // of the command that is being carried out

	refused *status.Reply // answers what would need a transaction; nil: the client is welcome
	helo    bool          // HELO or EHLO was accepted
	tls     bool
	authed  bool
	mail    bool // a transaction is going on
	rcpts   int  // accepted in it

	commands                           int // since the beginning or STARTTLS
	bad, noops, helos, verifies, etrns int
	auths                              int
	last                               string // the last command, for Close
	quit                               bool   // the dialogue is over, cause says why
	cause                              error
}

var (
	noEnhanced = status.Enhanced{}
	ok200      = status.Enhanced{2, 0, 0}
	proto550   = status.Enhanced{5, 5, 0}
	syntax552  = status.Enhanced{5, 5, 2}
	order500   = status.Enhanced{5, 0, 0}
)

func say(code int, e status.Enhanced, text string) status.Reply {
	return status.Reply{Code: code, Enhanced: e, Lines: []string{text}}
}

// step begins a command.
func (c *conn) step() {
	if f := c.srv.cfg.Step; f != nil {
		c.ctx = f(c.base)
	}
}

// reply queues a reply; the stream sends it before it next waits.
func (c *conn) reply(r status.Reply) {
	if len(r.Lines) == 0 {
		r.Lines = []string{""}
	}
	code, enhanced := strconv.Itoa(r.Code), ""
	if r.Enhanced != noEnhanced {
		enhanced = r.Enhanced.String() + " "
	}
	for i, line := range r.Lines {
		sep := " "
		if i < len(r.Lines)-1 {
			sep = "-"
		}
		c.s.add(code + sep + enhanced + oneLine(line) + "\r\n")
	}
	if r.Close {
		c.quit = true
	}
}

// oneLine keeps a session's text from beginning a line of its own.
func oneLine(s string) string {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			b := []byte(s)
			for j, ch := range b {
				if ch < ' ' && ch != '\t' || ch == 0x7f {
					b[j] = ' '
				}
			}
			return string(b)
		}
	}
	return s
}

// closing queues a 421 that ends the dialogue (RFC 5321 section 3.8).
func (c *conn) closing(e status.Enhanced, text string) {
	r := say(421, e, c.srv.cfg.HostName+" "+text)
	r.Close = true
	c.reply(r)
}

// client names the peer in replies and notices.
func (c *conn) client() string {
	if s, ok := c.sess.(ClientSession); ok {
		return s.Client()
	}
	if c.info.Remote == nil {
		return c.address()
	}
	return "[" + c.address() + "]"
}

// address is the peer's, without the port.
func (c *conn) address() string {
	if c.info.Remote == nil {
		return "localhost"
	}
	host, _, err := net.SplitHostPort(c.info.Remote.String())
	if err != nil {
		return c.info.Remote.String()
	}
	return host
}

// noticer returns whoever wants to know what deserves a log line.
func (c *conn) noticer() NoticeSession {
	if n, ok := c.sess.(NoticeSession); ok {
		return n
	}
	return deaf{}
}

// deaf is a NoticeSession that wants to know nothing.
type deaf struct{}

func (deaf) Attack(context.Context, string, int) {}
func (deaf) TooLong(context.Context, int)        {}
func (deaf) Proxy(context.Context, string)       {}
func (deaf) Trapdoor(context.Context, string)    {}
func (deaf) Early(context.Context, string)       {}
func (deaf) Misspoken(context.Context, string)   {}
func (deaf) Undecoded(context.Context, string)   {}

// issued tells that a command was issued that shows what a client wants.
func (c *conn) issued(verb string) {
	if s, ok := c.sess.(IssueSession); ok {
		s.Issued(c.ctx, verb)
	}
}

// run carries the dialogue from greeting to end.
func (c *conn) run() {
	defer func() {
		err := c.s.flush()
		if c.cause == nil && err != nil && !c.done() {
			c.cause = &LostError{c.last, err}
		}
		c.srv.cfg.Panicked.Run("end of the session with "+c.client(), func() { c.sess.Close(c.ctx, c.cause) })
	}()
	if err := c.srv.cfg.Panicked.Run("session with "+c.client(), c.dialogue); err != nil {
		c.closing(status.Enhanced{4, 3, 0}, "Temporary system failure")
		c.cause = &LostError{c.last, err}
	}
}

// dialogue is what a panic ends.
func (c *conn) dialogue() {
	c.last = "startup"
	c.step()
	c.greet()
	for !c.quit {
		within := c.srv.cfg.Timeouts.Command
		if c.last == "startup" {
			within = atMost(within, firstTime)
		}
		line, err := c.s.readLine(c.srv.limits.CommandLine, within)
		if err != nil {
			c.lost(err)
			return
		}
		c.command(string(line))
	}
}

// done reports whether the client said QUIT.
func (c *conn) done() bool { return c.last == "QUIT" }

// lost tells the client, where that can help, why the connection ends, and notes the cause.
func (c *conn) lost(err error) {
	var long *lineTooLong
	switch {
	case errors.As(err, &long):
		c.closing(status.Enhanced{4, 7, 0}, "Command too long, possible attack "+c.client())
		c.noticer().TooLong(c.ctx, long.bytes)
		c.quit = true
		return
	case errors.Is(err, ErrCrowded):
		c.closing(status.Enhanced{4, 3, 2}, "Too many connections; closing one that takes long")
	case c.srv.closing.Load():
		c.closing(status.Enhanced{4, 3, 2}, "closing connection: server shutting down")
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = ErrServerClosed
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.closing(status.Enhanced{4, 4, 1}, "timeout waiting for input from "+c.client())
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF
	}
	c.quit = true
	c.cause = &LostError{c.last, err}
}

// greet begins the dialogue.
func (c *conn) greet() {
	r := c.sess.Connect(c.ctx)
	if t, ok := c.sess.(TLSSession); ok && t.ImplicitTLS() && !c.implicitTLS(t) {
		return
	}
	if f, ok := c.sess.(FeatureSession); ok {
		c.feat = parseFeatures(f.Features(c.ctx))
	}
	if r.Code < 400 {
		if early := c.pause(); early != nil {
			c.refuse(say(550, order500, "Command rejected"))
			r = *early
		}
		c.reply(r)
		return
	}
	if !r.Close {
		c.refuse(r)
		if g, ok := c.sess.(GreetingSession); ok {
			r = g.Greeting(c.ctx)
		}
	}
	c.reply(r)
}

// pause keeps the greeting back (greet_pause) and returns the refusal of a client that did not wait for it.
func (c *conn) pause() *status.Reply {
	p, ok := c.sess.(PauseSession)
	if !ok {
		return nil
	}
	d := min(p.GreetPause(c.ctx), 5*time.Minute)
	if d <= 0 {
		return nil
	}
	err := c.s.readWithin(d, true)
	if err == nil && c.s.buffered() == 0 {
		err = c.s.fill()
	}
	if err == nil {
		r := p.EarlyTalk(c.ctx)
		return &r
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.srv.closing.Load() {
		c.lost(err)
	}
	return nil
}

func (c *conn) refuse(r status.Reply) {
	r.Close = false
	c.refused = &r
}

// badCommand counts what no client has to send, and ends the dialogue after too much of it.
func (c *conn) badCommand(r status.Reply) {
	c.bad++
	if limit := c.srv.limits.BadCommands; limit > 0 && c.bad > limit {
		c.closing(status.Enhanced{4, 7, 0}, "Too many bad commands; closing connection")
		return
	}
	c.reply(r)
}

// slowDown makes clients wait that repeat a command without need, each time twice as long.
func (c *conn) slowDown(count *int, limit int, name string) {
	*count++
	if limit <= 0 || *count < limit {
		return
	}
	if *count == limit {
		c.noticer().Attack(c.ctx, name, *count)
	}
	if err := c.s.flush(); err != nil {
		return // the next read tells
	}
	c.delay(min(time.Second<<min(*count-limit, 20), 4*time.Minute))
}
