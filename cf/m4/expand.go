package m4

import (
	"slices"
	"strings"
)

// frame is a macro call whose arguments are being collected.
type frame struct {
	def    *definition
	here   location
	args   int // where its arguments begin in Engine.argv
	buf    int // where the argument being collected begins in Engine.argbuf
	one    string
	at     spot        // of the argument's first piece
	begun  spot        // of the parenthesis or comma before the argument
	pieces int         // of the argument so far; the first is kept in one
	token  *definition // the argument is a builtin's value
	lead   bool        // only spaces so far, which do not count
	depth  int         // open parentheses
	held   int         // bytes counted against the budget
	id     int         // number of the call
	traced bool
}

// Arg is one argument of a macro call: a text, or a builtin's value that defn gave.
type Arg struct {
	Text  string
	token *definition
	at    spot // where it was written, if the call is of a macro that takes builtins' values
}

// stop classes: what ends a stretch of plain text.
const (
	stopTop = letterClass | quoteClass | commentClass
	stopArg = stopTop | parenClass
)

// expand reads all input and writes what is not a macro call.
func (e *Engine) expand() error {
	for e.err == nil {
		b := e.top()
		if b == nil {
			break
		}
		switch {
		case b.kind == tokenBlock:
			e.takeToken(b)
		case len(e.frames) == 0:
			e.scanTop(b)
		default:
			e.scanArgument(b, &e.frames[len(e.frames)-1])
		}
	}
	if e.err == nil && len(e.frames) > 0 {
		f := &e.frames[len(e.frames)-1]
		e.here = location{f.begun, f.here.site}
		e.unclosed(e.here, OpenArguments, "argument list")
	}
	return e.err
}

// takeToken reads a builtin's value: an argument that begins with it is that builtin; elsewhere it counts for nothing.
func (e *Engine) takeToken(b *block) {
	token := b.def
	e.popBlock()
	if len(e.frames) == 0 {
		return
	}
	f := &e.frames[len(e.frames)-1]
	if f.pieces == 0 && f.token == nil {
		f.token = token
	}
	f.lead = false
}

// scanTop reads text outside all macro calls, up to the next call or the end of the block.
func (e *Engine) scanTop(b *block) {
	s, text := &e.syntax, b.text
	i := b.pos
	for i < len(text) {
		c := s.class[text[i]]
		if c&stopTop == 0 {
			i++
			continue
		}
		if c&commentClass != 0 {
			n, f := s.commentEnd(text[i:])
			if f == crossed {
				e.ship(b, i)
				e.across()
				return
			} else if f == whole {
				e.ship(b, i)
				e.shipToken(b, b.text[i:i+n])
				i += n
				b.pos = i
				continue
			}
		}
		if c&letterClass != 0 {
			end := s.wordEnd(text, i)
			if end == len(text) {
				e.ship(b, i)
				e.across()
				return
			}
			if d := e.macroAt(b, i, end); d != nil {
				e.ship(b, i)
				e.begin(b, text[i:end], d, end)
				return
			}
			i = end
			continue
		}
		if c&quoteClass != 0 {
			n, f := s.quoteEnd(text[i:])
			if f == crossed {
				e.ship(b, i)
				e.across()
				return
			} else if f == whole {
				e.ship(b, i)
				e.shipToken(b, text[i+len(s.open):i+n-len(s.close)])
				i += n
				b.pos = i
				continue
			}
		}
		i++
	}
	e.ship(b, i)
}

// macroAt returns the definition of the name b.text[i:end] if it is a macro that is called here; there is a byte after
// it.
func (e *Engine) macroAt(b *block, i, end int) *definition {
	text := b.text
	if e.known[text[i]]&lengthBit(end-i) == 0 {
		return nil
	}
	s := e.named(text[i:end])
	if s == nil || s.def == nil {
		return nil
	}
	if s.def.builtin != nil && s.def.builtin.blind && !e.opensAt(b, end) {
		return nil
	}
	return s.def
}

// opens tells whether an argument list comes next: a parenthesis with which no comment or quote begins.
func (e *Engine) opens() bool {
	if c, ok := e.peek(); !ok || c != '(' {
		return false
	}
	s := &e.syntax
	class := s.class['(']
	return class == parenClass || !e.ahead(s.comment) && !e.ahead(s.open)
}

// opensAt tells whether an argument list begins at the offset end of b, which is before its end.
func (e *Engine) opensAt(b *block, end int) bool {
	if b.text[end] != '(' || e.syntax.class['('] == parenClass {
		return b.text[end] == '('
	}
	pos := b.pos
	b.pos = end
	opens := e.opens()
	b.pos = pos
	return opens
}

// scanArgument reads text of the argument that f collects, up to its end, the next call or the end of the block.
func (e *Engine) scanArgument(b *block, f *frame) {
	s, text := &e.syntax, b.text
	i := b.pos
	for i < len(text) {
		c := s.class[text[i]]
		if f.lead {
			if c == spaceClass {
				i++
				b.pos = i
				continue
			}
			f.lead = false
		}
		if c&stopArg == 0 {
			i++
			continue
		}
		if c&commentClass != 0 {
			n, found := s.commentEnd(text[i:])
			if found == crossed {
				e.collect(b, f, i)
				e.across()
				return
			} else if found == whole {
				i += n
				continue
			}
		}
		if c&letterClass != 0 {
			end := s.wordEnd(text, i)
			if end == len(text) {
				e.collect(b, f, i)
				e.across()
				return
			}
			if d := e.macroAt(b, i, end); d != nil {
				e.collect(b, f, i)
				e.begin(b, text[i:end], d, end)
				return
			}
			i = end
			continue
		}
		if c&quoteClass != 0 {
			n, found := s.quoteEnd(text[i:])
			if found == crossed {
				e.collect(b, f, i)
				e.across()
				return
			} else if found == whole {
				e.collect(b, f, i)
				e.addFrom(b, f, text[i+len(s.open):i+n-len(s.close)])
				i += n
				b.pos = i
				continue
			}
		}
		switch text[i] {
		case '(':
			f.depth++
		case ')':
			if f.depth--; f.depth < 0 {
				e.collect(b, f, i)
				b.pos = i + 1
				e.finishArgument(f)
				e.call()
				return
			}
		case ',':
			if f.depth == 0 {
				e.collect(b, f, i)
				f.begun = b.position()
				b.pos = i + 1
				if e.finishArgument(f); e.err != nil {
					return
				}
			}
		}
		i++
	}
	e.collect(b, f, i)
}

// collect adds the text of b up to the offset end to the argument, and reads it.
func (e *Engine) collect(b *block, f *frame, end int) {
	if end > b.pos {
		e.addFrom(b, f, b.text[b.pos:end])
		b.pos = end
	}
}

// addFrom adds a piece that begins at the block's position.
func (e *Engine) addFrom(b *block, f *frame, piece string) {
	if f.pieces == 0 && f.def.takesTokens() {
		f.at = b.written()
	}
	e.add(f, piece)
}

// add adds a piece to the argument. An argument of one piece is never copied.
func (e *Engine) add(f *frame, piece string) {
	if piece == "" {
		return
	}
	if f.pieces == 0 {
		f.one = piece
	} else {
		if f.pieces == 1 {
			e.argbuf = append(e.argbuf, f.one...)
		}
		e.argbuf = append(e.argbuf, piece...)
		if !e.room(int64(len(e.argbuf) - f.buf)) {
			return
		}
	}
	f.pieces++
}

// finishArgument puts the argument on the stack and starts the next.
func (e *Engine) finishArgument(f *frame) {
	a := Arg{Text: f.one, token: f.token, at: f.at}
	if f.pieces > 1 {
		a.Text = e.text(e.argbuf[f.buf:])
		e.argbuf = e.argbuf[:f.buf]
	}
	if a.token != nil {
		a.Text = ""
		if !f.def.takesTokens() {
			a.token = nil
		}
	}
	f.held += len(a.Text) + argCost
	e.hold(len(a.Text) + argCost)
	e.argv = append(e.argv, a)
	f.one, f.pieces, f.token, f.lead, f.at = "", 0, nil, true, spot{}
}

// across reads a token that may go on in the next block.
func (e *Engine) across() {
	kind, text := e.readAcross()
	if e.err != nil {
		return
	}
	at := e.here
	if kind == wordToken {
		if d := e.lookup(text); d != nil {
			paren := e.opens()
			if d.builtin == nil || !d.builtin.blind || paren {
				e.enter(text, d, paren, at)
				return
			}
		}
	}
	if len(e.frames) == 0 {
		e.shipText(text, Origin{at: at.spot, site: at.site, body: -1}, true)
		return
	}
	f := &e.frames[len(e.frames)-1]
	if kind != otherToken || e.syntax.class[text[0]]&parenClass == 0 {
		e.add(f, text)
		f.lead = false
		return
	}
	// A parenthesis or comma that looked like the start of a delimiter: put it back as text that cannot be one.
	e.punctuation(f, text)
}

// punctuation handles a parenthesis or comma on its own.
func (e *Engine) punctuation(f *frame, text string) {
	switch {
	case text == "(":
		f.depth++
	case text == ")":
		f.depth--
	}
	switch {
	case f.depth < 0:
		e.finishArgument(f)
		e.call()
	case text == "," && f.depth == 0:
		f.begun = e.here.spot
		e.finishArgument(f)
	default:
		e.add(f, text)
	}
}

// begin enters the call of the macro whose name ends at the offset end of b.
func (e *Engine) begin(b *block, name string, d *definition, end int) {
	at := location{b.position(), e.called(b)}
	paren := e.opensAt(b, end)
	b.pos = end
	e.enter(name, d, paren, at)
}

// enter starts a macro call: with arguments if a parenthesis follows.
func (e *Engine) enter(name string, d *definition, paren bool, at location) {
	e.here = at
	e.calls++
	e.spend(1)
	if limit := e.opt.NestingLimit; limit > 0 && len(e.frames) >= limit {
		e.fatal("recursion limit of %d exceeded, use -L<N> to change it", limit)
		return
	}
	e.hold(frameCost)
	if len(e.frames) == cap(e.frames) {
		e.frames = slices.Grow(e.frames, 1)
	}
	e.frames = e.frames[:len(e.frames)+1]
	f := &e.frames[len(e.frames)-1]
	f.def, f.here, f.args, f.buf, f.id, f.held = d, at, len(e.argv), len(e.argbuf), e.calls, frameCost
	f.one, f.pieces, f.token, f.lead, f.at, f.depth = "", 0, nil, true, spot{}, 0
	e.argv = append(e.argv, Arg{Text: name})
	f.traced = e.debug.tracing(e, name)
	if paren {
		f.begun = e.top().position()
	}
	if f.traced {
		e.traceBefore(f)
	}
	if paren {
		e.next()
		return
	}
	e.call()
}

// call runs the innermost call, whose arguments are complete, and puts what it gives before the rest of the input.
func (e *Engine) call() {
	n := len(e.frames) - 1
	f := &e.frames[n] // no builtin enters a call, so that it stays there
	args := e.argv[f.args:]
	e.here = f.here
	if f.traced {
		e.traceCall(f, args)
	}
	e.dropDone()
	result := e.invoke(args[0].Text, f.def, args)
	if f.traced && e.err == nil {
		e.traceAfter(f, len(args), result)
	}
	e.frames = e.frames[:n]
	clear(args) // they may be long
	e.argv = e.argv[:f.args]
	e.hold(-f.held)
	if e.err == nil {
		e.push(result, f.def)
	}
}

// invoke returns what the macro gives for the arguments; args[0] is its name.
func (e *Engine) invoke(name string, d *definition, args []Arg) string {
	if d.builtin == nil {
		if !d.dollar {
			return d.text
		}
		return e.substitute(d.text, args)
	}
	if b := d.builtin; len(args)-1 < b.min {
		e.warnQuiet("Warning: too few arguments to builtin `%s'", name)
		return b.lacking(args)
	} else if b.max >= 0 && len(args)-1 > b.max {
		e.warnQuiet("Warning: excess arguments to builtin `%s' ignored", name)
	}
	return d.builtin.run(e, args)
}

// substitute puts the arguments into a macro's text.
func (e *Engine) substitute(text string, args []Arg) string {
	buf := e.scratch[:0]
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			buf = append(buf, text...)
			if e.scratch = buf[:0]; cap(buf) > 1<<16 {
				e.scratch = nil
			}
			return e.text(buf)
		}
		buf = append(buf, text[:i]...)
		text = text[i+1:]
		n := 1
		switch c := text[0]; {
		case c >= '0' && c <= '9':
			var k int
			k, n = e.argNumber(text)
			if k < len(args) {
				buf = append(buf, args[k].Text...)
			}
		case c == '#':
			buf = appendInt(buf, len(args)-1)
		case c == '*' || c == '@':
			buf = e.appendArgs(buf, args[1:], c == '@')
		default:
			buf, n = append(buf, '$'), 0
		}
		if !e.room(int64(len(buf))) {
			return ""
		}
		text = text[n:]
	}
}

// argNumber reads the number after a $; traditional m4 knows one digit only. It returns the number and its length.
func (e *Engine) argNumber(text string) (number, length int) {
	for length < len(text) && text[length] >= '0' && text[length] <= '9' {
		if number = number*10 + int(text[length]-'0'); number > 1<<30 {
			number = 1 << 30
		}
		length++
		if e.opt.Traditional {
			break
		}
	}
	return number, length
}

// appendArgs joins arguments with commas, each in quotes if quoted is set.
func (e *Engine) appendArgs(buf []byte, args []Arg, quoted bool) []byte {
	for i, a := range args {
		if i > 0 {
			buf = append(buf, ',')
		}
		if quoted {
			buf = append(buf, e.syntax.open...)
		}
		buf = append(buf, a.Text...)
		if quoted {
			buf = append(buf, e.syntax.close...)
		}
	}
	return buf
}
