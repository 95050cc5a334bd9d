// Package debug holds the levels of flag -d and prints for those who asked (op.txt section 3.4).
//
// A category is a number from 0 to 99, a level one from 0 to 255. Named categories are of the original's libraries and
// mean nothing here.
package debug

import (
	"fmt"
	"io"
)

// Levels are the levels by category.
type Levels [categories]int

const categories = 100

// Of returns the level of a category.
func (l *Levels) Of(category int) int {
	if category < 0 || category >= len(l) {
		return 0
	}
	return l[category]
}

// Set reads "category.level,first-last.level"; without a level it is 1, and "" means all categories. What cannot be
// read is skipped. It returns the named categories, which have no effect.
func (l *Levels) Set(s string) (named []string) {
	if s == "" {
		s = "0-99.1"
	}
	for s != "" {
		switch c := s[0]; {
		case separator(c):
			s = s[1:]
		case digit(c):
			s = skip(l.numbered(s))
		default:
			rest := skip(s)
			named = append(named, s[:len(s)-len(rest)])
			s = rest
		}
	}
	return named
}

// numbered reads one word that begins with a digit and returns what it did not understand.
func (l *Levels) numbered(s string) string {
	first, rest := number(s)
	last := first
	if rest != "" && rest[0] == '-' {
		last, rest = number(rest[1:])
	}
	level := 1
	if rest != "" && rest[0] == '.' {
		level, rest = number(rest[1:])
	}
	for c := min(first, categories-1); c <= min(last, categories-1); c++ {
		l[c] = level & 0xff // the original keeps a byte
	}
	return rest
}

// number reads digits; n is bounded.
func number(s string) (n int, rest string) {
	i := 0
	for ; i < len(s) && digit(s[i]); i++ {
		n = min(n*10+int(s[i]-'0'), 1<<20)
	}
	return n, s[i:]
}

func skip(s string) string {
	for s != "" && !separator(s[0]) {
		s = s[1:]
	}
	return s
}

func digit(c byte) bool     { return c >= '0' && c <= '9' }
func separator(c byte) bool { return c == ',' || c == ' ' || c == '\t' }

// Log prints debug texts. A nil Log prints nothing.
type Log struct {
	W      io.Writer
	Levels *Levels
}

// At reports whether a category has at least a level.
func (l *Log) At(category, level int) bool { return l != nil && l.Levels.Of(category) >= level }

// Printf prints whatever the levels; callers ask At first, so that nothing is made ready in vain.
func (l *Log) Printf(format string, args ...any) {
	if l != nil {
		fmt.Fprintf(l.W, format, args...)
	}
}
