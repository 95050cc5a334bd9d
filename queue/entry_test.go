package queue_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

func kinds(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	for _, name := range files(t, dir) {
		out = append(out, name[:2])
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func create(t *testing.T, g *queue.Group, body string) *queue.Entry {
	t.Helper()
	e, err := g.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(e, body); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestStates follows a message from S0 to S3 and back.
func TestStates(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	e := create(t, s.Group(""), "hello\n")
	if got := kinds(t, dir); got != "df" {
		t.Errorf("S1: %s", got)
	}
	env := testEnvelope("<b@example.test>", "<c@example.test>")
	if err := e.Commit(env); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, dir); got != "df qf" {
		t.Errorf("S3: %s", got)
	}
	if err := e.Commit(env); !errors.Is(err, queue.ErrState) {
		t.Errorf("second commit: %v", err)
	}
	it, err := s.Find(e.ID())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(it); !errors.Is(err, queue.ErrLocked) {
		t.Errorf("opened while locked: %v", err)
	}
	w, err := e.Transcript()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(w, "220 hi")
	env.Recipients[0].State, env.Tries, env.Message = envelope.Delivered, 1, "Deferred"
	if err := e.Update(env); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, dir); got != "df qf xf" {
		t.Errorf("after update: %s", got)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, dir); got != "df qf" {
		t.Errorf("closed: %s", got)
	}
	e, env, err = s.Open(it)
	if err != nil {
		t.Fatal(err)
	}
	body, err := env.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, _ := io.ReadAll(body)
	if string(text) != "hello\n" || len(env.Recipients) != 1 || env.Tries != 1 || env.Message != "Deferred" || env.ID != e.ID() {
		t.Errorf("read back %q %+v", text, env)
	}
	if err := e.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, dir); got != "" {
		t.Errorf("S0: %s", got)
	}
	if _, _, err := s.Open(it); !errors.Is(err, queue.ErrGone) {
		t.Errorf("opened what is gone: %v", err)
	}
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	e := create(t, s.Group(""), strings.Repeat("x", 100000))
	if err := e.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, dir); got != "" {
		t.Errorf("left %s", got)
	}
}

// TestSubdirectories uses several directories, with and without qf, df and xf below them.
func TestSubdirectories(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"q1/qf", "q1/df", "q1/xf", "q2", ".hidden", "other"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = base + "/q*" })
	used := make(map[string]int)
	for range 40 {
		id, err := accept(s.Group(""), []byte("x\n"), testEnvelope("<b@c>"))
		if err != nil {
			t.Fatal(err)
		}
		it, err := s.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		used[strings.TrimPrefix(filepath.Dir(it.Path()), base)]++
		if e, env, err := s.Open(it); err != nil || env.Size == 0 {
			t.Fatal(env, err)
		} else if err := e.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if len(used) != 2 || used["/q1/qf"] == 0 || used["/q2"] == 0 {
		t.Errorf("directories used: %v", used)
	}
}

func TestBadDirectories(t *testing.T) {
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		open: "dangerous permissions=777", file: "not a directory", "relative": "not absolute",
		filepath.Join(open, "missing"): "no such file", filepath.Join(open, "q*"): "no directory matches",
	} {
		s, err := queue.Open(queue.Config{Groups: []queue.GroupConfig{{Name: "mqueue", Directory: dir}}})
		if err == nil || !strings.Contains(err.Error(), want) || s != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestSetAside gives Open control files that are not to be used.
func TestSetAside(t *testing.T) {
	const good = "V8\nT1\nK0\nN0\nP1\nS<a@b>\nRPFD:<c@d>\n.\n"
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    error
	}{
		"cut off":        {good[:len(good)-2], 0o600, queue.ErrIncomplete},
		"trailing":       {good + "RPFD:<evil@d>\n", 0o600, queue.ErrBogus},
		"newer":          {"V9\n.\n", 0o600, queue.ErrVersion},
		"group writable": {good, 0o660, nil},
		"bad df place":   {strings.Replace(good, "S<", "d/etc\nS<", 1), 0o600, nil},
	} {
		dir := t.TempDir()
		var lost []string
		s := testSpool(t, func(c *queue.Config) {
			c.Groups[0].Directory = dir
			c.Lost = func(id, _ string, _ error) { lost = append(lost, id) }
		})
		path := filepath.Join(dir, "qf6AM4Zx4C000173")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		it, err := s.Find("6AM4Zx4C000173")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = s.Open(it); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if got := kinds(t, dir); got != "Qf" || len(lost) != 1 {
			t.Errorf("%s: left %s, told of %v", name, got, lost)
		}
		if got := read(t, filepath.Join(dir, "Qf6AM4Zx4C000173")); got != c.content {
			t.Errorf("%s: changed to %q", name, got)
		}
	}
}

// TestSubmissionQueue has files that belong to users, as a set-gid program makes them.
func TestSubmissionQueue(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	for name, c := range map[string]struct {
		dirMode, fileMode os.FileMode
		gid               int
		ok                bool
	}{
		"of the group":      {0o770, 0o660, 126, true},
		"of another group":  {0o770, 0o660, 127, false},
		"closed directory":  {0o700, 0o660, 126, false},
		"writable by all":   {0o770, 0o666, 126, false},
		"readable for all":  {0o770, 0o664, 126, true},
		"group cannot read": {0o770, 0o600, 126, true},
	} {
		dir := t.TempDir()
		s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory, c.FileMode = dir, 0o660 })
		id := put(t, s, "m", nil)
		it, err := s.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chown(dir, 117, 126), os.Chmod(dir, c.dirMode), os.Chown(it.Path(), 2001, c.gid),
			os.Chmod(it.Path(), c.fileMode)); err != nil {
			t.Fatal(err)
		}
		s = testSpool(t, func(c *queue.Config) { c.Groups[0].Directory, c.FileMode = dir, 0o660 })
		if it, err = s.Find(id); err != nil {
			t.Fatal(err)
		}
		e, env, err := s.Open(it)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		env.Tries++
		if err := errors.Join(e.Update(env), e.Close()); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(it.Path()); err != nil || info.Sys().(*syscall.Stat_t).Uid != 2001 {
			t.Errorf("%s: the owner changed, %v", name, err)
		}
	}
}

func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	id, err := accept(s.Group(""), []byte("x\n"), testEnvelope("<b@c>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ reason, files, before string }{
		{"bad stuff", "df hf", ""}, {"worse", "df hf", "bad stuff"}, {"", "df qf", "worse"},
	} {
		it, err := s.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		before, err := s.Quarantine(it, step.reason)
		if err != nil || before != step.before {
			t.Errorf("%q: %q, %v", step.reason, before, err)
		}
		if got := kinds(t, dir); got != step.files {
			t.Errorf("%q: %s", step.reason, got)
		}
	}
}

func TestClone(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	e := create(t, s.Group(""), "shared\n")
	c, err := e.Clone(s.Group(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(testEnvelope("<b@c>")); err != nil {
		t.Fatal(err)
	}
	if err := e.Abort(); err != nil {
		t.Fatal(err)
	}
	body, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, _ := io.ReadAll(body); string(text) != "shared\n" {
		t.Errorf("body %q", text)
	}
	if got := kinds(t, dir); got != "df qf" {
		t.Errorf("left %s", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestInteractive(t *testing.T) {
	s := testSpool(t, func(c *queue.Config) { c.SuperSafe = queue.SafeInteractive })
	var points []string
	queue.SetCrash(s, func(p string) { points = append(points, p) })
	e := create(t, s.Group(""), "x\n")
	e.Interactive = true
	env := testEnvelope("<b@c>")
	if err := e.Commit(env); err != nil {
		t.Fatal(err)
	}
	env.Tries++
	if err := e.Update(env); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := points[len(points)-1]; got != "update-renamed" {
		t.Errorf("points %v", points)
	}
}

func TestIDs(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 34, 58, 0, time.UTC)
	s := testSpool(t, func(c *queue.Config) {
		c.PID = 131
		c.Now = func() time.Time { return now }
	})
	form := regexp.MustCompile(`^6AM4Y[wx][0-9A-Za-x]{2}0{3,8}131$`)
	seen := make(map[string]bool)
	for i := range 30000 { // more than a second has
		if i == 20 {
			now = now.Add(-time.Hour) // a clock that is set back
		}
		id := queue.NextID(s)
		if seen[id] || !form.MatchString(id) || len(id) > 19 {
			t.Fatalf("ID %d: %q, seen %v", i, id, seen[id])
		}
		seen[id] = true
	}
}

// TestManyAtOnce commits from many goroutines and counts.
func TestManyAtOnce(t *testing.T) {
	s := testSpool(t, nil)
	const n = 200
	ids := make(chan string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			id, err := accept(s.Group(""), fmt.Appendf(nil, "message %d\n", i), testEnvelope("<b@c>"))
			if err != nil {
				t.Error(err)
			}
			ids <- id
		})
	}
	wg.Wait()
	close(ids)
	seen := make(map[string]bool)
	for id := range ids {
		it, err := s.Find(id)
		if err != nil || seen[id] {
			t.Fatal(id, err)
		}
		seen[id] = true
		e, _, err := s.Open(it)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

var crashPoints = []string{
	"df-created", "df-written", "tf-created", "tf-written", "tf-synced", "qf-renamed", "dir-synced",
	"update-written", "update-renamed", "qf-removed", "df-removed",
}

// TestCrash kills a process at every crash point. What it had acknowledged and not yet removed must be there.
func TestCrash(t *testing.T) {
	if dir := os.Getenv("QUEUE_CRASH_DIR"); dir != "" {
		crashChild(dir, os.Getenv("QUEUE_CRASH_POINT"))
	}
	for _, point := range crashPoints {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
			cmd.Env = append(os.Environ(), "QUEUE_CRASH_DIR="+dir, "QUEUE_CRASH_POINT="+point)
			out, err := cmd.Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v\n%s", err, out)
			}
			afterCrash(t, dir, out)
		})
	}
}

// afterCrash compares the queue with what the child told before it died.
func afterCrash(t *testing.T, dir string, told []byte) {
	s := testSpool(t, func(c *queue.Config) {
		c.Groups[0].Directory = dir
		c.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
		c.Lost = func(id, _ string, err error) { t.Errorf("%s was set aside: %v", id, err) }
	})
	open := make(map[string]bool)
	lines := bufio.NewScanner(bytes.NewReader(told))
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "250 "); ok {
			open[id] = true
		}
		if id, ok := strings.CutPrefix(lines.Text(), "removing "); ok {
			delete(open, id) // from then on it may be there or not
		}
	}
	for id := range open {
		it, err := s.Find(id)
		if err != nil {
			t.Errorf("lost: %v", err)
			continue
		}
		e, env, err := s.Open(it)
		if err != nil {
			t.Errorf("damaged: %v", err)
			continue
		}
		body, err := env.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(body)
		body.Close()
		if string(text) != "body\n" || len(env.Recipients) == 0 {
			t.Errorf("%s: body %q, envelope %+v", id, text, env)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Recover(0); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		switch _, err := os.Stat(filepath.Join(dir, "qf"+name[2:])); {
		case name[:2] == "tf", name[:2] == "df" && err != nil:
			t.Errorf("litter stays: %s", name)
		}
	}
	for id := range open {
		if _, err := s.Find(id); err != nil {
			t.Errorf("recovery lost it: %v", err)
		}
	}
}

// crashChild works until the named point comes up for the second time.
func crashChild(dir, point string) {
	s, err := queue.Open(queue.Config{Groups: []queue.GroupConfig{{Name: "mqueue", Directory: dir}}})
	if err != nil {
		panic(err)
	}
	times := 0
	queue.SetCrash(s, func(p string) {
		if p == point {
			if times++; times == 2 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	})
	for range 3 {
		e, err := s.Group("").Create(context.Background())
		if err != nil {
			panic(err)
		}
		io.WriteString(e, "body\n")
		env := testEnvelope("<b@c>", "<d@e>")
		if err := e.Commit(env); err != nil {
			panic(err)
		}
		fmt.Printf("250 %s\n", e.ID())
		env.Recipients[0].State = envelope.Delivered
		if err := e.Update(env); err != nil {
			panic(err)
		}
		if e.Close() != nil {
			panic("close")
		}
		id, err := accept(s.Group(""), []byte("body\n"), testEnvelope("<x@y>"))
		if err != nil {
			panic(err)
		}
		it, err := s.Find(id)
		if err != nil {
			panic(err)
		}
		e, _, err = s.Open(it)
		if err != nil {
			panic(err)
		}
		fmt.Printf("removing %s\n", id)
		if err := e.Remove(); err != nil {
			panic(err)
		}
	}
	os.Exit(0)
}

// TestRecoverSpares leaves alone what somebody works on, what is young, and what is in the queue.
func TestRecoverSpares(t *testing.T) {
	dir := t.TempDir()
	later := time.Now().Add(72 * time.Hour)
	s := testSpool(t, func(c *queue.Config) {
		c.Groups[0].Directory = dir
		c.Now = func() time.Time { return later }
	})
	receiving := create(t, s.Group(""), "half")
	if _, err := accept(s.Group(""), []byte("x\n"), testEnvelope("<b@c>")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"df6AM4Zx4C000001", "xf6AM4Zx4C000001", "tf6AM4Zx4C000001", "df6AM4Zx4C000002", "Qf6AM4Zx4C000002",
		"df6AM4Zx4C000003", "hf6AM4Zx4C000003", "notes", "df.backup"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	young := filepath.Join(dir, "df6AM4Zx4C000004")
	if err := os.WriteFile(young, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(young, later, later); err != nil {
		t.Fatal(err)
	}
	gone, err := s.Recover(0)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(gone)
	var names []string
	for _, g := range gone {
		names = append(names, filepath.Base(g))
	}
	if got := strings.Join(names, " "); got != "df6AM4Zx4C000001 tf6AM4Zx4C000001 xf6AM4Zx4C000001" {
		t.Errorf("removed %s", got)
	}
	if err := receiving.Commit(testEnvelope("<b@c>")); err != nil {
		t.Error(err)
	}
	if err := receiving.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoSpace(t *testing.T) {
	s := testSpool(t, func(c *queue.Config) { c.MinFreeBlocks = 1 << 60 })
	if _, err := s.Group("").Create(context.Background()); !errors.Is(err, queue.ErrNoSpace) {
		t.Errorf("create: %v", err)
	}
	if err := s.Group("").Space(1); !errors.Is(err, queue.ErrNoSpace) {
		t.Errorf("space: %v", err)
	}
	s = testSpool(t, func(c *queue.Config) { c.MinFreeBlocks = 1 })
	if err := s.Group("").Space(1 << 60); !errors.Is(err, queue.ErrNoSpace) {
		t.Errorf("huge: %v", err)
	}
	if err := s.Group("").Space(1); err != nil {
		t.Errorf("small: %v", err)
	}
}
