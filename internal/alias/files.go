package alias

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
)

// include reads a list. What it names has the rights of the list's owner, or, for lists that root owns, of whoever
// named it.
func (r *run) include(rcpt *envelope.Recipient, m *meta) {
	path := strings.TrimSpace(m.target.Triple.User)
	if r.Told != nil {
		r.Told(r.place + rcpt.Addr + "... including file " + path)
	}
	f, err := r.Env.Open(r.ctx, path, ListFile, rcpt.Ctladdr)
	if err != nil {
		r.includeFailed(rcpt, path, err)
		return
	}
	defer f.Close()
	list, err := r.readList(path, f, r.most())
	if err != nil {
		r.includeFailed(rcpt, path, err)
		return
	}
	ctl := rcpt.Ctladdr
	if f.UID != 0 {
		ctl = r.rights(m, f.UID, f.GID, rcpt.Addr)
	}
	m.unsafe = m.unsafe || f.Unsafe
	r.children(rcpt, m, list, rcpt.Owner, true, ctl)
}

func (r *run) includeFailed(rcpt *envelope.Recipient, path string, err error) {
	if passing(err) {
		rcpt.Status = status.Status{Exit: status.TempFail, Code: 451, Enhanced: tempFile,
			Text: fmt.Sprintf("Cannot open %s: %s", path, safefile.Reason(err)), Err: err}
		return
	}
	r.fail(rcpt, status.Unavailable, 550, noFile, "Cannot open %s: %s", path, safefile.Reason(err))
	rcpt.Status.Err = err
}

// passing tells errors of files after which a later try may succeed.
func passing(err error) bool {
	if errors.Is(err, priv.ErrUnable) {
		return true
	}
	for _, e := range []error{syscall.EIO, syscall.ESTALE, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN,
		syscall.ETIMEDOUT, syscall.EINTR, syscall.EBUSY, syscall.ENOSPC, syscall.ENOLCK} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rights makes the owner of a list answerable for what it names, and notes in m why programs and files may not be among
// that.
func (r *run) rights(m *meta, uid, gid int, addr string) *envelope.Ctladdr {
	ctl := &envelope.Ctladdr{UID: uid, GID: gid, Addr: addr}
	u, err := r.Env.AccountID(r.ctx, uid)
	switch {
	case err != nil:
		m.shell = fmt.Sprintf("UID %d is an unknown user: cannot mail to ", uid)
	case !r.Env.ValidShell(u.Shell):
		m.shell = r.badShell(u)
	}
	if err == nil {
		ctl.User, ctl.GID = u.Name, u.GID // a list has no home
	}
	return ctl
}

func (r *run) badShell(u priv.User) string {
	return fmt.Sprintf("User %s@%s doesn't have a valid shell for mailing to ", u.Name, r.HostName)
}

// forward reads the first .forward of a user that is there. Where none is, or it cannot be trusted, the mailbox gets
// the mail.
func (r *run) forward(rcpt *envelope.Recipient, m *meta, u priv.User) {
	ctl := &envelope.Ctladdr{User: u.Name, UID: u.UID, GID: u.GID, Home: u.Home, Addr: rcpt.Addr}
	for _, path := range r.Env.Forward(u, m.target.Triple) {
		list, unsafe, err := r.readForward(path, ctl)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
			continue
		case err != nil && passing(err):
			rcpt.Status = status.Status{Exit: status.TempFail, Code: 451, Enhanced: tempFile,
				Text: fmt.Sprintf("forward: %s: transient error", path), Err: err}
			return
		case err != nil:
			r.Env.Warn("forward %s: %s", path, safefile.Reason(err))
			if errors.Is(err, errTooLong) {
				return // another file is not what the user meant
			}
			continue
		}
		if len(addrs(list)) == 0 {
			return
		}
		m.unsafe = unsafe
		if !r.Env.ValidShell(u.Shell) {
			m.shell = r.badShell(u)
		}
		r.Env.Log("forward %s => %s", rcpt.Addr, strings.Join(addrs(list), ","))
		r.children(rcpt, m, list, "", false, ctl)
		return
	}
}

func (r *run) readForward(path string, ctl *envelope.Ctladdr) (list []listed, unsafe bool, err error) {
	f, err := r.Env.Open(r.ctx, path, ForwardFile, ctl)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	most := r.most()
	if r.MaxForward > 0 {
		most = min(most, r.MaxForward)
	}
	list, err = r.readList(path, f, most)
	return list, f.Unsafe, err
}

// addrs are the addresses of a list alone.
func addrs(list []listed) (addrs []string) {
	for _, l := range list {
		if l.addr != "" {
			addrs = append(addrs, l.addr)
		}
	}
	return addrs
}
