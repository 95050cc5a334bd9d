package rules

import (
	"strings"

	"gosendmail/internal/macro"
)

// plainKind says what scanPlain does with a byte.
type plainKind uint8

const (
	plainNever plainKind = iota // not a plain text: prescanner has to look at it
	plainAtom
	plainOper  // a token by itself
	plainOpen  // "<"
	plainClose // ">"
	plainQuote // begins a quoted string
	plainName  // an operator with a name
	plainSpace
)

// plainKinds fills the table of a mode from its character classes.
func (s *Scanner) plainKinds(mode Mode) {
	kinds := [...]plainKind{charAtom: plainAtom, charOper: plainOper, charQuote: plainQuote, charSpace: plainSpace, charOne: plainName}
	for i, class := range s.class[mode] {
		k := kinds[class]
		switch c := byte(i); {
		case c == 0 || c == '\\' || c == macro.Quote || (c == '(' || c == ')') && class == charSpace:
			k = plainNever
		case k == plainAtom && (c <= ' ' || c >= 0x80 && s.class[Internal][c] != charAtom):
			k = plainNever // such atoms are not plain tokens
		case c == '<':
			k = plainOpen
		case c == '>':
			k = plainClose
		}
		s.plain[mode][i] = k
	}
}

// maxPlain is the longest text, in bytes, that cannot meet a limit of prescanner.
const maxPlain = MaxText/2 - 3

// scanPlain does what prescanner does for the texts that are usual: nothing unbalanced, no comments, no backslashes.
// What is scanned goes behind dst; ok is false for other texts.
func (s *Scanner) scanPlain(dst []Token, text string, delim byte, mode Mode, lenient bool) (out []Token, end int, ok bool) {
	if len(text) > maxPlain || delim == ' ' {
		return dst, 0, false
	}
	kinds := &s.plain[mode]
	angles := 0
	for i := 0; i < len(text); {
		if text[i] == delim {
			if angles > 0 {
				return dst, 0, false
			}
			return dst, i, true
		}
		first := i
		switch kinds[text[i]] {
		case plainAtom:
			var t Token
			if t, ok = plainToken(kinds, text[i:], delim); !ok {
				return dst, 0, false
			}
			dst = append(dst, t)
			i += len(t.text)
			continue
		case plainSpace:
			i++
			continue
		case plainOper:
			i++
		case plainOpen:
			angles++
			i++
		case plainClose:
			if angles > 0 {
				angles--
			} else if !lenient {
				return dst, 0, false
			}
			i++
		case plainQuote:
			i += quoted(text[i:], mode)
		case plainName:
			i += named(text[i:])
		}
		if i == first || i-first > MaxToken {
			return dst, 0, false
		}
		dst = append(dst, s.token(text[first:i], mode))
	}
	return dst, len(text), angles == 0 || lenient
}

// plainToken makes a token of the atom that text begins with.
func plainToken(kinds *[256]plainKind, text string, delim byte) (Token, bool) {
	hash := uint32(hashStart)
	n := 0
	for ; n < len(text) && kinds[text[n]] == plainAtom && text[n] != delim; n++ {
		hash = (hash ^ uint32(lower(text[n]))) * hashPrime
	}
	return Token{text: text[:n], hash: hash, class: charAtom, plain: true}, n <= MaxToken
}

// quoted is the length of the quoted string that text begins with; 0 where it is not a simple one.
func quoted(text string, mode Mode) int {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c == 0 || c == 0xff:
			return 0
		}
	}
	return 0
}

// named is the length of the operator with its name that text begins with; 0 where the name is an odd one.
func named(text string) int {
	name, _ := macro.Unit(text[1:])
	if text[0] == macro.Repl && name != "" {
		name = name[:1]
	}
	if name == "" || name == "{" || strings.IndexByte(name, '\\') >= 0 || !isAlnum(name[0]) && name[0] != '{' {
		return 0
	}
	return 1 + len(name)
}

// firstToken is the length of the plain token that text begins with, as far as operator characters tell.
func (s *Scanner) firstToken(text string) int {
	n := 0
	for n < len(text) && s.class[Internal][text[n]] == charAtom {
		n++
	}
	if n == 0 && text != "" {
		return 1
	}
	return n
}
