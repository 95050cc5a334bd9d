package testmode_test

import (
	"strings"
	"testing"

	"gosendmail/internal/testmode"
)

func TestSilent(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "21.12": "", "60": "", "21.4,60.5": "", "8.2": "8.2", "0.44": "0.44 beyond 0.43", "35.24,21.2": "35.24 beyond 35.13",
		"ANSI": "ANSI", "0-99.1": "", "8.0": "", "99999": "99999", "37.8 22.12": "37.8 beyond 37.1|22.12", "21.99": "",
	} {
		if got := strings.Join(testmode.Silent(value), "|"); got != want {
			t.Errorf("-d%s: %q, want %q", value, got, want)
		}
	}
}
