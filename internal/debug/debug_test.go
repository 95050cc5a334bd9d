package debug

import (
	"slices"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	for text, want := range map[string]map[int]int{
		"":                {0: 1, 50: 1, 99: 1},
		"21":              {20: 0, 21: 1, 22: 0},
		"21.12":           {21: 12},
		"8-9.5, 60.2":     {7: 0, 8: 5, 9: 5, 60: 2},
		"99-200.3":        {98: 0, 99: 3},
		"123.4":           {98: 0, 99: 4},
		"0.300":           {0: 44},
		"5x.7,6.1y\t7.2":  {5: 1, 6: 1, 7: 2},
		"9-8.1":           {8: 0, 9: 0},
		"21.5,21.0":       {21: 0},
		"99999999999.2":   {99: 2},
		"3.9999999999999": {3: 0},
	} {
		var l Levels
		l.Set(text)
		for category, level := range want {
			if got := l.Of(category); got != level {
				t.Errorf("%q: category %d has %d, want %d", text, category, got, level)
			}
		}
	}
	var l Levels
	if named := l.Set("ANSI,21.2,sm_trace_*.3"); !slices.Equal(named, []string{"ANSI", "sm_trace_*.3"}) || l.Of(21) != 2 {
		t.Errorf("named categories: %q", named)
	}
	if l.Of(-1) != 0 || l.Of(100) != 0 {
		t.Error("a category that is none has a level")
	}
}

func TestLog(t *testing.T) {
	var none *Log
	if none.At(0, 1) {
		t.Error("no log wants something")
	}
	none.Printf("x")
	var b strings.Builder
	l := &Log{W: &b, Levels: new(Levels)}
	l.Levels.Set("8.2")
	for _, level := range []int{1, 2, 3} {
		if l.At(8, level) {
			l.Printf("%d ", level)
		}
	}
	if b.String() != "1 2 " {
		t.Errorf("printed %q", b.String())
	}
}
