package durability

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// disk is a file system as programs see it, with what is needed to say what of it survives.
type disk struct {
	root  string // what lies outside is of no interest
	names map[string]*file
	dirs  map[string]*dir
	place map[string]int64 // by descriptor and file: where the next write goes
	ends  map[string]bool  // the same: writes go to the end
}

// file is an inode.
type file struct {
	data   []byte
	synced []byte
	dirty  bool // data is not synced
}

// dir is a directory: the names that survive for certain, and the steps since.
type dir struct {
	safe  map[string]*file
	steps []step
}

// step is one change of names, in one directory or two.
type step struct {
	at       int // index of the call
	from, to string
	of       *file // nil: from is taken away
}

func newDisk(root string) *disk {
	return &disk{root: root, names: map[string]*file{}, dirs: map[string]*dir{root: {safe: map[string]*file{}}},
		place: map[string]int64{}, ends: map[string]bool{}}
}

func (d *disk) mine(path string) bool { return strings.HasPrefix(path, d.root+"/") }

func (d *disk) note(path string, s step) {
	in := d.dirs[filepath.Dir(path)]
	if in == nil {
		in = &dir{safe: map[string]*file{}}
		d.dirs[filepath.Dir(path)] = in
	}
	in.steps = append(in.steps, s)
}

// put is a file that is there before the record begins, durable.
func (d *disk) put(path string, data []byte) {
	f := &file{data: data, synced: data}
	d.names[path] = f
	for p := filepath.Dir(path); d.mine(p); p = filepath.Dir(p) {
		d.directory(p)
	}
	d.directory(filepath.Dir(path)).safe[path] = f
}

// directory is one that is there before.
func (d *disk) directory(path string) *dir {
	if d.dirs[path] == nil {
		d.dirs[path] = &dir{safe: map[string]*file{}}
	}
	if path != d.root {
		up := d.dirs[filepath.Dir(path)]
		if up == nil {
			up = d.directory(filepath.Dir(path))
		}
		up.safe[path] = isDir
	}
	return d.dirs[path]
}

// isDir stands for a directory among the names of another one.
var isDir = &file{}

// apply does what a call did. It returns true where the call was a sync of something here.
func (d *disk) apply(t *testing.T, i int, c call) bool {
	t.Helper()
	switch c.name {
	case "openat", "creat":
		d.open(i, c)
	case "write", "pwrite64":
		n, path := fd(c.args[0])
		if f := d.names[path]; f != nil && d.mine(path) {
			d.write(n+path, f, c)
		}
	case "lseek":
		if n, path := fd(c.args[0]); d.mine(path) {
			d.place[n+path] = c.result
		}
	case "ftruncate", "truncate":
		path := c.args[0]
		if c.name == "ftruncate" {
			_, path = fd(path)
		}
		if f := d.names[path]; f != nil {
			size, _ := strconv.ParseInt(c.args[1], 0, 64)
			data := make([]byte, size)
			copy(data, f.data)
			f.data = data
			f.dirty = true
		}
	case "copy_file_range", "sendfile", "splice", "fallocate", "symlink", "symlinkat", "writev":
		for _, a := range c.args {
			if _, path := fd(a); d.mine(path) {
				t.Fatalf("the simulator does not know %v", c)
			}
		}
	case "fsync", "fdatasync":
		_, path := fd(c.args[0])
		return d.mine(path+"/") && d.sync(path, c.begin)
	default:
		d.rename(i, c)
	}
	return false
}

func (d *disk) open(i int, c call) {
	path := c.path
	if !d.mine(path) {
		return
	}
	n := strconv.FormatInt(c.result, 10)
	flags := c.args[min(2, len(c.args)-1)]
	f := d.names[path]
	if f == nil {
		if !strings.Contains(flags, "O_CREAT") {
			return // a directory
		}
		f = &file{}
		d.names[path] = f
		d.note(path, step{at: i, to: path, of: f})
	}
	if strings.Contains(flags, "O_TRUNC") {
		f.data, f.dirty = nil, true
	}
	d.place[n+path], d.ends[n+path] = 0, strings.Contains(flags, "O_APPEND")
}

func (d *disk) write(key string, f *file, c call) {
	at := d.place[key]
	if d.ends[key] {
		at = int64(len(f.data))
	}
	if c.name == "pwrite64" {
		at, _ = strconv.ParseInt(c.args[3], 0, 64)
	} else {
		d.place[key] = at + c.result
	}
	text := c.args[1][:c.result]
	data := make([]byte, max(int64(len(f.data)), at+c.result))
	copy(data, f.data)
	copy(data[at:], text)
	f.data, f.dirty = data, true
}

func (d *disk) sync(path string, begin int) bool {
	if in := d.dirs[path]; in != nil {
		kept := 0
		for _, s := range in.steps {
			if s.at >= begin { // it began before that
				break
			}
			in.keep(s, path)
			kept++
		}
		in.steps = in.steps[kept:]
		return true
	}
	f := d.names[path]
	if f == nil {
		return false
	}
	f.synced, f.dirty = f.data, false
	return true
}

// keep makes a step durable in its part in the directory.
func (in *dir) keep(s step, path string) {
	if s.to != "" && filepath.Dir(s.to) == path {
		in.safe[s.to] = s.of
	}
	if s.from != "" && filepath.Dir(s.from) == path {
		delete(in.safe, s.from)
	}
}

// rename does the calls that change names.
func (d *disk) rename(i int, c call) {
	var from, to string
	switch c.name {
	case "rename", "link":
		from, to = filepath.Clean(c.args[0]), filepath.Clean(c.args[1])
	case "renameat", "renameat2", "linkat":
		from, to = full(c.args[0], c.args[1]), full(c.args[2], c.args[3])
	case "unlink", "rmdir":
		from = filepath.Clean(c.args[0])
	case "unlinkat":
		from = full(c.args[0], c.args[1])
	case "mkdir":
		to = filepath.Clean(c.args[0])
	case "mkdirat":
		to = full(c.args[0], c.args[1])
	default:
		return
	}
	if !d.mine(from) && !d.mine(to) {
		return
	}
	if strings.HasPrefix(c.name, "mkdir") {
		d.dirs[to] = &dir{safe: map[string]*file{}}
		d.note(to, step{at: i, to: to, of: isDir})
		return
	}
	f := d.names[from]
	if strings.HasPrefix(c.name, "link") {
		if f == nil { // made without a name (O_TMPFILE), as lock files are
			f = &file{}
		}
		d.names[to] = f
		d.note(to, step{at: i, to: to, of: f})
		return
	}
	delete(d.names, from)
	s := step{at: i, from: from, to: to, of: f}
	if to == "" {
		d.note(from, s)
		return
	}
	d.names[to] = f
	d.note(to, s)
	if filepath.Dir(from) != filepath.Dir(to) {
		d.note(from, s)
	}
}

// state is what a disk holds after a crash: contents by path.
type state map[string][]byte

// now is the state after the end of the process alone: nothing is lost.
func (d *disk) now() state {
	s := state{}
	for path, f := range d.names {
		s[path] = f.data
	}
	return s
}

// choice says what of the unsynced survives.
type choice struct {
	cut     map[string]int // by directory: so many steps
	content int            // 0: as synced, 1: as written, 2: as long as written
}

// survivors makes the state of a choice.
func (d *disk) survivors(ch choice) state {
	there := map[string]*file{}
	done := map[int]bool{} // renames whose new name survives
	for path, in := range d.dirs {
		for name, f := range in.safe {
			there[name] = f
		}
		for _, s := range in.steps[:ch.cut[path]] {
			if s.to != "" && filepath.Dir(s.to) == path {
				done[s.at] = true
			}
		}
	}
	for path, in := range d.dirs {
		for _, s := range in.steps[:ch.cut[path]] {
			inside := &dir{safe: there}
			if s.to != "" && filepath.Dir(s.to) != path && !done[s.at] && d.pending(s) {
				continue
			}
			inside.keep(s, path)
		}
	}
	out := state{}
	for path, f := range there {
		if f == nil || f == isDir || !reachable(d.root, path, there) {
			continue
		}
		switch {
		case ch.content == 1 || !f.dirty:
			out[path] = f.data
		case ch.content == 2 && len(f.data) > len(f.synced):
			out[path] = append(slices.Clone(f.synced), make([]byte, len(f.data)-len(f.synced))...)
		default:
			out[path] = f.synced
		}
	}
	return out
}

// pending reports whether the new name of a rename is not durable by itself.
func (d *disk) pending(s step) bool {
	for _, p := range d.dirs[filepath.Dir(s.to)].steps {
		if p.at == s.at {
			return true
		}
	}
	return false
}

// reachable reports whether all directories above a path survive.
func reachable(root, path string, there map[string]*file) bool {
	for p := filepath.Dir(path); p != root; p = filepath.Dir(p) {
		if there[p] != isDir {
			return false
		}
	}
	return true
}

// choices returns what may survive now: nothing unsynced, everything, each directory's steps without the others', and
// some at random.
func (d *disk) choices(r *rand.Rand, random int) []choice {
	var open []string
	for path, in := range d.dirs {
		if len(in.steps) > 0 {
			open = append(open, path)
		}
	}
	slices.Sort(open)
	var list []choice
	add := func(cut map[string]int) {
		for content := range 3 {
			list = append(list, choice{cut, content})
		}
	}
	add(nil)
	all := map[string]int{}
	for _, path := range open {
		all[path] = len(d.dirs[path].steps)
	}
	add(all)
	for _, path := range open {
		for n := 1; n <= len(d.dirs[path].steps); n++ {
			add(map[string]int{path: n})
		}
	}
	if len(open) > 1 {
		for range random {
			cut := map[string]int{}
			for _, path := range open {
				cut[path] = r.IntN(len(d.dirs[path].steps) + 1)
			}
			add(cut)
		}
	}
	return list
}
