package smtpd

import (
	"strings"
)

// pathError is what is wrong with the path of MAIL or RCPT.
type pathError struct{ text string }

func (e *pathError) Error() string { return e.text }

// scanPath splits the argument of MAIL FROM: or RCPT TO: into the path and the parameters. The path ends at the first
// space outside of angle brackets, quotes and comments (RFC 5321 section 4.1.2, with what RFC 5322 allows
// around it, as old clients send it). The path is returned as written.
func scanPath(arg string) (path, params string, err error) {
	arg = strings.TrimLeft(arg, " \t")
	angle, comment, quoted := 0, 0, false
	unbalanced := func(what string) (string, string, error) {
		return "", "", &pathError{clean(arg) + "... Unbalanced '" + what + "'"}
	}
	end := len(arg)
scan:
	for i := 0; i < len(arg); i++ {
		switch c := arg[i]; {
		case c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			comment++
		case c == ')':
			if comment--; comment < 0 {
				return unbalanced(")")
			}
		case comment > 0:
		case c == '"':
			quoted = true
		case c == '<':
			angle++
		case c == '>':
			if angle--; angle < 0 {
				return unbalanced(">")
			}
		case (c == ' ' || c == '\t') && angle == 0:
			end = i
			break scan
		}
	}
	switch {
	case quoted:
		return unbalanced(`"`)
	case comment > 0:
		return unbalanced("(")
	case angle > 0:
		return unbalanced("<")
	}
	return arg[:end], strings.Trim(arg[end:], " \t"), nil
}

// onlyComment reports whether a path has nothing outside of its comments.
func onlyComment(path string) bool {
	return strings.HasPrefix(path, "(") && strings.HasSuffix(path, ")")
}

// clean makes what a client sent safe to show: control characters and bytes beyond ASCII become '?', and long text is
// cut in the middle.
func clean(s string) string {
	const limit, keep = 203, 100
	if len(s) > limit {
		s = s[:keep] + "..." + s[len(s)-keep:]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// keyword splits a command's argument at "FROM:" or "TO:"; ok is false where it is not there, and word is then what
// was.
func keyword(arg, want string) (rest, word string, ok bool) {
	i := strings.IndexAny(arg, ": \t")
	if i < 0 {
		return "", arg, false
	}
	word = arg[:i]
	rest = strings.TrimLeft(arg[i:], " \t")
	if !strings.EqualFold(word, want) || !strings.HasPrefix(rest, ":") || strings.Trim(rest[1:], " \t") == "" {
		return "", word, false
	}
	return rest[1:], word, true
}

// asciiOnly reports whether s has no byte beyond ASCII.
func asciiOnly(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
