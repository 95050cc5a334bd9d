package mc

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"gosendmail/cf/m4"
)

// Severity of a Diagnostic.
type Severity int

const (
	// Warning: the output is good, but perhaps not what was meant.
	Warning Severity = iota
	// Complaint: the library prints *** ERROR, as the original's does; the output may lack something, the exit status
	// is 0.
	Complaint
	// Error: something is missing from the output; GNU m4 would end with status 1.
	Error
)

// String is the word behind the place of a complaint.
func (s Severity) String() string { return [...]string{"warning", "error", "error"}[s] }

// Diagnostic is one complaint about the input.
type Diagnostic struct {
	// Position is the line of an input file; Line is 0 for what the input as a whole lacks.
	m4.Position
	Severity Severity
	Text     string
	// Hint is the nearest name that is known; empty if none is near.
	Hint string
	// Stack lists the macro calls and includes that led there, the innermost first.
	Stack []Call

	place place
}

// String formats d as file:line:column: severity: text, followed by the hint.
func (d Diagnostic) String() string {
	s := d.Text
	if d.File != "" {
		s = fmt.Sprintf("%s: %s: %s", d.Position, d.Severity, d.Text)
	}
	if d.Hint != "" {
		s += fmt.Sprintf(" (did you mean %s?)", d.Hint)
	}
	return s
}

// Trace formats the calls that led to d, one a line, the outermost last; empty if the input file itself says it.
func (d Diagnostic) Trace() string {
	var b strings.Builder
	for _, c := range d.Stack {
		if c.Named() {
			fmt.Fprintf(&b, "\t%s: in %s\n", c.At, c.Macro)
		}
	}
	return b.String()
}

// Call is one macro call, or one include, on the way to a line or a diagnostic.
type Call m4.Call

// Named tells whether the call says something to a reader: builtins of m4 and inner macros of the library do not.
func (c Call) Named() bool {
	return !strings.HasPrefix(c.Macro, "_") && strings.ToUpper(c.Macro) == c.Macro
}

func calls(stack []m4.Call) []Call {
	out := make([]Call, len(stack))
	for i, c := range stack {
		out[i] = Call(c)
	}
	return out
}

// place is where the engine was, with the way there.
type place struct {
	at    m4.Position
	stack []Call
}

// cause is the outermost place that led to p.
func (p place) cause() m4.Position {
	at := p.at
	for _, c := range p.stack {
		if c.At.File != "" {
			at = c.At
		}
	}
	return at
}

func (r *run) place() place { return place{r.engine.Position(), calls(r.engine.Stack())} }

// add records d at the line of the input file that caused it.
func (r *run) add(d Diagnostic) {
	d.Stack = d.place.stack
	if d.Position.File == "" {
		d.Position = d.place.cause()
	}
	if !slices.Contains(r.files, d.Position.File) && len(r.files) > 0 {
		d.Position = m4.Position{File: r.files[len(r.files)-1]} // no line of it, but what it lacks
	}
	if r.opt.Strict {
		d.Severity = Error
	}
	if len(r.diags) == maxDiagnostics {
		r.leftOut++
		return
	}
	r.diags = append(r.diags, d)
}

// maxDiagnostics bounds what is kept: a loop can complain for ever.
const maxDiagnostics = 1000

// sorted puts the diagnostics into the order of the input's lines: the first is then the likeliest cause of the others.
// What concerns the input as a whole comes last.
func (r *run) sorted() []Diagnostic {
	slices.SortStableFunc(r.diags, func(a, b Diagnostic) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(slices.Index(r.files, a.File), slices.Index(r.files, b.File)), cmp.Compare(a.Line, b.Line))
	})
	return r.diags
}

// tellLeftOut says how many complaints were too many.
func (r *run) tellLeftOut() {
	if r.leftOut > 0 {
		at := m4.Position{File: r.files[len(r.files)-1]}
		r.diags = append(r.diags, Diagnostic{Position: at, Severity: Error, Text: fmt.Sprintf("%d more complaints are left out", r.leftOut)})
	}
}

// diagnose takes the complaints of the engine.
func (r *run) diagnose(d m4.Diagnostic) bool {
	sev := Warning
	if d.Severity != m4.Warning {
		sev = Error
	}
	if d.Unclosed != m4.NothingOpen {
		r.unclosed = true
		where := place{d.Began, calls(d.Stack)}
		r.add(Diagnostic{Severity: Error, Text: r.openText(d, where.cause()), place: where})
		return true
	}
	text, hint, _ := strings.Cut(d.Text, "\x00")
	r.add(Diagnostic{Severity: sev, Text: text, Hint: hint, place: place{d.Position, calls(d.Stack)}})
	return true
}

// openText says what the input ended within. at is where that began.
func (r *run) openText(d m4.Diagnostic, at m4.Position) string {
	if macro := outermost(d.Stack); macro != "" {
		return "what " + macro + " gives here never ends: a quote or a parenthesis in its arguments lacks its partner"
	}
	here := "here"
	if d.Began.File != at.File {
		here = "at " + d.Began.String() // in a file that was included
	}
	switch d.Unclosed {
	case m4.OpenComment:
		return "the comment that begins " + here + " never ends"
	case m4.OpenArguments:
		return "the call of " + d.Macro + " that begins " + here + " never ends: it lacks a )"
	}
	text := "the quote that opens " + here + " never ends"
	i := slices.Index(r.files, d.Began.File)
	if i < 0 {
		return text
	}
	switch line, how := lostQuote(r.texts[i], at.Line); line {
	case 0:
		return text + ": it lacks a '"
	case at.Line:
		return text + ": the line " + how
	default:
		return fmt.Sprintf("%s: line %d %s", text, line, how)
	}
}

// outermost is the first macro call on the way to a place, without includes; empty if there is none.
func outermost(stack []m4.Call) string {
	for _, c := range slices.Backward(stack) {
		if c.Macro != "include" && c.Macro != "sinclude" {
			return c.Macro
		}
	}
	return ""
}

// missing gives the text for an include that found nothing. The hint rides behind a NUL to diagnose.
func (r *run) missing(_ *m4.Engine, name string, err error) string {
	below := strings.TrimPrefix(name, Root)
	if r.opt.CFDir != "" {
		below = strings.TrimPrefix(name, strings.TrimSuffix(r.opt.CFDir, "/")+"/")
	}
	macro, ok := kinds[path.Dir(below)]
	if !ok {
		return fmt.Sprintf("cannot include %s: %s", name, m4.Reason(err))
	}
	word := strings.TrimSuffix(path.Base(below), ".m4")
	if word == "" {
		return macro + " needs a name in parentheses, with no space before them"
	}
	text := fmt.Sprintf("%s(%s) is not known", macro, word)
	if near := nearest(strings.Trim(word, "'\"`‘’“”´ "), Names(path.Dir(below))); near != "" {
		text += "\x00" + near
	}
	return text
}

// errprinter takes what errprint says, line by line.
type errprinter run

// Write implements io.Writer; what is no whole line yet is kept.
func (p *errprinter) Write(text []byte) (int, error) {
	r := (*run)(p)
	if r.said.Len() == 0 {
		r.saidAt = r.place()
	}
	r.said.Write(text)
	if strings.HasSuffix(r.said.String(), "\n") {
		r.flushSaid()
	}
	return len(text), nil
}

// flushSaid makes one diagnostic of the text that errprint has said.
func (r *run) flushSaid() {
	text := strings.TrimSpace(r.said.String())
	r.said.Reset()
	if text == "" {
		return
	}
	sev, text := severity(text)
	r.add(Diagnostic{Severity: sev, Text: text, place: r.saidAt})
}

// severity takes the words that say how bad it is off a text of the library: "*** ERROR: text".
func severity(said string) (Severity, string) {
	text := strings.TrimLeft(said, "* ")
	for word, sev := range map[string]Severity{"ERROR": Complaint, "WARNING": Warning, "NOTE": Warning} {
		if len(text) > len(word) && strings.EqualFold(text[:len(word)], word) && strings.IndexByte(":, ", text[len(word)]) >= 0 {
			return sev, strings.TrimLeft(text[len(word):], ":, *")
		}
	}
	return Complaint, text
}

// nearest returns the candidate with the smallest edit distance to word, if it is near enough to be meant.
func nearest(word string, candidates []string) string {
	best, least := "", 1+len(word)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c), least); d <= least && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove, change or swap to make b of a; a number above limit if it exceeds that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
