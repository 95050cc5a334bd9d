package alias

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
)

func TestSplitList(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                   nil,
		" , ,":                               nil,
		"alice, bob":                         {"alice", "bob"},
		`"a, b"@x, c`:                        {`"a, b"@x`, "c"},
		`"|/bin/echo a, b", /tmp/x`:          {`"|/bin/echo a, b"`, "/tmp/x"},
		"Alice (x, y) <a@b>, <@c,@d:e@f>":    {"Alice (x, y) <a@b>", "<@c,@d:e@f>"},
		`a\,b, c`:                            {`a\,b`, "c"},
		"a (b (c, d) e), f":                  {"a (b (c, d) e)", "f"},
		"a\nb,\n c":                          {"a", "b", "c"},
		"alice, (c), bob (d), (e (f)) ( )":   {"alice", "bob (d)"},
		"(c)":                                nil,
		"(unbalanced, x":                     {"(unbalanced, x"},
		`"unbalanced, x`:                     {`"unbalanced, x`},
		"<unbalanced, x":                     {"<unbalanced, x"},
		`ends with \`:                        {`ends with \`},
		":include:/etc/mail/list, |/bin/cat": {":include:/etc/mail/list", "|/bin/cat"},
	} {
		if got := SplitList(in); !reflect.DeepEqual(got, want) {
			t.Errorf("SplitList(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParseSpecs(t *testing.T) {
	known := func(c string) bool { return strings.Contains(" implicit hash text ldap sequence regex ", " "+c+" ") }
	for in, want := range map[string]string{
		"/etc/mail/aliases":                     "[{implicit /etc/mail/aliases}]",
		"dbm:/a, hash:-o /b":                    "[{hash /a} {hash -o /b}]",
		"files:/a":                              "[{text /a}]",
		`ldap:-k (&(a=%0)(b=1,2)) -v "x, y",/z`: `[{ldap -k (&(a=%0)(b=1,2)) -v "x, y"} {implicit /z}]`,
		"sequence:one two":                      "[{sequence one two}]",
		"":                                      "[]",
		"/var/db:odd/aliases":                   "[{implicit /var/db:odd/aliases}]",
		"nis:mail.aliases":                      "setalias: unknown alias class nis",
		"regex:-a.x (root)":                     "setalias: map class regex can't handle aliases",
		"hash:":                                 "alias class hash: no file or arguments",
	} {
		specs, err := ParseSpecs(in, known)
		got := fmt.Sprint(specs)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("ParseSpecs(%q) = %s, want %s", in, got, want)
		}
	}
}

const goodAliases = `# comment
postmaster: root
MAILER-DAEMON: postmaster

d: alice,
   bob, "|/bin/echo hi",
# in between
	/tmp/file
f: :include:/etc/mail/list
h: Alice Liddell <alice>, (comment) bob
owner-f: bob
Bob2  :  bob
i: a   ,   b  
   c  
`

const badAliases = `nocolon here
foo bar: baz
dup: a
dup: b
x@y: z
:empty
emptyrhs:
|pipe: alice
tab	: alice
last: alice
`

// rebuild runs ours over a file with the given text and returns what it prints, without the folder's name.
func rebuild(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "aliases")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	stats, err := new(Source).Rebuild(&safefile.Checker{Blame: safefile.GroupWritableDirPathSafe | safefile.TrustStickyBit, UID: os.Getuid(), GIDs: []int{os.Getgid()}},
		Spec{"implicit", file}, nil, func(p Problem) { fmt.Fprintln(&out, p) })
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, stats)
	return strings.ReplaceAll(out.String(), dir, "DIR")
}

func TestRebuildSaysWhatTheOriginalSays(t *testing.T) {
	for name, text := range map[string]string{"good": goodAliases, "bad": badAliases} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cf := filepath.Join(dir, "m.cf")
			// A configuration in which a name with @ belongs elsewhere and a name with | to a program.
			conf := "V10/Berkeley\nO AliasFile=" + dir + "/aliases\nO QueueDirectory=" + dir + "\nO DontBlameSendmail=GroupWritableDirPathSafe,TrustStickyBit\nO OperatorChars=.:%@!^/[]+\nDj127.0.0.1\n" +
				"S3\nR$*<$*>$*\t$2\nR$+@$+\t$:$1<@$2>\nR$*<@$j>$*\t$1\nS0\nR$*<@$*>$*\t$#other $@$2 $:$1\nR|$*\t$#prog $:$1\nR$*\t$#local $:$1\nS1\nS2\nS4\nS5\n" +
				"Mlocal, P=/bin/true, F=lsDFMAw5:/|@qSPfhn9, A=true\nMprog, P=/bin/sh, F=lsDFMoqeu9, A=sh\nMother, P=/bin/true, F=mDFMuX, A=true\n"
			if err := os.WriteFile(cf, []byte(conf), 0o644); err != nil {
				t.Fatal(err)
			}
			ours := rebuild(t, t.TempDir(), text) // beside it the original would try to read our data base
			if err := os.WriteFile(dir+"/aliases", []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := oracletest.Sendmail(t, "-bi", "-C"+cf)
			inPrivateHost(t, cmd)
			theirs, _ := cmd.CombinedOutput()
			want := strings.ReplaceAll(string(theirs), dir, "DIR")
			want = regexp.MustCompile(`(?m)^WARNING: .*\n`).ReplaceAllString(want, "")
			if ours != want {
				t.Errorf("ours:\n%s\nthe original's:\n%s", ours, want)
			}
		})
	}
}

// inPrivateHost gives a command a host name with a domain; without one the original sleeps a minute.
func inPrivateHost(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Getuid() != 0 {
		t.Skip("a host name of one's own needs root and unshare(1)")
	}
	cmd.Args = append([]string{unshare, "--uts", "sh", "-c", `hostname mail.example.test && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = unshare
}

func TestRebuildWrites(t *testing.T) {
	dir := t.TempDir()
	rebuild(t, dir, goodAliases)
	db, err := dbfile.OpenFile(filepath.Join(dir, "aliases.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := map[string]string{}
	if err := db.Each(func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"@": "@", "postmaster": "root", "mailer-daemon": "postmaster",
		"d": `alice,   bob, "|/bin/echo hi",`, "f": ":include:/etc/mail/list",
		"h": "Alice Liddell <alice>, (comment) bob", "owner-f": "bob", "bob2": "bob", "i": "a   ,   b     c  "}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRebuildMerges(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "aliases")
	if err := os.WriteFile(file, []byte("a: b\na: c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := new(Source).Rebuild(&safefile.Checker{Blame: safefile.GroupWritableDirPathSafe | safefile.TrustStickyBit, UID: os.Getuid(), GIDs: []int{os.Getgid()}}, Spec{"hash", "-A " + file}, nil,
		func(p Problem) { t.Error(p) })
	if err != nil {
		t.Fatal(err)
	}
	db, err := dbfile.OpenFile(file + ".db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, _, _ := db.Get("a", false); v != "c,b" {
		t.Errorf("a: %q", v)
	}
}

func FuzzSource(f *testing.F) {
	f.Add([]byte(goodAliases))
	f.Add([]byte(badAliases))
	f.Add([]byte(" x\n\"a\nb:\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte("\n")) + 1
		s := new(Source)
		err := s.Read(bytes.NewReader(data), "f", func(e Entry) error {
			if e.Name != strings.ToLower(e.Name) || e.Value == "" || strings.Contains(e.Value, "\n") || e.Line < 1 || e.Line > lines {
				t.Errorf("%+v", e)
			}
			for _, a := range SplitList(e.Value) {
				if a == "" {
					t.Error("an empty address")
				}
			}
			return nil
		}, func(p Problem) {
			if p.Line < 1 || p.Line > lines {
				t.Errorf("%+v", p)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}
