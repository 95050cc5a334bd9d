package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/guard"
	"gosendmail/internal/status"
)

// Server serves SMTP. Make one with New.
type Server struct {
	cfg     Config
	limits  Limits
	slots   chan struct{} // nil: no limit of connections
	closing atomic.Bool
	retired atomic.Bool // accepts nobody, lets sessions go on

	faults faults // of accepting

	mu        sync.Mutex
	listeners map[net.Listener]bool
	conns     map[*conn]context.CancelFunc
	running   sync.WaitGroup
}

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("smtpd: server closed")

// New returns a Server of a configuration.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, limits: cfg.Limits.withDefaults(), listeners: map[net.Listener]bool{}, conns: map[*conn]context.CancelFunc{}}
	if s.cfg.Timeouts.Write == 0 {
		s.cfg.Timeouts.Write = s.cfg.Timeouts.Command
	}
	if cfg.MaxConns > 0 {
		s.slots = make(chan struct{}, cfg.MaxConns)
	}
	return s
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int
		n     int
	}{{&l.BadCommands, 25}, {&l.Noop, 20}, {&l.Helo, 3}, {&l.Verify, 6}, {&l.Etrn, 8}, {&l.Auth, 10}, {&l.CommandLine, 2048}} {
		if *d.value == 0 {
			*d.value = d.n
		}
	}
	if l.CommandLine < 512 { // RFC 5321 section 4.5.3.1.4
		l.CommandLine = 512
	}
	return l
}

// MinBacklog is the least length of the queue of connections not yet accepted.
const MinBacklog = 1024

// Listen opens a TCP listener ("tcp", "tcp4", "tcp6") with a backlog of connections of at least MinBacklog, as far as
// the system allows (net.core.somaxconn). It is an ordinary net.Listener.
func Listen(ctx context.Context, network, addr string, backlog int) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: 5 * time.Minute}
	l, err := lc.Listen(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("smtpd: listen %s: %w", addr, err)
	}
	raw, err := l.(syscall.Conn).SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), max(backlog, MinBacklog)) })
		err = errors.Join(err, cerr)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("smtpd: listen %s: backlog: %w", addr, err)
	}
	return l, nil
}

// Serve accepts connections until the listener fails for good, Shutdown is called (ErrServerClosed) or ctx ends. It
// closes l. Several listeners may be served at once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.track(l) {
		l.Close()
		return ErrServerClosed
	}
	defer s.untrack(l)
	stop := context.AfterFunc(ctx, s.cfg.Panicked.Func("listener", func() { l.Close() }))
	defer stop()
	for {
		if s.slots != nil {
			select {
			case s.slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var nc net.Conn
		err := guard.Try("accept", func() (err error) { nc, err = l.Accept(); return err })
		if err != nil {
			s.release()
			if done, err := s.acceptFailed(ctx, err); done {
				return err
			}
			continue
		}
		s.running.Go(s.cfg.Panicked.Func("connection", func() {
			defer s.release()
			s.ServeConn(ctx, nc, Conn{Local: nc.LocalAddr(), Remote: nc.RemoteAddr()})
		}))
	}
}

// acceptFailed says whether Serve is over. Lack of descriptors or memory passes; there a moment is waited.
func (s *Server) acceptFailed(ctx context.Context, err error) (bool, error) {
	switch {
	case s.closing.Load() || s.retired.Load():
		return true, ErrServerClosed
	case ctx.Err() != nil:
		return true, ctx.Err()
	case errors.Is(err, net.ErrClosed):
		return true, fmt.Errorf("smtpd: accept: %w", err)
	}
	if n := s.faults.count(time.Now()); n > 0 && s.cfg.AcceptError != nil {
		s.cfg.AcceptError(n, err)
	}
	if errors.Is(err, syscall.ECONNABORTED) {
		return false, nil
	}
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return false, nil
}

// faultInterval is how often failures to accept are told: without descriptors there are twenty in a second.
const faultInterval = time.Minute

// faults counts failures that are not told one by one.
type faults struct {
	mu   sync.Mutex
	told time.Time
	n    int
}

// count counts one. It returns how many there were since it last returned any, at most once in faultInterval, else 0.
func (f *faults) count(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if !f.told.IsZero() && now.Sub(f.told) < faultInterval {
		return 0
	}
	n := f.n
	f.told, f.n = now, 0
	return n
}

func (s *Server) release() {
	if s.slots != nil {
		<-s.slots
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() || s.retired.Load() {
		return false
	}
	s.listeners[l] = true
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	l.Close()
}

// ServeConn runs one dialogue over rw and closes it. It is what Serve does with each connection, and what -bs does with
// standard input and output; a stream without deadlines gets them by a goroutine that reads ahead.
func (s *Server) ServeConn(ctx context.Context, rw io.ReadWriteCloser, info Conn) {
	ctx, cancel := context.WithCancel(guard.With(ctx, s.cfg.Panicked))
	defer cancel()
	if s.cfg.Scope != nil {
		scope, end := s.cfg.Scope(ctx)
		defer end()
		ctx = scope
	}
	if s.cfg.Wrap != nil {
		rw = s.cfg.Wrap(rw)
	}
	c := &conn{srv: s, info: info, base: ctx, ctx: ctx, s: newStream(rw, s.cfg.Timeouts.Write)}
	defer func() { c.s.rw.Close() }()
	if !s.join(c, cancel) {
		return
	}
	defer s.leave(c)
	err := guard.Try("session", func() (err error) { c.sess, err = s.cfg.NewSession(ctx, info); return err })
	if err != nil {
		s.cfg.Panicked.Tell(err)
		c.closing(status.Enhanced{4, 3, 0}, "Temporary system failure")
		_ = c.s.flush()
		return
	}
	c.run()
}

func (s *Server) join(c *conn, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = cancel
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Connections returns how many dialogues are going on.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Clients returns the addresses of those whose dialogues are going on, sorted; "localhost" is one on standard input.
func (s *Server) Clients() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c.address())
	}
	slices.Sort(list)
	return list
}

// Retire stops accepting, lets the dialogues under way come to their own end, and returns then: another server has
// taken over.
func (s *Server) Retire() {
	s.mu.Lock()
	s.retired.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Shutdown stops accepting. Clients between commands are told 421 and left; a command that is being carried out, a
// message above all, is finished. When ctx ends, what is left is cut off and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.s.interruptIdle()
	}
	s.mu.Unlock()
	done := guard.Start("shutdown", func() error { s.running.Wait(); return nil })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c, cancel := range s.conns {
		cancel()
		c.s.interrupt()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

// delay waits for slowDown.
func (s *Server) delay(ctx context.Context, d time.Duration) {
	if s.cfg.Delay != nil {
		s.cfg.Delay(ctx, d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
