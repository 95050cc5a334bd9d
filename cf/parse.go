package cf

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"gosendmail/internal/macro"
)

// Input is what a configuration is read with.
type Input struct {
	File string // name for messages
	// Macros are the values known before the file is read: $w, $j, $m, $k, $v... A V line of level 5 or more cuts $w at
	// its first dot.
	Macros *macro.Table
	// Options and Defines come from the command line (-O, -o, -M): they win over the file.
	Options []string // "Name=value", or "xvalue" with an old letter when Old is set
	// Users and Groups find ids for U= of mailers and for options; nil means that only numbers are understood.
	LookupUser  func(name string) (uid, gid int, ok bool)
	LookupGroup func(name string) (gid int, ok bool)
	// Trace hears what the original prints at -d37.1: each option as it is set, with its line. Nil drops it.
	Trace func(line int, text string)
	// Origin returns the place of the source that a line was made from, for messages: a line of the .mc. Nil means File
	// and the line.
	Origin func(line int) Position
	// MapClass reports whether a map class is available; nil means all are.
	MapClass func(class string) bool
}

// maxFile bounds the size of a configuration file.
const maxFile = 64 << 20

// Parse reads a configuration. The error tells that it could not be read; what is wrong inside is in Config.Messages.
func Parse(r io.Reader, in Input) (*Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cf: read %s: %w", in.File, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("cf: read %s: larger than %d bytes", in.File, maxFile)
	}
	p := newParser(in)
	p.commandLine()
	p.file(data)
	p.finish()
	return p.c, nil
}

type parser struct {
	in   Input
	c    *Config
	line int

	sets     *setTable
	current  *Ruleset // of the S line; nil before the first and after a wrong one
	sticky   map[string]bool
	command  bool   // options come from the command line now
	subject  string // what values belong to, for doubts: "option QueueLA: "
	opFrozen bool   // a rule has been read: OperatorChars counts no more
	opSet    bool
	daemons  int // DaemonPortOptions so far; for Input.Trace
}

func newParser(in Input) *parser {
	p := &parser{in: in, sets: newSetTable(), sticky: map[string]bool{}}
	p.c = &Config{File: in.File, Macros: macro.NewTable(in.Macros), Settings: DefaultSettings()}
	p.c.Mailers = builtinMailers()
	return p
}

func (p *parser) at() Position {
	if p.command || p.line == 0 {
		return Position{}
	}
	if p.in.Origin != nil {
		return p.in.Origin(p.line)
	}
	return Position{p.in.File, p.line}
}

func (p *parser) errorf(format string, args ...any) {
	p.hint("", format, args...)
}

// hint is errorf with the name that was perhaps meant.
func (p *parser) hint(hint, format string, args ...any) {
	p.c.Messages = append(p.c.Messages, Message{Position: p.at(), Text: fmt.Sprintf(format, args...), Hint: hint})
}

// unknownName reports a user or group that this host does not have.
func (p *parser) unknownName(format string, args ...any) {
	p.c.Messages = append(p.c.Messages, Message{Position: p.at(), Text: fmt.Sprintf(format, args...), Host: true})
}

// warnf tells something that does not stop the configuration from being used.
func (p *parser) warnf(format string, args ...any) {
	p.c.Messages = append(p.c.Messages, Message{Position: p.at(), Text: fmt.Sprintf(format, args...), Warning: true})
}

// doubt warns of what the original takes without a word.
func (p *parser) doubt(format string, args ...any) {
	p.c.Messages = append(p.c.Messages, Doubt(p.at(), p.subject+fmt.Sprintf(format, args...)))
}

// expand does the macros of a line with the values of this moment.
func (p *parser) expand(s string) string {
	out, err := p.c.Macros.Expand(s)
	if err != nil {
		p.errorf("%v", err)
	}
	return out
}

// name reads a macro or class name.
func (p *parser) name(s string) (name, rest string) {
	name, rest, problems := macro.Name(s)
	for _, t := range problems {
		p.errorf("%s", t)
	}
	return name, rest
}

// file goes over the lines.
func (p *parser) file(data []byte) {
	in := bufio.NewReader(bytes.NewReader(data))
	var line []byte
	for {
		var n int
		if line, n = folded(in, line[:0]); n == 0 {
			return
		}
		p.line += n
		if len(line) > 0 && line[0] != '#' {
			p.interpret(string(line))
		}
	}
}

// folded reads a line with its continuation lines, which begin with white space, into buf; n is the number of lines, 0
// at the end. CR LF counts as LF.
func folded(in *bufio.Reader, buf []byte) (line []byte, n int) {
	for {
		part, err := in.ReadSlice('\n')
		if len(part) == 0 && err != nil {
			break
		}
		buf = append(buf, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		n++
		if bytes.HasSuffix(buf, []byte("\r\n")) {
			buf = append(buf[:len(buf)-2], '\n')
		}
		next, err := in.Peek(1)
		if err != nil || next[0] != ' ' && next[0] != '\t' {
			break
		}
	}
	return bytes.TrimSuffix(buf, []byte("\n")), n
}

// interpret does one line.
func (p *parser) interpret(text string) {
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	s, problems := macro.Encode(text, p.c.Level)
	for _, t := range problems {
		p.errorf("%s", t)
	}
	if s == "" || s[0] == '#' {
		return
	}
	rest := s[1:]
	switch s[0] {
	case 'R':
		p.ruleLine(rest)
	case 'S':
		p.setLine(rest)
	case 'D':
		p.macroLine(rest)
	case 'H':
		p.headerLine(rest)
	case 'C':
		p.classLine(rest)
	case 'T':
		p.addWords("t", rest)
	case 'F':
		p.classFileLine(rest)
	case 'M':
		p.mailerLine(rest)
	case 'O':
		p.optionLine(rest)
	case 'P':
		p.precedenceLine(rest)
	case 'Q':
		p.queueLine(rest)
	case 'V':
		p.versionLine(rest)
	case 'K':
		p.mapLine(rest)
	case 'E':
		p.envLine(rest)
	case 'X':
		p.filterLine(rest)
	default:
		p.unknown(s)
	}
}

func (p *parser) unknown(s string) { p.errorf("unknown configuration line \"%s\"", plain(s)) }

// macroLine is a D line.
func (p *parser) macroLine(s string) {
	name, rest := p.name(s)
	if name == "" {
		return
	}
	value, _ := munch(rest, 0)
	p.c.Macros.Define(name, value)
}

// versionLine is a V line: the level, and who wrote the configuration.
func (p *parser) versionLine(s string) {
	t := skipSpace(s)
	if t == "" || !isDigit(t[0]) {
		p.errorf("invalid argument to V line: \"%.20s\"", s)
		return
	}
	i := 0
	for i < len(t) && isDigit(t[i]) {
		i++
	}
	p.c.Level = int(min(number(t[:i]), 1000))
	if p.c.Level >= 5 {
		if w, ok := p.c.Macros.Macro("w"); ok {
			short, _, _ := strings.Cut(w, ".")
			p.c.Macros.Define("w", short)
		}
	}
	if p.c.Level >= 6 && !p.sticky["ColonOkInAddr"] {
		p.c.Settings.ColonOkInAddr = false
	}
	if !strings.HasPrefix(t[i:], "/") {
		return
	}
	vendor := t[i+1:]
	for j := 0; j < len(vendor); j++ {
		if !isAlpha(vendor[j]) {
			vendor = vendor[:j]
		}
	}
	p.c.Vendor = vendor
	if !equalFold(vendor, "Berkeley") && !equalFold(vendor, "Debian") {
		p.hint("Berkeley", "invalid V line vendor code: \"%s\"", vendor)
	}
}

// finish does what needs the whole file.
func (p *parser) finish() {
	p.c.Rulesets = p.sets.list()
	p.line = 0
	if !p.opFrozen {
		p.freezeOperators()
	}
	if p.c.Level < 7 {
		p.oldMacros()
	}
	p.oldMailers()
	if p.c.Level > Level {
		p.errorf("Warning: .cf version level (%d) exceeds sendmail version %s functionality (%d)", p.c.Level, p.version(), Level)
	} else if p.c.Level < Level {
		p.warnf("Warning: .cf file is out of date: sendmail %s supports version %d, .cf file is version %d", p.version(), Level, p.c.Level)
	}
}

func (p *parser) version() string {
	v, _ := p.c.Macros.Macro("v")
	return v
}

// freezeOperators takes OperatorChars, or $o in old configurations, as they stand at the first rule.
func (p *parser) freezeOperators() {
	p.opFrozen = true
	ops := p.c.Settings.OperatorChars
	if ops == "" && p.c.Level < 7 {
		ops, _ = p.c.Macros.Macro("o")
	}
	p.c.Operators = p.expand(ops)
}

// oldMacros takes $e and $l of configurations before level 7 for the options that replaced them.
func (p *parser) oldMacros() {
	if v, ok := p.c.Macros.Macro("e"); ok && p.c.Settings.SmtpGreetingMessage == defaultGreeting {
		p.c.Settings.SmtpGreetingMessage = v
	}
	if v, ok := p.c.Macros.Macro("l"); ok && p.c.Settings.UnixFromLine == defaultFromLine {
		p.c.Settings.UnixFromLine = v
	}
}
