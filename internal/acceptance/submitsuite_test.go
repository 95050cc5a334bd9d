package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// submitSeed makes the submissions of the ordinary tests; GOSENDMAIL_SEED names another.
const submitSeed = 5

// suite is which cases run: GOSENDMAIL_CASES is a list of numbers and ranges ("3,10-19"), GOSENDMAIL_SLOW asks for all.
func suite(t *testing.T, short, long int) (seed uint64, cases []uint64) {
	t.Helper()
	seed = submitSeed
	if text := os.Getenv("GOSENDMAIL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		must(t, err)
		seed = n
	}
	list := fmt.Sprintf("0-%d", short-1)
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		list = fmt.Sprintf("0-%d", long-1)
	}
	if text := os.Getenv("GOSENDMAIL_CASES"); text != "" {
		list = text
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(part, "-")
		a, err := strconv.ParseUint(first, 10, 64)
		must(t, err)
		b := a
		if ranged {
			b, err = strconv.ParseUint(last, 10, 64)
			must(t, err)
		}
		for ; a <= b; a++ {
			cases = append(cases, a)
		}
	}
	t.Logf("seed %d, %d cases", seed, len(cases))
	return seed, cases
}

// TestSubmissionsAsTheOriginal hands in random messages in all ways and holds everything that they leave beside the original's:
// exit status, what is printed, mailboxes, reports, dead letters, dialogues with peers, queue files and the log.
//
// With GOSENDMAIL_RESULTS the results are kept in that folder, one file for each case and program, and answers of the original that are
// there already are taken from it.
func TestSubmissionsAsTheOriginal(t *testing.T) {
	inArena(t, prepareSubmissions, func(t *testing.T, w world) {
		moveRoot(t, "/home/root")
		trustLibraries(t, w)
		seed, numbers := suite(t, 60, 2400)
		cases := make([]submitted, len(numbers))
		for i, n := range numbers {
			cases[i] = submission(seed, n)
		}
		peers := &peerLog{}
		peers.peer(t, "127.0.1.1:25")
		peers.peer(t, "127.0.1.2:25")
		dir := os.Getenv("GOSENDMAIL_RESULTS")
		want := handAll(t, &lab{w: w, program: w.path("original/sendmail"), peers: peers}, cases, numbers, dir)
		got := handAll(t, &lab{w: w, program: w.path("ours/sendmail"), peers: peers}, cases, numbers, "")
		differ := map[string]int{}
		bad := 0
		for i := range cases {
			if dir != "" {
				write(t, filepath.Join(dir, fmt.Sprintf("%04d.ours", numbers[i])), got[i].show(&cases[i]))
			}
			var parts []string
			for _, name := range sections {
				if got[i][name] != want[i][name] {
					parts = append(parts, name)
					differ[name]++
				}
			}
			if len(parts) == 0 {
				continue
			}
			bad++
			t.Errorf("%d: %v\n%s\n%s", numbers[i], parts, &cases[i], difference2(got[i], want[i], parts))
		}
		t.Logf("%d of %d differ: %v", bad, len(cases), differ)
	})
}

// difference2 shows the sections that differ.
func difference2(got, want result, parts []string) string {
	var b strings.Builder
	for _, name := range parts {
		a, o := strings.Split(got[name], "\n"), strings.Split(want[name], "\n")
		fmt.Fprintf(&b, "%s:\n  ours alone:     %q\n  original alone: %q\n", name, difference(a, o), difference(o, a))
	}
	return b.String()
}

// handAll hands all cases to one program.
func handAll(t *testing.T, l *lab, cases []submitted, numbers []uint64, kept string) []result {
	t.Helper()
	var stop func()
	list := make([]result, len(cases))
	for i := range cases {
		path := filepath.Join(kept, fmt.Sprintf("%04d.original", numbers[i]))
		if kept != "" {
			if r := readResult(path, &cases[i]); r != nil {
				list[i] = r
				continue
			}
		}
		if stop == nil {
			stop = l.open(t)
		}
		list[i] = l.hand(t, &cases[i])
		if kept != "" {
			write(t, path, list[i].show(&cases[i]))
		}
	}
	if stop != nil {
		stop()
	}
	return list
}

// show writes a result in a form that readResult takes.
func (r result) show(s *submitted) string {
	var b strings.Builder
	b.WriteString(s.String() + "\n")
	for _, name := range sections {
		fmt.Fprintf(&b, "######## %s\n%s", name, r[name])
	}
	return b.String()
}

// readResult takes a kept result of the same submission, or nil.
func readResult(path string, s *submitted) result {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	rest, ok := strings.CutPrefix(string(text), s.String()+"\n")
	if !ok {
		return nil
	}
	r := result{}
	for part := range strings.SplitSeq(strings.TrimPrefix(rest, "######## "), "######## ") {
		name, value, _ := strings.Cut(part, "\n")
		r[name] = masked(value)
	}
	return maps.Clone(r)
}
