// Package oracletest finds the original sendmail, GNU m4 and the other peers that comparisons run against. Only tests
// import it.
//
// GOSENDMAIL_ORACLE names the root under which Debian's packages were unpacked; GOSENDMAIL_SHARED the folder
// with the seeds and the arena. Tests skip, with the reason, where they are missing.
package oracletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root returns the folder under which the original was unpacked, or skips the test.
func Root(tb testing.TB) string {
	tb.Helper()
	root := os.Getenv("GOSENDMAIL_ORACLE")
	if root == "" {
		root = filepath.Join(os.TempDir(), "oracle", "root")
	}
	if _, err := os.Stat(filepath.Join(root, "usr/libexec/sendmail/sendmail")); err != nil {
		tb.Skipf("the original is not there (GOSENDMAIL_ORACLE): %v", err)
	}
	return root
}

// Tree returns the original's m4 tree (the folder that holds m4, feature, mailer...), or skips the test.
func Tree(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(Root(tb), "usr/share/sendmail/cf")
}

// Command prepares a program of the original (a path below its root such as "usr/libexec/sendmail/sendmail") with its
// libraries.
func Command(tb testing.TB, program string, args ...string) *exec.Cmd {
	tb.Helper()
	root := Root(tb)
	cmd := exec.Command(plain(tb, filepath.Join(root, program)), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LD_LIBRARY_PATH="+
		filepath.Join(root, "usr/lib/x86_64-linux-gnu")+":"+filepath.Join(root, "lib/x86_64-linux-gnu"))
	return cmd
}

// plain returns path, or a copy of it where it is set-gid: the dynamic loader ignores LD_LIBRARY_PATH for such
// programs.
func plain(tb testing.TB, path string) string {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	if info.Mode()&(os.ModeSetgid|os.ModeSetuid) == 0 {
		return path
	}
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	path = filepath.Join(tb.TempDir(), filepath.Base(path))
	if err := os.WriteFile(path, text, 0o755); err != nil {
		tb.Fatal(err)
	}
	return path
}

// HostName is what the original takes for its host's name in Sendmail's commands.
const HostName = "mail.example.test"

// Sendmail prepares the original's sendmail. For root it gets a host name of its own: with one that has no domain, as
// test machines have, the original sleeps a minute before it starts.
func Sendmail(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := Command(tb, "usr/libexec/sendmail/sendmail", args...)
	if unshare, err := exec.LookPath("unshare"); err == nil && os.Getuid() == 0 {
		cmd.Args = append([]string{unshare, "--uts", "sh", "-c", "hostname " + HostName + ` && exec "$@"`, "sh", cmd.Path}, args...)
		cmd.Path = unshare
	}
	return cmd
}

// M4 prepares GNU m4.
func M4(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	return Command(tb, "usr/bin/m4", args...)
}

// Shared returns the folder that holds seeds, arena and bench, or skips the test.
func Shared(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("GOSENDMAIL_SHARED")
	if dir == "" {
		_, here, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "seeds")); err != nil {
		tb.Skipf("the shared folder is not there (GOSENDMAIL_SHARED): %v", err)
	}
	return dir
}
