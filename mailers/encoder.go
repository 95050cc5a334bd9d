package mailers

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"strings"

	"gosendmail/internal/envelope"
)

// Lengths of encoded lines, as the original makes them.
const (
	qpLineLength     = 72
	base64LineLength = 72
)

// encoder is the visitor that writes a body according to a plan.
type encoder struct {
	plan   []encoding
	ebcdic bool // F=3
	from   bool // F=E: a line must not begin with "From "
	note   func(header []envelope.Field, to encoding) []envelope.Field
	out    io.Writer

	bw *bufio.Writer
	// enclosed says that the next header is that of an enclosed message, not of a mere part.
	enclosed bool
	now      encoding // of the current leaf
	column   int
	word     string // quoted-printable: how the line begins, as far as four bytes were plain
	last     int    // quoted-printable: the byte that waits for what follows, -1 if none
	b64      []byte // base64: bytes that do not fill a line yet
}

func (e *encoder) run(body io.Reader, header []envelope.Field) error {
	e.bw = bufio.NewWriterSize(e.out, 32<<10)
	w := &walker{br: bufio.NewReaderSize(body, 32<<10), visit: e}
	if _, err := w.entity(header, plainText, true); err != nil {
		return err
	}
	return e.bw.Flush()
}

// begin writes the header of an inner part with the encoding that was planned; the message's own is written elsewhere.
func (e *encoder) begin(header []envelope.Field, top bool) {
	e.now = e.plan[0]
	e.plan = e.plan[1:]
	if top {
		return
	}
	converted := e.now == encodingQP || e.now == encodingBase64
	if e.enclosed && converted && field(header, "MIME-Version") < 0 {
		header = append(header, envelope.Field{Name: "MIME-Version", Value: " 1.0"})
	}
	e.enclosed = false
	header = e.note(withEncoding(header, e.now), e.now)
	for _, f := range header {
		if f.Name != "" {
			e.bw.WriteString(f.Name + ":")
		}
		e.bw.WriteString(f.Value + "\n")
	}
	e.bw.WriteByte('\n')
}

func (e *encoder) composite(header []envelope.Field, top, message bool) error {
	e.begin(header, top)
	e.enclosed = message
	return nil
}

func (e *encoder) leaf(header []envelope.Field, top bool) error {
	e.begin(header, top)
	e.column, e.last, e.b64 = 0, -1, e.b64[:0]
	return nil
}

func (e *encoder) verbatim(p []byte) error {
	_, err := e.bw.Write(p)
	return err
}

func (e *encoder) content(p []byte) error {
	switch e.now {
	case encodingQP:
		for _, c := range p {
			e.quote(c)
		}
		return nil
	case encodingBase64:
		for _, c := range p {
			if c == '\n' {
				e.b64 = append(e.b64, '\r')
			}
			e.b64 = append(e.b64, c)
		}
		return e.base64Lines(false)
	}
	_, err := e.bw.Write(p)
	return err
}

func (e *encoder) endLeaf(bounded bool) error {
	switch e.now {
	case encodingQP:
		if e.last >= 0 {
			e.hold(-1)
		}
		if e.column > 0 {
			e.bw.WriteByte('\n')
		}
	case encodingBase64:
		if bounded {
			e.b64 = bytes.TrimSuffix(e.b64, []byte("\r\n")) // it belongs to the boundary (RFC 2046 section 5.1.1)
		}
		return e.base64Lines(true)
	}
	return nil
}

func (e *encoder) base64Lines(all bool) error {
	const chunk = base64LineLength / 4 * 3
	for len(e.b64) >= chunk+2 || all && len(e.b64) > 0 {
		n := min(chunk, len(e.b64))
		if _, err := e.bw.WriteString(base64.StdEncoding.EncodeToString(e.b64[:n]) + "\n"); err != nil {
			return err
		}
		e.b64 = append(e.b64[:0], e.b64[n:]...)
	}
	return nil
}

// quote writes one byte in quoted-printable, one byte late, because blanks at line ends need to be encoded.
func (e *encoder) quote(c byte) {
	if c == '\n' {
		e.hold(-1)
		e.bw.WriteByte('\n')
		e.column = 0
		return
	}
	e.hold(int(c))
}

// hold writes the byte that was held and holds next; -1 means that the line ends here.
func (e *encoder) hold(next int) {
	was := e.last
	e.last = next
	if was < 0 {
		return
	}
	c := byte(was)
	plain := c >= ' ' && c < 0x7f && c != '=' || c == '\t'
	if (c == ' ' || c == '\t') && next < 0 || e.ebcdic && strings.IndexByte("!\"#$@[\\]^`{|}~", c) >= 0 {
		plain = false
	}
	// A single dot would end the message for a peer that counts badly.
	if e.column == 0 && c == '.' && next < 0 || e.from && c == ' ' && e.column == 4 && e.word == "From" {
		plain = false
	}
	if e.column > qpLineLength {
		e.bw.WriteString("=\n")
		e.column = 0
	}
	if plain {
		if e.column == 0 {
			e.word = ""
		}
		if e.column < 4 {
			e.word += string(rune(c))
		}
		e.bw.WriteByte(c)
		e.column++
		return
	}
	const hex = "0123456789ABCDEF"
	e.bw.Write([]byte{'=', hex[c>>4], hex[c&15]})
	e.column += 3
}
