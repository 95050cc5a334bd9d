package m4_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"gosendmail/cf/m4"
	"gosendmail/internal/oracletest"
)

// built is the line into which the original's cfhead.m4 puts the time of the build.
var built = regexp.MustCompile(`(?m)^##### built by .*$`)

// gnu runs GNU m4 under the name m4, which its messages begin with.
func gnu(tb testing.TB, dir string, args ...string) (stdout, stderr string, status int) {
	tb.Helper()
	cmd := oracletest.M4(tb, args...)
	cmd.Args[0] = "m4"
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			tb.Fatal(err)
		}
		status = exit.ExitCode()
	}
	return out.String(), errs.String(), status
}

// mcFiles lists the .mc files of the original's tree.
func mcFiles(tb testing.TB, tree string) []string {
	tb.Helper()
	var files []string
	for _, pattern := range []string{"cf/*.mc", "debian/*.mc"} {
		found, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 30 {
		tb.Fatalf("only %d .mc files in %s", len(files), tree)
	}
	return files
}

// compile runs the original's macro library on one .mc file.
func compile(tree, mc string, opt m4.Options) *m4.Engine {
	e := m4.New(opt)
	e.Define("_CF_DIR_", tree+"/")
	_ = e.Run(filepath.Join(tree, "m4/cf.m4")) // what is wrong is in the output of errors
	_ = e.Run(mc)
	_ = e.Finish()
	return e
}

// Every .mc of the original's tree gives the same bytes, complaints and status as with GNU m4.
func TestTreeAsGNU(t *testing.T) {
	tree := oracletest.Tree(t)
	for _, mc := range mcFiles(t, tree) {
		t.Run(filepath.Base(filepath.Dir(mc))+"/"+filepath.Base(mc), func(t *testing.T) {
			t.Chdir(filepath.Dir(mc))
			var errs bytes.Buffer
			e := compile(tree, mc, m4.Options{AllowShell: true, Errors: &errs, Lines: true})
			out, errText, status := gnu(t, filepath.Dir(mc), "-D_CF_DIR_="+tree+"/", filepath.Join(tree, "m4/cf.m4"), mc)
			want := built.ReplaceAllString(out, "")
			if got := built.ReplaceAllString(string(e.Output()), ""); got != want {
				t.Errorf("output differs: %s", firstDifference(got, want))
			}
			if errs.String() != errText {
				t.Errorf("complaints differ: %s", firstDifference(errs.String(), errText))
			}
			if e.Status() != status {
				t.Errorf("status %d, GNU m4 has %d", e.Status(), status)
			}
			checkLines(t, e)
		})
	}
}

// checkLines checks that the lines are the output, and that each knows a place.
func checkLines(t *testing.T, e *m4.Engine) {
	t.Helper()
	var joined bytes.Buffer
	lines, _ := e.Lines()
	for l := range lines {
		joined.WriteString(l.Text + "\n")
		if l.Origin.Position().File == "" && l.Origin.Top().File == "" {
			t.Errorf("line %q has no origin", l.Text)
		}
	}
	if got, want := bytes.TrimSuffix(joined.Bytes(), []byte("\n")), bytes.TrimSuffix(e.Output(), []byte("\n")); !bytes.Equal(got, want) {
		t.Errorf("the lines are not the output: %s", firstDifference(string(got), string(want)))
	}
}

func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, min(i, len(s))-40):min(len(s), i+80)] }
	return "at byte " + itoa(i) + "\n got ..." + cut(got) + "\nwant ..." + cut(want)
}
