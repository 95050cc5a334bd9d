package smtpd

import (
	"context"
	"errors"
	"time"
)

// ErrCrowded is why a dialogue ended whose client kept a full server waiting.
var ErrCrowded = errors.New("smtpd: the server is full")

const (
	// crowdPatience is what a dialogue may cost while the server is full.
	crowdPatience = 10 * time.Second
	// slowestRate is how many bytes a client sends in a second of which it is waited for at no cost.
	slowestRate = 500
	// servedPart is which part of the time that the server itself takes for a client counts: a client that keeps it
	// busy without ever handing in a message may do so for five minutes.
	servedPart = 30

	// firstTime is how long a client may take that has said nothing yet (RFC 5321 section 4.5.3.2.7 asks for five
	// minutes), and firstHandshake how long for the handshake of a connection that begins with it.
	firstTime      = 5 * time.Minute
	firstHandshake = time.Minute
)

// cost is what a client has cost since its dialogue began or its last message was taken. The stream's mutex guards it.
type cost struct {
	begun   time.Time
	since   time.Time     // since when the client is waited for; zero: it is not
	waited  time.Duration // for the client, before since
	got     int64         // bytes from it
	cut     func()        // ends the wait, where a deadline does not; may be nil
	crowded bool          // the dialogue is to end
}

// waits says that the client is waited for from now on, and waited that it is not any more and sent n bytes. cut ends
// a wait that has no deadline.
func (s *stream) waits(cut func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost.since, s.cost.cut = time.Now(), cut
	if s.cost.crowded && cut != nil {
		cut()
	}
}

func (s *stream) waited(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost.waited += time.Since(s.cost.since)
	s.cost.since, s.cost.cut = time.Time{}, nil
	s.cost.got += int64(n)
}

// settle forgets what the client cost: it handed in a message.
func (s *stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost.begun, s.cost.waited, s.cost.got = time.Now(), 0, 0
}

// crowded reports whether the dialogue is to end to make room.
func (s *stream) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cost.crowded
}

// costs is what the client has cost by now, and whether it is being waited for; -1 where its dialogue is about to end
// already.
func (s *stream) costs(now time.Time) (d time.Duration, waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.cost
	if c.crowded {
		return -1, false
	}
	waited := c.waited
	if waiting = !c.since.IsZero(); waiting {
		waited += now.Sub(c.since)
	}
	served := now.Sub(c.begun) - waited
	return waited + served/servedPart - time.Duration(c.got)*time.Second/slowestRate, waiting
}

// evict ends the dialogue as soon as it waits for the client.
func (s *stream) evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost.crowded = true
	_ = s.deadline.SetReadDeadline(time.Unix(1, 0))
	if s.cost.since.IsZero() {
		return
	}
	_ = s.deadline.SetWriteDeadline(time.Unix(1, 0))
	if s.cost.cut != nil {
		s.cost.cut()
	}
}

// MakeRoom ends the dialogue that costs most, one that waits for its client if there is any, and reports whether
// there was one that costs enough: the client was waited for ten seconds without sending 500 bytes for each, or has
// kept the server busy for five minutes, and no message came of it. It gets a 421.
func (s *Server) MakeRoom() bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var worst *stream
	var most time.Duration
	var waits bool
	for c := range s.conns {
		d, waiting := c.s.costs(now)
		switch {
		case d < crowdPatience || waits && !waiting:
		case worst == nil, waiting && !waits, d > most:
			worst, most, waits = c.s, d, waiting
		}
	}
	if worst == nil {
		return false
	}
	worst.evict()
	return true
}

// delay lets the client wait, at its own cost.
func (c *conn) delay(d time.Duration) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	c.s.waits(cancel)
	c.srv.delay(ctx, d)
	c.s.waited(0)
}

// atMost is a time limit, where 0 means none, that is not above another.
func atMost(limit, most time.Duration) time.Duration {
	if limit <= 0 {
		return most
	}
	return min(limit, most)
}
