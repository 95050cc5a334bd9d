package mta

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/envelope"
)

// errHeaderTooLong is what a header beyond MaxHeadersLength gives.
var errHeaderTooLong = errors.New("mta: header too long")

// headerText is the header of a message as it came in.
type headerText struct {
	fields []envelope.Field
	seven  bool   // option SevenBitInput: the eighth bit is cut off
	size   int64  // bytes of the header with the empty line that ended it
	eight  bool   // there are bytes above 127
	date   string // of a "From " line that stood in front and was taken away, in the form of RFC 5322; "" where there is none
}

// readHeader reads header fields until the empty line, the first line that can be no field (RFC 5322 section 2.2) or a
// field that ends the header: such lines begin the body, as with the original. Lines end with LF. limit is
// MaxHeadersLength, bytes; 0 means none. With saveFrom a "From " line of a mailbox in front is kept as the first body
// line's affair instead of being dropped. NUL bytes are left out; with seven the eighth bits are cut off.
func readHeader(br *bufio.Reader, limit int64, saveFrom, seven bool) (*headerText, error) {
	h := &headerText{seven: seven}
	for first := true; ; first = false {
		peek, err := br.Peek(1)
		if err != nil {
			return h, ignoreEOF(err)
		}
		if peek[0] == '\n' {
			br.Discard(1)
			h.size++
			return h, nil
		}
		if first && !saveFrom {
			if skipped, err := h.skipFromLine(br); err != nil || skipped {
				if err != nil {
					return h, err
				}
				continue
			}
		}
		if name, ok := fieldAhead(br); !ok || kindOf(name).is(fieldEnd) {
			return h, nil
		}
		if err := h.readField(br, limit); err != nil {
			return h, err
		}
	}
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// skipFromLine drops the line that mailbox files begin a message with.
func (h *headerText) skipFromLine(br *bufio.Reader) (bool, error) {
	p, _ := br.Peek(5)
	if !bytes.Equal(p, []byte("From ")) {
		return false, nil
	}
	for {
		line, err := br.ReadSlice('\n')
		if h.date == "" {
			h.date = postmarkDate(string(line))
		}
		h.size += int64(len(line))
		if err != bufio.ErrBufferFull {
			return true, ignoreEOF(err)
		}
	}
}

// postmarkDate is the date of a "From " line, such as "From bob Mon Jan  1 00:00:00 2001".
func postmarkDate(line string) string {
	words := strings.Fields(line)
	for i := 2; i+5 <= len(words); i++ {
		if t, err := time.Parse("Mon Jan 2 15:04:05 2006", strings.Join(words[i:i+5], " ")); err == nil {
			return t.Format("Mon, 2 Jan 2006 15:04:05 ") + "GMT"
		}
	}
	return ""
}

// fieldAhead reports whether the next line is "name:", blanks allowed before the colon, and returns the name, which
// must be printable and not be longer than the buffer.
func fieldAhead(br *bufio.Reader) (name string, ok bool) {
	for n := 64; ; n *= 2 {
		p, err := br.Peek(min(n, br.Size()))
		i := 0
		for i < len(p) && p[i] > ' ' && p[i] < 127 && p[i] != ':' {
			i++
		}
		end := i
		for i < len(p) && (p[i] == ' ' || p[i] == '\t') {
			i++
		}
		if i < len(p) {
			return string(p[:end]), end > 0 && p[i] == ':'
		}
		if err != nil || n >= br.Size() {
			return "", false
		}
	}
}

// readField reads one field with its continuation lines.
func (h *headerText) readField(br *bufio.Reader, limit int64) error {
	var b []byte
	for {
		line, err := br.ReadSlice('\n')
		b = append(b, line...)
		h.size += int64(len(line))
		if limit > 0 && h.size > limit {
			return errHeaderTooLong
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		if p, _ := br.Peek(1); len(p) == 0 || p[0] != ' ' && p[0] != '\t' {
			break
		}
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = slices.DeleteFunc(b, func(c byte) bool { return c == 0 }) // no line of a queue file could hold it
	if h.seven {
		for i := range b {
			b[i] &= 0x7f
		}
	}
	h.eight = h.eight || hasEightBit(b)
	i := bytes.IndexByte(b, ':')
	h.fields = append(h.fields, envelope.Field{
		Name:  string(bytes.TrimRight(b[:i], " \t")),
		Value: string(b[i+1:]),
	})
	return nil
}

func hasEightBit(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
