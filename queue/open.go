package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosendmail/internal/envelope"
	"gosendmail/internal/safefile"
)

// maxControl limits the control file that is read into memory, bytes.
const maxControl = 64 << 20

// Find returns where the message with that ID is, quarantined ones included.
func (s *Spool) Find(id string) (*Item, error) {
	if !validID(id) {
		return nil, fmt.Errorf("queue: find %q: not a queue identifier", id)
	}
	for _, g := range s.groups {
		for _, d := range g.dirs {
			for _, letter := range []byte{'q', 'h'} {
				it := &Item{ID: id, Group: g, dir: d, letter: letter}
				if _, err := os.Lstat(it.Path()); err == nil {
					return it, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("queue: find %s: %w", id, ErrGone)
}

// Open locks an item and reads its control file. ErrLocked where somebody works on it, ErrGone where it is dealt with.
// A control file that is cut off, bogus or not to be trusted is set aside as Qf, and the error says why. A lost message
// that can be read is an ordinary one from then on.
func (s *Spool) Open(it *Item) (*Entry, *envelope.Envelope, error) {
	st := &spoolFiles{spool: s, dir: it.dir, dfDir: it.dir, id: it.ID, letter: it.letter, reopened: true}
	env, err := st.openControl()
	if err != nil {
		return nil, nil, fmt.Errorf("queue: open %s: %w", it.ID, err)
	}
	env.ID = it.ID
	env.Open = st.open
	return &Entry{id: it.ID, group: it.Group, st: st, state: queued}, env, nil
}

// openControl takes the lock, makes sure of the file and reads it.
func (f *spoolFiles) openControl() (*envelope.Envelope, error) {
	fd, err := unix.Open(f.qfPath(), unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.qfPath(), Err: err}
	}
	f.lock = os.NewFile(uintptr(fd), f.qfPath())
	env, err := f.readLocked()
	if err != nil && f.lock != nil {
		err = errors.Join(err, f.close())
	}
	return env, err
}

func (f *spoolFiles) readLocked() (*envelope.Envelope, error) {
	if err := safefile.TryLock(f.lock, safefile.Exclusive); err != nil {
		if errors.Is(err, safefile.ErrLocked) {
			return nil, ErrLocked
		}
		return nil, err
	}
	if same, err := safefile.IsNamed(f.lock, f.qfPath()); err != nil || !same {
		return nil, errors.Join(ErrGone, err)
	}
	info, err := f.lock.Stat()
	if err != nil {
		return nil, err
	}
	if err := f.trusted(info); err != nil {
		return nil, f.setAside(err)
	}
	data, err := io.ReadAll(io.LimitReader(f.lock, maxControl+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxControl {
		return nil, f.setAside(errors.New("control file too long"))
	}
	c, err := ParseControl(data)
	if err != nil {
		return nil, f.setAside(err)
	}
	if err := f.checkPart(c.Envelope); err != nil {
		return nil, err
	}
	if f.letter == 'q' && c.Held {
		return nil, f.hold()
	}
	if err := f.findBody(c); err != nil {
		return nil, err
	}
	f.complain(c.Complaints)
	c.Envelope.Size = f.n + headerSize(c.Envelope.Header)
	if f.letter == 'Q' {
		return c.Envelope, f.restore(c.Envelope)
	}
	return c.Envelope, nil
}

// restore makes an ordinary message of a lost one that can be read after all. One that is quarantined stays so, and is
// gone for this run.
func (f *spoolFiles) restore(env *envelope.Envelope) error {
	lost := f.qfPath()
	f.letter = letterOf(env)
	if err := renameNew(lost, f.qfPath()); err != nil {
		f.letter = 'Q'
		return err
	}
	err := f.dir.qfSync.sync()
	if f.letter == 'h' {
		err = errors.Join(ErrGone, err)
	}
	return err
}

// hold makes a quarantined message of one whose control file says that it is one, but whose name does not.
func (f *spoolFiles) hold() error {
	path := f.qfPath()
	f.letter = 'h'
	if err := renameNew(path, f.qfPath()); err != nil {
		return err
	}
	return errors.Join(ErrGone, f.dir.qfSync.sync())
}

// complain tells what was passed over in the control file.
func (f *spoolFiles) complain(texts []string) {
	for _, text := range texts {
		if f.spool.cfg.Complain != nil {
			f.spool.cfg.Complain(f.id, text)
		}
	}
}

// checkPart ends a message that was being split from another when the process died: as long as that one does not name
// it, its recipients are still there and will be split off again, or were. ErrGone then. A message that counts stands
// by itself from now on.
func (f *spoolFiles) checkPart(env *envelope.Envelope) error {
	if env.PartOf == "" {
		return nil
	}
	counts, err := f.spool.hasPart(env.PartOf, f.id)
	if err != nil {
		return err
	}
	if !counts {
		err := f.remove()
		f.lock = nil
		return errors.Join(ErrGone, err)
	}
	env.PartOf = ""
	return nil
}

// hasPart reports whether the message whole names part as split from it. It needs no lock: who splits whole now has
// parts of his own. Where whole is gone its parts had come to stand by themselves before (Adopt).
func (s *Spool) hasPart(whole, part string) (bool, error) {
	for _, d := range s.directories() {
		for _, letter := range []string{"q", "h", "Q"} {
			data, err := os.ReadFile(filepath.Join(d.qf, letter+"f"+whole))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return false, err
			}
			c, err := ParseControl(data)
			if err != nil {
				return false, fmt.Errorf("part of %s: %w", whole, err)
			}
			return slices.Contains(c.Envelope.Parts, part), nil
		}
	}
	return false, nil
}

// Adopt lets a message that was split from another stand by itself, so that the other may go. One that is gone was
// dealt with; ErrLocked where somebody works on it.
func (s *Spool) Adopt(id string) error {
	it, err := s.Find(id)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	data, err := os.ReadFile(it.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: adopt %s: %w", id, err)
	}
	if c, err := ParseControl(data); err != nil || c.Envelope.PartOf == "" {
		return nil // it does, or is no message
	}
	e, env, err := s.Open(it)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(e.Update(env), e.Close())
}

// setAside renames a qf that cannot be used to Qf, tells about it, and returns the reason.
func (f *spoolFiles) setAside(reason error) error {
	path, id := f.qfPath(), f.id
	if err := f.lose(reason); err != nil {
		return errors.Join(reason, err)
	}
	if f.spool.cfg.Lost == nil {
		return reason
	}
	f.spool.cfg.Lost(id, path, reason)
	return &lostError{reason}
}

// trusted tells whether only root, this process's user, the trusted user, or a set-gid submission program can have
// written the control file.
func (f *spoolFiles) trusted(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return errors.New("bogus queue file: not a regular file")
	}
	loose := info.Mode().Perm() &^ f.spool.cfg.FileMode & 0o022
	if loose != 0 || !f.trustedOwner(int(st.Uid), int(st.Gid)) {
		return &ownerError{st.Uid, st.Gid, st.Mode}
	}
	return nil
}

// trustedOwner reports whether a file of that owner can be ours. In the submission queue files belong to whoever
// called the set-gid program: there the directory's group, to which only that program gives access, vouches for them.
func (f *spoolFiles) trustedOwner(uid, gid int) bool {
	cfg := &f.spool.cfg
	return uid == 0 || uid == os.Geteuid() || cfg.TrustedUID != 0 && uid == cfg.TrustedUID ||
		f.dir.group >= 0 && gid == f.dir.group
}

// findBody looks for the data file, in the directory that line d names where there is one.
func (f *spoolFiles) findBody(c *Control) error {
	if c.DataDir != "" {
		d := f.spool.directoryOf(c.DataDir)
		if d == nil {
			return f.setAside(ErrPlace)
		}
		f.dfDir = d
	}
	info, err := os.Lstat(f.dfPath())
	if errors.Is(err, fs.ErrNotExist) {
		return f.setAside(fmt.Errorf("no data file %s: %w", f.dfPath(), err))
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("data file %s is not a regular file", f.dfPath())
	}
	f.n = info.Size()
	return nil
}

// directoryOf finds a configured directory by its path, or by that of its df subdirectory.
func (s *Spool) directoryOf(path string) *directory {
	path = filepath.Clean(path)
	for _, g := range s.groups {
		for _, d := range g.dirs {
			if d.path == path || d.df == path {
				return d
			}
		}
	}
	return nil
}

// headerSize is about what the header takes on the wire.
func headerSize(header []envelope.Field) int64 {
	var n int64
	for i := range header {
		n += int64(len(header[i].Name) + len(header[i].Value) + 2)
	}
	return n
}

// Quarantine sets, changes or (reason "") lifts the quarantine of an item that nobody works on. It returns the reason
// that it had.
func (s *Spool) Quarantine(it *Item, reason string) (string, error) {
	e, env, err := s.Open(it)
	if err != nil {
		return "", err
	}
	before := env.QuarantineReason
	env.QuarantineReason = strings.TrimSpace(reason)
	if before != env.QuarantineReason {
		err = e.Update(env)
	}
	return before, errors.Join(err, e.Close())
}
