package mc_test

import (
	"io/fs"
	"strings"
	"testing"

	"gosendmail/cf/mc"
)

// FuzzBroken puts any text between the lines of a good configuration, and compiles it with the whole library: no text
// makes the compiler panic or hang, and what is complained about is in the file.
func FuzzBroken(f *testing.F) {
	for _, seed := range []string{
		"", "FEATURE(`redirect)dnl\n", "FEATURE (‘x’)dln\n", "define(`x`, 'y')\n", "# FEATURE(`x'\n", "define(`SMARTHOST', `x')dnl\n", "R$*  $: x\n",
		"LOCAL_RULESETS\nSx\nR$*\t$: `$1'\n", "\r\n\r", "ifelse(`a', `a', `FEATURE(`drac')'", "changequote(<,>)FEATURE(<x>)\n", "dnl `\n", "m4wrap(`')m4exit(9)",
	} {
		f.Add(seed)
	}
	closed := func(string) (string, error) { return "", fs.ErrNotExist }
	f.Fuzz(func(t *testing.T, text string) {
		all := "OSTYPE(`linux')dnl\nFEATURE(`access_db')dnl\n" + text + "\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
		out, err := mc.CompileText(mc.Options{Open: closed, Steps: 100_000}, "fuzz.mc", all)
		if out == nil {
			t.Fatalf("no output, error %v", err)
		}
		lines := strings.Count(all, "\n") + 1
		for _, d := range append(out.Lint(), out.Diagnostics...) {
			if d.File != "fuzz.mc" || d.Line < 0 || d.Line > lines {
				t.Errorf("%q: a complaint at %s of %d lines: %s", text, d.Position, lines, d.Text)
			}
		}
	})
}
