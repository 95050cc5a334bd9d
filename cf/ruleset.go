package cf

import (
	"fmt"
	"strings"
)

// MaxRulesets bounds the numbers: configurations number below half of it, names without a number come above.
const MaxRulesets = 200

// moreRulesets is how many names find room beyond that. The original has none: the rules of our library stand in more
// sets than its own do, and those of a site must still fit beside them.
const moreRulesets = 300

// Ruleset is a ruleset that an S line, or a mailer's S= or R=, names.
type Ruleset struct {
	Name   string // "" where it has only a number
	Number int
	Rules  []Rule
}

// Label is the name, or the number where there is none, as messages show it.
func (r *Ruleset) Label() string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprint(r.Number)
}

// Rule is an R line, macros expanded.
type Rule struct {
	Position
	LHS, RHS string // internal form
}

// setTable gives rulesets their numbers.
type setTable struct {
	byName   map[string]int
	byNumber map[int]*Ruleset
	names    int // so many names have got a number
}

func newSetTable() *setTable {
	return &setTable{byName: map[string]int{}, byNumber: map[int]*Ruleset{}}
}

func (t *setTable) list() []*Ruleset {
	var list []*Ruleset
	for n := range MaxRulesets + moreRulesets {
		if r := t.byNumber[n]; r != nil {
			list = append(list, r)
		}
	}
	return list
}

func (t *setTable) at(number int) *Ruleset {
	r := t.byNumber[number]
	if r == nil {
		r = &Ruleset{Number: number}
		t.byNumber[number] = r
	}
	return r
}

// free is the number of the next name without one: from the top downwards, as the original gives them, then beyond;
// false if there is none.
func (t *setTable) free() (int, bool) {
	n := t.names
	if t.names++; n < MaxRulesets/2 {
		return MaxRulesets - 1 - n, true
	}
	return MaxRulesets/2 + n, n < MaxRulesets/2+moreRulesets
}

// digits reads a ruleset number.
func digits(s string) (n int, rest string) {
	i := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		n = min(n*10+int(s[i]-'0'), 1e6)
	}
	return n, s[i:]
}

// ruleset finds or makes the ruleset that s begins with: a number, a name, or name=number. It is nil where s is wrong.
func (p *parser) ruleset(s string) (set *Ruleset, rest string) {
	s = skipSpace(s)
	if s != "" && isDigit(s[0]) {
		n, rest := digits(s)
		if n >= MaxRulesets/2 {
			p.errorf("bad ruleset %d (%d max)", n, MaxRulesets/2)
			return nil, rest
		}
		return p.sets.at(n), rest
	}
	i := 0
	for i < len(s) && (isAlnum(s[i]) || s[i] == '_') {
		i++
	}
	if i == 0 || !isAlpha(s[0]) {
		p.errorf("invalid ruleset name: \"%.20s\"", s)
		return nil, s
	}
	name, rest := s[:i], skipSpace(s[i:])
	n, known := p.sets.byName[name]
	number := n
	switch {
	case strings.HasPrefix(rest, "="):
		if number, rest = p.setNumber(s, rest[1:]); number < 0 {
			return nil, rest
		}
	case !known:
		if number, known = p.sets.free(); !known {
			p.errorf("%s: too many named rulesets (%d max)", name, MaxRulesets/2+moreRulesets)
			return nil, rest
		}
		n = number
	}
	if known && number != n {
		p.errorf("%s: ruleset changed value (old %d, new %d)", s, n, number)
		number = n
	}
	p.sets.byName[name] = number
	set = p.sets.at(number)
	set.Name = name
	return set, rest
}

// setNumber reads what follows the "=" of whole, name=number; it is negative where that is wrong.
func (p *parser) setNumber(whole, s string) (number int, rest string) {
	s = skipSpace(s)
	if s == "" || !isDigit(s[0]) {
		p.errorf("bad ruleset definition \"%s\" (number required after `=')", whole)
		return -1, s
	}
	number, rest = digits(s)
	if number >= MaxRulesets/2 {
		p.errorf("bad ruleset number %d in \"%s\" (%d max)", number, whole, MaxRulesets/2)
		return -1, rest
	}
	return number, rest
}

// setLine is an S line.
func (p *parser) setLine(s string) {
	set, _ := p.ruleset(p.expand(s))
	p.current = set
	if set != nil && len(set.Rules) > 0 {
		p.warnf("WARNING: Ruleset %s has multiple definitions", s)
	}
}

// ruleLine is an R line: left and right side, with tabs between; a third field is a comment.
func (p *parser) ruleLine(s string) {
	if p.current == nil {
		p.errorf("missing valid ruleset for \"R%s\"", plain(s))
		return
	}
	left, right, ok := strings.Cut(s, "\t")
	if !ok {
		p.errorf("invalid rewrite line \"R%s\" (tab expected)", plain(s))
		return
	}
	if !p.opFrozen {
		p.freezeOperators()
	}
	right, _, _ = strings.Cut(strings.TrimLeft(right, "\t"), "\t")
	p.current.Rules = append(p.current.Rules, Rule{Position: p.at(), LHS: p.expand(left), RHS: p.expand(right)})
}
