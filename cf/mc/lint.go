package mc

import (
	"regexp"
	"slices"
	"sort"
	"strings"

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
		if _, known := slices.BinarySearch(confNames(), name); ok && !known && slices.Contains(r.files, at.File) {
			found = append(found, unknown{name, at})
		}
		return true
	})
	sort.Slice(found, func(i, j int) bool { return found[i].at.Line < found[j].at.Line })
	for _, u := range found {
		r.add(Diagnostic{Position: u.at, Severity: Warning, Text: u.name + " is not known and has no effect", Hint: nearest(u.name, confNames())})
	}
}

var leftover = regexp.MustCompile(`^([A-Z][A-Z0-9_]{3,})(?:\(|$)`)

// lintLines warns of lines that look like a macro call that m4 did not know.
func (r *run) lintLines(lines []Line) {
	for _, l := range lines {
		m := leftover.FindStringSubmatch(strings.TrimSpace(l.Text))
		if m == nil || !slices.Contains(r.files, l.Library.File) {
			continue
		}
		if near := nearest(m[1], words()); near != "" {
			r.add(Diagnostic{Position: l.Source, Severity: Warning, Text: m[1] + " is no macro; the line goes into the output as it is", Hint: near})
		}
	}
}
