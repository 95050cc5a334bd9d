package maps

import (
	"errors"
	"strings"
)

// bracket reads a bracket expression; its "[" is consumed. Backslashes are ordinary in it.
func (p *reParser) bracket() (*reNode, error) {
	set := new([256]bool)
	negate := strings.HasPrefix(p.s[p.i:], "^")
	if negate {
		p.i++
	}
	for first := true; ; first = false {
		if p.i >= len(p.s) {
			return nil, errors.New("Unmatched [, [^, [:, [., or [=")
		}
		if p.s[p.i] == ']' && !first {
			p.i++
			break
		}
		if err := p.bracketItem(set); err != nil {
			return nil, err
		}
	}
	if p.fold {
		foldSet(set)
	}
	if negate {
		for i := range set {
			set[i] = !set[i]
		}
	}
	set[0] = false
	return &reNode{op: reSet, set: set}, nil
}

// bracketItem reads a class, a range or a single character.
func (p *reParser) bracketItem(set *[256]bool) error {
	if name, ok, err := p.named(':'); err != nil {
		return err
	} else if ok {
		return addClass(set, name)
	}
	lo, err := p.bracketChar()
	if err != nil {
		return err
	}
	rest := p.s[p.i:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		set[lo] = true
		return nil
	}
	p.i++
	if strings.HasPrefix(p.s[p.i:], "[:") || strings.HasPrefix(p.s[p.i:], "[=") {
		return errors.New("Invalid range end")
	}
	hi, err := p.bracketChar()
	if err != nil {
		return err
	}
	rest = p.s[p.i:]
	if hi < lo || len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
		return errors.New("Invalid range end")
	}
	for c := int(lo); c <= int(hi); c++ {
		set[c] = true
	}
	return nil
}

// bracketChar reads one character, also as [.x.] or [=x=]; in the C locale a character is its own class.
func (p *reParser) bracketChar() (byte, error) {
	for _, kind := range []byte{'.', '='} {
		name, ok, err := p.named(kind)
		if err != nil {
			return 0, err
		}
		if ok {
			return collating(name)
		}
	}
	if p.i >= len(p.s) {
		return 0, errors.New("Unmatched [, [^, [:, [., or [=")
	}
	p.i++
	return p.s[p.i-1], nil
}

// named reads [:name:] and the like.
func (p *reParser) named(kind byte) (name string, ok bool, err error) {
	open := string([]byte{'[', kind})
	if !strings.HasPrefix(p.s[p.i:], open) {
		return "", false, nil
	}
	rest := p.s[p.i+2:]
	end := strings.Index(rest, string([]byte{kind, ']'}))
	if end < 0 {
		return "", false, errors.New("Unmatched [, [^, [:, [., or [=")
	}
	p.i += 2 + end + 2
	return rest[:end], true, nil
}

// collating returns the character of [.x.] or [=x=]: the C locale has no collating elements of several characters or
// with names.
func collating(name string) (byte, error) {
	if len(name) == 1 {
		return name[0], nil
	}
	return 0, errors.New("Invalid collation character")
}

func addClass(set *[256]bool, name string) error {
	known := false
	for i := range set {
		if classHas(name, byte(i)) {
			set[i], known = true, true
		}
	}
	if !known {
		return errors.New("Invalid character class name")
	}
	return nil
}

// classHas is the C locale's isalpha and its sisters.
func classHas(name string, c byte) bool {
	upper, lower, digit := 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9'
	switch name {
	case "alpha":
		return upper || lower
	case "digit":
		return digit
	case "alnum":
		return upper || lower || digit
	case "upper":
		return upper
	case "lower":
		return lower
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r'
	case "blank":
		return c == ' ' || c == '\t'
	case "punct":
		return '!' <= c && c <= '~' && !upper && !lower && !digit
	case "print":
		return ' ' <= c && c <= '~'
	case "graph":
		return '!' <= c && c <= '~'
	case "cntrl":
		return c < ' ' || c == 0x7f
	case "xdigit":
		return digit || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
	}
	return false
}
