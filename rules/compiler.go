package rules

import (
	"fmt"
	"strconv"

	"gosendmail/internal/macro"
)

// compiler compiles a program: set after set, rule after rule.
type compiler struct {
	sets     *Sets
	options  *Options
	problems []Problem
	all      []*Set
	refs     map[string]int // places in sets.refs: of a class under its name, of a macro with "$" before it
	called   []int          // places in sets.tokens of the words that follow $>

	line  *RuleSource // the rule under way
	slots int         // its wildcards

	// Rules are many and small, their parts cut from larger pieces.
	elems  store[elem]
	words  store[word]
	tokens store[Token] // of left sides
	side   []Token      // that is being scanned
}

// store hands out slices.
type store[T any] struct{ free []T }

func (s *store[T]) take(n int) []T {
	if n > len(s.free) {
		s.free = make([]T, max(n, 512))
	}
	taken := s.free[:n:n]
	s.free = s.free[n:]
	return taken
}

func (c *compiler) complain(format string, args ...any) {
	c.problems = append(c.problems, Problem{c.line.File, c.line.Line, fmt.Sprintf(format, args...)})
}

// set compiles one ruleset.
func (c *compiler) set(src *SetSource) {
	s := c.sets
	if src.Number < 0 || src.Number >= MaxRuleSets {
		c.problems = append(c.problems, Problem{Text: fmt.Sprintf("bad ruleset %d (%d max)", src.Number, MaxRuleSets/2)})
		return
	}
	set := &Set{Name: src.Name, Number: src.Number}
	if set.Name == "" {
		set.Name = strconv.Itoa(src.Number)
	} else {
		s.byName[src.Name] = set
	}
	s.byNumber[src.Number] = set
	c.all = append(c.all, set)
	n := len(src.Rules)
	set.Rules, set.filters, set.code = make([]Rule, n), make([]filter, n), make([]code, n)
	for i := range src.Rules {
		c.line = &src.Rules[i]
		set.filters[i] = c.rule(&set.Rules[i], &set.code[i])
	}
}

// rule compiles one rule.
func (c *compiler) rule(r *Rule, k *code) filter {
	r.File, r.Line = c.line.File, c.line.Line
	c.slots = 0
	if side := c.scan(c.line.LHS); len(side) > 0 {
		r.LHS = c.tokens.take(len(side))
		copy(r.LHS, side)
	} else {
		c.complain("R line: null LHS")
	}
	c.left(k, r.LHS)
	if c.slots > MaxMatch {
		c.complain("R line: too many wildcards")
		r.LHS, k.left = nil, nil
	} else {
		k.wilds = uint8(c.slots)
	}
	s, first := c.sets, len(c.sets.tokens)
	if s.tokens = append(s.tokens, c.scan(c.line.RHS)...); first < len(s.tokens) {
		r.RHS = s.tokens[first:len(s.tokens):len(s.tokens)]
	} else {
		c.complain("R line: null RHS")
	}
	c.check(r.RHS)
	c.right(k, r.RHS, first)
	return k.measure()
}

// scan takes one side of a rule apart. The tokens are good until the next call.
func (c *compiler) scan(text string) []Token {
	mode := KeepComments
	if c.options.Level < 9 {
		mode = Internal
	}
	var problems []string
	c.side, problems = c.sets.appendScan(c.side[:0], text, '\t', mode, true)
	for _, p := range problems {
		c.complain("%s", withoutCode(p))
	}
	return c.side
}

// withoutCode drops the SMTP codes that begin a message.
func withoutCode(s string) string {
	if len(s) > 4 && s[0] >= '2' && s[0] <= '5' && s[3] == ' ' {
		s = s[4:]
		if len(s) > 6 && s[1] == '.' && s[3] == '.' && s[5] == ' ' {
			s = s[6:]
		}
	}
	return s
}

// left compiles a left side.
func (c *compiler) left(k *code, side Workspace) {
	k.left = c.elems.take(len(side))
	for i := range side {
		t, e := &side[i], &k.left[i]
		switch t.op {
		case macro.MatchAny, macro.MatchSome, macro.MatchOne:
			*e = newElem(t.op, c.slot(), 0)
		case macro.MatchClass, macro.MatchNotClass:
			*e = newElem(t.op, c.slot(), c.class(t.text[1:]))
		case macro.Deferred:
			*e = newElem(t.op, 0, c.macro(t.text[1:]))
		case macro.CanonHost:
			*e = newElem(t.op, 0, 0)
		case macro.Repl:
			c.complain("Inappropriate use of $1-$9 on LHS")
		case macro.CanonUser, macro.CallSet, macro.CondIf, macro.CondEnd,
			macro.HostBegin, macro.HostEnd, macro.LookupBegin, macro.LookupEnd:
			c.complain("Inappropriate use of %s on LHS", macro.Show(t.text[:1]))
		}
		if *e == 0 {
			*e = elem(c.sets.lexicon.add(t))
		}
	}
}

// slot numbers a wildcard.
func (c *compiler) slot() int {
	c.slots++
	return min(c.slots-1, MaxMatch)
}

// class returns the place of a class in refs.
func (c *compiler) class(name string) int {
	return c.refer(name, func() ref {
		r := ref{name: name}
		if c.options.Class != nil {
			r.class = c.options.Class(name)
		}
		if r.class != nil {
			r.class.index(c.sets)
		}
		return r
	})
}

// macro returns the place of a macro in refs.
func (c *compiler) macro(name string) int {
	return c.refer("$"+name, func() ref { return ref{name: name} })
}

// maxRefs is how many classes and macros the rules of a program can name.
const maxRefs = 1 << 16

// refer returns the place of what key names, built when it is first asked for.
func (c *compiler) refer(key string, build func() ref) int {
	i, ok := c.refs[key]
	switch {
	case ok:
		return i
	case len(c.sets.refs) == maxRefs:
		c.complain("too many macros and classes (%d max)", maxRefs)
		return 0
	}
	i = len(c.sets.refs)
	c.refs[key] = i
	c.sets.refs = append(c.sets.refs, build())
	return i
}

// check tells what is wrong with a right side.
func (c *compiler) check(side Workspace) {
	args, end := 0, byte(0)
	for i := range side {
		switch t := &side[i]; t.op {
		case macro.Repl:
			if len(t.text) < 2 || t.text[1] <= '0' || int(t.text[1]-'0') > c.slots {
				c.complain("replacement %s out of bounds", macro.Show(t.text))
			}
		case macro.MatchAny, macro.MatchSome, macro.MatchOne, macro.MatchClass, macro.MatchNotClass:
			c.complain("Inappropriate use of %s on RHS", macro.Show(t.text[:1]))
		case macro.CanonHost:
			if end == 0 {
				break
			}
			if args++; args >= maxMapArgs {
				c.complain("too many arguments for map lookup")
			}
		case macro.HostBegin, macro.LookupBegin:
			if end != 0 {
				c.complain("cannot nest map lookups")
			}
			args, end = 0, endOf(t.op)
		case macro.HostEnd, macro.LookupEnd:
			if t.op == end {
				end = 0
			}
		}
	}
	if end != 0 {
		c.complain("missing map closing token")
	}
}

// endOf returns the operator that closes a look-up.
func endOf(begin byte) byte {
	if begin == macro.HostBegin {
		return macro.HostEnd
	}
	return macro.LookupEnd
}

// right compiles a right side, whose first token has the number first. The keys of words wait for the left sides of all
// rules.
func (c *compiler) right(k *code, side Workspace, first int) {
	if len(side) > 0 && (side[0].op == macro.CanonUser || side[0].op == macro.CanonHost) {
		k.prefix = side[0].op
		side, first = side[1:], first+1
	}
	k.right = c.words.take(len(side))
	for i := range side {
		t, w := &side[i], &k.right[i]
		switch w.key = uint32(t.op); t.op {
		case macro.Repl:
			w.text = MaxMatch // out of bounds
			if len(t.text) > 1 && t.text[1] > '0' {
				w.text = uint32(t.text[1] - '1')
			}
		case macro.Deferred:
			w.text = uint32(c.macro(t.text[1:]))
		default:
			w.text = uint32(first + i)
			k.does |= actionOf(w.key)
			if t.op == macro.CallSet && i+1 < len(side) {
				c.called = append(c.called, first+i+1)
			}
		}
	}
}

// finish does what needs to know all rules.
func (c *compiler) finish() {
	s := c.sets
	for _, set := range c.all {
		for i := range set.code {
			k := &set.code[i]
			for j := range k.right {
				if w := &k.right[j]; w.key != macro.Repl && w.key != macro.Deferred {
					w.key = s.lexicon.key(&s.tokens[w.text])
					k.mask |= bit(w.key)
				}
			}
		}
	}
	s.calls = make([]uint8, len(s.tokens))
	for _, n := range c.called {
		if set, problem := s.Find(stripQuotes(s.tokens[n].text)); set != nil && problem == "" && s.byNumber[set.Number] == set {
			s.calls[n] = uint8(set.Number + 1)
		}
	}
}
