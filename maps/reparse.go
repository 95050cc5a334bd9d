package maps

import (
	"errors"
	"strconv"
	"strings"
)

// reParser reads POSIX basic and extended regular expressions with the C library's additions (\w \W \s \S \b \B \< \>,
// and \+ \? \| in basic ones).
type reParser struct {
	s        string
	i        int
	basic    bool
	fold     bool
	groups   int
	closed   [10]bool // groups that a back reference may name
	backrefs bool
}

// maxDepth bounds the nesting of groups.
const maxDepth = 200

// at reports whether the text goes on with an operator, which basic expressions write with a backslash.
func (p *reParser) at(op byte) bool {
	rest := p.s[p.i:]
	if p.basic {
		return len(rest) > 1 && rest[0] == '\\' && rest[1] == op
	}
	return rest != "" && rest[0] == op
}

// take consumes an operator if it is next.
func (p *reParser) take(op byte) bool {
	if !p.at(op) {
		return false
	}
	p.i++
	if p.basic {
		p.i++
	}
	return true
}

func (p *reParser) alternatives(depth int) (*reNode, error) {
	if depth > maxDepth {
		return nil, errors.New("Regular expression too big")
	}
	alt := &reNode{op: reAlt}
	for {
		branch, err := p.branch(depth)
		if err != nil {
			return nil, err
		}
		alt.subs = append(alt.subs, branch)
		if !p.take('|') {
			return alt, nil
		}
	}
}

func (p *reParser) branch(depth int) (*reNode, error) {
	cat := &reNode{op: reCat}
	for p.i < len(p.s) && !p.at('|') && !(p.at(')') && depth > 0) {
		if p.at(')') && p.basic {
			return nil, errors.New("Unmatched ) or \\)")
		}
		atom, err := p.atom(depth, len(cat.subs) == 0 || cat.subs[len(cat.subs)-1].op == reBegin && p.basic && len(cat.subs) == 1)
		if err != nil {
			return nil, err
		}
		if atom, err = p.repeats(atom); err != nil {
			return nil, err
		}
		cat.subs = append(cat.subs, atom)
	}
	return cat, nil
}

// atom reads what a repetition can follow. first: nothing stands before it in its branch.
func (p *reParser) atom(depth int, first bool) (*reNode, error) {
	if p.take('(') {
		return p.group(depth)
	}
	c := p.s[p.i]
	p.i++
	switch {
	case c == '[':
		return p.bracket()
	case c == '.':
		return p.anyByte(), nil
	case c == '^' && (!p.basic || first):
		return &reNode{op: reBegin}, nil
	case c == '$' && (!p.basic || p.i == len(p.s) || p.at(')') || p.at('|')):
		return &reNode{op: reEnd}, nil
	case c == '\\':
		return p.escape()
	case !p.basic && first && strings.IndexByte("*+?{", c) >= 0:
		return nil, errors.New("Invalid preceding regular expression")
	}
	return p.literal(c), nil
}

func (p *reParser) group(depth int) (*reNode, error) {
	p.groups++
	n := p.groups
	sub, err := p.alternatives(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.take(')') {
		return nil, errors.New("Unmatched ( or \\(")
	}
	if n < len(p.closed) {
		p.closed[n] = true
	}
	return &reNode{op: reGroup, n: n, subs: []*reNode{sub}}, nil
}

func (p *reParser) anyByte() *reNode {
	set := new([256]bool)
	for i := 1; i < 256; i++ {
		set[i] = true
	}
	return &reNode{op: reSet, set: set}
}

func (p *reParser) literal(c byte) *reNode {
	set := new([256]bool)
	set[c] = true
	if p.fold {
		foldSet(set)
	}
	return &reNode{op: reSet, set: set}
}

func foldSet(set *[256]bool) {
	for c := 'a'; c <= 'z'; c++ {
		u := c - 'a' + 'A'
		set[c], set[u] = set[c] || set[u], set[c] || set[u]
	}
}

func (p *reParser) escape() (*reNode, error) {
	if p.i == len(p.s) {
		return nil, errors.New("Trailing backslash")
	}
	c := p.s[p.i]
	p.i++
	switch {
	case c >= '1' && c <= '9':
		if !p.closed[c-'0'] {
			return nil, errors.New("Invalid back reference")
		}
		p.backrefs = true
		return &reNode{op: reBack, n: int(c - '0')}, nil
	case strings.IndexByte("wWsS", c) >= 0:
		return &reNode{op: reSet, set: escapeSet(c)}, nil
	case strings.IndexByte("bB<>", c) >= 0:
		p.backrefs = p.backrefs || c == '<' || c == '>' // Go's engine has no such edges
		return &reNode{op: reWord, n: int(c)}, nil
	case c == '`':
		return &reNode{op: reBegin}, nil
	case c == '\'':
		return &reNode{op: reEnd}, nil
	case p.basic && c == '{':
		return nil, errors.New("Invalid preceding regular expression")
	}
	return p.literal(c), nil
}

func escapeSet(c byte) *[256]bool {
	set := new([256]bool)
	for i := range set {
		b := byte(i)
		in := classHas("alnum", b) || b == '_'
		if c == 's' || c == 'S' {
			in = classHas("space", b)
		}
		set[i] = in == (c == 'w' || c == 's') && i > 0
	}
	return set
}

// repeats reads the repetitions behind an atom.
func (p *reParser) repeats(atom *reNode) (*reNode, error) {
	for p.i < len(p.s) {
		c := p.s[p.i]
		var lo, hi int
		switch {
		case c == '*':
			p.i++
			if p.basic && atom.op == reBegin {
				p.i--
				return atom, nil // a star behind the anchor is an ordinary character
			}
			lo, hi = 0, -1
		case p.take('+'):
			lo, hi = 1, -1
		case p.take('?'):
			lo, hi = 0, 1
		case p.at('{'):
			if err := p.interval(&lo, &hi); err != nil {
				return nil, err
			}
		default:
			return atom, nil
		}
		if p.basic && atom.op == reRep {
			return nil, errors.New("Invalid preceding regular expression")
		}
		atom = &reNode{op: reRep, min: lo, max: hi, subs: []*reNode{atom}}
	}
	return atom, nil
}

// interval reads {m}, {m,}, {,n} or {m,n}.
func (p *reParser) interval(lo, hi *int) error {
	p.take('{')
	end := strings.IndexByte(p.s[p.i:], '}')
	if end < 0 {
		return errors.New("Unmatched { or \\{")
	}
	body, escaped := p.s[p.i:p.i+end], false
	if p.basic {
		body, escaped = strings.CutSuffix(body, `\`)
	}
	from, to, comma := strings.Cut(body, ",")
	if escaped != p.basic || !isNumber(from, comma) || !isNumber(to, true) || body == "" || body == "," {
		return errors.New("Invalid content of \\{\\}")
	}
	p.i += end + 1
	*lo, _ = strconv.Atoi(from)
	*hi = -1
	switch {
	case !comma:
		*hi = *lo
	case to != "":
		*hi, _ = strconv.Atoi(to)
	}
	if *hi >= 0 && *lo > *hi {
		return errors.New("Invalid content of \\{\\}")
	}
	if *lo > maxRepeat || *hi > maxRepeat {
		return errors.New("Regular expression too big: intervals go up to " + strconv.Itoa(maxRepeat))
	}
	return nil
}

func isNumber(s string, mayBeEmpty bool) bool {
	return (s != "" || mayBeEmpty) && len(s) < 6 && strings.Trim(s, "0123456789") == ""
}
