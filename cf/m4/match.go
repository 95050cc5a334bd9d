package m4

// matcher looks for a regular expression in one text, again and again from offsets that grow.
type matcher struct {
	re   *regex
	text string
	// spend counts steps against the budget; false stops the search.
	spend func(n int64) bool
	// regs holds the last match: start and end of the whole, then of each group; -1 for none.
	regs []int

	now, then  []thread
	seen       []int // for each instruction, the generation it was added in
	generation int
	work       []int
	start, end int // the best match so far; start -1 if none
}

// thread is a place in the program, of a match that began at start.
type thread struct{ pc, start int }

// verdict is the outcome of a search.
type verdict int

const (
	unmatched verdict = iota
	matched
	stopped // by the budget
)

// find looks for the leftmost match at or after from, and of these the longest.
func (m *matcher) find(from int) verdict {
	if m.re.back {
		return m.findBack(from)
	}
	if !m.span(from) {
		return stopped
	}
	if m.start < 0 {
		return unmatched
	}
	m.clear()
	m.regs[0], m.regs[1] = m.start, m.end
	if m.re.groups > 0 {
		b := backtracker{matcher: m, want: m.end}
		if !b.run(m.start) {
			return stopped
		}
		copy(m.regs[2:], b.best[2:])
	}
	return matched
}

// clear forgets the registers.
func (m *matcher) clear() {
	if m.regs == nil {
		m.regs = make([]int, 2*(m.re.groups+1))
	}
	for i := range m.regs {
		m.regs[i] = -1
	}
}

// span finds start and end of the match by running all possibilities at once: its time is bounded by the product of the
// text's and the program's lengths. It returns false if the budget is used up.
func (m *matcher) span(from int) bool {
	if m.seen == nil {
		m.seen = make([]int, len(m.re.prog))
	}
	m.start, m.now = -1, m.now[:0]
	for pos := from; ; pos++ {
		if m.start < 0 {
			if len(m.now) == 0 && m.re.first != nil {
				for pos < len(m.text) && !m.re.first[m.text[pos]] {
					pos++
				}
				if pos == len(m.text) {
					return m.spend(int64(pos-from) / 64)
				}
			}
			if len(m.now) == 0 {
				m.generation++
			}
			m.now = m.follow(m.now, thread{0, pos}, pos)
		}
		if pos == len(m.text) || m.start >= 0 && len(m.now) == 0 {
			return m.spend(int64(pos-from) / 64)
		}
		m.generation++
		m.then = m.then[:0]
		for _, t := range m.now {
			if m.start >= 0 && t.start > m.start {
				continue
			}
			if m.re.prog[t.pc].accepts(m.text[pos]) {
				m.then = m.follow(m.then, thread{t.pc + 1, t.start}, pos+1)
			}
		}
		if !m.spend(int64(len(m.now)) / 8) {
			return false
		}
		m.now, m.then = m.then, m.now
	}
}

// accepts tells whether the instruction matches the byte.
func (in *instruction) accepts(c byte) bool {
	if in.op == opByte {
		return in.c == c
	}
	return in.op == opSet && in.set[c]
}

// follow adds the places that t leads to without reading anything.
func (m *matcher) follow(list []thread, t thread, pos int) []thread {
	m.work = append(m.work[:0], t.pc)
	for len(m.work) > 0 {
		pc := m.work[len(m.work)-1]
		m.work = m.work[:len(m.work)-1]
		if m.seen[pc] == m.generation {
			continue
		}
		m.seen[pc] = m.generation
		switch in := &m.re.prog[pc]; in.op {
		case opSplit:
			m.work = append(m.work, in.y, in.x)
		case opJump:
			m.work = append(m.work, in.x)
		case opSave, opLoop, opLoopCheck:
			m.work = append(m.work, pc+1)
		case opAssert:
			if m.at(in.x, pos) {
				m.work = append(m.work, pc+1)
			}
		case opMatch:
			if m.start < 0 || t.start <= m.start {
				m.start, m.end = t.start, pos
			}
		default:
			list = append(list, thread{pc, t.start})
		}
	}
	return list
}

// at tells whether the place is of the kind.
func (m *matcher) at(kind, pos int) bool {
	before := pos > 0 && isWord(m.text[pos-1])
	after := pos < len(m.text) && isWord(m.text[pos])
	switch kind {
	case lineStart:
		return pos == 0 || m.text[pos-1] == '\n'
	case lineEnd:
		return pos == len(m.text) || m.text[pos] == '\n'
	case textStart:
		return pos == 0
	case textEnd:
		return pos == len(m.text)
	case wordStart:
		return !before && after
	case wordEnd:
		return before && !after
	case wordEdge:
		return before != after
	}
	return before == after
}

// firstBytes is the set of bytes that a match can begin with; nil if it can be empty or that is not known.
func (re *regex) firstBytes() *[256]bool {
	first := new([256]bool)
	seen := make([]bool, len(re.prog))
	for work := []int{0}; len(work) > 0; {
		pc := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &re.prog[pc]; in.op {
		case opByte:
			first[in.c] = true
		case opSet:
			for c, in := range in.set {
				first[c] = first[c] || in
			}
		case opSplit:
			work = append(work, in.x, in.y)
		case opJump:
			work = append(work, in.x)
		case opMatch, opBack:
			return nil
		default:
			work = append(work, pc+1)
		}
	}
	return first
}

// findBack is find for expressions with back references: it tries all ways at each place.
func (m *matcher) findBack(from int) verdict {
	for pos := from; pos <= len(m.text); pos++ {
		b := backtracker{matcher: m, want: -1}
		if !b.run(pos) {
			return stopped
		}
		if b.best != nil {
			m.clear()
			copy(m.regs, b.best)
			return matched
		}
	}
	return unmatched
}

// backtrackLimit bounds the steps at one place of the text.
const backtrackLimit = 20e6

// backtracker tries the ways through the program one after the other, the first alternatives first. With an end wanted
// it stops at the first way that leads there, and passes each pair of instruction and place once; else it keeps the
// longest match.
type backtracker struct {
	*matcher
	want  int // end of the match, -1 if not known
	regs  []int
	best  []int
	stack []choice
	tried []uint64 // bits, if want is known
}

// choice is a way not tried yet, or (reg >= 0) a register to set back; loop registers come after those of the groups.
type choice struct{ pc, pos, reg, old int }

// run tries to match at start; it returns false if the budget is used up.
func (b *backtracker) run(start int) bool {
	re := b.re
	b.regs = make([]int, 2*(re.groups+1)+re.loops)
	for i := range b.regs {
		b.regs[i] = -1
	}
	b.regs[0] = start
	if b.want >= 0 {
		b.tried = make([]uint64, (len(re.prog)*(b.want-start+1)+63)/64)
	}
	b.stack = append(b.stack, choice{0, start, -1, 0})
	steps := int64(0)
	for len(b.stack) > 0 {
		c := b.stack[len(b.stack)-1]
		b.stack = b.stack[:len(b.stack)-1]
		if c.reg >= 0 {
			b.regs[c.reg] = c.old
			continue
		}
		n := b.walk(c.pc, c.pos, start)
		if steps += n; steps > backtrackLimit && b.want < 0 || !b.spend(n/8) {
			return false
		}
		if b.want >= 0 && b.best != nil {
			break
		}
	}
	return true
}

// set changes a register, and notes how to set it back.
func (b *backtracker) set(reg, value int) {
	b.stack = append(b.stack, choice{reg: reg, old: b.regs[reg]})
	b.regs[reg] = value
}

// walk follows one way until it fails or matches; it returns the number of its steps.
func (b *backtracker) walk(pc, pos, start int) (steps int64) {
	loops := 2 * (b.re.groups + 1)
	for {
		steps++
		if b.want >= 0 {
			if bit := (pos-start)*len(b.re.prog) + pc; b.tried[bit/64]&(1<<(bit%64)) != 0 {
				return steps
			} else {
				b.tried[bit/64] |= 1 << (bit % 64)
			}
		}
		in := &b.re.prog[pc]
		pc++
		switch in.op {
		case opByte, opSet:
			if pos == len(b.text) || b.want >= 0 && pos == b.want || !in.accepts(b.text[pos]) {
				return steps
			}
			pos++
		case opSplit:
			b.stack = append(b.stack, choice{in.y, pos, -1, 0})
			pc = in.x
		case opJump:
			pc = in.x
		case opSave:
			b.set(in.x, pos)
		case opLoop:
			b.set(loops+in.x, pos)
		case opLoopCheck:
			if b.regs[loops+in.x] == pos {
				return steps
			}
		case opAssert:
			if !b.at(in.x, pos) {
				return steps
			}
		case opBack:
			from, to := b.regs[2*in.x], b.regs[2*in.x+1]
			if from < 0 || to < from || len(b.text)-pos < to-from || b.text[pos:pos+to-from] != b.text[from:to] {
				return steps
			}
			pos += to - from
		case opMatch:
			b.matchedAt(pos)
			return steps
		}
	}
}

// matchedAt keeps a match that is the one wanted, or longer than those before.
func (b *backtracker) matchedAt(pos int) {
	if b.want >= 0 && pos != b.want || b.best != nil && pos <= b.best[1] {
		return
	}
	b.regs[1] = pos
	b.best = append(b.best[:0], b.regs[:2*(b.re.groups+1)]...)
}
