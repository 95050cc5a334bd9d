package maps_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// readers look keys up in the set that get returns, until stop is called: every key is there, and what it has never
// gets older.
func readers(t *testing.T, get func() *maps.Set, records int) (stop func()) {
	var wg sync.WaitGroup
	var done atomic.Bool
	for r := range 8 {
		wg.Go(func() {
			last := 0
			for i := r; !done.Load(); i++ {
				key := fmt.Sprintf("key%d", i*31%records)
				ctx := context.Background()
				if i%3 == 0 {
					ctx = maps.WithStep(ctx)
				}
				v, err := get().Lookup(ctx, "m", key)
				var n int
				if _, scan := fmt.Sscanf(v, "v%d of "+key, &n); err != nil || scan != nil || n < last {
					t.Errorf("%s after v%d: %q, %v", key, last, v, err)
					return
				}
				last = n
			}
		})
	}
	return func() { done.Store(true); wg.Wait() }
}

// source is a table in which all records are of one generation.
func source(records, generation int) string {
	var b strings.Builder
	for i := range records {
		fmt.Fprintf(&b, "key%d\tv%d of key%d\n", i, generation, i)
	}
	return b.String()
}

// TestMakemapUnderLoad: the original's makemap, which writes a table in place under a lock, gives readers the old table
// or the new one.
func TestMakemapUnderLoad(t *testing.T) {
	const records = 700
	for _, class := range []string{"hash", "btree"} {
		t.Run(class, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x")
			build := func(generation int) {
				cmd := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/dev/null", class, file)
				cmd.Stdin = strings.NewReader(source(records, generation))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			build(1)
			set, err := maps.NewSet(specs([]string{"Km " + class + " " + file}), maps.Env{})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			stop := readers(t, func() *maps.Set { return set }, records)
			for generation := 2; generation <= 15 && !t.Failed(); generation++ {
				build(generation)
				if v, err := set.Lookup(context.Background(), "m", "key5"); err != nil || v != fmt.Sprintf("v%d of key5", generation) {
					t.Errorf("after generation %d: %q, %v", generation, v, err)
				}
			}
			stop()
		})
	}
}

// TestReloadUnderLoad: a set that is closed because another one took its place answers well whoever still has it.
func TestReloadUnderLoad(t *testing.T) {
	const records = 50
	dir := t.TempDir()
	b, err := dbfile.Create(dir + "/ours.db")
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		err = errors.Join(err, b.Add(fmt.Appendf(nil, "key%d", i), fmt.Appendf(nil, "v1 of key%d", i)))
	}
	if err := errors.Join(err, b.Commit(0o644, nil)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"ours", "theirs"} {
		t.Run(file, func(t *testing.T) {
			if file == "theirs" {
				cmd := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/dev/null", "hash", dir+"/theirs")
				cmd.Stdin = strings.NewReader(source(records, 1))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			open := func() *maps.Set {
				set, err := maps.NewSet(specs([]string{"Km hash " + dir + "/" + file}), maps.Env{})
				if err != nil {
					t.Fatal(err)
				}
				return set
			}
			var cur atomic.Pointer[maps.Set]
			cur.Store(open())
			stop := readers(t, cur.Load, records)
			for range 200 {
				if err := cur.Swap(open()).Close(); err != nil {
					t.Error(err)
				}
			}
			stop()
			cur.Load().Close()
		})
	}
}

// TestMemory: an open table takes the same memory whatever its size.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a million records")
	}
	heap := func(records int) uint64 {
		path := filepath.Join(t.TempDir(), "x.db")
		b, err := dbfile.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if err := b.Add(fmt.Appendf(nil, "key%d", i), fmt.Appendf(nil, "v1 of key%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(0o644, nil); err != nil {
			t.Fatal(err)
		}
		b = nil
		before := allocated()
		set, err := maps.NewSet(specs([]string{"Km hash " + path}), maps.Env{})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		for i := range 20_000 {
			key := fmt.Sprintf("key%d", i*7919%records)
			if v, err := set.Lookup(context.Background(), "m", key); v != "v1 of "+key || err != nil {
				t.Fatal(key, v, err)
			}
		}
		return max(allocated(), before) - before
	}
	small, large := heap(10_000), heap(1_000_000)
	t.Logf("10,000 records: %d bytes; 1,000,000 records: %d bytes", small, large)
	if large > small+64<<10 {
		t.Errorf("10,000 records take %d bytes, 1,000,000 take %d", small, large)
	}
}

// allocated is what lives on the heap.
func allocated() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
