package rules

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
)

const (
	// MaxLoops is how often one rule is applied in a row.
	MaxLoops = 100
	// maxSteps bounds the matching of one Rewrite, so that no address can keep a process busy.
	maxSteps = 20_000_000
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
	level   int // of category 21
	maps    int // level of category 60
	steps   int
	frames  []*frame
	phrase  []byte
	scratch []byte
	args    []string    // of a look-up
	parts   []Workspace // of a look-up
}

// frame is the memory of one ruleset call.
type frame struct {
	matcher
	made, other Workspace
}

// usual is the room for tokens that seldom has to grow.
const usual = 96

var machines = sync.Pool{New: func() any { return new(machine) }}

// Rewrite runs a workspace through a ruleset, named or numbered. A ruleset that does not exist, or that has no rules,
// changes nothing. ws is not changed. The error is a *Failure; the workspace is valid with it too.
func (s *Sets) Rewrite(ctx context.Context, env Env, ruleset string, ws Workspace) (Return, error) {
	set := s.Ruleset(ruleset)
	if set == nil {
		return Return{Workspace: ws}, nil
	}
	return s.Run(ctx, env, set, ws)
}

// Run is Rewrite for a ruleset already found.
func (s *Sets) Run(ctx context.Context, env Env, set *Set, ws Workspace) (Return, error) {
	m := machines.Get().(*machine)
	m.start(s, ctx, env)
	buf := append(m.frame(0).other[:0], ws...)
	out, exit := m.rewrite(buf, set, 0, MaxAtom)
	result := make(Workspace, len(out))
	copy(result, out)
	m.release()
	ret := Return{Workspace: result, Triple: s.triple(result)}
	if exit != status.OK {
		return ret, &Failure{Ruleset: set.Name, Exit: exit}
	}
	return ret, nil
}

func (m *machine) start(s *Sets, ctx context.Context, env Env) {
	m.s, m.ctx, m.env = s, ctx, env
	m.styler, _ = env.(MapStyler)
	m.tracer, m.level, m.maps, m.steps = nil, 0, 0, 0
	if t, ok := env.(Traced); ok {
		if m.tracer = t.Tracer(); m.tracer != nil {
			m.level, m.maps = m.tracer.Level(21), m.tracer.Level(60)
		}
	}
}

func (m *machine) release() {
	m.ctx, m.env, m.styler, m.tracer, m.s = nil, nil, nil, nil, nil
	machines.Put(m)
}

// frame returns the memory of a call depth; 0 is the caller of the first ruleset.
func (m *machine) frame(depth int) *frame {
	for len(m.frames) <= depth {
		m.frames = append(m.frames, &frame{made: make(Workspace, 0, usual), other: make(Workspace, 0, usual)})
	}
	return m.frames[depth]
}

func (m *machine) emit(e Event) { m.tracer.Event(e) }

// report tells an error of the rules or of the data.
func (m *machine) report(to, format string, args ...any) {
	if r, ok := m.env.(Reporter); ok {
		r.Report(to, fmt.Sprintf(format, args...))
	}
}

// rewrite runs ws through a set; ws may be changed in place. maxAtom is the room for tokens.
func (m *machine) rewrite(ws Workspace, set *Set, depth, maxAtom int) (Workspace, int) {
	if m.level >= 1 {
		m.emit(Event{Kind: Input, Set: set, Workspace: ws})
	}
	if depth > m.s.recurse {
		m.report("", "554 5.0.0 rewrite: excessive recursion (max %d), ruleset %s", m.s.recurse, set.Name)
		return ws, status.Config
	}
	if maxAtom <= 0 {
		return ws, status.Usage
	}
	f := m.frame(depth + 1)
	exit, loops := status.OK, 0
	mask, active := ws.survey()
	for i := 0; i < len(set.Rules) && (len(ws) == 0 || ws[0].op != macro.CanonNet); {
		if m.level < 2 && set.filters[i].excludes(ws, mask) {
			i++
			loops = 0
			continue
		}
		r := &set.Rules[i]
		if m.level >= 12 {
			m.emit(Event{Kind: Trying, Rule: r})
		}
		if loops++; loops > MaxLoops {
			m.report("", "554 5.3.5 Infinite loop in ruleset %s, rule %d", set.Name, i+1)
			if m.level >= 1 {
				m.emit(Event{Kind: Looping, Rule: r, Workspace: ws})
			}
			break
		}
		if !m.matches(f, r, ws) {
			if m.steps > maxSteps {
				m.report("", "554 5.3.5 rewrite: ruleset %s, rule %d: too much to match", set.Name, i+1)
				return ws, status.DataErr
			}
			i++
			loops = 0
			continue
		}
		if m.level >= 12 {
			m.emit(Event{Kind: Matches, Rule: r})
		}
		active = active || r.active
		made, st := m.substitute(f, r, set, maxAtom)
		if st == status.OK && active {
			made, st = m.lookups(f, maxAtom)
		}
		if st != status.OK && st != status.TempFail {
			return ws, st
		}
		if st == status.TempFail {
			exit = st
		}
		if st = status.OK; active {
			made, st = m.calls(made, depth, maxAtom)
		}
		if exit == status.OK || st == status.TempFail {
			exit = st
		}
		switch r.prefix {
		case macro.CanonUser:
			i++
			loops = 0
		case macro.CanonHost:
			i = len(set.Rules)
		}
		f.made = made
		ws = append(ws[:0], made...)
		mask, active = ws.survey()
		if m.level >= 4 {
			m.emit(Event{Kind: Rewritten, Rule: r, Workspace: ws})
		}
	}
	if m.level >= 1 {
		m.emit(Event{Kind: Returns, Workspace: ws, Set: set})
	}
	return ws, exit
}

// matches tries a rule; f.spans hold the result.
func (m *machine) matches(f *frame, r *Rule, ws Workspace) bool {
	f.m, f.rule, f.ws = m, r, ws
	if m.level < 2 {
		return f.quick()
	}
	ok := f.match()
	if !ok && m.level >= 10 {
		m.emit(Event{Kind: Fails, Rule: r})
	}
	return ok
}

// substitute puts what matched into the right side of a rule; f.made holds the result.
func (m *machine) substitute(f *frame, r *Rule, set *Set, maxAtom int) (Workspace, int) {
	out := f.made[:0]
	for i := range r.right {
		switch p := &r.right[i]; p.op {
		case 0:
			out = append(out, p.words...)
		case macro.Repl:
			if p.n < 0 || p.n >= f.n {
				m.report("", "554 5.3.5 rewrite: ruleset %s: replacement $%c out of bounds", set.Name, p.name[0])
				return out, status.Config
			}
			sp := f.spans[p.n]
			matched := f.ws[sp.first:sp.end]
			if m.level >= 15 {
				m.emit(Event{Kind: Replaces, Name: p.name, Workspace: matched})
			}
			out = append(out, matched...)
		case macro.Deferred:
			var ok bool
			if out, ok = m.macroWords(out, p.name); !ok {
				return out, status.DataErr
			}
		}
		if len(out) > maxAtom {
			return m.tooLong(out)
		}
	}
	f.made = out
	return out, status.OK
}

func (m *machine) tooLong(ws Workspace) (Workspace, int) {
	m.report("", "554 5.3.0 rewrite: expansion too long")
	return ws, status.DataErr
}

// macroWords puts the value of $&name into a right side.
func (m *machine) macroWords(out Workspace, name string) (Workspace, bool) {
	value, found := m.env.Macro(name)
	if m.level >= 2 {
		m.emit(Event{Kind: RightMacro, Name: name, Value: value, Found: found})
	}
	if value == "" {
		return out, true
	}
	n := len(out)
	out, ok := m.scan(out, value, External)
	if ok && m.level >= 19 {
		for _, t := range out[n:] {
			m.emit(Event{Kind: MacroWord, Value: t.text, Found: true})
		}
		m.emit(Event{Kind: MacroWord})
	}
	return out, ok
}

// scan appends the tokens of text; false where it cannot be scanned or has none.
func (m *machine) scan(out Workspace, text string, mode Mode) (Workspace, bool) {
	made, problems, ok := m.s.appendScan(out, text, mode)
	for _, p := range problems {
		m.report(text, "%s", p)
	}
	if !ok {
		return out, false
	}
	return made, true
}

// inClass reports whether a class has a word.
func (m *machine) inClass(st *step, word string) bool {
	if st.class != nil {
		return st.class.Has(word)
	}
	return m.env.InClass(st.name, word)
}

// inPhrase reports whether a class has the phrase that tokens make; hopeless means that no longer phrase is in it.
func (m *machine) inPhrase(st *step, ws Workspace) (found, hopeless bool) {
	if st.class != nil && ws[0].op == 0 && ws[0].plain {
		if !st.class.first[firstByte(ws[0].text)] {
			return false, true
		}
		if len(ws) == 1 {
			return st.class.Has(ws[0].text), len(ws[0].text) >= st.class.longest
		}
	}
	m.phrase = m.s.join(m.phrase[:0], ws, 0, true)
	if st.class == nil {
		return m.env.InClass(st.name, string(m.phrase)), false
	}
	return st.class.hasBytes(m.phrase), len(m.phrase) >= st.class.longest
}
