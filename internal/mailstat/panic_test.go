package mailstat

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/guard"
	"gosendmail/internal/safefile"
)

// TestPanicInTimerIsReported lets one write of the statistics panic, which happens on a timer: it is reported with its
// place, and what is counted later is written.
func TestPanicInTimerIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statistics")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		broken := true
		now := func() time.Time {
			if broken {
				panic("no clock")
			}
			return time.Now()
		}
		var told []error
		k := NewKeeper(path, safefile.Checker{UID: os.Geteuid()}, now, time.Second, func(err error) { told = append(told, err) })
		for range 2 {
			k.Count(func(c *Counts) { c.From[0]++ })
			time.Sleep(2 * time.Second)
			synctest.Wait()
			broken = false
		}
		if len(told) != 1 {
			t.Fatalf("reported %v", told)
		}
		if p, ok := errors.AsType[*guard.Panic](told[0]); !ok || p.Value != "no clock" || !strings.HasPrefix(p.Place, "mailstat/panic_test.go:") {
			t.Errorf("reported %v", told[0])
		}
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(text, time.Now())
	if err != nil || f.From[0] != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
