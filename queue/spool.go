package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultGroup is the name of the group that QueueDirectory makes.
const DefaultGroup = "mqueue"

// ErrNoSpace means that fewer blocks are free than MinFreeBlocks asks for: the client hears 452 4.4.5.
var ErrNoSpace = errors.New("insufficient disk space")

// SuperSafe is the option of that name: when is a message on disk before its acceptance is told.
type SuperSafe uint8

const (
	SafeTrue        SuperSafe = iota // always
	SafePostMilter                   // always; the data file is synced only after the milters have seen it, as here always
	SafeInteractive                  // not while Entry.Interactive says that delivery is tried before the answer
	SafeFalse                        // never: a crash of the machine may lose accepted mail
)

// ParseSuperSafe reads the value of the option SuperSafe.
func ParseSuperSafe(value string) (SuperSafe, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "t", "true", "y", "yes", "1":
		return SafeTrue, nil
	case "f", "false", "n", "no", "0":
		return SafeFalse, nil
	case "i", "interactive":
		return SafeInteractive, nil
	case "p", "postmilter":
		return SafePostMilter, nil
	}
	return SafeTrue, fmt.Errorf("SuperSafe: %q is none of true, interactive, postmilter and false", value)
}

// GroupConfig is a queue group: QueueDirectory or a Q line.
type GroupConfig struct {
	Name      string        // DefaultGroup for QueueDirectory
	Directory string        // P=; absolute; a final * stands for all directories with that beginning
	Interval  time.Duration // I=; 0 means the runner's
	Jobs      int           // J=, jobs of one run; 0 means MaxQueueRunSize
	MaxRcpts  int           // r=, recipients of one message before it is split; 0 means no limit
	Runners   int           // R=, at work on the group at a time; 0 means MaxRunnersPerQueue
	Nice      int           // N=; kept for printing: one process serves all groups
	Flags     string        // F=
}

// Config is what a Spool is opened with.
type Config struct {
	Groups    []GroupConfig // the first is the default group
	FileMode  fs.FileMode   // QueueFileMode; 0 means 0600
	SuperSafe SuperSafe     // option SuperSafe
	// Spares is how many files of removed messages are kept in each directory for the next ones; 0 means none. It is
	// for processes that stay.
	Spares        int
	MinFreeBlocks int64            // blocks as the file system counts them; 0 means no limit
	TrustedUID    int              // TrustedUser, who may own queue files besides root and the process; 0 means none
	PID           int              // for queue IDs; 0 means os.Getpid()
	Now           func() time.Time // nil means time.Now
	// Lost is told when a control file is renamed to Qf; nil means nobody.
	Lost func(id, path string, reason error)
	// Complain is told of lines that were passed over in a control file; nil means nobody.
	Complain func(id, text string)
}

// Spool is the whole queue.
type Spool struct {
	cfg    Config
	groups []*Group
	ids    *idSource
	// committing counts the messages that are being made durable.
	committing atomic.Int32
	crash      func(point string) // tests stop the process here; nil in service
}

// Group is one queue group.
type Group struct {
	spool *Spool
	cfg   GroupConfig
	dirs  []*directory
}

// directory is one queue directory.
type directory struct {
	path       string // as configured
	qf, df, xf string // where the files are: path or its subdirectory
	qfSync     *dirSync
	dfSync     *dirSync // the same as qfSync where qf and df share a directory
	group      int      // that may make files here besides the owner; -1: none
}

// Open opens the directories of every group. They must exist; one that everybody may write to is refused.
func Open(cfg Config) (*Spool, error) {
	if len(cfg.Groups) == 0 {
		return nil, errors.New("queue: open: no queue directory is configured")
	}
	if cfg.FileMode == 0 {
		cfg.FileMode = 0o600
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PID == 0 {
		cfg.PID = os.Getpid()
	}
	s := &Spool{cfg: cfg, ids: newIDSource(cfg.Now, cfg.PID)}
	known := make(map[string]*directory)
	for _, gc := range cfg.Groups {
		g, err := s.openGroup(gc, known)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("queue: open group %s: %w: %w", gc.Name, ErrDirectory, err), s.Close())
		}
		s.groups = append(s.groups, g)
	}
	return s, nil
}

// ErrDirectory means that a queue directory cannot be used; the cause is with it.
var ErrDirectory = errors.New("cannot use the directory")

// Close gives the directories back. Entries that are still open stay usable for Close only.
func (s *Spool) Close() error {
	var errs []error
	closed := make(map[*directory]bool)
	for _, g := range s.groups {
		for _, d := range g.dirs {
			if !closed[d] {
				closed[d] = true
				errs = append(errs, d.close())
			}
		}
	}
	return errors.Join(errs...)
}

// Groups returns the groups in the order of the configuration.
func (s *Spool) Groups() []*Group { return s.groups }

// Group returns the group with that name, in any case; "" is the default group. It is nil where there is none.
func (s *Spool) Group(name string) *Group {
	if name == "" {
		return s.groups[0]
	}
	for _, g := range s.groups {
		if strings.EqualFold(g.cfg.Name, name) {
			return g
		}
	}
	return nil
}

// Config returns what the group was configured with.
func (g *Group) Config() GroupConfig { return g.cfg }

// Name returns the group's name.
func (g *Group) Name() string { return g.cfg.Name }

// Directories returns the paths of the group's directories.
func (g *Group) Directories() []string {
	paths := make([]string, len(g.dirs))
	for i, d := range g.dirs {
		paths[i] = d.path
	}
	return paths
}

func (s *Spool) openGroup(gc GroupConfig, known map[string]*directory) (*Group, error) {
	paths, err := expandDirectories(gc.Directory)
	if err != nil {
		return nil, err
	}
	g := &Group{spool: s, cfg: gc}
	for _, path := range paths {
		d, ok := known[path]
		if !ok {
			if d, err = openDirectory(path, s.cfg.Spares); err != nil {
				for _, d := range g.dirs {
					err = errors.Join(err, d.close())
				}
				return nil, err
			}
			known[path] = d
		}
		g.dirs = append(g.dirs, d)
	}
	return g, nil
}

// expandDirectories resolves a final asterisk.
func expandDirectories(pattern string) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		return nil, fmt.Errorf("QueuePath %s not absolute", pattern)
	}
	prefix, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		return []string{filepath.Clean(pattern)}, nil
	}
	dir, begin := filepath.Split(prefix)
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range list {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || !strings.HasPrefix(name, begin) {
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			paths = append(paths, path)
		}
	}
	if paths == nil {
		return nil, fmt.Errorf("%s: no directory matches", pattern)
	}
	sort.Strings(paths)
	return paths, nil
}

func openDirectory(path string, spare int) (*directory, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "chdir", Path: path, Err: syscall.ENOTDIR}
	}
	if err := notOpenToAll(info, path); err != nil {
		return nil, err
	}
	d := &directory{path: path, group: groupOf(info)}
	for name, sub := range map[string]*string{"qf": &d.qf, "df": &d.df, "xf": &d.xf} {
		if *sub, err = subdirectory(path, name); err != nil {
			return nil, err
		}
	}
	if d.qfSync, err = newDirSync(d.qf); err != nil {
		return nil, err
	}
	d.dfSync = d.qfSync
	if d.df != d.qf {
		if d.dfSync, err = newDirSync(d.df); err != nil {
			return nil, errors.Join(err, d.qfSync.close())
		}
	}
	if d.group < 0 { // what submitters own cannot be given to others
		d.dfSync.spares.max, d.dfSync.spares.prefix = spare, "df"
		d.qfSync.spares.max, d.qfSync.spares.prefix = spare, "tf"
	}
	return d, nil
}

// groupOf is the group that may write to a directory, -1 where none may.
func groupOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().Perm()&0o020 != 0 {
		return int(st.Gid)
	}
	return -1
}

// notOpenToAll refuses a directory that everybody may write to.
func notOpenToAll(info fs.FileInfo, path string) error {
	if info.Mode().Perm()&0o002 == 0 {
		return nil
	}
	return fmt.Errorf("dangerous permissions=%o on queue directory %s", info.Mode().Perm(), path)
}

// subdirectory is where one kind of files is: a directory of that name, where there is one, else path.
func subdirectory(path, name string) (string, error) {
	sub := filepath.Join(path, name)
	if info, err := os.Stat(sub); err == nil && info.IsDir() {
		return sub, notOpenToAll(info, sub)
	}
	return path, nil
}

func (d *directory) close() error {
	err := d.qfSync.close()
	if d.dfSync != d.qfSync {
		err = errors.Join(err, d.dfSync.close())
	}
	return err
}

// Space tells whether a message of size bytes may come into the group: ErrNoSpace where every directory's file system
// would be left with fewer than MinFreeBlocks free blocks.
func (g *Group) Space(size int64) error {
	for _, d := range g.dirs {
		ok, err := d.enough(g.spool.cfg.MinFreeBlocks, size)
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
	}
	return fmt.Errorf("queue: %s: %w", g.cfg.Name, ErrNoSpace)
}

func (d *directory) enough(minBlocks, size int64) (bool, error) {
	if minBlocks <= 0 && size <= 0 {
		return true, nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(d.df, &st); err != nil {
		return false, fmt.Errorf("queue: statfs %s: %w", d.df, err)
	}
	block := max(int64(st.Bsize), 1)
	return int64(st.Bavail) > max(minBlocks, 0)+size/block, nil
}

// failpoint lets a test end the process at a named moment.
func (s *Spool) failpoint(point string) {
	if s.crash != nil {
		s.crash(point)
	}
}
