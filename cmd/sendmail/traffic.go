package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
)

// traffic is the log of all dialogues (-X): each line with the process number, "<<<" where it came in and ">>>" where
// it went out. What TLS protects stands there as it went over the wire.
type traffic struct {
	mu sync.Mutex
	f  *os.File
}

// openTraffic opens the file that -X names, for adding to it. A FIFO must have a reader.
func (v *invocation) openTraffic() int {
	if v.traffic == "" {
		return status.OK
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if st, err := os.Stat(v.traffic); err == nil && st.Mode()&os.ModeNamedPipe != 0 {
		flags = os.O_WRONLY
	}
	f, err := os.OpenFile(v.traffic, flags, 0o666)
	if err != nil {
		return v.fail(status.CantCreat, "cannot open %s: %s", v.traffic, safefile.Reason(err))
	}
	v.dialogues = &traffic{f: f}
	return status.OK
}

// openDebugLog opens the file that -D names, for adding to it.
func (v *invocation) openDebugLog() int {
	if v.debugLog == nil {
		return status.OK
	}
	f, err := os.OpenFile(*v.debugLog, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return v.fail(status.CantCreat, "cannot open %s: %s", *v.debugLog, safefile.Reason(err))
	}
	v.debugTo = f
	return status.OK
}

// line writes one line. The log is no reason to stop: what cannot be written is lost.
func (t *traffic) line(mark string, text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.f, "%05d %s %s\n", os.Getpid(), mark, bytes.TrimRight(text, "\r\n"))
}

// direction collects what goes one way into lines.
type direction struct {
	t    *traffic
	mark string
	rest []byte
	over bool // the end was noted
}

// longestTraffic bounds a line of the log, in bytes.
const longestTraffic = 8 << 10

func (d *direction) note(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			d.rest = append(d.rest, p...)
			if len(d.rest) > longestTraffic {
				d.end()
			}
			return
		}
		d.t.line(d.mark, append(d.rest, p[:i]...))
		d.rest, p = d.rest[:0], p[i+1:]
	}
}

func (d *direction) end() {
	if len(d.rest) > 0 {
		d.t.line(d.mark, d.rest)
		d.rest = d.rest[:0]
	}
}

// eof notes that nothing more comes.
func (d *direction) eof(err error) {
	if err == io.EOF && !d.over {
		d.over = true
		d.end()
		d.t.line(d.mark, []byte("[EOF]"))
	}
}

// reader notes what is read from r. A nil log notes nothing.
func (t *traffic) reader(r io.Reader) io.Reader {
	if t == nil {
		return r
	}
	in := &direction{t: t, mark: "<<<"}
	return readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		in.note(p[:n])
		in.eof(err)
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// stream notes what goes over a stream of the server's. A nil log returns it as it is.
func (t *traffic) stream(rw io.ReadWriteCloser) io.ReadWriteCloser {
	if t == nil {
		return rw
	}
	if c, ok := rw.(net.Conn); ok {
		return t.conn(c)
	}
	return &notedStream{rw, direction{t: t, mark: "<<<"}, direction{t: t, mark: ">>>"}}
}

// conn notes what goes over a connection.
func (t *traffic) conn(c net.Conn) net.Conn {
	return &notedConn{notedStream{c, direction{t: t, mark: "<<<"}, direction{t: t, mark: ">>>"}}, c}
}

type notedStream struct {
	io.ReadWriteCloser
	in, out direction
}

func (s *notedStream) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	s.in.note(p[:n])
	s.in.eof(err)
	return n, err
}

func (s *notedStream) Write(p []byte) (int, error) {
	s.out.note(p)
	return s.ReadWriteCloser.Write(p)
}

type notedConn struct {
	notedStream
	c net.Conn
}

func (c *notedConn) LocalAddr() net.Addr                { return c.c.LocalAddr() }
func (c *notedConn) RemoteAddr() net.Addr               { return c.c.RemoteAddr() }
func (c *notedConn) SetDeadline(t time.Time) error      { return c.c.SetDeadline(t) }
func (c *notedConn) SetReadDeadline(t time.Time) error  { return c.c.SetReadDeadline(t) }
func (c *notedConn) SetWriteDeadline(t time.Time) error { return c.c.SetWriteDeadline(t) }
