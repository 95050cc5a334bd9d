package mta

import (
	"strings"
	"testing"
)

// TestHandshakeWithoutCertificate: a daemon that begins with TLS serves nobody where nothing names a certificate, and
// its line says so before the first client finds out.
func TestHandshakeWithoutCertificate(t *testing.T) {
	const warning = "daemon SMTPS begins with TLS (modifier s), but there is no ServerCertFile: nobody is served"
	for text, warns := range map[string]bool{
		"O DaemonPortOptions=Name=SMTPS,Port=465,M=s\n":                                true,
		"O DaemonPortOptions=Name=SMTPS,Port=465,M=S\n":                                false,
		"O DaemonPortOptions=Name=SMTPS,Port=465,M=s\nO ServerCertFile=/nonexistent\n": false,
		"O DaemonPortOptions=Name=SMTPS,Port=465,M=s\nStls_srv_features\nR$*\t$@ OK\n": false,
	} {
		s := loadText(t, "V10/Berkeley\nO DaemonPortOptions=Name=MTA\n"+text)
		said := false
		for _, m := range s.Problems {
			if strings.Contains(m.Text, warning) {
				said = m.Warning && m.Line == 3
			}
		}
		if said != warns {
			t.Errorf("%q: %+v", text, s.Problems)
		}
	}
}
