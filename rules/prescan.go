package rules

import (
	"strings"

	"gosendmail/internal/macro"
)

// Limits of scanning, as in the original (conf.h).
const (
	MaxAtom  = 1000 // tokens of a workspace
	MaxToken = 256  // bytes of one token
	MaxText  = MaxToken + MaxAtom
)

// Limits of ScanLong: those of a text that a check must see whole.
const (
	maxLongAtom = 32 << 10
	maxLongText = 1 << 20
)

// Character classes.
const (
	charAtom  = iota
	charOper  // a token by itself
	charQuote // begins a quoted string
	charSpace // separates tokens and vanishes
	charOne   // takes the next character, or name in braces, along
)

// Mode says where the text to be scanned comes from.
type Mode uint8

const (
	External     Mode = iota // addresses, map results, macro values: no byte is an operator of the rules
	Internal                 // our own workspaces put together again: operators count
	KeepComments             // as Internal; parentheses are tokens, not comments (rules, header checks, test mode)
)

// DefaultOperators separates tokens where OperatorChars is not set.
const DefaultOperators = ".:@[]"

// delimiters separate tokens whatever OperatorChars says.
const delimiters = "()<>,;\r\n"

// Scanner turns text into tokens. It does not change and may be shared.
type Scanner struct {
	class [3][256]byte
	plain [3][256]plainKind
}

// NewScanner returns a scanner for the given OperatorChars (op.txt section 5.6).
func NewScanner(operators string) *Scanner {
	s := new(Scanner)
	for mode := range s.class {
		t := &s.class[mode]
		for _, c := range []byte(" \t\n\v\f\r()") {
			t[c] = charSpace
		}
		t['"'] = charQuote
		if Mode(mode) == KeepComments {
			t['('], t[')'] = charOper, charOper
		}
		if Mode(mode) != External {
			operatorClasses(t)
		}
		for _, c := range []byte(operators + delimiters) {
			if t[c] == charAtom {
				t[c] = charOper
			}
		}
	}
	for mode := range s.plain {
		s.plainKinds(Mode(mode))
	}
	return s
}

func operatorClasses(t *[256]byte) {
	for c := 0x80; c < 0xa0; c++ {
		t[c] = charOper
	}
	for _, c := range []byte{macro.Deferred, macro.MatchClass, macro.MatchNotClass, macro.Repl, macro.Quote} {
		t[c] = charOne
	}
}

// token makes a token of a text that this scanner would not take apart.
func (s *Scanner) token(text string, mode Mode) Token {
	t := Token{text: text, hash: foldHash(text), class: s.class[Internal][text[0]], plain: true}
	if c := text[0]; c >= 0x80 && c != macro.Quote && mode != External && s.class[mode][c] != charAtom {
		t.op = c
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '(' || c == ')' || c <= ' ' || c == macro.Quote:
			t.plain = false
		case c >= 0x80 && t.op == 0 && s.class[Internal][c] != charAtom:
			t.plain = false
		}
	}
	return t
}

// Scan is the outcome of scanning a text.
type Scan struct {
	Workspace          // nil where the text has no token or cannot be scanned
	End       int      // where in the text the delimiter was found; len(text) where it was not
	Problems  []string // what was wrong with it, as "553 Unbalanced '<'"; most are mended
	Failed    bool     // the text cannot be scanned at all
}

// Prescan scans an address up to the delimiter (0 for none, usually a comma) with the default operators. The error
// tells what was wrong; the workspace is usable where it is not empty.
func Prescan(addr string, delim byte) (Workspace, error) {
	return NewScanner(DefaultOperators).Prescan(addr, delim)
}

// Prescan is Scan for addresses from outside.
func (s *Scanner) Prescan(addr string, delim byte) (Workspace, error) {
	r := s.Scan(addr, delim, External, false)
	if len(r.Problems) > 0 {
		return r.Workspace, &SyntaxError{Text: addr, Problems: r.Problems}
	}
	return r.Workspace, nil
}

// SyntaxError tells what is wrong with an address.
type SyntaxError struct {
	Text     string
	Problems []string // each with an SMTP code
}

func (e *SyntaxError) Error() string {
	return "rules: address " + e.Text + ": " + strings.Join(e.Problems, "; ")
}

// ScanLong is lenient scanning of a text for a check, whose words may be longer and more than those of an address: a
// check that passed over what is long would be passed by all who write long.
func (s *Scanner) ScanLong(text string, mode Mode) (r Scan) {
	if out, end, ok := s.scanPlain(nil, text, 0, mode, true); ok {
		return Scan{Workspace: out, End: end}
	}
	p := prescanner{s: s, text: text, mode: mode, lenient: true, words: maxLongAtom, word: maxLongText, bytes: maxLongText}
	p.run()
	if len(p.out) > 0 {
		r.Workspace = p.out
	}
	r.End, r.Problems, r.Failed = p.pos, p.problems, p.failed
	return r
}

// Scan takes text apart up to delim (0 for none). Lenient scanning does not complain about what is unbalanced.
func (s *Scanner) Scan(text string, delim byte, mode Mode, lenient bool) (r Scan) {
	var store [24]Token
	if out, end, ok := s.scanPlain(store[:0], text, delim, mode, lenient); ok {
		if len(out) > 0 {
			r.Workspace = make(Workspace, len(out))
			copy(r.Workspace, out)
		}
		r.End = end
		return r
	}
	p := prescanner{s: s, text: text, delim: int(delim), mode: mode, lenient: lenient, out: make([]Token, 0, 8),
		words: MaxAtom, word: MaxToken, bytes: MaxText}
	p.run()
	if len(p.out) > 0 {
		r.Workspace = p.out
	}
	r.End, r.Problems, r.Failed = p.pos, p.problems, p.failed
	return r
}

// appendScan is Scan for the inside: what is scanned goes behind dst, nothing where the text cannot be scanned.
func (s *Scanner) appendScan(dst []Token, text string, delim byte, mode Mode, lenient bool) ([]Token, []string) {
	if out, _, ok := s.scanPlain(dst, text, delim, mode, lenient); ok {
		return out, nil
	}
	p := prescanner{s: s, text: text, delim: int(delim), mode: mode, lenient: lenient, out: dst, from: len(dst),
		words: MaxAtom, word: MaxToken, bytes: MaxText}
	p.run()
	return p.out, p.problems
}

const (
	noChar  = -1 // no character is waiting
	endChar = 0  // the end of the text; a NUL in it ends it as well
)

// prescanner is the state of one scan, of any text. The kind of the token under way is one of the character classes.
type prescanner struct {
	s       *Scanner
	class   *[256]byte
	mode    Mode
	text    string
	delim   int
	lenient bool
	words   int // most tokens
	word    int // most bytes of a token
	bytes   int // most bytes of all

	out      []Token
	from     int // where in out the tokens of this text begin
	problems []string
	failed   bool

	pos       int // of the next character
	state     byte
	c         int // character read and not yet stored, or noChar
	at        int // where c stands in text; -1 for one that was put in
	backslash bool
	slash     int  // where in text the last backslash stands
	routing   bool // within <@...: a comma does not end the address
	comments  int  // nesting
	angles    int  // nesting
	stored    int  // bytes of all tokens

	// The token under way is text[first:next], or what buf holds once it is not in one piece there.
	first, next int
	buf         []byte
	copied      bool
}

func (p *prescanner) run() {
	p.class, p.state, p.c = &p.s.class[p.mode], charAtom, noChar
	for more := true; more; {
		p.buf, p.copied, p.first, p.next = p.buf[:0], false, 0, 0
		if !p.read() || !p.push() {
			p.failed = true
			p.out = p.out[:p.from]
			break
		}
		more = p.c != endChar && (p.c != p.delim || p.angles > 0)
	}
	if p.pos > 0 {
		p.pos--
	}
	p.pos = min(p.pos, len(p.text))
}

func (p *prescanner) problem(text string) { p.problems = append(p.problems, text) }

// length of the token under way.
func (p *prescanner) length() int {
	if p.copied {
		return len(p.buf)
	}
	return p.next - p.first
}

// store appends a character that stands at text[at] (at < 0: nowhere) to the token; false where there is no room.
func (p *prescanner) store(c byte, at int) bool {
	if p.stored >= p.bytes-5 {
		p.problem("553 5.1.1 Address too long")
		return false
	}
	p.stored++
	if !p.copied {
		switch {
		case p.next == p.first && at >= 0:
			p.first, p.next = at, at+1
			return true
		case at == p.next && at >= 0:
			p.next++
			return true
		}
		p.buf = append(p.buf[:0], p.text[p.first:p.next]...)
		p.copied = true
	}
	p.buf = append(p.buf, c)
	return true
}

// push ends the token under way.
func (p *prescanner) push() bool {
	n := p.length()
	if n == 0 {
		return true
	}
	p.stored++
	if len(p.out)-p.from >= p.words {
		p.problem("553 5.1.0 prescan: too many tokens")
		return false
	}
	if n > p.word {
		p.problem("553 5.1.0 prescan: token too long")
		return false
	}
	text := p.text[p.first:p.next]
	if p.copied {
		text = string(p.buf)
	}
	p.out = append(p.out, p.s.token(text, p.mode))
	return true
}

// read collects characters until a token ends; false where the text must be given up.
func (p *prescanner) read() bool {
	for {
		if p.c != noChar && !p.backslash {
			c := byte(p.c)
			if c == 0xff {
				c, p.at = 0x7f, -1
			}
			if !p.store(c, p.at) {
				return false
			}
		}
		if p.state == charOne && p.length() > 0 && !p.takeName() {
			return false
		}
		p.nextChar()
		if p.ends() {
			return true
		}
		if p.backslash {
			p.backslash = false
			if p.comments > 0 {
				p.c = noChar
				continue
			}
			if p.c != '!' || p.state == charQuote {
				if !p.store('\\', p.slash) {
					return false
				}
				continue
			}
		}
		p.special()
		if p.c == noChar {
			continue
		}
		if p.c == p.delim && p.angles <= 0 && p.state != charQuote {
			return true
		}
		if p.advance() {
			return true
		}
	}
}

// nextChar reads one character.
func (p *prescanner) nextChar() {
	p.c, p.at = endChar, p.pos
	if p.pos < len(p.text) {
		p.c = int(p.text[p.pos])
	}
	p.pos++
}

// putIn sets a character that the text lacks before the one just read.
func (p *prescanner) putIn(c int, problem string) {
	p.problem(problem)
	p.c, p.at = c, -1
	p.pos--
}

// takeName adds a name in braces to an operator that takes one.
func (p *prescanner) takeName() bool {
	if p.pos >= len(p.text) || p.text[p.pos] != '{' || p.c == macro.Quote || p.c == macro.Repl || p.length() != 1 {
		return true
	}
	name, _ := macro.Unit(p.text[p.pos:])
	for i := 0; i < len(name)-1; i++ {
		if !p.store(name[i], p.pos) {
			return false
		}
		p.pos++
	}
	return true
}

// ends looks at the end of the text and at the delimiter, and mends what is unbalanced there.
func (p *prescanner) ends() bool {
	if p.c == endChar {
		switch {
		case p.lenient:
			return true
		case p.state == charQuote:
			p.putIn('"', "553 Unbalanced '\"'")
		case p.comments > 0:
			p.putIn(')', "553 Unbalanced '('")
		case p.angles > 0:
			p.putIn('>', "553 Unbalanced '<'")
		default:
			return true
		}
		return false
	}
	if p.c != p.delim || p.comments > 0 || p.state == charQuote {
		return false
	}
	if p.angles <= 0 {
		return true
	}
	if p.delim == ',' && !p.routing && !p.lenient {
		p.putIn('>', "553 Unbalanced '<'")
	}
	return false
}

// special keeps count of comments and angle brackets; characters that do not count become noChar.
func (p *prescanner) special() {
	hasComments := p.class['('] == charSpace
	switch {
	case p.c == '\\':
		p.backslash, p.slash = true, p.at
	case p.state == charQuote:
	case p.c == '(' && hasComments:
		p.comments++
		p.c = noChar
	case p.c == ')' && hasComments:
		p.closeComment()
	case p.comments > 0:
		p.c = noChar
	case p.c == '<':
		p.angles++
		rest := strings.TrimLeft(p.text[min(p.pos, len(p.text)):], " \t\n\v\f\r")
		if strings.HasPrefix(rest, "@") {
			p.routing = true
		}
	case p.c == '>':
		p.closeAngle()
	case p.delim == ' ' && isSpace(byte(p.c)):
		p.c = ' '
	}
}

func (p *prescanner) closeComment() {
	switch {
	case p.comments > 0:
		p.comments--
	case !p.lenient:
		p.problem("553 Unbalanced ')'")
		p.c = noChar
	}
}

func (p *prescanner) closeAngle() {
	switch {
	case p.angles > 0:
		p.angles--
	case !p.lenient:
		p.problem("553 Unbalanced '>'")
		p.c = noChar
	}
	p.routing = false
}

// advance moves on to the state that the character brings; it reports whether the token under way ends before it.
func (p *prescanner) advance() bool {
	class := p.class[byte(p.c)]
	switch p.state {
	case charQuote:
		if class == charQuote {
			p.state = charOper
		}
		return false
	case charOne:
		p.state = charOper
		return false
	case charSpace:
		p.state = class
		if class == charSpace {
			p.c = noChar
		}
		return false
	}
	breaks := p.state != charAtom || class != charAtom
	p.state = class
	if class == charSpace {
		p.c = noChar
	}
	return breaks
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
