package m4

import "strings"

// Classes of bytes.
const (
	letterClass  uint8 = 1 << iota // begins a name
	digitClass                     // goes on with a name
	quoteClass                     // the first byte of the opening quote
	commentClass                   // the first byte of the comment opener
	parenClass                     // ( ) ,
	spaceClass
)

// syntax is what changequote and changecom set, and the classes that follow from it.
type syntax struct {
	open, close      string // quotes; open is empty if there are none
	comment, newline string // comment opener and closer; comment is empty if there are none
	class            [256]uint8
	simple           bool // both quotes are one byte long
}

// setQuotes sets the quotes. An empty open turns quoting off; an empty close then means the usual one.
func (s *syntax) setQuotes(open, close string) {
	if open != "" && close == "" {
		close = "'"
	}
	s.open, s.close = open, close
	s.simple = len(open) == 1 && len(close) == 1
	s.classify()
}

// setComment sets the comment delimiters. An empty open turns comments off; an empty close then means a newline.
func (s *syntax) setComment(open, close string) {
	if open != "" && close == "" {
		close = "\n"
	}
	s.comment, s.newline = open, close
	s.classify()
}

func (s *syntax) classify() {
	s.class = [256]uint8{}
	for c := range s.class {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			s.class[c] = letterClass
		case c >= '0' && c <= '9':
			s.class[c] = digitClass
		case c == '(', c == ')', c == ',':
			s.class[c] = parenClass
		case c == ' ', c >= '\t' && c <= '\r':
			s.class[c] = spaceClass
		}
	}
	if s.open != "" {
		s.class[s.open[0]] |= quoteClass
	}
	if s.comment != "" {
		s.class[s.comment[0]] |= commentClass
	}
}

// found is what a search for a delimited token within one block can give.
type found int

const (
	absent  found = iota // it does not begin here
	whole                // it is all within the text
	crossed              // the text ends before one can tell
)

// begins tells whether text starts with the delimiter d.
func begins(text, d string) found {
	switch {
	case strings.HasPrefix(text, d):
		return whole
	case len(text) < len(d) && strings.HasPrefix(d, text):
		return crossed
	}
	return absent
}

// commentEnd finds the comment at the start of text; it returns its length.
func (s *syntax) commentEnd(text string) (int, found) {
	if f := begins(text, s.comment); f != whole {
		return 0, f
	}
	n := len(s.comment)
	i := strings.Index(text[n:], s.newline)
	if i < 0 {
		return 0, crossed
	}
	return n + i + len(s.newline), whole
}

// quoteEnd finds the quoted string at the start of text; it returns its length with both quotes.
func (s *syntax) quoteEnd(text string) (int, found) {
	if s.simple {
		return s.simpleQuoteEnd(text)
	}
	if f := begins(text, s.open); f != whole {
		return 0, f
	}
	level := 1
	for i := len(s.open); i < len(text); {
		if text[i] == s.close[0] {
			if f := begins(text[i:], s.close); f == crossed {
				return 0, crossed
			} else if f == whole {
				i += len(s.close)
				if level--; level == 0 {
					return i, whole
				}
				continue
			}
		}
		if text[i] == s.open[0] {
			if f := begins(text[i:], s.open); f == crossed {
				return 0, crossed
			} else if f == whole {
				i += len(s.open)
				level++
				continue
			}
		}
		i++
	}
	return 0, crossed
}

// shortQuote is the length, in bytes, up to which a quoted string is looked through byte by byte.
const shortQuote = 24

// simpleQuoteEnd is quoteEnd for quotes of one byte, whose opener is known to be there.
func (s *syntax) simpleQuoteEnd(text string) (int, found) {
	open, close := s.open[0], s.close[0]
	for i := 1; i < len(text) && i < shortQuote; i++ { // most are short: no search is faster
		if text[i] == close {
			return i + 1, whole
		} else if text[i] == open {
			break
		}
	}
	if i := strings.IndexByte(text[1:], close); i < 0 {
		return 0, crossed
	} else if open == close || strings.IndexByte(text[1:1+i], open) < 0 {
		return i + 2, whole
	}
	level := 1
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case close:
			if level--; level == 0 {
				return i + 1, whole
			}
		case open:
			level++
		}
	}
	return 0, crossed
}

// wordEnd returns the offset after the name that begins at i.
func (s *syntax) wordEnd(text string, i int) int {
	for i++; i < len(text) && s.class[text[i]]&(letterClass|digitClass) != 0; i++ {
	}
	return i
}

// tokenKind is the kind of a token that was read across blocks.
type tokenKind int

const (
	wordToken tokenKind = iota
	quotedToken
	commentToken
	otherToken
)

// readAcross reads one token byte by byte, wherever its parts are: the slow way, for tokens that one block does not
// hold.
func (e *Engine) readAcross() (tokenKind, string) {
	b := e.top()
	e.here = location{b.position(), e.called(b)}
	start := e.here
	s := &e.syntax
	var buf []byte
	switch c := b.text[b.pos]; {
	case e.ahead(s.comment):
		e.skip(len(s.comment))
		buf = append(buf, s.comment...)
		for !e.ahead(s.newline) {
			c, ok := e.next()
			if !ok {
				e.unclosed(start, OpenComment, "comment")
				return commentToken, ""
			}
			buf = append(buf, c)
		}
		e.skip(len(s.newline))
		return commentToken, string(append(buf, s.newline...))
	case s.class[c]&letterClass != 0:
		for {
			c, ok := e.peek()
			if !ok || s.class[c]&(letterClass|digitClass) == 0 {
				return wordToken, string(buf)
			}
			e.next()
			buf = append(buf, c)
		}
	case e.ahead(s.open):
		return quotedToken, e.readQuoted(start)
	default:
		e.next()
		return otherToken, string(c)
	}
}

// readQuoted reads a quoted string and returns it without the outer quotes.
func (e *Engine) readQuoted(start location) string {
	s := &e.syntax
	var buf []byte
	e.skip(len(s.open))
	for level := 1; ; {
		switch {
		case e.ahead(s.close):
			e.skip(len(s.close))
			if level--; level == 0 {
				return string(buf)
			}
			buf = append(buf, s.close...)
		case e.ahead(s.open):
			e.skip(len(s.open))
			level++
			buf = append(buf, s.open...)
		default:
			c, ok := e.next()
			if !ok {
				e.unclosed(start, OpenQuote, "string")
				return ""
			}
			buf = append(buf, c)
			if len(buf)&0xfff == 0 && !e.room(int64(len(buf))) {
				return ""
			}
		}
	}
}

// skipLine reads the rest of the line.
func (e *Engine) skipLine() {
	for b := e.top(); b != nil && b.kind != tokenBlock; b = e.top() {
		if i := strings.IndexByte(b.text[b.pos:], '\n'); i >= 0 {
			b.pos += i + 1
			return
		}
		b.pos = len(b.text)
	}
	e.Warn("Warning: end of file treated as newline")
}
