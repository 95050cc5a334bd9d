package maps_test

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// BenchmarkLookup measures random look-ups of a hash map through the set, as rules make them during one step of a
// session.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		path := filepath.Join(b.TempDir(), "x.db")
		w, err := dbfile.Create(path)
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
		rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		keys = besides(keys)
		set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "hash", Args: path}}, maps.Env{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ctx := maps.WithStep(context.Background())
			b.ReportAllocs()
			from := cpuTime(b)
			for i := range b.N {
				if _, err := set.Lookup(ctx, "m", keys[i%n]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/(cpuTime(b)-from).Seconds(), "lookups/s-of-a-core")
		})
		set.Close()
	}
}

// besides puts the keys one behind the other in memory: a session's key is at hand, and fetching ours is not what is
// measured.
func besides(keys []string) []string {
	all := strings.Join(keys, "")
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i], all = all[:len(k)], all[len(k):]
	}
	return out
}

// cpuTime is what this process has used, which other work on the machine does not change.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
