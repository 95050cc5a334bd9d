package main

import (
	"strings"
	"testing"
)

func TestDebugWithout(t *testing.T) {
	for line, want := range map[string]string{
		"-d0.1": "", "-d0-4.2": "", "-d": "1-99.1", "-d21.5": "21.5", "-d0,60": "60", "-d08.3 -d9": "08.3 9",
	} {
		f, err := parseFlags(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		var without []string
		for _, d := range f.debug {
			without = append(without, debugWithout(d, false)...)
		}
		if got := strings.Join(without, " "); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
