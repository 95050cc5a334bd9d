package oracletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Debian returns a command for a program of Debian packages that are not installed, such as OpenLDAP's server as a peer
// for tests. program is a path below the root, "usr/sbin/slapd". The packages are kept unpacked below the folder that
// the environment variable GOSENDMAIL_DEBIAN names, and fetched into it when they are not there; without it the test is
// skipped.
func Debian(tb testing.TB, program string, packages ...string) (root string, command func(program string, args ...string) *exec.Cmd) {
	tb.Helper()
	dir := os.Getenv("GOSENDMAIL_DEBIAN")
	if dir == "" {
		tb.Skipf("%s: set GOSENDMAIL_DEBIAN to a folder for unpacked Debian packages", program)
	}
	root = filepath.Join(dir, packages[0])
	if _, err := os.Stat(filepath.Join(root, program)); err != nil {
		fetch(tb, root, packages)
	}
	return root, func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(root, program), args...)
		libs := []string{filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu")}
		cmd.Env = []string{"PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=" + strings.Join(libs, ":"), "LANG=C"}
		return cmd
	}
}

// fetch unpacks packages beside root and moves them into place.
func fetch(tb testing.TB, root string, packages []string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		tb.Fatal(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(root), "unpack")
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	cmd := exec.Command("sh", "-c", `cd "$1" && shift && apt-get download -qq "$@" >/dev/null 2>&1 && mkdir root && for f in *.deb; do dpkg -x "$f" root || exit; done`,
		"sh", tmp)
	cmd.Args = append(cmd.Args, packages...)
	if err := cmd.Run(); err != nil {
		tb.Skipf("packages %s cannot be fetched: %v", strings.Join(packages, " "), err)
	}
	if err := os.Rename(filepath.Join(tmp, "root"), root); err != nil && !os.IsExist(err) {
		tb.Fatal(err)
	}
}

// Packages returns the root of the named Debian packages, unpacked with all that they depend on and this machine lacks.
// It skips like Debian.
func Packages(tb testing.TB, names ...string) (root string) {
	tb.Helper()
	dir := os.Getenv("GOSENDMAIL_DEBIAN")
	if dir == "" {
		tb.Skipf("%s: set GOSENDMAIL_DEBIAN to a folder for unpacked Debian packages", names[0])
	}
	root = filepath.Join(dir, "with-"+names[0])
	if _, err := os.Stat(root); err == nil {
		return root
	}
	simulate := append([]string{"install", "-s", "--no-install-recommends"}, names...)
	plan, err := exec.Command("apt-get", simulate...).Output()
	if err != nil {
		tb.Skipf("packages %s cannot be had: %v", strings.Join(names, " "), err)
	}
	all := slices.Clone(names)
	for line := range strings.Lines(string(plan)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "Inst" && !slices.Contains(all, words[1]) {
			all = append(all, words[1])
		}
	}
	fetch(tb, root, all)
	return root
}
