package rules

import (
	"fmt"
	"sync"
)

// Limits of rules.
const (
	MaxMatch    = 9  // wildcards of one left side: $1 to $9
	maxMapArgs  = 20 // arguments of one map look-up
	maxCalls    = 16 // calls of rulesets from one right side
	MaxRuleSets = 200
)

// RuleSource is one R line: its two sides in internal form, macros expanded.
type RuleSource struct {
	LHS, RHS string
	File     string
	Line     int
}

// SetSource is one ruleset. Numbers below MaxRuleSets/2 are those that configurations write; named rulesets without a
// number have one above.
type SetSource struct {
	Name   string // "" where it has only a number
	Number int
	Rules  []RuleSource
}

// Options are the settings that the engine obeys (op.txt section 5.6).
type Options struct {
	Operators        string // OperatorChars, expanded; "" means DefaultOperators
	BlankSub         byte   // put between adjacent atoms; 0 means a blank
	Level            int    // of the V line; below 9, parentheses in rules are comments
	MaxRuleRecursion int    // 0 means 50
	// Class returns a class by name; where it is nil or returns nil, Env.InClass is asked.
	Class func(name string) *Class
}

// Problem is a complaint about a rule, in the original's words.
type Problem struct {
	File string
	Line int
	Text string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Rule is an R line, as traces show it.
type Rule struct {
	LHS, RHS Workspace
	File     string
	Line     int
}

// Set is a compiled ruleset.
type Set struct {
	Name   string // as traces show it
	Number int
	Rules  []Rule

	filters []filter // of Rules, as code
	code    []code
}

// Sets is a compiled program. It never changes and serves any number of goroutines.
type Sets struct {
	*Scanner
	byNumber [MaxRuleSets]*Set
	byName   map[string]*Set
	space    byte
	recurse  int

	lexicon lexicon
	refs    []ref
	tokens  []Token   // of right sides, whose words are numbered by their place here
	calls   []uint8   // what $> calls, by the number of the word that names it: the ruleset's number plus 1; 0: ask Find
	idle    sync.Pool // of *machine
}

// Compile compiles the rulesets. Rules with problems are kept as far as they make sense, as the original does; whoever
// starts a daemon refuses a configuration with problems.
func Compile(sources []SetSource, o Options) (*Sets, []Problem) {
	if o.Operators == "" {
		o.Operators = DefaultOperators
	}
	s := &Sets{Scanner: NewScanner(o.Operators), byName: make(map[string]*Set), space: o.BlankSub, recurse: o.MaxRuleRecursion,
		lexicon: newLexicon()}
	if s.space == 0 {
		s.space = ' '
	}
	if s.recurse == 0 {
		s.recurse = 50
	}
	c := compiler{sets: s, options: &o, refs: make(map[string]int)}
	s.tokens = make([]Token, 0, estimate(sources))
	for i := range sources {
		c.set(&sources[i])
	}
	c.finish()
	return s, c.problems
}

// estimate is about the number of tokens of all right sides: mostly they have more than two bytes.
func estimate(sources []SetSource) (n int) {
	for i := range sources {
		for j := range sources[i].Rules {
			n += len(sources[i].Rules[j].RHS)
		}
	}
	return n / 2
}

// Find returns a ruleset by name or number, as $>, the test mode and check_* calls name it; nil where there is none.
// The problem, if any, is about the spelling.
func (s *Sets) Find(name string) (set *Set, problem string) {
	name = trimLeftSpace(name)
	if name == "" || name[0] >= 0x80 {
		return nil, fmt.Sprintf("554 5.0.0 invalid ruleset name: \"%.20s\"", name)
	}
	if name[0] >= '0' && name[0] <= '9' {
		n := 0
		for i := 0; i < len(name) && name[i] >= '0' && name[i] <= '9' && n < 1e6; i++ {
			n = n*10 + int(name[i]-'0')
		}
		if n >= MaxRuleSets/2 {
			return nil, fmt.Sprintf("554 5.0.0 bad ruleset %d (%d max)", n, MaxRuleSets/2)
		}
		if s.byNumber[n] == nil {
			return &Set{Name: fmt.Sprint(n), Number: n}, ""
		}
		return s.byNumber[n], ""
	}
	i := 0
	for i < len(name) && (isAlnum(name[i]) || name[i] == '_') {
		i++
	}
	if i == 0 || name[0] == '_' {
		return nil, fmt.Sprintf("554 5.0.0 invalid ruleset name: \"%.20s\"", name)
	}
	return s.byName[name[:i]], ""
}

// Ruleset returns a ruleset by name or number, or nil where the configuration does not have it.
func (s *Sets) Ruleset(name string) *Set {
	set, _ := s.Find(name)
	return set
}

func trimLeftSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
