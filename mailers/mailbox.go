package mailers

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
)

// Mailbox is a file in mbox format that a program beside the server (mail.local) delivers to.
type Mailbox struct {
	Path string
	// Owner is the user whose it is and whose rights write to it. The process must be root's or his.
	Owner priv.Identity
	// Spool says that it stands in a folder of the system, where the lock file and a new mailbox are made with the
	// rights of the process. Otherwise that is the owner's affair, too.
	Spool bool
}

// Append adds a message, which ends in an empty line, with the locks of [mbox]: PATH.lock and flock(2). When it returns
// nil the message is on disk; after an error nothing of it is left.
func (m Mailbox) Append(ctx context.Context, message io.Reader) error {
	o := order{Kind: "mbox", Path: m.Path, Wait: lockWait, Owner: m.Owner.UID}
	id := &m.Owner
	if os.Geteuid() != 0 {
		id = nil
	}
	d := &deposit{message: message}
	if !m.Spool || id == nil {
		err := onBehalf(id, func() { appendAll(ctx, o, []*deposit{d}) })
		return errors.Join(err, d.err) // in this order: the call sets d.err
	}
	unlock, err := dotLock(ctx, m.Path, o.Wait)
	if err != nil {
		return err
	}
	defer unlock()
	if err := m.create(); err != nil {
		return err
	}
	err = onBehalf(id, func() {
		if err := appendUnderLock(ctx, o, []*deposit{d}); err != nil && d.err == nil {
			d.err = err
		}
	})
	return errors.Join(err, d.err)
}

// create makes a mailbox that is not there.
func (m Mailbox) create() error {
	f, err := safefile.CreateNew(m.Path, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chown(m.Owner.UID, m.Owner.GID); err != nil {
		return errors.Join(err, os.Remove(m.Path))
	}
	return syncDir(filepath.Dir(m.Path))
}
