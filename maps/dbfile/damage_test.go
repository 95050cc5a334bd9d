package dbfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// damageRecords have keys of one length, and values of which some have pages of their own.
func damageRecords() [][2]string {
	var out [][2]string
	for i := range 200 {
		v := fmt.Sprintf("value of %d", i)
		if i%40 == 7 {
			v = string(bytes.Repeat([]byte(v), 90))
		}
		out = append(out, [2]string{fmt.Sprintf("=key-%04d=", i), v})
	}
	return out
}

// damageFiles are healthy files of every format that can be made here.
func damageFiles(t *testing.T) map[string][]byte {
	t.Helper()
	recs := damageRecords()
	paths := map[string]string{"cdb": writeCDB(t, recs)}
	if _, err := exec.LookPath("db5.3_load"); err == nil {
		for _, kind := range []string{"hash", "btree"} {
			paths[kind] = load(t, kind, recs, "db_pagesize=512")
			paths[kind+" big-endian"] = load(t, kind, recs, "db_pagesize=1024", "db_lorder=4321")
			paths[kind+" with checksums"] = load(t, kind, recs, "db_pagesize=512", "chksum=1")
			paths[kind+" with checksums big-endian"] = load(t, kind, recs, "db_pagesize=512", "chksum=1", "db_lorder=4321")
			paths[kind+" duplicates"] = load(t, kind, append(recs, recs...), "db_pagesize=512", "duplicates=1")
		}
	}
	files := map[string][]byte{}
	for name, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

// answers looks all records up in a damaged file and says how many answers are errors, silently wrong, and silently
// missing.
func answers(t *testing.T, data []byte, want map[string][]string) (failed, wrong, missing int) {
	t.Helper()
	db, err := Parse(data)
	if err != nil {
		return len(want), 0, 0
	}
	for k, vs := range want {
		got, err := db.Values(k, false)
		switch {
		case err != nil:
			failed++
		case len(got) == 0:
			missing++
		case !slices.Equal(got, vs):
			wrong++
		}
	}
	return failed, wrong, missing
}

// TestChecksums: in a file with checksums no changed byte makes an answer wrong or lets a key go missing.
func TestChecksums(t *testing.T) {
	recs := damageRecords()
	r := rand.New(rand.NewPCG(7, 7))
	for name, data := range damageFiles(t) {
		if !bytes.Contains([]byte(name), []byte("checksums")) {
			continue
		}
		told := 0
		for i := r.IntN(7); i < len(data); i += 1 + r.IntN(90) {
			bad := bytes.Clone(data)
			bad[i] ^= byte(1 + r.IntN(255))
			failed, wrong, missing := answers(t, bad, group(recs))
			if wrong+missing > 0 {
				t.Errorf("%s: byte %d: %d wrong answers, %d keys not found", name, i, wrong, missing)
			}
			told += failed
		}
		if told == 0 {
			t.Errorf("%s: no damage was found", name)
		}
	}
}

// TestDamagedKeys: a key of a hash file or a CDB that was changed is told when it is looked up, and not just missing.
func TestDamagedKeys(t *testing.T) {
	files := damageFiles(t)
	files["hash of DB 1.85"] = nil
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			if data == nil {
				var err error
				if data, err = os.ReadFile(load185(t, 1, 512, 0, 0, damageRecords())); err != nil {
					t.Fatal(err)
				}
			}
			if bytes.HasPrefix([]byte(name), []byte("btree")) {
				t.Skip("a key in the right order cannot be told from a healthy one")
			}
			for i := range 200 {
				key := fmt.Sprintf("=key-%04d=", i)
				at := bytes.Index(data, []byte(key))
				if at < 0 {
					t.Fatalf("%s is not in the file", key)
				}
				bad := bytes.Clone(data)
				bad[at+i%len(key)] ^= 1 << (i % 8)
				db, err := Parse(bad)
				if err != nil {
					continue
				}
				if v, ok, err := db.Get(key, false); !errors.Is(err, ErrCorrupt) {
					// The changed key may belong to the same bucket, or a key of the same name stand elsewhere.
					if _, other, _ := db.Get(string(bad[at:at+len(key)]), false); !ok && !other {
						t.Errorf("%s: %q, %v, %v", key, v, ok, err)
					}
				}
			}
		})
	}
}

// TestTruncated: a file that was cut off gives errors, never 'not found' or something else.
func TestTruncated(t *testing.T) {
	want := group(damageRecords())
	for name, data := range damageFiles(t) {
		values := want
		if bytes.Contains([]byte(name), []byte("duplicates")) {
			values = group(append(damageRecords(), damageRecords()...))
		}
		for cut := 1; cut < len(data); cut += 1 + len(data)/97 {
			if failed, wrong, missing := answers(t, data[:cut], values); wrong+missing > 0 || failed == 0 {
				t.Errorf("%s: cut to %d of %d bytes: %d wrong, %d missing, %d errors", name, cut, len(data), wrong, missing, failed)
			}
		}
	}
}

// TestCycles: chains of pages that lead back to themselves end in an error, and so do counts that lie.
func TestCycles(t *testing.T) {
	recs := damageRecords()
	for name, data := range damageFiles(t) {
		if name == "cdb" || bytes.Contains([]byte(name), []byte("checksums")) {
			continue
		}
		var order binary.ByteOrder = binary.LittleEndian
		if bytes.Contains([]byte(name), []byte("big-endian")) {
			order = binary.BigEndian
		}
		size := int(order.Uint32(data[20:]))
		for page := size; page+size <= len(data); page += size {
			for field, value := range map[int]uint32{16: uint32(page / size), 12: uint32(page / size), 20: 0xffffffff} {
				bad := bytes.Clone(data)
				order.PutUint32(bad[page+field:], value)
				db, err := Parse(bad)
				if err != nil {
					continue
				}
				for _, r := range recs[:50] {
					db.Values(r[0], false)
				}
				n := 0
				err = db.Each(func(_, _ []byte) error {
					if n++; n > 100_000 {
						return errors.New("no end")
					}
					return nil
				})
				if err != nil && !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: page %d, field at %d: %v", name, page/size, field, err)
				}
			}
		}
	}
}
