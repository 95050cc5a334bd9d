package m4_test

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gosendmail/cf/m4"
	"gosendmail/internal/oracletest"
)

// BenchmarkTree compiles the whole of the original's tree: in this process, and with GNU m4, a process for each file.
func BenchmarkTree(b *testing.B) {
	tree := oracletest.Tree(b)
	files := mcFiles(b, tree)
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			for _, mc := range files {
				compile(tree, mc, m4.Options{Output: io.Discard})
			}
		}
	})
	b.Run("engine-lines", func(b *testing.B) {
		for b.Loop() {
			for _, mc := range files {
				compile(tree, mc, m4.Options{Lines: true}).Lines()
			}
		}
	})
	b.Run("gnu", func(b *testing.B) {
		for b.Loop() {
			for _, mc := range files {
				gnu(b, tree, "-D_CF_DIR_="+tree+"/", filepath.Join(tree, "m4/cf.m4"), mc)
			}
		}
	})
}

// times repeats what f makes of the numbers from 1 to n.
func times(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i + 1))
	}
	return b.String()
}

// long are single runs. With n 100 they are long enough for the start of a process not to count.
var long = []struct {
	name string
	text func(n int) string
}{
	{"recursion", func(n int) string {
		return "define(`loop',`ifelse($1,0,,`eval($1*3) word(`a',`b') some plain text, here\nloop(decr($1))')')define(`word',`$1-$2')loop(" + strconv.Itoa(n*1000) + ")\n"
	}},
	{"depth", func(n int) string {
		return "define(`sum',`ifelse($1,0,0,`eval($1+sum(decr($1)))')')sum(" + strconv.Itoa(n*200) + ")\n"
	}},
	{"counter", func(n int) string {
		return "define(`count',`pushdef(`$1',`$2')_count($@)popdef(`$1')')" +
			"define(`_count',`$4`'ifelse($1,`$3',`',`define(`$1',incr($1))$0($@)')')count(`i',1," + strconv.Itoa(n*1500) + ",`i ')\n"
	}},
	{"list", func(n int) string {
		return "define(`each',`ifelse(`$2',`',`',`_one(`$1',`$2')each(`$1',shift(shift($@)))')')define(`_one',`define(`$1',`$2')$1, then\n')each(`x'," +
			times(n*12, func(i int) string { return fmt.Sprintf("item%d,", i) }) + ")\n"
	}},
	{"calls", func(n int) string {
		return "define(`f',`<$1>')" + times(n*2500, func(int) string { return "f(abc) plain f(def, ghi) text `quoted f(x)' here f\n" })
	}},
	{"definitions", func(n int) string {
		return times(n*600, func(i int) string {
			return fmt.Sprintf("define(`m%d',`text number %d with $1')dnl\nm%d(a)ifdef(`m%d',yes,no)\n", i, i, i, 2*i)
		})
	}},
	{"text", func(n int) string {
		return times(n*2000, func(int) string { return "Nothing to be expanded here, but many words, and `some in quotes' too.\n" })
	}},
	{"diversions", func(n int) string {
		return "define(`x',`some words to keep in diversion $1\n')" + times(n*2000, func(int) string { return "divert(1)x(1)divert(2)x(2)\n" })
	}},
	{"wrapped", func(n int) string {
		return "define(`go',`ifelse($1,0,,`m4wrap(`word $1\n')go(decr($1))')')go(" + strconv.Itoa(n*500) + ")\n"
	}},
}

// BenchmarkLong compares the expansion itself with GNU m4's: run it alone, and see the time of both.
func BenchmarkLong(b *testing.B) {
	for _, w := range long {
		file := filepath.Join(b.TempDir(), w.name+".m4")
		writeFile(b, file, w.text(100))
		b.Run(w.name+"/engine", func(b *testing.B) {
			for b.Loop() {
				e := m4.New(m4.Options{Output: io.Discard})
				_ = e.Run(file)
				if err := e.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(w.name+"/gnu", func(b *testing.B) {
			oracletest.Root(b)
			for b.Loop() {
				gnu(b, b.TempDir(), file)
			}
		})
	}
}

// What the benchmarks measure is the same work: both give the same output.
func TestLongAsGNU(t *testing.T) {
	for _, w := range long {
		t.Run(w.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), w.name+".m4")
			writeFile(t, file, w.text(4))
			want, _, _ := gnu(t, t.TempDir(), file)
			e := m4.New(m4.Options{})
			_ = e.Run(file)
			if err := e.Finish(); err != nil {
				t.Fatal(err)
			}
			if got := string(e.Output()); got != want {
				t.Errorf("output differs: %s", firstDifference(got, want))
			}
		})
	}
}
