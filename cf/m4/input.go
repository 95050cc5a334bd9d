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
	kind    blockKind
	text    string
	pos     int // of the next byte in text
	counted int // the offset up to which newlines have been counted
	// at is the place of the byte at counted in a file, but for its column; of the call that gave the text otherwise.
	at    spot
	start int         // the offset where the line of a file begins
	body  int         // newlines counted in a text
	def   *definition // the macro whose text this is, or a builtin's value
	// site is why a file is being read. For a text it is why its call was there, until called has made one for the call
	// itself.
	site  *site
	known bool // the site is that of the call
	held  int  // bytes counted against the budget
}

// source is a file that is being read.
type source struct {
	name string
	more io.Reader // where its text goes on; nil if the block has all
}

// count counts the newlines up to pos. Most positions are never asked for, so that this waits until one is.
func (b *block) count() {
	if b.counted == b.pos {
		return
	}
	text := b.text[b.counted:b.pos]
	if n := strings.Count(text, "\n"); n > 0 {
		if b.kind == fileBlock {
			b.at.line += int32(n)
			b.start = b.counted + strings.LastIndexByte(text, '\n') + 1
		} else {
			b.body += n
		}
	}
	b.counted = b.pos
}

// position is that of the byte at pos.
func (b *block) position() spot {
	if b.kind != fileBlock {
		return b.at
	}
	b.count()
	return spot{b.at.file, b.at.line, int32(b.pos - b.start + 1)}
}

// written is the place in a file where the byte at pos was written: for text of a macro, in its definition.
func (b *block) written() spot {
	if b.kind == textBlock && b.def != nil && b.def.at.file != nil {
		b.count()
		return spot{file: b.def.at.file, line: b.def.at.line + int32(b.body)}
	}
	return b.position()
}

// called is the reason for the block's text. It is made when first asked for: most expansions hold no call.
func (e *Engine) called(b *block) *site {
	if b.kind == textBlock && !b.known {
		b.site, b.known = e.newSite(b.site, b.def.name, b.at, b.def), true
	}
	return b.site
}

// origin is where output that begins at pos comes from.
func (e *Engine) origin(b *block) Origin {
	o := Origin{at: b.position(), site: e.called(b), body: -1}
	if b.kind == textBlock {
		b.count()
		o.body = b.body
	}
	return o
}

// refill reads on in a file that is read as it comes.
func (e *Engine) refill(b *block) bool {
	if b.kind != fileBlock || b.at.file.more == nil {
		return false
	}
	e.out.sync()
	buf := make([]byte, 32<<10)
	for {
		n, err := b.at.file.more.Read(buf)
		if n > 0 {
			if b.pos == len(b.text) {
				b.count()
				b.start -= b.pos
				b.text, b.pos, b.counted = "", 0, 0
			} // else somebody looks ahead from an offset in the text
			b.text += string(buf[:n])
			return true
		}
		if err != nil {
			if err != io.EOF {
				e.fatal("read error: %s", Reason(err))
			}
			b.at.file.more = nil
			return false
		}
	}
}

// push puts text before the rest of the input, as what a call at the place here, of the macro def, gave.
func (e *Engine) push(text string, def *definition) {
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
	b := &e.in[len(e.in)-1]
	b.kind, b.text, b.pos, b.counted, b.body, b.held = textBlock, text, 0, 0, 0, len(text)+blockCost
	b.at, b.def, b.site, b.known = e.here.spot, def, e.here.site, false
}

// dropDone forgets the expansions at the top that have been read to their ends, so that a macro that calls itself last
// needs no room.
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
			back := e.in[n-1].position()
			e.debugInput(at, "input reverted to %s, line %d", back.name(), back.line)
		}
		e.out.syncLine = -1
	}
	e.hold(-b.held)
	b.text, b.site, b.def = "", nil, nil
	e.in = e.in[:n]
}

// pushFile begins to read a file, because of s.
func (e *Engine) pushFile(src *source, text string, s *site) {
	e.debugInput(e.here, "input read from %s", src.name)
	e.out.syncLine = -1
	held := len(text) + blockCost
	e.hold(held)
	e.in = append(e.in, block{kind: fileBlock, text: text, at: spot{file: src, line: 1}, site: s, held: held})
}

// includeFile begins to read a file in place of the call that is running, whose macro is name.
func (e *Engine) includeFile(src *Source, name string) {
	e.pushFile(&source{name: src.Name}, src.Text, e.newSite(e.here.site, name, e.here.spot, nil))
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
	b.pos++
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
