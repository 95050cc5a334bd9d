// Package maptest holds what every map class must do: a suite that the tests of each class run.
package maptest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"gosendmail/maps"
)

// Subject is a map of one class, ready to be looked up.
type Subject struct {
	Class string
	Args  string // of the K line, behind the flags
	Env   maps.Env
	More  []maps.Spec // other maps that it needs

	Key, Value string   // a key that is there; args go with it
	With       []string // arguments for Key
	Absent     string   // a key that is not there; "" where every key has a value
	NoAppend   bool     // the class ignores -a and -m

	Break   func(t *testing.T) // makes look-ups fail temporarily; nil where they cannot
	Replace func(t *testing.T) // gives Key the value Value+"2" without touching the open map; nil where there is no file
	Mend    func(t *testing.T) // undoes Break; nil: not possible
}

// Run makes a fresh subject for each part of the suite.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Run("Found", func(t *testing.T) { found(t, fresh(t)) })
	t.Run("Flags", func(t *testing.T) { flags(t, fresh(t)) })
	t.Run("Concurrent", func(t *testing.T) { concurrent(t, fresh(t)) })
	t.Run("TempFail", func(t *testing.T) { tempFail(t, fresh(t)) })
	t.Run("Replaced", func(t *testing.T) { replaced(t, fresh(t)) })
}

func (s Subject) open(t *testing.T, flags string) *maps.Set {
	t.Helper()
	set, err := maps.NewSet(append(s.More, maps.Spec{Name: "m", Class: s.Class, Args: flags + " " + s.Args, File: "x.cf", Line: 1}), s.Env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func (s Subject) expect(t *testing.T, set *maps.Set, want string) {
	t.Helper()
	if got, err := set.Lookup(context.Background(), "m", s.Key, s.With...); err != nil || got != want {
		t.Errorf("look-up of %q: %q, %v; want %q", s.Key, got, err, want)
	}
}

func found(t *testing.T, s Subject) {
	set := s.open(t, "")
	s.expect(t, set, s.Value)
	s.expect(t, set, s.Value)
	if s.Absent == "" {
		return
	}
	v, err := set.Lookup(context.Background(), "m", s.Absent)
	if !errors.Is(err, maps.ErrNotFound) || errors.Is(err, maps.ErrTempFail) || v != "" {
		t.Errorf("absent key: %q, %v", v, err)
	}
}

func flags(t *testing.T, s Subject) {
	if s.NoAppend {
		t.Skip("the class has no -a and -m")
	}
	s.expect(t, s.open(t, "-a.tail"), s.Value+".tail")
	s.expect(t, s.open(t, "-m -a.tail"), s.Key+".tail")
}

func concurrent(t *testing.T, s Subject) {
	set := s.open(t, "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if v, err := set.Lookup(context.Background(), "m", s.Key, s.With...); err != nil || v != s.Value {
					t.Errorf("%q, %v", v, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func tempFail(t *testing.T, s Subject) {
	if s.Break == nil {
		t.Skip("the class cannot fail temporarily")
	}
	sets := map[string]*maps.Set{}
	for _, f := range []string{"", "-T<TMPF>", "-t", "-t -T<TMPF>"} {
		sets[f] = s.open(t, f)
	}
	s.Break(t)
	ctx := context.Background()
	for f, want := range map[string]string{"": "", "-T<TMPF>": s.Key + "<TMPF>"} {
		if v, err := sets[f].Lookup(ctx, "m", s.Key, s.With...); !errors.Is(err, maps.ErrTempFail) || errors.Is(err, maps.ErrNotFound) || v != want {
			t.Errorf("with %q: %q, %v", f, v, err)
		}
	}
	if v, err := sets["-t"].Lookup(ctx, "m", s.Key, s.With...); !errors.Is(err, maps.ErrNotFound) || errors.Is(err, maps.ErrTempFail) {
		t.Errorf("with -t: %q, %v", v, err)
	}
	if v, err := sets["-t -T<TMPF>"].Lookup(ctx, "m", s.Key, s.With...); err != nil || v != s.Key+"<TMPF>" {
		t.Errorf("with both: %q, %v", v, err)
	}
	if s.Mend != nil {
		s.Mend(t)
		s.expect(t, sets[""], s.Value)
	}
}

func replaced(t *testing.T, s Subject) {
	if s.Replace == nil {
		t.Skip("the class has no file")
	}
	set := s.open(t, "")
	s.expect(t, set, s.Value)
	s.Replace(t)
	s.expect(t, set, s.Value+"2")
}
