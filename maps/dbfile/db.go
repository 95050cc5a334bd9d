package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/safefile"
)

// ErrCorrupt is found in errors that say that a file is not a healthy database.
var ErrCorrupt = errors.New("damaged or not a database")

// ErrChanged says that another program has written into the file since it was opened: what was learned from it then is
// not true any more. Opening it anew helps.
var ErrChanged = errors.New("the file was changed since it was opened")

// errStop ends a walk early.
var errStop = errors.New("stop")

// format is one file format over a mapped file. Methods may fault when the file shrinks; DB catches that.
type format interface {
	// find calls visit for each value of a key, in order, until it returns false. With nul the stored key has a NUL
	// byte after key.
	find(key string, nul bool, visit func(value []byte) bool) error
	// each calls visit for each record.
	each(visit func(key, value []byte) error) error
	name() string
}

// DB is an open database file. It is safe for concurrent use.
type DB struct {
	f      format
	cdb    *cdbFile // f, where it is a CDB: the hot path knows it
	data   []byte
	size   int64
	locked *sharedLock // Berkeley DB files are changed in place under a lock; nil for CDB
}

// Open maps a database file. It keeps f open only where the format needs locks, and owns it in any case.
func Open(f *os.File) (*DB, error) {
	db, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("dbfile: open %s: %w", f.Name(), err)
	}
	if db.locked == nil {
		f.Close()
	}
	return db, nil
}

// OpenFile opens and maps the file of a name.
func OpenFile(path string) (*DB, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return Open(f)
}

func open(f *os.File) (*DB, error) {
	var magic [24]byte
	n, _ := f.ReadAt(magic[:], 0)
	var lock *sharedLock
	if n < len(magic) || kindOf(magic[:]) != isCDB { // a program that writes in place may just have emptied it
		lock = &sharedLock{file: f}
		if err := lock.acquire(); err != nil {
			return nil, err
		}
		defer lock.release()
		if n, err := f.ReadAt(magic[:], 0); n < len(magic) {
			return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() < int64(len(magic)) || st.Size() != int64(int(st.Size())) {
		return nil, ErrCorrupt
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	db := &DB{data: data, size: st.Size(), locked: lock}
	if lock != nil {
		lock.opened = stampOf(st)
	}
	runtime.AddCleanup(db, func(b []byte) { unix.Munmap(b) }, data)
	if err := db.parse(); err != nil {
		return nil, err
	}
	return db, nil
}

// Parse reads a database that is in memory. It serves tests and fuzzing; data must not change.
func Parse(data []byte) (*DB, error) {
	db := &DB{data: data, size: int64(len(data))}
	if len(data) < 24 {
		return nil, ErrCorrupt
	}
	return db, db.parse()
}

func (db *DB) parse() (err error) {
	defer db.guard(debug.SetPanicOnFault(true), &err)
	db.f, err = formats[kindOf(db.data)](db.data)
	db.cdb, _ = db.f.(*cdbFile)
	return err
}

// Format names the file's format, such as "cdb" or "Berkeley DB hash version 9".
func (db *DB) Format() string { return db.f.name() }

// guard ends a stretch of reading from the mapping: a memory fault (the file was cut off under the mapping) becomes an
// error.
func (db *DB) guard(old bool, err *error) {
	debug.SetPanicOnFault(old)
	if r := recover(); r != nil {
		if _, fault := r.(interface{ Addr() uintptr }); !fault {
			panic(r)
		}
		*err = fmt.Errorf("%w: the file was truncated while open", ErrCorrupt)
	}
	runtime.KeepAlive(db)
}

// Get returns the first value of a key. With nul, the stored key ends in a NUL byte, and one at the end of the value is
// cut off.
func (db *DB) Get(key string, nul bool) (value string, found bool, err error) {
	if db.locked != nil {
		if err := db.locked.acquire(); err != nil {
			return "", false, err
		}
		defer db.locked.release()
	}
	if db.cdb != nil {
		return db.getCDB(key, nul)
	}
	return db.getFirst(key, nul)
}

// getCDB is the hot path: nothing but the value is allocated.
func (db *DB) getCDB(key string, nul bool) (value string, found bool, err error) {
	defer db.guard(debug.SetPanicOnFault(true), &err)
	return db.cdb.first(key, nul)
}

func (db *DB) getFirst(key string, nul bool) (value string, found bool, err error) {
	defer db.guard(debug.SetPanicOnFault(true), &err)
	err = db.f.find(key, nul, func(v []byte) bool {
		value, found = string(v), true
		return false
	})
	return value, found, err
}

// Values returns all values of a key in the order in which they were inserted (Berkeley DB: in which it keeps them).
func (db *DB) Values(key string, nul bool) (values []string, err error) {
	if db.locked != nil {
		if err := db.locked.acquire(); err != nil {
			return nil, err
		}
		defer db.locked.release()
	}
	defer db.guard(debug.SetPanicOnFault(true), &err)
	err = db.f.find(key, nul, func(v []byte) bool {
		values = append(values, string(v))
		return true
	})
	return values, err
}

// Each calls visit with each record, until it returns an error, which Each returns. The slices are valid during the
// call only.
func (db *DB) Each(visit func(key, value []byte) error) (err error) {
	if db.locked != nil {
		if err := db.locked.acquire(); err != nil {
			return err
		}
		defer db.locked.release()
	}
	defer db.guard(debug.SetPanicOnFault(true), &err)
	return db.f.each(visit)
}

// Close gives up a file handle that is kept for locks. The mapping goes when nobody reads it.
func (db *DB) Close() error {
	if db.locked == nil {
		return nil
	}
	return db.locked.close()
}

// sharedLock is one flock on one open file for any number of readers at once, as programs that write Berkeley DB files
// in place expect. The last reader gives it back. Readers who come after a turn's time wait for that: a writer would
// never have the file otherwise.
type sharedLock struct {
	mu      sync.Mutex
	file    *os.File
	opened  stamp // zero: not known yet
	readers int
	since   time.Time     // when the lock was taken
	free    chan struct{} // closed when the last reader of this turn is done
	closed  bool
}

// Times of sharedLock.
const (
	lockTurn  = 20 * time.Millisecond
	lockPause = time.Millisecond // between turns that follow each other at once, for a writer to wake up
)

// stamp tells whether a file was written.
type stamp struct {
	size         int64
	mtime, ctime syscall.Timespec
}

func stampOf(st fs.FileInfo) stamp {
	s := stamp{size: st.Size()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.mtime, s.ctime = sys.Mtim, sys.Ctim
	}
	return s
}

func (l *sharedLock) acquire() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.readers > 0 && time.Since(l.since) > lockTurn {
		free := l.free
		l.mu.Unlock()
		<-free
		time.Sleep(lockPause)
		l.mu.Lock()
	}
	if l.closed && l.readers == 0 {
		return fmt.Errorf("dbfile: %s: %w", l.file.Name(), fs.ErrClosed)
	}
	if l.readers == 0 {
		if err := l.lock(); err != nil {
			return err
		}
	}
	l.readers++
	return nil
}

// lock takes the lock, and finds that the file was written while we did not have it.
func (l *sharedLock) lock() error {
	if err := safefile.Lock(l.file, safefile.Shared); err != nil {
		return err
	}
	st, err := l.file.Stat()
	if err == nil && l.opened != (stamp{}) && stampOf(st) != l.opened {
		err = fmt.Errorf("dbfile: %s: %w", l.file.Name(), ErrChanged)
	}
	if err != nil {
		return errors.Join(err, safefile.Unlock(l.file))
	}
	l.since, l.free = time.Now(), make(chan struct{})
	return nil
}

func (l *sharedLock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers--; l.readers > 0 {
		return
	}
	close(l.free)
	if l.closed {
		l.file.Close()
	} else if err := safefile.Unlock(l.file); err != nil && !errors.Is(err, syscall.EBADF) {
		l.file.Close() // closing gives the lock back in any case
		l.closed = true
	}
}

func (l *sharedLock) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.readers > 0 {
		return nil
	}
	return l.file.Close()
}
