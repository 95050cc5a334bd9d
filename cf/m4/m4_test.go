package m4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gosendmail/cf/m4"
)

func itoa(n int) string { return strconv.Itoa(n) }

func writeFile(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// expand runs text through an engine; it returns the output, the complaints and the engine.
func expand(opt m4.Options, text string) (string, string, *m4.Engine) {
	var errs bytes.Buffer
	opt.Errors = &errs
	e := m4.New(opt)
	_ = e.RunString("in.mc", text)
	_ = e.Finish()
	return string(e.Output()), errs.String(), e
}

func TestExpand(t *testing.T) {
	for _, c := range []struct{ name, in, out, errs string }{
		{"plain", "a, (b) 'c'\n", "a, (b) 'c'\n", ""},
		{"define", "define(`x',`<$1|$2|$#>')x(a, b c)x", "<a|b c|2><||0>", ""},
		{"quotes nest", "`a `b' c'", "a `b' c", ""},
		{"all arguments", "define(`x',`$*,$@')define(`a',`A')x(`a',b)", "A,b,a,b", ""},
		{"name goes on in what follows", "define(`un',`de')un`'fine define(`w',`le')w()n(`abc')", "define 3", ""},
		{"call begins in an expansion", "define(`f',`len(')f`abcd')", "4", ""},
		{"comment hides a name", "define(`x',`y')x # x `x'\nx", "y # x `x'\ny", ""},
		{"comment in an argument", "len(a # b)\n)", "7", ""},
		{"changecom", "changecom(`/*',`*/')define(`x',`y')/* x */x#x", "/* x */y#y", ""},
		{"changequote", "changequote(<<,>>)define(<<x>>,<<`$1'>>)x(<<a>>)", "`a'", ""},
		{"pushdef", "define(`x',1)pushdef(`x',2)x popdef(`x')x popdef(`x')x", "2 1 x", ""},
		{"builtin as a value", "define(`mylen',defn(`len'))mylen(abc)undefine(`len')len(abc)mylen(ab)", "3len(abc)2", ""},
		{"divert", "a\ndivert(2)two\ndivert(1)one\ndivert(-1)none\ndivert`'b\n", "a\nb\none\ntwo\n", ""},
		{"undivert", "divert(1)x divert(2)undivert(1)y divert(0)[undivert(2)]", "[x y ]", ""},
		{"m4wrap comes last first", "m4wrap(`a')m4wrap(`b')c", "cba", ""},
		{"m4wrap within m4wrap", "m4wrap(`x`'m4wrap(`y')')", "xy", ""},
		{"patsubst", "patsubst(`ab abb',`\\(a\\)\\(b+\\)',`[\\2\\1\\&]')", "[baab] [bbaabb]", ""},
		{"regexp takes the longest", "regexp(`xabcd',`ab\\|abc',`\\&') regexp(`abc',`c') regexp(`abc',`z')", "abc 2 -1", ""},
		{"eval", "eval(2**10-1,16) eval(-7/2) eval(-7%2) eval(0x10+010) eval(7,2,8) eval(1<<31)", "3ff -3 -1 24 00000111 -2147483648", ""},
		{"eval skips what does not count", "eval(0&&1/0) eval(1||1/0)", "0 1", ""},
		{"translit", "translit(`hello',`a-y',`b-z') translit(`abc',`ab') translit(`a-b',`-',`+')", "ifmmp c a+b", ""},
		{"format", "format(`%05d|%-4s|%x|%.2f|%c',42,ab,255,3.14159,65)", "00042|ab  |ff|3.14|A", ""},
		{"position", "__file__:__line__\n\n__line__", "in.mc:1\n\n3", ""},
		{"position of a call", "define(`at',`__line__')at(\n1,\n2)\nat", "1\n4", ""},
		{"dnl", "a dnl b\nc", "a c", ""},
		{"NUL is a byte", "len(a\x00b)[\x00]", "3[\x00]", ""},
		{"bytes above 127", "len(`\xff\xe9')\xfe", "2\xfe", ""},
		{"excess arguments", "len(a,b)", "1", "m4:in.mc:1: Warning: excess arguments to builtin `len' ignored\n"},
		{"missing file", "\ninclude(`no such')", "\n", "m4:in.mc:2: cannot open `no such': No such file or directory\n"},
		{"end in quotes", "\n`abc", "\n", "m4:in.mc:2: ERROR: end of file in string\n"},
		{"end in arguments", "len(a,\nb", "", "m4:in.mc:1: ERROR: end of file in argument list\n"},
		{"errprint", "errprint(`a',`b\n')c", "c", "a b\n"},
		{"shell is refused", "syscmd(`echo x')esyscmd(`echo x')mkstemp(`x')a", "a", "m4:in.mc:1: syscmd is not allowed here: " +
			"macro files may neither run programs nor create files\nm4:in.mc:1: esyscmd is not allowed here: macro files may neither " +
			"run programs nor create files\nm4:in.mc:1: mkstemp is not allowed here: macro files may neither run programs nor create files\n"},
		{"debugfile is refused", "debugfile(`x')a", "a", "m4:in.mc:1: cannot set debug file `x': Permission denied\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, _ := expand(m4.Options{}, c.in)
			if out != c.out || errs != c.errs {
				t.Errorf("expand(%q)\n got %q, %q\nwant %q, %q", c.in, out, errs, c.out, c.errs)
			}
		})
	}
}

// A macro that nests without end in its arguments, or grows, ends with an error and not with the process.
func TestBudgets(t *testing.T) {
	loop := "define(`f',`f')f"
	nest := "define(`f',`f(f')f"
	grow := "define(`f',`f(`$1$1')')f(aaaaaaaaaaaaaaaa)"
	for _, c := range []struct {
		name, in, want string
		opt            m4.Options
	}{
		{"steps", loop, "budget of 1000 steps", m4.Options{Budget: m4.Budget{Steps: 1000}}},
		{"output", "define(`f',`x f')f", "budget of 5000 bytes of output", m4.Options{Budget: m4.Budget{Output: 5000}}},
		{"memory by nesting", nest, "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by growth", grow, "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by definitions", "define(`f',`define(`x$1',`$1')f(incr($1))')f(1)", "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by diversions", "divert(1)define(`f',`some text f')f", "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by m4wrap", "define(`f',`m4wrap(`text')f')f", "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by pushdef", "define(`f',`pushdef(`x',`text')f')f", "bytes of memory", m4.Options{Budget: m4.Budget{Memory: 1 << 20}}},
		{"memory by width", "eval(1,10,2000000000)", "bytes of memory", m4.Options{}},
		{"memory by format", "format(`%2000000000d',1)", "bytes of memory", m4.Options{}},
		{"nesting", "len(len(len(a)))", "recursion limit of 2 exceeded, use -L<N> to change it", m4.Options{NestingLimit: 2}},
		{"m4wrap for ever", "define(`f',`m4wrap(`f')')f", "budget of 1000 steps", m4.Options{Budget: m4.Budget{Steps: 1000}}},
		{"regular expression", "patsubst(`" + strings.Repeat("a", 40) + "',`\\(a*\\)*\\1b',`')", "budget of 100000 steps", m4.Options{Budget: m4.Budget{Steps: 100000}}},
		{"parentheses", "eval(" + strings.Repeat("(", 100000) + ")", "", m4.Options{}},
		{"parentheses in a text", "eval(`" + strings.Repeat("(", 1000000) + "')", "nested too deeply", m4.Options{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errs, e := expand(c.opt, c.in)
			if !strings.Contains(errs, c.want) || e.Status() != 1 {
				t.Errorf("got %.200q, status %d; want a complaint with %q", errs, e.Status(), c.want)
			}
		})
	}
}

// Calls nested in arguments need no goroutine stack: 200,000 of them are nothing special.
func TestDeepNesting(t *testing.T) {
	const n = 200000
	out, errs, _ := expand(m4.Options{}, "define(`i',`$1')"+strings.Repeat("i(", n)+"x"+strings.Repeat(")", n))
	if out != "x" || errs != "" {
		t.Errorf("got %.100q, %.200q", out, errs)
	}
}

// A macro that calls itself at its end runs in constant room.
func TestTailCalls(t *testing.T) {
	out, errs, _ := expand(m4.Options{Budget: m4.Budget{Memory: 1 << 18}}, "define(`f',`ifelse($1,0,done,`f(decr($1))')')f(20000)")
	if out != "done" || errs != "" {
		t.Errorf("got %.100q, %.200q", out, errs)
	}
}

func TestHooks(t *testing.T) {
	files := map[string]string{"lib/a.m4": "A from __file__\n", "plain.m4": "plain\n"}
	open := func(path string) (string, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	var seen []string
	opt := m4.Options{Open: open, Include: []string{"lib"}, Hooks: m4.Hooks{
		Include: func(e *m4.Engine, name string) (*m4.Source, bool, error) {
			if !strings.HasSuffix(name, "/m4/cf.m4") {
				return nil, false, nil
			}
			return &m4.Source{Name: "<library>/m4/cf.m4", Text: "library for " + e.Position().String() + "\n"}, true, nil
		},
		Missing: func(_ *m4.Engine, name string, err error) string {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("missing file: %v", err)
			}
			return "no file " + name + ", is it lib/a.m4?"
		},
		Diagnostic: func(d m4.Diagnostic) bool {
			seen = append(seen, fmt.Sprintf("%d %s|%s|%v", d.Severity, d.Position, d.Text, d.Stack))
			return false
		},
	}}
	out, errs, e := expand(opt, "  include(`/usr/share/x/m4/cf.m4')include(`a.m4')include(`plain.m4')define(`f',`include(`$1')')\nxx f(`b.m4')\n")
	if want := "  library for in.mc:1:3\nA from lib/a.m4\nplain\n\nxx \n"; out != want {
		t.Errorf("output %q, want %q", out, want)
	}
	if want := "m4:in.mc:2: no file b.m4, is it lib/a.m4?\n"; errs != want || e.Status() != 1 {
		t.Errorf("complaints %q, status %d", errs, e.Status())
	}
	if len(seen) != 1 || !strings.HasPrefix(seen[0], "1 in.mc:2:4|no file b.m4, is it lib/a.m4?|[{f in.mc:2:4 in.mc:1:") {
		t.Errorf("diagnostics %q", seen)
	}
}

func TestOwnBuiltin(t *testing.T) {
	e := m4.New(m4.Options{})
	e.Define("x", "y")
	e.Builtin("_JOIN", true, func(c *m4.Invocation) string {
		return c.Name + "/" + strings.Join(c.Args, "+") + "/" + c.Engine.Quote("x") + "/" + c.Engine.Position().String()
	})
	e.Builtin("_LIB", false, func(c *m4.Invocation) string {
		c.Engine.IncludeText(m4.Source{Name: "lib.m4", Text: "__file__:__line__\n"})
		return ""
	})
	_ = e.RunString("a.mc", "_JOIN _JOIN(x,`b c')\n_LIB")
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	if got, want := string(e.Output()), "_JOIN _JOIN/y+b c/x/a.mc:1:7\nlib.m4:1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDefinitions(t *testing.T) {
	e := m4.New(m4.Options{})
	e.Define("a", "one")
	_ = e.RunString("f.m4", "\ndefine(`b',\n  `text\nof b')")
	if text, ok := e.Text("a"); !ok || text != "one" {
		t.Errorf("Text(a) = %q, %v", text, ok)
	}
	if at, call, ok := e.Where("b"); !ok || at.File != "f.m4" || at.Line != 3 || call.File != "f.m4" || call.Line != 2 || call.Column != 1 {
		t.Errorf("Where(b) = %v, %v, %v", at, call, ok)
	}
	if _, ok := e.Text("len"); ok || !e.Defined("len") {
		t.Error("len is no builtin")
	}
	var names []string
	e.Names(func(name string) bool {
		names = append(names, name)
		return true
	})
	if !slices.Contains(names, "b") || !slices.Contains(names, "define") {
		t.Errorf("Names: %q", names)
	}
	e.Undefine("a")
	if e.Defined("a") {
		t.Error("a is still defined")
	}
}

// m4exit ends everything, with its status.
func TestExit(t *testing.T) {
	out, _, e := expand(m4.Options{}, "a\ndivert(1)b\ndivert`'m4wrap(`c')m4exit(3)d")
	if out != "a\n" || e.Status() != 3 {
		t.Errorf("got %q, status %d", out, e.Status())
	}
	var exit *m4.ExitError
	if err := e.RunString("more", "x"); !errors.As(err, &exit) || exit.Status != 3 {
		t.Errorf("RunString after m4exit: %v", err)
	}
}
