package drac

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// largeTable returns a table of so many addresses that its changes go into a journal.
func largeTable(tb testing.TB) (*Table, *clock) {
	table, clock := newTable(tb)
	var many []netip.Addr
	for i := range 5000 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if err := table.Add(many...); err != nil {
		tb.Fatal(err)
	}
	return table, clock
}

// lookUps is a K line of class hash on the table, as the mail server has it.
func lookUps(t *testing.T, table *Table) func(addr string) bool {
	env := maps.Env{Beside: func(path string, open func(string) (*os.File, error)) maps.Beside {
		return NewReader(path, open, table.now)
	}}
	set, err := maps.NewSet([]maps.Spec{{Name: "drac", Class: "hash", Args: table.Path}}, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return func(addr string) bool {
		_, err := set.Lookup(context.Background(), "drac", addr)
		if err != nil && !errors.Is(err, maps.ErrNotFound) {
			t.Errorf("look-up of %s: %v", addr, err)
		}
		return err == nil
	}
}

func journalSize(t *testing.T, table *Table) int64 {
	info, err := os.Stat(journalOf(table.file()))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestJournal: a change of a large table does not touch its file, counts at once for whoever looks the address up, and
// goes into the file in the end.
func TestJournal(t *testing.T) {
	table, clock := largeTable(t)
	has := lookUps(t, table)
	before, _ := os.Stat(table.file())
	a := netip.MustParseAddr("192.0.2.7")
	for _, step := range []struct {
		name string
		do   func() error
		has  bool
	}{
		{"not there", func() error { return nil }, false},
		{"add", func() error { return table.Add(a) }, true},
		{"delete", func() error { return table.Delete(a) }, false},
		{"add again", func() error { return table.Add(a, netip.MustParseAddr("2001:db8::1")) }, true},
		{"almost over", func() error { clock.t = clock.t.Add(DefaultLimit - time.Second); return nil }, true},
		{"renewed", func() error { return table.Add(a) }, true},
		{"still there", func() error { clock.t = clock.t.Add(2 * time.Second); return nil }, true},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := has("192.0.2.7"); got != step.has {
			t.Errorf("%s: the map has it: %v", step.name, got)
		}
		if got := strings.Contains(listed(t, table), "192.0.2.7"); got != step.has {
			t.Errorf("%s: the list has it: %v", step.name, got)
		}
	}
	if now, _ := os.Stat(table.file()); !os.SameFile(before, now) || journalSize(t, table) == 0 {
		t.Error("the file was written anew")
	}
	if has("10.0.0.1") || has("2001:db8::1") {
		t.Error("what has ended counts")
	}
	if err := table.Compact(); err != nil {
		t.Fatal(err)
	}
	if records, err := readCDB(table.file()); err != nil || len(records) != 3 || records["192.0.2.7"] == "" || journalSize(t, table) != 0 {
		t.Errorf("after compact: %v, %v, a journal of %d bytes", records, err, journalSize(t, table))
	}
	if !has("192.0.2.7") {
		t.Error("lost when the journal went into the file")
	}
}

// TestJournalGoesIntoTheFile: a journal that has grown is put into the file, with nothing lost, while a server looks
// addresses up.
func TestJournalGoesIntoTheFile(t *testing.T) {
	table, _ := largeTable(t)
	has := lookUps(t, table)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}) }
	generations, last := 0, int64(0)
	for i := 0; i < 12000; i += 40 {
		var some []netip.Addr
		for j := range 40 {
			some = append(some, addr(i+j))
		}
		if err := table.Add(some...); err != nil {
			t.Fatal(err)
		}
		if size := journalSize(t, table); size < last {
			generations++
			last = 0
		} else {
			last = size
		}
		if !has(addr(i).String()) || !has(addr(i+39).String()) || !has(addr(0).String()) {
			t.Fatalf("after %d additions, generation %d: an address is missing", i, generations)
		}
	}
	if generations == 0 {
		t.Error("the journal never went into the file")
	}
	if n := len(strings.Fields(listed(t, table))); n != 17000 {
		t.Errorf("%d addresses, want 17000", n)
	}
}

// TestTornJournal cuts the journal at every byte of its last line, as a stop of the system may: what was added before
// is there, and what is added after is there too.
func TestTornJournal(t *testing.T) {
	table, _ := largeTable(t)
	if err := table.Add(netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	whole := journalSize(t, table)
	if err := table.Add(netip.MustParseAddr("192.0.2.2")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(journalOf(table.file()))
	if err != nil {
		t.Fatal(err)
	}
	for n := whole; n < int64(len(text)); n++ {
		if err := os.WriteFile(journalOf(table.file()), text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		has := lookUps(t, table)
		if !has("192.0.2.1") || has("192.0.2.2") {
			t.Errorf("cut at %d: %v %v", n, has("192.0.2.1"), has("192.0.2.2"))
		}
		if err := table.Add(netip.MustParseAddr("192.0.2.3")); err != nil {
			t.Fatal(err)
		}
		if !has("192.0.2.1") || !has("192.0.2.3") {
			t.Errorf("cut at %d and added to: %v %v", n, has("192.0.2.1"), has("192.0.2.3"))
		}
	}
	for n := range whole {
		if err := os.WriteFile(journalOf(table.file()), text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := table.Add(netip.MustParseAddr("192.0.2.4")); err != nil || !lookUps(t, table)("192.0.2.4") {
			t.Errorf("a journal of %d bytes: %v", n, err)
		}
	}
}

// TestJournalOfAnotherTable: a journal says nothing of a table that has taken the place of its own, be it by clear or
// by another program.
func TestJournalOfAnotherTable(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, table *Table, journal []byte){
		"cleared": func(t *testing.T, table *Table, journal []byte) {
			if err := table.Clear(); err != nil {
				t.Fatal(err)
			}
		},
		"made by makemap": func(t *testing.T, table *Table, _ []byte) {
			b, err := dbfile.Create(table.file())
			if err == nil {
				err = errors.Join(b.Add([]byte(MarkerKey), []byte(markerValue)), b.Commit(0o600, nil))
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			table, _ := largeTable(t)
			if err := table.Add(netip.MustParseAddr("192.0.2.1")); err != nil {
				t.Fatal(err)
			}
			has := lookUps(t, table)
			if !has("192.0.2.1") {
				t.Fatal("not there before")
			}
			journal, _ := os.ReadFile(journalOf(table.file()))
			replace(t, table, journal)
			os.WriteFile(journalOf(table.file()), journal, 0o600) // as if the system had stopped before it was removed
			if has("192.0.2.1") || listed(t, table) != "" {
				t.Errorf("it is there again: %q", listed(t, table))
			}
			if err := table.Add(netip.MustParseAddr("192.0.2.9")); err != nil || !has("192.0.2.9") || has("192.0.2.1") {
				t.Errorf("after an addition: %v, %q", err, listed(t, table))
			}
		})
	}
}

// TestLookUpsDuringAdditions: what Add has returned for is found, whatever programs do to file and journal meanwhile.
func TestLookUpsDuringAdditions(t *testing.T) {
	table, _ := largeTable(t)
	has := lookUps(t, table)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			other := *table
			for j := range 30 {
				a := netip.AddrFrom4([4]byte{192, 0, byte(i), byte(j)})
				if err := other.Add(a); err != nil {
					t.Error(err)
				}
				if !has(a.String()) {
					t.Errorf("%s is not there", a)
				}
				if j%10 == 9 {
					if err := other.Compact(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestDamagedJournal: a file that is no journal is an error for whoever looks something up, which makes that fail
// temporarily.
func TestDamagedJournal(t *testing.T) {
	table, _ := largeTable(t)
	if err := table.Add(netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journalOf(table.file()), []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := NewReader(table.file(), os.Open, table.now)
	if err := r.Refresh(); err == nil || !strings.Contains(err.Error(), "is no journal") {
		t.Errorf("error %v", err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(journalHead + "X\n" + string(change{"192.0.2.1", "1800001800"}.appendLine(nil))))
	f.Add([]byte(journalHead + "X\nkey\tvalue\tffffffff\n\t\t0\n"))
	f.Add([]byte("DRAC"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "t.journal")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var j journal
		if err := j.refresh(path, os.Open); err != nil {
			return
		}
		for k := range j.changes {
			if strings.ContainsAny(k, "\n\t") {
				t.Errorf("key %q", k)
			}
		}
	})
}

// BenchmarkAddToMany adds to a table of a million addresses: see docs/performance.md.
func BenchmarkAddToMany(b *testing.B) {
	table, clock := newTable(b)
	w, err := dbfile.Create(table.file())
	if err != nil {
		b.Fatal(err)
	}
	end := []byte(fmt.Sprint(clock.t.Add(24 * time.Hour).Unix()))
	add := func(k string, v []byte) {
		if err := w.Add([]byte(k), v); err != nil {
			b.Fatal(err)
		}
	}
	add(MarkerKey, []byte(markerValue))
	add(generationKey, []byte("one"))
	for i := range 1_000_000 {
		add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String(), end)
	}
	if err := w.Commit(0o600, nil); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := table.Add(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)})); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	start := time.Now()
	if err := table.Compact(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/compact")
}
