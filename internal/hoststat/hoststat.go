package hoststat

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
)

// ErrLocked means that another process is talking to the host (SingleThreadDelivery).
var ErrLocked = errors.New("host is in use")

// ErrName means that a host name cannot be a path.
var ErrName = errors.New("bad host name")

// version is that of the files (line V).
const version = 0

// Entry is what is known of a host.
type Entry struct {
	Host    string
	Errno   syscall.Errno // of the last connection attempt; 0 means none
	HErrno  int           // resolver error; 0 means none
	Exit    int           // sysexits code of the last attempt
	DSN     string        // RFC 3463 code; "" means none
	Reply   string        // the last reply; "" means none
	Updated time.Time
}

// Dir is a host status directory.
type Dir struct {
	Path  string
	Fresh time.Duration    // Timeout.hoststatus: older entries count no more
	Now   func() time.Time // nil means time.Now
	// Checks say whose files are trusted: nobody else may write to a file or to a directory above it.
	Checks safefile.Checker
}

func (d *Dir) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// file is the path of a host's file.
func (d *Dir) file(host string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if inner, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	for i, label := range labels {
		if label == "" || len(label) > 200 || strings.ContainsAny(label, "/\x00") {
			return "", fmt.Errorf("hoststat: %q: %w", host, ErrName)
		}
		if i < len(labels)-1 {
			labels[i] += "."
		}
	}
	return filepath.Join(append([]string{d.Path}, labels...)...), nil
}

// Get returns what is known of a host; ok is false where there is nothing or it is older than Fresh.
func (d *Dir) Get(host string) (e Entry, ok bool, err error) {
	path, err := d.file(host)
	if err != nil {
		return Entry{}, false, err
	}
	e, err = d.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, err
	}
	e.Host = host
	return e, d.now().Sub(e.Updated) <= d.Fresh, nil
}

// Put keeps what was learned of a host. Where another process holds the host, nothing is written: it will.
func (d *Dir) Put(e Entry) error {
	path, err := d.file(e.Host)
	if err != nil {
		return err
	}
	f, err := d.openFile(path)
	if err != nil {
		return fmt.Errorf("hoststat: put %s: %w", e.Host, err)
	}
	defer f.Close()
	if err := safefile.TryLock(f, safefile.Exclusive); err != nil {
		if errors.Is(err, safefile.ErrLocked) {
			return nil
		}
		return err
	}
	return e.write(f, d.now())
}

func (e *Entry) write(f *os.File, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "V%d\nE%d\nH%d\nS%d\n", version, int(e.Errno), e.HErrno, e.Exit)
	if e.DSN != "" {
		fmt.Fprintf(&b, "D%.80s\n", oneLine(e.DSN))
	}
	if e.Reply != "" {
		fmt.Fprintf(&b, "R%.80s\n", oneLine(e.Reply))
	}
	when := e.Updated
	if when.IsZero() {
		when = now
	}
	fmt.Fprintf(&b, "U%d\n.\n", when.Unix())
	if _, err := f.WriteAt([]byte(b.String()), 0); err != nil {
		return fmt.Errorf("hoststat: write: %w", err)
	}
	if err := f.Truncate(int64(b.Len())); err != nil {
		return fmt.Errorf("hoststat: write: %w", err)
	}
	return nil
}

func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", "").Replace(s) }

// openFile opens a host's file for writing and makes it and its directories where they are missing.
func (d *Dir) openFile(path string) (*os.File, error) {
	f, err := d.Checks.OpenWrite(path, safefile.HostStatusFile, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err = d.Checks.Create(path, safefile.HostStatusFile, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process made it
		return d.Checks.OpenWrite(path, safefile.HostStatusFile, 0)
	}
	return f, err
}

// Hold locks a host for this process until release is called: SingleThreadDelivery lets nobody else deliver to it
// meanwhile. Put by the holder must go through the returned put.
func (d *Dir) Hold(host string) (put func(Entry) error, release func() error, err error) {
	path, err := d.file(host)
	if err != nil {
		return nil, nil, err
	}
	f, err := d.openFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("hoststat: hold %s: %w", host, err)
	}
	if err := safefile.TryLock(f, safefile.Exclusive); err != nil {
		if errors.Is(err, safefile.ErrLocked) {
			err = ErrLocked
		}
		return nil, nil, errors.Join(fmt.Errorf("hoststat: hold %s: %w", host, err), f.Close())
	}
	return func(e Entry) error { return e.write(f, d.now()) }, f.Close, nil
}

// read reads a host's file.
func (d *Dir) read(path string) (Entry, error) {
	f, err := d.Checks.Open(path, safefile.HostStatusFile)
	if err != nil {
		return Entry{}, fmt.Errorf("hoststat: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 8192))
	if err != nil {
		return Entry{}, fmt.Errorf("hoststat: %w", err)
	}
	e, err := parse(string(text))
	if err != nil {
		return e, fmt.Errorf("hoststat: %s: %w", path, err)
	}
	return e, nil
}

// errNoStatus means that a file has none of the lines that it needs.
var errNoStatus = errors.New("could not read status file")

func parse(text string) (Entry, error) {
	var e Entry
	e.Updated = time.Unix(0, 0)
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if line == "." {
			break
		}
		if line == "" {
			return e, fmt.Errorf("line %d: Unknown host status line %q", n, line)
		}
		value := line[1:]
		num, _ := strconv.ParseInt(value, 10, 64)
		switch line[0] {
		case 'V':
			if num > version {
				return e, fmt.Errorf("line %d: Unknown host status version %d: %d max", n, num, version)
			}
		case 'E':
			e.Errno = syscall.Errno(num)
		case 'H':
			e.HErrno = int(num)
		case 'S':
			e.Exit = int(num)
		case 'D':
			e.DSN = value
		case 'R':
			e.Reply = value
		case 'U':
			e.Updated = time.Unix(num, 0)
		default:
			return e, fmt.Errorf("line %d: Unknown host status line %q", n, line)
		}
	}
	if n == 0 {
		return e, errNoStatus
	}
	return e, nil
}

// result is what hoststat prints about an entry.
func (e *Entry) result() string {
	switch {
	case e.Reply != "":
		return e.Reply
	case e.Exit == status.TempFail && e.Errno != 0:
		return "Deferred: " + safefile.Reason(e.Errno)
	case e.Exit == status.OK:
		return "OK"
	}
	s := status.FromExit(e.Exit)
	return s.Enhanced.String() + " " + s.Text
}
