package m4

import (
	"strconv"
	"strings"
)

// compile returns the compiled regular expression, and keeps it. On an error it reports that, in the words that the
// builtin has for it, and returns nil.
func (e *Engine) compile(text, complaint string) *regex {
	if re := e.regexes[text]; re != nil {
		return re
	}
	re, err := compileRegex(text)
	if err != nil {
		e.Warn("%s `%s': %s", complaint, text, err)
		return nil
	}
	const keep = 200
	if len(e.regexes) >= keep {
		clear(e.regexes)
	}
	e.regexes[text] = re
	return re
}

// matcher prepares searches of re in text.
func (e *Engine) matcher(re *regex, text string) *matcher {
	return &matcher{re: re, text: text, spend: func(n int64) bool {
		e.spend(n)
		return e.err == nil
	}}
}

// biRegexp gives the offset of a match, or with a third argument that text with the parts of the match put in.
func biRegexp(e *Engine, args []Arg) string {
	text, expr := args[1].Text, args[2].Text
	re := e.compile(expr, "bad regular expression:")
	if re == nil {
		return ""
	}
	m := e.matcher(re, text)
	v := m.find(0)
	if v == stopped {
		e.Warn("error matching regular expression `%s'", expr)
		return ""
	}
	switch {
	case len(args) == 3 && v == matched:
		return strconv.Itoa(m.regs[0])
	case len(args) == 3:
		return "-1"
	case v == unmatched:
		return ""
	}
	return e.text(e.replace(nil, m, arg(args, 3)))
}

// biPatsubst replaces all matches of a regular expression.
func biPatsubst(e *Engine, args []Arg) string {
	text, expr, with := args[1].Text, args[2].Text, arg(args, 3)
	re := e.compile(expr, "bad regular expression")
	if re == nil {
		return ""
	}
	m := e.matcher(re, text)
	var out []byte
	for from := 0; from <= len(text); {
		v := m.find(from)
		if v == stopped {
			e.Warn("error matching regular expression `%s'", expr)
		}
		if v != matched {
			out = append(out, text[from:]...)
			break
		}
		out = append(out, text[from:m.regs[0]]...)
		out = e.replace(out, m, with)
		if !e.room(int64(len(out))) {
			return ""
		}
		from = m.regs[1]
		if m.regs[0] == m.regs[1] {
			if from < len(text) {
				out = append(out, text[from])
			}
			from++
		}
	}
	return e.text(out)
}

// replace appends the replacement of a match: \& is all of it, \1 to \9 its groups, another escaped byte itself.
func (e *Engine) replace(out []byte, m *matcher, with string) []byte {
	for {
		i := strings.IndexByte(with, '\\')
		if i < 0 {
			return append(out, with...)
		}
		out = append(out, with[:i]...)
		if i == len(with)-1 {
			e.Warn("Warning: trailing \\ ignored in replacement")
			return out
		}
		c := with[i+1]
		with = with[i+2:]
		switch {
		case c == '0' || c == '&':
			if c == '0' {
				e.Warn("Warning: \\0 will disappear, use \\& instead in replacements")
			}
			out = append(out, m.text[m.regs[0]:m.regs[1]]...)
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if n > m.re.groups {
				e.Warn("Warning: sub-expression %d not present", n)
			} else if from, to := m.regs[2*n], m.regs[2*n+1]; to > from && from >= 0 {
				out = append(out, m.text[from:to]...)
			}
		default:
			out = append(out, c)
		}
	}
}

// CheckSequence tells whether text can be an Options.WarnSequence.
func CheckSequence(text string) error {
	_, err := compileRegex(text)
	return err
}

// checkSequence warns about a definition that holds what Options.WarnSequence looks for.
func (e *Engine) checkSequence(name, text string) {
	if e.sequence == nil {
		return
	}
	m := e.matcher(e.sequence, text)
	for from := 0; from <= len(text) && m.find(from) == matched; from = max(m.regs[1], from+1) {
		e.warnQuiet("Warning: definition of `%s' contains sequence `%s'", name, text[m.regs[0]:m.regs[1]])
	}
}
