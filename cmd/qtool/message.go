package main

//lint:file-ignore ST1005 the original's words

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbtool"
)

// message is a message of a queue: the directories of its files and its ID.
type message struct {
	dir, dataDir string
	prefix, id   string
	elsewhere    bool // line d of the control file names dataDir
}

// message finds out where a message's data file is.
func (t *tool) message(dir, dataDir, id string) *message {
	m := &message{dir, dataDir, t.prefix(), id, false}
	if _, err := os.Lstat(m.data()); err == nil {
		return m
	}
	text, err := os.ReadFile(m.control())
	if err != nil {
		return m
	}
	if d := lineOf(text, 'd'); d != "" {
		if !filepath.IsAbs(d) {
			d = filepath.Join(t.root, d)
		}
		m.dataDir, m.elsewhere = beside(d, "df"), true
	}
	return m
}

// lineOf is the text of the first line of a control file that begins with a letter.
func lineOf(control []byte, letter byte) string {
	for l := range bytes.Lines(control) {
		if l[0] == letter {
			return string(bytes.TrimRight(l[1:], "\n"))
		}
	}
	return ""
}

func (m *message) control() string { return filepath.Join(m.dir, m.prefix+m.id) }
func (m *message) data() string    { return filepath.Join(m.dataDir, "df"+m.id) }

// lock opens a file and locks it as servers do, so that none of them works on the message.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("Unable to open '%s': %w", path, reason(err))
	}
	if err := safefile.TryLock(f, safefile.Exclusive); err != nil {
		f.Close()
		return nil, fmt.Errorf("Could not obtain lock on '%s': %w", path, reason(err))
	}
	named, err := safefile.IsNamed(f, path)
	if err == nil && !named {
		err = errors.New("it was just replaced")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("Could not obtain lock on '%s': %w", path, reason(err))
	}
	return f, nil
}

// reason is an error without the path.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// move moves the message into the directories of another queue, whose name is to.
func (m *message) move(dir, dataDir, to string) error {
	qf, err := lock(m.control())
	if err != nil {
		return err
	}
	defer qf.Close()
	for _, letter := range []string{"qf", "hf", "Qf", "tf"} {
		if _, err := os.Lstat(filepath.Join(dir, letter+m.id)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("There is already a queued message with id '%s' in '%s'", m.id, to)
		}
	}
	df, err := lock(m.data())
	if err != nil {
		return err
	}
	defer df.Close()
	there := &message{dir: dir, dataDir: dataDir, prefix: m.prefix, id: m.id}
	err = m.rename(there)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, errElsewhere) {
		err = m.copy(there, qf, df)
	}
	if err != nil {
		return fmt.Errorf("File move from '%s' to '%s' failed: %w", m.control(), dir, err)
	}
	return errors.Join(os.Remove(m.data()), sync(m.dataDir))
}

var errElsewhere = errors.New("line d of the control file would be wrong")

// rename gives the files their new names; the data file keeps the old one too.
func (m *message) rename(there *message) error {
	if m.elsewhere {
		return errElsewhere
	}
	if err := os.Link(m.data(), there.data()); err != nil {
		return err
	}
	err := sync(there.dataDir)
	if err == nil {
		err = renameNew(m.control(), there.control())
	}
	if err != nil {
		return errors.Join(err, os.Remove(there.data()))
	}
	return errors.Join(sync(there.dir), sync(m.dir))
}

// renameNew renames a file unless the new name is taken.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // file systems that cannot: NFS
		if err = os.Link(from, to); err == nil {
			err = os.Remove(from)
		}
	}
	return err
}

// copy makes new files and removes the old control file. All that was made is removed where something fails.
func (m *message) copy(there *message, qf, df *os.File) error {
	text, err := io.ReadAll(qf)
	if err != nil {
		return err
	}
	tf := filepath.Join(there.dir, "tf"+there.id)
	control, err := create(tf, withoutData(text), qf)
	if err != nil {
		return err
	}
	defer control.Close()
	data, err := create(there.data(), df, df)
	if err != nil {
		return errors.Join(err, os.Remove(tf))
	}
	defer data.Close()
	if err = errors.Join(sync(there.dataDir), sync(there.dir)); err == nil {
		err = os.Link(tf, there.control())
	}
	if err != nil {
		return errors.Join(err, os.Remove(there.data()), os.Remove(tf))
	}
	return errors.Join(os.Remove(tf), sync(there.dir), os.Remove(m.control()), sync(m.dir))
}

// withoutData is a control file without lines d and I, which say where the data file is.
func withoutData(text []byte) io.Reader {
	var b bytes.Buffer
	for l := range bytes.Lines(text) {
		if l[0] != 'd' && l[0] != 'I' {
			b.Write(l)
		}
	}
	return &b
}

// create makes a file, locked, with a text, and with the owner and mode of another.
func create(path string, text io.Reader, like *os.File) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(like.Fd()), &st); err != nil {
		return nil, err
	}
	f, err := safefile.CreateNew(path, fs.FileMode(st.Mode&0o777))
	if err != nil {
		return nil, err
	}
	err = safefile.TryLock(f, safefile.Exclusive)
	if err == nil {
		_, err = io.Copy(f, text)
	}
	if err == nil && os.Geteuid() == 0 {
		err = f.Chown(int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// delete removes the message, the control file first.
func (m *message) delete() error {
	qf, err := lock(m.control())
	if err != nil {
		return err
	}
	defer qf.Close()
	if err := errors.Join(os.Remove(m.control()), sync(m.dir)); err != nil {
		return fmt.Errorf("Unable to delete %s: %w", m.control(), reason(err))
	}
	if err := os.Remove(m.data()); err != nil {
		return fmt.Errorf("Unable to delete %s: %w", m.data(), reason(err))
	}
	return nil
}

// sync makes names durable.
func sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// bounce has sendmail return the message to its sender.
func (t *tool) bounce(ctx context.Context, m *message) error {
	args := []string{"-qI" + m.id, "-O", "Timeout.queuereturn=now"}
	if t.config != dbtool.DefaultCF {
		args = append(args, "-C"+t.config)
	}
	if t.quarantined {
		args = append(args, "-qQ")
	}
	cmd := exec.CommandContext(ctx, t.sendmail, args...)
	cmd.Stdout, cmd.Stderr = t.out, t.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s of %s: %w", t.sendmail, m.id, err)
	}
	return nil
}
