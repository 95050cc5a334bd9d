package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"gosendmail/internal/status"
)

// dataReader gives a message as the queue stores it: dots undone, CRLF made LF. It goes on reading slices of the
// stream's buffer until the lone dot (RFC 5321 section 4.1.1.4) and then gives io.EOF.
//
// A fault (size, bare LF, bare CR) is a status.Status and permanent for the reader; drain then still finds the
// end of the message, so that nothing of it is taken for commands.
type dataReader struct {
	s      *stream
	feat   features
	limit  int64 // 0: none
	within time.Duration

	start   bool // at the beginning of a line
	crlf    bool // that line was begun by CRLF, so a dot may end the message
	count   int64
	done    bool
	err     error // fault or lost connection
	pending []byte
}

func newDataReader(s *stream, feat features, limit int64, within time.Duration) *dataReader {
	return &dataReader{s: s, feat: feat, limit: limit, within: within, start: true, crlf: true}
}

var (
	errBareLF = status.Status{Exit: status.DataErr, Code: 421, Enhanced: status.Enhanced{4, 5, 0}, Text: "Bare linefeed (LF) not allowed"}
	errBareCR = status.Status{Exit: status.DataErr, Code: 421, Enhanced: status.Enhanced{4, 5, 0}, Text: "Bare carriage return (CR) not allowed"}
)

func tooLarge(limit int64) status.Status {
	return status.Status{Exit: status.Unavailable, Code: 552, Enhanced: status.Enhanced{5, 2, 3},
		Text: fmt.Sprintf("Message exceeds maximum fixed size (%d)", limit)}
}

// isFault tells faults of the message from a lost connection.
func isFault(err error) bool {
	var s status.Status
	return errors.As(err, &s)
}

// Read implements io.Reader.
func (d *dataReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !d.done && d.err == nil {
		if len(d.pending) > 0 {
			k := copy(p[n:], d.pending)
			d.pending = d.pending[k:]
			n += k
			continue
		}
		if d.s.buffered() == 0 && n > 0 {
			break // give what there is rather than wait for more
		}
		n += d.step(p[n:])
	}
	d.count += int64(n)
	if d.limit > 0 && d.count > d.limit && d.err == nil {
		d.err = tooLarge(d.limit)
	}
	switch {
	case d.err != nil && n == 0:
		return 0, d.err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo, so that io.Copy needs no buffer of its own.
func (d *dataReader) WriteTo(w io.Writer) (total int64, err error) {
	b := dataBuffers.Get().(*[]byte)
	defer dataBuffers.Put(b)
	for {
		n, err := d.Read(*b)
		if n > 0 {
			k, werr := w.Write((*b)[:n])
			total += int64(k)
			if werr != nil {
				return total, werr
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// drain reads what is left of the message, so that the dialogue can go on. It reports a lost connection.
func (d *dataReader) drain() error {
	fault := d.err
	b := dataBuffers.Get().(*[]byte)
	defer dataBuffers.Put(b)
	for !d.done {
		if d.err != nil && !isFault(d.err) {
			return d.err
		}
		d.err = nil
		d.pending = nil
		d.step(*b)
		if fault == nil && isFault(d.err) {
			fault = d.err
		}
	}
	d.err = fault
	return nil
}

// more makes sure that n bytes are buffered, if the connection lasts.
func (d *dataReader) more(n int) bool {
	for d.s.buffered() < n {
		if err := d.s.readWithin(d.within, false); err != nil {
			d.err = err
			return false
		}
		if err := d.s.await(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			d.err = err
			return false
		}
	}
	return true
}

// step puts the next piece of a line into p, which is not empty, and returns how much that was.
func (d *dataReader) step(p []byte) int {
	if !d.more(1) {
		return 0
	}
	if d.start {
		if d.s.buf[d.s.r] == '.' {
			return d.dot()
		}
		d.start = false
	}
	s := d.s
	chunk := s.buf[s.r:s.w]
	if len(chunk) > len(p) {
		chunk = chunk[:len(p)]
	}
	nl := bytes.IndexByte(chunk, '\n')
	if nl < 0 {
		return d.text(p, chunk)
	}
	if nl == 0 {
		s.r++
		return d.bareLF(p)
	}
	if chunk[nl-1] != '\r' {
		n := d.text(p, chunk[:nl])
		return n // the LF is met at the next step, with nothing before it
	}
	if nl > 1 {
		if i := bytes.IndexByte(chunk[:nl-1], '\r'); i >= 0 {
			return d.text(p, chunk[:i+1])
		}
	}
	n := copy(p, chunk[:nl-1])
	p[n] = '\n'
	s.r += nl + 1
	d.start, d.crlf = true, true
	return n + 1
}

// text copies a piece without LF up to a CR, and looks at what the CR belongs to.
func (d *dataReader) text(p, chunk []byte) int {
	s := d.s
	i := bytes.IndexByte(chunk, '\r')
	if i < 0 {
		s.r += len(chunk)
		return copy(p, chunk)
	}
	if i > 0 {
		s.r += i
		return copy(p, chunk[:i])
	}
	if !d.more(2) {
		return 0
	}
	if s.buf[s.r+1] == '\n' {
		s.r += 2
		p[0] = '\n'
		d.start, d.crlf = true, true
		return 1
	}
	s.r++
	switch d.feat.bareCR {
	case acceptBare:
		p[0] = '\r'
	case replaceBare:
		p[0] = ' '
	default:
		d.err = errBareCR
		return 0
	}
	return 1
}

func (d *dataReader) bareLF(p []byte) int {
	switch d.feat.bareLF {
	case acceptBare:
		p[0] = '\n'
		d.start, d.crlf = true, false
	case replaceBare:
		p[0] = ' '
	default:
		if d.feat.anyDot { // letter O alone lets a dot end, but the LF stays a fault; the next line may be the end
			d.start, d.crlf = true, false
		}
		d.err = errBareLF
		return 0
	}
	return 1
}

// dot decides about a dot at the beginning of a line: the end, or stuffed.
func (d *dataReader) dot() int {
	s := d.s
	d.start = false
	if !d.more(2) {
		return 0
	}
	next := s.buf[s.r+1]
	if next == '\r' {
		if !d.more(3) {
			return 0
		}
		if s.buf[s.r+2] == '\n' && (d.crlf || d.feat.anyDot) {
			s.r += 3
			d.done = true
			return 0
		}
	}
	if next == '\n' && d.feat.anyDot {
		s.r += 2
		d.done = true
		return 0
	}
	s.r++
	if next == '\r' || next == '\n' {
		d.pending = dotText // not an end that we take: the dot is text
	}
	return 0
}

var dotText = []byte(".")
