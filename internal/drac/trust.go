package drac

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gosendmail/internal/safefile"
)

// checker judges files for whoever runs the program. A sticky folder above the table's own is no way to it; the table's
// own folder may not be one: see closed.
func checker() *safefile.Checker {
	groups, err := os.Getgroups()
	if err != nil {
		groups = nil // then none of them counts
	}
	groups = append([]int{os.Getegid()}, groups...)
	return &safefile.Checker{Blame: safefile.TrustStickyBit, UID: os.Geteuid(), GIDs: groups}
}

// openTrusted opens a file of the table: the table itself, its journal or its lock. One that others could have put
// there, or could change, is refused: what stands in it decides who may relay. flags are os.O_RDONLY, or os.O_RDWR with
// os.O_APPEND.
func (t *Table) openTrusted(path string, flags int) (f *os.File, err error) {
	if err := closed(path); err != nil {
		return nil, err
	}
	if flags == os.O_RDONLY {
		f, err = checker().Open(path, safefile.RelayTable)
	} else {
		f, err = checker().OpenWrite(path, safefile.RelayTable, flags)
	}
	if err != nil || path == t.file() {
		return f, err // the table is whose the administrator has given it to
	}
	info, err := f.Stat()
	if err == nil && !t.ours(info) {
		err = &safefile.Error{Path: path, Err: syscall.EACCES}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openLock opens the lock, and makes it where it is not there.
func (t *Table) openLock(path string) (*os.File, error) {
	f, err := t.openTrusted(path, os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = checker().Create(path, safefile.RelayTable, 0o640)
	if errors.Is(err, fs.ErrExist) { // another program was first
		return t.openTrusted(path, os.O_RDWR)
	}
	return f, err
}

// ours reports whether a file belongs to root, to whoever runs the program, or to the owner of the table.
func (t *Table) ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	uid, _, found := ownerOf(t.file())
	return st.Uid == 0 || int(st.Uid) == os.Geteuid() || found && int(st.Uid) == uid
}

// closed refuses a folder in which others can make files, be it a sticky one: their files are not ours there, but they
// can be first.
func closed(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode()&0o002 != 0:
		return &safefile.Error{Path: path, At: dir, Err: safefile.WorldWritableDir}
	case info.Mode()&0o020 != 0:
		return &safefile.Error{Path: path, At: dir, Err: safefile.GroupWritableDir}
	}
	return nil
}

// OpenAllow opens the file that says who may add addresses: the administrator's, whom nobody else writes for.
func OpenAllow(path string) (*os.File, error) { return checker().Open(path, safefile.RelayAllow) }

// openLog opens a log to be read. It may be anybody's, but what is no plain file does not stall the program.
func openLog(path string) (*os.File, error) { return checker().Open(path, safefile.Plain) }
