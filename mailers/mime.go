package mailers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"gosendmail/internal/envelope"
)

// encoding is a Content-Transfer-Encoding (RFC 2045 section 6).
type encoding uint8

const (
	encodingKeep encoding = iota // leave the part as it is
	encodingNone                 // its parts are converted; it needs no encoding of its own
	encoding8Bit
	encodingQP
	encodingBase64
)

func (e encoding) String() string {
	return [...]string{"", "", "8bit", "quoted-printable", "base64"}[e]
}

// Limits for what a message may make us remember.
const (
	maxMIMEDepth  = 20
	maxPartHeader = 64 << 10 // bytes
)

// plainText is what a part without Content-Type is (RFC 2045 section 5.2).
const plainText = "text/plain"

// media is what of a Content-Type matters here.
type media struct {
	kind     string // "text/plain", lower case
	boundary string
}

func contentType(value string) media {
	kind, params, err := mime.ParseMediaType(strings.TrimSpace(strings.ReplaceAll(value, "\n", " ")))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return media{kind: "application/octet-stream"}
	}
	return media{kind: kind, boundary: params["boundary"]}
}

// sealed reports parts whose bytes must not change, such as signed ones.
func (m media) sealed() bool { return m.kind == "multipart/signed" || m.kind == "multipart/encrypted" }

// walker goes through the parts of a body in order and tells a visitor. It holds one line, or one part's header, at a
// time.
type walker struct {
	br         *bufio.Reader
	visit      visitor
	boundaries []string
	midLine    bool // the last line read had no end yet
}

// visitor sees the body's pieces in order.
type visitor interface {
	// leaf begins a part without parts; header is its own header, nil for the message's.
	leaf(header []envelope.Field, top bool) error
	// composite begins a multipart or an enclosed message.
	composite(header []envelope.Field, top, message bool) error
	// content gives a piece of the part that was begun last: a line with its end, or a part of a long one.
	content(p []byte) error
	// endLeaf ends a leaf; bounded says at a boundary, whose line end before it is no part of the leaf.
	endLeaf(bounded bool) error
	// verbatim gives lines between parts: boundaries, preambles, epilogues.
	verbatim(p []byte) error
}

// ended says why a part ended: at the boundary number level, closing or not; level -1 is the end of the message.
type ended struct {
	level   int
	closing bool
	line    []byte
}

// next returns the next piece, or where it is a boundary what it ends.
func (w *walker) next() (piece []byte, end *ended, err error) {
	start := !w.midLine
	piece, err = w.br.ReadSlice('\n')
	switch {
	case err == nil:
		w.midLine = false
	case errors.Is(err, bufio.ErrBufferFull):
		w.midLine, err = true, nil
	case errors.Is(err, io.EOF):
		if len(piece) == 0 {
			return nil, &ended{level: -1}, nil
		}
		err = nil
	default:
		return nil, nil, &sourceError{err}
	}
	if start && bytes.HasPrefix(piece, []byte("--")) {
		text := strings.TrimRight(string(piece[2:]), " \t\r\n")
		for i := len(w.boundaries) - 1; i >= 0; i-- {
			if b := w.boundaries[i]; text == b || text == b+"--" {
				return nil, &ended{level: i, closing: text != b, line: bytes.Clone(piece)}, nil
			}
		}
	}
	return piece, nil, nil
}

// entity goes through one part whose header has been read; kind is what it is unless it says so itself.
func (w *walker) entity(header []envelope.Field, kind string, top bool) (*ended, error) {
	m := media{kind: kind}
	if i := field(header, "Content-Type"); i >= 0 {
		m = contentType(header[i].Value)
	}
	deep := len(w.boundaries) >= maxMIMEDepth
	switch {
	case strings.HasPrefix(m.kind, "multipart/") && m.boundary != "" && !m.sealed() && !deep:
		return w.multipart(header, m, top)
	case m.kind == "message/rfc822" && !deep:
		if err := w.visit.composite(header, top, true); err != nil {
			return nil, err
		}
		inner, end, err := w.header()
		if end != nil || err != nil {
			return end, err
		}
		return w.entity(inner, plainText, false)
	}
	if err := w.visit.leaf(header, top); err != nil {
		return nil, err
	}
	for {
		piece, end, err := w.next()
		if err != nil {
			return nil, err
		}
		if end != nil {
			return end, w.visit.endLeaf(end.level >= 0)
		}
		if err := w.visit.content(piece); err != nil {
			return nil, err
		}
	}
}

func (w *walker) multipart(header []envelope.Field, m media, top bool) (*ended, error) {
	if err := w.visit.composite(header, top, false); err != nil {
		return nil, err
	}
	kind := plainText
	if m.kind == "multipart/digest" { // RFC 2046 section 5.1.5
		kind = "message/rfc822"
	}
	level := len(w.boundaries)
	w.boundaries = append(w.boundaries, m.boundary)
	end, err := w.between()
	for err == nil && end.level == level && !end.closing {
		if err = w.visit.verbatim(end.line); err != nil {
			break
		}
		var inner []envelope.Field
		var early *ended
		if inner, early, err = w.header(); err != nil {
			break
		}
		if end = early; early == nil {
			end, err = w.entity(inner, kind, false)
		}
	}
	w.boundaries = w.boundaries[:level]
	if err != nil || end.level != level {
		return end, err
	}
	if err := w.visit.verbatim(end.line); err != nil {
		return nil, err
	}
	return w.between()
}

// between copies what stands outside of the parts.
func (w *walker) between() (*ended, error) {
	for {
		piece, end, err := w.next()
		if end != nil || err != nil {
			return end, err
		}
		if err := w.visit.verbatim(piece); err != nil {
			return nil, err
		}
	}
}

// header reads the header of a part with its blank line. One that is longer than maxPartHeader is an error: nobody can
// tell what the part is.
func (w *walker) header() ([]envelope.Field, *ended, error) {
	var fields []envelope.Field
	size := 0
	for {
		piece, end, err := w.next()
		if err != nil || end != nil {
			return fields, end, err
		}
		if size += len(piece); size > maxPartHeader {
			return nil, nil, &sourceError{fmt.Errorf("header of a MIME part has more than %d bytes", maxPartHeader)}
		}
		line := strings.TrimRight(string(piece), "\r\n")
		if line == "" {
			return fields, nil, nil
		}
		name, value, ok := strings.Cut(line, ":")
		switch {
		case (line[0] == ' ' || line[0] == '\t') && len(fields) > 0:
			fields[len(fields)-1].Value += "\n" + line
		case ok:
			fields = append(fields, envelope.Field{Name: name, Value: value})
		default:
			fields = append(fields, envelope.Field{Value: line})
		}
	}
}

// survey is the visitor that plans: one encoding for each leaf and composite, in order.
type survey struct {
	plan       []encoding
	size, high int
	declared   encoding
}

// surveyParts decides on the encodings of a body.
func surveyParts(body io.Reader, header []envelope.Field) ([]encoding, error) {
	s := &survey{}
	w := &walker{br: bufio.NewReaderSize(body, 32<<10), visit: s}
	if _, err := w.entity(header, plainText, true); err != nil {
		return nil, err
	}
	return s.plan, nil
}

func (s *survey) composite(header []envelope.Field, _, _ bool) error {
	s.plan = append(s.plan, encodingNone)
	if declaredEncoding(header) == encodingKeep {
		s.plan[len(s.plan)-1] = encodingKeep
	}
	return nil
}

func (s *survey) leaf(header []envelope.Field, _ bool) error {
	s.size, s.high = 0, 0
	s.declared = declaredEncoding(header)
	s.plan = append(s.plan, encodingKeep)
	if i := field(header, "Content-Type"); i >= 0 && contentType(header[i].Value).sealed() {
		s.declared = encodingKeep
	}
	return nil
}

func (s *survey) content(p []byte) error {
	s.size += len(p)
	for _, c := range p {
		if c >= 0x80 {
			s.high++
		}
	}
	return nil
}

// endLeaf chooses: nothing without 8-bit bytes, base64 when more than one byte in eight is one, else quoted-printable.
func (s *survey) endLeaf(bool) error {
	at := &s.plan[len(s.plan)-1]
	switch {
	case s.declared == encodingKeep, s.high == 0:
	case s.high > s.size/8:
		*at = encodingBase64
	default:
		*at = encodingQP
	}
	return nil
}

func (s *survey) verbatim([]byte) error { return nil }

// declaredEncoding is encodingKeep for parts that are encoded already or in a way that we do not know.
func declaredEncoding(header []envelope.Field) encoding {
	i := field(header, contentTransferEncoding)
	if i < 0 {
		return encoding8Bit
	}
	switch strings.ToLower(strings.TrimSpace(header[i].Value)) {
	case "7bit", "8bit", "binary":
		return encoding8Bit
	}
	return encodingKeep
}
