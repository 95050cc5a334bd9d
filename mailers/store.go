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

// staleLock is the age at which a lock file counts as left behind.
const staleLock = 5 * time.Minute

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

// appendAll adds messages to a file, all under one lock and with one fsync. Each has its own outcome; of those that fail nothing
// is left.
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
	f, created, err := openForAppend(o)
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
	end := begin
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
	if end == begin {
		return nil
	}
	if err := syncFile(o, f, created); err != nil {
		return takeBack(o, f, begin, err)
	}
	return nil
}

// syncFile makes what was written durable, and the name of a new file.
func syncFile(o order, f *os.File, created bool) error {
	if err := f.Sync(); err != nil || !created {
		return err
	}
	// A spool that the user may write to but not read cannot be synced by him.
	err := syncDir(filepath.Dir(filepath.Join(o.Root, o.Path)))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
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

// openForAppend opens without following a final link; a FIFO does not block it.
func openForAppend(o order) (f *os.File, created bool, err error) {
	open := func(flag int) (*os.File, error) {
		flag |= os.O_WRONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_CLOEXEC
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
		f, err = open(0)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if f, err = open(os.O_CREATE | os.O_EXCL); err == nil {
			return f, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, false, refuse(o, "is a symbolic link")
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EISDIR):
		return nil, false, refuse(o, "is not a regular file")
	case err != nil:
		return nil, false, fmt.Errorf("mailers: %w", err)
	}
	return f, false, nil
}

// checkFile looks at what was opened: a regular file with one name; a mailbox belongs to the user whose it is, other files
// are not executable.
func checkFile(o order, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return refuse(o, "is not a regular file")
	case !ok || st.Nlink != 1:
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

// dotLock creates path.lock, as mail.local and mail readers do. In a spool where users cannot create files flock alone must do.
func dotLock(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	name := path + ".lock"
	err = retry(ctx, wait, func() error {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_CLOEXEC, 0o444)
		if err == nil {
			fmt.Fprintf(f, "%d\n", os.Getpid())
			return f.Close()
		}
		if info, serr := os.Lstat(name); serr == nil && time.Since(info.ModTime()) > staleLock {
			os.Remove(name)
		}
		return err
	}, fs.ErrExist)
	switch {
	case err == nil:
		return func() { os.Remove(name) }, nil
	case errors.Is(err, fs.ErrPermission):
		return func() {}, nil
	}
	return nil, fmt.Errorf("mailers: lock %s: %w", path, err)
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

// addToMaildir writes tmp/NAME, syncs it and moves it to new/ (cr.yp.to/proto/maildir.html).
func addToMaildir(o order, message io.Reader) (err error) {
	for _, dir := range []string{o.Path, filepath.Join(o.Path, "tmp"), filepath.Join(o.Path, "new"), filepath.Join(o.Path, "cur")} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("mailers: maildir: %w", err)
		}
	}
	name := maildirName(o.Host)
	tmp := filepath.Join(o.Path, "tmp", name)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("mailers: maildir: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp)
			err = fmt.Errorf("mailers: maildir %s: %w", o.Path, err)
		}
	}()
	_, err = io.Copy(f, message)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(o.Path, "new", name))
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Join(o.Path, "new"))
}

// maildirName is unique: time, process and a random number, and the host without what a maildir reserves.
func maildirName(host string) string {
	var b [8]byte
	unix.Getrandom(b[:], 0)
	now := time.Now()
	host = strings.NewReplacer("/", `\057`, ":", `\072`).Replace(host)
	return fmt.Sprintf("%d.M%dP%dR%x.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), b, host)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
