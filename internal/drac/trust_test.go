package drac

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gosendmail/internal/safefile"
)

// trap is what others may have put into the place of a file.
type trap struct {
	set  func(path, elsewhere string) error // elsewhere has the same content
	want error
	root bool // only root can set it
}

// instead makes something else in the place of a file.
func instead(make func(path, elsewhere string) error) func(path, elsewhere string) error {
	return func(path, elsewhere string) error { return errors.Join(os.Remove(path), make(path, elsewhere)) }
}

// fifo makes a FIFO.
func fifo(path, _ string) error { return syscall.Mkfifo(path, 0o600) }

// mode changes the mode of a file, or of a folder so many above it.
func mode(above int, perm os.FileMode) func(path, elsewhere string) error {
	return func(path, _ string) error {
		for range above {
			path = filepath.Dir(path)
		}
		return os.Chmod(path, perm)
	}
}

var traps = map[string]trap{
	"link":          {instead(func(p, e string) error { return os.Symlink(e, p) }), safefile.SymbolicLink, false},
	"dangling link": {instead(func(p, e string) error { return os.Symlink(e+"2", p) }), safefile.SymbolicLink, false},
	"hard link":     {instead(func(p, e string) error { return os.Link(e, p) }), safefile.HardLink, false},
	"FIFO":          {instead(fifo), safefile.NotRegular, false},
	"directory":     {instead(func(p, _ string) error { return os.Mkdir(p, 0o700) }), safefile.NotRegular, false},
	"device": {instead(func(p, _ string) error { return syscall.Mknod(p, syscall.S_IFCHR|0o600, 1<<8|5) }),
		safefile.NotRegular, true},
	"world file":     {mode(0, 0o666), safefile.WorldWritableText, false},
	"group folder":   {mode(1, 0o770), safefile.GroupWritableDir, false},
	"world folder":   {mode(1, 0o777), safefile.WorldWritableDir, false},
	"sticky folder":  {mode(1, 0o777|os.ModeSticky), safefile.WorldWritableDir, false},
	"writable above": {mode(2, 0o777), safefile.WorldWritableDir, false},
	"foreign owner":  {func(p, _ string) error { return os.Chown(p, 4711, 4711) }, syscall.EACCES, true},
}

// TestTrapsBesideTheTable has others put traps into the place of each file of a table: every command refuses them, at
// once, and what they lead to stays as it was.
func TestTrapsBesideTheTable(t *testing.T) {
	commands := map[string]func(*Table) error{
		"add":     func(table *Table) error { return table.Add(netip.MustParseAddr("192.0.2.9")) },
		"compact": func(table *Table) error { return table.Compact() },
		"list":    func(table *Table) error { _, err := table.List(); return err },
	}
	made := filledTable(t)
	for file, sees := range map[string][]string{
		"drac.db":      {"add", "compact", "list"},
		"drac.journal": {"add", "compact", "list"},
		"drac.lock":    {"add", "compact"},
	} {
		for name, trap := range traps {
			for _, command := range sees {
				if trap.root && os.Getuid() != 0 || name == "foreign owner" && file == "drac.db" {
					continue // the table is whose the administrator has given it to
				}
				t.Run(file+"/"+name+"/"+command, func(t *testing.T) {
					table, elsewhere := trappedTable(t, made, file)
					before, err := os.ReadFile(elsewhere)
					if err != nil {
						t.Fatal(err)
					}
					if err := trap.set(filepath.Join(filepath.Dir(table.Path), file), elsewhere); err != nil {
						t.Fatal(err)
					}
					if err := commands[command](table); !errors.Is(err, trap.want) {
						t.Errorf("%v, want %v", err, trap.want)
					}
					if after, err := os.ReadFile(elsewhere); err != nil || string(after) != string(before) {
						t.Errorf("what the trap leads to has changed: %v", err)
					}
					if _, err := os.Lstat(elsewhere + "2"); err == nil {
						t.Error("a file was made behind the trap")
					}
				})
			}
		}
	}
}

// filledTable makes a table with a journal and a lock, and returns its folder.
func filledTable(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	table := &Table{Path: filepath.Join(dir, "drac"), Limit: DefaultLimit, Files: testFiles{}}
	var many []netip.Addr
	for i := range 8000 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if err := errors.Join(table.Add(many...), table.Add(netip.MustParseAddr("192.0.2.8"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// trappedTable is a copy of a table in a folder of its own, and a copy elsewhere of one of its files.
func trappedTable(t *testing.T, made, file string) (table *Table, elsewhere string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "above", "own")
	elsewhere = filepath.Join(t.TempDir(), "elsewhere")
	text, err := os.ReadFile(filepath.Join(made, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.CopyFS(dir, os.DirFS(made)), os.WriteFile(elsewhere, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	for p := dir; p != filepath.Dir(filepath.Dir(dir)); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &Table{Path: filepath.Join(dir, "drac"), Limit: DefaultLimit, Files: testFiles{}}, elsewhere
}

// TestTableOfAnotherUser lets root add to the table of a daemon, and keeps it the daemon's.
func TestTableOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	table, _ := trappedTable(t, filledTable(t), "drac.db")
	for _, file := range []string{"drac.db", "drac.journal", "drac.lock"} {
		if err := os.Chown(filepath.Join(filepath.Dir(table.Path), file), 4711, 4711); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{table.Add(netip.MustParseAddr("192.0.2.9")), table.Compact()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if uid, _, ok := ownerOf(table.file()); !ok || uid != 4711 {
		t.Errorf("the table belongs to %d", uid)
	}
}

// TestAllowThatOthersCanWrite holds the list of who may add to the same.
func TestAllowThatOthersCanWrite(t *testing.T) {
	for name, c := range map[string]trap{
		"plain":        {mode(0, 0o600), nil, false},
		"FIFO":         {instead(fifo), safefile.NotRegular, false},
		"group":        {mode(0, 0o660), safefile.GroupWritableText, false},
		"world":        {mode(0, 0o606), safefile.WorldWritableText, false},
		"world folder": {mode(1, 0o777), safefile.WorldWritableDir, false},
	} {
		path := filepath.Join(t.TempDir(), "allow")
		err := os.WriteFile(path, []byte("255.255.255.255 127.0.0.1\n"), 0o600)
		if err := errors.Join(err, c.set(path, "")); err != nil {
			t.Fatal(err)
		}
		f, err := OpenAllow(path)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil {
			f.Close()
		}
	}
}

// TestLogThatIsNoFile does not wait at a FIFO in the place of a log.
func TestLogThatIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := fifo(path, ""); err != nil {
		t.Fatal(err)
	}
	if err := (&tail{name: path}).open(0); err == nil {
		t.Error("a FIFO is followed")
	}
}
