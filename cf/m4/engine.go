package m4

import (
	"fmt"
	"io"
	"strings"
)

// Engine expands macros. It is not safe for use by two goroutines at once.
type Engine struct {
	opt     Options
	program string

	symbols map[string]*symbol
	// known tells quickly that a word is no macro: for its first byte, a bit for each length (the last for all longer
	// ones).
	known  [256]uint64
	recent [recentSize]*symbol // see named

	builtins map[string]*builtin // by their names, also those that are undefined now

	in      []block // the input stack, the top last
	wrapped []block // what m4wrap saved, in the order of the calls
	frames  []frame // macro calls whose arguments are being collected
	argv    []Arg   // the arguments of all frames
	argbuf  []byte  // the arguments that are being put together
	scratch []byte  // for what a call gives
	arena   strings.Builder
	sites   []site
	tracks  bool // somebody may ask for sites

	syntax syntax
	here   location // of the call that is running, or of the last token

	out   output
	debug debug

	regexes  map[string]*regex
	sequence *regex // Options.WarnSequence
	status   int    // exit status so far
	sysval   int    // of the last syscmd, as wait(2) gives it
	err      error  // ends the run
	steps    int64
	used     int64  // bytes of memory in use, for Budget.Memory
	traced   int    // symbols that are traced
	pending  string // a line of trace output that is not complete
	calls    int    // macro calls so far, for trace flag x
}

// location is where a token stands and why it is there.
type location struct {
	spot
	site *site
}

// ExitError ends a run on m4exit.
type ExitError struct{ Status int }

// Error names the status.
func (e *ExitError) Error() string { return fmt.Sprintf("m4: m4exit with status %d", e.Status) }

// Error is a complaint after which the run cannot go on: an end of file within quotes, an exceeded limit.
type Error struct{ Diagnostic }

// Error is the diagnostic that ended the run, with its place.
func (e *Error) Error() string { return e.Diagnostic.String() }

// New makes an engine with GNU m4's builtins defined.
func New(opt Options) *Engine {
	e := &Engine{opt: opt, program: opt.Program, symbols: make(map[string]*symbol, 512), regexes: map[string]*regex{}}
	e.tracks = opt.Lines || opt.Hooks.Diagnostic != nil || opt.Hooks.Include != nil || opt.Hooks.Missing != nil
	if e.program == "" {
		e.program = "m4"
	}
	if e.opt.Budget.Memory == 0 {
		e.opt.Budget.Memory = defaultMemory
	}
	e.out.init(&e.opt)
	e.debug.init(&e.opt)
	e.syntax.setQuotes("`", "'")
	e.syntax.setComment("#", "\n")
	e.defineBuiltins()
	if opt.WarnSequence != "" {
		e.sequence, _ = compileRegex(opt.WarnSequence) // CheckSequence tells of errors
	}
	return e
}

// Define gives name the text value, as the flag -D does.
func (e *Engine) Define(name, value string) {
	e.here = location{}
	e.setText(name, value, spot{}, false)
}

// Undefine removes name with all its pushed definitions, as the flag -U does.
func (e *Engine) Undefine(name string) { e.undefine(name) }

// Trace marks name for tracing, as the flag -t does.
func (e *Engine) Trace(name string) { e.mark(e.symbolFor(name), true) }

// Defined tells whether name is a macro now.
func (e *Engine) Defined(name string) bool { return e.lookup(name) != nil }

// Text returns the text that name is defined as; false if it is not defined or is a builtin.
func (e *Engine) Text(name string) (string, bool) {
	if d := e.lookup(name); d != nil && d.builtin == nil {
		return d.text, true
	}
	return "", false
}

// Where returns the place of the text that name is defined as, and of the call in a file that led to its definition; false if it is
// not defined.
func (e *Engine) Where(name string) (text, call Position, ok bool) {
	d := e.lookup(name)
	if d == nil {
		return Position{}, Position{}, false
	}
	return d.at.position(), d.by.position(), true
}

// Names calls f with the name of each macro that is defined, in no order, until f returns false.
func (e *Engine) Names(f func(name string) bool) {
	for name, s := range e.symbols {
		if s.def != nil && !f(name) {
			return
		}
	}
}

// Position is where the macro call that is running stands, or the token last read.
func (e *Engine) Position() Position { return e.here.position() }

// Stack lists the macro calls and includes that led to Position, the innermost first. They are known with Options.Lines or a hook only.
func (e *Engine) Stack() []Call { return e.here.site.stack() }

// Status is the exit status that GNU m4 would end with: 0, 1 after an error, or what m4exit was given.
func (e *Engine) Status() int { return e.status }

// Run reads the file name, found by the hooks or along the search path. A file that cannot be read is reported as GNU m4
// does, sets the status to 1 and is no error of Run.
func (e *Engine) Run(name string) error {
	if e.err != nil {
		return e.err
	}
	e.here = location{}
	src, err := e.find(name)
	if err != nil {
		e.complain(Failure, "cannot open `%s': %s", name, Reason(err))
		e.status = max(e.status, 1)
		return e.err
	}
	return e.RunString(src.Name, src.Text)
}

// RunString expands text under the file name given.
func (e *Engine) RunString(name, text string) error {
	return e.run(&source{name: name}, text)
}

// RunReader expands what r gives, as it comes, under the file name given.
func (e *Engine) RunReader(name string, r io.Reader) error {
	return e.run(&source{name: name, more: r}, "")
}

func (e *Engine) run(src *source, text string) error {
	if e.err != nil {
		return e.err
	}
	e.pushFile(src, text, nil)
	return e.expand()
}

// Finish expands what m4wrap saved, until nothing is left, and brings back all diversions in their order.
func (e *Engine) Finish() error {
	for e.err == nil && len(e.wrapped) > 0 {
		saved := e.wrapped
		e.wrapped = nil
		e.in = saved   // the last saved comes first, as in GNU m4 1.4
		_ = e.expand() // kept in e.err
	}
	e.here = location{}
	if e.err == nil {
		e.out.selectDiversion(0)
		e.undivertAll()
	}
	if err := e.out.flush(); err != nil && e.err == nil {
		e.err = fmt.Errorf("m4: write output: %w", err)
	}
	e.setDebugFile(nil, false)
	return e.err
}

// WriteError is the first error of the writer Options.Output, nil if there was none.
func (e *Engine) WriteError() error { return e.out.err }

// SetSyncLines turns #line directives on or off for what follows.
func (e *Engine) SetSyncLines(on bool) { e.opt.SyncLines = on }

// Output returns what went to diversion 0 so far, if Options.Output is nil or Options.Lines is set.
func (e *Engine) Output() []byte { return e.out.main.text }

// spend counts n steps and the memory in use against the budget.
func (e *Engine) spend(n int64) {
	e.steps += n
	if b := &e.opt.Budget; b.Steps > 0 && e.steps > b.Steps {
		e.fatal("budget of %d steps exceeded: does a macro call itself for ever?", b.Steps)
	}
}

// hold counts n bytes as in use (or free, if negative) and stops the run when there are too many.
func (e *Engine) hold(n int) {
	e.used += int64(n)
	if n > 0 && e.opt.Budget.Memory > 0 && e.used > e.opt.Budget.Memory {
		e.fatal("budget of %d bytes of memory exceeded: does a macro call itself for ever?", e.opt.Budget.Memory)
	}
}

// room tells whether a text of n bytes may be made, and stops the run if not.
func (e *Engine) room(n int64) bool {
	if e.opt.Budget.Memory > 0 && e.used+n > e.opt.Budget.Memory {
		e.fatal("budget of %d bytes of memory exceeded by a text of %d bytes", e.opt.Budget.Memory, n)
		return false
	}
	return true
}

// text copies b into a string. Short ones share memory, for one is made for nearly each macro call.
func (e *Engine) text(b []byte) string {
	const chunk = 8 << 10
	if len(b) > chunk/8 {
		return string(b)
	}
	if e.arena.Cap()-e.arena.Len() < len(b) {
		e.arena = strings.Builder{}
		e.arena.Grow(chunk)
	}
	n := e.arena.Len()
	e.arena.Write(b)
	return e.arena.String()[n:]
}
