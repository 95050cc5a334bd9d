package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExitStatus is sendmail's: the original's is 0 even when sendmail did not take the message, which is lost then.
func TestExitStatus(t *testing.T) {
	for _, code := range []string{"0", "67", "75"} {
		stub := filepath.Join(t.TempDir(), "sendmail")
		if err := os.WriteFile(stub, []byte("#!/bin/sh\ncat >/dev/null\nexit "+code+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		var told strings.Builder
		got := run([]string{"u"}, stub, strings.NewReader("From bob x remote from h\nA: b\n\n"), &told)
		if want := map[string]int{"0": 0, "67": 67, "75": 75}[code]; got != want || (told.String() == "") != (want == 0) {
			t.Errorf("sendmail ends with %s: %d %q", code, got, told.String())
		}
	}
	if code := run([]string{"u"}, "/nonexistent/sendmail", strings.NewReader("From bob x\nA: b\n\n"), &strings.Builder{}); code != 75 {
		t.Errorf("no sendmail: %d", code)
	}
}
