package mailers

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/guard"
	"gosendmail/internal/status"
)

// transport is what a session runs over: a network connection or the pipes of a program.
type transport interface {
	io.ReadWriteCloser
	SetDeadline(t time.Time) error
}

// session is one SMTP or LMTP connection, in the state between two transactions unless a method says otherwise.
type session struct {
	transport transport
	br        *bufio.Reader
	bw        *bufio.Writer
	key       string // in the connection cache
	peer      Peer
	lmtp      bool
	t         Timeouts
	now       func() time.Time

	security Security             // nil: the connection is used as it is
	tls      *tls.ConnectionState // nil without TLS
	implicit bool                 // it began with the handshake
	loggedIn bool                 // the peer accepted a login
	caps     capabilities
	messages int       // transactions begun
	idle     time.Time // since when it has been in the cache
	exchange func(out bool, line string)
	farewell func(out bool, line string) // see Job
	ctx      context.Context             // of the current delivery; nil in the cache
	stop     func() bool                 // ends the watch on ctx
}

// capabilities are the EHLO keywords in upper case with their parameters (RFC 5321 section 4.1.1.1).
type capabilities map[string]string

func (c capabilities) has(keyword string) bool { _, ok := c[keyword]; return ok }

// size is the announced limit; 0 means none or unknown (RFC 1870).
func (c capabilities) size() int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(c["SIZE"]), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func parseCapabilities(lines []string) capabilities {
	c := capabilities{}
	for _, l := range lines {
		key, args, _ := strings.Cut(strings.TrimSpace(l), " ")
		// "AUTH=LOGIN" is an old way to write "AUTH LOGIN".
		if k, v, ok := strings.Cut(key, "="); ok && strings.EqualFold(k, "AUTH") {
			key, args = k, v+" "+args
		}
		key = strings.ToUpper(key)
		if old, twice := c[key]; twice && key == "AUTH" {
			args = old + " " + args
		}
		c[key] = args
	}
	return c
}

func newSession(tr transport, peer Peer, t Timeouts, now func() time.Time) *session {
	return &session{
		transport: tr, peer: peer, t: t.withDefaults(), now: now,
		br: bufio.NewReaderSize(tr, 4096), bw: bufio.NewWriterSize(tr, 32<<10),
	}
}

// watch makes the end of ctx cut every read and write short; unwatch ends that.
func (s *session) watch(ctx context.Context) {
	s.unwatch()
	s.ctx = ctx
	s.stop = context.AfterFunc(ctx, guard.From(ctx).Func("delivery", func() { s.transport.SetDeadline(time.Unix(1, 0)) }))
}

func (s *session) unwatch() {
	if s.stop != nil {
		s.stop()
	}
	s.ctx, s.stop = nil, nil
}

// deadline gives the next reads and writes so much time, none if the delivery was cancelled.
func (s *session) deadline(limit time.Duration) {
	s.transport.SetDeadline(s.now().Add(limit))
	if s.ctx != nil && s.ctx.Err() != nil {
		s.transport.SetDeadline(time.Unix(1, 0))
	}
}

// connecting is what a lostError was doing when there was no connection yet.
const connecting = "connect"

// finalDot is what it was doing after the message.
const finalDot = "final dot"

// lostError says that the connection is of no more use: whoever still waits for an answer is deferred.
type lostError struct {
	doing   string
	peer    string
	err     error
	reading bool // a reply was waited for, and it was not we who gave up
}

func (e *lostError) Error() string { return fmt.Sprintf("mailers: %s: %s: %v", e.peer, e.doing, e.err) }
func (e *lostError) Unwrap() error { return e.err }

// status is a temporary failure in the original's words.
func (e *lostError) status() status.Status {
	s := status.FromExit(status.TempFail)
	s.Remote, s.Err = e.peer, e
	s.Text = "Deferred: " + connectionText(e.err, e.peer)
	s.Enhanced = status.Enhanced{4, 4, 2}
	if e.doing == "RCPT" {
		s.Scope = status.OfRecipient
	}
	if e.doing == connecting {
		s.Enhanced = status.Enhanced{4, 4, 1}
	}
	return s
}

// phase is what was waited for, as the original's log names it.
func (e *lostError) phase() string {
	switch e.doing {
	case "DATA":
		return "DATA 354"
	case finalDot:
		return "DATA status"
	}
	return e.doing
}

// QueueText is why a message waits, as the queue file keeps it for mailq.
func QueueText(st status.Status) string {
	if lost := new(lostError); errors.As(st.Err, &lost) && lost.reading {
		return "reply: read error from " + lost.peer
	}
	return st.Text
}

// IsLost reports whether an outcome's cause is a connection that was not made or not kept, which its text tells.
func IsLost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

func timedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, context.DeadlineExceeded)
}

// connectionText names what happened to a connection as the original's log does.
func connectionText(err error, peer string) string {
	switch {
	case timedOut(err):
		return "Connection timed out with " + peer
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused by " + peer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return "Connection reset by " + peer
	case errors.Is(err, errReplyTooLong):
		return "Remote protocol error"
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		text := no.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

func (s *session) lost(doing string, err error) error {
	return &lostError{doing: doing, peer: s.peer.Name, err: err}
}

// queueCommand writes a command without sending it yet.
func (s *session) queueCommand(line string) {
	if s.exchange != nil {
		s.exchange(true, line)
	}
	s.bw.WriteString(line)
	s.bw.WriteString("\r\n")
}

func (s *session) flush(doing string, limit time.Duration) error {
	s.deadline(limit)
	if err := s.bw.Flush(); err != nil {
		return s.lost(doing, err)
	}
	return nil
}

// read waits for one answer at most limit.
func (s *session) read(doing string, limit time.Duration) (reply, error) {
	s.deadline(limit)
	var tell func(string)
	if s.exchange != nil {
		tell = func(line string) { s.exchange(false, line) }
	}
	r, err := readReply(s.br, tell)
	if err != nil {
		return r, &lostError{doing: doing, peer: s.peer.Name, err: err, reading: s.ctx == nil || s.ctx.Err() == nil}
	}
	if !s.caps.has("ENHANCEDSTATUSCODES") {
		r.Enhanced = status.Enhanced{} // it is text like any other (RFC 2034 section 3)
	}
	return r, nil
}

// command sends one command and waits for its answer.
func (s *session) command(doing string, limit time.Duration, line string) (reply, error) {
	s.queueCommand(line)
	if err := s.flush(doing, limit); err != nil {
		return reply{}, err
	}
	return s.read(doing, limit)
}

// greet reads the greeting and introduces us. name is what we call ourselves; loop reports whether a host name is ours.
// A refusal comes back as a status.Status, a lost connection as a lostError.
func (s *session) greet(m *Mailer, name string, loop func(string) bool) error {
	r, err := s.read("greeting", s.t.Initial)
	if err != nil {
		return err
	}
	if !r.good() {
		return r.status(phaseGreeting, s.peer.Name)
	}
	esmtp := m.Flags.Has('a') || strings.Contains(strings.ToUpper(strings.Join(r.Lines, " ")), "ESMTP")
	if r, err = s.hello(name, (esmtp && !m.Flags.Has('2')) || s.lmtp); err != nil {
		return err
	}
	if !r.good() {
		return r.status(phaseHello, s.peer.Name)
	}
	if says, _, _ := strings.Cut(strings.TrimSpace(r.Lines[0]), " "); !s.lmtp && !m.Flags.Has('k') && loop != nil && loop(says) {
		st := fault("553 5.3.5", s.peer.Name+" config error: mail loops back to me (MX problem?)")
		st.Diagnostic = "553 5.3.5 system config error"
		return st
	}
	if m.Flags.Has('I') && !s.lmtp {
		if _, err := s.command("VERB", s.t.Misc, "VERB"); err != nil {
			return err
		}
	}
	return nil
}

// hello says LHLO, EHLO or HELO; a peer that refuses EHLO for good is asked with HELO (RFC 5321 section 3.2).
func (s *session) hello(name string, extended bool) (reply, error) {
	s.caps = capabilities{}
	if s.lmtp {
		r, err := s.command("LHLO", s.t.Lhlo, "LHLO "+name)
		if err == nil && r.good() {
			s.caps = parseCapabilities(r.Lines[1:])
		}
		return r, err
	}
	if extended {
		r, err := s.command("EHLO", s.t.Helo, "EHLO "+name)
		if err != nil {
			return r, err
		}
		if r.good() {
			s.caps = parseCapabilities(r.Lines[1:])
			s.peer.DSN, s.peer.DeliverBy = s.caps.has("DSN"), s.caps.has("DELIVERBY")
			return r, nil
		}
		if r.Code/100 != 5 {
			return r, nil
		}
	}
	return s.command("HELO", s.t.Helo, "HELO "+name)
}

// quit ends the connection politely and closes it in any case.
func (s *session) quit() {
	defer s.close()
	s.queueCommand("QUIT")
	if s.flush("QUIT", s.t.Quit) == nil {
		s.read("QUIT", s.t.Quit)
	}
}

func (s *session) close() {
	s.unwatch()
	s.transport.Close()
}
