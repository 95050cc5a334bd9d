package priv

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"gosendmail/internal/guard"
)

// ErrUnable means that a thread's rights could not be changed, and nothing was done.
var ErrUnable = errors.New("priv: cannot act for another user in this process")

// OnBehalf runs f on a thread of its own that sees the file system as id does: with its user, group and supplementary
// groups and without any capability, so that permissions, quotas and reserved blocks hold as for that user. Everything
// else in the process, goroutines that f starts among it, keeps the rights of the process. What f opens stays usable
// afterwards. The process must be root's. ErrUnable is returned before f was called.
//
// The user and group ids proper stay root's (setfsuid(2)), so that the user can neither trace nor signal the process,
// and what proc(5) shows of the thread does not become his. A thread that cannot be made root's again is thrown away.
func OnBehalf(id Identity, f func()) error {
	err := <-guard.Start("thread of another user", func() error {
		runtime.LockOSThread()
		t, failed := borrowThread(id)
		var err error
		if failed != nil {
			err = fmt.Errorf("%w: %w", ErrUnable, failed)
		} else {
			err = guard.Try("thread of another user", func() error { f(); return nil })
		}
		if t.giveBack() == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with this goroutine
		return err
	})
	if p, ok := errors.AsType[*guard.Panic](err); ok {
		panic(p) // the caller's, with the place where it happened
	}
	return err
}

// thread is the calling thread as it was before it was lent.
type thread struct {
	uid, gid int
	groups   []int
	caps     [2]unix.CapUserData
}

func capHeader() *unix.CapUserHeader {
	return &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
}

// borrowThread gives the calling thread, which must be locked, the file system identity of id. The thread is to be
// given back after an error, too.
func borrowThread(id Identity) (*thread, error) {
	t := &thread{uid: os.Geteuid(), gid: os.Getegid()}
	var err error
	if t.groups, err = unix.Getgroups(); err != nil {
		return t, fmt.Errorf("getgroups: %w", err)
	}
	if err := unix.Capget(capHeader(), &t.caps[0]); err != nil {
		return t, fmt.Errorf("capget: %w", err)
	}
	if err := rawSetgroups(numbers(id.groups())); err != nil {
		return t, fmt.Errorf("setgroups: %w", err)
	}
	if err := fsIdentity(id.UID, id.GID); err != nil {
		return t, err
	}
	none := t.caps
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(capHeader(), &none[0]); err != nil {
		return t, fmt.Errorf("capset: %w", err)
	}
	return t, nil
}

// giveBack undoes borrowThread, and makes sure of it.
func (t *thread) giveBack() error {
	if t.caps == ([2]unix.CapUserData{}) {
		return errors.New("rights unknown")
	}
	if err := unix.Capset(capHeader(), &t.caps[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	if err := fsIdentity(t.uid, t.gid); err != nil {
		return err
	}
	if err := rawSetgroups(numbers(t.groups)); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	// A change of the user changes effective capabilities: what counts is how it ended.
	if err := unix.Capset(capHeader(), &t.caps[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	groups, err := unix.Getgroups()
	if err == nil && !slices.Equal(groups, t.groups) {
		err = fmt.Errorf("groups are %v, were %v", groups, t.groups)
	}
	return err
}

// fsIdentity sets the ids that file access of the calling thread is judged by. setfsuid(2) has no errors; asking with a
// number that no user has tells what holds now.
func fsIdentity(uid, gid int) error {
	const ask = ^uintptr(0)
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(gid), 0, 0)
	if now, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, ask, 0, 0); int(now) != gid {
		return fmt.Errorf("setfsgid %d: %w", gid, unix.EPERM)
	}
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0)
	if now, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, ask, 0, 0); int(now) != uid {
		return fmt.Errorf("setfsuid %d: %w", uid, unix.EPERM)
	}
	return nil
}

func numbers(list []int) []uint32 {
	out := make([]uint32, len(list))
	for i, n := range list {
		out[i] = uint32(n)
	}
	return out
}
