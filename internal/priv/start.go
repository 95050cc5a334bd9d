package priv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosendmail/internal/guard"
)

// SafePath is the search path for children that are not told another.
const SafePath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

// Identity is what a process is allowed to be.
type Identity struct {
	UID, GID int
	Groups   []int // supplementary; nil means none but GID
}

// Command describes a child.
type Command struct {
	Path string   // absolute; no search is made
	Args []string // whole argument vector, Args[0] is the name the program sees
	Env  []string // the whole environment

	As *Identity // nil: the child keeps the identity of this process, without the rights that its caller lacks
	// EffectiveOnly sets only the effective user to that of As, so that the child can return to ours (mailer flag S
	// together with U=). The groups are those of As for good.
	EffectiveOnly bool
	Root          string   // chroot(2) there first; "" means not
	Dirs          []string // working directories to try in turn
	// Dir is where the child is if none of Dirs can be entered. It is entered with our rights, not with those of As;
	// one that we cannot enter, and "", leave the child where we are. Below Root it is "/" instead.
	Dir  string
	Nice int // added to the nice value, as nice(2)

	Stdin, Stdout, Stderr *os.File // nil means /dev/null
}

// Start starts the child. The caller waits for it. If As is the identity that the process already has, no rights are
// needed.
func Start(c *Command) (*os.Process, error) {
	if !filepath.IsAbs(c.Path) || len(c.Args) == 0 {
		return nil, fmt.Errorf("priv: start %q: the path is not absolute or there are no arguments", c.Path)
	}
	if strings.ContainsRune(strings.Join(c.Args, ""), 0) {
		return nil, fmt.Errorf("priv: start %s: a NUL in its arguments", c.Path)
	}
	var p *os.Process
	err := <-guard.Start("start of "+c.Path, func() (err error) {
		if c.Nice != 0 || c.EffectiveOnly || c.Dir != "" {
			// The change is this thread's alone; a goroutine that ends without unlocking takes the thread along.
			runtime.LockOSThread()
		}
		p, err = c.start()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("priv: start %s: %w", c.Path, err)
	}
	return p, nil
}

// closeInherited keeps descriptors that this process was started with, and that nobody marked, from its children.
func closeInherited() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Before Linux 5.11: one by one.
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func (c *Command) start() (*os.Process, error) {
	if err := closeInherited(); err != nil {
		return nil, fmt.Errorf("descriptors: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &os.ProcAttr{Env: c.Env, Files: []*os.File{null, null, null}, Sys: &syscall.SysProcAttr{Setpgid: true, Chroot: c.Root}}
	for i, f := range []*os.File{c.Stdin, c.Stdout, c.Stderr} {
		if f != nil {
			attr.Files[i] = f
		}
	}
	if attr.Env == nil {
		attr.Env = []string{}
	}
	if c.Nice != 0 {
		if err := addNice(c.Nice); err != nil {
			return nil, err
		}
	}
	if c.Dir != "" && c.Root == "" {
		if err := moveThread(c.Dir); err != nil {
			return nil, err
		}
	}
	if c.As == nil {
		attr.Sys.Credential = Lowered()
	}
	if c.As != nil && !c.As.current() {
		if c.EffectiveOnly {
			if err := c.As.takeEffective(); err != nil {
				return nil, err
			}
		} else {
			attr.Sys.Credential = c.As.credential()
		}
	}
	return c.tryDirs(attr)
}

// moveThread gives the calling thread, which must be locked, a working directory of its own.
func moveThread(dir string) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	if err := unix.Chdir(dir); err != nil && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("working directory %s: %w", dir, err)
	}
	return nil
}

// tryDirs starts the child in the first directory that works. The kernel's error does not tell whether chdir(2)
// or execve(2) failed, so that a program that cannot be run is tried once for each directory.
func (c *Command) tryDirs(attr *os.ProcAttr) (*os.Process, error) {
	for _, dir := range c.Dirs {
		if dir == "" {
			continue
		}
		attr.Dir = dir
		if p, err := os.StartProcess(c.Path, c.Args, attr); err == nil {
			return p, nil
		}
	}
	attr.Dir = ""
	if c.Root != "" {
		attr.Dir = "/"
	}
	return os.StartProcess(c.Path, c.Args, attr)
}

// Lowered is the identity of the children of an elevated program: its caller's. It is nil elsewhere: they have what the
// process has.
func Lowered() *syscall.Credential {
	if !Elevated() || os.Geteuid() == 0 {
		return nil
	}
	return &syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid()), NoSetGroups: true}
}

// ChildAttr gives a child that is started without Start the identity as where this process is root, and elsewhere takes
// from it what the caller of an elevated program has not.
func ChildAttr(as Identity) *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Credential: as.credential()}
	}
	return &syscall.SysProcAttr{Credential: Lowered()}
}

func addNice(n int) error {
	old, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return fmt.Errorf("nice: %w", err)
	}
	// The kernel answers 20-nice, so that no answer looks like an error.
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 20-old+n); err != nil {
		return fmt.Errorf("nice %d: %w", n, err)
	}
	return nil
}

// current reports whether the process is already what id says and has no groups beyond it.
func (id *Identity) current() bool {
	if os.Getuid() != id.UID || os.Geteuid() != id.UID || os.Getgid() != id.GID || os.Getegid() != id.GID {
		return false
	}
	// Without root the groups cannot be changed anyway; as root they must be exactly those.
	return id.UID != 0
}

func (id *Identity) credential() *syscall.Credential {
	cred := &syscall.Credential{Uid: uint32(id.UID), Gid: uint32(id.GID)}
	for _, g := range id.groups() {
		cred.Groups = append(cred.Groups, uint32(g))
	}
	return cred
}

func (id *Identity) groups() []int {
	if len(id.Groups) == 0 {
		return []int{id.GID}
	}
	return id.Groups
}

// takeEffective changes the calling thread only; it must be locked and never used again.
func (id *Identity) takeEffective() error {
	keep := ^uintptr(0)
	if err := rawSetgroups(numbers(id.groups())); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	gid := uintptr(id.GID)
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); e != 0 {
		return fmt.Errorf("setgid %d: %w", id.GID, e)
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(id.UID), keep); e != 0 {
		return fmt.Errorf("seteuid %d: %w", id.UID, e)
	}
	return nil
}

// Drop makes the whole process id, for good: real, effective and saved ids and the groups. It fails, and the
// caller must end, if rights could be had back afterwards.
func Drop(id Identity) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setgroups(id.groups()); err != nil {
			return fmt.Errorf("priv: drop rights: setgroups: %w", err)
		}
	}
	if err := syscall.Setresgid(id.GID, id.GID, id.GID); err != nil {
		return fmt.Errorf("priv: drop rights: setgid %d: %w", id.GID, err)
	}
	if err := syscall.Setresuid(id.UID, id.UID, id.UID); err != nil {
		return fmt.Errorf("priv: drop rights: setuid %d: %w", id.UID, err)
	}
	if id.UID != 0 && syscall.Setuid(0) == nil {
		return errors.New("priv: drop rights: root can be had back")
	}
	return nil
}

// DropSetgid gives up the group of a set-group-ID program and stays the user who called it.
func DropSetgid() error {
	gid := os.Getgid()
	if os.Getegid() == gid {
		return nil
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("priv: drop set-group-ID: %w", err)
	}
	return nil
}
