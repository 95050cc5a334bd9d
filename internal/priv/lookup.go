package priv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNotFound says that the user or group certainly does not exist. Any other error of a look-up is temporary.
var ErrNotFound = errors.New("not found")

// User is one line of passwd(5).
type User struct {
	Name  string
	UID   int
	GID   int
	Gecos string
	Home  string
	Shell string
}

// Group is one line of group(5).
type Group struct {
	Name    string
	GID     int
	Members []string
}

// Accounts says where users and groups are looked up. The zero value reads /etc/passwd and /etc/group only.
type Accounts struct {
	PasswdFile string // "" means /etc/passwd
	GroupFile  string // "" means /etc/group
	// Getent is the getent(1) program that is asked for what the files lack; "" means that nobody is asked.
	Getent string
	// Answers keeps what getent found; nil means that it is asked every time.
	Answers *Answers
}

// answerAge is how long what getent found holds: a burst of mail asks once.
const answerAge = 10 * time.Second

// System returns the accounts of this machine: the files, and getent if it is installed and nsswitch.conf names
// another source than the files.
func System() Accounts {
	var a Accounts
	if conf, err := os.ReadFile("/etc/nsswitch.conf"); err == nil && beyondFiles(string(conf)) {
		if a.Getent = findGetent(); a.Getent != "" {
			a.Answers = &Answers{Age: answerAge}
		}
	}
	return a
}

// findGetent looks where the system keeps its programs: the caller of a set-group-ID program has no say in what it
// runs.
func findGetent() string {
	for dir := range strings.SplitSeq(SafePath, ":") {
		path := filepath.Join(dir, "getent")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// beyondFiles reports whether nsswitch.conf(5) sends passwd or group look-ups elsewhere than to the files.
func beyondFiles(conf string) bool {
	for line := range strings.Lines(conf) {
		line, _, _ = strings.Cut(line, "#")
		db, sources, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || db != "passwd" && db != "group" {
			continue
		}
		for _, s := range strings.Fields(sources) {
			if s != "files" && s != "compat" && !strings.HasPrefix(s, "[") {
				return true
			}
		}
	}
	return false
}

// User finds a user by login name.
func (a Accounts) User(ctx context.Context, name string) (User, error) {
	if !plainKey(name) {
		return User{}, fmt.Errorf("priv: user %q: %w", name, ErrNotFound)
	}
	return a.user(ctx, name, func(u User) bool { return u.Name == name })
}

// UserID finds a user by number; the first line of the file that has it counts.
func (a Accounts) UserID(ctx context.Context, uid int) (User, error) {
	return a.user(ctx, strconv.Itoa(uid), func(u User) bool { return u.UID == uid })
}

func (a Accounts) user(ctx context.Context, key string, match func(User) bool) (found User, err error) {
	ok, err := a.find(ctx, "passwd", orDefault(a.PasswdFile, "/etc/passwd"), key, func(line string) bool {
		u, good := parseUser(line)
		if good && match(u) {
			found = u
			return true
		}
		return false
	})
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return User{}, fmt.Errorf("priv: user %s: %w", key, err)
	}
	return found, nil
}

// Group finds a group by name.
func (a Accounts) Group(ctx context.Context, name string) (Group, error) {
	if !plainKey(name) {
		return Group{}, fmt.Errorf("priv: group %q: %w", name, ErrNotFound)
	}
	return a.group(ctx, name, func(g Group) bool { return g.Name == name })
}

// GroupID finds a group by number.
func (a Accounts) GroupID(ctx context.Context, gid int) (Group, error) {
	return a.group(ctx, strconv.Itoa(gid), func(g Group) bool { return g.GID == gid })
}

func (a Accounts) group(ctx context.Context, key string, match func(Group) bool) (found Group, err error) {
	ok, err := a.find(ctx, "group", orDefault(a.GroupFile, "/etc/group"), key, func(line string) bool {
		g, good := parseGroup(line)
		if good && match(g) {
			found = g
			return true
		}
		return false
	})
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return Group{}, fmt.Errorf("priv: group %s: %w", key, err)
	}
	return found, nil
}

// Groups returns the supplementary groups of a user, gid among them and first, as initgroups(3) would set them.
func (a Accounts) Groups(ctx context.Context, name string, gid int) ([]int, error) {
	list := []int{gid}
	add := func(id int) {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	_, err := a.scan(orDefault(a.GroupFile, "/etc/group"), name, func(line string) bool {
		if g, ok := parseGroup(line); ok && slices.Contains(g.Members, name) {
			add(g.GID)
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("priv: groups of %s: %w", name, err)
	}
	if a.Getent == "" || !plainKey(name) {
		return list, nil
	}
	out, _, err := a.getent(ctx, "initgroups", name)
	if err != nil {
		return nil, fmt.Errorf("priv: groups of %s: %w", name, err)
	}
	for _, f := range strings.Fields(out) {
		if id, err := strconv.Atoi(f); err == nil && id >= 0 && f != name {
			add(id)
		}
	}
	return list, nil
}

// find gives the lines of a file, and then those that getent knows, to take until it accepts one.
func (a Accounts) find(ctx context.Context, database, file, key string, take func(line string) bool) (bool, error) {
	ok, err := a.scan(file, key, take)
	if ok || err != nil || a.Getent == "" {
		return ok, err
	}
	out, ok, err := a.getent(ctx, database, key)
	if !ok || err != nil {
		return false, err
	}
	for line := range strings.Lines(out) {
		if take(strings.TrimRight(line, "\n")) {
			return true, nil
		}
	}
	return false, nil
}

// scan gives the lines of a file that contain key.
func (a Accounts) scan(file, key string, take func(line string) bool) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if bytes.Contains(s.Bytes(), []byte(key)) && take(s.Text()) {
			return true, nil
		}
	}
	return false, s.Err()
}

// getent asks getent(1); ok is false if it says (exit status 2) that it does not know the key.
func (a Accounts) getent(ctx context.Context, database, key string) (out string, ok bool, err error) {
	q := question{database, key}
	if got, ok := a.Answers.get(q); ok {
		return got.text, got.found, nil
	}
	done, err := a.Answers.ask(ctx)
	if err != nil {
		return "", false, fmt.Errorf("getent %s: %w", database, err)
	}
	defer done()
	if got, ok := a.Answers.get(q); ok { // somebody else asked meanwhile
		return got.text, got.found, nil
	}
	cmd := exec.CommandContext(ctx, a.Getent, database, key)
	cmd.Env = []string{"PATH=" + SafePath}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: Lowered()}
	b, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		a.Answers.put(q, answer{})
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("getent %s: %w", database, err)
	}
	a.Answers.put(q, answer{text: string(b), found: true})
	return string(b), true, nil
}

// plainKey refuses names that could be an option or several fields to getent or to the files.
func plainKey(name string) bool {
	return name != "" && name[0] != '-' && name[0] != '+' && !strings.ContainsAny(name, ":\n\x00")
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func parseUser(line string) (User, bool) {
	f := strings.Split(line, ":")
	if len(f) < 7 || !plainKey(f[0]) {
		return User{}, false
	}
	uid, err1 := parseID(f[2])
	gid, err2 := parseID(f[3])
	if err1 != nil || err2 != nil {
		return User{}, false
	}
	return User{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6]}, true
}

func parseGroup(line string) (Group, bool) {
	f := strings.Split(line, ":")
	if len(f) < 4 || !plainKey(f[0]) {
		return Group{}, false
	}
	gid, err := parseID(f[2])
	if err != nil {
		return Group{}, false
	}
	g := Group{Name: f[0], GID: gid}
	for m := range strings.SplitSeq(f[3], ",") {
		if m = strings.TrimSpace(m); m != "" {
			g.Members = append(g.Members, m)
		}
	}
	return g, true
}

// parseID reads a uid or gid. All ones means "no change" to the kernel and is refused.
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = fmt.Errorf("%d is no user or group", n)
	}
	return int(n), err
}
