package m4

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// diversion is a stream of output that is held back. Diversion 0 is the output itself.
type diversion struct {
	text  []byte
	marks []mark // with Options.Lines: one for each line that begins in text
}

// output writes what is not a macro call to the current diversion.
type output struct {
	opt     *Options
	main    diversion
	held    map[int]*diversion
	current *diversion // nil discards
	number  int        // of current
	written int64      // bytes of main so far
	handed  int        // bytes of main.text that the writer has
	err     error      // of the writer
	// syncLine is the line that the reader of #line directives believes in, -1 for none; lineStart that a line begins.
	syncLine  int
	lineStart bool
}

func (o *output) init(opt *Options) {
	o.opt = opt
	o.held = map[int]*diversion{}
	o.current = &o.main
	o.lineStart = true
}

// selectDiversion directs output to the diversion n; a negative n discards it.
func (o *output) selectDiversion(n int) {
	if n == o.number {
		return
	}
	o.number = n
	o.syncLine = -1
	switch {
	case n < 0:
		o.current = nil
	case n == 0:
		o.current = &o.main
	default:
		if o.current = o.held[n]; o.current == nil {
			o.current = &diversion{}
			o.held[n] = o.current
		}
	}
}

// ship writes the text of a block up to the offset end, and reads it.
func (e *Engine) ship(b *block, end int) {
	if end > b.pos {
		e.write(b, b.text[b.pos:end], false)
		b.pos = end
	}
}

// shipToken writes one token of the block that begins at its position.
func (e *Engine) shipToken(b *block, text string) { e.write(b, text, true) }

func (e *Engine) write(b *block, text string, token bool) {
	if e.out.current == nil {
		return
	}
	var origin Origin
	if e.opt.SyncLines || e.opt.Lines && e.out.current.wants(text) {
		origin = e.origin(b)
	}
	e.shipText(text, origin, token)
}

// shipText writes text to the current diversion. token says that it is one token, within which no #line is written.
func (e *Engine) shipText(text string, origin Origin, token bool) {
	o := &e.out
	if o.current == nil {
		return
	}
	if o.opt.SyncLines {
		o.writeSynced(text, origin, token)
	} else {
		o.current.append(text, origin, o.opt.Lines)
	}
	if o.current != &o.main {
		e.hold(len(text))
		return
	}
	e.spent(len(text))
}

// spent counts n bytes written to the output, and hands them over when there are many.
func (e *Engine) spent(n int) {
	o := &e.out
	o.written += int64(n)
	if limit := e.opt.Budget.Output; limit > 0 && o.written > limit {
		e.fatal("budget of %d bytes of output exceeded", limit)
	}
	if !o.kept() {
		if len(o.main.text) >= 32<<10 {
			_ = o.flush() // kept in o.err
		}
		return
	}
	e.hold(n)
}

// kept tells that the output stays in memory.
func (o *output) kept() bool { return o.opt.Output == nil || o.opt.Lines }

// wants tells whether a line begins in the text, so that its origin matters.
func (d *diversion) wants(text string) bool {
	n := len(d.text)
	return n == 0 || d.text[n-1] == '\n' || strings.IndexByte(text, '\n') >= 0
}

// append adds text that came from origin.
func (d *diversion) append(text string, origin Origin, marked bool) {
	if marked {
		off := len(d.text)
		for start := 0; start < len(text); {
			if off+start == 0 || start > 0 || d.text[off-1] == '\n' {
				d.marks = append(doubled(d.marks, 1), mark{off + start, origin})
			}
			i := strings.IndexByte(text[start:], '\n')
			if i < 0 {
				break
			}
			start += i + 1
			origin.nextLine()
		}
	}
	d.text = append(doubled(d.text, len(text)), text...)
}

// doubled makes room for n more elements, twice what there is if it is too little: append alone takes less and copies
// more often.
func doubled[E any](s []E, n int) []E {
	if cap(s)-len(s) >= n {
		return s
	}
	return slices.Grow(s, max(n, len(s), 64))
}

// nextLine moves on by a line of the text that the origin stands for.
func (o *Origin) nextLine() {
	if o.body >= 0 {
		o.body++
	} else {
		o.at.line++
		o.at.column = 1
	}
}

// writeSynced writes text with #line directives where a line does not follow from the one before.
func (o *output) writeSynced(text string, origin Origin, token bool) {
	if text == "" {
		o.writeDirective(origin) // an empty token counts, as in GNU m4
	}
	for text != "" {
		piece := text
		if i := strings.IndexByte(text, '\n'); i >= 0 && !token {
			piece = text[:i+1]
		}
		o.writeDirective(origin)
		for rest := piece; rest != ""; {
			if o.lineStart {
				o.lineStart = false
				o.syncLine++
			}
			i := strings.IndexByte(rest, '\n') + 1
			if i == 0 {
				break
			}
			o.lineStart = true
			rest = rest[i:]
		}
		o.current.append(piece, origin, o.opt.Lines)
		text = text[len(piece):]
		if text != "" && origin.body < 0 {
			origin.at.line++
		}
	}
}

// writeDirective writes a #line if the line of origin is not the one that the reader would count.
func (o *output) writeDirective(origin Origin) {
	if !o.lineStart {
		return
	}
	o.lineStart = false
	o.syncLine++
	if o.syncLine == int(origin.at.line) {
		return
	}
	line := "#line " + strconv.Itoa(int(origin.at.line))
	if name := origin.at.name(); o.syncLine < 1 && name != "" {
		line += ` "` + name + `"`
	}
	o.current.append(line+"\n", origin, o.opt.Lines)
	o.syncLine = int(origin.at.line)
}

// flush hands the output over to the writer.
func (o *output) flush() error {
	if o.opt.Output == nil {
		return nil
	}
	if text := o.main.text[o.handed:]; o.err == nil && len(text) > 0 {
		_, o.err = o.opt.Output.Write(text)
	}
	o.handed = len(o.main.text)
	if !o.kept() {
		o.main.text, o.handed = o.main.text[:0], 0
	}
	return o.err
}

// sync hands the output over before something else is written to a stream that a person may see beside it.
func (o *output) sync() { _ = o.flush() }

// insert moves the text of d to the current diversion.
func (e *Engine) insert(d *diversion) {
	o := &e.out
	if o.current == nil || len(d.text) == 0 {
		return
	}
	to := o.current
	off := len(to.text)
	marks := d.marks
	if off > 0 && to.text[off-1] != '\n' && len(marks) > 0 {
		marks = marks[1:]
	}
	to.marks = doubled(to.marks, len(marks))
	for _, m := range marks {
		m.off += off
		to.marks = append(to.marks, m)
	}
	to.text = append(doubled(to.text, len(d.text)), d.text...)
	if to == &o.main {
		e.spent(len(d.text))
	} else {
		e.hold(len(d.text))
	}
}

// undivert brings back the diversion n, which is then empty.
func (e *Engine) undivert(n int) {
	d := e.out.held[n]
	if n <= 0 || n == e.out.number || d == nil {
		return
	}
	e.insert(d)
	e.out.syncLine = -1
	e.hold(-len(d.text))
	delete(e.out.held, n)
}

// undivertAll brings back all diversions in their order.
func (e *Engine) undivertAll() {
	numbers := make([]int, 0, len(e.out.held))
	for n := range e.out.held {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		e.undivert(n)
	}
}

// Lines returns the output of diversion 0 so far as lines with their origins, and their number. Options.Lines must be
// set.
func (e *Engine) Lines() (lines iter.Seq[Line], n int) {
	marks := e.out.main.marks
	text := string(e.out.main.text)
	return func(yield func(Line) bool) {
		for i, m := range marks {
			end := len(text)
			if i+1 < len(marks) {
				end = marks[i+1].off
			}
			if !yield(Line{strings.TrimSuffix(text[m.off:end], "\n"), m.origin}) {
				return
			}
		}
	}, len(marks)
}
