package main

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// fields are what an expression may ask for: the lines of a control file by the names that qtool.pl gives them, without
// line ends, and "headers NAME" for the header.
type fields map[string][]string

var fieldOf = map[byte]string{
	'A': "auth", 'B': "body_type", 'C': "controlling_user", 'D': "data_file_name", 'd': "data_file_directory", 'E': "error_recipient",
	'F': "flags", 'I': "inode_number", 'K': "next_delivery_time", 'L': "content-length", 'M': "message", 'N': "num_delivery_attempts",
	'P': "priority", 'Q': "original_recipient", 'R': "recipient", 'q': "quarantine_reason", 'r': "final_recipient", 'S': "sender",
	'T': "creation_time", 'V': "version", 'Y': "current_delay", 'Z': "envid", '!': "deliver_by", '$': "macro",
}

// sizes are the fields that are no lines.
var sizes = []string{"id", "control_size", "control_last_mod_time", "body_size", "body_last_mod_time"}

// fields reads the control file.
func (m *message) fields(data fs.FileInfo) (fields, error) {
	text, err := os.ReadFile(m.control())
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(m.control())
	if err != nil {
		return nil, err
	}
	f := fields{"id": {m.id}}
	for name, i := range map[string]fs.FileInfo{"control": info, "body": data} {
		f[name+"_size"] = []string{strconv.FormatInt(i.Size(), 10)}
		f[name+"_last_mod_time"] = []string{strconv.FormatInt(i.ModTime().Unix(), 10)}
	}
	header := ""
	for l := range strings.Lines(string(text)) {
		l = strings.TrimRight(l, "\n")
		switch {
		case l == "":
		case l[0] == '\t' && header != "":
			f[header][len(f[header])-1] += "\n" + l
		case l[0] == 'H':
			header = f.header(l[1:])
		default:
			header = ""
			if name := fieldOf[l[0]]; name != "" {
				f[name] = append(f[name], l[1:])
			}
		}
	}
	return f, nil
}

// header adds a line of the header, "?flags?Name: value", and returns under what name.
func (f fields) header(l string) string {
	if parts := strings.SplitN(l, "?", 3); len(parts) == 3 && parts[0] == "" {
		l = parts[2]
	}
	name, value, _ := strings.Cut(l, ":")
	name = "headers " + strings.ToLower(name)
	f[name] = append(f[name], strings.TrimLeft(value, " "))
	return name
}

// condition is a compiled expression.
type condition func(fields) bool

// compile reads an expression, the part of Perl that selects messages: comparisons of $msg{field}, or
// $msg{headers}{Name}, with a number (== != < <= > >=), with a string (eq ne lt le gt ge) or with a pattern (=~ !~),
// joined by && || ! and parentheses, or by and, or, not. A field alone is true if it is there and neither empty nor 0.
// Of a field with several values one must do. Perl's other words are refused: nothing is run.
func compile(text string) (condition, error) {
	p := &reader{rest: text}
	c := p.either()
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail()
	}
	return c, p.err
}

type reader struct {
	rest string
	err  error
}

func (p *reader) fail() condition {
	if p.err == nil {
		p.err = fmt.Errorf("-e: only comparisons of $msg{field} are understood, not %q", p.rest)
	}
	return func(fields) bool { return false }
}

func (p *reader) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// accept takes one of the words away.
func (p *reader) accept(words ...string) string {
	p.space()
	for _, w := range words {
		rest, ok := strings.CutPrefix(p.rest, w)
		if ok && (w[0] < 'a' || w[0] > 'z' || rest == "" || strings.ContainsAny(rest[:1], " \t($'\"/")) {
			p.rest = rest
			return w
		}
	}
	return ""
}

func (p *reader) either() condition {
	c := p.both()
	for p.err == nil && p.accept("||", "or") != "" {
		a, b := c, p.both()
		c = func(f fields) bool { return a(f) || b(f) }
	}
	return c
}

func (p *reader) both() condition {
	c := p.one()
	for p.err == nil && p.accept("&&", "and") != "" {
		a, b := c, p.one()
		c = func(f fields) bool { return a(f) && b(f) }
	}
	return c
}

func (p *reader) one() condition {
	switch {
	case p.err != nil:
	case p.accept("!", "not") != "":
		c := p.one()
		return func(f fields) bool { return !c(f) }
	case p.accept("(") != "":
		c := p.either()
		if p.accept(")") == "" {
			return p.fail()
		}
		return c
	case p.accept("$msg{") != "":
		return p.comparison()
	}
	return p.fail()
}

var (
	nameOf    = regexp.MustCompile(`^['"]?([\w-]+)['"]?\}(?:(?:->)?\{['"]?([\w-]+)['"]?\})?`)
	literalOf = regexp.MustCompile(`^(?:-?\d+(?:\.\d+)?|'[^'\\]*'|"[^"\\$@]*")`)
	patternOf = regexp.MustCompile(`^m?/((?:[^/\\]|\\.)*)/(i?)`)
)

// comparison reads what follows "$msg{".
func (p *reader) comparison() condition {
	m := nameOf.FindStringSubmatch(p.rest)
	if m == nil || !known(m[1], m[2]) {
		return p.fail()
	}
	p.rest = p.rest[len(m[0]):]
	name := m[1]
	if m[2] != "" {
		name += " " + strings.ToLower(m[2])
	}
	var test func(string) bool
	if op := p.accept("==", "!=", "<=", ">=", "<", ">", "eq", "ne", "lt", "le", "gt", "ge"); op != "" {
		test = p.literal(op)
	} else if op := p.accept("=~", "!~"); op != "" {
		test = p.pattern(op == "!~")
	} else {
		test = func(v string) bool { return v != "" && v != "0" }
	}
	return func(f fields) bool {
		values := f[name]
		if len(values) == 0 {
			values = []string{""}
		}
		for _, v := range values {
			if test(v) {
				return true
			}
		}
		return false
	}
}

func known(name, sub string) bool {
	if name == "headers" || sub != "" {
		return name == "headers" && sub != ""
	}
	for _, n := range fieldOf {
		if n == name {
			return true
		}
	}
	for _, n := range sizes {
		if n == name {
			return true
		}
	}
	return false
}

func (p *reader) literal(op string) func(string) bool {
	p.space()
	text := literalOf.FindString(p.rest)
	if text == "" {
		p.fail()
		return nil
	}
	p.rest = p.rest[len(text):]
	text = strings.Trim(text, `'"`)
	if op[0] >= 'a' {
		return func(v string) bool { return holds(op, strings.Compare(v, text)) }
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.fail()
	}
	return func(v string) bool {
		switch x := leading(v); {
		case x < n:
			return holds(op, -1)
		case x > n:
			return holds(op, 1)
		}
		return holds(op, 0)
	}
}

// leading is the number that a text begins with, as Perl takes it; 0 where there is none.
func leading(v string) float64 {
	n, _ := strconv.ParseFloat(regexp.MustCompile(`^\s*-?\d*\.?\d*`).FindString(v), 64)
	return n
}

// holds reports whether the order of two values is what the operator asks for.
func holds(op string, order int) bool {
	switch op {
	case "==", "eq":
		return order == 0
	case "!=", "ne":
		return order != 0
	case "<", "lt":
		return order < 0
	case "<=", "le":
		return order <= 0
	case ">", "gt":
		return order > 0
	}
	return order >= 0
}

func (p *reader) pattern(not bool) func(string) bool {
	p.space()
	m := patternOf.FindStringSubmatch(p.rest)
	if m == nil {
		p.fail()
		return nil
	}
	text := m[1]
	if m[2] != "" {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		p.err = fmt.Errorf("-e: %w", err)
		return nil
	}
	p.rest = p.rest[len(m[0]):]
	return func(v string) bool { return re.MatchString(v) != not }
}
