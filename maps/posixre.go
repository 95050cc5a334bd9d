package maps

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// posixRegexp is a POSIX regular expression as the C library takes it in the C locale: bytes are characters, the
// leftmost longest match counts. Go's engine does the work, in linear time, on a translated pattern; only patterns with
// back references or \\< and \\>, which it does not know, go to a backtracking matcher with a budget. Where several
// ways lead to the longest match, the substrings are those of the way that prefers earlier alternatives.
type posixRegexp struct {
	groups int
	fold   bool
	fast   *regexp.Regexp // nil: the pattern needs the backtracker
	tree   *reNode
}

type reOp int

const (
	reSet   reOp = iota // one byte of a set
	reCat               // all of subs
	reAlt               // one of subs
	reRep               // subs[0], min to max times (max -1: any number)
	reGroup             // subs[0], remembered as number n
	reBack              // what group n matched
	reBegin             // ^
	reEnd               // $
	reWord              // \b, \B, \<, \>: n tells which by its letter
)

type reNode struct {
	op       reOp
	set      *[256]bool
	n        int
	min, max int
	subs     []*reNode
}

// maxRepeat is the largest bound of an interval that is supported (the C library: 32767).
const maxRepeat = 1000

func compilePOSIX(pattern string, basic, fold bool) (*posixRegexp, error) {
	p := &reParser{s: pattern, basic: basic, fold: fold}
	tree, err := p.alternatives(0)
	if err != nil {
		return nil, err
	}
	if p.i < len(p.s) {
		return nil, errors.New("Unmatched ) or \\)")
	}
	re := &posixRegexp{groups: p.groups, fold: fold, tree: tree}
	if p.backrefs {
		return re, nil
	}
	var b strings.Builder
	tree.write(&b)
	if re.fast, err = regexp.Compile(b.String()); err != nil {
		return nil, fmt.Errorf("Regular expression too big: %w", err)
	}
	re.fast.Longest()
	return re, nil
}

// match returns the places of the match and of its groups (-1 where a group took no part), or nil.
func (re *posixRegexp) match(key string) ([]int, error) {
	if i := strings.IndexByte(key, 0); i >= 0 {
		key = key[:i]
	}
	if re.fast == nil {
		return re.backtrack(key)
	}
	if isASCII(key) {
		return re.fast.FindStringSubmatchIndex(key), nil
	}
	runes := make([]rune, len(key))
	for i := range len(key) {
		runes[i] = rune(key[i])
	}
	text := string(runes)
	loc := re.fast.FindStringSubmatchIndex(text)
	for i, at := range loc {
		if at >= 0 {
			loc[i] = len([]rune(text[:at]))
		}
	}
	return loc, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// write translates to Go's syntax, in which each byte is the rune of that number.
func (n *reNode) write(b *strings.Builder) {
	switch n.op {
	case reSet:
		writeSet(b, n.set)
	case reBegin:
		b.WriteString(`\A`)
	case reEnd:
		b.WriteString(`\z`)
	case reWord:
		b.WriteString("\\" + string(rune(n.n)))
	case reGroup:
		b.WriteByte('(')
		n.subs[0].write(b)
		b.WriteByte(')')
	case reRep:
		b.WriteString("(?:")
		n.subs[0].write(b)
		b.WriteByte(')')
		b.WriteString(n.bounds())
	case reCat, reAlt:
		b.WriteString("(?:")
		for i, s := range n.subs {
			if i > 0 && n.op == reAlt {
				b.WriteByte('|')
			}
			s.write(b)
		}
		b.WriteByte(')')
	}
}

func (n *reNode) bounds() string {
	switch {
	case n.min == 0 && n.max == -1:
		return "*"
	case n.min == 1 && n.max == -1:
		return "+"
	case n.min == 0 && n.max == 1:
		return "?"
	case n.max == -1:
		return "{" + strconv.Itoa(n.min) + ",}"
	}
	return "{" + strconv.Itoa(n.min) + "," + strconv.Itoa(n.max) + "}"
}

func writeSet(b *strings.Builder, set *[256]bool) {
	b.WriteByte('[')
	empty := true
	for lo := 0; lo < 256; lo++ {
		if !set[lo] {
			continue
		}
		hi := lo
		for hi+1 < 256 && set[hi+1] {
			hi++
		}
		fmt.Fprintf(b, `\x{%x}-\x{%x}`, lo, hi)
		lo, empty = hi, false
	}
	if empty {
		b.WriteString(`^\x{0}-\x{10ffff}`)
	}
	b.WriteByte(']')
}
