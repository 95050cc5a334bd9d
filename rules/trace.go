package rules

import (
	"fmt"
	"io"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
)

// Kind says what an Event tells.
type Kind uint8

// The events, with the level of debug category 21 (60 for the last) at which they are wanted.
const (
	Input      Kind = iota // 1: a ruleset begins with Workspace
	Returns                // 1: a ruleset ends with Workspace
	LeftMacro              // 2: $&Name on the left has Value
	RightMacro             // 2: $&Name on the right has Value
	SkipEmpty              // 3: the call of a ruleset without rules is left out; Name as written
	Rewritten              // 4: a rule made Workspace
	Fails                  // 10: Rule does not match
	Trying                 // 12: Rule is about to be tried
	Matches                // 12: Rule matched
	Replaces               // 15: Name is replaced by Workspace
	Looping                // 1: Workspace of a rule that goes on for ever
	Advance                // 35: Step is compared with Token
	Extend                 // 36: a class phrase is made longer
	ClassMatch             // 36: a class phrase was found
	Backup                 // 36: return to Step, at Token
	MacroWord              // 19: a word of a macro's value is put in; "" ends them
	MapLookup              // category 60, 1: map Name gave Value for Key
)

// Event is one thing that happens while rules run. Its slices are valid only during the call.
type Event struct {
	Kind      Kind
	Set       *Set // Input, Returns, SkipEmpty
	Rule      *Rule
	Workspace Workspace
	Name      string // macro, map or ruleset
	Value     string
	Found     bool // Value is there
	Key       string
	Args      []string
	Exit      int // sysexits code of a look-up
	Step      string
	Token     string
}

// Tracer is told what happens. Level returns how much of a debug category it wants (0: nothing); it is asked once for
// each run.
type Tracer interface {
	Level(category int) int
	Event(Event)
}

// Words is a Tracer that prints events as the original does.
type Words struct {
	W        io.Writer
	D        io.Writer         // for what only levels ask for; nil: to W
	TestMode bool              // -bt: input and result of every ruleset are printed whatever the levels
	Debug    func(cat int) int // levels of -d
	// Inside returns what was printed during the look-up of an event, which belongs into its line; nil means nothing.
	Inside func() string
}

// Level implements Tracer. In test mode the level of category 21 is at least 1.
func (w *Words) Level(category int) int {
	n := w.Debug(category)
	if category == 21 && w.TestMode {
		n = max(n, 1)
	}
	return n
}

// Event implements Tracer.
func (w *Words) Event(e Event) {
	switch e.Kind {
	case Input:
		w.plainf("%s%-16.16s   input:%s\n", w.prefix(), e.Set.Name, tokens(e.Workspace))
	case Returns:
		w.plainf("%s%-16.16s returns:%s\n", w.prefix(), e.Set.Name, tokens(e.Workspace))
	case LeftMacro:
		w.printf("rewrite: LHS $&{%s} => \"%s\"\n", bare(e.Name), orNull(e))
	case RightMacro:
		w.printf("rewrite: RHS $&{%s} => \"%s\"\n", bare(e.Name), orNull(e))
	case SkipEmpty:
		w.printf("-----skip subr %s (%d)\n", e.Name, e.Set.Number)
	case Rewritten:
		w.printf("rewritten as:%s\n", tokens(e.Workspace))
	case Fails:
		w.printf("----- rule fails\n")
	case Trying:
		if w.Debug(21) >= 15 {
			w.printf("-----trying rule (line %d):%s\n", e.Rule.Line, tokens(e.Rule.LHS))
		} else {
			w.printf("-----trying rule:%s\n", tokens(e.Rule.LHS))
		}
	case Matches:
		w.printf("-----rule matches:%s\n", tokens(e.Rule.RHS))
	case Looping:
		if w.Debug(21) >= 1 {
			w.printf("workspace: %s\n", tokens(e.Workspace))
		}
	case Replaces:
		w.replaces(e)
	case MapLookup:
		w.lookup(e)
	default:
		w.fine(e)
	}
}

// fine prints the events of the matching itself.
func (w *Words) fine(e Event) {
	step, token := shown(e.Step), shown(e.Token)
	switch e.Kind {
	case Advance:
		w.printf("ADVANCE rp=%s, ap=%s\n", step, token)
	case Extend:
		w.printf("EXTEND  rp=%s, ap=%s\n", step, token)
	case Backup:
		w.printf("BACKUP  rp=%s, ap=%s\n", step, token)
	case ClassMatch:
		w.printf("CLMATCH\n")
	case MacroWord:
		if e.Found {
			w.printf(" ... %s\n", e.Value)
		} else {
			w.printf(" ... DONE\n")
		}
	}
}

// replaces prints what $1 stands for. The original prints addresses in memory too; they mean nothing here.
func (w *Words) replaces(e Event) {
	w.printf("$%s:", e.Name)
	for _, t := range e.Workspace {
		w.printf(" 0x0=\"%s\"", t.text)
	}
	w.printf("\n")
}

func (w *Words) lookup(e Event) {
	w.printf("map_lookup(%s, %s", e.Name, macro.Show(e.Key))
	if w.Debug(60) >= 5 {
		w.printf(", %%0=%s", e.Key)
		for i, a := range e.Args {
			w.printf(", %%%d=%s", i+1, a)
		}
	}
	value := "NOT FOUND"
	if e.Found {
		value = e.Value
	}
	inside := ""
	if w.Inside != nil {
		inside = w.Inside()
	}
	w.printf(") => %s%s (%d), ad=0\n", inside, value, e.Exit)
	if e.Exit != status.TempFail {
		return
	}
	w.printf("map_lookup(%s, %s) tempfail: errno=0\n", e.Name, e.Key) // there is no such number here
	if e.Value != "" && w.Debug(60) >= 4 {
		w.printf("map_lookup tempfail: returning \"%s\"\n", e.Value)
	}
}

func (w *Words) prefix() string {
	if w.TestMode {
		return ""
	}
	return "rewrite: ruleset "
}

func (w *Words) plainf(format string, args ...any) { fmt.Fprintf(w.W, format, args...) }

func (w *Words) printf(format string, args ...any) {
	if w.D != nil {
		fmt.Fprintf(w.D, format, args...)
		return
	}
	w.plainf(format, args...)
}

// tokens prints a workspace with a blank before each token.
func tokens(ws Workspace) string {
	var b []byte
	for i := range ws {
		b = macro.AppendShow(append(b, ' '), ws[i].text)
	}
	return string(b)
}

func shown(s string) string {
	if s == "" {
		return "<null>"
	}
	return macro.Show(s)
}

func orNull(e Event) string {
	if e.Found {
		return e.Value
	}
	return "(NULL)"
}

// bare drops the braces of a long name.
func bare(name string) string {
	if len(name) > 2 && name[0] == '{' {
		return name[1 : len(name)-1]
	}
	return name
}
