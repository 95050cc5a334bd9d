package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Open checks path as a file of kind k and opens it for reading.
func (c *Checker) Open(path string, k Kind) (*os.File, error) {
	return c.open(path, c.Blame.Rules(k), Read, os.O_RDONLY)
}

// OpenWrite checks path as a file of kind k and opens it for reading and writing; flags may add os.O_APPEND. A file
// that is not there is not created: see Create.
func (c *Checker) OpenWrite(path string, k Kind, flags int) (*os.File, error) {
	return c.open(path, c.Blame.Rules(k), Read|Write, os.O_RDWR|flags&os.O_APPEND)
}

func (c *Checker) open(path string, rules Rules, access Access, flags int) (*os.File, error) {
	checked, err := c.CheckRules(path, rules, access)
	if err != nil {
		return nil, err
	}
	flags |= unix.O_CLOEXEC | unix.O_NONBLOCK // a FIFO put in its place must not stall us
	if rules&NoSymlink != 0 {
		flags |= unix.O_NOFOLLOW
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, &Error{Path: path, Err: err}
	}
	if err := unchanged(f, checked); err != nil {
		f.Close()
		return nil, &Error{Path: path, Err: err}
	}
	return f, nil
}

// unchanged compares an open file with what was checked under its name.
func unchanged(f *os.File, checked fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	a, okA := checked.Sys().(*syscall.Stat_t)
	b, okB := now.Sys().(*syscall.Stat_t)
	if !okA || !okB || !os.SameFile(checked, now) || a.Nlink != b.Nlink || a.Uid != b.Uid || a.Gid != b.Gid {
		return FileChanged
	}
	return nil
}

// Create makes a new file that was not there before, never through a link, and opens it for reading and writing. The
// directories are checked by the rules of kind k. An existing name, of whatever sort, gives fs.ErrExist.
func (c *Checker) Create(path string, k Kind, perm fs.FileMode) (*os.File, error) {
	if err := c.checkDirs(path, parent(path), c.Blame.Rules(k), 0); err != nil {
		return nil, err
	}
	return CreateNew(path, perm)
}

// CreateNew makes a file that must not exist, not even as a dangling link, open for reading and writing, with exactly
// the permissions perm whatever the umask.
func CreateNew(path string, perm fs.FileMode) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err != nil {
		return nil, fmt.Errorf("safefile: create %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && fs.FileMode(st.Mode).Perm() == perm.Perm() {
		return f, nil
	}
	if err := f.Chmod(perm); err != nil {
		return nil, errors.Join(fmt.Errorf("safefile: create %s: %w", path, err), f.Close(), os.Remove(path))
	}
	return f, nil
}
