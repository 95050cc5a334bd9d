package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
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

// strict are the sections that must be the original's, unless a list of addresses is damaged (docs/differences.md).
var strict = []string{"exit", "stdout", "stderr", "dead.letter"}

// mostDiffer is how many of a hundred submissions may leave something else in one of the other sections. What differs is logged; the
// kinds stand in docs/differences.md, or are the affair of the tests of reports, of MX and of the server.
const mostDiffer = 45

// mostStrict is how many of a hundred may differ in a strict section.
const mostStrict = 10

// TestSubmissionsAsTheOriginal hands in random messages in all ways and holds everything that they leave beside the original's:
// exit status, what is printed, mailboxes, reports, dead letters, dialogues with peers, queue files and the log. Nobody who is named
// in a message that was accepted may be lost, whatever the original does.
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
		bad, wrong := 0, 0
		for i := range cases {
			if lost := got[i].lost(&cases[i]); len(lost) > 0 {
				t.Errorf("%d: exit status 0, and of %q nothing is known\n%s", numbers[i], lost, got[i].show(&cases[i]))
			}
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
			if !want[i].damaged() && slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(strict, p) }) {
				wrong++
			}
			t.Logf("%d: %v\n%s\n%s", numbers[i], parts, &cases[i], differences(got[i], want[i], parts))
		}
		t.Logf("%d of %d differ, %d of them in what must not: %v", bad, len(cases), wrong, differ)
		if bad*100 > mostDiffer*len(cases) || wrong*100 > mostStrict*len(cases) {
			t.Errorf("%d of %d submissions differ from the original (seed %d), %d of them in %v", bad, len(cases), seed, wrong, strict)
		}
	})
}

// damaged reports whether the original found a list of addresses damaged: what it says then, and how often, depends on how often it
// reads the list.
func (r result) damaged() bool { return strings.Contains(r["raw"], "Unbalanced") }

// delivered finds the mailboxes of a result.
var delivered = regexp.MustCompile(`(?m)^== (?:/var/mail/(\S+)|(/home/files/\S+)) `)

// lost names the recipients of an accepted message of whom there is no trace.
func (r result) lost(s *submitted) []string {
	quiet := func(a string) bool {
		return a == "-oeq" || a == "-eq" || strings.HasPrefix(a, "-N")
	}
	if r["exit"] != "0\n" || slices.ContainsFunc(s.args, quiet) {
		return nil // the caller knows, or does not want to
	}
	a := oracletest.Account{Peers: r["peers"], Queue: r["queue"], Told: r["stdout"] + r["mail"] + strings.ReplaceAll(r["peers"], "\nD: ", "\n"), Log: r["log"],
		Aliases: map[string][]string{"lists": {"alice", "bob", "far@remote.test"}, "badlist": {"alice", "nosuch3", "rej@remote.test"},
			"fwd": {"fwd2@remote.test"}, "multi": {"alice", "bob"}, "exit67": {`"|exit 67"`}, "exit64": {`"|echo usage; exit 64"`},
			"exit75": {`"|exit 75"`}, "pipe": {`"|cat >/dev/null"`}, "missing": {`"|/nonexistent/program"`}, "one": {"alice"}, "file": {"/home/files/box"}, "postmaster": {"root"}}}
	for _, m := range delivered.FindAllStringSubmatch(r["mail"], -1) {
		a.Mailboxes = append(a.Mailboxes, m[1]+m[2])
	}
	return a.Missing(slices.DeleteFunc(slices.Clone(s.named), func(name string) bool { return slices.Contains(oddRcpts, name) }))
}

// differences shows the sections that differ.
func differences(got, want result, parts []string) string {
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
	r["raw"] = rest
	return maps.Clone(r)
}
