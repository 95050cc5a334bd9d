package submit

import (
	"bufio"
	"io"
)

// input gives a message from standard input with LF line ends. Unless dots are ignored a line with a single dot ends
// it, and of two dots that begin a line the first is taken away (op.txt option IgnoreDots); of a lone one, too, where
// the message comes as by SMTP.
type input struct {
	r          *bufio.Reader
	ignoreDots bool
	smtp       bool
	rest       []byte // of the current line
	start      bool   // the next piece begins a line
	cr         bool   // the last piece ended with CR, held back
	done       bool
}

func newInput(r io.Reader, ignoreDots bool) *input {
	return &input{r: bufio.NewReaderSize(r, 32<<10), ignoreDots: ignoreDots, start: true}
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	for len(in.rest) == 0 {
		if in.done {
			return 0, io.EOF
		}
		if err := in.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// next reads one line, or a piece of one that is longer than the buffer.
func (in *input) next() error {
	line, err := in.r.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		in.done = true
		if err != io.EOF {
			return err
		}
	}
	out := make([]byte, 0, len(line)+2)
	if in.cr && (len(line) == 0 || line[0] != '\n') {
		out = append(out, '\r')
	}
	in.cr = false
	full := len(line) > 0 && line[len(line)-1] == '\n'
	if full {
		line = line[:len(line)-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
		in.cr = !full
	}
	if in.start && !in.ignoreDots && len(line) > 0 && line[0] == '.' {
		if len(line) == 1 && (full || in.done) {
			in.done = true
			in.rest = nil
			return nil
		}
		if len(line) > 1 && (in.smtp || line[1] == '.') {
			line = line[1:]
		}
	}
	out = append(out, line...)
	if full {
		out = append(out, '\n')
	}
	in.start = full
	in.rest = out
	return nil
}
