package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

// result is what one run of a makemap did.
type result struct {
	code int
	text string   // standard output and error, without the program's path
	dump []string // the map's records, sorted
}

// ours runs our makemap on stdin; the map is x in a new folder, given by its bare name.
func ours(t *testing.T, dir string, args []string, stdin string) result {
	t.Helper()
	t.Chdir(dir)
	var out bytes.Buffer
	code := run(args, strings.NewReader(stdin), &out, &out)
	return result{code, out.String(), dumpOf(t, dir)}
}

func dumpOf(t *testing.T, dir string) []string {
	t.Helper()
	path := filepath.Join(dir, "x.db")
	if st, err := os.Stat(path); err != nil || st.Size() == 0 || !st.Mode().IsRegular() {
		return nil
	}
	db, err := dbfile.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out []string
	if err := db.Each(func(k, v []byte) error { out = append(out, fmt.Sprintf("%q %q", k, v)); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func genuine(t *testing.T, dir string, args []string, stdin string) result {
	t.Helper()
	cmd := oracletest.Command(t, "usr/libexec/sendmail/makemap", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(out), cmd.Path, "makemap")
	return result{cmd.ProcessState.ExitCode(), text, dumpOf(t, dir)}
}

// TestLikeOriginal gives both programs the same flags and lines, and compares messages, exit codes and records.
func TestLikeOriginal(t *testing.T) {
	inputs := []string{
		"", "# c\n\na b\nA c\nnorhs\n  lead x\nB\n x y z \n", "a b c \nx\t\t y\r\nq:z w\n:k v\nz  \r\nA%%B c%%d\n", ":k v\na::b\n :x y\nc:\n:\n",
		"a b", "K v\nk w\nK x\n", ";a b\n#b c\n", "\xc4 \xc4\n\xff\xfe x\n", "a\vb c\n", "one\ttwo three\t\nTWO x\n",
	}
	flags := [][]string{nil, {"-v"}, {"-f"}, {"-e"}, {"-r", "-v"}, {"-N"}, {"-t:"}, {"-t", ":", "-e"}, {"-D;"}, {"-fNv"}, {"-s"}, {"-c", "1000"}, {"-d"}}
	for _, kind := range []string{"hash", "btree"} {
		for _, f := range flags {
			if kind == "hash" && slices.Contains(f, "-d") {
				continue // the original's hash files with -d refuse the duplicates in silence
			}
			for _, in := range inputs {
				args := append(append([]string{"-C", "/dev/null"}, f...), kind, "x")
				want, got := genuine(t, t.TempDir(), args, in), ours(t, t.TempDir(), args, in)
				if want.code != got.code || want.text != got.text || !slices.Equal(want.dump, got.dump) {
					t.Errorf("makemap %v < %q\n ours:     %d %q %v\n original: %d %q %v", args, in, got.code, got.text, got.dump, want.code, want.text, want.dump)
				}
			}
		}
	}
}

// TestErrorsLikeOriginal compares refusals.
func TestErrorsLikeOriginal(t *testing.T) {
	prepare := map[string]func(t *testing.T, dir string){
		"":        func(*testing.T, string) {},
		"symlink": func(t *testing.T, dir string) { link(t, os.Symlink, dir) },
		"hard":    func(t *testing.T, dir string) { link(t, os.Link, dir) },
		"folder":  func(t *testing.T, dir string) { os.Mkdir(filepath.Join(dir, "x.db"), 0o755) },
	}
	cases := []struct {
		prepare string
		args    []string
	}{
		{"", []string{"hash"}}, {"", nil}, {"", []string{"-q", "hash", "x"}}, {"", []string{"-C"}}, {"", []string{"foo", "x"}}, {"", []string{"hash", "/nodir/x"}},
		{"", []string{"-u", "hash", "x"}}, {"", []string{"hash", "x", "y"}}, {"symlink", []string{"hash", "x"}}, {"hard", []string{"hash", "x"}}, {"folder", []string{"hash", "x"}},
		{"", []string{"-o", "hash", "x"}}, {"", []string{"-i", "hash", "foo", "x"}}, {"", []string{"-i", "foo", "bar", "x"}}, {"", []string{"-C", "/no/file", "hash", "x"}},
		{"", []string{"-c"}}, {"", []string{"-D", "hash", "x"}},
	}
	for _, c := range cases {
		a, b := t.TempDir(), t.TempDir()
		prepare[c.prepare](t, a)
		prepare[c.prepare](t, b)
		args := append([]string{"-C", "/dev/null"}, c.args...)
		want := genuine(t, a, args, "a b\n")
		t.Chdir(b)
		var out bytes.Buffer
		code := run(args, strings.NewReader("a b\n"), &out, &out)
		if code != want.code || out.String() != want.text {
			t.Errorf("%s makemap %v\n ours:     %d %q\n original: %d %q", c.prepare, args, code, out.String(), want.code, want.text)
		}
	}
}

func link(t *testing.T, how func(string, string) error, dir string) {
	t.Helper()
	other := filepath.Join(dir, "y.db")
	if err := os.WriteFile(other, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := how(other, filepath.Join(dir, "x.db")); err != nil {
		t.Fatal(err)
	}
}

// TestAppendToBothFormats adds to a map that the original wrote, and to one of ours.
func TestAppendToBothFormats(t *testing.T) {
	dir := t.TempDir()
	genuine(t, dir, []string{"-C", "/dev/null", "hash", "x"}, "a 1\nb 2\n")
	r := ours(t, dir, []string{"-o", "hash", "x"}, "b 3\nc 4\n")
	want := []string{`"a" "1"`, `"b" "2"`, `"c" "4"`}
	if r.code != 65 || r.text != "makemap: x: line 1: key b: duplicate key\n" || !slices.Equal(r.dump, want) {
		t.Errorf("first: %+v", r)
	}
	r = ours(t, dir, []string{"-o", "-r", "hash", "x.db"}, "b 3\n")
	want[1] = `"b" "3"`
	if r.code != 0 || !slices.Equal(r.dump, want) {
		t.Errorf("second: %+v", r)
	}
	if r := ours(t, dir, []string{"-u", "hash", "x"}, ""); r.text != "a\t1\nc\t4\nb\t3\n" {
		t.Errorf("dump: %q", r.text)
	}
}

// TestFilePermissions: a new file is 0640 whatever the umask; a replaced one keeps its permissions and owner.
func TestFilePermissions(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	ours(t, dir, []string{"hash", "x"}, "a b\n")
	checkMode(t, path, 0o640)
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 12345, 54321); err != nil {
			t.Fatal(err)
		}
	}
	ours(t, dir, []string{"hash", "x"}, "a c\n")
	checkMode(t, path, 0o604)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := st.Sys().(*syscall.Stat_t); os.Getuid() == 0 && (s.Uid != 12345 || s.Gid != 54321) {
		t.Errorf("owner %d:%d", s.Uid, s.Gid)
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != want {
		t.Errorf("mode of %s: %v, %v; want %v", path, st.Mode(), err, want)
	}
}

func TestTrustedUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	cf := filepath.Join(dir, "x.cf")
	if err := os.WriteFile(cf, []byte("V10\nO TrustedUser=4711\nO DontBlameSendmail=safe\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := ours(t, dir, []string{"-C", cf, "hash", "x"}, "a b\n"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	st, err := os.Stat(filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := st.Sys().(*syscall.Stat_t).Uid; uid != 4711 {
		t.Errorf("uid %d", uid)
	}
}

// TestBrokenInputKeepsOldMap: when reading fails, the old map stays as it is, and no temporary file is left.
func TestBrokenInputKeepsOldMap(t *testing.T) {
	dir := t.TempDir()
	ours(t, dir, []string{"hash", "x"}, "a b\n")
	before := dumpOf(t, dir)
	var out bytes.Buffer
	code := run([]string{"hash", "x"}, io.MultiReader(strings.NewReader("c d\n"), failing{}), &out, &out)
	if code != 74 || !strings.Contains(out.String(), "makemap: x: broken pipe of the test") {
		t.Errorf("%d %q", code, out.String())
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) > 0 || !slices.Equal(dumpOf(t, dir), before) {
		t.Errorf("left: %v %v", names, dumpOf(t, dir))
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("broken pipe of the test") }

// TestFullMap: a table that is too large for the format is told by its line, and the old one stays.
func TestFullMap(t *testing.T) {
	dir := t.TempDir()
	ours(t, dir, []string{"hash", "x"}, "old 1\n")
	var in, out bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&in, "key%d value\n", i)
	}
	j := &job{comment: '#', in: &in, out: &out, errout: &out, mapType: "hash", name: "x", limit: 20_000}
	options, err := dbtool.ReadCF("/dev/null", true)
	if err != nil {
		t.Fatal(err)
	}
	code := j.build(options)
	if want := regexp.MustCompile(`^makemap: x: line \d+: a CDB holds at most 4 GiB\n$`); code != 74 || !want.MatchString(out.String()) {
		t.Errorf("%d %q", code, out.String())
	}
	if got := dumpOf(t, dir); !slices.Equal(got, []string{`"old" "1"`}) {
		t.Errorf("%v", got)
	}
}

// TestTwoAtOnce: programs that add to one map wait for each other, and nothing is lost.
func TestTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	ours(t, dir, []string{"hash", "x"}, "first 0\n")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 15 {
				var out bytes.Buffer
				if code := run([]string{"-s", "-o", "hash", dir + "/x"}, strings.NewReader(fmt.Sprintf("key%d-%d v\n", w, i)), &out, &out); code != 0 {
					t.Errorf("%d %s", code, out.String())
				}
			}
		})
	}
	wg.Wait()
	if got := dumpOf(t, dir); len(got) != 61 {
		t.Errorf("%d records", len(got))
	}
}

func TestDbmIsRefused(t *testing.T) {
	r := ours(t, t.TempDir(), []string{"dbm", "x"}, "a b\n")
	if r.code != 73 || !strings.Contains(r.text, "use type hash") {
		t.Errorf("%+v", r)
	}
	if r := ours(t, t.TempDir(), []string{"-i", "hash", "dbm", "x"}, "a b\n"); r.code != 0 || len(r.dump) != 1 {
		t.Errorf("with -i hash: %+v", r)
	}
}

// TestDuplicatesStay: with -d all values of a key are there, in order.
func TestDuplicatesStay(t *testing.T) {
	dir := t.TempDir()
	ours(t, dir, []string{"-d", "btree", "x"}, "a 2\nb x\na 1\n")
	db, err := dbfile.OpenFile(filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, err := db.Values("a", false); err != nil || !slices.Equal(v, []string{"2", "1"}) {
		t.Errorf("%q, %v", v, err)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"a b", "A:B", "#x", " x", "a\x00b c", "k\r"} {
		f.Add([]byte(s), byte(0), true, false)
		f.Add([]byte(s), byte(':'), false, true)
	}
	f.Fuzz(func(t *testing.T, line []byte, delim byte, fold, empty bool) {
		p := parser{comment: '#', delim: delim, fold: fold, empty: empty}
		key, value, err := p.parse(slices.Clone(line))
		if err != nil {
			return
		}
		if len(value) == 0 && !empty || bytes.IndexByte(key, 0) >= 0 || bytes.IndexByte(value, 0) >= 0 {
			t.Errorf("%q: key %q value %q", line, key, value)
		}
		low := slices.Clone(line)
		foldKey(low)
		foldKey(key)
		if !bytes.Contains(low, key) || !bytes.Contains(line, value) {
			t.Errorf("%q: key %q value %q are not parts of it", line, key, value)
		}
	})
}

func BenchmarkMakemap(b *testing.B) {
	const n = 100_000
	var in bytes.Buffer
	for i := range n {
		fmt.Fprintf(&in, "user%d@domain%d.example.com\tmailbox%d@host.example.net\n", i, i%5000, i)
	}
	path := filepath.Join(b.TempDir(), "x")
	b.SetBytes(int64(in.Len()))
	for range b.N {
		if code := run([]string{"hash", path}, bytes.NewReader(in.Bytes()), io.Discard, os.Stderr); code != 0 {
			b.Fatal(code)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

// TestListsAndFallback is -l, -x and -i: types of maps, with their extensions, and what is taken in the place of
// another.
func TestListsAndFallback(t *testing.T) {
	for flag, want := range map[string]string{"-l": `(?m)^hash$`, "-x": `(?m)^hash\s.*\.db$|^hash.*db`} {
		got, without := ours(t, t.TempDir(), []string{"-C", "/dev/null", flag}, ""), ours(t, t.TempDir(), []string{"-C",
			"/dev/null"}, "")
		re := regexp.MustCompile(want)
		if !re.MatchString(got.text) || re.MatchString(without.text) {
			t.Errorf("%s: %q, without %q", flag, got.text, without.text)
		}
		if genuine := genuine(t, t.TempDir(), []string{"-C", "/dev/null", flag}, ""); genuine.code != got.code {
			t.Errorf("%s: exit %d, the original's %d: %q", flag, got.code, genuine.code, genuine.text)
		}
	}
	for _, args := range [][]string{{"-i", "hash", "dbm", "x"}, {"dbm", "x"}} {
		got := ours(t, t.TempDir(), append([]string{"-C", "/dev/null"}, args...), "a b\n")
		if with := args[0] == "-i"; with != (len(got.dump) == 1) {
			t.Errorf("%v: %d %q %v", args, got.code, got.text, got.dump)
		}
	}
}

// TestLinksMayBeWritten is DontBlameSendmail=WriteMapToSymLink and WriteMapToHardLink in the file of -C. The original's
// makemap reads TrustedUser only there.
func TestLinksMayBeWritten(t *testing.T) {
	for value, make := range map[string]func(string, string) error{"WriteMapToSymLink,LinkedMapInWritableDir": os.Symlink,
		"WriteMapToHardLink": os.Link} {
		for _, option := range []string{value, "safe"} {
			conf := filepath.Join(t.TempDir(), "x.cf")
			if err := os.WriteFile(conf, []byte("V10/Berkeley\nO DontBlameSendmail="+option+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			link(t, make, dir)
			if r := ours(t, dir, []string{"-C", conf, "hash", "x"}, "a b\n"); (r.code == 0) != (option == value) {
				t.Errorf("%s with %s: exit %d: %s", value, option, r.code, r.text)
			}
		}
	}
}
