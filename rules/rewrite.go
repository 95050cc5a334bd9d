package rules

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
)

const (
	// MaxLoops is how often one rule is applied in a row.
	MaxLoops = 100
	// maxSteps bounds the work of one Rewrite, so that no address can keep a process busy. A step is about as much as
	// to look at so many words or bytes.
	maxSteps    = 5_000_000
	wordsOfStep = 16
	bytesOfStep = 64
	callSteps   = 8   // of one ruleset call
	reportSteps = 100 // of telling one error
)

// Env is what a run needs from outside.
type Env interface {
	// Macro returns the value of a macro; name is written as in the configuration, "j" or "{client_addr}".
	Macro(name string) (string, bool)
	// InClass reports whether phrase is in a class that Compile did not get.
	InClass(class, phrase string) bool
	// Lookup looks a key up in a map. The errors ErrNotFound, ErrNoMap and *TempFail have their meaning; any other is
	// a temporary failure; an error with ErrNotFound may tell traces more through ExitCode() int. The map itself drops
	// the quotes of the key.
	Lookup(ctx context.Context, mapName, key string, args ...string) (string, error)
}

// Reporter is an Env that wants to hear of errors in rules and addresses. Text begins with SMTP codes; to is the text
// that was being scanned, or "".
type Reporter interface{ Report(to, text string) }

// Traced is an Env with a Tracer; a nil Tracer means none.
type Traced interface{ Tracer() Tracer }

// MapStyler is an Env whose maps say how keys are made from tokens: what stands between adjacent atoms (0: BlankSub).
// Whether quotes are kept matters to traces only.
type MapStyler interface {
	MapStyle(mapName string) (space byte, keepQuotes bool)
}

// Errors of Env.Lookup.
var (
	ErrNotFound = errors.New("rules: key not found")
	ErrNoMap    = errors.New("rules: no such map")
	// ErrNotOpen is an ErrNotFound of an optional map that is not there: traces do not show the look-up.
	ErrNotOpen = fmt.Errorf("rules: optional map not open: %w", ErrNotFound)
)

// TempFail is a look-up that could not be made. Value, if Has, is used in place of the result (K flag -T); NoDefer
// (K flag -t) says that the run goes on as if nothing had happened.
type TempFail struct {
	Value   string
	Has     bool
	NoDefer bool
	Err     error
}

func (e *TempFail) Error() string {
	return fmt.Sprintf("rules: map look-up: temporary failure: %v", e.Err)
}
func (e *TempFail) Unwrap() error { return e.Err }

// Failure is the error of Rewrite. Exit is the sysexits code: TempFail where a look-up could not be made, Config and
// DataErr for errors in rules and data.
type Failure struct {
	Ruleset string
	Exit    int
}

func (e *Failure) Error() string {
	return fmt.Sprintf("rules: ruleset %s: status %d", e.Ruleset, e.Exit)
}

// machine is one run.
type machine struct {
	s       *Sets
	ctx     context.Context
	env     Env
	styler  MapStyler
	tracer  Tracer
	level   int     // of category 21
	maps    int     // level of category 60
	steps   int     // against maxSteps
	most    int     // words of a workspace
	tired   bool    // they are too many, and that has been told
	does    action  // what operators that came with the input, or that could not be obeyed, ask for
	tokens  []Token // that this run met, numbered from len(s.tokens)
	rooms   []*room // by depth
	phrase  []byte
	scratch []byte
	args    []string // of a look-up
	parts   [][]word // of a look-up
	shown   Workspace
}

// room is the memory for the workspaces of one call depth.
type room struct{ ws, made, other []word }

// usual is the room for words that seldom has to grow.
const usual = 64

// Rewrite runs a workspace through a ruleset, named or numbered. A ruleset that does not exist, or that has no rules,
// changes nothing. ws is not changed. The error is a *Failure; the workspace is valid with it too.
func (s *Sets) Rewrite(ctx context.Context, env Env, ruleset string, ws Workspace) (Return, error) {
	return s.Chain(ctx, env, ws, ruleset)
}

// Chain is Rewrite through several rulesets, one after the other, whatever they report; "" names none. The error tells
// of the worst.
func (s *Sets) Chain(ctx context.Context, env Env, ws Workspace, rulesets ...string) (Return, error) {
	m := s.machine(ctx, env)
	defer m.release()
	out := m.load(ws)
	var failed *Failure
	for _, name := range rulesets {
		if name == "" {
			continue
		}
		if set := s.Ruleset(name); set != nil {
			out, failed = m.step(out, set, failed)
		}
	}
	return m.result(out, failed)
}

// Run is Rewrite for a ruleset already found.
func (s *Sets) Run(ctx context.Context, env Env, set *Set, ws Workspace) (Return, error) {
	m := s.machine(ctx, env)
	defer m.release()
	return m.result(m.step(m.load(ws), set, nil))
}

// step runs one ruleset of a chain.
func (m *machine) step(ws []word, set *Set, failed *Failure) ([]word, *Failure) {
	out, exit := m.rewrite(ws, set, 0, m.most)
	if exit != status.OK && (failed == nil || exit == status.TempFail) {
		failed = &Failure{Ruleset: set.Name, Exit: exit}
	}
	return out, failed
}

func (m *machine) result(ws []word, failed *Failure) (Return, error) {
	r := Return{Workspace: m.show(make(Workspace, 0, len(ws)), ws), sets: m.s}
	if failed != nil {
		return r, failed
	}
	return r, nil
}

// machine returns an idle machine, made ready.
func (s *Sets) machine(ctx context.Context, env Env) *machine {
	m, _ := s.idle.Get().(*machine)
	if m == nil {
		m = &machine{s: s}
	}
	m.start(ctx, env)
	return m
}

func (m *machine) start(ctx context.Context, env Env) {
	m.ctx, m.env = ctx, env
	m.styler, _ = env.(MapStyler)
	m.tracer, m.level, m.maps, m.steps, m.tired, m.does = nil, 0, 0, 0, false, 0
	if t, ok := env.(Traced); ok {
		if m.tracer = t.Tracer(); m.tracer != nil {
			m.level, m.maps = m.tracer.Level(21), m.tracer.Level(60)
		}
	}
}

// maxIdle is how many tokens an idle machine has room for at most.
const maxIdle = 4 * MaxAtom

func (m *machine) release() {
	m.ctx, m.env, m.styler, m.tracer = nil, nil, nil, nil
	if cap(m.tokens) > maxIdle {
		m.tokens, m.rooms = nil, nil
	}
	clear(m.tokens)
	m.tokens = m.tokens[:0]
	m.s.idle.Put(m)
}

// room returns the memory of a call depth; 0 is the caller of the first ruleset.
func (m *machine) room(depth int) *room {
	for len(m.rooms) <= depth {
		m.rooms = append(m.rooms, &room{make([]word, 0, usual), make([]word, 0, usual), make([]word, 0, usual)})
	}
	return m.rooms[depth]
}

// load makes words of tokens from outside. They are good until the first ruleset has ended.
func (m *machine) load(ws Workspace) []word {
	n := len(m.tokens)
	m.tokens = append(m.tokens, ws...)
	if m.most = MaxAtom; len(ws) > MaxAtom {
		m.most += len(ws) // of ScanLong
	}
	r := m.room(0)
	r.ws = m.number(r.ws[:0], n)
	for _, w := range r.ws {
		m.does |= actionOf(w.key)
	}
	return r.ws
}

// number appends words for the tokens of the run from the nth on.
func (m *machine) number(out []word, n int) []word {
	base := len(m.s.tokens)
	for ; n < len(m.tokens); n++ {
		out = append(out, word{m.s.lexicon.key(&m.tokens[n]), uint32(base + n)})
	}
	return out
}

// token returns what a word stands for.
func (m *machine) token(w word) *Token {
	n, own := int(w.text), m.s.tokens
	if n < len(own) {
		return &own[n]
	}
	return &m.tokens[n-len(own)]
}

// show appends the tokens that words stand for.
func (m *machine) show(out Workspace, ws []word) Workspace {
	for _, w := range ws {
		out = append(out, *m.token(w))
	}
	return out
}

// emit tells the tracer an event with a workspace.
func (m *machine) emit(e Event, ws []word) {
	m.shown = m.show(m.shown[:0], ws)
	e.Workspace = m.shown
	m.tracer.Event(e)
}

// report tells an error of the rules or of the data.
func (m *machine) report(to, format string, args ...any) {
	m.steps += reportSteps
	if r, ok := m.env.(Reporter); ok {
		r.Report(to, fmt.Sprintf(format, args...))
	}
}

// frame is one ruleset call. It lives on the stack: writing pointers there costs nothing.
type frame struct {
	room // ws is the workspace, made what the rule under way makes of it
	m    *machine
	set  *Set
	mask uint64 // a bit for each key in ws

	code   *code // the rule under way
	rule   *Rule
	spans  [MaxMatch + 1]span  // what its wildcards matched
	places [MaxMatch + 1]int32 // of these wildcards in the left side, for search
	taken  int                 // spans in use while search is under way
}

// survey makes the mask.
func (f *frame) survey() {
	var mask uint64
	for _, w := range f.ws {
		mask |= bit(w.key)
	}
	f.mask = mask
}

// resolved reports whether a workspace names a mailer: no rule is applied to it any more.
func resolved(ws []word) bool { return len(ws) > 0 && ws[0].key == macro.CanonNet }

// rewrite runs a workspace through a set. What it returns is good until the next call at this depth. maxAtom is the
// room for words.
func (m *machine) rewrite(ws []word, set *Set, depth, maxAtom int) ([]word, int) {
	if m.level >= 1 {
		m.emit(Event{Kind: Input, Set: set}, ws)
	}
	m.steps += callSteps
	if depth > m.s.recurse {
		m.report("", "554 5.0.0 rewrite: excessive recursion (max %d), ruleset %s", m.s.recurse, set.Name)
		return ws, status.Config
	}
	if maxAtom <= 0 {
		return ws, status.Usage
	}
	home := m.room(depth + 1)
	f := frame{room: *home, m: m, set: set}
	f.ws = append(f.ws[:0], ws...)
	exit, ok := f.run(depth, maxAtom)
	*home = f.room
	if ok && m.level >= 1 {
		m.emit(Event{Kind: Returns, Set: set}, f.ws)
	}
	return f.ws, exit
}

// run applies the rules; ok is false where one cannot be applied and ends the ruleset.
func (f *frame) run(depth, maxAtom int) (exit int, ok bool) {
	m, set := f.m, f.set
	f.survey()
	for i, loops := 0, 0; i < len(set.code) && !resolved(f.ws); {
		if m.level < 2 {
			n := f.next(i)
			if n == len(set.code) {
				break
			}
			if n != i {
				i, loops = n, 0
			}
		}
		f.code, f.rule = &set.code[i], &set.Rules[i]
		if loops++; loops > MaxLoops {
			f.endless(i)
			break
		}
		matched := f.matches()
		if m.steps > maxSteps {
			m.exhausted(set, i)
			return status.DataErr, false
		}
		if !matched {
			i++
			loops = 0
			continue
		}
		st, ok := f.apply(depth, maxAtom)
		if !ok {
			return st, false
		}
		exit = worse(exit, st)
		switch f.code.prefix {
		case macro.CanonUser:
			i++
			loops = 0
		case macro.CanonHost:
			i = len(set.code)
		}
	}
	return exit, true
}

// exhausted tells, once, that the work was too much. The rulesets that called this one end as it does.
func (m *machine) exhausted(set *Set, i int) {
	if !m.tired {
		m.tired = true
		m.report("", "554 5.3.5 rewrite: ruleset %s, rule %d: too much to match", set.Name, i+1)
	}
}

// next returns the first rule from i on that may match.
func (f *frame) next(i int) int {
	n, first, last := len(f.ws), uint32(unknown), uint32(unknown)
	if n > 0 {
		first, last = f.ws[0].key, f.ws[n-1].key
	}
	for filters := f.set.filters; i < len(filters); i++ {
		if !filters[i].excludes(n, f.mask, first, last) {
			break
		}
	}
	return i
}

// endless tells of a rule that goes on for ever.
func (f *frame) endless(i int) {
	m := f.m
	if m.level >= 12 {
		m.emit(Event{Kind: Trying, Rule: f.rule}, nil)
	}
	m.report("", "554 5.3.5 Infinite loop in ruleset %s, rule %d", f.set.Name, i+1)
	if m.level >= 1 {
		m.emit(Event{Kind: Looping, Rule: f.rule}, f.ws)
	}
}

// worse returns the status of two steps together: a temporary failure counts most, then what came first.
func worse(a, b int) int {
	if a == status.OK || b == status.TempFail {
		return b
	}
	return a
}

// matches tries the rule.
func (f *frame) matches() bool {
	m := f.m
	if m.level < 2 {
		return f.match()
	}
	if m.level >= 12 {
		m.emit(Event{Kind: Trying, Rule: f.rule}, nil)
	}
	ok := f.match()
	switch {
	case !ok && m.level >= 10:
		m.emit(Event{Kind: Fails, Rule: f.rule}, nil)
	case ok && m.level >= 12:
		m.emit(Event{Kind: Matches, Rule: f.rule}, nil)
	}
	return ok
}

// apply makes the new workspace of the rule, which matched; ok is false where that cannot be done.
func (f *frame) apply(depth, maxAtom int) (exit int, ok bool) {
	m := f.m
	does := m.does | f.code.does
	exit = f.substitute(maxAtom)
	if exit == status.OK && does&looksUp != 0 {
		exit = f.lookups(maxAtom)
	}
	if exit != status.OK && exit != status.TempFail {
		return exit, false
	}
	if does&calls != 0 {
		exit = worse(exit, f.calls(depth))
	}
	f.ws, f.made = f.made, f.ws
	if does != 0 {
		f.survey()
	}
	if m.level >= 4 {
		m.emit(Event{Kind: Rewritten, Rule: f.rule}, f.ws)
	}
	return exit, true
}

// substitute puts what matched into the right side of the rule; f.made and f.mask hold the result.
func (f *frame) substitute(maxAtom int) (exit int) {
	out, mask := f.made[:0], f.code.mask
	for _, w := range f.code.right {
		switch w.key {
		default:
			out = append(out, w)
			continue
		case macro.Repl:
			if w.text >= uint32(f.code.wilds) {
				f.m.report("", "554 5.3.5 rewrite: ruleset %s: replacement $%d out of bounds", f.set.Name, w.text+1)
				return status.Config
			}
			sp := f.spans[w.text]
			if f.m.level >= 15 {
				f.m.emit(Event{Kind: Replaces, Name: strconv.Itoa(int(w.text) + 1)}, f.ws[sp.first:sp.end])
			}
			for _, w := range f.ws[sp.first:sp.end] {
				out = append(out, w)
				mask |= bit(w.key)
			}
		case macro.Deferred:
			n := len(out)
			var ok bool
			if out, ok = f.m.macroWords(out, f.m.s.refs[w.text].name); !ok {
				return status.DataErr
			}
			for _, w := range out[n:] {
				mask |= bit(w.key)
			}
		}
		if len(out) > maxAtom {
			return f.m.tooLong()
		}
	}
	f.made, f.mask = out, mask
	if len(out) > maxAtom {
		return f.m.tooLong()
	}
	return status.OK
}

func (m *machine) tooLong() (exit int) {
	m.report("", "554 5.3.0 rewrite: expansion too long")
	return status.DataErr
}

// macroWords appends the words of $&name.
func (m *machine) macroWords(out []word, name string) ([]word, bool) {
	value, found := m.env.Macro(name)
	if m.level >= 2 {
		m.emit(Event{Kind: RightMacro, Name: name, Value: value, Found: found}, nil)
	}
	if value == "" {
		return out, true
	}
	n := len(out)
	out, ok := m.scan(out, value, External)
	if ok && m.level >= 19 {
		for _, w := range out[n:] {
			m.emit(Event{Kind: MacroWord, Value: m.token(w).text, Found: true}, nil)
		}
		m.emit(Event{Kind: MacroWord}, nil)
	}
	return out, ok
}

// scan appends the words of text; false where it cannot be scanned or has none.
func (m *machine) scan(out []word, text string, mode Mode) ([]word, bool) {
	n := len(m.tokens)
	m.steps += len(text) / bytesOfStep
	var problems []string
	m.tokens, problems = m.s.appendScan(m.tokens, text, 0, mode, false)
	for _, p := range problems {
		m.report(text, "%s", p)
	}
	return m.number(out, n), len(m.tokens) > n
}
