package priv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func accounts(t *testing.T) Accounts {
	t.Helper()
	dir := t.TempDir()
	a := Accounts{PasswdFile: filepath.Join(dir, "passwd"), GroupFile: filepath.Join(dir, "group")}
	write(t, a.PasswdFile, "# comment\nroot:x:0:0:root:/root:/bin/sh\nalice:x:2001:2002:Alice & Co,,,:/home/alice:/bin/bash\n"+
		"broken:x:abc:1::/:\nbad:x:4294967295:1::/:/bin/sh\n+nis::::::\nalice2:x:2001:3:second:/:/bin/sh\n", 0o644)
	write(t, a.GroupFile, "root:x:0:\nalice:x:2002:\nmail:x:8:bob, alice\nshort:x\n", 0o644)
	return a
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestLookup(t *testing.T) {
	a := accounts(t)
	ctx := t.Context()
	want := User{Name: "alice", UID: 2001, GID: 2002, Gecos: "Alice & Co,,,", Home: "/home/alice", Shell: "/bin/bash"}
	if u, err := a.User(ctx, "alice"); err != nil || u != want {
		t.Errorf("%+v %v", u, err)
	}
	if u, err := a.UserID(ctx, 2001); err != nil || u != want {
		t.Errorf("first of the number: %+v %v", u, err)
	}
	for _, name := range []string{"nobody-here", "", "broken", "bad", "+nis", "-f", "a:b", "alice\n", "ALICE"} {
		if u, err := a.User(ctx, name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %+v %v", name, u, err)
		}
	}
	if g, err := a.Group(ctx, "mail"); err != nil || g.GID != 8 || !slices.Equal(g.Members, []string{"bob", "alice"}) {
		t.Errorf("%+v %v", g, err)
	}
	if g, err := a.GroupID(ctx, 2002); err != nil || g.Name != "alice" {
		t.Errorf("%+v %v", g, err)
	}
	if list, err := a.Groups(ctx, "alice", 2002); err != nil || !slices.Equal(list, []int{2002, 8}) {
		t.Errorf("%v %v", list, err)
	}
}

func TestUnreadableFilesAreTemporary(t *testing.T) {
	a := Accounts{PasswdFile: "/nonexistent/passwd", GroupFile: "/nonexistent/group"}
	if _, err := a.User(t.Context(), "root"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("user: %v", err)
	}
	if _, err := a.Groups(t.Context(), "root", 0); err == nil {
		t.Error("groups of an unreadable file")
	}
}

func TestGetent(t *testing.T) {
	a := accounts(t)
	a.Getent = filepath.Join(t.TempDir(), "getent")
	write(t, a.Getent, `#!/bin/sh
case "$1 $2" in
"passwd ldapuser") echo "ldapuser:*:5001:5002:From LDAP:/home/l:/bin/sh" ;;
"passwd down") exit 1 ;;
"initgroups ldapuser") echo "ldapuser 5002 77" ;;
*) exit 2 ;;
esac
`, 0o755)
	ctx := t.Context()
	if u, err := a.User(ctx, "ldapuser"); err != nil || u.UID != 5001 {
		t.Errorf("%+v %v", u, err)
	}
	if list, err := a.Groups(ctx, "ldapuser", 5002); err != nil || !slices.Equal(list, []int{5002, 77}) {
		t.Errorf("%v %v", list, err)
	}
	if _, err := a.User(ctx, "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := a.User(ctx, "down"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("directory down: %v", err)
	}
}

func TestAnswersOfGetentAreKept(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		age  time.Duration
		want string
	}{{time.Hour, "new\nuser\n"}, {-time.Second, "new\nnew\nuser\nuser\n"}} {
		a := accounts(t)
		a.Getent = filepath.Join(t.TempDir(), "getent")
		asked := a.Getent + ".asked"
		write(t, a.Getent, "#!/bin/sh\necho $2 >>"+asked+"\n[ $2 = user ] && echo 'user:*:5001:5002:::/bin/sh' || exit 2\n", 0o755)
		a.Answers = &Answers{Age: c.age}
		for range 2 {
			if _, err := a.User(ctx, "new"); !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		for range 2 {
			if u, err := a.User(ctx, "user"); err != nil || u.UID != 5001 {
				t.Errorf("%+v %v", u, err)
			}
		}
		if got, err := os.ReadFile(asked); err != nil || string(got) != c.want {
			t.Errorf("age %v: asked %q, %v", c.age, got, err)
		}
	}
}

// TestManyQuestions asks for one unknown user 100 times at once, and for 100: one process for the one, and at most
// maxAsking at a time. A user whom getent knew is still known then.
func TestManyQuestions(t *testing.T) {
	a := accounts(t)
	a.Getent = filepath.Join(t.TempDir(), "getent")
	asked := a.Getent + ".asked"
	write(t, a.Getent, "#!/bin/sh\necho b $2 >>"+asked+"\n[ $2 = user ] && echo 'user:*:5001:5002:::/bin/sh'\necho e >>"+asked+
		"\n[ $2 = user ] || exit 2\n", 0o755)
	a.Answers = &Answers{Age: time.Hour}
	ask := func(name string, known bool) {
		if _, err := a.User(t.Context(), name); known && err != nil || !known && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ask("user", true)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { ask("same", false) })
		wg.Go(func() { ask(fmt.Sprintf("other%d", i), false) })
	}
	wg.Wait()
	for i := range maxAnswers { // as many absences as are kept, without their processes
		a.Answers.put(question{"passwd", fmt.Sprint(i)}, answer{})
	}
	ask("user", true)
	text, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	now, most := 0, 0
	for line := range strings.Lines(string(text)) {
		if line[0] == 'b' {
			now++
		} else {
			now--
		}
		most = max(most, now)
	}
	same, users, all := strings.Count(string(text), "b same\n"), strings.Count(string(text), "b user\n"), strings.Count(string(text), "b ")
	if users != 1 || all < 102 || same > maxAsking || most > maxAsking {
		t.Errorf("asked %d times for the one who is there, %d for the same, %d in all, %d at a time", users, same, all, most)
	}
}

func TestCallersPathDoesNotChooseGetent(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "getent"), "#!/bin/sh\n", 0o755)
	t.Setenv("PATH", dir)
	if got := System().Getent; strings.HasPrefix(got, dir) {
		t.Errorf("would run %s", got)
	}
}

func TestBeyondFiles(t *testing.T) {
	for conf, want := range map[string]bool{
		"passwd: files\ngroup: files\nhosts: dns\n": false,
		"passwd: files systemd # x\n":               true,
		"#passwd: ldap\n":                           false,
		"group:  files [NOTFOUND=continue] ldap\n":  true,
		"passwd: compat\n":                          false,
	} {
		if got := beyondFiles(conf); got != want {
			t.Errorf("%q: %v", conf, got)
		}
	}
}

// run starts a shell command as c says and returns what it wrote.
func run(t *testing.T, c Command, script string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Path, c.Args, c.Stdout, c.Stderr = "/bin/sh", []string{"sh", "-c", script}, w, w
	p, err := Start(&c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to change users")
	}
}

func TestStartAsUser(t *testing.T) {
	needRoot(t)
	out := run(t, Command{As: &Identity{UID: 2001, GID: 2002, Groups: []int{2002, 8}}, Env: []string{"AGENT=sendmail"}},
		`id -u; id -ru; id -g; id -G; echo "$AGENT:$HOME"; ls /proc/self/fd | wc -l`)
	// ls has its three and the one for the folder.
	if out != "2001\n2001\n2002\n2002 8\nsendmail:\n4\n" {
		t.Errorf("%q", out)
	}
	out = run(t, Command{As: &Identity{UID: 2001, GID: 2002}}, "id -G")
	if out != "2002\n" {
		t.Errorf("groups of the caller stayed: %q", out)
	}
}

func TestEffectiveOnlyLeavesTheRealUser(t *testing.T) {
	needRoot(t)
	out := run(t, Command{As: &Identity{UID: 2001, GID: 2002}, EffectiveOnly: true, Env: []string{"PATH=" + SafePath}},
		`grep -E '^[UG]id' /proc/self/status | tr '\t' ' '`)
	// A shell that finds real and effective ids different may give up the effective ones; what the kernel gave shows in
	// the saved.
	if !strings.Contains(out, "Uid: 0 ") {
		t.Errorf("%q", out)
	}
	if os.Geteuid() != 0 {
		t.Fatal("the change reached this process")
	}
}

func TestNiceIsTheChildsAlone(t *testing.T) {
	before := run(t, Command{}, "nice")
	if got := run(t, Command{Nice: 5}, "nice"); strings.TrimSpace(got) != fmt.Sprint(5+atoi(t, before)) {
		t.Errorf("nice %q, was %q", got, before)
	}
	for range 20 {
		if got := run(t, Command{}, "nice"); got != before {
			t.Fatalf("later children have %q", got)
		}
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDirectories(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, Command{Dirs: []string{"/nonexistent", "", dir, "/"}}, "pwd"); got != dir+"\n" {
		t.Errorf("%q", got)
	}
	here, _ := os.Getwd()
	if got := run(t, Command{Dirs: []string{"/nonexistent"}}, "pwd"); got != here+"\n" {
		t.Errorf("no directory works: %q", got)
	}
	needRoot(t)
	os.Chmod(dir, 0o700)
	if got := run(t, Command{Dirs: []string{dir, "/"}, As: &Identity{UID: 2001, GID: 2002}}, "pwd"); got != "/\n" {
		t.Errorf("entered a folder with more rights than the user's: %q", got)
	}
}

func TestStartRefuses(t *testing.T) {
	for _, c := range []*Command{
		{Path: "sh", Args: []string{"sh"}},
		{Path: "/bin/sh"},
		{Path: "/bin/sh", Args: []string{"sh", "a\x00b"}},
		{Path: "/nonexistent", Args: []string{"x"}, Dirs: []string{"/", "/tmp"}},
		{Path: "/bin/sh", Args: []string{"sh"}, Root: "/nonexistent"},
	} {
		if _, err := Start(c); err == nil {
			t.Errorf("%+v was started", c)
		}
	}
}

func TestDropIsForGood(t *testing.T) {
	if os.Getenv("PRIV_DROP") == "1" {
		if err := Drop(Identity{UID: 2001, GID: 2002, Groups: []int{2002, 8}}); err != nil {
			t.Fatal(err)
		}
		groups, _ := os.Getgroups()
		if os.Geteuid() != 2001 || os.Getegid() != 2002 || !slices.Equal(slices.Sorted(slices.Values(groups)), []int{8, 2002}) {
			t.Fatal(os.Geteuid(), os.Getegid(), groups)
		}
		if err := Drop(Identity{UID: 0, GID: 0}); err == nil {
			t.Fatal("root came back")
		}
		return
	}
	needRoot(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDropIsForGood$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PRIV_DROP=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
