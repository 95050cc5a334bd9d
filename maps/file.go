package maps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/maps/dbfile"
)

// fileMap is class hash, btree or cdb: a database file that is looked at anew when it was replaced.
type fileMap struct {
	p      *Params
	path   string // with extension
	nul    atomic.Int32
	cur    atomic.Pointer[openDB]
	born   time.Time // openDB.looked counts from here
	beside Beside    // nil: nothing

	mu     sync.Mutex // held while opening
	reason string     // last failure that was reported
}

// openDB is an open file and what it was when it was opened.
type openDB struct {
	db     *dbfile.DB
	id     fileID
	beside bool         // Env.Beside has a say
	tag    string       // see Beside.Belongs
	file   *os.File     // the same file, to ask the system about
	looked atomic.Int64 // when the path was last found to lead here, in ns since fileMap.born
}

// lookAgain is how long the path is believed to lead to the open file while nothing has happened to that. A file that
// another one is renamed to, or that is removed or written, shows that itself and at once, for less than half of what
// following the path costs; what it cannot show is that a symbolic link or a folder of the path now leads elsewhere.
const lookAgain = time.Second

// unchanged reports whether the open file needs no look at the path.
func (c *openDB) unchanged(now time.Duration) bool {
	if now-time.Duration(c.looked.Load()) > lookAgain {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(int(c.file.Fd()), &st) == nil && c.is(idOfStat(&st))
}

// is reports whether the open file is the one with that identity. One without a name is none that a path leads to: it
// was replaced while it was opened.
func (c *openDB) is(id fileID) bool {
	return id.links > 0 && id == c.id
}

// fileID tells a file from its replacement.
type fileID struct {
	dev, ino uint64
	links    uint64 // none: it has been replaced or removed
	size     int64
	mtime    unix.Timespec
	ctime    unix.Timespec
}

func idOf(path string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fileID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return idOfStat(&st), nil
}

func idOfStat(st *unix.Stat_t) fileID {
	return fileID{uint64(st.Dev), st.Ino, uint64(st.Nlink), st.Size, st.Mtim, st.Ctim}
}

// States of fileMap.nul, the original's way to learn whether keys end in a NUL byte.
const (
	nulUnknown int32 = iota
	nulAlways
	nulNever
	nulNothing // -N and -O together: nothing matches
)

func openHash(p *Params) (Map, error) { return newFileMap(p, ".db"), nil }
func openCDB(p *Params) (Map, error)  { return newFileMap(p, ".cdb"), nil }

// newFileMap does not open the file: that it is missing now says nothing about later.
func newFileMap(p *Params, ext string) *fileMap {
	m := &fileMap{p: p, path: p.Path, born: time.Now()}
	if !strings.HasSuffix(m.path, ext) {
		m.path += ext
	}
	m.nul.Store(m.firstNul())
	if p.env.Beside != nil {
		m.beside = p.env.Beside(m.path, p.openFile)
	}
	return m
}

func (m *fileMap) firstNul() int32 {
	switch {
	case m.p.NullOnly && m.p.BareOnly:
		return nulNothing
	case m.p.NullOnly:
		return nulAlways
	case m.p.BareOnly:
		return nulNever
	}
	return nulUnknown
}

// Lookup finds the first value of a key.
func (m *fileMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	file, err := m.at(ctx)
	if err != nil {
		return "", m.unopened(err)
	}
	name := key
	if !m.p.NoFold {
		name = fold(key)
	}
	find := m.find
	if file.beside {
		find = m.findBeside
	}
	v, found, err := find(ctx, file, name)
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", ErrNotFound
	}
	return m.p.Result(ctx, key, v, args), nil
}

// find asks the file, and opens it anew where it was written meanwhile.
func (m *fileMap) find(ctx context.Context, file *openDB, name string) (v string, found bool, err error) {
	v, found, err = m.get(file.db, name)
	for tries := 0; outdated(err) && tries < maxReopens; tries++ {
		if file, err = m.renew(ctx, file); err != nil {
			return "", false, m.unopened(err)
		}
		v, found, err = m.get(file.db, name)
	}
	if err != nil {
		return "", false, tempFail(err)
	}
	return v, found, nil
}

// findBeside asks what is beside the file first. The file is looked at after that, be it for the second time in a step:
// what was beside the one of before may be in it by now.
func (m *fileMap) findBeside(ctx context.Context, _ *openDB, name string) (v string, found bool, err error) {
	if err := m.beside.Refresh(); err != nil {
		return "", false, tempFail(err)
	}
	file, err := m.current()
	if err != nil {
		return "", false, m.unopened(err)
	}
	v, found = m.beside.Find(file.tag, name)
	if !found {
		v, found, err = m.find(ctx, file, name)
	}
	return v, found && v != "" && m.beside.Live(v), err
}

// maxReopens is how often one look-up opens a file that is written again and again.
const maxReopens = 10

// outdated reports whether a look-up failed because the file was written in place, or closed, since it was opened.
func outdated(err error) bool {
	return err != nil && (errors.Is(err, dbfile.ErrChanged) || errors.Is(err, fs.ErrClosed))
}

// renew opens the file anew, also for the rest of the context's step.
func (m *fileMap) renew(ctx context.Context, old *openDB) (*openDB, error) {
	if m.cur.CompareAndSwap(old, nil) {
		old.db.Close()
	}
	file, err := m.current()
	if s, ok := ctx.Value(stepKey).(*step); ok && err == nil {
		s.replace(m, file)
	}
	return file, err
}

// unopened is the outcome when the file cannot be opened: an optional map counts as empty then, unless its file is
// there and damaged.
func (m *fileMap) unopened(err error) error {
	if m.p.Optional && !errors.Is(err, dbfile.ErrCorrupt) {
		return ErrNotFound
	}
	return tempFail(err)
}

// get asks without and with a NUL byte behind the key, until a key that was found tells which it is.
func (m *fileMap) get(db *dbfile.DB, name string) (string, bool, error) {
	nul := m.nul.Load()
	if nul == nulNothing {
		return "", false, nil
	}
	if nul != nulAlways {
		v, found, err := db.Get(name, false)
		if found && nul == nulUnknown {
			m.nul.Store(nulNever)
		}
		if found || err != nil || nul == nulNever {
			return cutNul(v), found, err
		}
	}
	v, found, err := db.Get(name, true)
	if found && nul == nulUnknown {
		m.nul.Store(nulAlways)
	}
	return cutNul(v), found, err
}

// cutNul ends a value where a C string ends.
func cutNul(v string) string {
	if i := strings.IndexByte(v, 0); i >= 0 {
		return v[:i]
	}
	return v
}

// at returns the file as it is now, or as it was first seen in the context's step.
func (m *fileMap) at(ctx context.Context) (*openDB, error) {
	if s, ok := ctx.Value(stepKey).(*step); ok {
		return s.get(m, m.current)
	}
	return m.current()
}

// current returns the open file, or opens it when it is not the one at the path any more.
func (m *fileMap) current() (*openDB, error) {
	c, now := m.cur.Load(), time.Since(m.born)
	if c != nil && c.unchanged(now) {
		return c, nil
	}
	id, err := idOf(m.path)
	if err != nil {
		return nil, m.failed(err)
	}
	if c != nil && c.is(id) {
		c.looked.Store(int64(now))
		return c, nil
	}
	return m.reopen()
}

// reopen does not close the old file: sessions may be reading it, and it goes when none is.
func (m *fileMap) reopen() (*openDB, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, err := idOf(m.path)
	if err != nil {
		return nil, m.failedLocked(err)
	}
	old := m.cur.Load()
	if old != nil && old.is(id) {
		return old, nil // another session was faster
	}
	f, err := m.p.openFile(m.path)
	if err != nil {
		return nil, m.failedLocked(err)
	}
	own, err := duplicate(f)
	if err != nil {
		f.Close()
		return nil, m.failedLocked(err)
	}
	var st unix.Stat_t // of what was opened: the path may have led elsewhere a moment before
	if err := unix.Fstat(int(own.Fd()), &st); err != nil {
		f.Close()
		own.Close()
		return nil, m.failedLocked(err)
	}
	db, err := dbfile.Open(f)
	if err != nil {
		own.Close()
		return nil, m.failedLocked(err)
	}
	m.reason = ""
	m.nul.Store(m.firstNul())
	file := &openDB{db: db, id: idOfStat(&st), file: own}
	file.looked.Store(int64(time.Since(m.born)))
	if m.beside != nil {
		file.tag, file.beside = m.beside.Belongs(func(key string) (string, bool) {
			v, found, err := m.get(db, key)
			return v, found && err == nil
		})
	}
	m.cur.Store(file)
	return file, nil
}

// duplicate returns a second descriptor of an open file. It is closed when nobody uses it any more.
func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "dup", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func (m *fileMap) failed(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failedLocked(err)
}

// failedLocked reports a failure to the operator, once per reason; that an optional map is not there is none.
func (m *fileMap) failedLocked(err error) error {
	if m.p.Optional && errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.p.report(&m.reason, m.p.unusable(m.path, err), err)
	return err
}

// ready reports whether the file can be opened.
func (m *fileMap) ready() error {
	_, err := m.current()
	return err
}

func (p *Params) openFile(path string) (*os.File, error) {
	if p.env.Open != nil {
		return p.env.Open(path)
	}
	return os.Open(path)
}

// Close gives the file up; look-ups under way still end well.
func (m *fileMap) Close() error {
	if c := m.cur.Swap(nil); c != nil {
		return c.db.Close() // its file goes with the last look-up that asks about it
	}
	return nil
}
