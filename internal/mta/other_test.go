package mta

import (
	"context"
	"strings"
	"testing"
)

// TestCheckOther refuses commands by check_other.
func TestCheckOther(t *testing.T) {
	config := strings.Replace(testConfig, "Scheck_mail\n", "Scheck_other\nRJUNK $| 5\t$#error $@ 4.7.0 $: \"421 bad command\"\n"+
		"RNOOP $| 2\t$#error $@ 5.7.0 $: \"550 no\"\nScheck_mail\n", 1)
	s := testServerOf(t, "false", config, nil)
	c := s.testSession(t)
	for line, want := range map[string]string{"JUNK": "421 4.7.0 bad command", "NOOP": "550 5.7.0 no", "RSET": "250", "OTHER": "250"} {
		r := c.Other(context.Background(), line)
		if got := strings.Join(strings.Fields(shown(r)), " "); got != want || r.Close != (r.Code == 421) {
			t.Errorf("%s: %s, closed %t", line, got, r.Close)
		}
	}
}
