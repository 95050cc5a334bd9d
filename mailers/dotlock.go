package mailers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// staleLock is the age at which a lock file counts as left behind, whoever made it.
const staleLock = 5 * time.Minute

// dotLock creates path.lock, as mail.local and mail readers do. In a spool where users cannot create files flock alone
// must do.
//
// The first line of the file is the process, as other programs read it; the second line is ours and says which process
// of which host and boot that is. A lock that it shows to be a dead process's is taken away at once, others when they
// are old.
func dotLock(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	name := path + ".lock"
	me := lockHolder(os.Getpid())
	err = retry(ctx, wait, func() error {
		err := createLock(name, me)
		if errors.Is(err, fs.ErrExist) && dropStale(name) {
			err = createLock(name, me)
		}
		return err
	}, fs.ErrExist)
	switch {
	case err == nil:
		return func() { os.Remove(name) }, nil
	case errors.Is(err, fs.ErrPermission):
		return func() {}, nil
	}
	return nil, fmt.Errorf("mailers: lock %s: %w", path, err)
}

// createLock fails with fs.ErrExist where somebody else has the lock. The file gets its name with its content in it, so
// that also a process that dies just then leaves a lock that tells whose it is; file systems that cannot do that get an
// empty one that is written to.
func createLock(name, holder string) error {
	f, err := os.OpenFile(filepath.Dir(name), unix.O_TMPFILE|os.O_WRONLY|syscall.O_CLOEXEC, 0o444)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		return createPlainLock(name, holder)
	}
	defer f.Close()
	if _, err := f.WriteString(holder); err != nil {
		return err
	}
	unnamed := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	err = unix.Linkat(unix.AT_FDCWD, unnamed, unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if errors.Is(err, fs.ErrNotExist) { // no /proc
		return createPlainLock(name, holder)
	}
	return err
}

// createPlainLock locks also where the file cannot be written to.
func createPlainLock(name, holder string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	_, _ = f.WriteString(holder)
	_ = f.Close()
	return nil
}

// dropStale removes a lock that nobody holds any more and reports whether it did. Those who do that take turns, so that
// none of them removes the lock that the one before made.
func dropStale(name string) bool {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	if named, err := os.Lstat(name); err != nil || !os.SameFile(opened, named) {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(f, 512))
	if err != nil || !holderIsDead(text) && time.Since(opened.ModTime()) <= staleLock {
		return false
	}
	return os.Remove(name) == nil
}

// lockHolder is what a lock file of a process says: "PID\n" and "HOST BOOT NAMESPACE START\n".
func lockHolder(pid int) string {
	return fmt.Sprintf("%d\n%s %s\n", pid, strings.Join(here(), " "), startOf(pid))
}

// holderIsDead reports whether a lock file's second line is ours and names a process of this host that has ended. Of
// other hosts and of other containers on this one nothing can be told.
func holderIsDead(text []byte) bool {
	first, rest, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	line, _, whole := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	if err != nil || pid <= 0 || !whole || len(words) != 4 || slices.Contains(words, unknown) {
		return false
	}
	host, boot, space, start := words[0], words[1], words[2], words[3]
	me := here()
	switch {
	case host != me[0] || me[1] == unknown:
		return false
	case boot != me[1]:
		return true
	}
	now := startOf(pid)
	return space == me[2] && now != unknown && now != start
}

// unknown stands in a lock file for what could not be found out.
const unknown = "-"

// here names this host, its running since the last start, and the name space of its process numbers.
func here() []string {
	host, err := os.Hostname()
	if err != nil || host == "" || strings.ContainsAny(host, " \t\n") {
		host = unknown
	}
	boot, space := unknown, unknown
	if text, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		boot = strings.TrimSpace(string(text))
	}
	if text, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		space = text
	}
	return []string{host, boot, space}
}

// startOf is when a process began, in ticks since the host's start (proc(5), stat, field 22); "0" where there is none
// of that number.
func startOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		if unix.Kill(pid, 0) == unix.ESRCH {
			return "0"
		}
		return unknown
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return unknown
	}
	return fields[19]
}
