package durability

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runAfter puts states that a crash may leave on the disk, and runs the queue there: no hand may be needed until all
// that was acknowledged is delivered or reported, and nothing is left in the queue.
func (s *site) runAfter(t *testing.T, crashes []crash, owed map[string][]string) {
	t.Helper()
	s.peer.willing.Store(true)
	defer s.peer.willing.Store(false)
	doubled := 0
	for _, c := range crashes {
		s.lose(t, c)
		for range 3 {
			s.drain(t)
		}
		due, many := map[string][]string{}, map[debt]int{}
		for tag := range c.acked {
			due[tag] = owed[tag]
			for _, r := range owed[tag] {
				many[debt{tag, r}] = 100 // what was under way may come again
			}
		}
		out := s.account(t, due, many)
		doubled += out.doubled
		if left := s.queued(t); len(out.lost) > 0 || len(left) > 0 {
			t.Errorf("%s, then -q: lost %q, left %q", c.what, out.lost, left)
			for _, name := range left {
				text, err := os.ReadFile(name)
				t.Logf("%s: %v\n%s", name, err, text)
			}
		}
	}
	t.Logf("the queue was run on %d states: nothing lost, nothing left, %d deliveries doubled", len(crashes), doubled)
}

// lose makes the disk and the peer what they were at a crash.
func (s *site) lose(t *testing.T, c crash) {
	t.Helper()
	for _, dir := range []string{"queue", "mail", "md", "files"} {
		must(t, filepath.Walk(s.path(dir), func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			return os.Remove(path)
		}))
	}
	must(t, os.RemoveAll(s.path("md/games")))
	longAgo := time.Now().Add(-time.Hour)
	for path, data := range c.state {
		rel := strings.TrimPrefix(path, s.dir+"/")
		dir, _, below := strings.Cut(rel, "/")
		if !below || dir != "queue" && dir != "mail" && dir != "md" && dir != "files" {
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, data, 0o600))
		must(t, os.Chtimes(path, longAgo, longAgo)) // what a lock file's writer left is no living one's
		s.own(t, rel)
	}
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	clear(s.peer.took)
	for d, has := range c.external {
		if has {
			s.peer.took[d.tag+" "+d.rcpt]++
		}
	}
}

// own gives a file, and a maildir's folders, to whom they belong; rel is its path below the site.
func (s *site) own(t *testing.T, rel string) {
	t.Helper()
	parts := strings.Split(rel, "/")
	switch parts[0] {
	case "queue":
		return
	case "files":
		must(t, os.Chown(s.path(rel), 1, 1)) // DefaultUser
		return
	}
	name, _, _ := strings.Cut(parts[1], ".")
	u, err := user.Lookup(name)
	must(t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	for i := 2; i <= len(parts); i++ {
		must(t, os.Chown(s.path(parts[:i]...), uid, -1))
	}
}

// age makes a queued message older than it is.
func (s *site) age(t *testing.T, tag string, hours int) {
	t.Helper()
	script := fmt.Sprintf(`f=$(grep -l "line of %s$" %s/df*); q=${f%%/df*}/qf${f##*/df}; sed -i "s/^T.*/T$(($(date +%%s) - %d*3600))/" $q`,
		tag, s.path("queue"), hours)
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", tag, err, out)
	}
}
