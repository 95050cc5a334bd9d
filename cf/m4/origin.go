package m4

import "strconv"

// Position is a place in a file that was read.
type Position struct {
	File string // as it was named; "" where no file is being read
	Line int    // from 1
	// Column is in bytes from 1; 0 if unknown.
	Column int
}

// String formats p as file:line:column, and leaves out what is unknown.
func (p Position) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			s += ":" + strconv.Itoa(p.Column)
		}
	}
	return s
}

// spot is a Position as the engine keeps it: small, for there are many.
type spot struct {
	file         *source // nil where no file is being read
	line, column int32
}

func (s spot) name() string {
	if s.file == nil {
		return ""
	}
	return s.file.name
}

func (s spot) position() Position { return Position{s.name(), int(s.line), int(s.column)} }

// Call is one macro call, or one include, that is being expanded.
type Call struct {
	Macro string
	// At is where the macro's name stood. If that was in the text of another macro, it is where the outermost such call
	// began in a file, as GNU m4 counts.
	At Position
	// Defined is where the macro's text stands in the file that defined it; empty for a builtin and for definitions of
	// the command line or the caller.
	Defined Position
}

// site is the reason for a piece of input: the call that produced it, and what led to that call. Nodes are shared and
// never change.
type site struct {
	parent *site
	macro  string
	at     spot
	def    *definition // nil for includes and m4wrap
	depth  int
}

// siteDepth bounds the chain that is kept: a macro that calls itself at its end would grow it for ever.
const siteDepth = 200

// newSite records that macro was called at a position, within parent. Nodes come in slabs, for one is made for each
// expansion.
func (e *Engine) newSite(parent *site, macro string, at spot, def *definition) *site {
	if !e.tracks {
		return nil
	}
	if len(e.sites) == cap(e.sites) {
		e.sites = make([]site, 0, 64)
	}
	depth := 1
	if parent != nil {
		if parent.depth >= siteDepth {
			parent = parent.parent
		}
		depth = parent.depth + 1
	}
	e.sites = append(e.sites, site{parent, macro, at, def, depth})
	return &e.sites[len(e.sites)-1]
}

// defined is the place of the text of the macro called.
func (s *site) defined() spot {
	if s.def == nil {
		return spot{}
	}
	return s.def.at
}

// stack lists the calls from the innermost to the outermost.
func (s *site) stack() []Call {
	var calls []Call
	for ; s != nil; s = s.parent {
		calls = append(calls, Call{s.macro, s.at.position(), s.defined().position()})
	}
	return calls
}

// Origin tells where a piece of output came from.
type Origin struct {
	at   spot
	site *site
	body int // lines into the definition's text, for text of a macro; else -1
}

// Position is the innermost place in a file: the text itself, or the call whose expansion it is.
func (o Origin) Position() Position { return o.at.position() }

// Stack lists the macro calls and includes that led to the text, the innermost first.
func (o Origin) Stack() []Call { return o.site.stack() }

// Top is the place in a file given to Run (not included by another) that caused the text.
func (o Origin) Top() Position {
	top := o.at
	for s := o.site; s != nil; s = s.parent {
		top = s.at
	}
	return top.position()
}

// Body is the line of the macro definition that the text was written on, where it came from a macro that a file
// defined; else it is the Position. The line is exact as long as the arguments put into the definition hold no newline.
func (o Origin) Body() Position {
	if o.body < 0 || o.site == nil || o.site.defined().name() == "" {
		return o.Position()
	}
	at := o.site.defined()
	return Position{File: at.name(), Line: int(at.line) + o.body}
}

// Line is one line of output with its origin, without its newline.
type Line struct {
	Text   string
	Origin Origin
}

// mark says where the output line that begins at offset off came from.
type mark struct {
	off    int
	origin Origin
}
