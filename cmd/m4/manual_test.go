package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// example is a call of m4 that GNU m4's manual shows, with what is typed into it and what the manual says that it
// prints.
type example struct {
	name  string // the section of the manual, and the number of the block of examples in it
	args  []string
	input string
	files map[string]string // that the example shows
	// stdout is what the manual shows as output; lines without the blanks at their ends, which the manual does not
	// show.
	stdout string
}

// The signs of the manual.
const (
	outputMark = "⇒"
	errorMark  = "error→"
	endMark    = "^D"
	promptMark = "$ "
)

// manualText reads the manual that came with the original's m4.
func manualText(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(oracletest.Root(t), "usr/share/info/m4.info-*.gz"))
	if err != nil || len(files) == 0 {
		t.Skipf("GNU m4's manual is not there: %v", err)
	}
	var text strings.Builder
	for _, name := range files {
		packed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&text, z); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

var nodeHead = regexp.MustCompile(`(?m)^\x1f\nFile: m4\.info,  Node: ([^,\n]+),.*$`)

// manualExamples takes the manual apart: what is set in by five columns and shows output or a prompt is an example. It
// returns the number of blocks too.
func manualExamples(text string) (examples []example, blocks int) {
	heads := nodeHead.FindAllStringSubmatchIndex(text, -1)
	files := map[string]string{}
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		section := text[h[2]:h[3]]
		n := 0
		for _, b := range setIn(text[h[1]:end]) {
			if found := readBlock(b, files); len(found) > 0 {
				n++
				for _, e := range found {
					e.name = fmt.Sprintf("%s %d", section, n)
					examples = append(examples, e)
				}
			}
		}
		blocks += n
	}
	return examples, blocks
}

const column = "     "

// setIn returns the blocks of lines that are set in, without their five columns.
func setIn(text string) [][]string {
	var blocks [][]string
	var block []string
	described := false // the block begins with what a macro is
	for line := range strings.SplitSeq(text, "\n") {
		switch rest, ok := strings.CutPrefix(line, column); {
		case ok:
			block = append(block, rest)
		case line == "" && block != nil:
			block = append(block, "")
		default:
			if block != nil {
				blocks, block = append(blocks, withoutProse(block, described)), nil
			}
			described = strings.HasPrefix(line, " -- ")
		}
	}
	return blocks
}

// withoutProse takes away the words about a macro before the example, or about a flag around one that is set in
// further.
func withoutProse(lines []string, described bool) []string {
	if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, column+outputMark) }) {
		var inner []string
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(l, column); ok {
				inner = append(inner, rest)
			}
		}
		return inner
	}
	start := 0
	for i, l := range lines {
		switch {
		case !described || strings.HasPrefix(l, outputMark) || strings.HasPrefix(l, promptMark) || strings.HasPrefix(l, errorMark):
			return lines[start:]
		case l == "":
			start = i + 1
		}
	}
	return nil
}

// readBlock reads the commands of a block; without a prompt it is one run of "m4 -d", as the manual says.
func readBlock(lines []string, files map[string]string) []example {
	b := blockReader{files: files}
	shows := false
	for i, l := range lines {
		text := strings.TrimLeft(l, " ")
		shows = shows || strings.HasPrefix(text, outputMark) || strings.HasPrefix(text, errorMark) || strings.HasPrefix(l, promptMark)
		if i == 0 && !strings.HasPrefix(l, promptMark) {
			b.begin("-d")
		}
		b.line(l)
	}
	if !shows {
		return nil // a prototype, or a list
	}
	for i := range b.found {
		b.found[i].input = strings.TrimRight(b.found[i].input, "\n") + "\n"
		b.found[i].files = b.files
	}
	return slices.DeleteFunc(b.found, func(e example) bool { return e.input == "\n" && e.args[0] == "-d" }) // the output of words before it
}

// blockReader reads a block line by line.
type blockReader struct {
	found []example
	files map[string]string
	shown string // the file whose text follows
	over  bool   // the end of the input has been shown, or a command that is not m4
}

func (b *blockReader) begin(args ...string) {
	b.found = append(b.found, example{args: args})
	b.over, b.shown = false, ""
}

var piped = regexp.MustCompile(`^echo "(.*)" \| m4$`)

func (b *blockReader) line(l string) {
	if command, ok := strings.CutPrefix(l, promptMark); ok {
		words := strings.Fields(command)
		b.over, b.shown = true, ""
		if m := piped.FindStringSubmatch(command); m != nil {
			b.begin()
			b.found[len(b.found)-1].input = strings.ReplaceAll(m[1], `\`, "")
			b.over = true
		} else if words[0] == "m4" {
			b.begin(words[1:]...)
		} else if words[0] == "cat" {
			b.shown = words[1]
			b.files[b.shown] = ""
		}
		return
	}
	if b.shown != "" && l != "" {
		b.files[b.shown] += strings.TrimPrefix(l, outputMark) + "\n"
		return
	}
	if len(b.found) == 0 {
		return
	}
	e := &b.found[len(b.found)-1]
	text := strings.TrimLeft(l, " ")
	switch {
	case strings.HasPrefix(text, outputMark):
		e.stdout += strings.TrimPrefix(text, outputMark) + "\n"
	case strings.HasPrefix(text, errorMark):
	case text == endMark:
		b.over = true
	case !b.over:
		e.input += l + "\n"
	}
}

// unlikeManual tells why an example does not give what the manual shows, with GNU m4 as with ours.
var unlikeManual = map[string]string{
	"Dumpdef 2":    "the manual shows a complaint and a line of output as one line",
	"Changeword 1": noChangeword, "Changeword 2": noChangeword, "Changeword 3": noChangeword,
	"Changeword 4": noChangeword, "Changeword 5": "the example is of TeX", "Changeword 6": noChangeword,
	"Mkstemp 1": "the names are made up anew each time",
}

const noChangeword = "needs changeword, which a GNU m4 has only if it was built so; Debian's was not"

// silentFlags are flags that examples were run with though the manual does not show them.
var silentFlags = map[string]string{"Preprocessor features 1": "-s", "Other Incompatibilities 1": "-s"}

// needShell are the examples that are refused where macro files may not run programs (--no-shell).
var needShell = []string{"Syscmd 1", "Syscmd 2", "Esyscmd 1", "Sysval 1", "Mkstemp 1"}

// frozen tells whether an example needs frozen state files (-F, -R).
func (e *example) frozen() bool {
	return slices.ContainsFunc(e.args, func(a string) bool { return a == "-F" || a == "-R" })
}

// All examples of GNU m4's manual give the same output, complaints and exit status with GNU m4 and with ours, and what
// the manual shows.
func TestManual(t *testing.T) {
	examples, blocks := manualExamples(manualText(t))
	folder := oracletest.Root(t) + "/usr/share/doc/m4/examples"
	t.Chdir(t.TempDir())
	if err := os.CopyFS("examples", os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	var shell, frozen []string
	same := 0
	for _, e := range examples {
		if e.frozen() {
			if got := runOurs(e.input, e.args...); got.status != 1 || !strings.Contains(got.stderr, "frozen state files are not supported") {
				t.Errorf("%s: m4 %q: %v", e.name, e.args, got)
			}
			frozen = append(frozen, e.name)
			continue
		}
		if flag := silentFlags[e.name]; flag != "" {
			e.args = []string{flag}
		}
		e.input = strings.ReplaceAll(e.input, "/tmp/", "") // into the folder of the test
		t.Run(e.name, func(t *testing.T) {
			for name, text := range e.files {
				if strings.Contains(name, "/") {
					continue // one of the examples' own files
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, want := runOurs(e.input, e.args...), runGNU(t, e.input, e.args...)
			if e.name == "Mkstemp 1" {
				got.stdout, want.stdout = tempName.ReplaceAllString(got.stdout, "$1"), tempName.ReplaceAllString(want.stdout, "$1")
			}
			if got != want {
				t.Errorf("m4 %q < %s\n=== got %v\n=== want %v", e.args, e.input, got, want)
			}
			if like := trimmed(got.stdout) == trimmed(e.stdout); like {
				same++
			} else if unlikeManual[e.name] == "" {
				t.Errorf("m4 %q < %s\n=== got %s\n=== the manual shows %s", e.args, e.input, got.stdout, e.stdout)
			}
			if refused := runOurs(e.input, append(e.args, "--no-shell")...); strings.Contains(refused.stderr, "is not allowed here") {
				shell = append(shell, e.name)
			}
		})
	}
	if shell = slices.Compact(shell); !slices.Equal(shell, needShell) {
		t.Errorf("these need a shell: %q", shell)
	}
	if frozen = slices.Compact(frozen); !slices.Equal(frozen, needFrozen) {
		t.Errorf("these need frozen state files: %q", frozen)
	}
	t.Logf("%d runs from %d blocks of examples in %d sections: %d the same as GNU m4's, %d of them as the manual shows; %d blocks need a shell, "+
		"%d frozen state files", len(examples), blocks, sections(examples), len(examples)-countFrozen(examples), same, len(shell), len(frozen))
}

// needFrozen are the examples of frozen state files, which are refused.
var needFrozen = []string{"Using frozen files 2", "Using frozen files 3", "Using frozen files 5"}

func countFrozen(examples []example) int {
	n := 0
	for _, e := range examples {
		if e.frozen() {
			n++
		}
	}
	return n
}

func sections(examples []example) int {
	seen := map[string]bool{}
	for _, e := range examples {
		seen[strings.TrimRight(e.name, " 0123456789")] = true
	}
	return len(seen)
}

// tempName is a name that maketemp or mkstemp made up.
var tempName = regexp.MustCompile(`(?m)^(foo|doc)[A-Za-z0-9]{6}$`)

// trimmed is text without the blanks at the ends of its lines and the newlines at its end.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
