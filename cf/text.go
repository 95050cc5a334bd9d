package cf

import (
	"strings"
	"time"

	"gosendmail/internal/macro"
)

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

const space = " \t\n\v\f\r"

func skipSpace(s string) string { return strings.TrimLeft(s, space) }

// number reads a decimal number at the front of s as atoi does: what does not begin with one is 0.
func number(s string) int64 {
	s = skipSpace(s)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var n int64
	for i := 0; i < len(s) && isDigit(s[i]) && n < 1<<58; i++ {
		n = n*10 + int64(s[i]-'0')
	}
	if negative {
		return -n
	}
	return n
}

// Number reads a decimal number as atoi does, of which the original makes use for all numbers.
func Number(s string) int64 { return number(s) }

// octal reads an octal number.
func octal(s string) int64 {
	var n int64
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '7' && n < 1<<30; i++ {
		n = n*8 + int64(s[i]-'0')
	}
	return n
}

// boolean takes an empty value and words that begin with t or y as true.
func boolean(s string) bool { return s == "" || strings.IndexByte("tTyY", s[0]) >= 0 }

var units = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// Duration reads a time interval such as "1h30m"; a number without a unit counts in unit. "now" is no time at all. The
// problem is "" or has a line for each unit that does not exist.
func Duration(s string, unit byte) (d time.Duration, problem string) {
	if equalFold(s, "now") {
		return 0, ""
	}
	sign := time.Duration(1)
	if strings.HasPrefix(s, "-") {
		sign, s = -1, s[1:]
	}
	const most = 1 << 53
	for s != "" {
		i, n := 0, time.Duration(0)
		for ; i < len(s) && isDigit(s[i]); i++ {
			n = min(n*10+time.Duration(s[i]-'0'), 1e9)
		}
		u := unit
		if i < len(s) {
			u = s[i]
			i++
			if units[u] == 0 {
				problem = strings.TrimPrefix(problem+"\nInvalid time unit `"+string(rune(u))+"'", "\n")
				u = unit
			}
		}
		d = min(d+n*units[u], time.Duration(most)*100)
		s = s[i:]
	}
	return sign * d, problem
}

// munch reads a field up to delim (0: to the end) with quotes and backslash escapes undone; rest begins at the
// delimiter.
func munch(s string, delim byte) (field, rest string) {
	var b strings.Builder
	quoted := false
	i := 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i < len(s) {
				b.WriteByte(escaped(s[i]))
			}
		case c == '"':
			quoted = !quoted
		case !quoted && c == delim && delim != 0:
			return b.String(), s[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func escaped(c byte) byte {
	switch c {
	case 'r':
		return '\r'
	case 'n':
		return '\n'
	case 'f':
		return '\f'
	case 'b':
		return '\b'
	}
	return c
}

// nearest returns the name most like word, or "" where none is near.
func nearest(word string, names []string) string {
	best, cost := "", max(2, len(word)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(n)); d < cost {
			best, cost = n, d
		}
	}
	return best
}

// distance is the number of insertions, deletions and changes between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// plain gives text in internal form back for a message. The original drops the highest bit of each byte there, so that
// the mark of a macro vanishes; the dollar sign says more.
func plain(s string) string { return macro.Plain(s) }
