package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"gosendmail/internal/safefile"
)

// maxSpareSize is the longest file that is kept, bytes: what was removed shall not take much room.
const maxSpareSize = 64 << 10

// spares are files of messages that were dealt with, kept empty for the next ones: to make and to remove a file is what
// a message costs most (ext4 without a journal looks at each inode freed within the last minute before it takes
// another).
//
// They have names of litter, so that Recover removes what a crash leaves, and are locked. Until the directory was
// synced after a file got such a name nothing is written to it: a power failure could bring the old name back, and
// under it must be the old text.
type spares struct {
	prefix string // of the names
	max    int    // 0: none are kept

	mu      sync.Mutex
	made    int     // names given
	count   int     // files in all states
	retired []spare // since the running sync began
	ready   []spare
}

type spare struct {
	file *os.File // locked; open for reading and writing
	path string
}

func (s spare) drop() error { return errors.Join(removeIfThere(s.path), s.file.Close()) }

// keep takes a file over from a name in dir; false: it was left alone.
func (p *spares) keep(dir string, file *os.File, name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count >= p.max {
		return false
	}
	s := spare{file, filepath.Join(dir, fmt.Sprintf("%sSpare%dn%d", p.prefix, os.Getpid(), p.made))}
	p.made++
	if renameNew(name, s.path) != nil {
		return false
	}
	p.count++
	p.retired = append(p.retired, s)
	return true
}

// take hands out an empty file.
func (p *spares) take() (spare, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.ready)
	if n == 0 {
		return spare{}, false
	}
	s := p.ready[n-1]
	p.ready = p.ready[:n-1]
	p.count--
	return s, true
}

func (p *spares) giveBack(s spare) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.ready = append(p.ready, s)
}

// syncing begins a sync of the directory; its end makes what was retired before usable.
func (p *spares) syncing() (done func(error)) {
	p.mu.Lock()
	list := p.retired
	p.retired = nil
	p.mu.Unlock()
	return func(err error) {
		for _, s := range list {
			p.settle(s, err)
		}
	}
}

// settle empties a file whose new name is durable.
func (p *spares) settle(s spare, err error) {
	if err == nil {
		err = s.file.Truncate(0)
	}
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.max == 0 {
		p.count--
		_ = s.drop() // litter, at worst
		return
	}
	p.ready = append(p.ready, s)
}

// close removes them; none are kept any more.
func (p *spares) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range append(p.retired, p.ready...) {
		errs = append(errs, s.drop())
		p.count--
	}
	p.max, p.retired, p.ready = 0, nil, nil
	return errors.Join(errs...)
}

// create makes a file as safefile.CreateNew does, out of a spare one where there is one; a lock on it is held then.
func (d *dirSync) create(path string, perm fs.FileMode) (*os.File, error) {
	for {
		s, ok := d.spares.take()
		if !ok {
			return safefile.CreateNew(path, perm)
		}
		err := renameNew(s.path, path)
		if err == nil {
			return s.file, nil
		}
		if errors.Is(err, fs.ErrExist) {
			d.spares.giveBack(s)
			return nil, err
		}
		_ = s.file.Close() // somebody removed it
	}
}

// retire ends a file of the message: it is removed, or becomes a spare, and then it is not the caller's any more.
func (f *spoolFiles) retire(d *dirSync, file *os.File, path string) (kept bool, err error) {
	if file != nil && f.spool.cfg.Spares > 0 && f.reusable(file) && d.spares.keep(d.dir.Name(), file, path) {
		return true, nil
	}
	return false, removeIfThere(path)
}

// reusable reports whether a file is as a new one would be, and nobody's but ours.
func (f *spoolFiles) reusable(file *os.File) bool {
	var st unix.Stat_t
	return f.readers.Load() == 0 && unix.Fstat(int(file.Fd()), &st) == nil && st.Nlink == 1 && st.Size <= maxSpareSize &&
		int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() && fs.FileMode(st.Mode&0o7777) == f.spool.cfg.FileMode
}

// body is the data file, opened to be read; as long as it is open the file is not used for another message.
type body struct {
	*os.File
	of   *spoolFiles
	once sync.Once
}

func (b *body) Close() error {
	b.once.Do(func() { b.of.readers.Add(-1) })
	return b.File.Close()
}

func (f *spoolFiles) open() (io.ReadCloser, error) {
	f.readers.Add(1)
	file, err := os.Open(f.dfPath())
	if err != nil {
		f.readers.Add(-1)
		return nil, err
	}
	return &body{File: file, of: f}, nil
}
