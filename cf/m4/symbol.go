package m4

import "strings"

// symbol is a name with its definitions. It stays in the table when the last is gone: it may be traced.
type symbol struct {
	name   string
	def    *definition // nil: not a macro
	traced bool
}

// definition is what a name stands for: a text or a builtin. It never changes, so that a call goes on with the one that
// it began with.
type definition struct {
	name    string
	text    string
	dollar  bool // the text holds a $
	builtin *builtin
	at      spot        // of the text, for Origin.Body
	by      spot        // of the call that defined it
	pushed  *definition // what popdef brings back
}

// lengthBit is the bit of a name's length in Engine.known.
func lengthBit(n int) uint64 { return 1 << min(uint(n), 63) }

// lookup returns the definition of name; nil if it is not a macro.
func (e *Engine) lookup(name string) *definition {
	if s := e.symbol(name); s != nil {
		return s.def
	}
	return nil
}

// symbol returns the entry of name, nil if it never had one.
func (e *Engine) symbol(name string) *symbol {
	if name == "" {
		return e.symbols[name] // define(`') is legal; such a name is reached through indir only
	}
	return e.named(name)
}

// recentSize is the number of symbols that named remembers, a power of two.
const recentSize = 512

// named looks the symbol of a name that is not empty up; those asked for last are found without the map.
func (e *Engine) named(name string) *symbol {
	n := len(name)
	slot := &e.recent[(int(name[0])+int(name[n/2])<<2+int(name[n-1])<<5+n<<3)%recentSize]
	if s := *slot; s != nil && s.name == name {
		return s
	}
	s := e.symbols[name]
	if s != nil {
		*slot = s
	}
	return s
}

// symbolFor returns the entry of name and makes it if need be.
func (e *Engine) symbolFor(name string) *symbol {
	s := e.symbols[name]
	if s == nil {
		name = strings.Clone(name)
		s = &symbol{name: name}
		e.symbols[name] = s
		if name != "" {
			e.known[name[0]] |= lengthBit(len(name))
		}
		e.hold(len(name) + definitionCost)
	}
	return s
}

// set defines name, on top of its present definition if push is set.
func (e *Engine) set(name string, d *definition, push bool) {
	s := e.symbolFor(name)
	e.hold(len(d.text) + definitionCost)
	d.name, d.pushed, d.by = s.name, s.def, e.here.spot
	if s.def != nil && !push {
		e.hold(-len(s.def.text) - definitionCost)
		d.pushed = s.def.pushed
	}
	s.def = d
}

// setText defines name as a text.
func (e *Engine) setText(name, text string, at spot, push bool) {
	e.checkSequence(name, text)
	e.set(name, &definition{text: strings.Clone(text), dollar: strings.IndexByte(text, '$') >= 0, at: at}, push)
}

// undefine removes name with all its pushed definitions.
func (e *Engine) undefine(name string) bool {
	s := e.symbol(name)
	if s == nil || s.def == nil {
		return false
	}
	for s.def != nil {
		e.pop(s)
	}
	return true
}

// pop brings back the definition that was pushed below the present one.
func (e *Engine) pop(s *symbol) {
	e.hold(-len(s.def.text) - definitionCost)
	s.def = s.def.pushed
}
