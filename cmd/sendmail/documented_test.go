package main

import (
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/compatibility"
)

// TestFlagsAreDocumented holds the table of docs/compatibility.md against the parser.
func TestFlagsAreDocumented(t *testing.T) {
	var documented []string
	for _, f := range compatibility.Sendmail {
		for _, name := range strings.Split(f.Name, ", ") {
			documented = append(documented, name[1:2])
		}
	}
	for c := byte('!'); c < 127; c++ {
		known := strings.IndexByte(withValue+optional+plain+retired, c) >= 0
		if shown := slices.Contains(documented, string(c)); known != shown {
			t.Errorf("-%c: known %t, documented %t", c, known, shown)
		}
	}
	for _, mode := range "aCdDhHimpPstv" {
		if !slices.ContainsFunc(compatibility.Sendmail, func(f compatibility.Flag) bool { return f.Name == "-b"+string(mode) }) {
			t.Errorf("-b%c is not documented", mode)
		}
	}
}
