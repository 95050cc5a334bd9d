package macro_test

import (
	"strings"
	"testing"

	"gosendmail/internal/macro"
)

func table(pairs ...string) *macro.Table {
	t := macro.NewTable(nil)
	for i := 0; i < len(pairs); i += 2 {
		v, _ := macro.Encode(pairs[i+1], 10)
		t.Define(pairs[i], v)
	}
	return t
}

func TestExpand(t *testing.T) {
	m := table("j", "host.test", "{long}", "<$j>", "e", "", "q", "$?x$x$|none$.", "loop", "", "L", "$L")
	for in, want := range map[string]string{
		"$j": "host.test", "${j}": "host.test", "a$$b": "a$b", "${long}!": "<host.test>!", "$y.": ".",
		"$?j yes$| no$.": " yes", "$?e yes$| no$.": " no", "$?y 1$?j 2$.3$| 4$.5": " 45", "$q": "none",
		"text # comment": "text", "text \\# kept": "text # kept", "trail  ": "trail",
	} {
		s, problems := macro.Encode(in, 10)
		if problems != nil {
			t.Errorf("Encode(%q): %v", in, problems)
		}
		if got, err := m.Expand(s); got != want || err != nil {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
	}
	s, _ := macro.Encode("$L", 10)
	if _, err := m.Expand(s); err == nil || !strings.Contains(err.Error(), "recursion too deep") {
		t.Errorf("a macro that names itself: %v", err)
	}
}

func TestNameProblems(t *testing.T) {
	for in, want := range map[string]string{
		"": "Name required for macro/class", "{}": "Name required for macro/class", "{a b}": "Invalid macro/class character  ",
		"{ab": "Unbalanced { on ab", "{" + strings.Repeat("x", 30) + "}": "too long",
	} {
		if _, _, problems := macro.Name(in); len(problems) == 0 || !strings.Contains(problems[0], want) {
			t.Errorf("Name(%q): %q, want %q", in, problems, want)
		}
	}
}

func TestLayers(t *testing.T) {
	low := table("a", "1", "b", "2")
	high := macro.NewTable(low)
	high.Define("b", "3")
	if v, _ := high.Macro("b"); v != "3" {
		t.Errorf("b is %q", v)
	}
	high.Undefine("b")
	if v, _ := high.Macro("b"); v != "2" {
		t.Errorf("b is %q below", v)
	}
	if v, ok := high.Macro("a"); v != "1" || !ok {
		t.Errorf("a is %q", v)
	}
}

// FuzzEncode: what Encode makes can be shown and expanded, and bytes of the input never become operators.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"$* < $+ > $=w $&{x}", "\x90\xff", "$?x$|$.", "${", "# c", "$#x"} {
		f.Add(s)
	}
	m := table("x", "$y", "y", "$x", "w", "$w.$w")
	f.Fuzz(func(t *testing.T, s string) {
		e, _ := macro.Encode(s, 10)
		macro.Show(e)
		out, _ := m.Expand(e)
		if !strings.Contains(s, "$") {
			for i := 0; i < len(out); i++ {
				if out[i] == macro.Quote {
					i++
				} else if macro.IsOperator(out[i]) {
					t.Fatalf("%q became operator %#x", s, out[i])
				}
			}
		}
	})
}
