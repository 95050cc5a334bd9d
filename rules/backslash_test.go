package rules

import "testing"

// A backslash at the very end protects the bracket that scanning adds, as in the original: both are one token, and
// another bracket follows.
func TestBackslashBeforeAddedBracket(t *testing.T) {
	for text, want := range map[string]string{`< \/.\`: `\>`, `<a\`: `a\>`, `<a.b\`: `b\>`, `<\`: `\>`} {
		ws := NewScanner(DefaultOperators+"/").Scan(text, 0, External, false).Workspace
		if n := len(ws); n < 2 || ws[n-2].Text() != want || ws[n-1].Text() != ">" {
			t.Errorf("%q: %q", text, ws)
		}
	}
}
