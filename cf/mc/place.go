package mc

import (
	"slices"
	"strings"

	"gosendmail/cf/m4"
)

// Place is the line of the input file that caused line n of the .cf, counted from 1, or that gave an option its value;
// line is 0 where the library writes it in any case.
func (o *Output) Place(n int) (file string, line int) {
	if n < 1 || n > len(o.Lines) {
		return "", 0
	}
	l := o.Lines[n-1]
	at := l.Source()
	if at.File == "" {
		at = l.run.valuePlace(l.Text)
	}
	if at.File == "" {
		return l.run.files[len(l.run.files)-1], 0
	}
	return at.File, at.Line
}

// valuePlace finds the line of the input that gave a line of the library its value: the line that has the value itself,
// else the one that made the define of an option. It is zero where there is none.
func (r *run) valuePlace(text string) m4.Position {
	option, value, isOption := strings.Cut(strings.TrimPrefix(text, "O "), "=")
	isOption = isOption && strings.HasPrefix(text, "O ")
	if isOption {
		for _, o := range OptionDefines() {
			if o.Option == option {
				return r.definePlace(o.Define)
			}
		}
		return r.textPlace(value)
	}
	if strings.HasPrefix(text, "Fw") || strings.HasPrefix(text, "Ft") {
		return r.textPlace("use_c" + text[1:2] + "_file") // the FEATURE
	}
	_, value, _ = strings.Cut(text, ",") // of lines M, Q and X
	for _, part := range append([]string{value}, strings.Fields(text[min(2, len(text)):])...) {
		if at := r.textPlace(part); at.File != "" {
			return at
		}
	}
	return m4.Position{}
}

// leastText is how long a text must be to be looked for.
const leastText = 3

// textPlace is the first line of the input that holds a text.
func (r *run) textPlace(value string) m4.Position {
	if value = strings.TrimSpace(value); len(value) < leastText {
		return m4.Position{}
	}
	for i, text := range r.texts {
		if before, _, found := strings.Cut(text, value); found && !isDoor(r.files[i]) {
			return m4.Position{File: r.files[i], Line: strings.Count(before, "\n") + 1}
		}
	}
	return m4.Position{}
}

// definePlace is the line of the input that defined a macro, by itself or by what it called.
func (r *run) definePlace(name string) m4.Position {
	if _, call, ok := r.engine.Where(name); ok && slices.Contains(r.files, call.File) {
		return call
	}
	return m4.Position{}
}
