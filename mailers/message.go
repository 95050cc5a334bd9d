package mailers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gosendmail/internal/envelope"
)

// sourceError says that our own copy of the message could not be read; the receiver is not to blame.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return fmt.Sprintf("mailers: read message: %v", e.err) }
func (e *sourceError) Unwrap() error { return e.err }

// messageWriter turns text with LF line ends into what a mailer wants: its line ends (E=), its line length (L=), hidden
// dots (F=X), escaped From lines (F=E), seven bits (F=7), no NULs (F=1). A line that is too long is cut; the pieces end
// in "!" and go on after a blank. Memory is bounded whatever the lines are.
type messageWriter struct {
	w      *bufio.Writer
	eol    string
	limit  int // 0: none
	dots   bool
	strip8 bool
	noNUL  bool
	from   bool // escape "From " at line starts; on only in the body

	head8  bool   // F=6: header in seven bits
	smtp   bool   // for a peer
	begun  bool   // something of the current line has been written
	column int    // bytes of the current line; what prefix adds does not count
	held   []byte // start of a line whose length is not known yet, at most limit bytes
}

func newMessageWriter(w *bufio.Writer, m *Mailer, smtp bool) *messageWriter {
	mw := &messageWriter{
		w: w, eol: m.EOL, limit: m.LineLimit,
		smtp: smtp, dots: m.Flags.Has('X') || smtp,
		strip8: m.Flags.Has('7'), noNUL: m.Flags.Has('1'), head8: m.Flags.Has('6'),
	}
	if smtp {
		mw.eol = "\r\n" // RFC 5321 section 2.3.8; E= must not break the protocol
	}
	return mw
}

// Write takes a piece of text. A piece that begins a line must hold its first five bytes unless the line is shorter.
func (w *messageWriter) Write(p []byte) (int, error) {
	n := len(p)
	if w.strip8 || w.noNUL {
		p = w.cleaned(p)
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		var err error
		if i < 0 {
			err = w.part(p, false)
			p = nil
		} else {
			err = w.part(p[:i], true)
			p = p[i+1:]
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (w *messageWriter) cleaned(p []byte) []byte {
	q := make([]byte, 0, len(p))
	for _, c := range p {
		if w.strip8 {
			c &= 0x7f
		}
		if c != 0 || !w.noNUL {
			q = append(q, c)
		}
	}
	return q
}

// part writes a part of a line, and its end if end is set.
func (w *messageWriter) part(p []byte, end bool) error {
	if len(w.held) > 0 {
		p = append(w.held, p...)
		w.held = nil
	}
	for w.limit > 1 {
		room := w.limit - w.column
		if len(p) <= room {
			break
		}
		w.start(p)
		w.w.Write(p[:room-1])
		w.w.WriteByte('!')
		p = p[room-1:]
		if err := w.newline(); err != nil {
			return err
		}
		w.w.WriteByte(' ')
		w.begun, w.column = true, 1
	}
	if !end && w.limit > 1 {
		w.held = append([]byte(nil), p...)
		return nil
	}
	w.start(p)
	w.w.Write(p)
	w.column += len(p)
	if end {
		return w.newline()
	}
	return nil
}

// prefix is what hides the start of a line.
func (w *messageWriter) prefix(p []byte) string {
	switch {
	case w.dots && len(p) > 0 && p[0] == '.':
		return "."
	case w.from && bytes.HasPrefix(p, []byte("From ")):
		return ">"
	}
	return ""
}

func (w *messageWriter) start(p []byte) {
	if w.begun {
		return
	}
	w.w.WriteString(w.prefix(p))
	w.begun = true
}

func (w *messageWriter) newline() error {
	w.begun, w.column = false, 0
	_, err := w.w.WriteString(w.eol)
	return err
}

// endLine completes a last line that had no end.
func (w *messageWriter) endLine() error {
	if w.begun || len(w.held) > 0 {
		return w.part(nil, true)
	}
	return nil
}

// message writes header, blank line and body.
func (w *messageWriter) message(job *Job, conv conversion) error {
	header, body, err := conv.convert(job)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := w.fields(header, w.smtp && conv.to7); err != nil {
		return err
	}
	if _, err := w.Write([]byte("\n")); err != nil {
		return err
	}
	w.from = job.Mailer.Flags.Has('E')
	return w.copyBody(body)
}

// fields writes the header. keep8 leaves its 8-bit characters to F=6 alone: as the original, which does not cut them
// for peers with F=7 where it converts the body.
func (w *messageWriter) fields(header []envelope.Field, keep8 bool) error {
	strip := w.strip8
	w.strip8 = w.head8 || strip && !keep8
	defer func() { w.strip8 = strip }()
	for _, f := range header {
		if _, err := w.Write([]byte(f.Name + ":" + strings.TrimRight(f.Value, "\n") + "\n")); err != nil {
			return err
		}
	}
	return nil
}

// copyBody streams the body; an error of the reader is a sourceError, one of the writer is returned as it is.
func (w *messageWriter) copyBody(body io.Reader) error {
	if err := w.copyLines(body); err != nil {
		return err
	}
	return w.endLine()
}

func (w *messageWriter) copyLines(body io.Reader) error {
	br := bufio.NewReaderSize(body, 32<<10)
	for {
		line, err := br.ReadSlice('\n')
		if len(line) > 0 {
			// Lines that are in the buffer already go out together with this one.
			if _, werr := w.Write(line); werr != nil {
				return werr
			}
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return &sourceError{err}
		}
	}
}

// mayConvert reports whether 8-bit text may be turned into MIME for a receiver of seven bits: always, but for text that
// neither its header nor its sender called MIME under EightBitMode=pass8. Messages without 8-bit text and mailers with
// F=8 need none.
func mayConvert(job *Job, mode EightBitMode) bool {
	e := job.Envelope
	if !e.Flags.EightBit || job.Mailer.Flags.Has('8') {
		return false
	}
	return mode == Mime8 || mode == Strict8 || e.Body == envelope.Body8BitMIME || field(job.Header, "MIME-Version") >= 0
}

// mayTag reports whether 8-bit text that goes out as it is, and that nobody declared, is called MIME.
func mayTag(job *Job, mode EightBitMode) bool {
	return mode == Mime8 && job.Envelope.Flags.EightBit && !job.Mailer.Flags.Has('8')
}

// field finds a header field by name; -1 if there is none.
func field(header []envelope.Field, name string) int {
	for i, f := range header {
		if strings.EqualFold(f.Name, name) {
			return i
		}
	}
	return -1
}
