package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"gosendmail/internal/maillog"
)

// message is one in the form in which mailboxes keep it, in a file that has no name any more.
type message struct {
	file   *os.File
	header int64 // where Content-Length goes: before the empty line behind the header fields
	body   int64 // bytes of the body
	size   int64 // of the file
}

// collect reads a message to its end. Line ends become newlines, the last one is added where it is missing.
func collect(from string, in io.Reader) (_ *message, err error) {
	file, err := os.CreateTemp("/tmp", "local.")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	w := &writer{out: bufio.NewWriterSize(file, 64<<10), first: true}
	w.write([]byte(fmt.Sprintf("From %s %s\n", fromField(from), time.Now().Format(time.ANSIC))))
	if err := w.copy(bufio.NewReaderSize(in, 64<<10)); err != nil {
		return nil, err
	}
	m := &message{file: file, header: w.header, size: w.size}
	if w.inHeader {
		m.header = w.size
	} else {
		m.body = w.size - w.header - 1
	}
	return m, w.err
}

// fromField is a sender as it may stand in a From line.
func fromField(from string) string {
	if strings.ContainsAny(from, "\n\r\x00") {
		return maillog.Printable(from)
	}
	return from
}

// Close gives the message up.
func (m *message) Close() error { return m.file.Close() }

// reader reads the message as it stands in a mailbox.
func (m *message) reader() io.Reader {
	return io.MultiReader(io.NewSectionReader(m.file, 0, m.header), strings.NewReader(fmt.Sprintf("Content-Length: %d\n", m.body)),
		io.NewSectionReader(m.file, m.header, m.size-m.header), strings.NewReader("\n"))
}

// writer writes lines, which may come in pieces.
type writer struct {
	out      *bufio.Writer
	size     int64
	err      error
	inHeader bool // of the message; true from its first line on
	first    bool // no line came yet
	header   int64
	empty    bool // the line before was empty
	dropped  bool // the field that we are in is not kept
}

func (w *writer) write(p []byte) {
	n, err := w.out.Write(p)
	w.size += int64(n)
	if err != nil && w.err == nil {
		w.err = err
	}
}

var fromPrefix = []byte("From ")

// copy takes all lines of in. A line that does not fit the buffer comes in pieces.
func (w *writer) copy(in *bufio.Reader) error {
	w.inHeader = true
	begin, cr := true, false
	for {
		piece, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		if len(piece) == 0 {
			break
		}
		ended := piece[len(piece)-1] == '\n'
		text := bytes.TrimSuffix(piece, []byte("\n"))
		if cr && len(text) > 0 { // a carriage return at the end of the piece before was none of a line's end
			w.write([]byte("\r"))
		}
		cr = len(text) > 0 && text[len(text)-1] == '\r'
		if cr {
			text = text[:len(text)-1]
		}
		if begin {
			w.begin(text, ended)
		}
		if !w.dropped {
			w.write(text)
		}
		if ended {
			if !w.dropped {
				w.write([]byte("\n"))
			}
			cr = false
		}
		begin = ended
	}
	if cr {
		w.write([]byte("\r"))
	}
	if !begin && !w.dropped {
		w.write([]byte("\n"))
	}
	if err := w.out.Flush(); w.err == nil {
		w.err = err
	}
	return w.err
}

// begin looks at the beginning of a line, before it is written.
func (w *writer) begin(text []byte, whole bool) {
	empty := whole && len(text) == 0
	if bytes.HasPrefix(text, fromPrefix) && (w.first || !w.inHeader && w.empty) {
		w.write([]byte(">"))
	}
	w.first, w.empty = false, empty
	switch {
	case !w.inHeader:
	case empty:
		w.inHeader, w.dropped, w.header = false, false, w.size
	case len(text) > 0 && (text[0] == ' ' || text[0] == '\t'): // belongs to the field before
	default:
		name, _, ok := bytes.Cut(text, []byte(":"))
		w.dropped = ok && bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte("content-length"))
	}
}
