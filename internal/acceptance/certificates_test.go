package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// wrongCertificates are pairs of files of a certificate and its key, and the line of the option that is to blame (1:
// the certificate's, 2: the key's, 0: none).
var wrongCertificates = []struct {
	cert, key string
	blamed    int
}{
	{"c.pem", "k.pem", 0}, {"c.pem", "link.pem", 0}, {"nosuch.pem", "k.pem", 1}, {"c.pem", "nosuch.pem", 2},
	{"c.pem", "other.pem", 1}, {"c.pem", "group.pem", 2}, {"c.pem", "world.pem", 2}, {"c.pem", "junk.pem", 1},
	{"junk.pem", "k.pem", 1}, {"writable.pem", "k.pem", 1}, {"c.pem", "alices.pem", 2}, {"c.pem", "c.pem", 2},
	{"c.pem", "folder", 2}, {"old.pem", "k.pem", 1},
}

const certificateFiles = `umask 077; mkdir -p /run/tls; cd /run/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 10 -subj /CN=mail.example.test 2>/dev/null
openssl req -new -key k.pem -subj /CN=mail.example.test -out r.csr
openssl x509 -req -in r.csr -signkey k.pem -days -1 -out old.pem 2>/dev/null
openssl genrsa -out other.pem 2048 2>/dev/null
chmod 644 c.pem old.pem; cp k.pem world.pem; chmod 644 world.pem
cp k.pem group.pem; chgrp alice group.pem; chmod 640 group.pem
echo junk >junk.pem; cp c.pem writable.pem; chmod 666 writable.pem; cp k.pem alices.pem; chown alice alices.pem
ln -s k.pem link.pem; mkdir folder`

// TestWrongCertificates: with each pair both servers start, offer STARTTLS or not, and log the same of files that are
// unsafe; lint and -bC say at which line what is wrong.
func TestWrongCertificates(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		run(t, "", "bash", "-c", certificateFiles)
		processSite(t, w, func(cf string) string { return cf + "O CACertFile=/run/tls/c.pem\nO CACertPath=/run/tls\n" })
		plain, err := os.ReadFile(w.path("log.cf"))
		must(t, err)
		ask := func(cmd *exec.Cmd) (said string) {
			must(t, os.Truncate(w.path("log"), 0))
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			if strings.Contains(dialogue(t, "127.0.0.1", "EHLO c", "QUIT")[1], "STARTTLS") {
				said = "offered\n"
			}
			return said + strings.Join(unsafeCertificate.FindAllString(wholeLog(t, w), -1), "\n")
		}
		for _, c := range wrongCertificates {
			options := "O ServerCertFile=/run/tls/" + c.cert + "\nO ServerKeyFile=/run/tls/" + c.key + "\n"
			write(t, w.path("tls.cf"), options+string(plain))
			got := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("tls.cf")))
			if want := ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("tls.cf"))); got != want {
				t.Errorf("%s, %s:\nours:\n%s\noriginal:\n%s", c.cert, c.key, got, want)
			}
			checked := outputOf(exec.Command(w.path("bin/sendmail"), "-C", w.path("tls.cf"), "-bC"), "")
			warnings := []string{"", "line 1: WARNING: ServerCertFile", "line 2: WARNING: ServerKeyFile"}
			for line, option := range warnings {
				if option != "" && strings.Contains(checked, option) != (line == c.blamed) {
					t.Errorf("%s, %s: line %d is to blame: %s", c.cert, c.key, c.blamed, checked)
				}
			}
		}
	})
}

var unsafeCertificate = regexp.MustCompile(`STARTTLS=server: file .*`)
