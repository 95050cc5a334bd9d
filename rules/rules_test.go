package rules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// env is a small world: macros, one class outside Compile, one map.
type env struct {
	macros   map[string]string
	problems []string
}

func (e *env) Macro(name string) (string, bool) { v, ok := e.macros[name]; return v, ok }
func (e *env) InClass(class, phrase string) bool {
	return class == "w" && strings.EqualFold(phrase, "my.host")
}
func (e *env) Report(to, text string) { e.problems = append(e.problems, text) }

func (e *env) Lookup(_ context.Context, name, key string, args ...string) (string, error) {
	switch {
	case name != "m":
		return "", rules.ErrNoMap
	case key == "down":
		return "", &rules.TempFail{Err: errors.New("down")}
	case key == "downT":
		return "", &rules.TempFail{Value: "downT<TMPF>", Has: true}
	case key == "k":
		return strings.Join(append([]string{"v"}, args...), "/"), nil
	}
	return "", rules.ErrNotFound
}

// compile makes sets of lines "Sname", "Rleft<tab>right".
func compile(tb testing.TB, text string) *rules.Sets {
	tb.Helper()
	sets, problems := sources(text)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return sets
}

func sources(text string) (*rules.Sets, []rules.Problem) {
	return withOptions(text, rules.Options{Operators: ".:%@!^/[]+", Level: 10})
}

func withOptions(text string, o rules.Options) (*rules.Sets, []rules.Problem) {
	var list []rules.SetSource
	none := func(string) (string, bool) { return "", false }
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		enc, _ := macro.Encode(line, 10)
		if name, ok := strings.CutPrefix(line, "S"); ok {
			list = append(list, rules.SetSource{Name: name, Number: 199 - len(list)})
			continue
		}
		left, right, _ := strings.Cut(strings.TrimPrefix(enc, "R"), "\t")
		l, _ := macro.Expand(left, none)
		r, _ := macro.Expand(right, none)
		set := &list[len(list)-1]
		set.Rules = append(set.Rules, rules.RuleSource{LHS: l, RHS: r, File: "t.cf", Line: i + 1})
	}
	return rules.Compile(list, o)
}

const program = `
Sstar
R$* < $+ > $*	$@ [ $1 ] [ $2 ] [ $3 ]
Sclass
R$* @ $=w	$@ here $1
R$* @ $~w	$@ away $1 at $2
Smacro
R$&{mx}	$@ is
R$*	$@ $1 ( $&{mx} )
Smap
R$+	$@ $(m $1 $@ arg $: none $1 $)
Sbare
R$+	$@ $(m $1 $)
Snomap
R$+	$@ $(nosuch $1 $: default $)
Sdone
R$+ @ $+	$#smtp $@ $2 $: $1
R$*	$#never $: x
Scall
R$+ , $+	$@ $>double $2
Sdouble
Rx	$@ y
R$+	$@ $1 $1
Sloop
R$*	x $1
Sdeep
R$*	$: $>deep $1
Swide
R$* $+	$1 $>wide $2
Sempty
R$+	$@ $>nothing $1
Snothing
Sunknown
R$+	$@ $>nosuch $1
`

func TestRewrite(t *testing.T) {
	s := compile(t, program)
	cases := []struct {
		set, in, want string
		exit          int
	}{
		{"star", "a <b@c> d", "[ a ] [ b @ c ] [ d ]", 0},
		{"class", "u@my.host", "here u", 0},
		{"class", "u@MY.HOST", "here u", 0},
		{"class", "u@x", "away u at x", 0},
		{"macro", "MX.test", "is", 0},
		{"macro", "other", "other ( mx . test )", 0},
		{"map", "k", "v / arg", 0},
		{"map", "z", "none z", 0},
		{"map", "down", "none down", status.TempFail},
		{"bare", "downT", "downT < TMPF >", status.TempFail},
		{"bare", "z", "z", 0},
		{"nomap", "z", "default", 0},
		{"done", "u@h", "$# smtp $@ h $: u", 0},
		{"call", "a,x", "y", 0},
		{"call", "a,b", "b b", 0},
		{"empty", "q", "q", 0},
		{"unknown", "q", "$> nosuch q", status.Config},
		{"absent", "q", "q", 0},
	}
	for _, c := range cases {
		e := &env{macros: map[string]string{"{mx}": "mx.test"}}
		ws, err := s.Prescan(c.in, 0)
		if err != nil {
			t.Fatal(err)
		}
		ret, err := s.Rewrite(context.Background(), e, c.set, ws)
		exit := 0
		if f, ok := err.(*rules.Failure); ok {
			exit = f.Exit
		}
		if got := ret.Workspace.String(); got != c.want || exit != c.exit {
			t.Errorf("%s %s: %q status %d, want %q %d (%q)", c.set, c.in, got, exit, c.want, c.exit, e.problems)
		}
	}
}

func TestTriple(t *testing.T) {
	s := compile(t, program)
	ws, _ := s.Prescan("Joe.User@some.host", 0)
	ret, err := s.Rewrite(context.Background(), &env{}, "done", ws)
	if err != nil || ret.Triple() == nil || *ret.Triple() != (rules.Triple{Mailer: "smtp", Host: "some.host", User: "Joe.User"}) {
		t.Fatalf("%+v, %v", ret.Triple(), err)
	}
}

func TestLimits(t *testing.T) {
	s := compile(t, program)
	for set, want := range map[string]string{
		"loop": "554 5.3.5 Infinite loop in ruleset loop, rule 1",
		"deep": "554 5.0.0 rewrite: excessive recursion (max 50), ruleset deep",
	} {
		e := &env{}
		ws, _ := s.Prescan("a", 0)
		s.Rewrite(context.Background(), e, set, ws)
		if len(e.problems) != 1 || e.problems[0] != want {
			t.Errorf("%s: %q, want %q", set, e.problems, want)
		}
	}
}

// TestWork: rules that would go on for longer than anybody waits end, and the last message tells why.
func TestWork(t *testing.T) {
	s := compile(t, program)
	e := &env{}
	ws, _ := s.Prescan("a", 0)
	_, err := s.Rewrite(context.Background(), e, "wide", ws)
	if f, ok := err.(*rules.Failure); !ok || f.Exit != status.DataErr {
		t.Errorf("error %v, want status %d", err, status.DataErr)
	}
	const want = "554 5.3.5 rewrite: ruleset wide, rule 1: too much to match"
	if n := len(e.problems); n == 0 || e.problems[n-1] != want {
		t.Errorf("%d problems, the last is not %q", n, want)
	}
}

func TestPrescan(t *testing.T) {
	s := rules.NewScanner(".:%@!^/[]+")
	for _, c := range []struct{ in, want, problem string }{
		{"a.b@c", "a . b @ c", ""},
		{`"a b"@c`, `"a b" @ c`, ""},
		{"a (c (d)) b", "a b", ""},
		{`a\@b`, `a\@b`, ""},
		{`a\`, `a`, ""},
		{`a\!b`, `a ! b`, ""},
		{`"a`, `"a"`, `553 Unbalanced '"'`},
		{"(a", "", "553 Unbalanced '('"},
		{"a)", "a", "553 Unbalanced ')'"},
		{"<a", "< a >", "553 Unbalanced '<'"},
		{"a>", "a", "553 Unbalanced '>'"},
		{strings.Repeat("a", 300), "", "553 5.1.0 prescan: token too long"},
		{"\x90\x9b@x", `M-^PM-^[ @ x`, ""},
	} {
		r := s.Scan(c.in, 0, rules.External, false)
		if c.in[0] < 0x80 && r.Workspace.String() != c.want || strings.Join(r.Problems, "") != c.problem {
			t.Errorf("%q gives %q %q, want %q %q", c.in, r.Workspace, r.Problems, c.want, c.problem)
		}
		for _, tok := range r.Workspace {
			if tok.Op() != 0 {
				t.Errorf("%q brought an operator in", c.in)
			}
		}
	}
}

func TestCompileProblems(t *testing.T) {
	for rule, want := range map[string]string{
		"R$-\t$2": "replacement $2 out of bounds", "R$- $:\tx": "Inappropriate use of $: on LHS",
		"R$-\t$*": "Inappropriate use of $* on RHS", "R\tx": "R line: null LHS", "Rx\t": "R line: null RHS",
		"R$-\t$(m $1": "missing map closing token", "R" + strings.Repeat("$* x ", 10) + "\ty": "R line: too many wildcards",
		"R$-\t$(m $(m $)": "cannot nest map lookups",
	} {
		_, problems := sources("Sx\n" + rule)
		if len(problems) == 0 || problems[0].Text != want || problems[0].Line != 2 {
			t.Errorf("%q: %v, want %q", rule, problems, want)
		}
	}
}

// TestClasses: phrases of a class are found wherever they begin and however many tokens they are, words added later
// too.
func TestClasses(t *testing.T) {
	class := new(rules.Class)
	for _, w := range []string{"host", "Mail.Example.ORG", "[192.0.2.1]", "of_two", "a_b", "\"quoted word\""} {
		class.Add(w)
	}
	s, problems := withOptions("Sx\nR$* $=c $*\t$@ $1 ( $2 ) $3\nSnot\nR$* @ $~c\t$@ $2", rules.Options{
		Operators: ".:%@!^/[]+", Level: 10, BlankSub: '_', Class: func(string) *rules.Class { return class },
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for i := range 1000 {
		class.Add(fmt.Sprintf("later%d.example", i))
	}
	for _, c := range []struct{ set, in, want string }{
		{"x", "u@HOST", "u @ ( HOST )"},
		{"x", "u@mail.example.org", "u @ ( mail . example . org )"},
		{"x", "u@mail.example.com", "u @ mail . example . com"},
		{"x", "u@[192.0.2.1]", "u @ ( [ 192 . 0 . 2 . 1 ] )"},
		{"x", "one of two@x", "one ( of two ) @ x"},
		{"x", "a_b@x", "( a_b ) @ x"},
		{"x", "a b@x", "( a b ) @ x"},
		{"x", `"quoted word"@x`, `( "quoted word" ) @ x`},
		{"x", "u@later999.example", "u @ ( later999 . example )"},
		{"x", "u@later1000.example", "u @ later1000 . example"},
		{"not", "u@host", "u @ host"},
		{"not", "u@other", "other"},
	} {
		ws, _ := s.Prescan(c.in, 0)
		ret, err := s.Rewrite(context.Background(), &env{}, c.set, ws)
		if got := ret.Workspace.String(); got != c.want || err != nil {
			t.Errorf("%s %s: %q, %v, want %q", c.set, c.in, got, err, c.want)
		}
	}
}

// TestScanTwice: usual texts take a short cut through the scanner, which must end where the long way does. A backslash
// or a comment behind the delimiter cannot change what is before it, but an address too long for the short cut takes
// the other.
func TestScanTwice(t *testing.T) {
	s := rules.NewScanner(".:%@!^/[]+")
	long := "," + strings.Repeat("x", rules.MaxText/2)
	for _, mode := range []rules.Mode{rules.External, rules.Internal, rules.KeepComments} {
		for _, in := range []string{"a.b@c", " a  b ", "<a@b> c", `"a b"@c`, `"a"b"c"`, "a;b", "\x95\x31\x82{mx}\x96x\x93w", "\xe4\xf6@x", "a\tb", "<>", ""} {
			short, slow := s.Scan(in+",", ',', mode, false), s.Scan(in+long, ',', mode, false)
			if short.String() != slow.String() || short.End != slow.End || len(short.Problems) != len(slow.Problems) {
				t.Errorf("mode %d, %q: %q up to %d %q, the long way %q up to %d %q", mode, in,
					short.Workspace, short.End, short.Problems, slow.Workspace, slow.End, slow.Problems)
			}
			for i := range min(len(short.Workspace), len(slow.Workspace)) {
				if short.Workspace[i] != slow.Workspace[i] {
					t.Errorf("mode %d, %q: token %d is %#v, the long way %#v", mode, in, i, short.Workspace[i], slow.Workspace[i])
				}
			}
		}
	}
}

// TestParallel runs one program in many goroutines; the race detector watches.
func TestParallel(t *testing.T) {
	s := compile(t, program)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				in := fmt.Sprintf("u%d@h%d", i, n)
				ws, _ := s.Prescan(in, 0)
				ret, err := s.Rewrite(context.Background(), &env{}, "done", ws)
				if err != nil || ret.Triple().User+"@"+ret.Triple().Host != in {
					t.Errorf("%s: %+v %v", in, ret.Triple(), err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzRules: no text makes compiling or running panic, and all runs end.
func FuzzRules(f *testing.F) {
	f.Add("$* < $+ > $*", "$: $1 $>x $2", "a <b> c")
	f.Add("$=w $&{m}", "$(m $1 $@ $: $)", "\"q\\\" (c)")
	f.Add("$+", "$[ $1 $]", "<@a:b@c>")
	f.Fuzz(func(t *testing.T, left, right, addr string) {
		s, _ := sources("Sx\nR" + left + "\t" + right)
		ws, _ := s.Prescan(addr, ',')
		s.Rewrite(context.Background(), &env{macros: map[string]string{"m": addr}}, "x", ws)
	})
}
