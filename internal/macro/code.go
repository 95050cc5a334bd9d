package macro

import (
	"fmt"
	"strings"
)

// Operators of the internal form. A string in internal form may hold them anywhere; a byte of the input with the same
// value is preceded by Quote.
const (
	Interpolate   = 0x81 // $x, to be replaced by the macro's value
	Deferred      = 0x82 // $&x, looked up when the rule runs
	LookupBegin   = 0x85 // $(
	LookupEnd     = 0x86 // $)
	MatchAny      = 0x90 // $*, zero or more tokens
	MatchSome     = 0x91 // $+, one or more tokens
	MatchOne      = 0x92 // $-, exactly one token
	MatchClass    = 0x93 // $=x, a phrase of a class
	MatchNotClass = 0x94 // $~x, a token that is in no phrase of a class
	Repl          = 0x95 // $1, what a wildcard of the left side matched
	CanonNet      = 0x96 // $#
	CanonHost     = 0x97 // $@; on the left side: no token at all
	CanonUser     = 0x98 // $:
	CallSet       = 0x99 // $>
	CondIf        = 0x9a // $?x
	CondElse      = 0x9b // $|
	CondEnd       = 0x9c // $.
	HostBegin     = 0x9d // $[
	HostEnd       = 0x9e // $]
	Quote         = 0xff // the next byte means itself
)

// usualLine is the length in bytes, in internal form, that lines seldom exceed.
const usualLine = 256

// MaxName is the longest name between braces, in bytes.
const MaxName = 25

// opOf gives for the character after "$" the operator that it stands for, other than macros and digits.
var opOf = [256]byte{
	'*': MatchAny, '+': MatchSome, '-': MatchOne, '=': MatchClass, '~': MatchNotClass,
	'#': CanonNet, '@': CanonHost, ':': CanonUser, '>': CallSet,
	'?': CondIf, '|': CondElse, '.': CondEnd,
	'[': HostBegin, ']': HostEnd, '(': LookupBegin, ')': LookupEnd,
	'&': Deferred,
}

// letters is the reverse of opOf.
var letters = func() (t [256]byte) {
	for letter, op := range opOf {
		if op != 0 {
			t[op] = byte(letter)
		}
	}
	return t
}()

// IsOperator reports whether c may be an operator of the internal form: the range that user input must not bring in.
func IsOperator(c byte) bool { return c&0xe0 == 0x80 }

// Name splits a macro or class name off the front of s: one character, or a name in braces. name is "" where there is
// none; problems are the complaints about its spelling, in the original's words, and can come with a usable name.
func Name(s string) (name, rest string, problems []string) {
	if s == "" || strings.HasPrefix(s, "{}") {
		return "", s, []string{"Name required for macro/class"}
	}
	if s[0] != '{' {
		return s[:1], s[1:], nil
	}
	var b strings.Builder
	i := 1
	for ; i < len(s) && s[i] != '}' && b.Len() < MaxName; i++ {
		if isAlnum(s[i]) || s[i] == '_' {
			b.WriteByte(s[i])
		} else {
			problems = append(problems, fmt.Sprintf("Invalid macro/class character %c", s[i]))
		}
	}
	long := b.String()
	switch {
	case i == len(s):
		problems = append(problems, "Unbalanced { on "+long)
	case s[i] != '}':
		problems = append(problems, fmt.Sprintf("Macro/class name ({%s}) too long (%d chars max)", long, MaxName))
	case len(long) == 1:
		return long, s[i+1:], problems
	case long != "":
		return "{" + long + "}", s[i+1:], problems
	}
	return "", s[i:], append(problems, "Unable to assign macro/class ID (mid = 0xffffffff)")
}

// unit returns the length of the name at the front of s, a string in internal form; 0 at its end.
func unit(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '{' {
		if i := strings.IndexByte(s, '}'); i > 0 {
			return i + 1
		}
	}
	return 1
}

// Unit splits the name that follows an operator off s, a string in internal form.
func Unit(s string) (name, rest string) {
	n := unit(s)
	return s[:n], s[n:]
}

// Encode turns a line of a configuration file into the internal form. At configuration levels below 3 a "#" within the
// line is an ordinary character; above, it starts a comment unless a backslash precedes it. White space at the end is
// dropped. A name with an error ends the line there, with the problems told.
func Encode(line string, level int) (string, []string) {
	var problems []string
	var store [usualLine]byte
	out := store[:0]
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case IsOperator(c) || c == Quote:
			out = append(out, Quote, c)
		case c == '#' && len(out) > 0 && level >= 3:
			if out[len(out)-1] == '\\' {
				out[len(out)-1] = '#'
				continue
			}
			out = trimSpace(out)
			nl := strings.IndexByte(line[i:], '\n')
			if nl < 0 {
				return string(trimSpace(out)), problems
			}
			i += nl - 1
		case c != '$' || i+1 == len(line):
			out = append(out, c)
		case line[i+1] == '$':
			out = append(out, '$')
			i++
		default:
			out = append(out, Interpolate)
			i++
			if strings.IndexByte("=~&?", line[i]) >= 0 {
				out = append(out, line[i])
				i++
			}
			name, rest, bad := Name(line[i:])
			problems = append(problems, bad...)
			if name == "" {
				return string(trimSpace(out)), problems
			}
			out = append(out, name...)
			i = len(line) - len(rest) - 1
		}
	}
	return string(trimSpace(out)), problems
}

// trimSpace drops white space at the end, but never the first byte.
func trimSpace(b []byte) []byte {
	for len(b) > 1 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// Show prints a string in internal form as people write it, control characters escaped, as the original's
// test mode does.
func Show(s string) string { return string(AppendShow(nil, s)) }

// AppendShow appends Show(s) to b.
func AppendShow(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < 0x80:
			b = appendPlain(b, c)
		case c == Interpolate || c == Deferred:
			b = append(b, '$')
			if c == Deferred {
				b = append(b, '&')
			}
			if i+1 < len(s) && strings.IndexByte("=~&?", s[i+1]) >= 0 {
				i++
				b = append(b, s[i])
			}
			n := unit(s[i+1:])
			b = append(b, s[i+1:i+1+n]...)
			i += n
		case c == Repl:
			b = append(b, '$')
			if i+1 < len(s) {
				i++
				b = appendPlain(b, s[i])
			}
		case c == MatchClass || c == MatchNotClass:
			b = append(b, '$', letters[c])
			n := unit(s[i+1:])
			b = append(b, s[i+1:i+1+n]...)
			i += n
		case letters[c] != 0:
			b = append(b, '$', letters[c])
		default:
			b = append(b, 'M', '-')
			b = appendPlain(b, c&0x7f)
		}
	}
	return b
}

func appendPlain(b []byte, c byte) []byte {
	switch {
	case c >= ' ' && c < 0x7f:
		return append(b, c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Plain gives a string in internal form back as it stood in the file, for messages: as Show, but control characters are
// kept.
func Plain(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == Quote && i+1 < len(s):
			i++
			b = append(b, s[i])
		case c == Interpolate:
			b = append(b, '$')
		case c == Deferred:
			b = append(b, '$', '&')
		case letters[c] != 0:
			b = append(b, '$', letters[c])
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
