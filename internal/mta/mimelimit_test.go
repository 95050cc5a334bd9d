package mta

import (
	"strings"
	"testing"
)

// TestClosed holds what the original makes of MIME fields under the option MaxMimeHeaderLength.
func TestClosed(t *testing.T) {
	for in, want := range map[string]string{
		` plain`:                        ` plain`,
		` "no end`:                      ` "no en"`,
		` ((x)`:                         ` (())`,
		` "x`:                           ` ""`,
		` x (`:                          ` x `,
		` a\`:                           ` a`,
		` name="a\`:                     ` name="a"`,
		` (a "quote)`:                   ` (a "quote)`,
		strings.Repeat("x", 30):         strings.Repeat("x", 20),
		`"` + strings.Repeat("x", 30):   `"` + strings.Repeat("x", 18) + `"`,
		`((` + strings.Repeat("x", 30):  `((` + strings.Repeat("x", 16) + `))`,
		strings.Repeat("x", 19) + `"y"`: strings.Repeat("x", 19),
	} {
		if got := closed(in, 20); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
