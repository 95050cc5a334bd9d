package dbfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colinmarc/cdb"
)

// writeCDB writes records with our Writer and returns the file.
func writeCDB(tb testing.TB, records [][2]string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "x.db")
	b, err := Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range records {
		if err := b.Add([]byte(r[0]), []byte(r[1])); err != nil {
			tb.Fatal(err)
		}
	}
	if err := b.Commit(0o640, nil); err != nil {
		tb.Fatal(err)
	}
	return path
}

func openFile(tb testing.TB, path string) *DB {
	tb.Helper()
	db, err := OpenFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// sample makes n records with keys and values of many lengths, some keys with several values next to each other.
func sample(n int, dups bool) [][2]string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var out [][2]string
	for i := range n {
		k := fmt.Sprintf("key%d%s", i, strings.Repeat("k", r.IntN(40)))
		count := 1
		if dups && r.IntN(10) == 0 {
			count = 1 + r.IntN(60)
		}
		for j := range count {
			v := fmt.Sprintf("v%d.%d%s", i, j, strings.Repeat("v", r.IntN(60)))
			if r.IntN(50) == 0 {
				v += strings.Repeat("long", 2000)
			}
			out = append(out, [2]string{k, v})
		}
	}
	return out
}

func group(records [][2]string) map[string][]string {
	m := map[string][]string{}
	for _, r := range records {
		m[r[0]] = append(m[r[0]], r[1])
	}
	return m
}

// checkDB looks up every key, some absent ones, and walks the file.
func checkDB(t *testing.T, db *DB, want map[string][]string, ordered bool) {
	t.Helper()
	norm := func(v []string) []string {
		if ordered {
			return v
		}
		return slices.Sorted(slices.Values(v))
	}
	for k, vs := range want {
		got, err := db.Values(k, false)
		if err != nil {
			t.Fatalf("Values(%.40q): %v", k, err)
		}
		if !slices.Equal(norm(got), norm(vs)) {
			t.Fatalf("Values(%.40q) = %d values, want %d", k, len(got), len(vs))
		}
		if v, ok, err := db.Get(k, false); !ok || err != nil || !slices.Contains(vs, v) {
			t.Fatalf("Get(%.40q) = %.40q, %v, %v", k, v, ok, err)
		}
		if _, ok, err := db.Get(k+"!", false); ok || err != nil {
			t.Fatalf("Get of an absent key: %v, %v", ok, err)
		}
	}
	got := map[string][]string{}
	err := db.Each(func(k, v []byte) error {
		got[string(k)] = append(got[string(k)], string(v))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("Each: %d keys, want %d", len(got), len(want))
	}
	for k, vs := range want {
		if !slices.Equal(norm(got[k]), norm(vs)) {
			t.Fatalf("Each(%.40q): %d values, want %d", k, len(got[k]), len(vs))
		}
	}
}

func TestCDBRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 300, 5000} {
		recs := sample(n, true)
		db := openFile(t, writeCDB(t, recs))
		if db.Format() != "cdb" {
			t.Fatalf("format %q", db.Format())
		}
		checkDB(t, db, group(recs), true)
	}
}

// The module that others use reads what we write, and we read what it writes.
func TestCDBSecondOpinion(t *testing.T) {
	recs := sample(3000, false)
	path := writeCDB(t, recs)
	theirs, err := cdb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	for _, r := range recs {
		if v, err := theirs.Get([]byte(r[0])); err != nil || string(v) != r[1] {
			t.Fatalf("colinmarc/cdb Get(%.40q) = %.40q, %v", r[0], v, err)
		}
	}
	other := filepath.Join(t.TempDir(), "y.cdb")
	w, err := cdb.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		if err := w.Put([]byte(r[0]), []byte(r[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	checkDB(t, openFile(t, other), group(recs), true)
	a, _ := os.ReadFile(path)
	b, _ := os.ReadFile(other)
	if !bytes.Equal(a, b) {
		t.Error("the files differ")
	}
}

// zeroHashKey is a key whose hash is zero, the value that some writers take for an empty slot.
func zeroHashKey(tb testing.TB) string {
	tb.Helper()
	for a := range 1 << 24 {
		k := []byte{byte(a), byte(a >> 8), byte(a >> 16), 'x'}
		h := hashBytes(k)
		// Two more bytes b, c give ((h*33^b)*33^c): c cancels the low byte, b must do the rest.
		for b := range 256 {
			m := (h<<5 + h) ^ uint32(b)
			if m = m<<5 + m; m < 256 {
				return string(append(k, byte(b), byte(m)))
			}
		}
	}
	tb.Skip("no key with hash zero found")
	return ""
}

func TestZeroHashIsNotLost(t *testing.T) {
	key := zeroHashKey(t)
	if cdbHash(key, false) != 0 {
		t.Fatalf("hash of %q is %d", key, cdbHash(key, false))
	}
	recs := [][2]string{{key, "here"}}
	for i := range 2000 {
		recs = append(recs, [2]string{fmt.Sprint(i), "v"})
	}
	checkDB(t, openFile(t, writeCDB(t, recs)), group(recs), true)
}

func TestInsertAndReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	b, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		if added, err := b.Insert(fmt.Appendf(nil, "k%d", i%1000), fmt.Appendf(nil, "v%d", i)); err != nil || added != (i < 1000) {
			t.Fatalf("Insert %d: %v, %v", i, added, err)
		}
	}
	for i := range 500 {
		if was, err := b.Replace(fmt.Appendf(nil, "k%d", 2*i), []byte(strings.Repeat("new", i))); err != nil || !was {
			t.Fatalf("Replace %d: %v, %v", i, was, err)
		}
	}
	if was, err := b.Replace([]byte("other"), []byte("o")); err != nil || was {
		t.Fatalf("Replace of an absent key: %v, %v", was, err)
	}
	if b.Len() != 1001 {
		t.Errorf("Len = %d", b.Len())
	}
	if err := b.Commit(0o600, nil); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"other": {"o"}}
	for i := range 1000 {
		want[fmt.Sprintf("k%d", i)] = []string{fmt.Sprintf("v%d", i)}
		if i%2 == 0 {
			want[fmt.Sprintf("k%d", i)] = []string{strings.Repeat("new", i/2)}
		}
	}
	checkDB(t, openFile(t, path), want, true)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Add([]byte("k"), []byte("v")), b.Abort()); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if old, _ := os.ReadFile(path); string(old) != "old" || len(names) != 1 || len(hidden) != 0 {
		t.Errorf("left: %q %v %v", old, names, hidden)
	}
}

func TestTooBig(t *testing.T) {
	w := NewWriter(nowhere{})
	w.base = 1<<32 - 1000
	if err := w.Add([]byte("k"), make([]byte, 2000)); !errors.Is(err, ErrTooBig) {
		t.Errorf("Add past 4 GiB: %v", err)
	}
}

type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) ReadAt(p []byte, _ int64) (int, error)  { return len(p), nil }

// load makes a Berkeley DB file with the library's own program.
func load(t *testing.T, kind string, records [][2]string, options ...string) string {
	t.Helper()
	tool, err := exec.LookPath("db5.3_load")
	if err != nil {
		t.Skip("db5.3_load is not installed (Debian: db5.3-util)")
	}
	path := filepath.Join(t.TempDir(), "x.db")
	var in bytes.Buffer
	for _, r := range records {
		for _, s := range r {
			in.WriteString(strings.ReplaceAll(s, `\`, `\\`) + "\n")
		}
	}
	args := []string{"-T", "-t", kind}
	for _, o := range options {
		args = append(args, "-c", o)
	}
	cmd := exec.Command(tool, append(args, path)...)
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("db5.3_load: %v: %s", err, out)
	}
	return path
}

func TestBerkeleyDB(t *testing.T) {
	for _, kind := range []string{"hash", "btree"} {
		for _, order := range []string{"db_lorder=1234", "db_lorder=4321"} {
			for _, page := range []string{"db_pagesize=512", "db_pagesize=4096", "db_pagesize=65536"} {
				for _, n := range []int{0, 1, 40, 3000} {
					t.Run(fmt.Sprint(kind, order, page, n), func(t *testing.T) {
						recs := sample(n, false)
						db := openFile(t, load(t, kind, recs, order, page))
						if !strings.Contains(db.Format(), "Berkeley DB "+kind) {
							t.Fatalf("format %q", db.Format())
						}
						checkDB(t, db, group(recs), true)
					})
				}
			}
		}
	}
}

func TestBerkeleyDBDuplicates(t *testing.T) {
	for _, kind := range []string{"hash", "btree"} {
		for _, options := range [][]string{
			{"duplicates=1", "db_pagesize=512"}, {"duplicates=1", "db_pagesize=4096", "db_lorder=4321"},
			{"duplicates=1", "dupsort=1", "db_pagesize=1024"}, {"duplicates=1", "chksum=1"},
		} {
			t.Run(fmt.Sprint(kind, options), func(t *testing.T) {
				recs := sample(800, true)
				checkDB(t, openFile(t, load(t, kind, recs, options...)), group(recs), !slices.Contains(options, "dupsort=1"))
			})
		}
	}
}

// Older versions have the same layout; only the number differs.
func TestBerkeleyDBVersions(t *testing.T) {
	for _, kind := range []string{"hash", "btree"} {
		recs := sample(100, false)
		data, err := os.ReadFile(load(t, kind, recs))
		if err != nil {
			t.Fatal(err)
		}
		for v := uint32(5); v <= 12; v++ {
			binary.LittleEndian.PutUint32(data[16:], v)
			db, err := Parse(slices.Clone(data))
			if (err == nil) != (v >= 7 && v <= 10) {
				t.Errorf("%s version %d: %v", kind, v, err)
			}
			if err == nil {
				checkDB(t, db, group(recs), true)
			}
		}
	}
}

func TestNulKeys(t *testing.T) {
	recs := [][2]string{{"a\x00", "one\x00"}, {"b", "two"}, {"", "empty"}}
	for name, db := range map[string]*DB{"cdb": openFile(t, writeCDB(t, recs))} {
		for _, c := range []struct {
			key  string
			nul  bool
			want string
		}{{"a", true, "one\x00"}, {"a", false, ""}, {"b", false, "two"}, {"b", true, ""}, {"", false, "empty"}, {"", true, ""}} {
			v, ok, err := db.Get(c.key, c.nul)
			if v != c.want || ok != (c.want != "") || err != nil {
				t.Errorf("%s Get(%q, %v) = %q, %v, %v", name, c.key, c.nul, v, ok, err)
			}
		}
	}
}

// A file that is cut off while it is mapped must not end the process.
func TestTruncatedWhileOpen(t *testing.T) {
	recs := sample(5000, false)
	paths := map[string]string{"cdb": writeCDB(t, recs)}
	if _, err := exec.LookPath("db5.3_load"); err == nil {
		paths["hash"], paths["btree"] = load(t, "hash", recs), load(t, "btree", recs)
	}
	for name, path := range paths {
		db := openFile(t, path)
		if err := os.Truncate(path, 4096); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, r := range recs {
			v, ok, err := db.Get(r[0], false)
			if err != nil {
				failed++
			} else if ok && v != r[1] {
				t.Fatalf("%s: wrong value after truncation", name)
			}
		}
		if failed == 0 {
			t.Errorf("%s: no look-up failed", name)
		}
		if err := db.Each(func(k, v []byte) error { return nil }); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrChanged) {
			t.Errorf("%s: Each: %v", name, err)
		}
	}
}

func TestDetectRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": {}, "short": []byte("hello"), "text": bytes.Repeat([]byte("root: admin\n"), 500), "zeros": make([]byte, 4096),
	} {
		if _, err := Parse(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every damage gives an error or the right answer for records that it did not touch, never a crash.
func TestDamage(t *testing.T) {
	recs := sample(200, true)
	files := map[string]string{"cdb": writeCDB(t, recs)}
	if _, err := exec.LookPath("db5.3_load"); err == nil {
		files["hash"], files["btree"] = load(t, "hash", recs, "duplicates=1", "db_pagesize=512"), load(t, "btree", recs, "duplicates=1", "db_pagesize=512")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			bad := slices.Clone(data)
			for range 1 + r.IntN(5) {
				bad[r.IntN(len(bad))] = byte(r.Uint32())
			}
			db, err := Parse(bad)
			if err != nil {
				continue
			}
			for k := range maps.Keys(group(recs[:20])) {
				db.Values(k, false)
			}
			db.Each(func(k, v []byte) error { return nil })
		}
	}
}

func FuzzCDB(f *testing.F) {
	fuzzFormat(f, func() []byte { return nil })
}

func FuzzBerkeleyDB(f *testing.F) {
	for _, magic := range []uint32{hashMagic, btreeMagic} {
		page := make([]byte, 1024)
		binary.LittleEndian.PutUint32(page[12:], magic)
		binary.LittleEndian.PutUint32(page[16:], 9)
		binary.LittleEndian.PutUint32(page[20:], 512)
		page[25] = map[uint32]byte{hashMagic: pageHashMeta, btreeMagic: pageBtreeMeta}[magic]
		binary.LittleEndian.PutUint32(page[92:], fnv(charKey, false))
		f.Add(page, "key", false)
	}
	fuzzFormat(f, func() []byte { return nil })
}

// FuzzDB185 begins with headers of both of DB 1.85's kinds of files.
func FuzzDB185(f *testing.F) {
	be := binary.BigEndian
	table := make([]byte, 2048)
	for i, v := range []uint32{hashMagic, 2, 1234, 512, 9, 256, 256, 8, 0, 0, 1, 1, 0, 8, 2, 1, times33(charKey, false)} {
		be.PutUint32(table[4*i:], v)
	}
	copy(table[512:], []byte{2, 0, 0xfd, 1, 0xf8, 1, 0xf2, 1, 0xf8, 1})
	copy(table[512+504:], "valuekey")
	f.Add(table, "key", false)
	tree := make([]byte, 1024)
	for i, v := range []uint32{btreeMagic, 3, 512, 0, 1, 0} {
		be.PutUint32(tree[4*i:], v)
	}
	for i, v := range []uint32{1, 0, 0, old185Leaf} {
		be.PutUint32(tree[512+4*i:], v)
	}
	copy(tree[512+16:], []byte{0, 22, 1, 0, 1, 0})
	copy(tree[512+256:], "\x00\x00\x00\x03\x00\x00\x00\x05\x00keyvalue")
	f.Add(tree, "key", false)
	fuzzFormat(f, func() []byte { return nil })
}

func fuzzFormat(f *testing.F, _ func() []byte) {
	small, err := os.ReadFile(writeCDB(f, [][2]string{{"key", "value"}, {"key", "second"}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small, "key", false)
	f.Fuzz(func(t *testing.T, data []byte, key string, nul bool) {
		db, err := Parse(data)
		if err != nil {
			return
		}
		v, ok, err := db.Get(key, nul)
		all, err2 := db.Values(key, nul)
		if ok && (err2 == nil && (len(all) == 0 || all[0] != v)) {
			t.Errorf("Get %q, Values %q (%v, %v)", v, all, err, err2)
		}
		db.Each(func(k, v []byte) error { return nil })
	})
}

func BenchmarkGet(b *testing.B) {
	const n = 1_000_000
	path := filepath.Join(b.TempDir(), "x.db")
	w, err := Create(path)
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]string, n)
	for i := range n {
		keys[i] = fmt.Sprintf("user%d@domain%d.example.com", i, i%1000)
		if err := w.Add([]byte(keys[i]), []byte("mailbox")); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Commit(0o600, nil); err != nil {
		b.Fatal(err)
	}
	db := openFile(b, path)
	rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, ok, err := db.Get(keys[i%n], false); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
