package smtpd

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"gosendmail/internal/guard"
)

const (
	idleBuffer = 2048     // bytes that a connection without traffic keeps for reading
	dataBuffer = 64 << 10 // bytes borrowed while a message is read
	longest    = 12288    // bytes of a command that are read to see how long it is
)

var (
	dataBuffers  = sync.Pool{New: func() any { b := make([]byte, dataBuffer); return &b }}
	replyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}
)

// lineTooLong is a command that is longer than it may be; bytes is how many of it came.
type lineTooLong struct{ bytes int }

func (e *lineTooLong) Error() string {
	return "smtpd: command too long: " + strconv.Itoa(e.bytes) + " bytes"
}

// deadliner is what network connections have for timeouts.
type deadliner interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// stream reads lines and message data from a connection and collects replies. It is used by one goroutine;
// interrupt alone may be called from others.
type stream struct {
	rw       io.ReadWriteCloser
	deadline deadliner // nil: rw is a pump or cannot time out
	buf      []byte
	r, w     int // buf[r:w] is unread
	borrowed *[]byte
	out      *[]byte // replies not yet sent; nil when there are none
	writeFor time.Duration

	mu          sync.Mutex
	interrupted bool // no more reading
	stopIdle    bool // no more waiting for commands
	idle        bool // the last wait was for a command
	cost        cost
}

func newStream(rw io.ReadWriteCloser, writeFor time.Duration) *stream {
	s := &stream{buf: make([]byte, idleBuffer), writeFor: writeFor, cost: cost{begun: time.Now()}}
	s.use(rw)
	return s
}

// use makes the stream run over rw, which is another one after STARTTLS.
func (s *stream) use(rw io.ReadWriteCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rw = rw
	if d, ok := rw.(deadliner); ok && d.SetReadDeadline(time.Time{}) == nil {
		s.deadline = d
		return
	}
	p := newPump(rw)
	s.rw, s.deadline = p, p
}

// interrupt makes the current and all later reads fail with os.ErrDeadlineExceeded.
func (s *stream) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = true
	_ = s.deadline.SetReadDeadline(time.Unix(1, 0))
}

// interruptIdle does so where a command is waited for, now or later; a message is still read.
func (s *stream) interruptIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopIdle = true
	if s.idle {
		_ = s.deadline.SetReadDeadline(time.Unix(1, 0))
	}
}

// readWithin sets the deadline of the next reads; idle says that they wait for a command.
func (s *stream) readWithin(d time.Duration, idle bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = idle
	if s.cost.crowded {
		return ErrCrowded
	}
	if s.interrupted || idle && s.stopIdle {
		return os.ErrDeadlineExceeded
	}
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d)
	}
	return s.deadline.SetReadDeadline(t)
}

// buffered returns how many bytes wait that the client sent already.
func (s *stream) buffered() int { return s.w - s.r }

// fill reads once. It makes room first; there must be some or some to be made.
func (s *stream) fill() error {
	if s.r > 0 {
		copy(s.buf, s.buf[s.r:s.w])
		s.w -= s.r
		s.r = 0
	}
	for range 100 {
		n, err := s.rw.Read(s.buf[s.w:])
		s.w += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// await is fill where the client is expected to send something.
func (s *stream) await() error {
	before := s.buffered()
	s.waits(nil)
	err := s.fill()
	s.waited(s.buffered() - before)
	if err != nil && s.crowded() {
		return ErrCrowded
	}
	return err
}

// readLine returns the next line without its line end, valid until the next read. A last line that has no end is
// lost with the connection. Waiting replies are sent before the stream blocks.
func (s *stream) readLine(limit int, within time.Duration) ([]byte, error) {
	if s.crowded() {
		return nil, ErrCrowded
	}
	from := s.r
	for {
		if i := bytes.IndexByte(s.buf[from:s.w], '\n'); i >= 0 {
			line := s.buf[s.r : from+i]
			s.r = from + i + 1
			if len(line) > limit {
				return nil, &lineTooLong{len(line) + 1}
			}
			return bytes.TrimRight(line, "\r"), nil
		}
		if s.w-s.r > max(limit, longest) {
			return nil, &lineTooLong{s.w - s.r}
		}
		if err := s.flush(); err != nil {
			return nil, err
		}
		if s.r == 0 && s.w == len(s.buf) {
			s.grow(max(limit, min(2*len(s.buf), longest)) + 2)
		}
		if err := s.readWithin(within, true); err != nil {
			return nil, err
		}
		from = s.w - s.r // what is there has no line end; fill moves it to the front
		if err := s.await(); err != nil {
			return nil, err
		}
	}
}

func (s *stream) grow(n int) {
	b := make([]byte, max(n, len(s.buf)+1))
	s.w = copy(b, s.buf[s.r:s.w])
	s.r, s.buf = 0, b
}

// borrow swaps in a large buffer for a message; giveBack ends that.
func (s *stream) borrow() {
	s.borrowed = dataBuffers.Get().(*[]byte)
	b := *s.borrowed
	if s.w-s.r > len(b) {
		s.borrowed = nil
		return
	}
	s.w = copy(b, s.buf[s.r:s.w])
	s.r, s.buf = 0, b
}

func (s *stream) giveBack() {
	if s.borrowed == nil {
		return
	}
	b := make([]byte, max(idleBuffer, s.w-s.r))
	s.w = copy(b, s.buf[s.r:s.w])
	s.r, s.buf = 0, b
	dataBuffers.Put(s.borrowed)
	s.borrowed = nil
}

// add appends to the waiting replies.
func (s *stream) add(line string) {
	if s.out == nil {
		s.out = replyBuffers.Get().(*[]byte)
	}
	*s.out = append(*s.out, line...)
}

// flush sends the waiting replies in one write.
func (s *stream) flush() error {
	if s.out == nil {
		return nil
	}
	out := s.out
	s.out = nil
	if err := s.writeWithin(); err != nil {
		return err
	}
	s.waits(nil)
	_, err := s.rw.Write(*out)
	s.waited(0)
	if cap(*out) <= 16<<10 {
		*out = (*out)[:0]
		replyBuffers.Put(out)
	}
	return err
}

// writeWithin sets the deadline of the next write: a client that is to go has to take its reply at once.
func (s *stream) writeWithin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.writeFor
	if s.cost.crowded {
		d = atMost(d, time.Second)
	}
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d)
	}
	return s.deadline.SetWriteDeadline(t)
}

// pump gives deadlines to a stream that has none (standard input): a goroutine reads ahead, one block at a time.
type pump struct {
	io.ReadWriteCloser
	blocks chan []byte // unread blocks; closed at the end
	err    error       // valid once blocks is closed
	block  []byte

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

func newPump(rw io.ReadWriteCloser) *pump {
	p := &pump{ReadWriteCloser: rw, blocks: make(chan []byte), changed: make(chan struct{}, 1), closed: make(chan struct{})}
	guard.Report(nil).Go("standard input", p.run)
	return p
}

func (p *pump) run() {
	defer close(p.blocks)
	for {
		b := make([]byte, idleBuffer)
		n, err := p.ReadWriteCloser.Read(b)
		if n > 0 {
			select {
			case p.blocks <- b[:n]:
			case <-p.closed:
				return
			}
		}
		if err != nil {
			p.err = err
			return
		}
	}
}

func (p *pump) Read(b []byte) (int, error) {
	for len(p.block) == 0 {
		if err := p.wait(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.block)
	p.block = p.block[n:]
	return n, nil
}

// wait takes the next block, unless the deadline comes first or changes.
func (p *pump) wait() error {
	p.mu.Lock()
	d := p.deadline
	p.mu.Unlock()
	var expired <-chan time.Time
	if !d.IsZero() {
		t := time.NewTimer(time.Until(d))
		defer t.Stop()
		expired = t.C
	}
	select {
	case b, ok := <-p.blocks:
		if !ok {
			return p.err
		}
		p.block = b
	case <-expired:
		return os.ErrDeadlineExceeded
	case <-p.changed:
	}
	return nil
}

func (p *pump) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	p.deadline = t
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}

// SetWriteDeadline has no effect: whoever reads our standard output is local.
func (p *pump) SetWriteDeadline(time.Time) error { return nil }

func (p *pump) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.ReadWriteCloser.Close()
}
