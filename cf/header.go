package cf

import (
	"strings"
)

// Header is an H line: a field that is added to messages, or a check of fields that they bring.
type Header struct {
	Position
	Flags string // between question marks: added only for mailers with one of these flags; "" means for all
	Macro string // instead ("?${x}?"): added only where the macro has a value
	Name  string
	Value string // internal form, expanded when used; "" for a mere check

	Check         string // ruleset for the field of a message, "" means none ($> or $>+)
	KeepComments  bool   // $>+: comments are passed to the ruleset
	CheckAll      bool   // the name is "*": for all fields that have no check of their own
	HasConditions bool   // there were question marks
}

// headerLine is an H line.
func (p *parser) headerLine(s string) {
	h := Header{Position: p.at()}
	if strings.HasPrefix(s, "?") {
		cond, rest, ok := strings.Cut(s[1:], "?")
		if !ok {
			p.headerError(plain(s))
			return
		}
		h.HasConditions = true
		s = rest
		if strings.HasPrefix(cond, "\x81") {
			h.Macro, _ = p.name(cond[1:])
		} else {
			h.Flags = cond
		}
	}
	name, value, ok := strings.Cut(s, ":")
	name = strings.TrimRight(name, space)
	if !ok || name == "" || strings.ContainsAny(name, space) {
		p.headerError(plain(s))
		return
	}
	h.Name = name
	h.CheckAll = name == "*"
	if v := skipSpace(value); strings.HasPrefix(v, "\x81>") {
		v = v[2:]
		if strings.HasPrefix(v, "+") {
			h.KeepComments = true
			v = v[1:]
		}
		h.Check = strings.TrimSpace(strings.TrimPrefix(p.expand(v), "\x99"))
		if h.Check == "" {
			p.errorf("invalid ruleset name: \"\"")
			return
		}
		value = ""
	}
	h.Value = value
	p.c.Headers = append(p.c.Headers, h)
}

// headerError reports an H line that is none.
func (p *parser) headerError(line string) {
	p.c.Messages = append(p.c.Messages, Message{Position: p.at(), Text: "header syntax error, line \"" + line + "\"", Reply: "553 5.3.0"})
}
