package priv

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gosendmail/internal/guard"
)

// Elevated reports whether the process is a set-user-ID or set-group-ID program that has rights which its caller lacks.
func Elevated() bool { return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() }

// ClearEnvironment removes the environment, which the caller of an elevated program chose, except a time zone that
// names one of the system's.
func ClearEnvironment() {
	zone, ok := os.LookupEnv("TZ")
	os.Clearenv()
	if ok && !strings.HasPrefix(strings.TrimPrefix(zone, ":"), "/") && !strings.Contains(zone, "..") {
		os.Setenv("TZ", zone)
	}
}

// CloseInherited closes the descriptors above standard error that the process was started with.
func CloseInherited() error {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("priv: inherited descriptors: %w", err)
	}
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 {
			continue
		}
		// What this process opened itself is marked to be closed when a program is started; nothing inherited can be.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
	return nil
}

// Self is the path by which this program starts itself again. An elevated one is named by what runs, not by where it
// was found: the caller may have a link to it in a folder of his own, and put something else there meanwhile.
func Self() (string, error) {
	if Elevated() {
		return "/proc/self/exe", nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("priv: this program: %w", err)
	}
	return path, nil
}

// Proof returns a socket that a child which inherits it can show, by ProvenBy, to come from a process with its own
// rights. The caller closes both ends after the child was started.
func Proof() (ours, childs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("priv: socket pair: %w", err)
	}
	return os.NewFile(uintptr(pair[0]), "proof"), os.NewFile(uintptr(pair[1]), "proof"), nil
}

// ProvenBy reports whether descriptor fd is the child's end of a Proof that was made with the effective user and group
// that this process has: the kernel notes them when the pair is made, and nobody else can make such a pair.
func ProvenBy(fd int) bool {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err == nil && int(cred.Uid) == os.Geteuid() && int(cred.Gid) == os.Getegid()
}

// AsCaller runs f on a thread of its own that sees the file system with the group of the program's caller, without that
// of a set-group-ID file. What other threads do keeps it. f is not called where that cannot be had.
func AsCaller(f func()) error {
	if !Elevated() {
		f()
		return nil
	}
	err := <-guard.Start("thread of the caller", func() error {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := fsIdentity(os.Getuid(), os.Getgid())
		if err == nil {
			f()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	return nil
}
