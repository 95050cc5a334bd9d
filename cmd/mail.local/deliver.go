package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/mailers"
)

// deliver appends a message to a user's mailbox.
func (p *program) deliver(ctx context.Context, user string, m *message) *failure {
	u, f := p.user(ctx, user)
	if f != nil {
		f.text = user + ": " + f.text
		return f
	}
	box, f := p.mailbox(ctx, u)
	if f != nil {
		return f
	}
	if f := inspect(box); f != nil {
		return f
	}
	before, _ := os.Stat(box.Path)
	err := box.Append(ctx, m.reader())
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.EWOULDBLOCK):
		return failed("450 4.2.0", "lockmailbox %s failed; error code 75 %s", user, safefile.Reason(err))
	case errors.Is(err, syscall.EDQUOT) && p.bounceQuota:
		return failed("552 5.2.2", "Write %s: %s", box.Path, safefile.Reason(err))
	default:
		return failed("450 4.2.0", "Write %s: %s", box.Path, safefile.Reason(err))
	}
	if p.file == "" {
		offset := int64(0)
		if before != nil {
			offset = before.Size()
		}
		notify(ctx, user, offset)
	}
	return nil
}

// user finds an account. A name that could lead out of the spool is nobody's.
func (p *program) user(ctx context.Context, name string) (priv.User, *failure) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return priv.User{}, failed("550 5.1.1", "User unknown")
	}
	u, err := p.accounts.User(ctx, name)
	switch {
	case errors.Is(err, priv.ErrNotFound):
		return priv.User{}, failed("550 5.1.1", "User unknown")
	case err != nil:
		return priv.User{}, failed("451 4.3.0", "User database failure; retry later")
	}
	return u, nil
}

// mailbox says where a user's mail goes, and with whose rights.
func (p *program) mailbox(ctx context.Context, u priv.User) (mailers.Mailbox, *failure) {
	groups, err := p.accounts.Groups(ctx, u.Name, u.GID)
	if err != nil {
		return mailers.Mailbox{}, failed("451 4.3.0", "%s: User database failure; retry later", u.Name)
	}
	box := mailers.Mailbox{Path: filepath.Join(spool, u.Name), Owner: priv.Identity{UID: u.UID, GID: u.GID, Groups: groups}, Spool: true}
	if p.file != "" {
		if u.Home == "" {
			return mailers.Mailbox{}, failed("550 5.2.0", "%s: User missing home directory", u.Name)
		}
		if filepath.Clean("/"+p.file) != "/"+filepath.Clean(p.file) {
			return mailers.Mailbox{}, failed("550 5.2.0", "%s: Invalid mailbox path", p.file)
		}
		box.Path, box.Spool = filepath.Join(u.Home, p.file), false
	}
	if me := os.Geteuid(); me != 0 && me != u.UID {
		return mailers.Mailbox{}, failed("450 4.2.0", "setreuid(0, %d): Operation not permitted (r=%d, e=%d)", u.UID, os.Getuid(), me)
	}
	return box, nil
}

// inspect looks at what stands in the mailbox's place, for the original's words. What counts is looked at again when it
// is open.
func inspect(box mailers.Mailbox) *failure {
	info, err := os.Lstat(box.Path)
	if err != nil {
		if box.Spool || !errors.Is(err, fs.ErrNotExist) {
			return nil // to be created, or Append finds out
		}
		if dir, err := os.Stat(filepath.Dir(box.Path)); err != nil || !dir.IsDir() {
			return failed("550 5.2.0", "%s: no such directory", box.Path)
		}
		return nil
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || info.Mode().IsDir() || sys.Nlink != 1:
		return failed("550 5.2.0", "%s: too many links", box.Path)
	case !info.Mode().IsRegular():
		return failed("550 5.2.0", "%s: irregular file", box.Path)
	case int(sys.Uid) != box.Owner.UID:
		return failed("550 5.2.0", "%s: wrong ownership (%d)", box.Path, sys.Uid)
	}
	return nil
}

// notify tells comsat(8) of new mail, where the system knows that service. Nobody waits for it.
func notify(ctx context.Context, user string, offset int64) {
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", "biff")
	if err != nil {
		return
	}
	conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return
	}
	fmt.Fprintf(conn, "%s@%d\n", user, offset)
	conn.Close()
}
