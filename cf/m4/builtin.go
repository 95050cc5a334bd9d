package m4

import (
	"strconv"
	"strings"
)

// builtin is a macro that Go code implements.
type builtin struct {
	name     string
	gnu      bool // not in traditional m4
	tokens   bool // takes the values of builtins as arguments
	blind    bool // a macro only if a parenthesis follows
	min, max int  // number of arguments; max -1 for any
	run      func(e *Engine, args []Arg) string
	few      string // what it gives for one argument if that is too few; "$1" is that argument
}

// builtinTable lists GNU m4's builtins, in its order of flags.
func builtinTable() []builtin {
	return []builtin{
		{"__file__", true, false, false, 0, 0, biFile, ""},
		{"__line__", true, false, false, 0, 0, biLine, ""},
		{"__program__", true, false, false, 0, 0, biProgram, ""},
		{"builtin", true, true, true, 1, -1, biBuiltin, ""},
		{"changecom", false, false, false, 0, 2, biChangecom, ""},
		{"changequote", false, false, false, 0, 2, biChangequote, ""},
		{"debugfile", true, false, false, 0, 1, biDebugfile, ""},
		{"debugmode", true, false, false, 0, 1, biDebugmode, ""},
		{"decr", false, false, true, 1, 1, biDecr, ""},
		{"define", false, true, true, 1, 2, biDefine, ""},
		{"defn", false, false, true, 1, -1, biDefn, ""},
		{"divert", false, false, false, 0, 1, biDivert, ""},
		{"divnum", false, false, false, 0, 0, biDivnum, ""},
		{"dnl", false, false, false, 0, 0, biDnl, ""},
		{"dumpdef", false, false, false, 0, -1, biDumpdef, ""},
		{"errprint", false, false, true, 1, -1, biErrprint, ""},
		{"esyscmd", true, false, true, 1, 1, biEsyscmd, ""},
		{"eval", false, false, true, 1, 3, biEval, ""},
		{"format", true, false, true, 1, -1, biFormat, ""},
		{"ifdef", false, false, true, 2, 3, biIfdef, ""},
		{"ifelse", false, false, true, 1, -1, biIfelse, ""},
		{"include", false, false, true, 1, 1, biInclude, ""},
		{"incr", false, false, true, 1, 1, biIncr, ""},
		{"index", false, false, true, 2, 2, biIndex, "0"},
		{"indir", true, true, true, 1, -1, biIndir, ""},
		{"len", false, false, true, 1, 1, biLen, ""},
		{"m4exit", false, false, false, 0, 1, biM4exit, ""},
		{"m4wrap", false, false, true, 1, -1, biM4wrap, ""},
		{"maketemp", false, false, true, 1, 1, biMaketemp, ""},
		{"mkstemp", false, false, true, 1, 1, biMkstemp, ""},
		{"patsubst", true, false, true, 2, 3, biPatsubst, "$1"},
		{"popdef", false, false, true, 1, -1, biPopdef, ""},
		{"pushdef", false, true, true, 1, 2, biPushdef, ""},
		{"regexp", true, false, true, 2, 3, biRegexp, "0"},
		{"shift", false, false, true, 1, -1, biShift, ""},
		{"sinclude", false, false, true, 1, 1, biSinclude, ""},
		{"substr", false, false, true, 2, 3, biSubstr, "$1"},
		{"syscmd", false, false, true, 1, 1, biSyscmd, ""},
		{"sysval", false, false, false, 0, -1, biSysval, ""},
		{"traceoff", false, false, false, 0, -1, biTraceoff, ""},
		{"traceon", false, false, false, 0, -1, biTraceon, ""},
		{"translit", false, false, true, 2, 3, biTranslit, "$1"},
		{"undefine", false, false, true, 1, -1, biUndefine, ""},
		{"undivert", false, false, false, 0, -1, biUndivert, ""},
	}
}

// lacking is what the builtin gives for too few arguments; for none at all (through indir), nothing.
func (b *builtin) lacking(args []Arg) string {
	switch {
	case len(args) < 2:
		return ""
	case b.few == "$1":
		return args[1].Text
	}
	return b.few
}

// takesTokens tells whether a builtin's value may be an argument.
func (d *definition) takesTokens() bool { return d.builtin != nil && d.builtin.tokens }

// defineBuiltins defines GNU m4's builtins and the texts that tell what it is.
func (e *Engine) defineBuiltins() {
	prefix := ""
	if e.opt.Prefix {
		prefix = "m4_"
	}
	table := builtinTable()
	e.builtins = make(map[string]*builtin, len(table))
	for i := range table {
		b := &table[i]
		e.builtins[b.name] = b
		if !b.gnu || !e.opt.Traditional {
			e.set(prefix+b.name, &definition{builtin: b}, false)
		}
	}
	if e.opt.Traditional {
		e.Define(prefix+"unix", "")
		return
	}
	e.Define("__unix__", "")
	e.Define("__gnu__", "")
}

// Invocation is a call of a builtin that the caller added.
type Invocation struct {
	Engine *Engine
	Name   string   // as it was called
	Args   []string // without the name; empty if no parenthesis followed
}

// Builtin adds a builtin. What run returns is put before the rest of the input and read again, as a macro's text is; to
// be taken literally it must be quoted (Engine.Quote). With blind set the name is a macro only if a parenthesis follows
// it.
func (e *Engine) Builtin(name string, blind bool, run func(c *Invocation) string) {
	b := &builtin{name: name, blind: blind, max: -1, run: func(e *Engine, args []Arg) string {
		c := &Invocation{Engine: e, Name: args[0].Text, Args: make([]string, len(args)-1)}
		for i, a := range args[1:] {
			c.Args[i] = a.Text
		}
		return run(c)
	}}
	e.builtins[name] = b
	e.set(name, &definition{builtin: b}, false)
}

// Quote puts text into the quotes that are in force.
func (e *Engine) Quote(text string) string { return e.syntax.open + text + e.syntax.close }

// IncludeText begins to read a file's text in place of the call that is running, as include does.
func (e *Engine) IncludeText(src Source) {
	e.includeFile(&src, "include")
}

// arg returns the text of argument i, empty if it is not there.
func arg(args []Arg, i int) string {
	if i < len(args) {
		return args[i].Text
	}
	return ""
}

func appendInt(buf []byte, n int) []byte { return strconv.AppendInt(buf, int64(n), 10) }

// number converts an argument; if it is none, that is reported, and ok is false.
func (e *Engine) number(name, text string) (n int, ok bool) {
	if n, ok = plainNumber(text); ok {
		return n, true
	}
	if text == "" {
		e.Warn("empty string treated as 0 in builtin `%s'", name)
		return 0, true
	}
	rest := strings.TrimLeft(text, " \t\n\v\f\r")
	digits := strings.TrimLeft(rest, "+-")
	if digits == "" || len(rest)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		e.Warn("non-numeric argument to builtin `%s'", name)
		return 0, false
	}
	v, err := strconv.ParseInt(rest, 10, 64)
	switch {
	case rest != text:
		e.Warn("leading whitespace ignored in builtin `%s'", name)
	case err != nil:
		e.Warn("numeric overflow detected in builtin `%s'", name)
	}
	return int(int32(v)), true
}

// plainNumber converts up to nine digits with or without a minus, which is what nearly all numbers are.
func plainNumber(text string) (n int, ok bool) {
	digits := text
	if text != "" && text[0] == '-' {
		digits = text[1:]
	}
	if digits == "" || len(digits) > 9 {
		return 0, false
	}
	for i := 0; i < len(digits); i++ {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

func biDefine(e *Engine, args []Arg) string  { return e.defineMacro(args, false) }
func biPushdef(e *Engine, args []Arg) string { return e.defineMacro(args, true) }

// defineMacro defines the first argument as the second.
func (e *Engine) defineMacro(args []Arg, push bool) string {
	switch {
	case args[1].token != nil:
		e.Warn("Warning: %s: invalid macro name ignored", args[0].Text)
	case len(args) > 2 && args[2].token != nil:
		e.set(args[1].Text, &definition{builtin: args[2].token.builtin}, push)
	case len(args) > 2:
		e.setText(args[1].Text, args[2].Text, args[2].at, push)
	default:
		e.setText(args[1].Text, "", e.here.spot, push)
	}
	return ""
}

func biUndefine(e *Engine, args []Arg) string {
	for _, a := range args[1:] {
		e.undefine(a.Text)
	}
	return ""
}

func biPopdef(e *Engine, args []Arg) string {
	for _, a := range args[1:] {
		if s := e.symbol(a.Text); s != nil && s.def != nil {
			e.pop(s)
		}
	}
	return ""
}

// biDefn gives the definitions of its arguments, quoted. A builtin's is a value, and stands alone only.
func biDefn(e *Engine, args []Arg) string {
	if len(args) == 2 {
		d := e.lookup(args[1].Text)
		if d != nil && d.builtin != nil {
			e.pushToken(d)
			return ""
		}
	}
	var buf []byte
	for _, a := range args[1:] {
		switch d := e.lookup(a.Text); {
		case d == nil:
		case d.builtin != nil:
			e.Warn("Warning: cannot concatenate builtin `%s'", a.Text)
		default:
			buf = append(buf, e.syntax.open...)
			buf = append(buf, d.text...)
			buf = append(buf, e.syntax.close...)
		}
		if !e.room(int64(len(buf))) {
			return ""
		}
	}
	return e.text(buf)
}

// pushToken puts a builtin's value before the rest of the input.
func (e *Engine) pushToken(d *definition) {
	e.hold(blockCost)
	e.in = append(e.in, block{kind: tokenBlock, def: d, held: blockCost, at: e.here.spot, site: e.here.site})
}

func biIfdef(e *Engine, args []Arg) string {
	if e.lookup(args[1].Text) != nil {
		return arg(args, 2)
	}
	return arg(args, 3)
}

func biIfelse(e *Engine, args []Arg) string {
	if len(args) == 2 {
		return ""
	}
	if len(args) == 3 || len(args)%3 == 0 {
		if len(args) == 3 {
			e.warnQuiet("Warning: too few arguments to builtin `%s'", args[0].Text)
			return ""
		}
		e.warnQuiet("Warning: excess arguments to builtin `%s' ignored", args[0].Text)
	}
	rest := args[1:]
	for len(rest) >= 3 {
		if rest[0].Text == rest[1].Text {
			return rest[2].Text
		}
		rest = rest[3:]
		if len(rest) < 3 {
			return arg(rest, 0)
		}
	}
	return ""
}

func biIndir(e *Engine, args []Arg) string {
	name := args[1].Text
	if args[1].token != nil {
		e.Warn("Warning: %s: invalid macro name ignored", args[0].Text)
		return ""
	}
	d := e.lookup(name)
	if d == nil {
		e.Warn("undefined macro `%s'", name)
		return ""
	}
	return e.redirect(name, d, args[1:])
}

func biBuiltin(e *Engine, args []Arg) string {
	name := args[1].Text
	if args[1].token != nil {
		e.Warn("Warning: %s: invalid macro name ignored", args[0].Text)
		return ""
	}
	b := e.builtins[name]
	if b == nil {
		e.Warn("undefined builtin `%s'", name)
		return ""
	}
	return e.redirect(name, &definition{builtin: b}, args[1:])
}

// redirect calls a macro with another's arguments.
func (e *Engine) redirect(name string, d *definition, args []Arg) string {
	if !d.takesTokens() {
		for i := range args {
			args[i].token = nil
		}
	}
	return e.invoke(name, d, args)
}

func biShift(e *Engine, args []Arg) string {
	if len(args) <= 2 {
		return ""
	}
	return e.text(e.appendArgs(nil, args[2:], true))
}

func biChangequote(e *Engine, args []Arg) string {
	if len(args) == 1 {
		e.syntax.setQuotes("`", "'")
	} else {
		e.syntax.setQuotes(arg(args, 1), arg(args, 2))
	}
	return ""
}

func biChangecom(e *Engine, args []Arg) string {
	e.syntax.setComment(arg(args, 1), arg(args, 2))
	return ""
}

func biDnl(e *Engine, _ []Arg) string {
	e.skipLine()
	return ""
}

func biFile(e *Engine, _ []Arg) string    { return e.Quote(e.here.name()) }
func biLine(e *Engine, _ []Arg) string    { return strconv.Itoa(int(e.here.line)) }
func biProgram(e *Engine, _ []Arg) string { return e.Quote(e.program) }

func biErrprint(e *Engine, args []Arg) string {
	e.out.sync()
	e.print(joined(args[1:]))
	return ""
}

// print writes to the stream of errors.
func (e *Engine) print(text string) {
	if e.opt.Errors != nil {
		_, _ = e.opt.Errors.Write([]byte(text)) // nowhere to report it
	}
}

// joined joins the arguments with spaces.
func joined(args []Arg) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.Text
	}
	return strings.Join(texts, " ")
}

func biM4wrap(e *Engine, args []Arg) string {
	text := joined(args[1:])
	if text == "" {
		return ""
	}
	at := e.here
	e.hold(len(text) + blockCost)
	e.wrapped = append(doubled(e.wrapped, 1), block{text: text, held: len(text) + blockCost, at: at.spot, known: true,
		site: e.newSite(at.site, args[0].Text, at.spot, nil)})
	return ""
}

// biM4exit ends the run. A status that a process cannot have is an error.
func biM4exit(e *Engine, args []Arg) string {
	status, ok := 0, true
	if len(args) > 1 {
		if status, ok = e.number(args[0].Text, args[1].Text); !ok {
			status = 1
		}
	}
	if status < 0 || status > 255 {
		e.Warn("exit status out of range: `%d'", status)
		status = 1
	}
	if status != 0 {
		e.status = status
	}
	if e.err == nil {
		e.err = &ExitError{e.status}
	}
	return ""
}
