package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs is the folder of the programs under test. They are linked once for all tests.
var programs struct {
	sync.Once
	dir string
	err error
}

// TestMain removes the programs.
func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// build returns the folder of the programs.
func build(t *testing.T) string {
	t.Helper()
	programs.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "programs"); programs.err != nil {
			return
		}
		for _, args := range [][]string{
			{"build", "-o", programs.dir + "/", "gosendmail/cmd/..."},
			{"build", "-o", filepath.Join(programs.dir, "smtpfeed"), "./testdata/smtpfeed"},
		} {
			cmd := exec.Command("go", args...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("go %v: %w\n%s", args, err, out)
				return
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.dir
}

// install copies the programs into the arena's bin folder, where a test may change their rights.
func install(t *testing.T, w world) {
	t.Helper()
	must(t, os.CopyFS(w.path("bin"), os.DirFS(build(t))))
}
