package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/compatibility"
)

// TestFlagsAreDocumented holds the table of docs/compatibility.md against the parser.
func TestFlagsAreDocumented(t *testing.T) {
	for c := byte('!'); c < 127; c++ {
		if c == '-' {
			continue
		}
		var out, errs bytes.Buffer
		run([]string{"-" + string(c), "1", "-l"}, strings.NewReader(""), &out, &errs)
		known := !strings.HasPrefix(errs.String(), "makemap: ") || strings.Contains(errs.String(), "argument")
		shown := slices.ContainsFunc(compatibility.Makemap, func(f compatibility.Flag) bool { return f.Letter() == c })
		if known != shown {
			t.Errorf("-%c: known %t, documented %t: %s", c, known, shown, errs.String())
		}
	}
}
