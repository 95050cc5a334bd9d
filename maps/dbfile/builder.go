package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gosendmail/internal/safefile"
)

// Builder makes a CDB file beside the old one and puts it into place when it is complete.
type Builder struct {
	*Writer
	path string
	tmp  *os.File
}

// Create starts a new file for path, in its folder. Nothing at path changes before Commit.
func Create(path string) (*Builder, error) {
	tmp, err := temporary(path)
	if err != nil {
		return nil, fmt.Errorf("dbfile: create %s: %w", path, err)
	}
	return &Builder{Writer: NewWriter(tmp), path: path, tmp: tmp}, nil
}

func temporary(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
}

// Commit completes the file, gives it its permissions and with own its owner, makes it durable and renames it to path.
// When it fails, path is as before and the temporary file is gone.
func (b *Builder) Commit(perm fs.FileMode, own func(*os.File) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("dbfile: write %s: %w", b.path, errors.Join(err, b.Abort()))
		}
	}()
	if b.dead > 0 {
		if err := b.compact(); err != nil {
			return err
		}
	}
	if err := b.Finish(); err != nil {
		return err
	}
	if own != nil {
		if err := own(b.tmp); err != nil {
			return err
		}
	}
	if err := b.tmp.Chmod(perm); err != nil {
		return err
	}
	if err := b.tmp.Sync(); err != nil {
		return err
	}
	if err := b.tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(b.tmp.Name(), b.path); err != nil {
		return err
	}
	return safefile.SyncDir(filepath.Dir(b.path))
}

// compact moves the living records into another temporary file: the replaced ones would still show in a dump.
func (b *Builder) compact() error {
	tmp, err := temporary(b.path)
	if err != nil {
		return err
	}
	w := NewWriter(tmp)
	if err := b.copyTo(w); err != nil {
		return errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
	}
	old := b.tmp
	b.Writer, b.tmp = w, tmp
	return errors.Join(old.Close(), os.Remove(old.Name()))
}

// Abort removes the temporary file.
func (b *Builder) Abort() error {
	err := b.tmp.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if rm := os.Remove(b.tmp.Name()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}
