package m4

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// debugFlags lists the letters of debugmode; V stands for all.
const debugFlags = "aceflipqtx"

// debug holds what trace output shows and where it goes.
type debug struct {
	flags    string
	elements int // bytes of a text that are shown; 0 means all
	file     io.WriteCloser
	silent   bool // debugfile(`')
}

func (d *debug) init(opt *Options) {
	d.flags, _ = expandFlags(opt.Debug)
	d.elements = opt.ArgLength
}

// expandFlags checks debug flags and writes out V.
func expandFlags(s string) (string, bool) {
	if strings.Trim(s, debugFlags+"V") != "" {
		return "", false
	}
	if strings.Contains(s, "V") {
		return debugFlags, true
	}
	return s, true
}

func (d *debug) has(flag byte) bool { return strings.IndexByte(d.flags, flag) >= 0 }

// tracing tells whether a call of the name is to be traced.
func (d *debug) tracing(e *Engine, name string) bool {
	if d.flags != "" && d.has('t') {
		return true
	}
	if e.traced == 0 {
		return false
	}
	s := e.symbol(name)
	return s != nil && s.traced
}

func biDebugmode(e *Engine, args []Arg) string {
	if len(args) == 1 {
		e.debug.flags = ""
		return ""
	}
	e.pending = "" // as GNU m4 does: a traced debugmode is an empty line
	flags, ok := DebugFlags(e.debug.flags, args[1].Text)
	if !ok {
		e.Warn("Debugmode: bad debug flags: `%s'", args[1].Text)
		return ""
	}
	e.debug.flags = flags
	return ""
}

// biDebugfile directs debug output to a file, to nowhere or back to the stream of errors.
func biDebugfile(e *Engine, args []Arg) string {
	if len(args) == 1 {
		e.setDebugFile(nil, false)
		return ""
	}
	if err := e.SetDebugFile(args[1].Text, true); err != nil {
		e.Warn("cannot set debug file `%s': %s", args[1].Text, Reason(err))
	}
	return ""
}

func (e *Engine) setDebugFile(f io.WriteCloser, silent bool) {
	if old := e.debug.file; old != nil {
		_ = old.Close() // what it holds is trace output: its loss harms nobody
	}
	e.debug.file, e.debug.silent = f, silent
}

// debugPrint writes to the debug file, which is the stream of errors at first.
func (e *Engine) debugPrint(text string) {
	switch {
	case e.debug.silent:
	case e.debug.file != nil:
		_, _ = io.WriteString(e.debug.file, text)
	default:
		e.out.sync()
		e.print(text)
	}
}

// debugMessage writes a line about the input.
func (e *Engine) debugMessage(at location, format string, args ...any) {
	head := "m4debug:"
	if at.line > 0 {
		if e.debug.has('f') {
			head += at.name() + ":"
		}
		if e.debug.has('l') {
			head += fmt.Sprintf("%d:", at.line)
		}
	}
	e.debugPrint(head + " " + fmt.Sprintf(format, args...) + "\n")
}

func (e *Engine) debugInput(at location, format string, args ...any) {
	if e.debug.flags != "" && e.debug.has('i') {
		e.debugMessage(at, format, args...)
	}
}

func (e *Engine) debugPath(name, path string) {
	if e.debug.flags != "" && e.debug.has('p') {
		e.debugMessage(e.here, "path search for `%s' found `%s'", name, path)
	}
}

// traceHead begins a line of trace output.
func (e *Engine) traceHead(id int) string {
	head := "m4trace:"
	if at := e.here; at.line > 0 {
		if e.debug.has('f') {
			head += at.name() + ":"
		}
		if e.debug.has('l') {
			head += fmt.Sprintf("%d:", at.line)
		}
	}
	head += fmt.Sprintf(" -%d- ", len(e.frames))
	if e.debug.has('x') {
		head += fmt.Sprintf("id %d: ", id)
	}
	return head
}

// traceBefore tells of a call whose arguments are to be collected (flag c).
func (e *Engine) traceBefore(f *frame) {
	if e.debug.has('c') {
		e.debugPrint(e.traceHead(f.id) + e.argv[f.args].Text + " ...\n")
	}
}

// traceCall tells of a call whose arguments are known. The line ends in traceAfter, unless flag c gives that a line of its own.
func (e *Engine) traceCall(f *frame, args []Arg) {
	line := e.traceHead(f.id) + args[0].Text
	if len(args) > 1 && e.debug.has('a') {
		texts := make([]string, 0, len(args)-1)
		for _, a := range args[1:] {
			if a.token != nil {
				texts = append(texts, "<"+a.token.builtin.name+">")
			} else {
				texts = append(texts, e.shown(a.Text))
			}
		}
		line += "(" + strings.Join(texts, ", ") + ")"
	}
	if e.debug.has('c') {
		e.debugPrint(line + " -> ???\n")
		return
	}
	e.pending = line
}

// traceAfter tells what a call gave.
func (e *Engine) traceAfter(f *frame, argc int, result string) {
	line := e.pending
	if e.debug.has('c') {
		line += e.traceHead(f.id) + e.argv[f.args].Text
		if argc > 1 {
			line += "(...)"
		}
	}
	if result != "" && (argc > 1 || e.debug.has('e')) && e.debug.has('e') {
		line += " -> " + e.shown(result)
	}
	e.debugPrint(line + "\n")
	e.pending = ""
}

// shown is a text as trace output shows it: cut to the length asked for, quoted with flag q.
func (e *Engine) shown(text string) string {
	if n := e.debug.elements; n > 0 && len(text) >= n {
		text = text[:n] + "..."
	}
	if e.debug.has('q') {
		return e.Quote(text)
	}
	return text
}

func biTraceon(e *Engine, args []Arg) string  { return e.setTraced(args, true) }
func biTraceoff(e *Engine, args []Arg) string { return e.setTraced(args, false) }

func (e *Engine) setTraced(args []Arg, on bool) string {
	if len(args) == 1 {
		for _, s := range e.symbols {
			if s.def != nil || !on {
				e.mark(s, on)
			}
		}
	}
	for _, a := range args[1:] {
		if s := e.symbol(a.Text); s != nil || on {
			e.mark(e.symbolFor(a.Text), on)
		}
	}
	return ""
}

// mark sets whether a symbol is traced, and counts those that are.
func (e *Engine) mark(s *symbol, on bool) {
	if s.traced != on {
		s.traced = on
		if on {
			e.traced++
		} else {
			e.traced--
		}
	}
}

// biDumpdef prints definitions in the order of their names, to the stream of errors.
func biDumpdef(e *Engine, args []Arg) string {
	var names []string
	if len(args) == 1 {
		e.Names(func(name string) bool {
			names = append(names, name)
			return true
		})
	}
	for _, a := range args[1:] {
		if e.lookup(a.Text) == nil {
			e.Warn("undefined macro `%s'", a.Text)
			continue
		}
		names = append(names, a.Text)
	}
	slices.Sort(names)
	for _, name := range names {
		e.debugPrint(e.dumped(name, e.lookup(name)))
	}
	return ""
}

func (e *Engine) dumped(name string, d *definition) string {
	switch {
	case d.builtin != nil:
		return name + ":\t<" + d.builtin.name + ">\n"
	default:
		return name + ":\t" + e.shown(d.text) + "\n"
	}
}

// DebugFlags applies flags, as -d and debugmode take them, to the flags in force: a leading + or - adds or removes.
// ok is false if one of them is unknown.
func DebugFlags(now, flags string) (result string, ok bool) {
	sign := byte(0)
	if flags != "" && (flags[0] == '+' || flags[0] == '-') {
		sign, flags = flags[0], flags[1:]
	}
	set, ok := expandFlags(flags)
	if flags == "" {
		set = "aeq"
	}
	switch {
	case !ok:
		return now, false
	case sign == '+':
		return now + set, true
	case sign == 0:
		return set, true
	}
	keep := func(r rune) rune {
		if strings.ContainsRune(set, r) {
			return -1
		}
		return r
	}
	return strings.Map(keep, now), true
}

// SetDebugFile directs debug output to the file name: nowhere if it is empty and given, to the stream of errors if not
// given.
func (e *Engine) SetDebugFile(name string, given bool) error {
	if name == "" {
		e.setDebugFile(nil, given)
		return nil
	}
	if e.opt.OpenDebug == nil {
		return os.ErrPermission
	}
	f, err := e.opt.OpenDebug(name)
	if err == nil {
		e.setDebugFile(f, false)
	}
	return err
}
