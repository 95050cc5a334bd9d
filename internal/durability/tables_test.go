package durability

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTablesAtEverySyncPoint makes and changes tables: whatever happens each is what it was, or what it is to be, and
// after the end of the command only the latter.
func TestTablesAtEverySyncPoint(t *testing.T) {
	requireStrace(t)
	for _, tt := range []struct {
		name, file, before, then string
	}{
		{"makemap", "t.db", "printf 'a\\tb\\n' | B/makemap hash D/t", "printf 'a\\tc\\nd\\te\\n' | B/makemap hash D/t"},
		{"newaliases", "aliases.db", "true", "echo 'more: bin' >> D/aliases; B/sendmail -CD/sm.cf -bi"},
		{"editmap", "t.db", "printf 'a\\tb\\n' | B/makemap hash D/t", "B/editmap -u hash D/t a changed"},
		{"drac", "drac.db", "B/drac -f D/drac add 192.0.2.1", "B/drac -f D/drac add 192.0.2.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "b", false)
			command := func(text string) *exec.Cmd {
				return exec.Command("/bin/sh", "-c", strings.NewReplacer("B/", s.bin+"/", "D/", s.dir+"/").Replace(text))
			}
			if out, err := command(tt.before).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			before := s.load(t)
			calls := strace(t, command(tt.then+" >/dev/null && echo 'ack done'"))
			after, err := os.ReadFile(s.path(tt.file))
			must(t, err)
			if bytes.Equal(before[s.path(tt.file)], after) {
				t.Fatal("the table did not change")
			}
			replay := func(skip func(call) bool) (states int, wrong error) {
				d := newDisk(s.dir)
				for path, data := range before {
					d.put(path, data)
				}
				done := false
				look := func(st state) {
					states++
					got, ok := st[s.path(tt.file)]
					isNew := ok && bytes.Equal(got, after)
					if !isNew && (done || !ok || !bytes.Equal(got, before[s.path(tt.file)])) && wrong == nil {
						wrong = fmt.Errorf("ended: %v, there: %v, %d bytes", done, ok, len(got))
					}
				}
				for i, c := range calls {
					if strings.HasSuffix(c.name, "sync") && skip != nil && skip(c) {
						continue
					}
					d.apply(t, i, c)
					if c.name == "write" && strings.HasPrefix(c.args[1], "ack ") {
						done = true
					}
					if c.name == "read" || c.name == "lseek" {
						continue
					}
					look(d.now())
					for _, ch := range d.choices(nil, 0) {
						look(d.survivors(ch))
					}
				}
				return states, wrong
			}
			states, err := replay(nil)
			if err != nil {
				t.Error(err)
			}
			t.Logf("%d states", states)
			for what, skip := range map[string]func(call) bool{
				"content": func(c call) bool { _, p := fd(c.args[0]); return p != s.dir },
				"name":    func(c call) bool { _, p := fd(c.args[0]); return p == s.dir },
			} {
				if _, err := replay(skip); err == nil {
					t.Errorf("without syncing its %s nothing is wrong: the simulator sees nothing", what)
				}
			}
		})
	}
}
