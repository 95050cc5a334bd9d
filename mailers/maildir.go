package mailers

import (
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
)

// addToMaildir writes tmp/NAME, syncs it and moves it to new/ (cr.yp.to/proto/maildir.html).
func addToMaildir(o order, message io.Reader) (err error) {
	if err := makeMaildir(o.Path); err != nil {
		return fmt.Errorf("mailers: maildir: %w", err)
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

// makeMaildir makes what is missing of a maildir. As long as there is no mail in new/ the names of the folders may not
// be durable: they are made so before the first message.
func makeMaildir(path string) error {
	incoming := filepath.Join(path, "new")
	for _, dir := range []string{path, filepath.Join(path, "tmp"), filepath.Join(path, "cur"), incoming} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	d, err := os.Open(incoming)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Readdirnames(1); err != io.EOF {
		return err
	}
	if err := syncDir(path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
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
