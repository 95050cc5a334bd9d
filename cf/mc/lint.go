package mc

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"gosendmail/cf/m4"
)

// lintNames warns of conf defines that no file of the library uses: they have no effect.
func (r *run) lintNames() {
	if r.opt.CFDir != "" {
		return // what another tree knows is its own matter
	}
	type unknown struct {
		name string
		at   m4.Position
	}
	var found []unknown
	r.engine.Names(func(name string) bool {
		if confPrefix(name) != len(name) {
			return true
		}
		at, ok := r.engine.Where(name)
		if ok && slices.Contains(r.files, at.File) && !confKnown(name) {
			found = append(found, unknown{name, at})
		}
		return true
	})
	sort.Slice(found, func(i, j int) bool { return found[i].at.Line < found[j].at.Line })
	for _, u := range found {
		r.add(Diagnostic{Position: u.at, Severity: Warning, Text: u.name + " is not known and has no effect", Hint: nearest(u.name, confNames())})
	}
}

// lintLines warns of lines that look like a macro call that m4 did not know.
func (r *run) lintLines(lines []Line) {
	for _, l := range lines {
		word := leftover(strings.TrimSpace(l.Text))
		if word == "" || !slices.Contains(r.files, l.Library().File) {
			continue
		}
		if near := nearest(word, words()); near != "" {
			r.add(Diagnostic{Position: l.Source(), Severity: Warning, Text: word + " is no macro; the line goes into the output as it is", Hint: near})
		}
	}
}

// leftover returns the word of capitals that the line consists of, or that a parenthesis follows; empty if it is not such a line.
func leftover(line string) string {
	n := 0
	for n < len(line) && (line[n] >= 'A' && line[n] <= 'Z' || n > 0 && (line[n] == '_' || line[n] >= '0' && line[n] <= '9')) {
		n++
	}
	if n < 4 || n < len(line) && line[n] != '(' {
		return ""
	}
	return line[:n]
}

var (
	rewriters = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[,\s][SR]=([^,\s]*)`) })
	heading   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^S\s*([^\s=]+)(?:\s*=\s*(\S+))?`) })
)

// Lint warns of what is legal and compiles, but hardly does what was meant: mailers that name rule sets (equates S and R) which the
// configuration does not define. Addresses pass such a mailer as if the equate were not there; senders are not masqueraded, for example.
func (o *Output) Lint() []Diagnostic {
	defined := map[string]bool{"0": true}
	for _, l := range o.Lines {
		if m := heading().FindStringSubmatch(l.Text); m != nil {
			defined[m[1]], defined[m[2]] = true, true
		}
	}
	var found []Diagnostic
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
