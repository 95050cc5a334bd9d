package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// parent is the directory that holds path.
func parent(path string) string { return filepath.Dir(path) }

// WriteAtomic gives path the content that write produces: into a temporary file beside it, fsync, rename, fsync of the
// directory. Whoever opens path meanwhile sees the old or the new content. An existing file's owner is kept where the
// process may set it; its permissions become perm. When anything fails path is as before.
func WriteAtomic(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	tmp, err := os.CreateTemp(parent(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("safefile: write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("safefile: write %s: %w", path, err), removeQuietly(tmp.Name()))
		}
	}()
	if err := fill(tmp, path, perm, write); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return SyncDir(parent(path))
}

func fill(tmp *os.File, path string, perm fs.FileMode, write func(io.Writer) error) error {
	if err := write(tmp); err != nil {
		return err
	}
	if err := keepOwner(tmp, path); err != nil {
		return err
	}
	if err := tmp.Chmod(perm); err != nil {
		return err
	}
	return tmp.Sync()
}

// keepOwner gives tmp the owner of path where both differ; without the right to do so it stays as it is.
func keepOwner(tmp *os.File, path string) error {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	uid, gid := owner(info)
	if err := tmp.Chown(uid, gid); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

func removeQuietly(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("safefile: sync %s: %w", dir, err)
	}
	err = d.Sync()
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("safefile: sync %s: %w", dir, err)
	}
	return nil
}
