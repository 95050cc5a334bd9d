package mailstat_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/mailstat"
	"gosendmail/internal/safefile"
)

var now = time.Unix(1795336144, 0)

// TestKeeper lets many goroutines of two processes' keepers count.
func TestKeeper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statistics")
	for name, before := range map[string]string{"empty": "", "of another format": "some text"} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			k := mailstat.NewKeeper(path, safefile.Checker{UID: os.Geteuid()}, func() time.Time { return now }, time.Hour, func(err error) { t.Error(err) })
			for range 10 {
				wg.Go(func() { k.Count(func(c *mailstat.Counts) { c.From[3]++; c.FromKB[3] += 2; c.Accepted++ }) })
			}
			wg.Wait()
			k.Close()
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := mailstat.Parse(data, now)
		if err != nil || f.From[3] != 20 || f.FromKB[3] != 40 || f.Accepted != 20 || !f.Since.Equal(now) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// TestKeeperWithoutFile makes no file, and does not write where it must not.
func TestKeeperWithoutFile(t *testing.T) {
	dir := t.TempDir()
	count := func(path string) (err error) {
		k := mailstat.NewKeeper(path, safefile.Checker{UID: os.Geteuid()}, time.Now, time.Hour, func(e error) { err = e })
		k.Count(func(c *mailstat.Counts) { c.Made++ })
		k.Close()
		return err
	}
	if err := count(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("it was made")
	}
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := count(filepath.Join(dir, "link")); err == nil {
		t.Error("written through a link")
	}
}

func TestPrint(t *testing.T) {
	f := mailstat.File{Since: now}
	f.From[3], f.FromKB[3], f.To[4], f.ToKB[4], f.Quarantined[24], f.Accepted, f.Refused = 6, 15, 5, 7, 1, 2, 4
	names := mailstat.Names([]string{"local", "prog", "smtp"})
	const program = `1795336144 1795336204
 3        6         15        0          0        0       0       0  local
 4        0          0        5          7        0       0       0  smtp
24        0          0        0          0        0       0       1  24
 T        6         15        5          7        0       0       1
 C        2        0      4
`
	var b strings.Builder
	if err := f.Print(&b, mailstat.Style{Program: true, Names: names, Now: now.Add(time.Minute)}); err != nil || b.String() != program {
		t.Errorf("got\n%s%v", b.String(), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add((&mailstat.File{Since: now}).Bytes())
	f.Add((&mailstat.File{Since: now}).Bytes()[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := mailstat.Parse(data, now)
		if err == nil && len(data) > 0 && !bytes.Equal(got.Bytes()[:16], data[:16]) {
			t.Errorf("%x became %x", data[:16], got.Bytes()[:16])
		}
	})
}
