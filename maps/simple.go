package maps

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
)

// parseSimple reads the few flags of classes dequote, macro, arith and arpa, whose keys keep their quotes. Other flags
// mean nothing to them.
func parseSimple(p *Params) error {
	p.KeepQuotes = true
	sc := flagScanner{s: p.Args}
	for {
		letter, value := sc.next()
		switch letter {
		case 0:
			return nil
		case 'a':
			p.Append = value
		case 'D':
			p.Deferred = true
		case 'S':
			p.SpaceSub = firstByte(value)
		case 's':
			p.Delim = firstByte(value)
		}
	}
}

// function is a map that computes.
type function struct {
	p  *Params
	fn func(ctx context.Context, p *Params, key string, args []string) (string, error)
}

func opener(fn func(ctx context.Context, p *Params, key string, args []string) (string, error)) func(*Params) (Map, error) {
	return func(p *Params) (Map, error) { return &function{p, fn}, nil }
}

// Lookup computes.
func (f *function) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	return f.fn(ctx, f.p, key, args)
}

// Close does nothing.
func (f *function) Close() error { return nil }

// unquote is class dequote: the key without its double quotes, unless it has none or what is left would not scan.
// Comments keep theirs; -s gives a character for blanks.
func unquote(ctx context.Context, p *Params, key string, _ []string) (string, error) {
	var out strings.Builder
	var angle, comment, blanks int
	quoted, escaped, any := false, false, false
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c == ' ' && p.Delim != 0 && !escaped {
			c = p.Delim
		}
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '(':
			comment++
		case c == ')' && comment == 0:
			return "", ErrNotFound
		case c == ')':
			comment--
		case c == ' ' || c == '\t':
			blanks++
		case comment > 0:
		case c == '"':
			quoted, any = !quoted, true
			continue
		case c == '<':
			angle++
		case c == '>' && angle == 0:
			return "", ErrNotFound
		case c == '>':
			angle--
		}
		out.WriteByte(c)
	}
	if angle != 0 || comment != 0 || quoted || escaped || blanks != 0 || !any {
		return "", ErrNotFound
	}
	return out.String(), nil
}

// setMacro is class macro: the macro named by the key gets the first argument as value, or none without argument.
func setMacro(ctx context.Context, _ *Params, key string, args []string) (string, error) {
	name := key
	if inner, ok := strings.CutPrefix(key, "{"); ok {
		name, _, ok = strings.Cut(inner, "}")
		if !ok {
			return "", missing(exConfig, errors.New("macro name without closing brace"))
		}
	} else if len(key) > 1 {
		name = key[:1]
	}
	if name == "" {
		return "", missing(exConfig, errors.New("no macro name"))
	}
	s := sessionOf(ctx)
	switch {
	case s == nil:
	case len(args) == 0:
		s.ClearMacro(name)
	default:
		s.SetMacro(name, args[0])
	}
	return "", nil
}

// arith is class arith. Operands are read as C's strtol does, any base, as far as they are numbers.
func arith(_ context.Context, _ *Params, key string, args []string) (string, error) {
	if key == "" || len(args) < 2 {
		return "", missing(exConfig, errors.New("an operator and two operands are needed"))
	}
	a, b := strtol(args[0]), strtol(args[1])
	switch key[0] {
	case '+':
		return decimal(a + b)
	case '-':
		return decimal(a - b)
	case '*':
		return decimal(a * b)
	case '/', '%':
		if b == 0 {
			return "", ErrNotFound
		}
		if key[0] == '/' {
			return decimal(a / b)
		}
		return decimal(a % b)
	case '|':
		return decimal(a | b)
	case '&':
		return decimal(a & b)
	case 'l':
		return truth(a < b)
	case '=':
		return truth(a == b)
	case 'r':
		if b-a+1 <= 0 {
			return "", missing(exConfig, errors.New("r needs a smaller first operand"))
		}
		return decimal(a + rand.Int64N(b-a+1))
	}
	return "", missing(exConfig, fmt.Errorf("unknown operator %c", key[0]))
}

func decimal(n int64) (string, error) { return strconv.FormatInt(n, 10), nil }

func truth(b bool) (string, error) {
	if b {
		return "TRUE", nil
	}
	return "FALSE", nil
}

// strtol reads a number: blanks, a sign, 0x or 0 for the base; what follows the number is ignored, and what is too
// large is cut to the largest.
func strtol(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	base, digits := 10, "0123456789"
	switch {
	case len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") && strings.IndexByte("0123456789abcdefABCDEF", s[2]) >= 0:
		base, digits, s = 16, "0123456789abcdefABCDEF", s[2:]
	case strings.HasPrefix(s, "0"):
		base, digits = 8, "01234567"
	}
	s = s[:len(s)-len(strings.TrimLeft(s, digits))]
	if neg {
		s = "-" + s
	}
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return n
}

// arpa is class arpa: the name under which the PTR record of an address (a.b.c.d or IPv6:...) is, without its last two
// labels.
func arpa(_ context.Context, _ *Params, key string, _ []string) (string, error) {
	text := key
	if len(key) > 5 && strings.EqualFold(key[:5], "IPv6:") {
		text = key[5:]
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is6() != (text != key) {
		return "", missing(exDataErr, errors.New("not an address"))
	}
	b := a.AsSlice()
	var labels []string
	for i := len(b) - 1; i >= 0; i-- {
		if a.Is4() {
			labels = append(labels, strconv.Itoa(int(b[i])))
		} else {
			labels = append(labels, strconv.FormatInt(int64(b[i]&15), 16), strconv.FormatInt(int64(b[i]>>4), 16))
		}
	}
	return strings.Join(labels, "."), nil
}
