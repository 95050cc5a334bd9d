package mta

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A daemon's log says at its start, before the first client, which certificates cannot be used.
func TestCertificatesAtTheStart(t *testing.T) {
	for _, side := range []string{"Server", "Client"} {
		options := "O " + side + "CertFile=/nowhere/cert.pem\nO " + side + "KeyFile=/nowhere/key.pem\nH?P?"
		s := testServerOf(t, "True", strings.Replace(testConfig, "H?P?", options, 1), nil)
		s.Greet()
		text, err := os.ReadFile(filepath.Join(filepath.Dir(s.Site().Config.File), "log"))
		if err != nil {
			t.Fatal(err)
		}
		want := "STARTTLS=" + strings.ToLower(side) + ": file /nowhere/cert.pem unsafe: No such file or directory"
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%s: the log lacks %q:\n%s", side, want, text)
		}
	}
}
