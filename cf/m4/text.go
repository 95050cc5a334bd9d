package m4

import (
	"strconv"
	"strings"
)

func biLen(_ *Engine, args []Arg) string { return strconv.Itoa(len(args[1].Text)) }

func biIndex(_ *Engine, args []Arg) string {
	return strconv.Itoa(strings.Index(args[1].Text, args[2].Text))
}

// biSubstr gives the part of a text from an offset, up to a length.
func biSubstr(e *Engine, args []Arg) string {
	text, name := args[1].Text, args[0].Text
	from, ok := e.number(name, args[2].Text)
	if !ok {
		return ""
	}
	n := len(text)
	if len(args) > 3 {
		if n, ok = e.number(name, args[3].Text); !ok {
			return ""
		}
	}
	if from < 0 || from >= len(text) || n <= 0 {
		return ""
	}
	return text[from:min(len(text), from+n)]
}

// biTranslit replaces bytes by others, or removes them.
func biTranslit(_ *Engine, args []Arg) string {
	text, from, to := args[1].Text, ranges(args[2].Text), ranges(arg(args, 3))
	var table [256]int // byte wanted + 1; 0 means as it is, -1 remove
	for i := 0; i < len(from); i++ {
		switch c := from[i]; {
		case table[c] != 0: // the first one counts
		case i < len(to):
			table[c] = int(to[i]) + 1
		default:
			table[c] = -1
		}
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch t := table[text[i]]; {
		case t == 0:
			out = append(out, text[i])
		case t > 0:
			out = append(out, byte(t-1))
		}
	}
	return string(out)
}

// ranges writes out ranges such as a-z and z-a; a - at either end stands for itself.
func ranges(s string) string {
	if len(s) < 3 || strings.IndexByte(s[1:len(s)-1], '-') < 0 {
		return s
	}
	out := []byte{s[0]}
	for i := 1; i < len(s); i++ {
		if s[i] != '-' || i == len(s)-1 {
			out = append(out, s[i])
			continue
		}
		i++
		from, to := int(s[i-2]), int(s[i])
		switch {
		case to > from:
			for c := from + 1; c <= to; c++ {
				out = append(out, byte(c))
			}
		case to < from:
			for c := from - 1; c >= to; c-- {
				out = append(out, byte(c))
			}
		}
	}
	return string(out)
}
