package mc_test

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/oracletest"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// hasLine tells whether a .cf holds the line.
func hasLine(cf, line string) bool { return strings.Contains("\n"+cf, "\n"+line+"\n") }

// A file that includes cf.m4 by itself gets the library at that place, whatever the path.
func TestIncludeOfTheDoor(t *testing.T) {
	for _, path := range []string{
		"/usr/share/sendmail/cf/m4/cf.m4", "/usr/share/sendmail-cf/m4/cf.m4", "/usr/lib/sendmail-cf/m4/cf.m4", "../m4/cf.m4",
	} {
		text := "divert(-1)\n# it's a comment with define(`OSTYPE', `x') in it\ndivert(0)dnl\ndefine(`MAIL_SETTINGS_DIR', `/opt/mail/')dnl\n" +
			"include(`" + path + "')dnl\nOSTYPE(`linux')dnl\n# define(`confTO_IDENT', `7s')\nFEATURE(`use_cw_file')dnl\nMAILER(`smtp')dnl\n"
		out, err := mc.CompileText(mc.Options{}, "site.mc", text)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Diagnostics) > 0 {
			t.Errorf("%s: %v", path, out.Diagnostics)
		}
		cf := string(out.Text())
		if !hasLine(cf, "Fw/opt/mail/local-host-names") || !hasLine(cf, "V10/Berkeley") {
			t.Errorf("%s: the library did not take effect", path)
		}
		if !hasLine(cf, "O Timeout.ident=7s") {
			t.Errorf("%s: after the include # is still a comment of m4", path)
		}
	}
}

// The library's complaints leave the exit status alone, as with the original; what is missing from the output does not.
func TestFailed(t *testing.T) {
	const wrongOrder = "OSTYPE(`linux')\nMAILER(`local')\nFEATURE(`redirect')\n"
	for _, test := range []struct {
		text   string
		strict bool
		want   bool
	}{
		{"OSTYPE(`linux')\n", true, false}, {wrongOrder, false, false}, {wrongOrder, true, true},
		{"OSTYPE(`linx')\n", false, true}, {"OSTYPE(`linux')\ndefine(`confX', `1')\n", false, false},
	} {
		out, err := mc.CompileText(mc.Options{Strict: test.strict}, "x.mc", test.text)
		if err != nil || out.Failed() != test.want {
			t.Errorf("%q strict %v: failed %v, error %v", test.text, test.strict, out.Failed(), err)
		}
	}
}

func TestOrigins(t *testing.T) {
	out, err := mc.CompileText(mc.Options{}, "x.mc", "OSTYPE(`linux')dnl\nFEATURE(`drac')dnl\nDmexample.net\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]string{
		"Kdrac hash /etc/mail/drac": {"x.mc:2", "library:feature/drac.m4:5"},
		"Dmexample.net":             {"x.mc:3", "x.mc:3"},
		"Sparse=0":                  {"", "library:m4/parse.m4:3"},
	}
	for _, l := range out.Lines {
		if w, ok := want[l.Text]; ok {
			source, written := l.Source(), l.Library()
			source.Column, written.Column = 0, 0
			if source.String() != w[0] || written.String() != w[1] {
				t.Errorf("%s: from %s and %s, want %v", l.Text, source, written, w)
			}
			delete(want, l.Text)
		}
	}
	for l := range want {
		t.Errorf("no line %s", l)
	}
}

// A site keeps features of its own beside the .mc, below -I, or in the tree that its include names.
func TestFilesOfTheSite(t *testing.T) {
	files := map[string]string{
		"site/x.mc":           "include(`tree/m4/cf.m4')\nOSTYPE(`linux')\nFEATURE(`one', `a', `b')\nHACK(`two')\nDOMAIN(`three')\n",
		"site/feature/one.m4": "PUSHDIVERT(6)\nC{One}_ARG_ _ARG2_\nPOPDIVERT\n",
		"tree/hack/two.m4":    "LOCAL_CONFIG\nC{Two}x\n",
		"more/domain/three.m4": "EXPOSED_USER(`three')\n" +
			"FEATURE(`redirect')\n",
	}
	open := func(name string) (string, error) {
		if text, ok := files[filepath.ToSlash(name)]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	out, err := mc.Compile(mc.Options{Open: open, IncludeDirs: []string{"more"}}, "site/x.mc")
	if err != nil || len(out.Diagnostics) > 0 {
		t.Fatal(err, out.Diagnostics)
	}
	for _, line := range []string{"C{One}a b", "C{Two}x", "C{E}three", "CPREDIRECT"} {
		if !hasLine(string(out.Text()), line) {
			t.Errorf("no line %s", line)
		}
	}
}

func TestDefinesAndUndefines(t *testing.T) {
	opt := mc.Options{Defines: []mc.Define{{Name: "confTO_IDENT", Value: "9s"}, {Name: "MAIL_SETTINGS_DIR", Value: "/m/"}}, Undefines: []string{"len"}}
	out, err := mc.CompileText(opt, "x.mc", "OSTYPE(`linux')\nDxlen(abc)\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"O Timeout.ident=9s", "O AliasFile=/m/aliases", "Dxlen(abc)"} {
		if !hasLine(string(out.Text()), line) {
			t.Errorf("no line %s", line)
		}
	}
}

// movedTree is a copy of the original's tree whose files name each other by its own place, not by that of an
// installation.
func movedTree(t *testing.T) string {
	t.Helper()
	from, to := oracletest.Tree(t), t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = to + strings.TrimPrefix(path, from)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/share/sendmail/cf/", to+"/")), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// With a tree in place of the library the output is that of GNU m4, byte for byte, and so is the exit status.
func TestForeignTree(t *testing.T) {
	tree := movedTree(t)
	files, err := filepath.Glob(filepath.Join(tree, "*/*.mc"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d .mc in %s: %v", len(files), tree, err)
	}
	for _, f := range files {
		out, err := mc.Compile(mc.Options{CFDir: tree}, f)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"-D_CF_DIR_=" + tree + "/", "-D_NO_MAKEINFO_", filepath.Join(tree, "m4/cf.m4"), f}
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "/m4/cf.m4'") {
			args = slices.Delete(args, 2, 3) // it includes cf.m4 itself
		}
		cmd := oracletest.M4(t, args...)
		cmd.Dir = filepath.Dir(f)
		want, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatalf("%s: %v", f, err)
		}
		if string(out.Text()) != string(want) {
			t.Errorf("%s: differs from GNU m4", f)
		}
		if out.Failed() != (err != nil) {
			t.Errorf("%s: failed %v, GNU m4: %v", f, out.Failed(), err)
		}
	}
	t.Logf("%d files are the same", len(files))
}

// GNU m4 runs the embedded library as well, with the same result, for every configuration of the tests.
func TestLibraryUnderGNUm4(t *testing.T) {
	oracletest.Root(t)
	site, err := os.ReadFile("testdata/pop-before-smtp.mc")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile("testdata/configurations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{string(site)}
	for _, part := range strings.Split(string(archive), "\n-- ")[1:] {
		_, text, _ := strings.Cut(part, " --\n")
		texts = append(texts, complete(text+"\n"))
	}
	for _, text := range texts {
		cmd := oracletest.M4(t, "library/m4/cf.m4", "-")
		cmd.Stdin = strings.NewReader(text)
		want, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if compile(t, mc.Options{}, "-", text) != string(want) {
			t.Errorf("differs from GNU m4:\n%s", text)
		}
	}
	t.Logf("%d files are the same", len(texts))
}

func TestUnreadable(t *testing.T) {
	_, err := mc.Compile(mc.Options{}, filepath.Join(t.TempDir(), "none.mc"))
	if !mc.Unreadable(err) {
		t.Errorf("error %v", err)
	}
}

// docs/configuration.md holds the reference that the library's comments give.
func TestDocumentation(t *testing.T) {
	const path, mark = "../../docs/configuration.md", "<!-- what follows is written by: go test ./cf/mc -run TestDocumentation -update -->\n\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	own, list, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s: no line %s", path, mark)
	}
	if list == mc.Reference() {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date: run go test ./cf/mc -run TestDocumentation -update", path)
	}
	if err := os.WriteFile(path, []byte(own+mark+mc.Reference()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every file of the library says what it is for.
func TestReferenceIsComplete(t *testing.T) {
	for l := range strings.SplitSeq(mc.Reference(), "\n") {
		if strings.HasSuffix(l, "|  |") {
			t.Errorf("no meaning: %s", l)
		}
	}
}

// Damaged input never panics and never runs for ever.
func TestDamagedInput(t *testing.T) {
	text, err := os.ReadFile("testdata/pop-before-smtp.mc")
	if err != nil {
		t.Fatal(err)
	}
	closed := func(string) (string, error) { return "", fs.ErrNotExist }
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		b := slices.Clone(text)
		for range 1 + rnd.IntN(5) {
			i, j := rnd.IntN(len(b)), rnd.IntN(len(b))
			switch rnd.IntN(3) {
			case 0:
				b[i] = byte(rnd.IntN(256))
			case 1:
				b = slices.Delete(b, i, i+1)
			case 2:
				b = slices.Concat(b[:i], b[j:], []byte("\n"))
			}
		}
		out, _ := mc.CompileText(mc.Options{Open: closed, Steps: 300_000}, "damaged.mc", string(b))
		for _, d := range out.Diagnostics {
			if d.File != "damaged.mc" {
				t.Fatalf("%q: a complaint about %s", b, d)
			}
		}
	}
}

// A mailer that names a rule set which nobody defines is worth a word, but only when asked.
func TestLintOfMailers(t *testing.T) {
	text := "OSTYPE(`linux')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\nMAILER_DEFINITIONS\n" +
		"Mown,\tP=/bin/own, F=n, S=EnvFromL/31, R=EnvToL,\n\tA=own\nMother,\tP=/bin/other, F=n, S=4,\n\tR=Nowhere,\n\tA=other\n"
	out, err := mc.CompileText(mc.Options{}, "site.mc", text)
	if err != nil || len(out.Diagnostics) > 0 {
		t.Fatal(err, out.Diagnostics)
	}
	var got []string
	for _, d := range out.Lint() {
		got = append(got, d.String())
	}
	want := []string{
		"site.mc:5:1: warning: mailer own names rule set 31 in S=, which the configuration does not define",
		"site.mc:8:1: warning: mailer other names rule set Nowhere in R=, which the configuration does not define",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// smallTree is a macro tree of a few lines. With the whole library nearly all the time of an execution goes into text that no
// input changes, made slower by the instruments of the fuzzer.
var smallTree = map[string]string{
	"small/m4/cf.m4": "divert(-1)\ndefine(`FEATURE', `pushdef(`_BACK_', divnum)divert(-1)define(`_ARG_', `$2')include(_CF_DIR_`'feature/$1.m4)divert(_BACK_)popdef(`_BACK_')')\n" +
		"define(`MAILER', `divert(7)M$1, P=/bin/$1, S=1, R=Two\ndivert(0)')\ndefine(`WRONG', `errprint(`*** ERROR: $1\n')')\n" +
		"m4wrap(`Sone=1\nR$`'*	$`'@ _ARG_\nundivert(7)')\ndivert(0)dnl\n",
	"small/feature/x.m4": "divert(-1)\nifelse(_ARG_,, `WRONG(`x needs an argument')', `define(`X', _ARG_)')\n",
}

// Whatever a .mc says, compiling it ends, and its output can be read.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"", "MAILER(`local')dnl\n", "FEATURE(`x', `a')MAILER(`b')\nR$*\t$: X\n", "include(`m4/cf.m4')FEATURE(`x')", "FEATURE(`y')", "WRONG(`no')dnl",
		"define(`FEATURE',`$0(`$1')')FEATURE(`x')", "define(`x', `x(shift($@))')x(1, 2", "changequote([, ])FEATURE([x])divert(7)undivert", "m4exit(3)", "a\n b\n\tc",
		"\xff\xfed\x00", "\ufeffMAILER (`a')\r\nFEATUER('x)\r\n", "# FEATURE(`x')\ndefine(`SMARTHOST ', ‘x’)(((", "include(`m4/cf.m4')FEATURE(`x`)",
	} {
		f.Add(seed)
	}
	open := func(name string) (string, error) {
		if text, ok := smallTree[name]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := mc.CompileText(mc.Options{CFDir: "small", Open: open, Steps: 3000}, "fuzz.mc", text)
		if out == nil {
			if !strings.Contains(err.Error(), "the file is UTF-16") {
				t.Fatalf("no output, error %v", err)
			}
			return
		}
		mc.Read(string(out.Text()))
		out.Lint()
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := mc.Compile(mc.Options{}, "testdata/pop-before-smtp.mc"); err != nil {
			b.Fatal(err)
		}
	}
}
