package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"

	"pgregory.net/rapid"
)

// TestMain makes the generated inputs the same each time; -rapid.seed=N on the command line takes others.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// result is what a run of m4 gives.
type result struct {
	stdout, stderr string
	status         int
}

func (r result) String() string {
	return fmt.Sprintf("status %d\n--stdout--\n%s\n--stderr--\n%s", r.status, r.stdout, r.stderr)
}

// runOurs runs the command in this process, under the name m4.
func runOurs(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	c := &command{program: "m4", stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs}
	status := c.run(append([]string{"--budget-steps=100000000"}, args...)) // none of ours runs for ever
	return result{out.String(), errs.String(), status}
}

// runGNU runs GNU m4 under the same name.
func runGNU(tb testing.TB, stdin string, args ...string) result {
	tb.Helper()
	cmd := oracletest.M4(tb, args...)
	return runCommand(tb, cmd, stdin)
}

func runCommand(tb testing.TB, cmd *exec.Cmd, stdin string) result {
	tb.Helper()
	cmd.Args[0] = "m4"
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	status := 0
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	giveUp := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // a case that never ends is no case
	defer giveUp.Stop()
	if err := cmd.Wait(); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			tb.Fatal(err)
		}
		status = exit.ExitCode()
	}
	return result{out.String(), errs.String(), status}
}

var update = flag.Bool("update", false, "write what GNU m4 gives for the cases of testdata/gnu anew")

// The cases of testdata/gnu give with ours what the .golden files say, and with GNU m4, where it is, the same. In each
// archive the file "cases" holds one case after the other: a line "== NAME: ARGUMENTS", then standard input. The
// archive's other files are there for all its cases.
func TestSameAsGNU(t *testing.T) {
	archives, err := filepath.Glob("testdata/gnu/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for i := range archives {
		if archives[i], err = filepath.Abs(archives[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { runArchive(t, path) })
	}
}

// gnuCase is one case of an archive.
type gnuCase struct {
	name  string
	args  []string
	stdin string
}

// readArchive puts the files of an archive into the current folder and returns its cases.
func readArchive(t *testing.T, path string) []gnuCase {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []gnuCase
	for _, part := range strings.Split(string(text), "\n-- ")[1:] {
		name, data, _ := strings.Cut(part, " --\n")
		if name != "cases" {
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(data+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, c := range strings.Split("\n"+data, "\n== ")[1:] {
			head, stdin, _ := strings.Cut(c, "\n")
			name, args, _ := strings.Cut(head, ":")
			cases = append(cases, gnuCase{name, strings.Fields(args), stdin + "\n"})
		}
	}
	return cases
}

func runArchive(t *testing.T, path string) {
	t.Chdir(t.TempDir())
	cases := readArchive(t, path)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	golden := strings.TrimSuffix(path, ".txtar") + ".golden"
	if *update {
		var all strings.Builder
		for _, c := range cases {
			fmt.Fprintf(&all, "== %s\n%s\n", c.name, runGNU(t, c.stdin, c.args...))
		}
		if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		_, want, ok := strings.Cut("\n"+string(text), "\n== "+c.name+"\n")
		if want, _, _ = strings.Cut(want+"== ", "\n== "); !ok {
			t.Errorf("%s: %s lacks it: run with -update where GNU m4 is", c.name, golden)
		}
		t.Run(c.name, func(t *testing.T) {
			if got := runOurs(c.stdin, c.args...).String(); got != want {
				t.Errorf("m4 %q\n%s\n=== got %v\n=== want %v", c.args, c.stdin, got, want)
			}
			t.Run("gnu", func(t *testing.T) {
				if got := runGNU(t, c.stdin, c.args...).String(); got != want {
					t.Errorf("m4 %q\n%s\n=== GNU m4 gives %v\n=== not %v", c.args, c.stdin, got, want)
				}
			})
		})
	}
}

// compare runs a generated input both ways.
func compare(t *rapid.T, tb testing.TB, stdin string, args ...string) {
	got, want := runOurs(stdin, args...), runGNU(tb, stdin, args...)
	if strings.HasSuffix(want.stderr, "memory exhausted\n") {
		return // GNU's regular expressions give up on repetitions of what can be empty
	}
	if got != want {
		t.Errorf("m4 %q < %q\n=== got %v\n=== want %v", args, stdin, got, want)
	}
}

func pick(t *rapid.T, from ...string) string { return rapid.SampledFrom(from).Draw(t, "pick") }

func chance(t *rapid.T, percent int) bool { return rapid.IntRange(1, 100).Draw(t, "chance") <= percent }

func expression(t *rapid.T, depth int) string {
	switch {
	case depth > 3 || chance(t, 30):
		return pick(t, "0", "1", "2", "-1", "7", "0x1F", "010", "0b101", "0r3:12", "0r1:111", "0r36:z", "2147483647", "4294967295", "08", "a",
			"", "0r37:1", "0r1:10", "0x", "3 ", " 4", "1 2")
	case chance(t, 20):
		return "(" + expression(t, depth+1) + pick(t, ")", ")", ")", "")
	case chance(t, 20):
		return pick(t, "-", "+", "!", "~", " - ", "--", "!!") + expression(t, depth+1)
	}
	return expression(t, depth+1) + pick(t, "+", "-", "*", "/", "%", "**", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "=", "&", "|", "^",
		"&&", "||", "+=", "++", ">>=", ">>>", " @ ", "&&&", "* *", "<>") + expression(t, depth+1)
}

func TestEvalAsGNU(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var in strings.Builder
		for range 10 {
			fmt.Fprintf(&in, "eval(`%s'%s)\n", expression(rt, 0), pick(rt, "", "", ",2", ",16,5", ",10,4", ",36", ",37", ",0", ",,3", ",2,-1"))
		}
		compare(rt, t, in.String())
	})
}

func formatText(t *rapid.T) string {
	s := pick(t, "", "x", "%%") + "%"
	for range rapid.IntRange(0, 2).Draw(t, "flags") {
		s += pick(t, "+", "-", " ", "0", "#", "'")
	}
	return s + pick(t, "", "", "5", "12", "*", "0") + pick(t, "", "", ".0", ".3", ".*", ".", ".12") + pick(t, "", "", "", "l", "h", "hh", "ll", "L") +
		pick(t, strings.Split("d i o u x X c s a A e E f F g G % q n", " ")...)
}

func number(t *rapid.T) string {
	return pick(t, "0", "1", "-1", "42", "-17", "65", "255", "256", "70000", "2147483648", "99999999999999999999", "1.5", "-2.75", "1e10", "1e-10",
		"123456789", "0.0001", "100000", "1e6", "abc", "", " 5", "5 ", "0x1p3", "0x10", "inf", "nan", "-0", "3.", ".5", "1e400", "+3", "1e", "1_0", "0x", "a b")
}

func TestFormatAsGNU(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var in strings.Builder
		for range 10 {
			text, value := formatText(rt)+formatText(rt), number
			if strings.Contains(text, "*") {
				value = func(t *rapid.T) string {
					return pick(t, "0", "1", "5", "-7", "20", "abc", "", " 3", "1.5")
				}
			}
			fmt.Fprintf(&in, "format(`%s',`%s',`%s',`%s')\n", text, value(rt), value(rt), value(rt))
		}
		compare(rt, t, in.String())
	})
}

func TestTextAsGNU(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var in strings.Builder
		for range 10 {
			fmt.Fprintf(&in, "%s(`%s',`%s',`%s')\n", pick(rt, "incr", "decr", "substr", "index", "translit", "len"),
				pick(rt, number(rt), "abcdef", "a-z", "hello world"), pick(rt, number(rt), "a-c", "lo", "z-a-", "-a", "a-"), pick(rt, number(rt), "A-Z", "x"))
		}
		compare(rt, t, in.String())
	})
}

// regular makes a regular expression without a repetition of a repetition, where GNU's reports groups in its own way.
func regular(t *rapid.T, depth int) string {
	switch {
	case depth > 3 || chance(t, 45):
		return pick(t, "a", "b", "c", ".", "^", "$", "[ab]", "[^a]", "[a-c]", `\w`, `\W`, `\s`, `\b`, `\B`, `\<`, `\>`, "\\`", `\'`, `\.`, "[]a]", "[a",
			"{", `\{1\}`, " ", "\n", "[.]", "[[.a.]]", "[[=b=]]", "[z-a]", "[a-]", `\S`, "_", "[[:alpha:]]", `[\w]`)
	case chance(t, 45):
		return regular(t, depth+1) + regular(t, depth+1)
	case chance(t, 30):
		return pick(t, "a", "b", ".", "[ab]", "[^a]", `\w`, `\(ab\)`, `\(a\|ab\)`, `\(a\|b\)`) + pick(t, "*", "+", "?")
	case chance(t, 50):
		return `\(` + regular(t, depth+1) + `\)`
	case chance(t, 80):
		return regular(t, depth+1) + `\|` + regular(t, depth+1)
	}
	return regular(t, depth+1) + pick(t, `\1`, `\2`)
}

func TestRegexpAsGNU(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var in strings.Builder
		in.WriteString("changequote(\x01,\x02)\n")
		for range 10 {
			text := rapid.StringOfN(rapid.SampledFrom([]rune("aaabbbccc_x .{1}\n-")), 0, 10, -1).Draw(rt, "text")
			fmt.Fprintf(&in, "patsubst(\x01%s\x02,\x01%s\x02,\x01<\\&|\\1|\\2>\x02)\n", text, regular(rt, 0))
		}
		compare(rt, t, in.String())
	})
}

// program makes a piece of input from macros, quotes and syntax errors.
func program(t *rapid.T, depth int) string {
	switch {
	case depth > 5:
		return "w"
	case chance(t, 15):
		return pick(t, "x", "y", "foo", "bar", "12", " ", "\n", "a b", "`q'", "``nn''", "#c\n", "(", ")", ",", "$1", "dnl", "dnl\n", "$#", "$@", "`'",
			"[", "]", "`", "'", "<<", ">>", "__line__ ", "__file__")
	case chance(t, 30):
		return program(t, depth+1) + program(t, depth+1)
	}
	name := pick(t, "define", "define", "pushdef", "popdef", "undefine", "ifdef", "ifelse", "shift", "len", "index", "substr", "translit", "incr",
		"eval", "defn", "indir", "builtin", "divert", "undivert", "divnum", "changequote", "changecom", "m4wrap", "errprint", "format", "foo",
		"bar", "x", "y", "dumpdef", "m4exit", "traceon", "traceoff", "include", "sinclude", "__line__", "debugmode")
	if strings.Contains("m4exit changequote changecom traceon debugmode", name) && chance(t, 60) {
		name = "foo"
	}
	args := arguments(t, name, depth)
	if chance(t, 10) {
		return name + pick(t, "", " ", "(")
	}
	return name + "(" + strings.Join(args, pick(t, ",", ",", ", ", " ,")) + pick(t, ")", ")", ")", ")\n")
}

func arguments(t *rapid.T, name string, depth int) []string {
	switch name {
	case "define", "pushdef":
		body := program(t, depth+2)
		return []string{"`" + pick(t, "foo", "bar", "y", "len", "$1", "x y") + "'", pick(t, body, "`"+body+"'")}
	case "divert", "undivert":
		return []string{pick(t, "-1", "0", "1", "2", "3", "", "b.m4")}
	case "changequote":
		return strings.Split(pick(t, "[ ]", "<< >>", "` '", "( )", "x y", "| |", ""), " ")
	case "changecom":
		return strings.Split(pick(t, "[ ]", "/* */", "x", "<<", ""), " ")
	case "m4exit":
		return []string{pick(t, "0", "2")}
	case "eval":
		return []string{"`" + expression(t, 2) + "'"}
	case "format":
		return []string{"`" + strings.ReplaceAll(formatText(t), "*", "7") + "'", number(t), number(t)}
	case "include", "sinclude":
		return []string{pick(t, "b.m4", "nope", "")}
	case "m4wrap":
		return []string{"`" + pick(t, "x", "foo(1)", "bar", "divnum") + "'"}
	case "debugmode":
		return []string{pick(t, "aeq", "+c", "-q", "x", "lf")}
	case "traceon", "traceoff", "dumpdef", "defn", "indir", "builtin":
		return []string{"`" + pick(t, "foo", "bar", "len", "define", "nope", "y") + "'"}
	}
	var args []string
	for range rapid.IntRange(0, 4).Draw(t, "args") {
		args = append(args, program(t, depth+2))
	}
	return args
}

func TestProgramsAsGNU(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("b.m4", []byte("b A `x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var in strings.Builder
		for range rapid.IntRange(2, 8).Draw(rt, "pieces") {
			in.WriteString(program(rt, 0))
		}
		in.WriteString("\n")
		args := strings.Fields(pick(rt, "", "", "-s", "-daeq -tfoo", "-dcaeltf", "-G", "-P", "-E", "-dV", "-Q"))
		ours := runOurs(in.String(), append(args, "--budget-steps=20000", "--budget-output=100000")...)
		if strings.Contains(ours.stderr, "budget of ") {
			return // a macro that calls itself for ever: GNU m4 would not end
		}
		if want := runGNU(t, in.String(), args...); ours != want {
			t.Errorf("m4 %q < %q\n=== got %v\n=== want %v", args, in.String(), ours, want)
		}
	})
}

// flagWords are pieces of command lines: every flag that GNU m4 has and that is not refused or answered with words of
// our own.
var flagWords = []string{
	"-DVALUE=1", "-D", "-Dlen=mine", "--define=VALUE", "-UVALUE", "-Ulen", "--undefine=define", "-Isub", "-I", "--include=sub", "-s", "--synclines",
	"-P", "--prefix-builtins", "-G", "--traditional", "-g", "--gnu", "-Q", "--quiet", "--silent", "-E", "-EE", "--fatal-warnings", "-d", "-dV",
	"-daeqt", "-dfl", "-dcxt", "-dip", "-dz", "-d+a", "--debug", "--debug=t", "--debugfile=log", "--debugfile=", "--debugfile", "-o", "log", "-olog",
	"--error-output=log", "-l3", "-l0", "-l", "-lx", "--arglength=5", "-tlen", "-t", "--trace=VALUE", "-L2", "-L0", "-Lx", "--nesting-limit=1", "-H7", "-H0",
	"--hashsize=x", "-B1", "-S2", "-T3", "-N4", "--diversions=5", "-e", "-i", "--interactive", "--warn-macro-sequence", "--warn-macro-sequence=[",
	"--warn-macro-sequence=a+", "-W", "-x", "--nothing", "--de", "--", "-", "a.m4", "b.m4", "c.m4", "nowhere", "sub", "-sPQ", "-QGE", "-iE",
}

// Any flags and files, in any order, do what they do with GNU m4.
func TestFlagsAsGNU(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a.m4":     "one VALUE len(abc,d) __file__\ndefine(`two',`<$1>')\n",
		"b.m4":     "two(len(x)) include(`c.m4') include(`none')\nm4_len(four) format(`%d',5)\n",
		"sub/c.m4": "sub VALUE two(`a b\nc')\ndivert(1)held\ndivert`'undefine(`two')\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logged := func() string {
		text, err := os.ReadFile("log")
		if err == nil {
			err = os.Remove("log")
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		args := rapid.SliceOfN(rapid.SampledFrom(flagWords), 1, 6).Draw(rt, "args")
		const stdin = "input VALUE __line__ len(a,b)\ntraceon(`two')two(1)dnl x\n"
		got := runOurs(stdin, args...)
		gotLog := logged()
		want := runGNU(t, stdin, args...)
		if wantLog := logged(); got != want || gotLog != wantLog {
			t.Errorf("m4 %q\n=== got %v\nlog %q\n=== want %v\nlog %q", args, got, gotLog, want, wantLog)
		}
	})
}
