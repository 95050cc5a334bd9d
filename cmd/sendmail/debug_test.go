package main

import (
	"strings"
	"testing"
)

func TestSilentDebug(t *testing.T) {
	for line, want := range map[string]string{
		"-d0.1": "", "-d0-4.2": "", "-d": "1-99.1", "-d21.5": "21.5", "-d0,60": "60", "-d08.3 -d9": "08.3 9", "-bt -d21.5": "",
	} {
		f, err := parseFlags(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		v := &invocation{flags: f}
		if got := strings.Join(v.silentDebug(), " "); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
