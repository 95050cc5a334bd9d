package dbfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestSASLPasswords reads the password file that SASL's own saslpasswd2 makes: a Berkeley DB hash of user, realm and
// property, with NUL bytes between them.
func TestSASLPasswords(t *testing.T) {
	root, command := oracletest.Debian(t, "usr/sbin/saslpasswd2", "sasl2-bin", "libsasl2-2", "libsasl2-modules-db", "libdb5.3", "libcrypt1", "libldap-2.5-0", "libkrb5-3")
	file := filepath.Join(t.TempDir(), "sasldb2")
	for user, password := range map[string]string{"anna": "secret of anna", "berta": "another"} {
		cmd := command("usr/sbin/saslpasswd2", "-p", "-c", "-f", file, "-u", "example.test", user)
		cmd.Env = append(cmd.Env, "SASL_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu/sasl2"))
		cmd.Stdin = strings.NewReader(password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("saslpasswd2: %v: %s", err, out)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Skipf("saslpasswd2 wrote another kind of file: %v", err)
	}
	db := openFile(t, file)
	if !strings.HasPrefix(db.Format(), "Berkeley DB hash") {
		t.Errorf("format %s", db.Format())
	}
	for user, want := range map[string]string{"anna": "secret of anna", "berta": "another"} {
		v, ok, err := db.Get(user+"\x00example.test\x00userPassword", false)
		if v != want || !ok || err != nil {
			t.Errorf("%s: %q, %v, %v", user, v, ok, err)
		}
	}
	if v, ok, err := db.Get("carla\x00example.test\x00userPassword", false); ok || err != nil {
		t.Errorf("carla: %q, %v, %v", v, ok, err)
	}
}
