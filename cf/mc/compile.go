package mc

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gosendmail/cf/m4"
)

// Options says how to compile. The zero value takes the embedded library and nothing else.
type Options struct {
	// Defines are made before the first file is read, in this order (m4's flag -D).
	Defines []Define
	// Undefines are macros, also builtins, to remove before the first file is read (flag -U).
	Undefines []string
	// IncludeDirs is where include looks after the current folder, and where a site keeps feature/x.m4, hack/x.m4... of
	// its own.
	IncludeDirs []string
	// CFDir is a folder with another macro tree (m4, feature, mailer...) to take in place of the embedded library.
	CFDir string
	// Strict makes each warning an error.
	Strict bool
	// Open reads a file; nil reads the operating system's.
	Open func(name string) (string, error)
	// Steps bounds the work, in steps of the m4 engine; 0 means 50 million, a hundred times what large configurations
	// need.
	Steps int64
}

// Define is a macro and its text.
type Define struct{ Name, Value string }

// Output is what came out of a compilation.
type Output struct {
	// Lines of the .cf in order, without their newlines.
	Lines []Line
	// Diagnostics in the order of the input's lines; those about the input as a whole last.
	Diagnostics []Diagnostic

	asides []Diagnostic // what only Lint says of the input's text
}

// Line is one line of a .cf.
type Line struct {
	Text   string
	origin m4.Origin
	run    *run
}

// Source is the line of the input file that caused the line; zero if the library writes it in any case.
func (l Line) Source() m4.Position {
	if at := l.origin.Top(); slices.Contains(l.run.files, at.File) {
		return at
	}
	return m4.Position{}
}

// Library is the line of the macro library, or of the input file, on which the text is written.
func (l Line) Library() m4.Position { return l.origin.Body() }

// Stack lists the macro calls and includes that led to the line, the innermost first.
func (l Line) Stack() []Call { return calls(l.origin.Stack()) }

// Text returns the whole .cf.
func (o *Output) Text() []byte {
	size := len(o.Lines)
	for _, l := range o.Lines {
		size += len(l.Text)
	}
	text := make([]byte, 0, size)
	for _, l := range o.Lines {
		text = append(text, l.Text...)
		text = append(text, '\n')
	}
	return text
}

// Failed tells whether an error is among the diagnostics that GNU m4 would end with status 1 for, or any with
// Options.Strict.
func (o *Output) Failed() bool {
	for _, d := range o.Diagnostics {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Limits of one compilation.
const (
	maxSteps  = 50_000_000
	maxOutput = 64 << 20
	maxMemory = 256 << 20
)

// Compile expands the .mc files, one after the other, into one .cf. The error is for input that cannot be read and for
// a run that had to be stopped; what is wrong within the input is in Output.Diagnostics.
func Compile(opt Options, files ...string) (*Output, error) {
	texts := make([]string, len(files))
	for i, name := range files {
		text, err := opt.open(name)
		if err != nil {
			return nil, fmt.Errorf("mc: compile %s: %w", name, err)
		}
		texts[i] = text
	}
	return opt.compile(files, texts)
}

// CompileText is Compile for a text that is not in a file; name stands for it in positions, and its folder is searched.
func CompileText(opt Options, name, text string) (*Output, error) {
	text, err := plainText(text)
	if err != nil {
		return nil, fmt.Errorf("mc: compile %s: %w", name, err)
	}
	return opt.compile([]string{name}, []string{text})
}

// open reads a file of the site. Line ends and marks of other systems are no part of its text.
func (opt *Options) open(name string) (string, error) {
	read := readFile
	if opt.Open != nil {
		read = opt.Open
	}
	text, err := read(name)
	if err != nil {
		return "", err
	}
	return plainText(text)
}

// compile tries whether an input file brings the library in by itself; if none does, the library comes first.
func (opt *Options) compile(files, texts []string) (*Output, error) {
	run, err := newRun(opt, files, texts), error(nil)
	alone := !doorAmong(files)
	if !alone || opt.mayInclude(texts) {
		err = run.expand()
		if alone = alone && !run.finder.entered && !isLimit(err) && !(run.unclosed && mentions(texts, door)); alone {
			run = newRun(opt, files, texts)
		}
	}
	if alone {
		if err = run.preload(); err == nil {
			err = run.expand()
		}
	}
	out := run.finish()
	if err != nil && !run.unclosed {
		return out, fmt.Errorf("mc: compile %s: %w", strings.Join(files, " "), err)
	}
	return out, nil
}

// mayInclude tells whether the word include is in the input: without it nothing but a trick brings the library in.
func (opt *Options) mayInclude(texts []string) bool {
	const word = "include"
	return mentions(texts, word) || slices.ContainsFunc(opt.Defines, func(d Define) bool { return strings.Contains(d.Value, word) })
}

// mentions tells whether a word is in one of the texts.
func mentions(texts []string, word string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, word) })
}

func doorAmong(files []string) bool {
	for _, f := range files {
		if isDoor(filepath.ToSlash(f)) {
			return true
		}
	}
	return false
}

// isLimit tells whether the engine stopped a run before the end of its input; an m4exit is no such stop.
func isLimit(err error) bool {
	var stop *m4.Error
	return errors.As(err, &stop) && stop.Unclosed == m4.NothingOpen
}

// run is one expansion.
type run struct {
	opt      *Options
	files    []string
	texts    []string // of files
	finder   *finder
	engine   *m4.Engine
	diags    []Diagnostic
	asides   []Diagnostic
	leftOut  int             // complaints that are not in diags
	unclosed bool            // the input ended within a quote or a call
	said     strings.Builder // text of errprint that is not a whole line yet
	saidAt   place
}

func newRun(opt *Options, files, texts []string) *run {
	r := &run{opt: opt, files: files, texts: texts, finder: &finder{tree: opt.CFDir, open: opt.open}}
	r.finder.folders = append(r.finder.folders, opt.IncludeDirs...)
	for _, f := range files {
		r.finder.folders = append(r.finder.folders, filepath.Dir(f))
	}
	r.engine = m4.New(m4.Options{
		Program: "mkcf",
		Errors:  (*errprinter)(r),
		Include: opt.IncludeDirs,
		Open:    opt.open,
		Lines:   true,
		Budget:  m4.Budget{Steps: cmp.Or(opt.Steps, maxSteps), Output: maxOutput, Memory: maxMemory},
		Hooks:   m4.Hooks{Include: r.finder.include, Missing: r.missing, Diagnostic: r.diagnose},
	})
	if opt.CFDir != "" {
		r.engine.Define("_CF_DIR_", strings.TrimSuffix(opt.CFDir, "/")+"/")
		r.engine.Define("_NO_MAKEINFO_", "") // its shell script tells only where and when
	}
	for _, d := range opt.Defines {
		r.engine.Define(d.Name, d.Value)
	}
	for _, name := range opt.Undefines {
		r.engine.Undefine(name)
	}
	return r
}

// preload reads the library before the input files.
func (r *run) preload() error {
	src, err := r.finder.enter(r.engine, door)
	if err != nil {
		return err
	}
	return r.engine.RunString(src.Name, src.Text)
}

func (r *run) expand() error {
	for i, name := range r.files {
		var err error
		if isDoor(filepath.ToSlash(name)) && r.opt.CFDir == "" {
			err = r.preload()
		} else {
			err = r.engine.RunString(name, r.texts[i])
		}
		if err != nil {
			return r.stopped(err)
		}
	}
	return r.stopped(r.engine.Finish())
}

// stopped makes m4exit the end of the input that it is.
func (r *run) stopped(err error) error {
	var exit *m4.ExitError
	if errors.As(err, &exit) {
		if exit.Status != 0 {
			r.add(Diagnostic{Severity: Error, Text: exit.Error(), place: r.place()})
		}
		return nil
	}
	return err
}

// finish collects lines and diagnostics.
func (r *run) finish() *Output {
	r.flushSaid()
	lines, n := r.engine.Lines()
	out := &Output{Lines: make([]Line, 0, n)}
	for l := range lines {
		out.Lines = append(out.Lines, Line{Text: l.Text, origin: l.Origin, run: r})
	}
	r.lintTexts()
	if !r.unclosed {
		r.lintNames()
		r.lintLines(out.Lines)
	}
	r.tellLeftOut()
	out.Diagnostics, out.asides = r.sorted(), r.asides
	return out
}

// Unreadable tells whether an error of Compile says that an input file is not there or may not be read.
func Unreadable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}
