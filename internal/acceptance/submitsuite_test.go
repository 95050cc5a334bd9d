package acceptance

import (
	"cmp"
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

// mostDiffer is how many of a hundred submissions may leave something else in one of the other sections. What differs
// is logged; the kinds stand in docs/differences.md, or are the affair of the tests of reports, of MX and of the
// server.
const mostDiffer = 6

// mostStrict is how many of a hundred may differ in a strict section.
const mostStrict = 3

// damagedAddress finds an address with a word that is too long.
var damagedAddress = strings.Repeat("x", 300)

// meant are the kinds of submissions of which the original makes something else, with the line of docs/differences.md
// that says so. Who is named in them is accounted for all the same.
var meant = []struct {
	line string
	is   func(s *submitted, original, ours result) bool
}{
	{"an unknown flag when mail is handed in", func(s *submitted, _, _ result) bool {
		return s.has("-k") || s.has("-x") || s.has("-U") || s.has("-I")
	}},
	{"an address with a word of more than 256 bytes", func(s *submitted, _, _ result) bool { return strings.Contains(s.stdin, damagedAddress+"@") }},
	{"a list of addresses with unbalanced quotes, brackets or comments", func(_ *submitted, original, _ result) bool { return original.damaged() }},
	{"receipts (NOTIFY=SUCCESS) for aliases, lists and users with a .forward in the first attempt",
		func(_ *submitted, original, ours result) bool {
			tells := func(r result) bool { return strings.Contains(r["mail"]+r["peers"], "  (expanded by alias)") }
			return tells(ours) && !tells(original)
		}},
	{"a receipt or report that cannot reach the sender", func(_ *submitted, original, _ result) bool {
		log := original["log"]
		return strings.Contains(log, "DSN: Return receipt") && strings.Contains(log, ": return to sender: ")
	}},
	{"-n, where a report goes to the postmaster", func(s *submitted, original, _ result) bool {
		return s.has("-n") && strings.Contains(original["log"], "savemail panic")
	}},
	{"an alias in a circle, in a message that is handed in", func(_ *submitted, original, _ result) bool {
		return strings.Contains(original["mail"], "== /var/mail/self ")
	}},
	{"MAIL, RCPT and DATA to a peer with PIPELINING", func(_ *submitted, original, ours result) bool {
		const late = "503 5.0.0 Need MAIL before RCPT"
		return strings.Contains(ours["stdout"], late) && !strings.Contains(original["stdout"], late)
	}},
	{"8-bit characters in an address", func(_ *submitted, _, ours result) bool {
		return strings.Contains(ours["log"], "SMTPUTF8 is not available")
	}},
	{"-bs: the exit status", func(s *submitted, original, ours result) bool {
		return s.has("-bs") && original["exit"] != ours["exit"]
	}},
	{"-Q and -q by a user", func(s *submitted, original, _ result) bool {
		return strings.Contains(original["stdout"], "WARNING: Ignoring submission mode")
	}},
	{"a program that does not read its message", func(_ *submitted, original, _ result) bool { return strings.Contains(original["log"], "Broken pipe") }},
	{"-o, -q and other flags with addresses for values", func(_ *submitted, original, _ result) bool {
		return strings.Contains(original["stderr"], "illegal option")
	}},
	{"deliveries do not belong to the dialogue", func(s *submitted, _, _ result) bool { return s.has("-bs") && s.has("-v") }},
	{"ErrorMode=exit where the message could not be taken", func(s *submitted, original, ours result) bool {
		return original["exit"] == "0\n" && ours["exit"] != "0\n" && (s.has("-oee") || s.has("-ee"))
	}},
}

// listed returns the line of docs/differences.md that a submission belongs to, or "".
func (s *submitted) listed(original, ours result) string {
	for _, p := range meant {
		if p.is(s, original, ours) {
			return p.line
		}
	}
	return ""
}

func (s *submitted) has(arg string) bool { return slices.Contains(s.args, arg) }

// TestSubmissionsAsTheOriginal hands in random messages in all ways and holds everything that they leave beside the
// original's: exit status, what is printed, mailboxes, reports, dead letters, dialogues with peers, queue files and the
// log. Nobody who is named in a message that was accepted may be lost, whatever the original does.
//
// With GOSENDMAIL_RESULTS the results are kept in that folder, one file for each case and program, and answers of the
// original that are there already are taken from it.
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
		differ, kinds := map[string]int{}, map[string][]uint64{}
		onLine := map[string]int{}
		bad, wrong := 0, 0
		for i := range cases {
			if lost := got[i].lost(&cases[i]); len(lost) > 0 {
				t.Errorf("%d: exit status 0, and of %q nothing is known\n%s", numbers[i], lost, got[i].show(&cases[i]))
			}
			if dir != "" {
				write(t, filepath.Join(dir, fmt.Sprintf("%04d.ours", numbers[i])), got[i].show(&cases[i]))
			}
			verbose := cases[i].has("-v")
			ours, theirs := got[i].comparable(cases[i].msp, verbose), want[i].comparable(cases[i].msp, verbose)
			if line := cases[i].listed(want[i], got[i]); line != "" {
				onLine[line]++
				continue
			}
			var parts []string
			for _, name := range sections {
				if ours[name] != theirs[name] {
					parts = append(parts, name)
					differ[name]++
					countKinds(kinds, numbers[i], name, ours[name], theirs[name])
				}
			}
			if len(parts) == 0 {
				continue
			}
			bad++
			if !want[i].damaged() && slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(strict, p) }) {
				wrong++
			}
			t.Logf("%d: %v\n%s\n%s", numbers[i], parts, &cases[i], differences(ours, theirs, parts))
		}
		t.Logf("on purpose: %v", onLine)
		t.Logf("%d of %d differ, %d of them in what must not: %v\n%s", bad, len(cases), wrong, differ, showKinds(kinds))
		if bad*100 > mostDiffer*len(cases) || wrong*100 > mostStrict*len(cases) {
			t.Errorf("%d of %d submissions differ from the original (seed %d), %d of them in %v", bad, len(cases), seed, wrong, strict)
		}
	})
}

// damaged reports whether the original found a list of addresses damaged: what it says then, and how often, depends on
// how often it reads the list.
func (r result) damaged() bool {
	return slices.ContainsFunc(sections, func(name string) bool {
		return strings.Contains(r[name], "Unbalanced") || strings.Contains(r[name], ")... User address required")
	})
}

// delivered finds the mailboxes of a result.
var delivered = regexp.MustCompile(`(?m)^== (?:/var/mail/(\S+)|(/home/files/\S+)) `)

// lost names the recipients of an accepted message of whom there is no trace.
func (r result) lost(s *submitted) []string {
	quiet := func(a string) bool {
		return a == "-oeq" || a == "-eq" || strings.HasPrefix(a, "-N") || strings.HasPrefix(a, "-Q") || a == "-q"
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
	var named []string
	for _, name := range s.named {
		if !slices.Contains(oddRcpts, name) { // who is meant is for the rules to say
			user, host, _ := strings.Cut(name, "@")
			if host == "example.test" || host == "mail.example.test" {
				name = user // of this host: a list may have named him without it
			}
			named = append(named, name)
		}
	}
	return a.Missing(named)
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

// Words that tell one case from another of the same kind.
var particular = regexp.MustCompile(`[^ <>()\[\]"=:;,]*[@!%][^ <>()\[\]"=:;,]*|\b\d+\b|\b(?:` + strings.Join(goodRcpts[:3], "|") + `)\b`)

// countKinds notes the lines that only one of two texts has, without what is particular to a case.
func countKinds(kinds map[string][]uint64, number uint64, section, ours, theirs string) {
	a, o := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	lines := map[string]bool{}
	for _, l := range difference(a, o) {
		lines[section+" + "+particular.ReplaceAllString(l, "*")] = true
	}
	for _, l := range difference(o, a) {
		lines[section+" - "+particular.ReplaceAllString(l, "*")] = true
	}
	if len(lines) == 0 {
		lines[section+" order"] = true
	}
	for l := range lines {
		kinds[l] = append(kinds[l], number)
	}
}

// showKinds lists the kinds of differences, the most frequent first: "+" is a line of ours, "-" one of the original's.
func showKinds(kinds map[string][]uint64) string {
	list := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(len(kinds[b])-len(kinds[a]), strings.Compare(a, b))
	})
	var b strings.Builder
	for _, k := range list {
		fmt.Fprintf(&b, "%4d %.200s %v\n", len(kinds[k]), k, kinds[k][:min(len(kinds[k]), 5)])
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
		r[name] = value
	}
	return r
}
