package dbfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// writer185 is a program that writes a file with the library of DB 1.85: type (0 btree, 1 hash), page size, byte order
// and duplicates as arguments, records as lengths and bytes on its input. A record with the length 0xffffffff for its
// value is deleted.
const writer185 = `
import ctypes, os, struct, sys
lib = ctypes.CDLL(sys.argv[1])
kind, size, order, dups = map(int, sys.argv[3:7])
class DBT(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]
class DB(ctypes.Structure):
    pass
P = ctypes.POINTER
put = ctypes.CFUNCTYPE(ctypes.c_int, P(DB), P(DBT), P(DBT), ctypes.c_uint)
dele = ctypes.CFUNCTYPE(ctypes.c_int, P(DB), P(DBT), ctypes.c_uint)
close = ctypes.CFUNCTYPE(ctypes.c_int, P(DB))
DB._fields_ = [("type", ctypes.c_int), ("close", close), ("dele", dele), ("get", ctypes.c_void_p), ("put", put)]
class B(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_ulong), ("cache", ctypes.c_uint), ("max", ctypes.c_int), ("min", ctypes.c_int), ("psize", ctypes.c_uint),
        ("compare", ctypes.c_void_p), ("prefix", ctypes.c_void_p), ("lorder", ctypes.c_int)]
class H(ctypes.Structure):
    _fields_ = [("bsize", ctypes.c_uint), ("ffactor", ctypes.c_uint), ("nelem", ctypes.c_uint), ("cache", ctypes.c_uint), ("hash", ctypes.c_void_p), ("lorder", ctypes.c_int)]
info = H(size, 0, 0, 0, None, order) if kind else B(dups, 0, 0, 0, size, None, None, order)
lib.__dbopen.restype = P(DB)
db = lib.__dbopen(sys.argv[2].encode(), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644, kind, ctypes.byref(info))
if not db:
    sys.exit("dbopen failed")
data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    kl, vl = struct.unpack_from("<II", data, at)
    k = data[at+8:at+8+kl]
    key = DBT(k, kl)
    if vl == 0xffffffff:
        at += 8 + kl
        if db.contents.dele(db, ctypes.byref(key), 0) != 0:
            sys.exit("delete failed")
        continue
    v = data[at+8+kl:at+8+kl+vl]
    at += 8 + kl + vl
    val = DBT(v, vl)
    if db.contents.put(db, ctypes.byref(key), ctypes.byref(val), 0) != 0:
        sys.exit("put failed")
if db.contents.close(db) != 0:
    sys.exit("close failed")
`

const deleted = "\xff deleted"

// load185 writes records with DB 1.85, or skips the test.
func load185(t *testing.T, kind, size, order, dups int, records [][2]string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there to call the library of DB 1.85")
	}
	root, _ := oracletest.Debian(t, "lib/libdb1.so.2", "libdb1-compat")
	var in bytes.Buffer
	for _, r := range records {
		var n [8]byte
		binary.LittleEndian.PutUint32(n[:], uint32(len(r[0])))
		if r[1] == deleted {
			binary.LittleEndian.PutUint32(n[4:], 0xffffffff)
			in.Write(n[:])
			in.WriteString(r[0])
			continue
		}
		binary.LittleEndian.PutUint32(n[4:], uint32(len(r[1])))
		in.Write(n[:])
		in.WriteString(r[0] + r[1])
	}
	file := filepath.Join(t.TempDir(), "x.db")
	cmd := exec.Command(python, "-c", writer185, filepath.Join(root, "lib/libdb1.so.2"), file, fmt.Sprint(kind), fmt.Sprint(size), fmt.Sprint(order), fmt.Sprint(dups))
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// records185 are many small records and some that need pages of their own, of all sizes around a page's. bigKeys adds
// large keys, which make the library itself lose records of a btree or crash.
func records185(page int, bigKeys bool) [][2]string {
	var out [][2]string
	for i := range 3000 {
		out = append(out, [2]string{fmt.Sprintf("key%d", i), fmt.Sprintf("value of %d", i)})
	}
	for i := 0; i < 60; i++ {
		n := page - 30 + i
		out = append(out, [2]string{fmt.Sprintf("v%d", i), strings.Repeat("x", n) + fmt.Sprint(i)})
		if !bigKeys {
			continue
		}
		out = append(out, [2]string{strings.Repeat("k", n) + fmt.Sprint(i), fmt.Sprint("short", i)})
	}
	if bigKeys {
		out = append(out, [2]string{strings.Repeat("long key ", page), strings.Repeat("and value ", page)})
	}
	return append(out, [2]string{"nul\x00", "v\x00"},
		[2]string{"\xe4\xf6", "high"}, [2]string{"big", strings.Repeat("0123456789", 3*page)})
}

func TestDB185(t *testing.T) {
	for kind, name := range []string{"btree", "hash"} {
		for _, size := range []int{512, 4096, 8192} {
			for _, order := range []int{1234, 4321} {
				t.Run(fmt.Sprint(name, size, "order", order), func(t *testing.T) {
					records := records185(size, kind == 1)
					if kind == 0 && order == 4321 {
						records = records[:3000] // the library swaps the wrong bytes of large values here
					}
					db := openFile(t, load185(t, kind, size, order, 0, records))
					if want := "Berkeley DB 1.85 " + name; db.Format() != want {
						t.Errorf("format %s, want %s", db.Format(), want)
					}
					checkDB(t, db, group(records), false)
				})
			}
		}
	}
}

// TestDB185Deleted: records that were deleted and written again.
func TestDB185Deleted(t *testing.T) {
	for kind, name := range []string{"btree", "hash"} {
		t.Run(name, func(t *testing.T) {
			records := records185(1024, kind == 1)
			want := group(records)
			for i := 0; i < 3000; i += 3 {
				k := fmt.Sprintf("key%d", i)
				records = append(records, [2]string{k, deleted})
				delete(want, k)
			}
			for i := 0; i < 1000; i++ {
				k := fmt.Sprintf("more%d", i)
				records = append(records, [2]string{k, k})
				want[k] = []string{k}
			}
			checkDB(t, openFile(t, load185(t, kind, 1024, 0, 0, records)), want, false)
		})
	}
}

func TestDB185Duplicates(t *testing.T) {
	var records [][2]string
	for i := range 2000 {
		records = append(records, [2]string{fmt.Sprintf("k%d", i%100), fmt.Sprintf("value %d", i)})
	}
	checkDB(t, openFile(t, load185(t, 0, 512, 0, 1, records)), group(records), false)
}

// TestDB185Damage: whatever a byte is changed to, an answer is right, an error or 'not found', and nothing hangs or
// panics.
func TestDB185Damage(t *testing.T) {
	for kind := range 2 {
		data, err := os.ReadFile(load185(t, kind, 512, 0, 0, records185(512, kind == 1)[2500:]))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(data); i += 1 + i/29 {
			for _, c := range []byte{0, 1, 3, 0xff} {
				bad := bytes.Clone(data)
				bad[i] = c
				db, err := Parse(bad)
				if err != nil {
					continue
				}
				db.Get("key2600", false)
				db.Get("big", false)
				n := 0
				err = db.Each(func(_, _ []byte) error {
					if n++; n > 100_000 {
						return errors.New("no end")
					}
					return nil
				})
				if err != nil && !errors.Is(err, ErrCorrupt) {
					t.Errorf("byte %d: %v", i, err)
				}
			}
		}
	}
}
