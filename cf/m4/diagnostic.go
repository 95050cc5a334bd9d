package m4

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"syscall"
)

// Severity tells what a Diagnostic does to the run.
type Severity int

// The severities. The text of a Warning need not begin with the word: GNU m4 writes it before some only.
const (
	Warning Severity = iota // the run goes on, the exit status stays
	Failure                 // the run goes on, the exit status is 1 at least
	Fatal                   // the run ends
)

// Unclosed is what the end of the input can leave open.
type Unclosed int

// What can be left open.
const (
	NothingOpen Unclosed = iota
	OpenQuote
	OpenComment
	OpenArguments
)

// Diagnostic is one warning or error.
type Diagnostic struct {
	Position
	Program  string
	Severity Severity
	Text     string
	Stack    []Call // the calls that led there, the innermost first; see Engine.Stack

	// Unclosed is what the input ended within, and Began where that began: the quote, the comment or the name of the
	// call, which is that of Macro.
	Unclosed Unclosed
	Began    Position
	Macro    string
}

// String formats d as GNU m4 prints it: program:file:line: text.
func (d Diagnostic) String() string {
	if d.File == "" {
		return d.Program + ": " + d.Text
	}
	return d.Program + ":" + d.File + ":" + strconv.Itoa(d.Line) + ": " + d.Text
}

// complain reports a warning or error at the place of the running call.
func (e *Engine) complain(s Severity, format string, args ...any) {
	e.complainAt(e.here, s, format, args...)
}

func (e *Engine) complainAt(at location, s Severity, format string, args ...any) {
	e.report(at, Diagnostic{Severity: s, Text: fmt.Sprintf(format, args...)})
}

// unclosed reports the end of the input within what began at a place, and ends the run.
func (e *Engine) unclosed(at location, what Unclosed, name string) {
	d := Diagnostic{Severity: Fatal, Text: "ERROR: end of file in " + name, Unclosed: what, Began: at.position()}
	if what == OpenArguments {
		f := &e.frames[len(e.frames)-1]
		d.Began, d.Macro = f.here.position(), e.argv[f.args].Text
	}
	e.report(at, d)
}

// report prints d or hands it to the hook.
func (e *Engine) report(at location, d Diagnostic) {
	d.Position, d.Program, d.Stack = at.position(), e.program, at.site.stack()
	if d.Severity == Failure || e.opt.FatalWarnings > 0 {
		e.status = max(e.status, 1)
	}
	if e.opt.Hooks.Diagnostic != nil && d.Severity != Fatal {
		e.steps += int64(10 * len(d.Stack)) // who keeps complaints needs room for them: a loop that complains must end early
	}
	stop := d.Severity == Fatal || d.Severity == Warning && e.opt.FatalWarnings > 1
	if (e.opt.Hooks.Diagnostic == nil || !e.opt.Hooks.Diagnostic(d)) && e.opt.Errors != nil {
		e.out.sync()
		fmt.Fprintf(e.opt.Errors, "%s\n", d)
	}
	if stop && e.err == nil {
		d.Severity = Fatal
		e.status = max(e.status, 1)
		e.err = &Error{d}
	}
}

// Warn reports a warning at the place of the running call.
func (e *Engine) Warn(format string, args ...any) { e.complain(Warning, format, args...) }

// Fail reports an error at the place of the running call: the exit status is then 1 at least, and the run goes on.
func (e *Engine) Fail(format string, args ...any) { e.complain(Failure, format, args...) }

// fatal reports an error and ends the run.
func (e *Engine) fatal(format string, args ...any) {
	if e.err == nil {
		e.complain(Fatal, format, args...)
	}
}

// warnQuiet reports what the flag -Q suppresses.
func (e *Engine) warnQuiet(format string, args ...any) {
	if !e.opt.Quiet {
		e.complain(Warning, format, args...)
	}
}

// Reason is the C library's text of an error of the operating system.
func Reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		text := errno.Error()
		return string(text[0]&^0x20) + text[1:]
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	return err.Error()
}
