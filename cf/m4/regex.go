package m4

import (
	"strings"
)

// DefaultSequence is GNU m4's regular expression for --warn-macro-sequence: a ${...} or more than one digit after a $.
const DefaultSequence = `\$\({[^}]*}\|[0-9][0-9]+\)`

// The syntax is that of Emacs, as GNU's regex library has it in m4: . * + ? [set] ^ $ \( \) \| \1-\9 \w \W \s \S \b \B
// \< \> \` \'; a newline is matched by [^x] but not by a dot; there are no intervals and no [:classes:]. The match is
// the leftmost, and of these the longest.

// opcode is an instruction of a compiled regular expression.
type opcode uint8

const (
	opByte      opcode = iota // the byte c
	opSet                     // a byte of set
	opSplit                   // go on at x, or else at y
	opJump                    // go on at x
	opSave                    // note the position in register x
	opBack                    // what group x matched
	opAssert                  // the place is of the kind x
	opLoop                    // the start of a repetition's body: note the position in x
	opLoopCheck               // go on only if the body matched something since opLoop x
	opMatch
)

// Kinds of places for opAssert.
const (
	lineStart = iota
	lineEnd
	textStart
	textEnd
	wordStart
	wordEdge
	wordEnd
	noWordEdge
)

type instruction struct {
	op   opcode
	c    byte
	x, y int
	set  *[256]bool
}

// regex is a compiled regular expression.
type regex struct {
	prog   []instruction
	groups int  // number of \( \)
	loops  int  // registers for opLoop
	back   bool // has back references
	first  *[256]bool
}

// syntaxError says what is wrong with a regular expression, in the C library's words.
type syntaxError string

// Error is GNU m4's text.
func (e syntaxError) Error() string { return string(e) }

const (
	errParenthesis = syntaxError(`Unmatched ( or \(`)
	errClose       = syntaxError(`Unmatched ) or \)`)
	errSet         = syntaxError("Invalid regular expression")
	errBracket     = syntaxError("Unmatched [, [^, [:, [., or [=")
	errCollation   = syntaxError("Invalid collation character")
	errBackslash   = syntaxError("Trailing backslash")
	errBackRef     = syntaxError("Invalid back reference")
	errDeep        = syntaxError("Regular expression too big")
)

// parser compiles a regular expression to instructions as it reads it.
type parser struct {
	text  string
	pos   int
	re    *regex
	start int      // where the last group or alternative begins, for ^
	done  [10]bool // groups that are complete, for back references
	depth int
}

// maxGroupDepth bounds groups within groups.
const maxGroupDepth = 1000

// compileRegex translates a regular expression.
func compileRegex(text string) (*regex, error) {
	p := &parser{text: text, re: &regex{}}
	if err := p.alternatives(); err != nil {
		return nil, err
	}
	if p.pos < len(p.text) {
		return nil, errClose
	}
	p.emit(instruction{op: opMatch})
	p.re.first = p.re.firstBytes()
	return p.re, nil
}

func (p *parser) emit(i instruction) int {
	p.re.prog = append(p.re.prog, i)
	return len(p.re.prog) - 1
}

// insert makes room for n instructions at a place, and moves the targets behind it.
func (p *parser) insert(at, n int) {
	prog := append(p.re.prog, make([]instruction, n)...)
	copy(prog[at+n:], prog[at:])
	for i := at + n; i < len(prog); i++ {
		in := &prog[i]
		if in.op == opJump || in.op == opSplit {
			if in.x >= at {
				in.x += n
			}
			if in.y >= at {
				in.y += n
			}
		}
	}
	p.re.prog = prog
}

// looking tells whether s comes next.
func (p *parser) looking(s string) bool { return strings.HasPrefix(p.text[p.pos:], s) }

// alternatives reads branches separated by \|.
func (p *parser) alternatives() error {
	start := len(p.re.prog)
	var ends []int
	before, all := p.done, p.done
	for {
		p.done = before // a branch knows nothing of its neighbours' groups
		if err := p.branch(); err != nil {
			return err
		}
		for i, done := range p.done {
			all[i] = all[i] || done
		}
		if !p.looking(`\|`) {
			break
		}
		p.pos += 2
		p.start = p.pos
		p.insert(start, 1)
		ends = append(ends, p.emit(instruction{op: opJump}))
		p.re.prog[start] = instruction{op: opSplit, x: start + 1, y: len(p.re.prog)}
		start = len(p.re.prog)
	}
	p.done = all
	for _, i := range ends {
		p.re.prog[i].x = len(p.re.prog)
	}
	return nil
}

// branch reads pieces up to \| or \) or the end.
func (p *parser) branch() error {
	for p.pos < len(p.text) && !p.looking(`\|`) && !p.looking(`\)`) {
		start := len(p.re.prog)
		repeatable, err := p.atom()
		if err != nil {
			return err
		}
		for repeatable && p.pos < len(p.text) && strings.IndexByte("*+?", p.text[p.pos]) >= 0 {
			p.repeat(start, p.text[p.pos])
			p.pos++
		}
	}
	return nil
}

// repeat makes the instructions from start on repeatable.
func (p *parser) repeat(start int, c byte) {
	if c == '?' {
		p.insert(start, 1)
		p.re.prog[start] = instruction{op: opSplit, x: start + 1, y: len(p.re.prog)}
		return
	}
	loop := p.re.loops
	p.re.loops++
	if c == '*' {
		p.insert(start, 2)
		p.emit(instruction{op: opLoopCheck, x: loop})
		p.emit(instruction{op: opJump, x: start})
		p.re.prog[start] = instruction{op: opSplit, x: start + 1, y: len(p.re.prog)}
		p.re.prog[start+1] = instruction{op: opLoop, x: loop}
		return
	}
	p.insert(start, 1)
	p.re.prog[start] = instruction{op: opLoop, x: loop}
	n := p.emit(instruction{op: opSplit})
	p.emit(instruction{op: opLoopCheck, x: loop})
	p.emit(instruction{op: opJump, x: start})
	p.re.prog[n].x, p.re.prog[n].y = n+1, len(p.re.prog)
}

// atom reads one piece. A repetition sign where a piece should begin, at the start or after an anchor, stands for
// itself.
func (p *parser) atom() (repeatable bool, err error) {
	c := p.text[p.pos]
	p.pos++
	switch {
	case c == '\\':
		return p.escape()
	case c == '.':
		set := new([256]bool)
		for i := range set {
			set[i] = i != '\n'
		}
		p.emit(instruction{op: opSet, set: set})
	case c == '[':
		return true, p.bracket()
	case c == '^' && p.caretHere():
		p.emit(instruction{op: opAssert, x: lineStart})
		return false, nil
	case c == '$' && (p.pos == len(p.text) || p.looking(`\|`) || p.looking(`\)`)):
		p.emit(instruction{op: opAssert, x: lineEnd})
		return false, nil
	default:
		p.emit(instruction{op: opByte, c: c})
	}
	return true, nil
}

// caretHere tells whether the ^ just read is an anchor: at the start, and after \( or \|.
func (p *parser) caretHere() bool {
	before := p.text[:p.pos-1]
	return before == "" || p.start == p.pos-1
}

// escape reads what follows a backslash.
func (p *parser) escape() (repeatable bool, err error) {
	if p.pos == len(p.text) {
		return false, errBackslash
	}
	c := p.text[p.pos]
	p.pos++
	if i := strings.IndexByte("`'<b>B", c); i >= 0 {
		p.emit(instruction{op: opAssert, x: []int{textStart, textEnd, wordStart, wordEdge, wordEnd, noWordEdge}[i]})
		return false, nil
	}
	switch c {
	case '(':
		return true, p.group()
	case 'w', 'W', 's', 'S':
		set := new([256]bool)
		for i := range set {
			in := isWord(byte(i))
			if c|0x20 == 's' {
				in = i == ' ' || i >= '\t' && i <= '\r'
			}
			set[i] = in == (c|0x20 == c)
		}
		p.emit(instruction{op: opSet, set: set})
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if !p.done[c-'0'] {
			return false, errBackRef
		}
		p.re.back = true
		p.emit(instruction{op: opBack, x: int(c - '0')})
	default:
		p.emit(instruction{op: opByte, c: c})
	}
	return true, nil
}

// group reads a \( \) whose opening has been read.
func (p *parser) group() error {
	if p.depth++; p.depth > maxGroupDepth {
		return errDeep
	}
	p.re.groups++
	n := p.re.groups
	p.start = p.pos
	p.emit(instruction{op: opSave, x: 2 * n})
	if err := p.alternatives(); err != nil {
		return err
	}
	if !p.looking(`\)`) {
		return errParenthesis
	}
	p.pos += 2
	p.emit(instruction{op: opSave, x: 2*n + 1})
	if n < len(p.done) {
		p.done[n] = true
	}
	p.depth--
	return nil
}

// bracket reads a set whose [ has been read.
func (p *parser) bracket() error {
	set := new([256]bool)
	negated := p.looking("^")
	if negated {
		p.pos++
	}
	if p.pos == len(p.text) {
		return errSet
	}
	for first := true; first || !p.looking("]"); first = false {
		from, err := p.element()
		if err != nil {
			return err
		}
		to := from
		if p.looking("-") && !strings.HasPrefix(p.text[p.pos:], "-]") {
			p.pos++
			if to, err = p.element(); err != nil {
				return err
			}
		}
		for i := int(from); i <= int(to); i++ {
			set[i] = true
		}
	}
	p.pos++
	if negated {
		for i := range set {
			set[i] = !set[i]
		}
	}
	p.emit(instruction{op: opSet, set: set})
	return nil
}

// element reads one byte of a set, plain or as [.x.] or [=x=].
func (p *parser) element() (byte, error) {
	if p.pos >= len(p.text) {
		return 0, errBracket
	}
	c := p.text[p.pos]
	p.pos++
	if c != '[' || !p.looking(".") && !p.looking("=") {
		return c, nil
	}
	end := strings.Index(p.text[p.pos+1:], p.text[p.pos:p.pos+1]+"]")
	switch {
	case end < 0:
		return 0, errBracket
	case end != 1:
		return 0, errCollation
	}
	c = p.text[p.pos+1]
	p.pos += 4
	return c, nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
