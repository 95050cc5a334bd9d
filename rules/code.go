package rules

import (
	"math"

	"gosendmail/internal/macro"
)

// What a machine runs lies close together in memory, and apart from what only traces need: going through the rules of a
// large configuration costs as much for fetching as for comparing.

// filter tells without matching that most rules do not match.
type filter struct {
	need        uint64 // mask of the literals
	first, last uint32 // keys of the literals that begin and end the left side, where ends says that there is one
	ends        [2]uint32
	min, max    uint16 // words that the left side matches
}

// excludes reports whether a rule cannot match a workspace of n words with this mask, this first and this last key. It
// is asked for each rule of a ruleset: two branches are faster than one for each reason.
func (f *filter) excludes(n int, mask uint64, first, last uint32) bool {
	if n < int(f.min) || n > int(f.max) {
		return true
	}
	return f.need&^mask|uint64((first^f.first)&f.ends[0]|(last^f.last)&f.ends[1]) != 0
}

// code is what a machine runs of one rule.
type code struct {
	left   []elem
	right  []word // key macro.Repl stands for what the wildcard of number text matched, macro.Deferred for the macro refs[text]
	mask   uint64 // of the words of right
	head   uint16 // elements before the first gap
	tail   uint16 // elements after the last gap
	wilds  uint8  // wildcards
	prefix byte   // macro.CanonUser for "$:", macro.CanonHost for "$@", or 0
	simple bool   // literals, $*, $+ and $- only
	does   action // of the right side
}

// action says what has to be done with the words that a rule made.
type action uint8

const (
	looksUp action = 1 << iota // $( $) or $[ $]
	calls                      // $>
)

// actionOf is what a key in a workspace asks for.
func actionOf(key uint32) action {
	switch key {
	case macro.CallSet:
		return calls
	case macro.LookupBegin, macro.HostBegin:
		return looksUp
	}
	return 0
}

// elem is one element of a left side: the key of a literal, or op<<24 | slot<<16 | arg. slot is the number of a
// wildcard, from
// 0. arg is for a gap how many elements follow up to the next one, for a class or a macro its place in refs.
type elem uint32

func newElem(op byte, slot, arg int) elem { return elem(op)<<24 | elem(slot)<<16 | elem(arg) }

func (e elem) op() byte  { return byte(e >> 24) } // 0: a literal
func (e elem) slot() int { return int(e >> 16 & 0xff) }
func (e elem) arg() int  { return int(e & 0xffff) }

// gap reports whether the element can take any number of words.
func (e elem) gap() bool { return e.op() == macro.MatchAny || e.op() == macro.MatchSome }

// ref is a class or a macro that rules name.
type ref struct {
	name  string
	class *Class // nil: Env.InClass is asked
}

// measure notes what is known of the workspaces that the rule can match.
func (c *code) measure() (f filter) {
	c.simple = true
	least, most := 0, 0
	for _, e := range c.left {
		switch e.op() {
		case 0:
			f.need |= bit(uint32(e))
			least, most = least+1, most+1
		case macro.MatchOne:
			least, most = least+1, most+1
		case macro.MatchNotClass:
			least, most, c.simple = least+1, most+1, false
		case macro.MatchSome:
			least, most = least+1, math.MaxUint16
		case macro.MatchAny:
			most = MaxAtom + 1
		case macro.MatchClass:
			least, most, c.simple = least+1, math.MaxUint16, false
		case macro.Deferred:
			most, c.simple = math.MaxUint16, false
		default:
			c.simple = false
		}
	}
	f.min, f.max = uint16(least), uint16(min(most, math.MaxUint16))
	if n := len(c.left); n > 0 {
		f.first, f.ends[0] = c.left[0].literal()
		f.last, f.ends[1] = c.left[n-1].literal()
	}
	c.segments()
	return f
}

// literal is the key of a literal, with the bits in which a word must agree with it: none where the element is no
// literal.
func (e elem) literal() (key, bits uint32) {
	if e.op() == 0 {
		return uint32(e), ^uint32(0)
	}
	return unknown, 0
}

// segments divides the left side at its gaps.
func (c *code) segments() {
	run, gaps := 0, false
	for i := len(c.left) - 1; i >= 0; i-- {
		e := c.left[i]
		if !e.gap() {
			run++
			continue
		}
		if !gaps {
			c.tail, gaps = uint16(run), true
		}
		c.left[i] = newElem(e.op(), e.slot(), run)
		run = 0
	}
	c.head = uint16(run)
}
