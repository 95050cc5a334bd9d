package rules

import (
	"fmt"

	"gosendmail/internal/macro"
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

// Rule is a compiled R line.
type Rule struct {
	LHS, RHS Workspace
	File     string
	Line     int

	steps  []step
	simple bool // literals, $*, $+ and $- only
	prefix byte // macro.CanonUser for "$:", macro.CanonHost for "$@", or 0
	right  []part
	active bool // the right side calls a ruleset or looks something up
}

// part is one piece of a right side.
type part struct {
	op    byte      // 0: words as they stand; macro.Repl: what a wildcard matched; macro.Deferred: a macro's value
	words Workspace // of op 0
	n     int       // of Repl: the digit less 1
	name  string    // of the digit or the macro
}

// parts takes a right side apart.
func parts(right Workspace) (list []part) {
	start := 0
	for i, t := range right {
		if t.op != macro.Repl && t.op != macro.Deferred {
			continue
		}
		if i > start {
			list = append(list, part{words: right[start:i]})
		}
		p := part{op: t.op, name: t.text[1:]}
		if t.op == macro.Repl {
			p.n = int(p.name[0]) - '1'
		}
		list = append(list, p)
		start = i + 1
	}
	if start < len(right) {
		list = append(list, part{words: right[start:]})
	}
	return list
}

// filter is what tells without matching that most rules do not match.
type filter struct {
	need        uint64 // mask of the literals
	min, max    int32  // tokens that the left side matches
	first, last uint32 // hashes of a literal that begins or ends it
	begins      bool   // first is one
	ends        bool   // last is one
}

// step is one element of a left side.
type step struct {
	op    byte // 0 is a literal
	tok   Token
	name  string // of the class or macro
	class *Class
}

// Set is a compiled ruleset.
type Set struct {
	Name   string // as traces show it
	Number int
	Rules  []Rule

	filters []filter // of Rules
}

// Sets is a compiled program. It never changes and serves any number of goroutines.
type Sets struct {
	*Scanner
	byNumber [MaxRuleSets]*Set
	byName   map[string]*Set
	space    byte
	recurse  int
}

// Compile compiles the rulesets. Rules with problems are kept as far as they make sense, as the original does; whoever
// starts a daemon refuses a configuration with problems.
func Compile(sources []SetSource, o Options) (*Sets, []Problem) {
	if o.Operators == "" {
		o.Operators = DefaultOperators
	}
	s := &Sets{Scanner: NewScanner(o.Operators), byName: make(map[string]*Set), space: o.BlankSub, recurse: o.MaxRuleRecursion}
	if s.space == 0 {
		s.space = ' '
	}
	if s.recurse == 0 {
		s.recurse = 50
	}
	var problems []Problem
	for _, src := range sources {
		if src.Number < 0 || src.Number >= MaxRuleSets {
			problems = append(problems, Problem{Text: fmt.Sprintf("bad ruleset %d (%d max)", src.Number, MaxRuleSets/2)})
			continue
		}
		set := &Set{Name: src.Name, Number: src.Number}
		if set.Name == "" {
			set.Name = fmt.Sprint(src.Number)
		} else {
			s.byName[src.Name] = set
		}
		s.byNumber[src.Number] = set
		for _, line := range src.Rules {
			c := compiler{sets: s, options: &o, line: &line}
			rule, filter := c.rule()
			set.Rules = append(set.Rules, rule)
			set.filters = append(set.filters, filter)
			problems = append(problems, c.problems...)
		}
	}
	return s, problems
}

type compiler struct {
	sets     *Sets
	options  *Options
	line     *RuleSource
	problems []Problem
	matches  int
}

func (c *compiler) complain(format string, args ...any) {
	c.problems = append(c.problems, Problem{c.line.File, c.line.Line, fmt.Sprintf(format, args...)})
}

func (c *compiler) scan(text string) Workspace {
	mode := KeepComments
	if c.options.Level < 9 {
		mode = Internal
	}
	r := c.sets.Scan(text, '\t', mode, true)
	for _, p := range r.Problems {
		c.complain("%s", withoutCode(p))
	}
	return r.Workspace
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

func (c *compiler) rule() (Rule, filter) {
	r := Rule{File: c.line.File, Line: c.line.Line}
	r.LHS = c.scan(c.line.LHS)
	if r.LHS == nil {
		c.complain("R line: null LHS")
	}
	c.left(&r)
	if c.matches > MaxMatch {
		c.complain("R line: too many wildcards")
		r.LHS, r.steps = nil, nil
	}
	r.RHS = c.scan(c.line.RHS)
	if r.RHS == nil {
		c.complain("R line: null RHS")
	}
	c.right(&r)
	right := r.RHS
	if len(right) > 0 && (right[0].op == macro.CanonUser || right[0].op == macro.CanonHost) {
		r.prefix = right[0].op
		right = right[1:]
	}
	r.right = parts(right)
	_, r.active = right.survey()
	return r, measure(&r)
}

// left compiles the left side into steps.
func (c *compiler) left(r *Rule) {
	for _, t := range r.LHS {
		st := step{tok: t}
		switch t.op {
		case macro.MatchAny, macro.MatchSome, macro.MatchOne:
			st.op = t.op
			c.matches++
		case macro.MatchClass, macro.MatchNotClass:
			st.op, st.name = t.op, t.text[1:]
			if c.options.Class != nil {
				st.class = c.options.Class(st.name)
			}
			c.matches++
		case macro.CanonHost, macro.Deferred:
			st.op, st.name = t.op, t.text[1:]
		case macro.Repl:
			c.complain("Inappropriate use of $1-$9 on LHS")
		case macro.CanonUser, macro.CallSet, macro.CondIf, macro.CondEnd,
			macro.HostBegin, macro.HostEnd, macro.LookupBegin, macro.LookupEnd:
			c.complain("Inappropriate use of %s on LHS", macro.Show(t.text[:1]))
		}
		r.steps = append(r.steps, st)
	}
}

// measure notes what is known of the workspaces that the rule can match.
func measure(r *Rule) (f filter) {
	r.simple = true
	for i := range r.steps {
		st := &r.steps[i]
		switch st.op {
		case 0:
			f.need |= st.tok.bit()
			f.min, f.max = f.min+1, f.max+1
		case macro.MatchOne:
			f.min, f.max = f.min+1, f.max+1
		case macro.MatchNotClass:
			f.min, f.max, r.simple = f.min+1, f.max+1, false
		case macro.MatchSome:
			f.min, f.max = f.min+1, MaxAtom+1
		case macro.MatchAny:
			f.max = MaxAtom + 1
		case macro.MatchClass:
			f.min, f.max, r.simple = f.min+1, MaxAtom+1, false
		case macro.Deferred:
			f.max, r.simple = MaxAtom+1, false
		default:
			r.simple = false
		}
	}
	if n := len(r.steps); n > 0 {
		f.first, f.begins = r.steps[0].tok.hash, r.steps[0].op == 0
		f.last, f.ends = r.steps[n-1].tok.hash, r.steps[n-1].op == 0
	}
	return f
}

// excludes reports whether the rule cannot match.
func (f *filter) excludes(ws Workspace, mask uint64) bool {
	n := len(ws)
	return f.need&^mask != 0 || n < int(f.min) || n > int(f.max) ||
		f.begins && ws[0].hash != f.first || f.ends && ws[n-1].hash != f.last
}

// right checks the right side; the engine runs it from its tokens.
func (c *compiler) right(r *Rule) {
	args, end := 0, byte(0)
	for _, t := range r.RHS {
		switch t.op {
		case macro.Repl:
			if len(t.text) < 2 || t.text[1] <= '0' || int(t.text[1]-'0') > c.matches {
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
