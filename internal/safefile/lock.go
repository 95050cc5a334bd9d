package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrLocked means that somebody else holds the lock.
var ErrLocked = errors.New("file is locked")

// LockMode says how a file is locked.
type LockMode int

const (
	Shared    LockMode = unix.LOCK_SH
	Exclusive LockMode = unix.LOCK_EX
)

// Lock waits until the whole of f is locked. The lock ends when f is closed.
func Lock(f *os.File, mode LockMode) error { return flock(f, int(mode)) }

// TryLock locks the whole of f at once or returns ErrLocked.
func TryLock(f *os.File, mode LockMode) error { return flock(f, int(mode)|unix.LOCK_NB) }

// Unlock ends a lock before its file is closed.
func Unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("safefile: lock %s: %w", f.Name(), ErrLocked)
		}
		return fmt.Errorf("safefile: lock %s: %w", f.Name(), err)
	}
}

// IsNamed reports whether path still names the open file f: after a lock was got, the file may have been replaced or
// removed while waiting.
func IsNamed(f *os.File, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("safefile: stat %s: %w", path, err)
	}
	named, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("safefile: stat %s: %w", path, err)
	}
	return os.SameFile(open, named), nil
}

// owner gives the user and group of a file.
func owner(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}
