package cf

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the type of an option's value.
type Kind string

// The kinds.
const (
	Bool   Kind = "boolean"
	Int    Kind = "number"
	Size   Kind = "bytes"
	Octal  Kind = "mode"
	Time   Kind = "time"
	Text   Kind = "text"
	Macros Kind = "text with macros" // expanded where it is used
	List   Kind = "list"             // may be given more than once
	Choice Kind = "choice"
	User   Kind = "user"
	Subs   Kind = "suboptions"
)

// Def describes an option.
type Def struct {
	Name    string
	Letter  byte // old one-letter name, or 0
	Kind    Kind
	Default string // as in the file; "" means empty or off
	Unit    string // of numbers and times
	Safe    bool   // may be set on the command line by anyone without losing privileges

	set func(p *parser, s *Settings, v string)
}

const (
	defaultGreeting = "\x81j Sendmail \x81v ready at \x81b"
	defaultFromLine = "From \x81g  \x81d"
)

// field makes the setter of a field from the reader of its type.
func field[T any](read func(p *parser, v string) T, at func(*Settings) *T) func(*parser, *Settings, string) {
	return func(p *parser, s *Settings, v string) { *at(s) = read(p, v) }
}

func flag(at func(*Settings) *bool) func(*parser, *Settings, string) {
	return field((*parser).boolean, at)
}

func count(at func(*Settings) *int) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) int { return int(max(min(p.number(v), 1<<40), -1<<40)) }, at)
}

func size(at func(*Settings) *int64) func(*parser, *Settings, string) {
	return field((*parser).number, at)
}

func mode(at func(*Settings) *int) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) int { return int(p.octal(v)) & 0o777 }, at)
}

func span(unit byte, at func(*Settings) *time.Duration) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) time.Duration { return p.duration(v, unit) }, at)
}

func text(at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(_ *parser, v string) string { return v }, at)
}

// now is text whose macros are expanded while the file is read.
func now(at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) string { return p.expand(v) }, at)
}

// unquoted is text with quotes and escapes undone.
func unquoted(at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(_ *parser, v string) string { t, _ := munch(v, 0); return t }, at)
}

// fallback is text with a value of its own where the option is given without one.
func fallback(other string, at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(_ *parser, v string) string { return or(v, other) }, at)
}

func lines(at func(*Settings) *[]string) func(*parser, *Settings, string) {
	return func(_ *parser, s *Settings, v string) { l := at(s); *l = append(*l, v) }
}

func commas(at func(*Settings) *[]string) func(*parser, *Settings, string) {
	return field(func(_ *parser, v string) []string { return split(v) }, at)
}

func split(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// letter takes the first character of one of the words, whose first letters differ; an empty value leaves the field as
// it is unless other is given. What begins with no such letter is the problem, or without one has no effect.
func letter(words []string, problem string, other byte, at func(*Settings) *byte) func(*parser, *Settings, string) {
	return func(p *parser, s *Settings, v string) {
		i := slices.IndexFunc(words, func(w string) bool { return v != "" && w[0] == v[0]|0x20 })
		switch {
		case v == "" && other != 0:
			*at(s) = other
		case i >= 0:
			*at(s) = v[0] | 0x20
			if w := words[i]; len(v) > 1 && !contains(strings.Split(w, "|"), v) {
				word, _, _ := strings.Cut(w, "|")
				p.doubt("%q is taken for %s", v, word)
			}
		case v == "":
		case problem != "":
			p.errorf(problem, v)
		default:
			p.doubt("%q is not known and has no effect", v)
		}
	}
}

func identity(name, separators string, at func(*Settings) *Identity) func(*parser, *Settings, string) {
	return func(p *parser, s *Settings, v string) {
		id := Identity{UID: NoID, GID: NoID, Set: true}
		user, group := v, ""
		if i := strings.IndexAny(v, separators); i >= 0 {
			user, group = v[:i], v[i+1:]
		}
		id.Name = user
		if user != "" && isDigit(user[0]) {
			id.UID = p.identifier(user)
		} else if uid, gid, ok := p.user(user); ok {
			id.UID, id.GID = uid, gid
		} else {
			p.unknownName("readcf: option %s: unknown user %s", name, user)
			return
		}
		if group != "" && isDigit(group[0]) {
			id.GID = p.identifier(group)
		} else if gid, ok := p.group(group); ok {
			id.GID = gid
		} else if group != "" {
			p.unknownName("readcf: option %s: unknown group %s", name, group)
		}
		*at(s) = id
	}
}

// Lookup returns the description of an option by its full name; case does not matter.
func Lookup(name string) (Def, bool) {
	for _, d := range Options() {
		if equalFold(d.Name, name) {
			return d, true
		}
	}
	return Def{}, false
}

// optionLine is an O line: "O name=value", or "Oxvalue" with an old letter.
func (p *parser) optionLine(s string) {
	if s == "" {
		p.errorf("readcf: unknown option name 0x0")
		return
	}
	p.option(s[0], s[1:])
}

// option sets one option; letter is ' ' for full names.
func (p *parser) option(letter byte, s string) {
	n := identify(letter, s)
	switch {
	case n.def == nil && n.hint != "":
		p.hint(n.hint, "%s", n.problem)
	case n.def == nil:
		p.errorf("%s", n.problem)
	default:
		if n.short != "" {
			p.warnf("Option %s used as abbreviation for %s", n.short, n.def.Name)
		}
		p.setOption(n.def, n.sub, n.value)
	}
}

// named is the option that a text names.
type named struct {
	def        *Def // nil where it names none
	sub, value string
	short      string // what was written, where that is only the beginning of the name
	problem    string // why it names none
	hint       string // a name that may be meant instead; "" where there is none
}

// identify finds what an option text names; letter is ' ' for full names. Whatever asks which option a text sets asks
// here, so that those who judge an option and those who set it cannot take it for two.
func identify(letter byte, s string) (n named) {
	if letter != ' ' {
		n.value = s
		if n.def = findLetter(letter); n.def == nil {
			n.problem = fmt.Sprintf("readcf: unknown option name 0x%x", letter)
		}
	} else {
		var name string
		name, n.sub, n.value = splitOption(s)
		if name == "" {
			n.problem = "readcf: null option name"
			return n
		}
		n.find(name)
	}
	if n.def != nil && n.def.Kind != Subs {
		n.sub = ""
	}
	return n
}

// SafeOption reports whether anybody may set an option on the command line and keep the rights of a set-group-ID
// program. text is one of Input.Options. What names no option is safe, because it sets nothing.
func SafeOption(text string) bool {
	if text == "" {
		return true
	}
	n := identify(text[0], text[1:])
	switch {
	case n.def == nil:
		return true
	case n.def.Name == "M":
		return SafeMacro(n.value)
	}
	return n.def.Safe
}

// SafeMacro reports whether anybody may define a macro on the command line and keep the rights of a set-group-ID
// program: r and s only, the protocol and host that a message came by. text is the macro's name and its value.
func SafeMacro(text string) bool { return strings.HasPrefix(text, "r") || strings.HasPrefix(text, "s") }

// splitOption takes "name.sub = value" apart.
func splitOption(s string) (name, sub, value string) {
	name, value, _ = strings.Cut(s, "=")
	name = strings.Trim(name, " ")
	value = strings.TrimLeft(value, " ")
	name, sub, _ = strings.Cut(name, ".")
	return name, sub, value
}

func (p *parser) setOption(def *Def, sub, value string) {
	key := strings.ToLower(def.Name + "." + sub)
	ignored := !p.command && p.sticky[key]
	p.trace(def, sub, value, ignored)
	if ignored {
		return
	}
	p.c.Options = append(p.c.Options, Option{p.at(), def.Name, sub, value})
	p.subject = "option " + strings.TrimSuffix(def.Name+"."+sub, ".") + ": "
	defer func() { p.subject = "" }()
	switch {
	case def.Name == "Timeout":
		p.timeouts(sub, value)
	case def.Name == "Milter":
		p.milter(sub, value)
	default:
		def.set(p, &p.c.Settings, value)
	}
	if p.command && def.Name != "PrivacyOptions" && def.Name != "DontBlameSendmail" && def.Name != "M" {
		p.sticky[key] = true
	}
}

// find finds an option by its name or by a beginning that only it has.
func (n *named) find(name string) {
	for i := range Options() {
		d := &Options()[i]
		if len(d.Name) < len(name) || !equalFold(d.Name[:len(name)], name) {
			continue
		}
		if len(d.Name) == len(name) {
			n.def, n.short = d, ""
			return
		}
		if n.def != nil {
			n.problem = fmt.Sprintf("readcf: ambiguous option name %s (matches %s and %s)", name, n.def.Name, d.Name)
			n.def = nil
			return
		}
		n.def, n.short = d, name
	}
	if n.def == nil {
		n.problem, n.hint = "readcf: unknown option name "+name, nearest(name, optionNames())
	}
}

func optionNames() []string {
	var names []string
	for i := range Options() {
		names = append(names, Options()[i].Name)
	}
	return names
}

func findLetter(letter byte) *Def {
	for i := range Options() {
		if Options()[i].Letter == letter {
			return &Options()[i]
		}
	}
	for i := range oldOptions {
		if oldOptions[i].Letter == letter {
			return &oldOptions[i]
		}
	}
	return nil
}

// oldOptions exist only by letter.
var oldOptions = []Def{
	{Name: "M", Letter: 'M', Kind: Text, set: func(p *parser, _ *Settings, v string) {
		if name, rest := p.name(v); name != "" {
			p.c.Macros.Define(name, rest)
		}
	}},
	{Name: "g", Letter: 'g', Kind: Text, set: func(p *parser, s *Settings, v string) {
		if v != "" && isDigit(v[0]) {
			s.DefaultUser.GID = p.identifier(v)
		} else if gid, ok := p.group(v); ok {
			s.DefaultUser.GID = gid
		} else {
			p.unknownName("readcf: option g: unknown group %s", v)
		}
	}},
}

// commandLine sets the options of the command line, which then stay.
func (p *parser) commandLine() {
	p.command = true
	for _, o := range p.in.Options {
		if o != "" {
			p.option(o[0], o[1:])
		}
	}
	p.command = false
}

// CheckOptions returns what is wrong with options of the command line, for each of them.
func CheckOptions(options []string) [][]Message {
	p := newParser(Input{})
	list := make([][]Message, len(options))
	p.command = true
	for i, o := range options {
		before := len(p.c.Messages)
		if o != "" {
			p.option(o[0], o[1:])
		}
		list[i] = p.c.Messages[before:]
	}
	return list
}

// DefaultSettings returns the values of a configuration without O lines.
func DefaultSettings() Settings {
	p := &parser{c: &Config{}}
	s := Settings{
		Timeout:     defaultTimeouts(),
		DefaultUser: Identity{Name: "daemon", UID: 1, GID: 1},
		TrustedUser: Identity{UID: NoID, GID: NoID}, RunAsUser: Identity{UID: NoID, GID: NoID},
		ColonOkInAddr: true, // below level 6
	}
	for i := range Options() {
		if d := &Options()[i]; d.Default != "" && d.set != nil {
			d.set(p, &s, d.Default)
		}
	}
	return s
}
