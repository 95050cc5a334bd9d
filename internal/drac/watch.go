package drac

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"

	"gosendmail/internal/safefile"
)

// maxLogLine is where a line of a log is cut, bytes: a writer that never ends its line must not fill the memory.
const maxLogLine = 64 << 10

// Watcher adds the clients that it sees log in to a POP or IMAP server in that server's log, where the server speaks no
// DRAC.
type Watcher struct {
	Table  *Table
	Logins *Logins
	// Log is told of additions and failures, one line each; nil: nothing is told.
	Log func(format string, args ...any)

	pending map[netip.Addr]string // seen and not yet in the table, with the server that logged it
}

// Follow reads what is written to log files from now on until ctx ends. A file that is replaced, as logrotate does it,
// is read to its end and its successor from the beginning; so is a file that is not there yet. A file that is emptied
// is read from its beginning again.
func (w *Watcher) Follow(ctx context.Context, names ...string) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("drac: watch: %w", err)
	}
	defer notify.Close()
	var tails []*tail
	defer func() {
		for _, t := range tails {
			t.close()
		}
	}()
	for _, name := range names {
		name, err := filepath.Abs(name)
		if err != nil {
			return fmt.Errorf("drac: watch: %w", err)
		}
		// The folder, and before the file is opened: else a replacement in between would go unseen.
		if err := notify.Add(filepath.Dir(name)); err != nil {
			return fmt.Errorf("drac: watch %s: %w", name, err)
		}
		t := &tail{name: name}
		if err := t.open(io.SeekEnd); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drac: watch: %w", err)
		}
		tails = append(tails, t)
	}
	w.log("watching %s", strings.Join(names, ", "))
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-notify.Errors: // events were lost: look everywhere
			w.log("watch: %v", err)
			w.look(tails, "")
		case ev := <-notify.Events:
			w.look(tails, ev.Name)
		}
	}
}

// look reads what is new in the file of that name, or in all.
func (w *Watcher) look(tails []*tail, name string) {
	for _, t := range tails {
		if name != "" && t.name != name {
			continue
		}
		if err := t.read(w.line); err != nil {
			w.log("watch: %v", err)
		}
	}
	w.add()
}

// Read takes a log from a stream, such as the output of journalctl, until it ends.
func (w *Watcher) Read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			w.add()
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("drac: watch: %w", err)
		}
		w.line(string(line))
		for more && err == nil {
			_, more, err = lines.ReadLine()
		}
		if lines.Buffered() == 0 {
			w.add()
		}
	}
}

func (w *Watcher) line(text string) {
	addr, server, ok := w.Logins.Line(text)
	if !ok {
		return
	}
	if w.pending == nil {
		w.pending = map[netip.Addr]string{}
	}
	w.pending[addr] = server
}

// add puts what was seen into the table at once. What the table does not take is tried again with the next login.
func (w *Watcher) add() {
	if len(w.pending) == 0 {
		return
	}
	addrs := make([]netip.Addr, 0, len(w.pending))
	for a := range w.pending {
		addrs = append(addrs, a)
	}
	if err := w.Table.Add(addrs...); err != nil {
		w.log("%v", err)
		return
	}
	for a, server := range w.pending {
		w.log("added %s, logged in by %s", a, server)
	}
	clear(w.pending)
}

func (w *Watcher) log(format string, args ...any) {
	if w.Log != nil {
		w.Log(format, args...)
	}
}

// tail is a log file and how far it has been read.
type tail struct {
	name    string
	file    *os.File // nil: not there yet
	offset  int64
	partial []byte // the beginning of a line that is not whole yet
}

// open opens the file and goes to its beginning or end.
func (t *tail) open(whence int) error {
	f, err := openLog(t.name)
	if errors.Is(err, safefile.NotRegular) {
		return fmt.Errorf("%s is no plain file; give its content on standard input, with - as its name", t.name)
	}
	if err != nil {
		return err
	}
	if t.offset, err = f.Seek(0, whence); err != nil {
		f.Close()
		return err
	}
	t.close()
	t.file, t.partial = f, nil
	return nil
}

func (t *tail) close() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}

// read gives the new lines, and goes on to the file that has taken the place of an old one.
func (t *tail) read(line func(string)) error {
	for {
		if t.file != nil {
			if err := t.lines(line); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		now, err := os.Stat(t.name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // between rename and create
		}
		if err != nil {
			return err
		}
		if t.file != nil {
			if old, err := t.file.Stat(); err == nil && os.SameFile(old, now) {
				return nil
			}
		}
		if err := t.open(io.SeekStart); err != nil {
			return err
		}
	}
}

// lines reads to the end of the open file.
func (t *tail) lines(line func(string)) error {
	if info, err := t.file.Stat(); err == nil && info.Size() < t.offset {
		t.offset, t.partial = 0, nil
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := t.file.ReadAt(buf, t.offset)
		t.offset += int64(n)
		t.split(buf[:n], line)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// split cuts text into lines and keeps what has no end yet.
func (t *tail) split(text []byte, line func(string)) {
	for {
		head, rest, whole := bytes.Cut(text, []byte("\n"))
		if room := maxLogLine - len(t.partial); room > 0 {
			t.partial = append(t.partial, head[:min(len(head), room)]...)
		}
		if !whole {
			return
		}
		line(string(t.partial))
		t.partial, text = t.partial[:0], rest
	}
}
