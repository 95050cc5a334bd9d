package maps_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/maps"
)

// TestPath: a table is replaced by renaming another one to its name, by removing it, and by leading a symbolic link
// elsewhere. The first two show at once, the third within a second.
func TestPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	for _, name := range []string{"one", "two", "three"} {
		build(t, filepath.Join(dir, name), "key", name)
	}
	synctest.Test(t, func(t *testing.T) {
		set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "hash", Args: "-o " + path}}, maps.Env{})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		expect := func(after, want string) {
			t.Helper()
			if v, err := set.Lookup(context.Background(), "m", "key"); v != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v, want %q", after, v, err, want)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Rename(filepath.Join(dir, "one"), path))
		expect("made", "one")
		must(os.Rename(filepath.Join(dir, "two"), path))
		expect("replaced", "two")
		must(os.Remove(path))
		expect("removed", "")
		build(t, filepath.Join(dir, "one"), "key", "one")
		must(os.Symlink("one", path))
		expect("linked", "one")
		must(os.Remove(path))
		must(os.Symlink("three", path))
		time.Sleep(2 * time.Second) // of the bubble's clock
		expect("linked anew", "three")
	})
}
