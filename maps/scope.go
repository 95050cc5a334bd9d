package maps

import (
	"context"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// scope holds the connections to servers of class socket that one session, or one message that is delivered, has made.
// The protocol numbers neither questions nor answers: an answer too many would be taken for that to the next question,
// and must not reach anybody else.
type scope struct {
	mu   sync.Mutex
	idle map[string][]*socketConn // by network and address
	over bool
}

// WithScope returns a context for one session or delivery, whose look-ups in maps of class socket use connections of
// their own again and again; end closes them. Without it each look-up makes a connection.
func WithScope(ctx context.Context) (in context.Context, end func()) {
	s := &scope{idle: map[string][]*socketConn{}}
	return context.WithValue(ctx, scopeKey, s), s.end
}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey).(*scope)
	return s
}

// take returns an idle connection, or nil.
func (s *scope) take(endpoint string) *socketConn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.idle[endpoint]
	if len(list) == 0 {
		return nil
	}
	s.idle[endpoint] = list[:len(list)-1]
	return list[len(list)-1]
}

// put keeps a connection that is as it was when it was made.
func (s *scope) put(endpoint string, c *socketConn) {
	if s == nil || !s.keep(endpoint, c) {
		c.nc.Close()
	}
}

func (s *scope) keep(endpoint string, c *socketConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.idle[endpoint] = append(s.idle[endpoint], c)
	}
	return !s.over
}

func (s *scope) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, list := range s.idle {
		for _, c := range list {
			c.nc.Close()
		}
	}
	clear(s.idle)
}

// unread reports whether there is something to read on a connection on which nothing was asked, be it the end.
func unread(nc net.Conn) bool {
	c, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	some := true
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		some = err != unix.EAGAIN
		return true
	})
	return some || err != nil
}
