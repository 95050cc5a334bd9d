package mailers

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"gosendmail/internal/envelope"
)

// TestConnectOnlyTo: the mail for a host that nobody serves reaches the peer.
func TestConnectOnlyTo(t *testing.T) {
	p := &peer{}
	p.start(t)
	cfg := Config{ConnectOnlyTo: netip.MustParseAddr("127.0.0.1")}
	if got := deliver(t, newTable(t, cfg), newJob(smtpMailer(t, p), "[192.0.2.1]", "x@peer.test"))["x@peer.test"]; !got.Success() {
		t.Errorf("%+v", got)
	}
}

// TestModeOfNewFiles is option TempFileMode.
func TestModeOfNewFiles(t *testing.T) {
	dir := private(t)
	os.Chmod(dir, 0o777)
	for name, mode := range map[string]os.FileMode{"default": 0, "group": 0o640} {
		cfg := nobodyConfig()
		cfg.FileMode = mode
		path := filepath.Join(dir, name)
		job := newJob(fileMailer(t), "", path)
		job.Rcpts[0].Ctladdr = &envelope.Ctladdr{User: "nobody", UID: 65534, GID: 65534}
		if s := deliver(t, newTable(t, cfg), job)[path]; !s.Success() {
			t.Fatalf("%+v", s)
		}
		if mode == 0 {
			mode = 0o600
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestNoInitGroups is option DontInitGroups: the password file is not even asked.
func TestNoInitGroups(t *testing.T) {
	table := newTable(t, Config{NoInitGroups: true})
	groups, err := table.groups(t.Context(), &envelope.Ctladdr{User: "no such user here", UID: 4711, GID: 4712})
	if err != nil || len(groups) != 1 || groups[0] != 4712 {
		t.Errorf("%v, %v", groups, err)
	}
}
