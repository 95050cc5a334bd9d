package mc

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Content is a .cf without layout: what mkcf diff and the tests compare.
type Content struct {
	// Lines are all lines but rules, comments and the first lines of rule sets, with continuation lines joined and
	// blanks made single, in order.
	Lines []string
	// Rules are the rules of each rule set by its name, "left<TAB>right", without the comment column.
	Rules map[string][]string
}

var (
	blanks = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[ \t\n]+`) })
	commas = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` *, *`) })
)

// Read takes a .cf apart.
func Read(text string) *Content {
	c := &Content{Rules: map[string][]string{}}
	set := ""
	for _, l := range logical(text) {
		switch {
		case strings.TrimSpace(l) == "" || l[0] == '#':
		case l[0] == 'S':
			set, _, _ = strings.Cut(strings.TrimSpace(l[1:]), "=")
			set = strings.TrimSpace(set)
		case l[0] == 'R':
			c.Rules[set] = append(c.Rules[set], rule(l[1:]))
		default:
			c.Lines = append(c.Lines, plainLine(l))
		}
	}
	return c
}

// logical joins continuation lines.
func logical(text string) []string {
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if l != "" && (l[0] == ' ' || l[0] == '\t') && len(lines) > 0 && lines[len(lines)-1] != "" && lines[len(lines)-1][0] != '#' {
			lines[len(lines)-1] += "\n" + l
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// rule drops the comment column and makes blanks and the space around operators single.
func rule(text string) string {
	cols := strings.FieldsFunc(text, func(r rune) bool { return r == '\t' })
	for i := range cols {
		cols[i] = blanks().ReplaceAllString(strings.TrimSpace(cols[i]), " ")
	}
	if len(cols) < 2 {
		return strings.Join(cols, "\t")
	}
	return cols[0] + "\t" + cols[1]
}

func plainLine(l string) string {
	l = strings.TrimSpace(blanks().ReplaceAllString(l, " "))
	switch l[0] {
	case 'M', 'X', 'Q':
		l = commas().ReplaceAllString(l, ",")
	case 'O':
		l = strings.Replace(l, "= ", "=", 1)
	case 'K':
		l = "K" + strings.TrimSpace(l[1:])
	}
	return l
}

// Difference is one thing that two configurations do not share.
type Difference struct {
	// RuleSet is the name of a rule set whose rules differ; empty for another line.
	RuleSet string
	// First and Second are the lines: one of them is empty.
	First, Second string
}

// Differences compares all lines but rules as sets, and the rules of each rule set in their order.
func (c *Content) Differences(other *Content) []Difference {
	var diffs []Difference
	for _, l := range missing(c.Lines, other.Lines) {
		diffs = append(diffs, Difference{First: l})
	}
	for _, l := range missing(other.Lines, c.Lines) {
		diffs = append(diffs, Difference{Second: l})
	}
	names := map[string]bool{}
	for n := range c.Rules {
		names[n] = true
	}
	for n := range other.Rules {
		names[n] = true
	}
	for _, n := range sortedKeys(names) {
		if slices.Equal(c.Rules[n], other.Rules[n]) {
			continue
		}
		for _, l := range missing(c.Rules[n], other.Rules[n]) {
			diffs = append(diffs, Difference{RuleSet: n, First: l})
		}
		for _, l := range missing(other.Rules[n], c.Rules[n]) {
			diffs = append(diffs, Difference{RuleSet: n, Second: l})
		}
	}
	return diffs
}

// missing lists the members of the multiset a that b lacks, sorted.
func missing(a, b []string) []string {
	left := map[string]int{}
	for _, l := range b {
		left[l]++
	}
	var out []string
	for _, l := range a {
		if left[l]--; left[l] < 0 {
			out = append(out, l)
		}
	}
	sort.Strings(out)
	return out
}
