package maps_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/maps"
)

// original runs the original's test mode on a configuration and returns what it prints for each command.
func original(t *testing.T, cf string, commands []string) []string {
	t.Helper()
	dir := t.TempDir()
	root := oracletest.Root(t)
	if os.Getuid() != 0 {
		t.Skip("the original needs a host name of its own, and that needs root")
	}
	// A copy without the set-group-ID bit: the dynamic linker would not take its libraries from elsewhere.
	bin := filepath.Join(dir, "sendmail")
	data, err := os.ReadFile(filepath.Join(root, "usr/libexec/sendmail/sendmail"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, data, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "x.cf")
	head := "V10/Berkeley\nO QueueDirectory=" + dir + "\nO DontBlameSendmail=MapInUnsafeDirPath,LinkedMapInWritableDir,GroupWritableDirPathSafe\n"
	if err := os.WriteFile(file, []byte(head+cf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
	// A qualified host name, or the original looks for one for a minute.
	run := exec.Command("unshare", "--uts", "sh", "-c", `hostname mail.example.test && exec "$0" "$@"`, bin, "-C", file, "-bt")
	run.Env = cmd.Env
	run.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	run.Run() // it exits with a failure for want of mailers; the number of answers tells whether it worked
	text := regexp.MustCompile(`(?m)WARNING: World writable directory [^\n]*\n`).ReplaceAllString(out.String(), "")
	parts := strings.Split("\n"+text, "\n> ")
	if len(parts) != len(commands)+2 {
		t.Fatalf("the original gave %d answers to %d commands:\n%s", len(parts)-2, len(commands), out.Bytes()[max(0, out.Len()-600):])
	}
	return parts[1 : len(parts)-1]
}

// mapCommand says what -bt's /map prints for a look-up.
func mapCommand(s *maps.Set, name, key string) string {
	m, err := s.Map(name)
	if err != nil {
		return fmt.Sprintf("Map named \"%s\" not open", name)
	}
	v, err := m.Lookup(context.Background(), key)
	if err != nil {
		return fmt.Sprintf("map_lookup: %s (%s) no match (%d)", name, key, maps.Status(err))
	}
	return fmt.Sprintf("map_lookup: %s (%s) returns %s (0)", name, key, v)
}

// specs turns K lines into specs.
func specs(lines []string) []maps.Spec {
	var out []maps.Spec
	for i, l := range lines {
		name, rest, _ := strings.Cut(strings.TrimPrefix(l, "K"), " ")
		class, args, _ := strings.Cut(rest, " ")
		out = append(out, maps.Spec{Name: name, Class: class, Args: args, File: "x.cf", Line: i + 1})
	}
	return out
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMapCommandLikeOriginal looks keys up in maps of many classes and flags, in the original and in ours.
func TestMapCommandLikeOriginal(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "t.txt")
	write(t, text, "# comment\nAlice\tone  two\nbob:x:%0-%1%%:\ncarol\tthird\n:empty:e\n  lead ing\ndup 1\ndup 2\n")
	k := []string{
		"Ktext text -k0 -v1 " + text, "Ktext1 text -k 1 -v 0 " + text, "Ktextc text -z: -k0 -v2 -a.app " + text,
		"Ktextd text -z: -v 3 " + text, "Ktextm text -m -a.app " + text, "Ktextf text -f -v1 " + text,
		"Kdq dequote", "Kdqs dequote -s_ -a.x", "Karith arith", "Knull null", "Karpa arpa", "Kseq sequence text null textc",
		"Kseqn sequence null", "Kuser user", "Kusern user -vdir -a/", "Kuserm user -m -vshell -a.", "Kuserg user -v gid",
		`Kre regex -a@M ^([a-z]+)([0-9]+)$`, `Kres regex -s2,1 -d+ ^([a-z]+)([0-9]+)$`, `Kres0 regex -s -d. ^(a)?(b+)$`,
		`Kresd regex -s1,2 -d ^(a*)(b+)$`, `Krem regex -m -a.x ^([a-z]+)`, `Kren regex -n -a.n ^([a-z]+)`, `Kref regex -f [[:upper:]]$`,
		`Kreb regex -b -s1 ^\(a*\)b\1$`, "Kprog program /bin/echo hello", "Kprogf program /bin/false",
		"Kprogm program -m -a+ /bin/echo x", "Kmac macro",
	}
	keys := []string{
		"alice", "ALICE", "zoe", "bob", "x", "one", "carol", "dup", "lead", "", "a b", `"a b"`, `"abc"`, `"a"b"c"`, `"a(b)c"`, `"(a b)"`,
		`(a "b")`, `"a)c"`, `"<a>"`, `"a>b<"`, `"a\"b"`, `"a\b"`, `"a`, `""`, `"a\"`, `"a\ b"`, "(a b)", "1.2.3.4", "1.2.3", "IPv6:1:2:dead:beef:9876:0:0:1", "::1",
		"IPv6:::1", "root", "ROOT", "nosuchuser", "abc12", "Abc12", "abc", "12", "aabaa", "aaba", "b", "ab", "abb", "+", "aB", "{foo}", "foo",
	}
	var commands []string
	for _, line := range k {
		name, _, _ := strings.Cut(line[1:], " ")
		for _, key := range keys {
			if key != "" {
				commands = append(commands, "/map "+name+" "+key)
			}
		}
	}
	want := original(t, strings.Join(k, "\n")+"\n", commands)
	set, err := maps.NewSet(specs(k), maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for i, c := range commands {
		f := strings.SplitN(c, " ", 3)
		if got := mapCommand(set, f[1], f[2]); got != strings.TrimSuffix(want[i], "\n") {
			t.Errorf("%s\n ours:     %s\n original: %s", c, got, want[i])
		}
	}
}

// TestRulesLikeOriginal compares $(map key $@ args $: default $) for many maps and arguments.
func TestRulesLikeOriginal(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "x")
	mk := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/dev/null", "hash", db)
	mk.Stdin = strings.NewReader("one 1st:%0:%1:%2:%3:%%:%a:%\nTwo second\nquo\"te q\n")
	if out, err := mk.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	k := []string{"Khash hash " + db, "Khasha hash -a.tail " + db, "Khashm hash -m -a.tail " + db, "Khashf hash -f " + db, "Khasho hash -o " + db + "none",
		"Khashq hash -q " + db, "Khashn hash -N -O " + db, "Khashnull hash -N " + db, "Khashbare hash -O " + db + ".db", "Karith arith", "Kmiss hash -T.TMP " + db + "none", "Kmisst hash -t -T.TMP " + db + "none", "Kmissn hash -t " + db + "none", "Kmiss0 hash " + db + "none"}
	type use struct {
		m, key string
		args   []string
	}
	var uses []use
	for _, line := range k {
		m, _, _ := strings.Cut(line[1:], " ")
		for _, key := range []string{"one", "ONE", "two", "Two", `"one"`, "absent", `quo"te"`} {
			uses = append(uses, use{m, key, nil}, use{m, key, []string{"A"}}, use{m, key, []string{"A", "B.b", "C"}})
		}
	}
	for _, op := range []string{"+", "-", "*", "/", "%", "|", "&", "l", "=", "x", "le"} {
		for _, ab := range [][]string{{"5", "3"}, {"3", "5"}, {"0x10", "010"}, {"7", "0"}, {"a", "1"}, {"9999999999999", "9"}, {"1"}, {"08", "1"}, {"0xg", "4"}, {"7", "7", "7"}} {
			uses = append(uses, use{"arith", op, ab})
		}
	}
	var answers []string
	for batch := range slices.Chunk(uses, 90) { // it takes at most 100 rulesets
		var cf strings.Builder
		cf.WriteString(strings.Join(k, "\n") + "\n")
		var commands []string
		for i, u := range batch {
			expr := "$(" + u.m + " " + strings.ReplaceAll(u.key, "$", "$$")
			for _, a := range u.args {
				expr += " $@ " + a
			}
			fmt.Fprintf(&cf, "ST%d\nR$*\t$: %s $: DEFAULT $)\n", i, expr)
			commands = append(commands, fmt.Sprintf("T%d x", i))
		}
		answers = append(answers, original(t, cf.String(), commands)...)
	}
	set, err := maps.NewSet(specs(k), maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for i, text := range answers {
		_, want, ok := strings.Cut(text, "returns:")
		if !ok {
			t.Fatalf("no result: %s", text)
		}
		want, _, temporary := strings.Cut(strings.ReplaceAll(strings.TrimSpace(want), " ", ""), "\n==Ruleset") // "status 75"
		u := uses[i]
		got, err := set.Lookup(context.Background(), u.m, u.key, u.args...)
		if err != nil && got == "" {
			got = "DEFAULT"
		}
		if errors.Is(err, maps.ErrTempFail) != temporary {
			t.Errorf("$(%s %s $@ %v): ours %v, original temporary %v", u.m, u.key, u.args, err, temporary)
		}
		if strings.ReplaceAll(got, " ", "") != want {
			t.Errorf("$(%s %s $@ %v): ours %q (%v), original %q", u.m, u.key, u.args, got, err, want)
		}
	}
}

// TestRegexLikeOriginal compares matches of many patterns and keys.
func TestRegexLikeOriginal(t *testing.T) {
	patterns := []string{
		`a|ab|abc`, `^(a|ab)(c|bcd)$`, `(a*)(ab)*(b*)`, `[]a]+`, `[^]a]+`, `[a\]+`, `[[:alpha:][:digit:]]+`, `[[.hyphen.]]`, `[[.-.]x]`, `[[=a=]b]+`,
		`a{2}`, `a{2,}`, `a{1,2}b`, `a{,2}b`, `x{`, `a{b`, `(ab)+`, `a+?`, `a**`, `()`, `a||b`, `(|a)b`, `\.`, `\w+`, `\W`, `\bab\b`, `\<ab`, `ab\>`, `^$`, `a^b`, `a$b`, `(^a)`, `(b$)`,
		`[a-c-e]`, `[--/]`, `[%--]`, `.`, `^.{3}$`, `(.)\1`, `(a*)\1b`, `*a`, `+a`, `a|*b`, `(*a)`, `[[:foo:]]`, `[b-a]`, `(`, `)`, `a)`, `[a`, `a\`, `[[:alpha:`, `{1}`, `a{1`, `a{2,1}`, `\(a\)`, `ä`, `[ä]`, `\s`, `\S+`, "\\`a", `a\'`, `[^a-z]`, `[A-Z]`, `((a)(b)?)+`, `(a(b)?)+`, `(a|b)*`, `(foo|foobar)(bar)?`,
	}
	basics := []string{`a\|ab`, `\(a*\)b\1`, `*a`, `^*a`, `\(*a\)`, `a\{2\}`, `a\{1,\}b`, `a\+`, `a\?b`, `a+b`, `(a)`, `a|b`, `a{2}`, `a^b`, `a$b`, `\(^a\)`, `\(b$\)`, `[[:space:]]`, `a**`, `\{1\}`, `a\{x\}`, `\(a`, `a\)`, `\)`, `a\{1`, `\(a\)\2`, `\1`}
	keys := []string{"a", "b", "ab", "abc", "abcd", "aab", "aaab", "aa", "]", "[", "a]", "\\", "-", "a-b", "x{", "a{b", "x", "AB", "a.b", "a_b", "a^b", "a$b", "*a", "^*a", "a+b", "(a)", "a|b", "a{2}", "/", ".", "+", "xyz", "aabb", "abab", "foobar", "foobarbar", "ä", "é", "Ä", "a+", "{1}", "{", "y", "a{1", ",", "aba", "ababa"}
	var k []string
	for i, p := range patterns {
		k = append(k, fmt.Sprintf("Ke%d regex -d+ %s", i, p), fmt.Sprintf("Kf%d regex -f -s -d+ %s", i, p))
	}
	for i, p := range basics {
		k = append(k, fmt.Sprintf("Kb%d regex -b -s -d+ %s", i, p))
	}
	for i := range k {
		k[i] = strings.ReplaceAll(k[i], "$", "$$")
	}
	var commands []string
	for _, line := range k {
		name, _, _ := strings.Cut(line[1:], " ")
		for _, key := range keys {
			commands = append(commands, "/map "+name+" "+key)
		}
	}
	want := original(t, strings.Join(k, "\n")+"\n", commands)
	for i := range k {
		k[i] = strings.ReplaceAll(k[i], "$$", "$")
	}
	set, err := maps.NewSet(specs(k), maps.Env{})
	bad := 0
	for i, c := range commands {
		f := strings.SplitN(c, " ", 3)
		w := strings.TrimSuffix(want[i], "\n")
		if got := mapCommand(set, f[1], f[2]); got != w {
			bad++
			t.Errorf("%s   (%s)\n ours:     %s\n original: %s", c, k[indexOf(k, f[1])], got, w)
		}
	}
	if bad > 0 {
		t.Logf("%d of %d differ; our messages: %v", bad, len(commands), err)
	}
}

func indexOf(k []string, name string) int {
	for i, l := range k {
		if strings.HasPrefix(l, "K"+name+" ") {
			return i
		}
	}
	return 0
}
