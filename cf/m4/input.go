package m4

import (
	"io"
	"slices"
	"strings"
)

type blockKind uint8

const (
	textBlock  blockKind = iota // text of an expansion
	fileBlock                   // a file
	tokenBlock                  // a builtin's value, from defn
)

// block is a piece of input. What is read next is at the top of the engine's stack of blocks.
type block struct {
	kind blockKind
	text string
	pos  int // of the next byte in text
	// file and line are of the next byte for a file, of the call that gave the text otherwise.
	file string
	line int
	// start is the offset in text where the line begins (a file), column the call's (a text).
	start  int
	column int
	body   int // newlines read of a text
	site   *site
	more   io.Reader // where a file's text goes on; nil if text is all
	token  *definition
	held   int // bytes counted against the budget
}

// position is that of the byte at pos.
func (b *block) position() Position {
	if b.kind == fileBlock {
		return Position{b.file, b.line, b.pos - b.start + 1}
	}
	return Position{b.file, b.line, b.column}
}

// written is the place in a file where the byte at pos was written: for text of a macro, in its definition.
func (b *block) written() Position {
	if b.kind == textBlock && b.site != nil && b.site.def != nil && b.site.def.at.File != "" {
		return Position{File: b.site.def.at.File, Line: b.site.def.at.Line + b.body}
	}
	return b.position()
}

// advance moves to the offset to and counts the lines.
func (b *block) advance(to int) {
	if n := strings.Count(b.text[b.pos:to], "\n"); n > 0 {
		if b.kind == fileBlock {
			b.line += n
			b.start = b.pos + strings.LastIndexByte(b.text[b.pos:to], '\n') + 1
		} else {
			b.body += n
		}
	}
	b.pos = to
}

// refill reads on in a file that is read as it comes.
func (e *Engine) refill(b *block) bool {
	if b.more == nil {
		return false
	}
	e.out.sync()
	buf := make([]byte, 32<<10)
	for {
		n, err := b.more.Read(buf)
		if n > 0 {
			b.start -= b.pos
			b.text, b.pos = b.text[b.pos:]+string(buf[:n]), 0
			return true
		}
		if err != nil {
			if err != io.EOF {
				e.fatal("read error: %s", Reason(err))
			}
			b.more = nil
			return false
		}
	}
}

// push puts text before the rest of the input, as what a call at the place here, of the macro name, gave.
func (e *Engine) push(text, name string, def *definition) {
	if text == "" {
		return
	}
	e.dropDone()
	e.hold(len(text) + blockCost)
	e.spend(int64(len(text) / 64))
	if len(e.in) == cap(e.in) {
		e.in = slices.Grow(e.in, 1)
	}
	e.in = e.in[:len(e.in)+1]
	b, at := &e.in[len(e.in)-1], &e.here
	b.kind, b.text, b.pos, b.body, b.held = textBlock, text, 0, 0, len(text)+blockCost
	b.file, b.line, b.column = at.File, at.Line, at.Column
	b.site = e.newSite(at.site, name, at.Position, def)
}

// dropDone forgets the expansions at the top that have been read to their ends, so that a macro that calls itself last needs no room.
func (e *Engine) dropDone() {
	for n := len(e.in); n > 0 && e.in[n-1].kind == textBlock && e.in[n-1].pos == len(e.in[n-1].text); n-- {
		e.popBlock()
	}
}

// popBlock removes the top of the input stack.
func (e *Engine) popBlock() {
	n := len(e.in) - 1
	b := &e.in[n]
	if b.kind == fileBlock {
		at := location{b.position(), b.site}
		if n == 0 {
			e.debugInput(at, "input exhausted")
		} else {
			e.debugInput(at, "input reverted to %s, line %d", e.in[n-1].file, e.in[n-1].line)
		}
		e.out.syncLine = -1
	}
	e.hold(-b.held)
	b.text, b.site, b.more, b.token = "", nil, nil, nil
	e.in = e.in[:n]
}

// pushFile begins to read a file.
func (e *Engine) pushFile(b block) {
	e.debugInput(e.here, "input read from %s", b.file)
	e.out.syncLine = -1
	b.held = len(b.text) + blockCost
	e.hold(b.held)
	e.in = append(e.in, b)
}

// top returns the block that the next byte is in, or nil at the end of all input. Tokens count as blocks with one byte.
func (e *Engine) top() *block {
	for len(e.in) > 0 {
		b := &e.in[len(e.in)-1]
		if b.pos < len(b.text) || b.kind == tokenBlock || e.refill(b) {
			return b
		}
		e.popBlock()
	}
	return nil
}

// peek returns the next byte without reading it: blocks that are done stay, so that positions do.
func (e *Engine) peek() (byte, bool) { return e.peekAt(0) }

// peekAt returns the byte n places on.
func (e *Engine) peekAt(n int) (byte, bool) {
	for i := len(e.in) - 1; i >= 0; i-- {
		b := &e.in[i]
		if b.kind == tokenBlock {
			return 0, false
		}
		for n >= len(b.text)-b.pos && e.refill(b) {
		}
		if left := len(b.text) - b.pos; n >= left {
			n -= left
			continue
		}
		return b.text[b.pos+n], true
	}
	return 0, false
}

// next reads the next byte.
func (e *Engine) next() (byte, bool) {
	b := e.top()
	if b == nil || b.kind == tokenBlock {
		return 0, false
	}
	c := b.text[b.pos]
	b.advance(b.pos + 1)
	return c, true
}

// ahead tells whether s comes next, in whatever blocks.
func (e *Engine) ahead(s string) bool {
	for i := 0; i < len(s); i++ {
		if c, ok := e.peekAt(i); !ok || c != s[i] {
			return false
		}
	}
	return s != ""
}

// skip reads n bytes.
func (e *Engine) skip(n int) {
	for ; n > 0; n-- {
		e.next()
	}
}
