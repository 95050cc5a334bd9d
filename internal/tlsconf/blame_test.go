package tlsconf

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gosendmail/internal/safefile"
)

// TestKeysOfOthers is GroupReadableKeyFile and CertOwner of DontBlameSendmail: keys that their group may read, and
// certificates of other users, serve with them only.
func TestKeysOfOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		blame safefile.Blame
		spoil func(cert, key string) error
		root  bool
	}{
		{"GroupReadableKeyFile", safefile.GroupReadableKeyFile, func(_, key string) error { return os.Chmod(key, 0o640) },
			false},
		{"CertOwner", safefile.CertOwner, func(cert, _ string) error { return os.Chown(cert, 2001, -1) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Geteuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			cert, key := pair(t, t.TempDir(), "mail.test")
			if err := c.spoil(cert, key); err != nil {
				t.Fatal(err)
			}
			for _, blame := range []safefile.Blame{c.blame | safefile.TrustStickyBit, safefile.TrustStickyBit} {
				_, err := New(ServerSide, Options{CertFile: cert, KeyFile: key, Blame: blame}, nil, func(error) {})
				if with := blame.Has(c.blame); (err == nil) != with {
					t.Errorf("with %s: %v", blame, err)
				}
			}
		})
	}
}

// TestRevocationListsOfAFolder is CRLPath: lists in files with names of hashes count.
func TestRevocationListsOfAFolder(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	cert, key := ca.issue(t, dir, 3)
	text, err := os.ReadFile(ca.revoke(t, dir, "list", 3, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"0123abcd.r0": "FAIL", "list.pem": "OK", "": "OK"} {
		folder := t.TempDir()
		o := Options{CACertFile: ca.file, CRLPath: folder}
		if name == "" {
			o.CRLPath = ""
		} else if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		client := keep(t, ClientSide, o)
		_, c, err := talk(t, keep(t, ServerSide, Options{CertFile: cert, KeyFile: key}), client, "x")
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := client.Verify(&c); v != want {
			t.Errorf("CRLPath with %q: %s, want %s", name, v, want)
		}
	}
}
