package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Unsafe is a reason for which a file is not trusted, in the words that logs and error messages show.
type Unsafe string

// Error returns the words.
func (u Unsafe) Error() string { return string(u) }

// The reasons.
const (
	SymbolicLink      Unsafe = "Symbolic links not allowed"
	HardLink          Unsafe = "Hard links not allowed"
	NotRegular        Unsafe = "Regular files only"
	Executable        Unsafe = "Executable files not allowed"
	WorldWritableDir  Unsafe = "World writable directory"
	GroupWritableDir  Unsafe = "Group writable directory"
	FileChanged       Unsafe = "File changed after open"
	WorldWritableText Unsafe = "World writable file"
	GroupWritableText Unsafe = "Group writable file"
	GroupReadableText Unsafe = "Group readable file"
	WorldReadableText Unsafe = "World readable file"
)

// Error tells which file was refused, and because of which part of its path.
type Error struct {
	Path string // as it was asked for
	At   string // the file or directory that is at fault; "" or Path means the file itself
	Err  error  // an Unsafe or a system error such as fs.ErrNotExist
}

// Error names the file, the reason, and the place where it is not the file itself.
func (e *Error) Error() string {
	if e.At == "" || e.At == e.Path {
		return fmt.Sprintf("safefile: check %s: %s", e.Path, Reason(e.Err))
	}
	return fmt.Sprintf("safefile: check %s: %s %s", e.Path, Reason(e.Err), e.At)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Reason gives the words for err that sendmail prints after "cannot open FILE: ": an Unsafe's text or the system's
// text for an errno ("Permission denied").
func Reason(err error) string {
	var unsafe Unsafe
	if errors.As(err, &unsafe) {
		return string(unsafe)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		text := errno.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

// IsUnsafe reports whether err says that the file is there but not trusted.
func IsUnsafe(err error) bool {
	var unsafe Unsafe
	return errors.As(err, &unsafe)
}

// Access is what a file is wanted for.
type Access uint8

const (
	Read Access = 1 << iota
	Write
)

// Checker looks at files on behalf of one user. The zero value looks for root with nothing excused.
type Checker struct {
	Blame Blame // DontBlameSendmail
	UID   int
	GIDs  []int // the user's groups, the primary one first
}

// Check tells whether path is to be trusted as a file of kind k, opened for access. A file that is not there gives an
// error for which errors.Is(err, fs.ErrNotExist) holds, but only after its directories passed.
func (c *Checker) Check(path string, k Kind, access Access) (fs.FileInfo, error) {
	return c.CheckRules(path, c.Blame.Rules(k), access)
}

// CheckRules is Check with the rules spelled out.
func (c *Checker) CheckRules(path string, rules Rules, access Access) (fs.FileInfo, error) {
	if err := c.checkDirs(path, filepath.Dir(path), rules, 0); err != nil {
		return nil, err
	}
	link, err := os.Lstat(path)
	if err != nil {
		return nil, &Error{Path: path, Err: err}
	}
	if link.Mode()&fs.ModeSymlink == 0 {
		return link, c.checkFile(path, link, rules, access)
	}
	if rules&NoSymlink != 0 {
		return nil, &Error{Path: path, Err: SymbolicLink}
	}
	if rules&NoLinkInWritableDir != 0 {
		err := c.checkDirs(path, filepath.Dir(path), rules|SafeDirPath, 0)
		if IsUnsafe(err) {
			err = &Error{Path: path, Err: SymbolicLink} // the directory may be as it is, but not with a link in it
		}
		if err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &Error{Path: path, Err: err}
	}
	return info, c.checkFile(path, info, rules, access)
}

const maxLinks = 40 // as the kernel's limit on links in one path

// checkDirs walks from the root to dir and looks at every directory, behind links too.
func (c *Checker) checkDirs(path, dir string, rules Rules, depth int) error {
	if depth > maxLinks {
		return &Error{Path: path, At: dir, Err: syscall.ELOOP}
	}
	if !filepath.IsAbs(dir) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return &Error{Path: path, At: dir, Err: err}
		}
		dir = abs
	}
	at := "/"
	for _, part := range append([]string{""}, strings.Split(strings.Trim(dir, "/"), "/")...) {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if err != nil {
			return &Error{Path: path, At: at, Err: err}
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(at)
			if err != nil {
				return &Error{Path: path, At: at, Err: err}
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(at), target)
			}
			if err := c.checkDirs(path, target, rules, depth+1); err != nil {
				return err
			}
			if at, err = filepath.EvalSymlinks(at); err != nil {
				return &Error{Path: path, At: at, Err: err}
			}
			continue
		}
		if err := c.checkDir(info, rules); err != nil {
			return &Error{Path: path, At: at, Err: err}
		}
	}
	return nil
}

// checkDir looks at one directory: who may write to it, and whether the user may pass.
func (c *Checker) checkDir(info fs.FileInfo, rules Rules) error {
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	mode := info.Mode()
	if rules&SafeDirPath != 0 && !(mode&fs.ModeSticky != 0 && c.Blame.Has(TrustStickyBit)) {
		groupOK := c.Blame.Has(GroupWritableDirPathSafe) || rules&GroupDirOK != 0
		switch {
		case mode&0o002 != 0:
			return WorldWritableDir
		case mode&0o020 != 0 && !groupOK:
			return GroupWritableDir
		}
	}
	if !c.allowed(info, 0o1, rules) {
		return syscall.EACCES
	}
	return nil
}

// checkFile looks at the file itself.
func (c *Checker) checkFile(path string, info fs.FileInfo, rules Rules, access Access) error {
	fail := func(err error) error { return &Error{Path: path, Err: err} }
	mode := info.Mode()
	st, _ := info.Sys().(*syscall.Stat_t)
	for _, test := range [...]struct {
		rule Rules
		bad  bool
		err  Unsafe
	}{
		{RegularOnly, !mode.IsRegular(), NotRegular},
		{NoGroupWritable, mode&0o020 != 0, GroupWritableText},
		{NoWorldWritable, mode&0o002 != 0, WorldWritableText},
		{NoGroupReadable, mode&0o040 != 0, GroupReadableText},
		{NoWorldReadable, mode&0o004 != 0, WorldReadableText},
		{NotExecutable, mode&0o111 != 0, Executable},
		{NoHardLink, mode.IsRegular() && st != nil && st.Nlink > 1, HardLink},
	} {
		if rules&test.rule != 0 && test.bad {
			return fail(test.err)
		}
	}
	if rules&MustOwn != 0 && st != nil && int(st.Uid) != c.UID && st.Uid != 0 {
		return fail(syscall.EACCES)
	}
	var want fs.FileMode
	if access&Read != 0 {
		want |= 0o4
	}
	if access&Write != 0 {
		want |= 0o2
	}
	if !c.allowed(info, want, rules) {
		return fail(syscall.EACCES)
	}
	return nil
}

// allowed reports whether the user has the rwx bits of want. Root has them where RootOK says so; otherwise it is
// treated as anybody, so that root never reads what only its power opens.
func (c *Checker) allowed(info fs.FileInfo, want fs.FileMode, rules Rules) bool {
	if c.UID == 0 && rules&RootOK != 0 {
		return true
	}
	perm := info.Mode().Perm()
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return perm&want == want
	}
	if int(st.Uid) == c.UID {
		return perm>>6&want == want
	}
	for _, gid := range c.GIDs {
		if int(st.Gid) == gid {
			return perm>>3&want == want
		}
	}
	return perm&want == want
}
