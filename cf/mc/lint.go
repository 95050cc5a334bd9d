package mc

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"gosendmail/cf/m4"
)

// lintTexts warns of quotes in the input files that m4 takes for something else.
func (r *run) lintTexts() {
	for i, name := range r.files {
		if isDoor(filepath.ToSlash(name)) {
			continue
		}
		p := inspect(name, r.texts[i], r.engine.Defined)
		for _, d := range p.found {
			r.add(d)
		}
		r.asides = append(r.asides, p.asides...)
	}
}

// named is a macro that an input file defines.
type named struct {
	name string
	at   m4.Position
}

// ownNames lists the macros that the input files define, by lines.
func (r *run) ownNames() []named {
	var found []named
	r.engine.Names(func(name string) bool {
		text, call, ok := r.engine.Where(name)
		if ok && slices.Contains(r.files, text.File) && slices.Contains(r.files, call.File) {
			found = append(found, named{name, call})
		}
		return true
	})
	sort.Slice(found, func(i, j int) bool {
		if found[i].at.Line != found[j].at.Line {
			return found[i].at.Line < found[j].at.Line
		}
		return found[i].name < found[j].name
	})
	return found
}

// lintNames warns of defines that have no effect: no file of the library uses them, or no call can reach them.
func (r *run) lintNames() {
	if r.opt.CFDir != "" {
		return // what another tree knows is its own matter
	}
	for _, n := range r.ownNames() {
		switch {
		case confPrefix(n.name) == len(n.name):
			if !confKnown(n.name) {
				r.add(Diagnostic{Position: n.at, Severity: Warning, Text: n.name + " is not known and has no effect", Hint: nearest(n.name, confNames())})
			}
		case !isWord(n.name):
			r.lintOddName(n)
		case len(n.name) > 4 && strings.ToUpper(n.name) == n.name:
			r.lintUnused(n)
		}
	}
}

// isWord tells whether m4 reads a text as one word, so that it can be called.
func isWord(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; !isLetter(c) && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// lintOddName warns of a name that cannot be called, unless its line has been complained about.
func (r *run) lintOddName(n named) {
	if r.complained(n.at) {
		return
	}
	d := Diagnostic{Position: n.at, Severity: Warning, Text: fmt.Sprintf("define of %q has no effect: that is not the name of a macro", n.name)}
	if word := r.unquotedName(n.at); word != "" {
		d.Text += fmt.Sprintf(", but what %[1]s stands for: write `%[1]s'", word)
	}
	if word := strings.Trim(n.name, " \t\n'\"`‘’“”´"); word != n.name && isWord(word) {
		d.Hint = word
	}
	r.add(d)
}

// unquotedName is the name without quotes, of a macro, that a define at a place begins with; empty if there is none.
func (r *run) unquotedName(at m4.Position) string {
	text := r.texts[slices.Index(r.files, at.File)]
	for range at.Line - 1 {
		_, text, _ = strings.Cut(text, "\n")
	}
	line, _, _ := strings.Cut(text, "\n")
	_, after, ok := strings.Cut(line[min(len(line), max(0, at.Column-1)):], "define(")
	n := 0
	for n < len(after) && isWordByte(after[n]) {
		n++
	}
	if !ok || n == 0 || !r.engine.Defined(after[:n]) {
		return ""
	}
	return after[:n]
}

// complained tells whether the text of the line at a place has been complained about; what macros said of it does not
// count.
func (r *run) complained(at m4.Position) bool {
	return slices.ContainsFunc(r.diags, func(d Diagnostic) bool { return d.Line == at.Line && d.File == at.File && len(d.Stack) == 0 })
}

// lintUnused warns of a define whose name nothing reads, if it resembles one that the library reads.
func (r *run) lintUnused(n named) {
	uses := 0
	for _, text := range r.texts {
		uses += strings.Count(text, n.name)
	}
	if uses != 1 || libraryMentions(n.name) || r.finder.foreign {
		return
	}
	if near := nearest(n.name, settings()); near != "" {
		r.add(Diagnostic{Position: n.at, Severity: Warning, Text: n.name + " is not used by anything", Hint: near})
	}
}

// lintLines warns of lines of the input that came out as they are and are no lines of a configuration: calls that m4
// did not know, rules whose tabs got lost, remains of wrong quotes.
func (r *run) lintLines(lines []Line) {
	for i, l := range lines {
		if l.Text == "" || l.Text[0] == '#' || !slices.Contains(r.files, l.Library().File) {
			continue
		}
		d := Diagnostic{Position: l.Source(), Severity: Warning}
		switch word := leftover(strings.TrimSpace(l.Text)); {
		case word != "":
			if d.Hint = nearest(word, words()); d.Hint != "" {
				d.Text = word + " is no macro; the line goes into the output as it is"
			}
		case r.complained(l.Source()):
		case strings.IndexByte(lineLetters, l.Text[0]) < 0:
			own, _, _ := strings.Cut(l.Text, "#") // the library's first line can follow without a newline
			d.Text = fmt.Sprintf("%.30q is no line of a configuration, and no call of a macro that is known", own)
		case l.Text[0] == 'R' && !strings.Contains(l.Text, "\t") && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1].Text, "\t")):
			d.Text = "the rule has no tab: tabs, not spaces, end its left side"
		}
		if d.Text != "" {
			r.add(d)
		}
	}
}

// lineLetters are what the lines of a configuration begin with; blanks go on with the line before.
const lineLetters = "CDEFHKMOPQRSTVX# \t"

// leftover returns the word of capitals that the line consists of; empty if it is not such a line.
func leftover(line string) string {
	n := 0
	for n < len(line) && (line[n] >= 'A' && line[n] <= 'Z' || n > 0 && (line[n] == '_' || line[n] >= '0' && line[n] <= '9')) {
		n++
	}
	if n < 4 || n < len(line) {
		return ""
	}
	return line[:n]
}

var (
	rewriters = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[,\s][SR]=([^,\s]*)`) })
	heading   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^S\s*([^\s=]+)(?:\s*=\s*(\S+))?`) })
)

// Lint warns of what is legal and compiles, but hardly does what was meant: calls behind a # that is no comment of m4
// any more, and mailers that name rule sets (equates S and R) which the configuration does not define. Addresses pass
// such a mailer as if the equate were not there; senders are not masqueraded, for example.
func (o *Output) Lint() []Diagnostic {
	defined := map[string]bool{"0": true}
	for _, l := range o.Lines {
		if m := heading().FindStringSubmatch(l.Text); m != nil {
			defined[m[1]], defined[m[2]] = true, true
		}
	}
	found := slices.Clone(o.asides)
	mailer := ""
	for _, l := range o.Lines {
		switch {
		case strings.HasPrefix(l.Text, "M"):
			mailer, _, _ = strings.Cut(l.Text[1:], ",")
		case mailer != "" && strings.TrimLeft(l.Text, " \t") == l.Text:
			mailer = ""
		}
		if mailer == "" {
			continue
		}
		found = append(found, l.undefined(strings.TrimSpace(mailer), defined)...)
	}
	return found
}

// undefined lists the rule sets that a line of a mailer names and nobody defines.
func (l Line) undefined(mailer string, defined map[string]bool) []Diagnostic {
	var found []Diagnostic
	for _, m := range rewriters().FindAllStringSubmatch(l.Text, -1) {
		for _, set := range strings.Split(m[1], "/") {
			if set != "" && !defined[set] {
				equate, _, _ := strings.Cut(strings.TrimLeft(m[0], ", \t"), "=")
				found = append(found, Diagnostic{Position: l.Source(), Severity: Warning,
					Text: "mailer " + mailer + " names rule set " + set + " in " + equate + "=, which the configuration does not define"})
			}
		}
	}
	return found
}
