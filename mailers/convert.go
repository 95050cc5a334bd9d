package mailers

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
)

const contentTransferEncoding = "Content-Transfer-Encoding"

// conversion says what is done to 8-bit text on its way to a mailer.
type conversion struct {
	cfg *Config
	to7 bool // encode 8-bit text (RFC 6152 section 3)
	to8 bool // decode text/plain (F=9)
	tag bool // call 8-bit text MIME (EightBitMode=mime)
}

// convert returns the header to send and the body to read: the job's own, or converted ones.
func (c conversion) convert(job *Job) ([]envelope.Field, io.ReadCloser, error) {
	if c.to7 {
		return c.encode(job)
	}
	if c.to8 {
		header, body, ok, err := c.decode(job)
		if ok || err != nil {
			return header, body, err
		}
	}
	body, err := openBody(job)
	if c.tag && field(job.Header, "MIME-Version") < 0 {
		return withEncoding(c.mimeHeader(job), encoding8Bit), body, err
	}
	return job.Header, body, err
}

func openBody(job *Job) (io.ReadCloser, error) {
	if job.Envelope.Open == nil {
		return io.NopCloser(strings.NewReader("")), nil
	}
	body, err := job.Envelope.Open()
	if err != nil {
		return nil, &sourceError{err}
	}
	return body, nil
}

// encode reads the body twice: once to see which parts need what encoding, once to send it.
func (c conversion) encode(job *Job) ([]envelope.Field, io.ReadCloser, error) {
	header := c.mimeHeader(job)
	survey, err := openBody(job)
	if err != nil {
		return nil, nil, err
	}
	plan, err := surveyParts(survey, header)
	survey.Close()
	if err != nil {
		return nil, nil, err
	}
	body, err := openBody(job)
	if err != nil {
		return nil, nil, err
	}
	r, w := io.Pipe()
	e := &encoder{plan: plan, ebcdic: job.Mailer.Flags.Has('3'), from: job.Mailer.Flags.Has('E'), out: w}
	e.note = func(part []envelope.Field, to encoding) []envelope.Field { return c.note(job, part, "8bit", to) }
	guard.Start("conversion", func() error {
		defer body.Close()
		return w.CloseWithError(guard.Try("conversion", func() error { return e.run(body, header) }))
	})
	return c.note(job, withEncoding(header, plan[0]), "8bit", plan[0]), r, nil
}

// mimeHeader completes a header to MIME: without MIME-Version the message is plain text of an unknown character set.
func (c conversion) mimeHeader(job *Job) []envelope.Field {
	header := append([]envelope.Field(nil), job.Header...)
	if field(header, "MIME-Version") >= 0 && field(header, "Content-Type") >= 0 {
		return header
	}
	if field(header, "MIME-Version") < 0 {
		header = append(header, envelope.Field{Name: "MIME-Version", Value: " 1.0"})
	}
	if field(header, "Content-Type") < 0 {
		charset := job.Mailer.Charset
		if charset == "" {
			charset = c.cfg.DefaultCharset
		}
		if charset == "" {
			charset = "unknown-8bit"
		}
		header = append(header, envelope.Field{Name: "Content-Type", Value: " text/plain; charset=" + charset})
	}
	return header
}

// withEncoding sets Content-Transfer-Encoding, or keeps the one that is there; it stands at the end, as the original
// has it.
func withEncoding(header []envelope.Field, enc encoding) []envelope.Field {
	var out, was []envelope.Field
	for _, f := range header {
		if strings.EqualFold(f.Name, contentTransferEncoding) {
			was = append(was, f)
		} else {
			out = append(out, f)
		}
	}
	switch enc {
	case encodingNone:
		return out
	case encodingKeep:
		return append(out, was...)
	}
	return append(out, envelope.Field{Name: contentTransferEncoding, Value: " " + enc.String()})
}

// note adds the trace of a conversion (op.txt, EightBitMode).
func (c conversion) note(job *Job, header []envelope.Field, from string, to encoding) []envelope.Field {
	if to == encodingKeep || to == encodingNone {
		return header
	}
	return append(header, envelope.Field{
		Name:  "X-MIME-Autoconverted",
		Value: fmt.Sprintf(" from %s to %s by %s id %s", from, to, c.cfg.Hostname, job.Envelope.ID),
	})
}

// decode undoes quoted-printable and base64 of a message that is text/plain as a whole. ok is false where
// there is nothing to undo or the encoding is broken.
func (c conversion) decode(job *Job) (header []envelope.Field, body io.ReadCloser, ok bool, err error) {
	at := field(job.Header, contentTransferEncoding)
	if at < 0 || field(job.Header, "MIME-Version") < 0 {
		return nil, nil, false, nil
	}
	was := strings.ToLower(strings.TrimSpace(job.Header[at].Value))
	open := decoders[was]
	if i := field(job.Header, "Content-Type"); open == nil || i < 0 || contentType(job.Header[i].Value).kind != plainText {
		return nil, nil, false, nil
	}
	trial, err := openBody(job)
	if err != nil {
		return nil, nil, false, err
	}
	_, err = io.Copy(io.Discard, open(trial))
	trial.Close()
	if err != nil {
		return nil, nil, false, nil
	}
	body, err = openBody(job)
	if err != nil {
		return nil, nil, false, err
	}
	return c.note(job, withEncoding(job.Header, encoding8Bit), was, encoding8Bit), decoded{open(body), body}, true, nil
}

type decoded struct {
	io.Reader
	io.Closer
}

var decoders = map[string]func(io.Reader) io.Reader{
	"quoted-printable": func(r io.Reader) io.Reader { return &lfReader{r: quotedprintable.NewReader(r)} },
	"base64":           func(r io.Reader) io.Reader { return &lfReader{r: base64.NewDecoder(base64.StdEncoding, r)} },
}

// lfReader turns CRLF into LF, the line end of everything inside.
type lfReader struct {
	r  io.Reader
	cr bool // a CR is held back
}

func (l *lfReader) Read(p []byte) (int, error) {
	if len(p) < 2 {
		var two [2]byte
		n, err := l.Read(two[:])
		return copy(p, two[:n]), err
	}
	n, err := l.r.Read(p[:len(p)-1])
	out := make([]byte, 0, n+1)
	for _, c := range p[:n] {
		if l.cr && c != '\n' {
			out = append(out, '\r')
		}
		if l.cr = c == '\r'; !l.cr {
			out = append(out, c)
		}
	}
	if err == io.EOF && l.cr {
		out, l.cr = append(out, '\r'), false
	}
	return copy(p, out), err
}
