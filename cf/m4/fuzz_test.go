package m4_test

import (
	"bytes"
	"io/fs"
	"testing"

	"gosendmail/cf/m4"
)

// FuzzExpand: no input makes the engine panic, hang or lose the origin of a line.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"define(`x',`$1$@')x(a,`b',x(c))\n", "divert(1)a\ndivert(-1)b\ndivert`'undivert(1)m4wrap(`x')",
		"changequote([,])[a]changecom(/*,*/)/* x */", "changequote(<<,>>)<<a<<b>>>>", "patsubst(`aab',`\\(a*\\)\\1b?\\|[^x-z]+$',`\\1\\&')",
		"eval(1+(2**3)%4,16,8)format(`%5.2f|%-*s|%c',1.5,7,a,65)", "ifelse(a,b,c,d,e,f)shift(a,b)translit(abc,a-c,x)substr(abc,1)",
		"include(`inc')sinclude(`no')len(defn(`len'))indir(`x',defn(`len'))", "define(`l',defn(`len'))l(a)undefine(`l')l\ndnl",
		"traceon debugmode(V)x(`y')dumpdef errprint(a)", "define(`f',`f(f')f", "define(`f',`x f')f", "regexp(`a',`[[.x.]]')",
		"(", "`", "len(", "#", "define(`x',`)')len(x", "\x00\xff",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, lines bool) {
		var errs bytes.Buffer
		e := m4.New(m4.Options{
			Lines: lines, SyncLines: len(text)%2 == 1, Errors: &errs, NestingLimit: 1000,
			Budget: m4.Budget{Steps: 20000, Output: 1 << 18, Memory: 1 << 20},
			Open: func(path string) (string, error) {
				if path == "inc" {
					return "included define(`y',`z')\n", nil
				}
				return "", fs.ErrNotExist
			},
		})
		_ = e.RunString("fuzz.m4", text)
		_ = e.Finish()
		if lines {
			checkLines(t, e)
		}
	})
}
