package m4_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gosendmail/cf/m4"
	"pgregory.net/rapid"
)

// marker is a line of generated input that causes one line of output with a word of its own.
type marker struct {
	word string
	line int // of the file given to Run
}

// library is what the generated inputs include and call.
const library = "define(`emit',`$1 by macro\n')define(`inner',`emit(`$1')')define(`late',`m4wrap(`emit(`$1')')')dnl\n" +
	"define(`aside',`divert(3)$1 held back\ndivert(0)')dnl\n"

// generate writes lines of many forms, and says which word is to come from which line.
func generate(t *rapid.T) (string, []marker) {
	var text strings.Builder
	var markers []marker
	line := 1
	forms := []string{
		"%s plain\n",
		"emit(`%s')dnl\n",
		"inner(`%s')dnl\n",
		"late(`%s')dnl\n",
		"aside(`%s')dnl\n",
		"divert(2)dnl\n%s diverted\ndivert(0)dnl\n",
		"emit(\n\n  `%s')dnl\n",
		"ifelse(a,b,,`emit(`%s')')dnl\n",
		"include(`%s.m4')dnl\n",
		"define(`m%s',`emit(`%[1]s')')m%[1]s`'dnl\n",
		"`quoted\n%s in the third\nof lines'\n",
		"# comment %s\n",
		"undivert(2)emit(`%s')dnl\n",
	}
	offsets := map[int]int{5: 1, 10: 1} // lines from the first of the form to the one that counts
	for i := range rapid.IntRange(1, 30).Draw(t, "lines") {
		n := rapid.IntRange(0, len(forms)-1).Draw(t, "form")
		word := fmt.Sprintf("W%dW", i)
		piece := fmt.Sprintf(forms[n], word)
		markers = append(markers, marker{word, line + offsets[n]})
		line += strings.Count(piece, "\n")
		text.WriteString(piece)
	}
	return text.String(), markers
}

func openGenerated(path string) (string, error) {
	word, ok := strings.CutSuffix(path, ".m4")
	if !ok || !strings.HasPrefix(word, "W") {
		return "", fs.ErrNotExist
	}
	return "\n" + word + " included\n", nil
}

// Each line of output names the line of the .mc that caused it, whatever way it took.
func TestPositionsNameTheRightLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, markers := generate(t)
		e := m4.New(m4.Options{Lines: true, Open: openGenerated})
		_ = e.RunString("lib.m4", library)
		_ = e.RunString("site.mc", text)
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		lines, _ := e.Lines()
		for _, m := range markers {
			found := false
			for l := range lines {
				if !strings.Contains(l.Text, m.word+" ") && !strings.HasSuffix(l.Text, m.word) {
					continue
				}
				found = true
				if top := l.Origin.Top(); top.File != "site.mc" || top.Line != m.line {
					t.Errorf("%q comes from %v, want line %d of\n%s", l.Text, top, m.line, text)
				}
				if strings.HasSuffix(l.Text, "included") && (l.Origin.Position().File != m.word+".m4" || l.Origin.Position().Line != 2) {
					t.Errorf("%q comes from %v", l.Text, l.Origin.Position())
				}
				if strings.HasSuffix(l.Text, "by macro") && (l.Origin.Body().File != "lib.m4" || l.Origin.Body().Line != 1) {
					t.Errorf("%q was written at %v", l.Text, l.Origin.Body())
				}
			}
			if !found {
				t.Errorf("no line holds %s of\n%s", m.word, text)
			}
		}
	})
}

// A complaint names the line whose call is wrong, and how it came there.
func TestComplaintsNameTheRightLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.IntRange(0, 20).Draw(t, "before")
		form := rapid.SampledFrom([]string{"len(1,2)", "bad", "`'bad(\n\n)", "ifdef(`bad',`bad')", "outer(`bad')"}).Draw(t, "form")
		var got []m4.Diagnostic
		e := m4.New(m4.Options{Hooks: m4.Hooks{Diagnostic: func(d m4.Diagnostic) bool {
			got = append(got, d)
			return true
		}}})
		_ = e.RunString("lib.m4", "define(`bad',`len(1,2)')define(`outer',`\n\n$1')")
		_ = e.RunString("site.mc", strings.Repeat("text\n", before)+"  "+form+"\n")
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].File != "site.mc" || got[0].Line != before+1 || got[0].Column < 3 {
			t.Errorf("complaints %v, want one at line %d", got, before+1)
		}
		if form != "len(1,2)" && (len(got[0].Stack) == 0 || got[0].Stack[0].Macro != "bad") {
			t.Errorf("stack %v", got[0].Stack)
		}
	})
}

// A body of several lines: each knows its own line in the definition.
func TestBodyLines(t *testing.T) {
	e := m4.New(m4.Options{Lines: true})
	_ = e.RunString("lib.m4", "\ndefine(`rules',\n`first\nsecond $1\nthird\n')dnl\n")
	_ = e.RunString("site.mc", "\n\nrules(x)dnl\n")
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	var got []string
	lines, _ := e.Lines()
	for l := range lines {
		got = append(got, fmt.Sprintf("%s %s %s %v", l.Text, l.Origin.Position(), l.Origin.Body(), l.Origin.Stack()))
	}
	want := []string{
		" lib.m4:1:1 lib.m4:1:1 []",
		" site.mc:1:1 site.mc:1:1 []",
		" site.mc:2:1 site.mc:2:1 []",
		"first site.mc:3:1 lib.m4:3 [{rules site.mc:3:1 lib.m4:3:1}]",
		"second x site.mc:3:1 lib.m4:4 [{rules site.mc:3:1 lib.m4:3:1}]",
		"third site.mc:3:1 lib.m4:5 [{rules site.mc:3:1 lib.m4:3:1}]",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
