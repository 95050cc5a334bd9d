// Package dbtool is what makemap, editmap and praliases share: their command lines, the few options they read from
// sendmail.cf, and how a map's file is named, checked and owned.
//
// SECURITY: as root these programs create files that sendmail trusts. Unless -s is given, links are refused as
// DontBlameSendmail says, and folders that everybody can write to are told; a new file belongs to TrustedUser, a
// replaced one keeps its owner and permissions.
package dbtool

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"gosendmail/internal/safefile"
)

// DefaultCF is the configuration that is read when no other is named.
const DefaultCF = "/etc/mail/sendmail.cf"

// Exit codes (sysexits.h).
const (
	OK          = 0
	Usage       = 64
	DataErr     = 65
	NoInput     = 66
	Unavailable = 69
	Software    = 70
	OSErr       = 71
	CantCreate  = 73
	IOErr       = 74
	Config      = 78
)

// ErrUsage says that the command line is wrong; the message is for the user.
var ErrUsage = errors.New("usage")

// Getopt reads flags as getopt(3) does: letters can be joined, those followed by ":" in spec take a value (glued or the
// next argument), operands may stand between flags, and "--" ends the flags.
func Getopt(args []string, spec string, set func(flag byte, value string)) (operands []string, err error) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(operands, args[i+1:]...), nil
		}
		if len(a) < 2 || a[0] != '-' {
			operands = append(operands, a)
			continue
		}
		for j := 1; j < len(a); j++ {
			at := strings.IndexByte(spec, a[j])
			if at < 0 || a[j] == ':' {
				return nil, fmt.Errorf("%w: invalid option -- '%c'", ErrUsage, a[j])
			}
			if at+1 == len(spec) || spec[at+1] != ':' {
				set(a[j], "")
				continue
			}
			value := a[j+1:]
			if value == "" {
				if i++; i == len(args) {
					return nil, fmt.Errorf("%w: option requires an argument -- '%c'", ErrUsage, a[j])
				}
				value = args[i]
			}
			set(a[j], value)
			break
		}
	}
	return operands, nil
}

// Options are the options of sendmail.cf that matter to maps.
type Options struct {
	Trusted    int // uid of TrustedUser; -1: not set
	Blame      safefile.Blame
	AliasFiles []string // values of AliasFile, in order
}

// ReadCF reads the options from a configuration. Without a file of that name, and when it was not asked for, there are
// none: a map can be built before sendmail is configured.
func ReadCF(path string, asked bool) (Options, error) {
	o := Options{Trusted: -1}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		name, value, ok := option(s.Text())
		if !ok {
			continue
		}
		if err := o.set(name, value); err != nil {
			return o, fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return o, s.Err()
}

// option splits a line "O Name=value", or "OAvalue" for AliasFile in its old form.
func option(line string) (name, value string, ok bool) {
	if rest, old := strings.CutPrefix(line, "OA"); old {
		return "AliasFile", rest, true
	}
	rest, ok := strings.CutPrefix(line, "O ")
	if !ok {
		return "", "", false
	}
	name, value, ok = strings.Cut(rest, "=")
	return strings.TrimSpace(name), strings.TrimSpace(value), ok
}

func (o *Options) set(name, value string) (err error) {
	switch {
	case strings.EqualFold(name, "TrustedUser"):
		o.Trusted, err = uidOf(value)
	case strings.EqualFold(name, "DontBlameSendmail"):
		o.Blame, err = safefile.ParseBlame(value)
	case strings.EqualFold(name, "AliasFile"):
		o.AliasFiles = append(o.AliasFiles, value)
	}
	return err
}

func uidOf(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return -1, fmt.Errorf("TrustedUser: unknown user %s", name)
	}
	return strconv.Atoi(u.Uid)
}

// Path returns the file of a map of a type: the name with the type's extension unless it is there.
func Path(mapType, name string) string {
	ext := ".db"
	if mapType == "cdb" {
		ext = ".cdb"
	}
	if strings.HasSuffix(name, ext) {
		return name
	}
	return name + ext
}

// Target is a map's file that is to be written.
type Target struct {
	Path string      // where it goes, links followed where they are allowed
	Perm fs.FileMode // it will have
	Warn []string    // for the operator: folders of the path that everybody can write to

	uid int // -1: as it comes
	gid int
}

// NewFilePerm are the permissions of a file that was not there.
const NewFilePerm = 0o640

// Check tells whether the file of path may be written, and how it will be owned. With skip there are no safety checks.
func (o Options) Check(path string, skip bool) (*Target, error) {
	blame := o.Blame
	if skip {
		blame |= safefile.WriteMapToHardLink | safefile.WriteMapToSymLink | safefile.LinkedMapInWritableDir | safefile.MapInUnsafeDirPath
	}
	gids, err := os.Getgroups()
	if err != nil {
		return nil, err
	}
	c := &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: append([]int{os.Getegid()}, gids...)}
	t := &Target{Path: path, Perm: NewFilePerm, uid: -1, gid: -1}
	if os.Geteuid() == 0 {
		t.uid = o.Trusted
	}
	t.Warn = openFolders(path)
	rules := c.Blame.Rules(safefile.MapWrite) &^ safefile.SafeDirPath // told above, as the original does, not refused
	info, err := c.CheckRules(path, rules, safefile.Read|safefile.Write)
	if errors.Is(err, fs.ErrNotExist) {
		return t, t.follow()
	}
	if err != nil {
		return nil, err
	}
	t.Perm = info.Mode().Perm()
	if st, ok := info.Sys().(*syscall.Stat_t); ok && t.uid < 0 {
		t.uid, t.gid = int(st.Uid), int(st.Gid)
	}
	return t, t.follow()
}

// openFolders lists the folders on the way to path that everybody can write to.
func openFolders(path string) (warnings []string) {
	at := ""
	for i, part := range strings.Split(filepath.Dir(path), "/") {
		switch {
		case i == 0 && part == "":
			at = "/"
		case at == "" || at == "/":
			at += part
		default:
			at += "/" + part
		}
		if st, err := os.Stat(at); err == nil && st.Mode().Perm()&0o002 != 0 {
			warnings = append(warnings, "WARNING: World writable directory "+at)
		}
	}
	return warnings
}

// follow makes Path the end of a symbolic link that the checks let pass: the link stays, its target is replaced.
func (t *Target) follow() error {
	for range 40 {
		link, err := os.Readlink(t.Path)
		if err != nil {
			return nil
		}
		if !strings.HasPrefix(link, "/") {
			link = t.Path[:strings.LastIndexByte(t.Path, '/')+1] + link
		}
		t.Path = link
	}
	return &fs.PathError{Op: "open", Path: t.Path, Err: syscall.ELOOP}
}

// Own gives a new file its owner. Without the right to do so it belongs to whoever made it.
func (t *Target) Own(f *os.File) error {
	if t.uid < 0 && t.gid < 0 {
		return nil
	}
	if err := f.Chown(t.uid, t.gid); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// LockOld locks the file that is to be replaced, so that two programs that add to it wait for each other. found is
// false when there is none. Closing the file ends the lock.
func LockOld(path string) (f *os.File, found bool, err error) {
	for {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if err := safefile.Lock(f, safefile.Exclusive); err != nil {
			return nil, false, errors.Join(err, f.Close())
		}
		same, err := safefile.IsNamed(f, path)
		if err != nil {
			return nil, false, errors.Join(err, f.Close())
		}
		if same {
			return f, true, nil
		}
		f.Close() // another program replaced it while we waited
	}
}
