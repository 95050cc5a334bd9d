package main

import (
	"slices"
	"strings"
	"testing"

	"gosendmail/cf"
	"gosendmail/internal/compatibility"
)

// TestFlagsAreDocumented holds the table of docs/compatibility.md against the parser.
func TestFlagsAreDocumented(t *testing.T) {
	var documented, told []string
	for _, f := range compatibility.Sendmail {
		for _, name := range strings.Split(f.Name, ", ") {
			documented = append(documented, name[1:2])
		}
		if f.Effect == cf.Told {
			told = append(told, f.Name[:2])
		}
	}
	for c := byte('!'); c < 127; c++ {
		known := strings.IndexByte(withValue+optional+plain, c) >= 0
		if shown := slices.Contains(documented, string(c)); known != shown {
			t.Errorf("-%c: known %t, documented %t", c, known, shown)
		}
	}
	f, err := parseFlags([]string{"-D", "log", "-U", "-X", "log", "-v", "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.withoutEffect(); !slices.Equal(got, told) {
		t.Errorf("flags without effect: %v, documented %v", got, told)
	}
	for _, mode := range "aCdDhHimpPstv" {
		if !slices.ContainsFunc(compatibility.Sendmail, func(f compatibility.Flag) bool { return f.Name == "-b"+string(mode) }) {
			t.Errorf("-b%c is not documented", mode)
		}
	}
}
