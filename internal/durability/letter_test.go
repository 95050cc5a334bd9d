package durability

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLetterAtEverySyncPoint records a message that can be neither delivered nor returned: the file of DeadLetterDrop
// is the only one that has it then, and is made for it.
func TestLetterAtEverySyncPoint(t *testing.T) {
	requireStrace(t)
	s := newSite(t, "b", false)
	must(t, os.Mkdir(s.path("letter"), 0o700))
	cf, err := os.ReadFile(s.path("sm.cf"))
	must(t, err)
	changed := strings.Replace(string(cf), "O DoubleBounceAddress=lp\n",
		"O DoubleBounceAddress=gone2@far.test\nO DeadLetterDrop="+s.path("letter/drop")+"\n", 1)
	must(t, os.WriteFile(s.path("sm.cf"), []byte(changed), 0o644))
	must(t, os.WriteFile(s.path("in.dead"), []byte(text("dead")), 0o644))
	sm := s.bin + "/sendmail -C" + s.path("sm.cf")
	script := fmt.Sprintf("%[1]s -odi -oem -i -f gone@far.test gone@far.test < %[2]s; echo ack dead\n"+
		"%[1]s -q\n%[1]s -q\n", sm, s.path("in.dead"))
	r := &record{root: s.dir, before: s.load(t), owed: map[string][]string{"dead": {"gone@far.test"}}}
	r.calls = strace(t, exec.Command("/bin/sh", "-c", script))
	if list, err := filepath.Glob(s.path("queue/?f*")); err != nil || len(list) > 0 {
		t.Fatalf("in the queue in the end: %q, %v", list, err)
	}
	rnd := random(t)
	res := r.replay(t, rnd, 4, nil)
	t.Logf("%d calls, cut at %d points: %d states", len(r.calls), res.points, res.states)
	for _, w := range res.wrong {
		t.Error(w)
	}
	if res.acked != 1 {
		t.Errorf("%d messages were acknowledged", res.acked)
	}
	r.first = true
	for name, path := range map[string]string{"the letter": s.path("letter/drop"), "its name": s.path("letter")} {
		skip := func(c call) bool { _, p := fd(c.args[0]); return p == path }
		if res := r.replay(t, rnd, 4, skip); len(res.wrong) == 0 {
			t.Errorf("without syncing %s nothing is missing in %d states: the simulator sees nothing", name, res.states)
		}
	}
}
