package cf_test

import (
	"fmt"
	"strings"
	"testing"
)

// The library's rule sets and a site's own fit together; the first hundred names have the numbers that the original
// gives.
func TestManyRulesets(t *testing.T) {
	var text strings.Builder
	text.WriteString("V10/Berkeley\n")
	for i := range 401 {
		fmt.Fprintf(&text, "Sset%d\nR$*\t$@ %d\n", i, i)
	}
	c := parse(t, text.String())
	if len(c.Rulesets) != 400 {
		t.Errorf("%d rule sets, want 400", len(c.Rulesets))
	}
	want := map[string]int{"set0": 199, "set99": 100, "set100": 200, "set399": 499}
	for _, r := range c.Rulesets {
		if n, ok := want[r.Name]; ok && (r.Number != n || len(r.Rules) != 1) {
			t.Errorf("%s has number %d and %d rules, want number %d and one rule", r.Name, r.Number, len(r.Rules), n)
		}
	}
	problems := fmt.Sprint(c.Errors())
	if !strings.Contains(problems, "set400: too many named rulesets (400 max)") {
		t.Errorf("problems %s do not name the set that is too many", problems)
	}
}
