package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
	"gosendmail/internal/safefile"
)

// spoolFiles is an entry as files of a directory.
type spoolFiles struct {
	spool  *Spool
	dir    *directory
	dfDir  *directory // where the df is: another one only when a qf's d line says so
	id     string
	letter byte // 'q', or 'h' while quarantined

	lock *os.File // the qf or hf, locked; nil before commit
	tf   *os.File // made and locked before the df, for a clone; else nil
	df   *os.File // being written, or nil
	buf  *bufio.Writer
	n    int64
	xf   *os.File
	// volatile says that the body was committed without an fsync.
	volatile bool
	// reopened says that the message was found in the queue: a transcript may be there that somebody who died left.
	reopened bool
	readers  atomic.Int32 // of the df
}

var bodyBuffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}

func (f *spoolFiles) qfPath() string { return filepath.Join(f.dir.qf, string(f.letter)+"f"+f.id) }
func (f *spoolFiles) tfPath() string { return filepath.Join(f.dir.qf, "tf"+f.id) }
func (f *spoolFiles) dfPath() string { return filepath.Join(f.dfDir.df, "df"+f.id) }
func (f *spoolFiles) xfPath() string { return filepath.Join(f.dir.xf, "xf"+f.id) }

// newFiles makes the data file of a new message in one of the group's directories, chosen at random among those
// with room.
func (g *Group) newFiles(id string) (*spoolFiles, string, error) {
	d, err := g.pick()
	if err != nil {
		return nil, "", err
	}
	f := &spoolFiles{spool: g.spool, dir: d, dfDir: d, letter: 'q'}
	if err := f.claim(id, func(path string) error {
		f.df, err = d.dfSync.create(path, g.spool.cfg.FileMode)
		return err
	}); err != nil {
		return nil, "", err
	}
	if err := safefile.TryLock(f.df, safefile.Exclusive); err != nil { // tells Recover that somebody still writes
		return nil, "", errors.Join(err, f.remove())
	}
	f.buf = bodyBuffers.Get().(*bufio.Writer)
	f.buf.Reset(f.df)
	g.spool.failpoint("df-created")
	return f, f.id, nil
}

// claim finds an ID under which nothing is there yet, trying id first unless it is ""; create makes the data file and
// fails where the name is taken.
func (f *spoolFiles) claim(id string, create func(path string) error) error {
	for range idPerSecond {
		if f.id = id; id == "" {
			f.id = f.spool.ids.next()
		}
		id = ""
		err := create(f.dfPath())
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return fmt.Errorf("no free queue identifier in %s", f.dir.path)
}

func (g *Group) pick() (*directory, error) {
	start := 0
	if len(g.dirs) > 1 {
		start = rand.IntN(len(g.dirs))
	}
	for i := range g.dirs {
		d := g.dirs[(start+i)%len(g.dirs)]
		ok, err := d.enough(g.spool.cfg.MinFreeBlocks, 0)
		if err != nil {
			return nil, err
		}
		if ok {
			return d, nil
		}
	}
	return nil, ErrNoSpace
}

func (f *spoolFiles) Write(p []byte) (int, error) {
	if f.buf == nil {
		return 0, ErrState
	}
	n, err := f.buf.Write(p)
	f.n += int64(n)
	return n, err
}

func (f *spoolFiles) size() int64 { return f.n }

// commit is S1 to S3.
func (f *spoolFiles) commit(env *envelope.Envelope, durable bool) error {
	f.letter = letterOf(env)
	if err := f.flushBody(); err != nil {
		return err
	}
	f.spool.failpoint("df-written")
	synced := f.syncingBody(durable)
	tf, err := f.writeControl(env, durable)
	if err := errors.Join(synced(), err); err != nil {
		return errors.Join(err, f.dropTemp(tf))
	}
	f.spool.failpoint("tf-synced")
	if durable && f.dir.dfSync != f.dir.qfSync {
		if err := f.dir.dfSync.sync(); err != nil {
			return errors.Join(err, f.dropTemp(tf))
		}
	}
	if err := renameNew(f.tfPath(), f.qfPath()); err != nil {
		return errors.Join(err, f.dropTemp(tf))
	}
	f.spool.failpoint("qf-renamed")
	if durable {
		if err := f.dir.qfSync.sync(); err != nil {
			return errors.Join(err, os.Remove(f.qfPath()), tf.Close())
		}
	}
	f.spool.failpoint("dir-synced")
	f.lock, f.volatile = tf, !durable
	if f.spool.cfg.Spares > 0 { // the df may be of use again
		f.releaseBuffer()
		return nil
	}
	return f.closeBody()
}

// syncingBody makes the df durable, while the control file is written where no other message is being committed: then
// both wait for the disk together, else a thread more would only cost. The function returns how it ended.
func (f *spoolFiles) syncingBody(durable bool) func() error {
	if !durable || f.df == nil {
		return func() error { return nil }
	}
	if n := f.spool.committing.Add(1); n > 2 {
		return func() error { defer f.spool.committing.Add(-1); return f.df.Sync() }
	}
	body := guard.Start("sync of "+f.df.Name(), f.df.Sync)
	return func() error { defer f.spool.committing.Add(-1); return <-body }
}

func letterOf(env *envelope.Envelope) byte {
	if env.QuarantineReason != "" {
		return 'h'
	}
	return 'q'
}

// flushBody writes out what is still buffered.
func (f *spoolFiles) flushBody() error {
	if f.buf == nil {
		return nil
	}
	err := f.buf.Flush()
	if err == nil {
		f.releaseBuffer()
	}
	return err
}

func (f *spoolFiles) releaseBuffer() {
	if f.buf != nil {
		f.buf.Reset(nil)
		bodyBuffers.Put(f.buf)
		f.buf = nil
	}
}

func (f *spoolFiles) closeBody() error {
	f.releaseBuffer()
	if f.df == nil {
		return nil
	}
	err := f.df.Close()
	f.df = nil
	return err
}

// writeControl writes tf, locked. A file is returned also with an error, to be dropped.
func (f *spoolFiles) writeControl(env *envelope.Envelope, durable bool) (*os.File, error) {
	tf, err := f.newControl()
	if err != nil {
		return tf, err
	}
	c := Control{Envelope: env}
	if f.lock != nil {
		c.Data = f.inode()
		if err := keepOwner(tf, f.lock); err != nil {
			return tf, err
		}
	}
	if f.dfDir != f.dir {
		c.DataDir = f.dfDir.path
	}
	if _, err := tf.Write(AppendControl(make([]byte, 0, 2048), &c)); err != nil {
		return tf, err
	}
	f.spool.failpoint("tf-written")
	if durable {
		return tf, tf.Sync()
	}
	return tf, nil
}

// newControl makes tf, locked. A file is returned also with an error, to be dropped.
func (f *spoolFiles) newControl() (*os.File, error) {
	if tf := f.tf; tf != nil {
		f.tf = nil
		return tf, nil
	}
	tf, err := f.dir.qfSync.create(f.tfPath(), f.spool.cfg.FileMode)
	if err != nil {
		return nil, err
	}
	f.spool.failpoint("tf-created")
	return tf, safefile.TryLock(tf, safefile.Exclusive)
}

// keepOwner gives tf the owner of the control file that it replaces, where root rewrites a submission queue.
func keepOwner(tf, old *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(old.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: old.Name(), Err: err}
	}
	if st.Uid == 0 && st.Gid == 0 {
		return nil
	}
	return tf.Chown(int(st.Uid), int(st.Gid))
}

func (f *spoolFiles) dropTemp(tf *os.File) error {
	if tf == nil {
		return nil
	}
	return errors.Join(os.Remove(f.tfPath()), tf.Close())
}

// renameNew renames unless the new name is taken.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // file systems that cannot: NFS, old kernels
		if err = os.Link(from, to); err == nil {
			err = os.Remove(from)
		}
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// syncBody makes up for a commit without fsync.
func (f *spoolFiles) syncBody() error {
	df, err := os.Open(f.dfPath())
	if err != nil {
		return err
	}
	if err := errors.Join(df.Sync(), df.Close()); err != nil {
		return err
	}
	f.volatile = false
	return f.dfDir.dfSync.sync()
}

// inode is where the data file is, for line I; zero where it cannot be told.
func (f *spoolFiles) inode() Inode {
	var st unix.Stat_t
	if unix.Stat(f.dfPath(), &st) != nil {
		return Inode{}
	}
	dev := uint64(st.Dev)
	return Inode{Major: unix.Major(dev), Minor: unix.Minor(dev), Ino: st.Ino}
}

// update replaces the control file.
func (f *spoolFiles) update(env *envelope.Envelope) error {
	if err := os.Remove(f.tfPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // an unfinished update of somebody who died; we hold the lock
	}
	durable := f.spool.cfg.SuperSafe != SafeFalse
	if durable && f.volatile {
		if err := f.syncBody(); err != nil {
			return err
		}
	}
	tf, err := f.writeControl(env, durable)
	if err != nil {
		return errors.Join(err, f.dropTemp(tf))
	}
	f.spool.failpoint("update-written")
	old := f.qfPath()
	letter := f.letter
	f.letter = letterOf(env)
	if err := os.Rename(f.tfPath(), f.qfPath()); err != nil {
		f.letter = letter
		return errors.Join(err, f.dropTemp(tf))
	}
	f.spool.failpoint("update-renamed")
	if f.letter != letter {
		if err := os.Remove(old); err != nil {
			return errors.Join(err, tf.Close())
		}
	}
	err = f.lock.Close()
	f.lock = tf
	if durable {
		err = errors.Join(err, f.dir.qfSync.sync())
	}
	return err
}

// clone links the data file under a new ID, or copies it where links are not possible. The control file comes first: a
// df that is as old as the message, that nobody has locked and that has no control file, is litter to others.
func (f *spoolFiles) clone(to *Group) (storage, string, error) {
	if err := f.flushBody(); err != nil {
		return nil, "", err
	}
	d := f.dir
	if to != nil && !to.has(d) {
		var err error
		if d, err = to.pick(); err != nil {
			return nil, "", err
		}
	}
	c := &spoolFiles{spool: f.spool, dir: d, dfDir: d, letter: 'q', n: f.n}
	if err := c.claim("", c.reserve); err != nil {
		return nil, "", err
	}
	f.spool.failpoint("clone-reserved")
	if err := c.shareBody(f); err != nil {
		return nil, "", errors.Join(err, c.remove())
	}
	f.spool.failpoint("clone-linked")
	return c, c.id, nil
}

// reserve makes the tf of a clone, and fails where anything of that ID is there.
func (f *spoolFiles) reserve(string) error {
	for _, path := range []string{f.dfPath(), f.qfPath()} {
		if _, err := os.Lstat(path); err == nil {
			return fs.ErrExist
		}
	}
	tf, err := f.newControl()
	if err != nil {
		return errors.Join(err, f.dropTemp(tf))
	}
	f.tf = tf
	return nil
}

// shareBody gives f the data file of another entry.
func (f *spoolFiles) shareBody(of *spoolFiles) error {
	err := os.Link(of.dfPath(), f.dfPath())
	if err == nil {
		f.df, err = os.OpenFile(f.dfPath(), os.O_RDWR, 0)
		return err
	}
	if f.df, err = safefile.CreateNew(f.dfPath(), f.spool.cfg.FileMode); err != nil {
		return err
	}
	src, err := of.open()
	if err != nil {
		return err
	}
	_, err = io.Copy(f.df, src)
	return errors.Join(err, src.Close())
}

func (g *Group) has(d *directory) bool {
	for _, own := range g.dirs {
		if own == d {
			return true
		}
	}
	return false
}

func (f *spoolFiles) transcript() (*os.File, error) {
	if f.xf != nil {
		return f.xf, nil
	}
	path := f.xfPath()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // left by somebody who died
	}
	xf, err := safefile.CreateNew(path, f.spool.cfg.FileMode)
	f.xf = xf
	return xf, err
}

func (f *spoolFiles) openTranscript() (io.ReadCloser, error) {
	if f.xf == nil {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return os.Open(f.xfPath())
}

func (f *spoolFiles) dropTranscript() error {
	if f.xf == nil {
		return nil
	}
	err := errors.Join(removeIfThere(f.xfPath()), f.xf.Close())
	f.xf = nil
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remove takes everything away, the control file first.
func (f *spoolFiles) remove() error {
	if f.lock != nil {
		kept, err := f.retire(f.dir.qfSync, f.lock, f.qfPath())
		if err != nil {
			return errors.Join(err, f.close())
		}
		if kept {
			f.lock = nil
		}
		f.spool.failpoint("qf-removed")
		if f.dir.qfSync != f.dfDir.dfSync { // these keep no order between them: the qf must not come back alone
			if err := f.dir.qfSync.sync(); err != nil {
				return errors.Join(err, f.close())
			}
		}
	}
	err := f.dropTemp(f.tf)
	f.tf = nil
	if f.id != "" {
		var kept bool
		f.releaseBuffer()
		var gone error
		if kept, gone = f.retire(f.dfDir.dfSync, f.df, f.dfPath()); kept {
			f.df = nil
		}
		err = errors.Join(err, gone)
	}
	f.spool.failpoint("df-removed")
	if f.reopened && f.xf == nil {
		if gone := unix.Unlink(f.xfPath()); gone != nil && gone != unix.ENOENT && gone != unix.EISDIR {
			err = errors.Join(err, &fs.PathError{Op: "remove", Path: f.xfPath(), Err: gone})
		}
	}
	return errors.Join(err, f.close())
}

func (f *spoolFiles) lose(error) error {
	err := os.Rename(f.qfPath(), filepath.Join(f.dir.qf, "Qf"+f.id))
	return errors.Join(err, f.close())
}

func (f *spoolFiles) close() error {
	err := errors.Join(f.closeBody(), f.dropTranscript())
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}
