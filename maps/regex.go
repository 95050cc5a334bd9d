package maps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gosendmail/internal/macro"
)

// condElse is $| inside a value; it stands between substrings unless -d names something else.
var condElse = string([]byte{macro.CondElse})

// maxSubstrings is how many substrings, the whole match included, a pattern with -s may have.
const maxSubstrings = 32

// maxRegexValue is how long the joined substrings may be (MAXNAME).
const maxRegexValue = 255

// regexMap is class regex.
type regexMap struct {
	p      *Params
	re     *posixRegexp
	not    bool
	sub    bool // -s
	fields []int
	delim  string
}

func parseRegex(p *Params) error {
	m := &regexMap{p: p, delim: condElse}
	p.extra = m
	basic, subs := false, ""
	sc := flagScanner{s: p.Args}
loop:
	for {
		letter, value := sc.next()
		switch letter {
		case 0:
			break loop
		case 'n':
			m.not = true
		case 'b':
			basic = true
		case 's':
			m.sub, subs = true, value
		case 'd':
			m.delim = value
		case 'f', 'a', 'm', 'S', 'D', 'T', 't', 'q', 'o', 'A', 'N', 'O':
			p.common(letter, value)
		}
	}
	var err error
	if m.re, err = compilePOSIX(sc.s, basic, !p.NoFold); err != nil {
		return fmt.Errorf("pattern-compile-error: %w", err)
	}
	if !m.sub {
		return nil
	}
	if m.re.groups+1 >= maxSubstrings {
		return fmt.Errorf("too many substrings, %d max", maxSubstrings)
	}
	if subs != "" {
		m.fields, err = m.parseFields(subs)
		return err
	}
	for i := range m.re.groups + 1 {
		m.fields = append(m.fields, i)
	}
	return nil
}

// parseFields reads the numbers of substrings, separated by commas.
func (m *regexMap) parseFields(s string) ([]int, error) {
	var out []int
	for _, f := range strings.Split(s, ",") {
		digits := len(f) - len(strings.TrimLeft(f, "0123456789"))
		n, err := strconv.Atoi(f[:digits])
		if err != nil && digits > 0 || n > m.re.groups || strings.HasPrefix(f, "-") {
			return nil, fmt.Errorf("field (%s) out of range, only %d substrings in pattern", f, m.re.groups+1)
		}
		out = append(out, n)
	}
	if len(out) > maxSubstrings {
		return nil, fmt.Errorf("too many fields, %d max", maxSubstrings)
	}
	return out, nil
}

func openRegex(p *Params) (Map, error) { return p.extra.(*regexMap), nil }

// Lookup matches the key. The value is empty, or with -s the substrings; arguments choose other substrings than -s.
func (m *regexMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	loc, err := m.re.match(key)
	if err != nil {
		return "", tempFail(err)
	}
	switch {
	case (loc == nil) != m.not:
		return "", ErrNotFound
	case m.not || !m.sub:
		return m.p.Result(ctx, key, "", args), nil
	}
	fields := m.fields
	if len(args) > 0 {
		if fields, err = m.parseFields(args[0]); err != nil {
			return "", missing(exConfig, err)
		}
	}
	value, ok := m.join(key, loc, fields)
	if !ok {
		return "", ErrNotFound
	}
	return m.p.Result(ctx, key, value, args), nil
}

// join puts the substrings together. Unbalanced quotes, comments or brackets, or blanks, would not scan: they count as
// no match.
func (m *regexMap) join(key string, loc []int, fields []int) (string, bool) {
	var b strings.Builder
	angle, comment, blanks := 0, 0, 0
	quoted, escaped := false, false
	for i, f := range fields {
		if i > 0 {
			b.WriteString(m.delim)
		}
		if loc[2*f] < 0 {
			continue
		}
		for _, c := range []byte(key[loc[2*f]:loc[2*f+1]]) {
			b.WriteByte(c)
			switch {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = true
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '(':
				comment++
			case c == ')':
				comment--
			case c == '<':
				angle++
			case c == '>':
				angle--
			case c == ' ':
				blanks++
			}
		}
	}
	if angle != 0 || comment != 0 || blanks != 0 || quoted || escaped {
		return "", false
	}
	v := b.String()
	return v[:min(len(v), maxRegexValue)], true
}

// Close does nothing.
func (m *regexMap) Close() error { return nil }

var errTooHard = errors.New("the pattern takes too long for this key")
