package smtpd

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"gosendmail/internal/status"
)

// authLine is how long a client's answer may be (RFC 4954 section 4).
const authLine = 12288

var (
	errAuthCancelled = errors.New("smtpd: the client cancelled the exchange")
)

// notBase64 is an answer of the client that cannot be decoded.
type notBase64 struct {
	text    string
	initial bool // it stood in the AUTH command
}

// Error does not repeat the text, which may be a secret.
func (e *notBase64) Error() string { return "smtpd: the client's answer is not base64" }

// reply is the original's.
func (e *notBase64) reply() status.Reply {
	text := "cannot decode AUTH parameter " + clean(e.text)
	if e.initial {
		text = "cannot BASE64 decode '" + clean(e.text) + "'"
	}
	return say(501, status.Enhanced{5, 5, 4}, text)
}

// auth carries out AUTH (RFC 4954).
func (c *conn) auth(_, arg string) {
	name, initial := splitCommand(arg)
	a, ok := c.sess.(AuthSession)
	switch {
	case ok && !a.AuthOffered(c.ctx):
		c.badCommand(say(503, status.Enhanced{5, 3, 3}, "AUTH not available"))
		return
	case !ok && name == "":
		c.reply(say(501, syntax552, "AUTH mechanism must be specified"))
		return
	case !ok:
		c.badCommand(say(504, status.Enhanced{5, 3, 3}, "AUTH mechanism "+clean(name)+" not available"))
		return
	case c.authed:
		c.reply(say(503, proto550, "Already Authenticated"))
		return
	case c.mail:
		c.reply(say(503, proto550, "AUTH not permitted during a mail transaction"))
		return
	}
	c.slowDown(&c.auths, c.srv.limits.Auth, "AUTH")
	if name == "" {
		c.reply(say(501, syntax552, "AUTH mechanism must be specified"))
		return
	}
	server, r := a.Auth(c.ctx, strings.ToUpper(name))
	if server == nil {
		c.badCommand(r)
		return
	}
	mechanism := strings.ToUpper(name)
	err := c.exchange(initial, server.Next)
	if c.quit {
		return
	}
	var undecoded *notBase64
	switch {
	case errors.Is(err, errAuthCancelled):
	case errors.As(err, &undecoded):
		if undecoded.initial {
			c.noticer().Undecoded(c.ctx, undecoded.text)
		}
	default:
		r = a.AuthDone(c.ctx, mechanism, err)
	}
	switch {
	case errors.Is(err, errAuthCancelled):
		r = say(501, order500, "AUTH aborted")
	case errors.As(err, &undecoded):
		r = undecoded.reply()
	case err == nil && r.Code < 400:
		c.authed = true
		c.reply(r)
		return
	}
	c.badCommand(r)
}

// exchange passes challenges and answers until the mechanism is done. A "=" stands for an empty initial answer.
func (c *conn) exchange(initial string, next func([]byte) ([]byte, bool, error)) error {
	var answer []byte
	if initial != "" {
		b, ok := decodeAnswer(initial)
		if !ok {
			return &notBase64{initial, true}
		}
		answer = b
	}
	for {
		challenge, done, err := next(answer)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		c.reply(say(334, noEnhanced, base64.StdEncoding.EncodeToString(challenge)))
		line, err := c.s.readLine(authLine, c.srv.cfg.Timeouts.Command)
		if err != nil {
			c.lost(err)
			return err
		}
		if string(line) == "*" {
			return errAuthCancelled
		}
		var ok bool
		if answer, ok = decodeAnswer(string(line)); !ok {
			return &notBase64{string(line), false}
		}
	}
}

func decodeAnswer(s string) (answer []byte, ok bool) {
	if s == "=" {
		return []byte{}, true
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, false
	}
	if b == nil {
		b = []byte{}
	}
	return b, true
}

// startTLS carries out STARTTLS (RFC 3207). What was sent in plain text after the command is refused with it.
func (c *conn) startTLS(_, arg string) {
	t, ok := c.sess.(TLSSession)
	switch {
	case arg != "":
		c.reply(say(501, syntax552, "Syntax error (no parameters allowed)"))
		return
	case !ok:
		c.badCommand(say(454, status.Enhanced{4, 3, 3}, "TLS not available after start"))
		return
	case !t.TLSOffered(c.ctx):
		c.badCommand(say(503, proto550, "TLS not available"))
		return
	case c.tls:
		c.badCommand(say(454, status.Enhanced{4, 3, 3}, "TLS not available after start"))
		return
	case c.mail:
		c.reply(say(503, proto550, "TLS not permitted during a mail transaction"))
		return
	case c.s.buffered() > 0:
		c.noticer().Early(c.ctx, "STARTTLS")
		c.badCommand(say(554, proto550, "SMTP protocol error"))
		c.refuse(say(550, order500, "Command rejected"))
		return
	}
	cfg, r := t.StartTLS(c.ctx)
	if cfg == nil {
		c.badCommand(r)
		return
	}
	c.reply(say(220, ok200, "Ready to start TLS"))
	if err := c.s.flush(); err != nil {
		c.lost(err)
		return
	}
	c.handshake(t, cfg)
}

// implicitTLS begins a connection that is TLS from its first byte; false means that it is over. Nothing can be said to
// a client that cannot have TLS.
func (c *conn) implicitTLS(t TLSSession) bool {
	cfg, _ := t.StartTLS(c.ctx)
	if cfg == nil {
		c.quit, c.cause = true, &LostError{"STARTTLS", errors.New("TLS not available")}
		return false
	}
	c.handshake(t, cfg)
	return !c.quit
}

func (c *conn) handshake(t TLSSession, cfg *tls.Config) {
	nc := tls.Server(asNetConn(c.s, c.info), cfg)
	within := c.srv.cfg.Timeouts.StartTLS
	if c.last == "startup" {
		within = atMost(within, firstHandshake)
	}
	if err := c.s.shakeHands(c.ctx, nc, within); err != nil {
		t.TLSDone(c.ctx, nil, err)
		c.quit, c.cause = true, &LostError{"STARTTLS", err}
		return
	}
	c.s.use(nc)
	state := nc.ConnectionState()
	if r := t.TLSDone(c.ctx, &state, nil); r.Code >= 400 {
		c.refuse(r)
	}
	c.tls, c.helo, c.authed, c.mail, c.rcpts, c.commands = true, false, false, false, 0, 0
}

// shakeHands does the handshake on the stream's connection.
func (s *stream) shakeHands(ctx context.Context, nc *tls.Conn, within time.Duration) error {
	err := s.readWithin(within, true)
	if err == nil {
		err = s.writeWithin()
	}
	if err != nil {
		return err
	}
	s.waits(nil)
	err = nc.HandshakeContext(ctx)
	s.waited(0)
	if err != nil && s.crowded() {
		return ErrCrowded
	}
	return err
}

// asNetConn lets TLS run over any stream.
func asNetConn(s *stream, info Conn) net.Conn {
	if nc, ok := s.rw.(net.Conn); ok {
		return nc
	}
	return streamConn{s.rw, s.deadline, info}
}

type streamConn struct {
	io.ReadWriteCloser
	deadliner
	info Conn
}

func (s streamConn) LocalAddr() net.Addr  { return s.info.Local }
func (s streamConn) RemoteAddr() net.Addr { return s.info.Remote }
func (s streamConn) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}
