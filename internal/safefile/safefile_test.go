package safefile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/safefile"
)

// world is a folder whose whole path is safe up to /tmp, with a file of each sort in it.
func world(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			t.Skipf("%s can be written by others", d)
		}
	}
	return dir
}

func write(t *testing.T, path string, mode fs.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func mkdir(t *testing.T, path string, mode fs.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t *testing.T, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChecks asks for many files, with and without the name of DontBlameSendmail that excuses them. /tmp itself is
// world writable and sticky, so TrustStickyBit is on wherever directories count.
func TestChecks(t *testing.T) {
	dir := world(t)
	gw, ww := mkdir(t, dir+"/gw", 0o775), mkdir(t, dir+"/ww", 0o777)
	plain := write(t, dir+"/plain", 0o644)
	hard := write(t, dir+"/hard", 0o644)
	if err := os.Link(hard, dir+"/hard2"); err != nil {
		t.Fatal(err)
	}
	write(t, gw+"/file", 0o644)
	for _, c := range []struct {
		path   string
		kind   safefile.Kind
		want   safefile.Unsafe // "" means accepted
		excuse safefile.Blame
	}{
		{plain, safefile.MapFile, "", 0},
		{gw + "/file", safefile.MapFile, safefile.GroupWritableDir, safefile.MapInUnsafeDirPath},
		{gw + "/file", safefile.ClassFile, safefile.GroupWritableDir, safefile.GroupWritableDirPathSafe},
		{gw + "/file", safefile.ForwardFile, safefile.GroupWritableDir, safefile.ForwardFileInGroupWritableDirPath},
		{gw + "/file", safefile.IncludeFile, safefile.GroupWritableDir, safefile.IncludeFileInUnsafeDirPath},
		{gw + "/file", safefile.AliasFile, "", 0},
		{write(t, ww+"/file", 0o644), safefile.ClassFile, safefile.WorldWritableDir, safefile.ClassFileInUnsafeDirPath},
		{ww + "/file", safefile.HelpFile, safefile.WorldWritableDir, safefile.HelpFileInUnsafeDirPath},
		{ww + "/file", safefile.Program, safefile.WorldWritableDir, safefile.RunProgramInUnsafeDirPath},
		{write(t, dir+"/664", 0o664), safefile.AliasFile, safefile.GroupWritableText, safefile.GroupWritableAliasFile},
		{dir + "/664", safefile.ForwardFile, safefile.GroupWritableText, safefile.GroupWritableForwardFile},
		{dir + "/664", safefile.IncludeFile, safefile.GroupWritableText, safefile.GroupWritableIncludeFile},
		{write(t, dir+"/646", 0o646), safefile.AliasFile, safefile.WorldWritableText, safefile.WorldWritableAliasFile},
		{dir + "/646", safefile.IncludeFile, safefile.WorldWritableText, safefile.WorldWritableIncludeFile},
		{write(t, dir+"/640", 0o640), safefile.KeyFile, safefile.GroupReadableText, safefile.GroupReadableKeyFile},
		{dir + "/640", safefile.AuthInfo, safefile.GroupReadableText, safefile.GroupReadableDefaultAuthInfoFile},
		{write(t, dir+"/604", 0o604), safefile.KeyFile, safefile.WorldReadableText, 0},
		{hard, safefile.FileDelivery, safefile.HardLink, safefile.FileDeliveryToHardLink},
		{link(t, "plain", dir+"/link"), safefile.FileDelivery, safefile.SymbolicLink, safefile.FileDeliveryToSymLink},
		{dir + "/link", safefile.AliasFile, "", 0},
		{link(t, plain, gw+"/link"), safefile.AliasFile, safefile.SymbolicLink, safefile.LinkedAliasFileInWritableDir},
		{link(t, gw, dir+"/dirlink") + "/file", safefile.ClassFile, safefile.GroupWritableDir, safefile.ClassFileInUnsafeDirPath},
		{write(t, dir+"/755", 0o755), safefile.FileDelivery, safefile.Executable, 0},
		{mkdir(t, dir+"/sub", 0o755), safefile.AliasFile, safefile.NotRegular, 0},
	} {
		checker := safefile.Checker{UID: os.Geteuid(), Blame: safefile.TrustStickyBit}
		_, err := checker.Check(c.path, c.kind, safefile.Read)
		if c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s as %d: %v, want %q", c.path, c.kind, err, c.want)
			continue
		}
		if err != nil && (safefile.Reason(err) != string(c.want) || !strings.Contains(err.Error(), c.path) || !safefile.IsUnsafe(err)) {
			t.Errorf("says %q, %v", safefile.Reason(err), err)
		}
		if c.excuse != 0 {
			checker.Blame |= c.excuse
			if _, err := checker.Check(c.path, c.kind, safefile.Read); err != nil {
				t.Errorf("%s as %d with %s: %v", c.path, c.kind, c.excuse, err)
			}
		}
	}
}

func TestStickyDirectory(t *testing.T) {
	dir := world(t)
	path := write(t, mkdir(t, dir+"/sticky", 0o755)+"/file", 0o644)
	if err := os.Chmod(dir+"/sticky", 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	c := safefile.Checker{UID: os.Geteuid()}
	if _, err := c.Check(path, safefile.ClassFile, safefile.Read); !errors.Is(err, safefile.WorldWritableDir) {
		t.Errorf("without TrustStickyBit: %v", err)
	}
	c.Blame = safefile.TrustStickyBit
	if _, err := c.Check(path, safefile.ClassFile, safefile.Read); err != nil {
		t.Errorf("with TrustStickyBit: %v", err)
	}
}

// TestOthers checks on behalf of users that the files do not belong to.
func TestOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	dir := world(t)
	path := write(t, dir+"/forward", 0o644)
	for _, c := range []struct {
		owner, uid int
		gids       []int
		mode       fs.FileMode
		ok         bool
	}{
		{2001, 2001, []int{2001}, 0o600, true},
		{0, 2001, []int{2001}, 0o644, true},
		{2002, 2001, []int{2001}, 0o644, false}, // not his
		{2001, 2001, []int{2001}, 0o244, false}, // may not read his own
		{0, 2001, []int{2001}, 0o640, false},
		{0, 2001, []int{2001, 7}, 0o640, true},
	} {
		if err := os.Chown(path, c.owner, 7); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		checker := safefile.Checker{UID: c.uid, GIDs: c.gids, Blame: safefile.TrustStickyBit}
		_, err := checker.Check(path, safefile.ForwardFile, safefile.Read)
		if c.ok != (err == nil) || err != nil && safefile.Reason(err) != "Permission denied" {
			t.Errorf("%+v: %v", c, err)
		}
	}
	secret := write(t, mkdir(t, dir+"/closed", 0o700)+"/file", 0o644)
	checker := safefile.Checker{UID: 2001, Blame: safefile.TrustStickyBit}
	if _, err := checker.Check(secret, safefile.Plain, safefile.Read); !errors.Is(err, syscall.EACCES) {
		t.Errorf("behind a closed directory: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := world(t)
	checker := safefile.Checker{UID: os.Geteuid(), Blame: safefile.TrustStickyBit}
	f, err := checker.Open(write(t, dir+"/plain", 0o644), safefile.AliasFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "text\n" {
		t.Errorf("read %q", text)
	}
	if _, err := checker.Open(dir+"/missing", safefile.AliasFile); !errors.Is(err, fs.ErrNotExist) ||
		safefile.Reason(err) != "No such file or directory" {
		t.Errorf("missing: %v", err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := checker.Open(dir+"/fifo", safefile.AliasFile); !errors.Is(err, safefile.NotRegular) {
		t.Errorf("a FIFO: %v", err)
	}
	w, err := checker.OpenWrite(dir+"/plain", safefile.FileDelivery, os.O_APPEND)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := io.WriteString(w, "more\n"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(dir + "/plain"); string(text) != "text\nmore\n" {
		t.Errorf("appended: %q", text)
	}
	loop := link(t, dir+"/loop", dir+"/loop") + "/x"
	if _, err := checker.Open(loop, safefile.AliasFile); err == nil {
		t.Error("followed a loop of links")
	}
}

func TestCreate(t *testing.T) {
	dir := world(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	f, err := safefile.CreateNew(dir+"/new", 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, _ := f.Stat(); info.Mode().Perm() != 0o644 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	for _, path := range []string{dir + "/new", link(t, dir+"/nowhere", dir+"/dangling")} {
		if _, err := safefile.CreateNew(path, 0o644); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	checker := safefile.Checker{UID: os.Geteuid(), Blame: safefile.TrustStickyBit}
	if _, err := checker.Create(mkdir(t, dir+"/ww", 0o777)+"/x", safefile.MapWrite, 0o644); !errors.Is(err, safefile.WorldWritableDir) {
		t.Errorf("created in a world writable directory: %v", err)
	}
}

func TestWriteAtomic(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir+"/table", 0o600)
	broken := errors.New("broken")
	if err := safefile.WriteAtomic(path, 0o640, func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "text\n" {
		t.Errorf("a failure left %q", text)
	}
	if err := safefile.WriteAtomic(path, 0o640, func(w io.Writer) error {
		_, err := io.WriteString(w, "new\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Error(info.Mode(), err)
	}
	if text, _ := os.ReadFile(path); string(text) != "new\n" {
		t.Errorf("wrote %q", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

func TestLocks(t *testing.T) {
	path := write(t, t.TempDir()+"/f", 0o600)
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, b := open(), open()
	if err := safefile.TryLock(a, safefile.Exclusive); err != nil {
		t.Fatal(err)
	}
	if err := safefile.TryLock(b, safefile.Shared); !errors.Is(err, safefile.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	if err := safefile.Unlock(a); err != nil {
		t.Fatal(err)
	}
	if err := safefile.Lock(b, safefile.Shared); err != nil {
		t.Error(err)
	}
	if same, err := safefile.IsNamed(b, path); !same || err != nil {
		t.Error(same, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if same, err := safefile.IsNamed(b, path); same || err != nil {
		t.Error(same, err)
	}
}

func TestBlame(t *testing.T) {
	b, err := safefile.ParseBlame("groupwritabledirpathsafe, TrustStickyBit  AssumeSafeChown")
	if err != nil || b != safefile.GroupWritableDirPathSafe|safefile.TrustStickyBit|safefile.AssumeSafeChown ||
		b.String() != "AssumeSafeChown,GroupWritableDirPathSafe,TrustStickyBit" {
		t.Error(b, err)
	}
	if b, err := safefile.ParseBlame("TrustStickyBit,Safe"); b != 0 || err != nil || b.String() != "Safe" {
		t.Error(b, err)
	}
	if b, err := safefile.ParseBlame("TrustStickyBit,nonsense"); b != safefile.TrustStickyBit || err == nil ||
		!strings.Contains(err.Error(), "nonsense") {
		t.Error(b, err)
	}
	for _, name := range safefile.BlameNames() {
		if b, err := safefile.ParseBlame(name); err != nil || b.String() != name {
			t.Errorf("%s: %v %v", name, b, err)
		}
	}
}

func TestListsThatOthersCanWriteAreNotSafe(t *testing.T) {
	dir := world(t)
	file := filepath.Join(dir, "forward")
	for _, c := range []struct {
		mode, dirMode os.FileMode
		blame         string
		read, safe    bool
	}{
		{0o600, 0o755, "", true, true},
		{0o660, 0o755, "", false, false},
		{0o660, 0o755, "GroupWritableForwardFile", true, false},
		{0o660, 0o755, "GroupWritableForwardFile,GroupWritableForwardFileSafe", true, true},
		{0o666, 0o755, "WorldWritableForwardFile,GroupWritableForwardFile,GroupWritableForwardFileSafe", true, false},
		{0o600, 0o777, "ForwardFileInUnsafeDirPath", true, false},
		{0o600, 0o777, "ForwardFileInUnsafeDirPath,ForwardFileInUnsafeDirPathSafe", true, true},
		{0o600, 0o775, "ForwardFileInGroupWritableDirPath", true, true}, // as the original
	} {
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, c.mode), os.Chmod(dir, c.dirMode)); err != nil {
			t.Fatal(err)
		}
		b, err := safefile.ParseBlame(c.blame + ",TrustStickyBit")
		if err != nil {
			t.Fatal(err)
		}
		for _, look := range []struct {
			what  string
			blame safefile.Blame
			want  bool
		}{{"read", b, c.read}, {"safe", b.Safe(), c.safe}} {
			check := safefile.Checker{Blame: look.blame, UID: os.Getuid()}
			if _, err := check.Check(file, safefile.ForwardFile, safefile.Read); (err == nil) != look.want {
				t.Errorf("%04o in %04o with %q: %s: %v", c.mode, c.dirMode, c.blame, look.what, err)
			}
		}
	}
}

func TestOverwriteFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"symbolic", "hard", "fifo", "folder"} {
		path := filepath.Join(dir, name)
		make := map[string]func() error{
			"symbolic": func() error { return os.Symlink(other, path) }, "hard": func() error { return os.Link(other, path) },
			"fifo": func() error { return syscall.Mkfifo(path, 0o666) }, "folder": func() error { return os.Mkdir(path, 0o755) },
		}[name]
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if err := safefile.Overwrite(path, "x", 0o644); err == nil {
			t.Errorf("%s: overwritten", name)
		}
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	path := filepath.Join(dir, "pid")
	for _, text := range []string{"longer text", "short"} {
		if err := safefile.Overwrite(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
}
