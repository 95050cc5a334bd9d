package alias

import "strings"

// SplitList cuts a list of addresses at the commas and line ends outside of quotes, comments and angle brackets (RFC
// 5322 section 3.4). Addresses keep their quotes, comments and phrases; empty ones, and those of comments alone, are
// left out. What is unbalanced stays in one piece for the address parser to complain about.
func SplitList(s string) []string {
	var list []string
	angle, comment, quoted, start := 0, 0, false, 0
	take := func(end int) {
		if a := strings.Trim(s[start:end], " \t\r\n"); !OnlyComments(a) {
			list = append(list, a)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			comment++
		case c == ')' && comment > 0:
			comment--
		case comment > 0:
		case c == '"':
			quoted = true
		case c == '<':
			angle++
		case c == '>' && angle > 0:
			angle--
		case (c == ',' || c == '\n') && angle == 0:
			take(i)
		}
	}
	if start < len(s) {
		take(len(s))
	}
	return list
}

// OnlyComments reports whether there is nothing in a text but blanks and comments: it is no address, and no wrong one.
func OnlyComments(s string) bool {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case depth == 0 && strings.IndexByte(" \t\r\n", c) < 0:
			return false
		case c == ')':
			depth--
		case c == '\\':
			i++
		}
	}
	return depth == 0
}

// fields cuts s at commas outside of double quotes and parentheses.
func fields(s string) []string {
	var list []string
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ',' && depth == 0:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:])
}
