package mailers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/status"
)

// store puts a message where the order says, all of it or nothing. It runs with the rights of the owner.
func store(ctx context.Context, o order, message io.Reader) status.Status {
	var err error
	switch o.Kind {
	case "file", "mbox":
		err = appendTo(ctx, o, message)
	case "maildir":
		err = addToMaildir(o, message)
	default:
		err = fmt.Errorf("mailers: order of kind %q", o.Kind)
	}
	return storeStatus(o, err)
}

// storeStatus judges what went wrong. Only what a later attempt cannot change is permanent; a mailbox that somebody put
// something strange in the place of waits for the postmaster.
func storeStatus(o order, err error) status.Status {
	if err == nil {
		return status.FromExit(status.OK)
	}
	var st status.Status
	if errors.As(err, &st) {
		st.Err = err
		return st
	}
	st = status.FromExit(status.TempFail)
	st.Err = err
	switch {
	case errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		st.Code, st.Enhanced, st.Text = 452, status.Enhanced{4, 2, 2}, "Deferred: mailbox full"
	case errors.Is(err, syscall.ENOSPC):
		st.Code, st.Enhanced, st.Text = 452, status.Enhanced{4, 3, 1}, "Deferred: no space left on device"
	case o.Kind == "file" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		st = status.FromExit(status.CantCreat)
		st.Err = err
	default:
		st.Code, st.Enhanced, st.Text = 451, status.Enhanced{4, 2, 0}, "Deferred: cannot write to mailbox"
	}
	return st
}

// refuse is a mailbox or file that is not what it should be.
func refuse(o order, what string) error {
	if o.Kind == "file" {
		st := status.FromExit(status.CantCreat)
		st.Err = fmt.Errorf("mailers: %s: %s", o.Path, what)
		return st
	}
	return fmt.Errorf("mailers: %s: %s", o.Path, what)
}

// deposit is a message on its way to the end of a file.
type deposit struct {
	message io.Reader
	err     error         // the outcome, valid once done is closed
	done    chan struct{} // nil where nobody waits
}

// appendTo adds a message to a file and takes back what it wrote if it cannot finish.
func appendTo(ctx context.Context, o order, message io.Reader) error {
	d := &deposit{message: message}
	appendAll(ctx, o, []*deposit{d})
	return d.err
}

// appendAll adds messages to a file, all under one lock and with one fsync. Each has its own outcome; of those that
// fail nothing is left.
func appendAll(ctx context.Context, o order, list []*deposit) {
	if err := appendLocked(ctx, o, list); err != nil {
		for _, d := range list {
			if d.err == nil {
				d.err = err
			}
		}
	}
}

// appendLocked is appendAll; an error is that of all who have none of their own.
func appendLocked(ctx context.Context, o order, list []*deposit) error {
	if o.Kind == "mbox" {
		unlock, err := dotLock(ctx, o.Path, o.Wait)
		if err != nil {
			return err
		}
		defer unlock()
	}
	return appendUnderLock(ctx, o, list)
}

// appendUnderLock is appendLocked where nobody else has the lock file.
func appendUnderLock(ctx context.Context, o order, list []*deposit) error {
	f, err := openForAppend(o)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkFile(o, f); err != nil {
		return err
	}
	if err := lockFile(ctx, f, o.Wait); err != nil {
		return fmt.Errorf("mailers: lock %s: %w", o.Path, err)
	}
	begin, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	added, err := endLine(o, f, begin)
	if err != nil {
		return takeBack(o, f, begin, err)
	}
	first := begin + int64(added)
	end := first
	for i, d := range list {
		n, err := io.Copy(f, d.message)
		if err == nil {
			end += n
			continue
		}
		d.err = takeBack(o, f, end, err)
		if errors.Is(d.err, errHalf) { // nothing may stand behind it
			for _, rest := range list[i+1:] {
				rest.err = d.err
			}
			break
		}
	}
	if end == first {
		return nil
	}
	if err := f.Sync(); err != nil {
		return takeBack(o, f, begin, err)
	}
	return nil
}

// syncName makes the name of a file durable before the first byte is written to it: what is not empty has a name that
// stays.
func syncName(o order) error {
	// A spool that the user may write to but not read cannot be synced by him.
	err := syncDir(filepath.Dir(filepath.Join(o.Root, o.Path)))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// endLine prepares a file of size bytes for a message: its name is made durable, or what a crash or an editor left
// behind the last message is ended with an empty line, so that it does not run into the next one.
func endLine(o order, f *os.File, size int64) (added int, err error) {
	if size == 0 {
		return 0, syncName(o)
	}
	last := make([]byte, min(size, 2))
	if _, err := f.ReadAt(last, size-int64(len(last))); err != nil {
		if errors.Is(err, syscall.EBADF) { // it may be written to and not read
			return 0, nil
		}
		return 0, err
	}
	var missing string
	switch {
	case last[len(last)-1] != '\n':
		missing = "\n\n"
	case len(last) < 2 || last[0] != '\n':
		missing = "\n"
	}
	return f.WriteString(missing)
}

// errHalf means that what was written could not be taken back.
var errHalf = errors.New("half a message stays")

// takeBack cuts off what lies beyond size, where writing goes on, and returns why.
func takeBack(o order, f *os.File, size int64, cause error) error {
	err := f.Truncate(size)
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		cause = errors.Join(cause, fmt.Errorf("%w: %w", errHalf, err))
	}
	return fmt.Errorf("mailers: append to %s: %w", o.Path, cause)
}

// openForAppend opens, for reading too where that is allowed, without following a final link, unless it may; a FIFO
// does not block it.
func openForAppend(o order) (f *os.File, err error) {
	open := func(flag int) (*os.File, error) {
		flag |= syscall.O_NONBLOCK | syscall.O_CLOEXEC
		if !o.Links.Symbolic {
			flag |= syscall.O_NOFOLLOW
		}
		if o.Root == "" {
			return os.OpenFile(o.Path, flag, o.mode())
		}
		root, err := os.OpenRoot(o.Root)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return root.OpenFile(strings.TrimPrefix(o.Path, "/"), flag, o.mode())
	}
	for range 3 {
		if f, err = open(os.O_RDWR); errors.Is(err, fs.ErrPermission) {
			f, err = open(os.O_WRONLY)
		}
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if f, err = open(os.O_RDWR | os.O_CREATE | os.O_EXCL); err == nil || !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, fs.ErrExist): // a link that leads to nothing is there, and is not
		return nil, refuse(o, "is a symbolic link")
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EISDIR):
		return nil, refuse(o, "is not a regular file")
	case err != nil:
		return nil, fmt.Errorf("mailers: %w", err)
	}
	return f, nil
}

// checkFile looks at what was opened: a regular file with one name; a mailbox belongs to the user whose it is, other
// files are not executable.
func checkFile(o order, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return refuse(o, "is not a regular file")
	case !ok || st.Nlink != 1 && !o.Links.Hard:
		return refuse(o, "has more than one name")
	case o.Kind == "mbox" && int(st.Uid) != o.Owner:
		return refuse(o, "belongs to somebody else")
	case o.Kind != "mbox" && info.Mode().Perm()&0o111 != 0:
		return refuse(o, "is executable")
	}
	return nil
}

// lockFile takes flock(2), as the original does on Linux.
func lockFile(ctx context.Context, f *os.File, wait time.Duration) error {
	return retry(ctx, wait, func() error {
		return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}, syscall.EWOULDBLOCK)
}

// retry calls try until it gives another error than busy, with growing pauses, at most for wait.
func retry(ctx context.Context, wait time.Duration, try func() error, busy error) error {
	end := time.Now().Add(wait)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := try()
		if err == nil || !errors.Is(err, busy) || !time.Now().Add(pause).Before(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
