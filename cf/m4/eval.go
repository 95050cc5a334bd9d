package m4

import (
	"math"
	"strconv"
	"strings"
)

func biIncr(e *Engine, args []Arg) string { return e.step(args, 1) }
func biDecr(e *Engine, args []Arg) string { return e.step(args, -1) }

func (e *Engine) step(args []Arg, by int) string {
	n, ok := e.number(args[0].Text, args[1].Text)
	if !ok {
		return ""
	}
	return strconv.Itoa(int(int32(n + by)))
}

// biEval computes an expression in 32-bit integers, and writes it in a radix with at least as many digits as asked.
func biEval(e *Engine, args []Arg) string {
	name := args[0].Text
	radix, width, ok := 10, 1, true
	if arg(args, 2) != "" {
		if radix, ok = e.number(name, args[2].Text); !ok {
			return ""
		}
	}
	if radix < 1 || radix > 36 {
		e.Warn("radix %d in builtin `%s' out of range", radix, name)
		return ""
	}
	if len(args) > 3 {
		if width, ok = e.number(name, args[3].Text); !ok {
			return ""
		}
	}
	if width < 0 {
		e.Warn("negative width to builtin `%s'", name)
		return ""
	}
	v := int32(0)
	if args[1].Text == "" {
		e.Warn("empty string treated as 0 in builtin `%s'", name)
	} else if v, ok = e.evaluate(args[1].Text); !ok {
		return ""
	}
	return e.inRadix(v, radix, width)
}

// inRadix writes v; radix 1 is as many ones as v counts.
func (e *Engine) inRadix(v int32, radix, width int) string {
	size := int64(v)
	sign := ""
	if v < 0 {
		sign, size = "-", -size
	}
	if radix == 1 {
		if !e.room(max(size, int64(width))) {
			return ""
		}
		return sign + strings.Repeat("0", max(0, width-int(size))) + strings.Repeat("1", int(size))
	}
	digits := strconv.FormatInt(size, radix)
	if !e.room(int64(width)) {
		return ""
	}
	return sign + strings.Repeat("0", max(0, width-len(digits))) + digits
}

// evaluate computes text, and reports an error in it.
func (e *Engine) evaluate(text string) (int32, bool) {
	p := evaluator{e: e, text: text}
	v, fault := p.all()
	switch fault {
	case evalOK:
		return v, true
	case evalDivide:
		e.Warn("divide by zero in eval: %s", text)
	case evalModulo:
		e.Warn("modulo by zero in eval: %s", text)
	case evalNegative:
		e.Warn("negative exponent in eval: %s", text)
	case evalParenthesis:
		e.Warn("bad expression in eval (missing right parenthesis): %s", text)
	case evalSyntax:
		e.Warn("bad expression in eval: %s", text)
	case evalInput:
		e.Warn("bad expression in eval (bad input): %s", text)
	case evalExcess:
		e.Warn("bad expression in eval (excess input): %s", text)
	case evalOperator:
		e.complain(Failure, "invalid operator in eval: %s", text)
	case evalDeep:
		e.fatal("expression in eval is nested too deeply")
	}
	return 0, false
}

// fault is what can be wrong with an expression. The first three do not count in an operand that && or || need not look at.
type fault int

const (
	evalOK fault = iota
	evalDivide
	evalModulo
	evalNegative
	evalParenthesis
	evalSyntax
	evalInput
	evalExcess
	evalOperator
	evalDeep
)

// evalDepth bounds nested parentheses and chains of unary operators.
const evalDepth = 50000

// evaluator parses an expression by precedence. tok is the token read last: an operator, '0' for a number, 0 at the end.
type evaluator struct {
	text  string
	tok   string
	value int32
	depth int
	e     *Engine
}

// The kinds of tokens that are no operators.
const (
	endToken    = ""
	numberToken = "0"
	badToken    = "?"
	badOperator = "op="
)

// binary gives the precedence of each binary operator.
var binary = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "=": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}

// operators lists the tokens, the longer first. Those of C that m4 does not have are there to be named.
var operators = []string{
	"**", "||", "&&", "==", "!=", "<<=", ">>=", "<=", ">=", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "++", "--",
	"+", "-", "*", "/", "%", "^", "&", "|", "!", "~", "<", ">", "=", "(", ")",
}

func (p *evaluator) all() (int32, fault) {
	p.next()
	v, f := p.expression(1)
	if f == evalOK && p.tok != endToken {
		if p.tok == badOperator {
			return 0, evalOperator
		}
		return 0, evalExcess
	}
	return v, f
}

// expression computes operands joined by operators of at least the precedence given.
func (p *evaluator) expression(least int) (int32, fault) {
	if p.depth++; p.depth > evalDepth {
		return 0, evalDeep
	}
	v, f := p.joined(least)
	p.depth--
	return v, f
}

func (p *evaluator) joined(least int) (int32, fault) {
	v, f := p.operand()
	for f == evalOK {
		op := p.tok
		level := binary[op]
		if level == 0 || level < least {
			break
		}
		p.next()
		if p.tok == badToken {
			return 0, evalInput
		}
		next := level + 1
		if op == "**" {
			next = level
		}
		var right int32
		right, f = p.expression(next)
		if op == "=" && f == evalOK {
			p.e.Warn("Warning: recommend ==, not =, for equality operator")
		}
		if v, f = combine(op, v, right, f); f != evalOK {
			return 0, f
		}
	}
	if f == evalOK && p.tok == badToken {
		return 0, evalInput
	}
	return v, f
}

// operand computes a number, a parenthesis, or one of these after unary operators.
func (p *evaluator) operand() (int32, fault) {
	switch op := p.tok; op {
	case "+", "-", "~", "!":
		if p.depth++; p.depth > evalDepth {
			return 0, evalDeep
		}
		p.next()
		if p.tok == badToken {
			return 0, evalInput
		}
		v, f := p.operand()
		p.depth--
		switch op {
		case "-":
			v = -v
		case "~":
			v = ^v
		case "!":
			v = truth(v == 0)
		}
		return v, f
	case "(":
		p.next()
		if p.tok == badToken {
			return 0, evalInput
		}
		v, f := p.expression(1)
		if f != evalOK {
			return 0, f
		}
		if p.tok != ")" {
			return 0, evalParenthesis
		}
		p.next()
		return v, evalOK
	case numberToken:
		v := p.value
		p.next()
		return v, evalOK
	case badOperator:
		return 0, evalOperator
	}
	return 0, evalSyntax
}

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// combine applies a binary operator; f is what was wrong with the right operand.
func combine(op string, a, b int32, f fault) (int32, fault) {
	switch {
	case op == "||" && a != 0 && f < evalParenthesis:
		return 1, evalOK
	case op == "&&" && a == 0 && f < evalParenthesis:
		return 0, evalOK
	case f != evalOK:
		return 0, f
	}
	switch op {
	case "||":
		return truth(b != 0), evalOK
	case "&&":
		return truth(b != 0), evalOK
	case "|":
		return a | b, evalOK
	case "^":
		return a ^ b, evalOK
	case "&":
		return a & b, evalOK
	case "==", "=":
		return truth(a == b), evalOK
	case "!=":
		return truth(a != b), evalOK
	case "<":
		return truth(a < b), evalOK
	case "<=":
		return truth(a <= b), evalOK
	case ">":
		return truth(a > b), evalOK
	case ">=":
		return truth(a >= b), evalOK
	case "<<":
		return a << (b & 31), evalOK
	case ">>":
		return a >> (b & 31), evalOK
	case "+":
		return a + b, evalOK
	case "-":
		return a - b, evalOK
	case "*":
		return a * b, evalOK
	}
	return divide(op, a, b)
}

// divide applies the operators that are not defined for all operands.
func divide(op string, a, b int32) (int32, fault) {
	switch {
	case op == "**" && b < 0:
		return 0, evalNegative
	case op == "**" && a == 0 && b == 0:
		return 0, evalDivide
	case op == "**":
		return power(a, b), evalOK
	case op == "/" && b == 0:
		return 0, evalDivide
	case b == 0:
		return 0, evalModulo
	case a == math.MinInt32 && b == -1 && op == "/":
		return a, evalOK
	case op == "/":
		return a / b, evalOK
	}
	return a % b, evalOK
}

func power(a, n int32) int32 {
	v := int32(1)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			v *= a
		}
		a *= a
	}
	return v
}

// next reads a token.
func (p *evaluator) next() {
	for p.text != "" && (p.text[0] == ' ' || p.text[0] >= '\t' && p.text[0] <= '\r') {
		p.text = p.text[1:]
	}
	if p.text == "" {
		p.tok = endToken
		return
	}
	if c := p.text[0]; c >= '0' && c <= '9' {
		p.number()
		return
	}
	if len(p.text) > 1 && strings.IndexByte("*|&=<>+-", p.text[1]) < 0 && strings.IndexByte("+-*/%^&|!~<>=()", p.text[0]) >= 0 {
		p.tok, p.text = p.text[:1], p.text[1:]
		return
	}
	for _, op := range operators {
		if strings.HasPrefix(p.text, op) {
			p.text = p.text[len(op):]
			p.tok = op
			if binary[op] == 0 && len(op) > 1 {
				p.tok = badOperator
			}
			return
		}
	}
	p.tok = badToken
}

// number reads a number: decimal, octal, 0x, 0b or 0r and a radix with a colon. It wraps at 32 bits.
func (p *evaluator) number() {
	p.tok = badToken
	s := p.text
	base := 10
	if s[0] == '0' {
		base = 8
		s = s[1:]
		switch {
		case s == "":
		case s[0]|0x20 == 'x':
			base, s = 16, s[1:]
		case s[0]|0x20 == 'b':
			base, s = 2, s[1:]
		case s[0]|0x20 == 'r':
			for base, s = 0, s[1:]; s != "" && s[0] >= '0' && s[0] <= '9' && base <= 36; s = s[1:] {
				base = base*10 + int(s[0]-'0')
			}
			if base < 1 || base > 36 || s == "" || s[0] != ':' {
				return
			}
			s = s[1:]
		}
	}
	v := uint32(0)
	for ; s != ""; s = s[1:] {
		d := digit(s[0])
		if base == 1 && (d == 1 || d == 0 && v == 0) {
			v += uint32(d)
			continue
		}
		if d >= base || base == 1 {
			break
		}
		v = v*uint32(base) + uint32(d)
	}
	p.text, p.tok, p.value = s, numberToken, int32(v)
}

// digit is the value of a digit or letter; 99 for other bytes.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return 99
}
