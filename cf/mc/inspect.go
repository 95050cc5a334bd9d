package mc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"

	"gosendmail/cf/m4"
)

const byteOrderMark = "\ufeff"

// plainText takes away what editors of other systems put into text files: a byte order mark, and carriage returns
// before newlines.
func plainText(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
		return "", errors.New("the file is UTF-16: save it as UTF-8 or ASCII" + firstWords(text[2:], binary.LittleEndian))
	case strings.HasPrefix(text, "\xfe\xff"):
		return "", errors.New("the file is UTF-16: save it as UTF-8 or ASCII" + firstWords(text[2:], binary.BigEndian))
	}
	text = strings.TrimPrefix(text, byteOrderMark)
	if strings.Contains(text, "\r\n") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text, nil
}

// firstWords shows how a UTF-16 text begins, so that its owner sees that it was understood.
func firstWords(text string, order binary.ByteOrder) string {
	var units []uint16
	for i := 0; i+1 < len(text) && i < 80; i += 2 {
		u := order.Uint16([]byte(text[i : i+2]))
		if u == '\n' || u == '\r' {
			break
		}
		units = append(units, u)
	}
	return fmt.Sprintf(" (it begins with %q)", string(utf16.Decode(units)))
}

// inspector reads the text of an input file as m4 would without expanding it. It finds quotes that m4 cannot know to be
// wrong.
type inspector struct {
	file, text  string
	pos         int
	line, start int  // the line that pos is in, and the offset where that begins
	comments    bool // the hash sign is a comment: the door has not been included yet
	calls       int  // parentheses open, of calls
	first       bool // nothing of the call's first argument has been read
	defined     func(name string) bool
	found       []Diagnostic
	asides      []Diagnostic // what is only worth a word when asked
}

// inspect looks for quotes and calls that are written wrongly. defined tells whether a macro is known.
func inspect(file, text string, defined func(name string) bool) *inspector {
	p := &inspector{file: file, text: text, line: 1, comments: strings.Contains(text, door), defined: defined}
	if strings.Contains(text, "changequote") {
		return p // the quotes are the site's own
	}
	for p.pos < len(text) {
		p.token()
	}
	return p
}

// token reads one word, quoted string or byte.
func (p *inspector) token() {
	c := p.text[p.pos]
	switch {
	case isLetter(c):
		p.word()
	case c == '`':
		p.quoted()
	case c == '#' && p.comments:
		p.toLineEnd()
	case c == '#' && p.calls == 0 && strings.TrimSpace(p.text[p.start:p.pos]) == "":
		p.hash()
		p.step(1)
	case c == '\'' && p.calls > 0:
		p.strayQuote()
		p.step(1)
	case c == '(' && p.calls > 0:
		p.calls++
		p.step(1)
	case c == ')' && p.calls > 0:
		p.calls--
		p.step(1)
	case p.calls > 0 && p.foreignQuote():
	default:
		if p.first && c != ' ' && c != '\t' && c != '\n' {
			p.first = false
		}
		p.step(1)
	}
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// step moves on by n bytes.
func (p *inspector) step(n int) {
	for ; n > 0 && p.pos < len(p.text); n-- {
		if p.text[p.pos] == '\n' {
			p.line++
			p.start = p.pos + 1
		}
		p.pos++
	}
}

func (p *inspector) toLineEnd() {
	n := strings.IndexByte(p.text[p.pos:], '\n')
	if n < 0 {
		n = len(p.text) - p.pos
	}
	p.step(n)
}

// hash tells of a call on a line that begins with a hash sign and yet is no comment.
func (p *inspector) hash() {
	line, _, _ := strings.Cut(p.text[p.pos:], "\n")
	code, _, _ := strings.Cut(line, "dnl")
	for rest := code; ; {
		before, after, ok := strings.Cut(rest, "(")
		if !ok {
			return
		}
		word := before[strings.LastIndexFunc(before, func(r rune) bool { return r > 0x7f || !isLetter(byte(r)) })+1:]
		if callable(word) {
			p.asides = append(p.asides, Diagnostic{Position: p.at(), Severity: Warning,
				Text: word + " is expanded here: a # does not hide it from m4 any more, dnl does"})
			return
		}
		rest = after
	}
}

// word reads a word; one that can be a macro, with a parenthesis behind it, begins a call.
func (p *inspector) word() {
	end := p.pos
	for end < len(p.text) && (isLetter(p.text[end]) || p.text[end] >= '0' && p.text[end] <= '9') {
		end++
	}
	word := p.text[p.pos:end]
	if word == "dnl" {
		p.toLineEnd()
		return
	}
	if word == "include" || word == "sinclude" {
		rest, _, _ := strings.Cut(p.text[end:], "\n")
		p.comments = p.comments && !strings.Contains(rest, door)
	}
	p.first = false
	if p.calls == 0 && strings.TrimSpace(p.text[p.start:p.pos]) == "" {
		p.lineWord(word, p.text[end:])
	}
	p.step(end - p.pos)
	if end < len(p.text) && p.text[end] == '(' && (p.calls > 0 || callable(word)) {
		p.calls++
		p.first = true
		p.step(1)
	}
}

// lineWord reports a word at the beginning of a line that is a call gone wrong: its name is misspelled, or a blank stands behind it.
func (p *inspector) lineWord(word, rest string) {
	switch blank := strings.TrimLeft(rest, " \t"); {
	case len(word) < 4 || rest == "":
	case rest[0] == '(' && !p.defined(word):
		if near := nearest(word, vocabulary()); near != "" {
			p.report(word + " is no macro")
			p.found[len(p.found)-1].Hint = near
		}
	case len(blank) < len(rest) && strings.HasPrefix(blank, "(") && callable(word) && p.defined(word) && !slices.Contains(parts, word):
		p.report("the parenthesis must follow " + word + " at once: this is a call without arguments, and a text in parentheses")
	}
}

// parts are the macros that complain by themselves when they get no name.
var parts = []string{"FEATURE", "MAILER", "OSTYPE", "DOMAIN", "HACK"}

// builtins are the macros of m4 itself that a .mc calls.
var builtins = []string{"define", "undefine", "pushdef", "popdef", "ifdef", "ifelse", "include", "sinclude", "divert", "errprint"}

// vocabulary lists what a .mc calls.
var vocabulary = sync.OnceValue(func() []string { return slices.Concat(builtins, words()) })

// callable tells whether a word looks like the name of a macro that a .mc calls.
func callable(word string) bool {
	return slices.Contains(builtins, word) || len(word) > 3 && strings.ToUpper(word) == word
}

// quoted reads a quoted string with those in it. One that never ends is the engine's to report.
func (p *inspector) quoted() {
	p.first = false
	level := 0
	for i := p.pos; i < len(p.text); i++ {
		switch p.text[i] {
		case '`':
			level++
		case '\'':
			if level--; level == 0 {
				p.step(i + 1 - p.pos)
				return
			}
		}
	}
	p.pos = len(p.text)
}

// strayQuote reports a closing quote within a call that no quote opened.
func (p *inspector) strayQuote() {
	if p.first {
		p.report("a quote opens with ` (backquote), not with '")
		p.first = false
		return
	}
	p.report("' closes a quote that no ` opens: the text before it lacks its `, or ends early at an apostrophe")
}

// typographic are signs that word processors write in place of quotes.
var typographic = []string{"‘", "’", "“", "”", "´", "«", "»"}

// foreignQuote tells of another kind of quote outside m4's. At the beginning of a call it is wrong; elsewhere it may be meant.
func (p *inspector) foreignQuote() bool {
	for _, sign := range append(typographic, `"`) {
		if !strings.HasPrefix(p.text[p.pos:], sign) {
			continue
		}
		text := sign + " is no quote of m4: a quoted text begins with ` and ends with '"
		if p.first {
			p.report(text)
		} else {
			p.asides = append(p.asides, Diagnostic{Position: p.at(), Severity: Warning, Text: text})
		}
		p.first = false
		p.step(len(sign))
		return true
	}
	return false
}

func (p *inspector) at() m4.Position {
	return m4.Position{File: p.file, Line: p.line, Column: p.pos - p.start + 1}
}

// report records a problem at pos, one for each line.
func (p *inspector) report(text string) {
	if n := len(p.found); n > 0 && p.found[n-1].Line == p.line {
		return
	}
	p.found = append(p.found, Diagnostic{Position: p.at(), Severity: Warning, Text: text})
}

// lostQuote looks in a text for the line that lacks the quote which would end one that begins at a line; 0 if no line
// looks like that. how says what is wrong with it.
func lostQuote(text string, from int) (line int, how string) {
	n := 0
	for l := range strings.Lines(text) {
		if n++; n < from {
			continue
		}
		code, _, _ := strings.Cut(l, "dnl")
		opened, closed := strings.Count(code, "`"), strings.Count(code, "'")
		last := strings.LastIndexByte(code, '`')
		switch {
		case opened <= closed || last < 0:
		case closesWithOpener(code):
			return n, "closes a text with ` where ' belongs"
		case !strings.Contains(code[last:], "'") && strings.ContainsAny(code[last:], "),"):
			return n, "lacks a ' after " + strings.TrimRight(firstPart(code[last:]), " \t")
		}
	}
	return 0, ""
}

// closesWithOpener tells whether a ` stands between a text and the end of an argument.
func closesWithOpener(code string) bool {
	for i := 1; i+1 < len(code); i++ {
		if code[i] == '`' && (code[i+1] == ',' || code[i+1] == ')') && strings.IndexByte("(,`' \t", code[i-1]) < 0 {
			return true
		}
	}
	return false
}

// firstPart is s up to a comma, a parenthesis or the end of the line.
func firstPart(s string) string {
	if i := strings.IndexAny(s, "),\n"); i >= 0 {
		return s[:i]
	}
	return s
}
