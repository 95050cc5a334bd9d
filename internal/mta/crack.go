package mta

import (
	"strings"

	"gosendmail/internal/macro"
)

// MaxName is the longest address, in bytes, that is taken apart.
const MaxName = 256

// mustQuote are the characters that a phrase holds only in quotes, besides those of option MustQuoteChars.
const mustQuote = "@,;:\\()[]"

// gMacro stands for the address in what crack returns.
var gMacro = []byte{macro.Interpolate, 'g'}

// Crack replaces the address in a header field by "$g" and keeps the comments and the phrase around it, so that a
// rewritten address can be put in: "Joe <joe@x> (home)" gives "Joe <$g> (home)". The result is in internal form. What
// is unbalanced is mended; what does not fit is "<$g>".
func (s *Site) Crack(addr string) string {
	lead := len(addr) - len(strings.TrimLeft(addr, blanks))
	c := cracker{
		addr: addr[lead:], limit: MaxName, colonOK: s.Config.Settings.ColonOkInAddr,
		quoting: mustQuote + s.Config.Settings.MustQuoteChars,
	}
	for i := range lead {
		c.put(addr[i])
	}
	c.head = len(c.out)
	for c.pos < len(c.addr) && !c.full {
		c.char(c.addr[c.pos])
	}
	c.mend()
	if c.full || len(c.out) >= MaxName {
		return "<" + string(gMacro) + ">"
	}
	return string(c.out)
}

// QuotedName is a full name in a form that may stand before an address: in quotes where it has characters that need
// them (option MustQuoteChars), unless quotes and comments hold them already.
func (s *Site) QuotedName(name string) string {
	quoting := mustQuote + s.Config.Settings.MustQuoteChars
	comments, quoted := 0, false
	good := true
	for i := 0; i < len(name) && good; i++ {
		switch c := name[i]; {
		case c == '\\':
			i++
			good = i < len(name)
		case c == '"' && comments == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			comments++
		case c == ')' && comments > 0:
			comments--
		case comments == 0:
			good = strings.IndexByte(quoting, c) < 0
		}
	}
	if good && comments == 0 && !quoted {
		return name
	}
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(name) + `"`
}

// cracker goes over an address. copying counts what keeps text as it is: comments, and what follows the closing
// bracket.
type cracker struct {
	addr    string
	pos     int
	quoting string
	colonOK bool

	out   []byte
	limit int  // room, less what is needed to close comments, brackets and quotes
	full  bool // it did not fit
	head  int  // where in out the part under way begins
	start int  // where in addr it begins

	comments, openComments int // in the input, in the output
	angles, copying        int
	brackets               int
	closeAngle             bool // the output needs a ">"
	quoted, openQuote      bool // in the input, in the output
	placed                 bool // $g is there
	quoteIt                bool // the phrase must be quoted
	gotAngle, gotColon     bool
}

func (c *cracker) room() bool { return len(c.out) < c.limit && c.limit <= MaxName }

func (c *cracker) put(b byte) {
	if !c.room() {
		c.full = true
		return
	}
	c.out = append(c.out, b)
}

// char does the character ch at pos.
func (c *cracker) char(ch byte) {
	c.pos++
	if c.copying > 0 {
		c.put(ch)
	}
	switch {
	case ch == '\\':
		c.escape()
	case ch == '"' && c.comments == 0:
		c.quote()
	case c.quoted:
		c.place()
	case ch == '(' || c.comments > 0:
		c.comment(ch)
	default:
		c.outside(ch)
	}
}

func (c *cracker) escape() {
	if c.comments == 0 && !c.quoted {
		c.quoteIt = true
	}
	if c.pos < len(c.addr) {
		if c.copying > 0 {
			c.put(c.addr[c.pos])
		}
		c.pos++
	}
	c.place()
}

func (c *cracker) quote() {
	c.quoted = !c.quoted
	if c.copying > 0 && c.room() {
		if c.openQuote {
			c.limit--
		} else {
			c.limit++
		}
		c.openQuote = !c.openQuote
	}
}

func (c *cracker) comment(ch byte) {
	if ch == '(' {
		c.comments++
		if c.room() {
			c.limit--
			c.openComments++
			if c.copying++; c.copying == 1 {
				if len(c.out) != c.head {
					c.put(' ')
				}
				c.put(ch)
			}
		}
	}
	if ch == ')' {
		c.comments--
		c.copying--
		if c.room() {
			c.openComments--
			c.limit++
		}
	}
}

// outside does a character that is in neither quotes nor comments.
func (c *cracker) outside(ch byte) {
	switch ch {
	case ')':
		if c.copying > 0 && c.room() && len(c.out) > c.head {
			c.out = c.out[:len(c.out)-1]
		}
	case '[':
		c.brackets++
	case ']':
		c.brackets--
	}
	if ch == ':' && c.angles <= 0 && c.brackets <= 0 && !c.gotColon && !c.colonOK {
		c.colon()
		return
	}
	if ch == ';' && c.copying <= 0 && !c.colonOK {
		c.put(ch)
	}
	if strings.IndexByte(c.quoting, ch) >= 0 {
		c.quoteIt = true
	}
	switch ch {
	case '<':
		c.openAngle()
	case '>':
		c.endAngle(ch)
	default:
		c.place()
	}
}

// colon ends the name of a group, "name: a, b;". DECnet addresses have "::" and ":." in them.
func (c *cracker) colon() {
	if c.pos < len(c.addr) && (c.addr[c.pos] == ':' || c.addr[c.pos] == '.') {
		c.quoteIt = true
		if c.copying > 0 {
			c.put(':')
			c.put(c.addr[c.pos])
		}
		c.pos++
		c.place()
		return
	}
	c.gotColon = true
	c.phrase(':', c.head)
	for c.pos < len(c.addr) && isSpaceByte(c.addr[c.pos]) {
		c.put(c.addr[c.pos])
		c.pos++
	}
	c.head, c.start = len(c.out), c.pos
}

func (c *cracker) openAngle() {
	if c.gotAngle {
		c.quoteIt = true
	}
	c.gotAngle = true
	c.angles = 1
	if c.room() {
		if !c.closeAngle {
			c.limit--
		}
		c.closeAngle = true
	}
	c.phrase('<', 0)
}

// phrase writes what stands before end, which was just read, again: it was no address. empty is where in out a quote
// that begins there is dropped when nothing follows it.
func (c *cracker) phrase(end byte, empty int) {
	c.out = c.out[:c.head]
	stop := c.pos
	if c.quoteIt {
		c.put('"')
		stop--
		for stop > 0 && isSpaceByte(c.addr[stop-1]) {
			stop--
		}
	}
	for _, b := range []byte(c.addr[c.start:max(stop, c.start)]) {
		if c.quoteIt && b == '"' {
			c.put('\\')
		}
		c.put(b)
	}
	if c.quoteIt {
		if len(c.out) == empty+1 {
			c.out = c.out[:empty]
		} else {
			c.put('"')
		}
		for _, b := range []byte(c.addr[stop:c.pos]) {
			c.put(b)
		}
	}
	c.copying = 0
	c.placed, c.quoteIt = false, false
}

func (c *cracker) endAngle(ch byte) {
	if c.angles > 0 {
		c.angles--
		if c.room() {
			if c.closeAngle {
				c.limit++
			}
			c.closeAngle = false
		}
	} else if c.room() {
		if c.copying > 0 && len(c.out) > c.head {
			c.out = c.out[:len(c.out)-1]
		}
		c.quoteIt = true
		return
	}
	if c.copying++; c.copying == 1 {
		c.put(ch)
	}
}

// place puts $g where the address stands.
func (c *cracker) place() {
	if c.copying > 0 || c.placed {
		return
	}
	if n := len(c.out); n > 0 && c.out[n-1] == ')' {
		c.put(' ')
	}
	for _, b := range gMacro {
		c.put(b)
	}
	c.placed = true
}

// mend closes what was left open.
func (c *cracker) mend() {
	end := func(b byte) {
		if len(c.out) < MaxName {
			c.out = append(c.out, b)
		}
	}
	if c.openQuote {
		end('"')
	}
	for ; c.openComments > 0; c.openComments-- {
		end(')')
	}
	if c.closeAngle {
		end('>')
	}
}
