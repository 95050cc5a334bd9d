package mta

import (
	"strings"

	"gosendmail/internal/envelope"
)

// limitMIME applies the option MaxMimeHeaderLength to a field that goes to a mailer: three classes of the configuration
// say which fields are cut as text, which parameter by parameter and which as a whole. What changes is logged.
func (m *message) limitMIME(f *envelope.Field) {
	o := &m.site.options
	if o.MaxMimeHeaderLength <= 0 && o.MaxMimeFieldLength <= 0 {
		return
	}
	in := func(class string) bool { return m.site.InClass(class, strings.ToLower(f.Name)) }
	limit := o.MaxMimeHeaderLength
	if n := len(f.Value); limit > 0 && in("{checkMIMETextHeaders}") && n > limit {
		f.Value = f.Value[:limit]
		m.logMIME("Truncated long MIME %s header (length = %d) (possible attack)", f.Name, n)
	}
	if limit := o.MaxMimeFieldLength; limit > 0 && in("{checkMIMEFieldHeaders}") {
		m.limitParameters(f, limit)
	}
	if limit > 0 && in("{checkMIMEHeaders}") {
		value := closed(f.Value, limit+1)
		switch {
		case value == f.Value:
		case len(f.Value) > limit:
			m.logMIME("Truncated long MIME %s header (length = %d) (possible attack)", f.Name, len(f.Value))
		default:
			m.logMIME("Fixed MIME %s header (possible attack)", f.Name)
		}
		f.Value = value
	}
}

// limitParameters cuts what stands between the semicolons of a field.
func (m *message) limitParameters(f *envelope.Field, limit int) {
	var out strings.Builder
	for rest, more := f.Value, true; more; {
		end := parameterEnd(rest)
		part := rest[:end]
		if more = end < len(rest); more {
			rest = rest[end+1:]
		}
		kept := closed(part, limit+1)
		out.WriteString(kept)
		if more {
			out.WriteByte(';')
		}
		switch {
		case kept == part:
		case len(part) > limit:
			m.logMIME("Truncated MIME %s header due to field size (length = %d) (possible attack)", f.Name, len(part))
		default:
			m.logMIME("Fixed MIME %s header field (possible attack)", f.Name)
		}
	}
	f.Value = out.String()
}

func (m *message) logMIME(format string, args ...any) { m.log(logAlert, 0, format, args...) }

// quoting follows the quotes, comments and backslashes of RFC 5322 section 3.2 through a text.
type quoting struct {
	quoted, escaped bool
	depth           int // of comments
}

func (q *quoting) next(c byte) {
	switch {
	case q.escaped:
		q.escaped = false
	case c == '\\':
		q.escaped = true
	case c == '"' && q.depth == 0:
		q.quoted = !q.quoted
	case q.quoted:
	case c == '(':
		q.depth++
	case c == ')' && q.depth > 0:
		q.depth--
	}
}

// ending is what closes the quoted string or the comments that are open.
func (q *quoting) ending() string {
	if q.quoted {
		return `"`
	}
	return strings.Repeat(")", q.depth)
}

// missing counts the characters without which the text is not whole.
func (q *quoting) missing() int {
	n := len(q.ending())
	if q.escaped {
		n++
	}
	return n
}

// parameterEnd finds the first semicolon outside of quotes and comments.
func parameterEnd(s string) int {
	var q quoting
	for i := range len(s) {
		if s[i] == ';' && q.missing() == 0 {
			return i
		}
		q.next(s[i])
	}
	return len(s)
}

// closed cuts a text to a length in bytes and ends the quoted string and the comments that are open where it ends.
func closed(s string, limit int) string {
	end := min(len(s), limit)
	var q quoting
	for i := range end {
		before := q
		q.next(s[i])
		if q.missing() > end-i-1 {
			return s[:i] + before.ending()
		}
	}
	return s[:end]
}
