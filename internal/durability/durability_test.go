package durability

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "of random choices; 0 means the time")

func random(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", n)
	return rand.New(rand.NewPCG(n, 1))
}

// record is what was recorded of a site at work.
type record struct {
	root   string
	before state
	calls  []call
	owed   map[string][]string // recipients by tag
	first  bool                // stop at the first fault
	keep   int                 // so many states, taken at random, are kept
}

// result counts what a replay found.
type result struct {
	points, states, acked int
	wrong                 []string
	memo                  *memo
	kept                  []crash
}

// crash is a state with what the outside had been told until then.
type crash struct {
	what     string
	state    state
	acked    map[string]bool
	external map[debt]bool
}

var (
	acceptedReply = regexp.MustCompile(`250 2\.0\.0 (\w+) Message accepted`)
	tagIn         = regexp.MustCompile(`line of ([-\w]+)`)
	keptReply     = regexp.MustCompile(`kept (\S+) ([^.]+\.test(?: [^.]+\.test)*)\.`)
)

// replay cuts a record at every sync, acknowledgement and delivery. Calls that skip names are left out: syncs, for
// negative controls.
func (r *record) replay(t *testing.T, rnd *rand.Rand, many int, skip func(call) bool) result {
	t.Helper()
	d := newDisk(r.root)
	for path, data := range r.before {
		d.put(path, data)
	}
	for _, sub := range []string{"queue", "mail", "md", "files"} {
		d.directory(filepath.Join(r.root, sub))
	}
	for _, sub := range []string{"queue/qf", "queue/df", "queue/xf", "letter"} {
		if _, err := os.Stat(filepath.Join(r.root, sub)); err == nil {
			d.directory(filepath.Join(r.root, sub))
		}
	}
	res := result{memo: newMemo()}
	ids := map[string]string{} // tags
	acked := map[string]bool{}
	external := map[debt]bool{}
	for i, c := range r.calls {
		if r.first && len(res.wrong) > 0 {
			break
		}
		syncs := strings.HasSuffix(c.name, "sync")
		if syncs && skip != nil && skip(c) {
			continue
		}
		if syncs {
			r.cut(d, rnd, many, acked, external, &res)
		}
		synced := d.apply(t, i, c)
		news := r.news(d, c, ids, acked, external)
		if synced || news {
			r.cut(d, rnd, many, acked, external, &res)
		}
	}
	r.cut(d, rnd, many, acked, external, &res)
	res.acked = len(acked)
	return res
}

// news learns what a call told the outside, and reports whether it did.
func (r *record) news(d *disk, c call, ids map[string]string, acked map[string]bool, external map[debt]bool) bool {
	switch c.name {
	case "write":
		_, path := fd(c.args[0])
		if name := filepath.Base(path); d.mine(path) && strings.HasPrefix(name, "df") {
			if m := tagIn.FindStringSubmatch(c.args[1]); m != nil {
				ids[name[2:]] = m[1]
			}
			return false
		}
		if d.mine(path) {
			return false
		}
		if tag, ok := strings.CutPrefix(c.args[1], "ack "); ok {
			acked[strings.TrimSpace(tag)] = true
			return true
		}
		if m := acceptedReply.FindStringSubmatch(c.args[1]); m != nil {
			acked[ids[m[1]]] = true
			return true
		}
	case "read", "recvfrom":
		if m := keptReply.FindStringSubmatch(c.args[1]); m != nil {
			for _, rcpt := range strings.Fields(m[2]) {
				external[debt{m[1], rcpt}] = true
			}
			return true
		}
	}
	return false
}

// cut looks at all that may survive at this moment.
func (r *record) cut(d *disk, rnd *rand.Rand, many int, acked map[string]bool, external map[debt]bool, res *result) {
	res.points++
	look := func(s state, what string) {
		res.states++
		r.sample(rnd, crash{fmt.Sprintf("point %d, %s", res.points, what), s, acked, external}, res)
		l := res.memo.read(r.root, s)
		for tag := range acked {
			for _, rcpt := range r.owed[tag] {
				if err := l.check(debt{tag, rcpt}, external[debt{tag, rcpt}]); err != nil && len(res.wrong) < 20 {
					res.wrong = append(res.wrong, fmt.Sprintf("point %d, %s: %v", res.points, what, err))
				}
			}
		}
	}
	look(d.now(), "process killed")
	for _, ch := range d.choices(rnd, many) {
		look(d.survivors(ch), fmt.Sprintf("power failed, %+v", ch))
	}
}

// sample keeps a state with the probability that makes all of them as likely.
func (r *record) sample(rnd *rand.Rand, c crash, res *result) {
	i := len(res.kept)
	if i >= r.keep {
		if i = rnd.IntN(res.states); i >= r.keep {
			return
		}
	} else {
		res.kept = append(res.kept, crash{})
	}
	c.acked, c.external = maps.Clone(c.acked), maps.Clone(c.external)
	res.kept[i] = c
}

// jobs are what the site is given to do: each line is a message of its own, with the flags it is handed in by and its
// recipients.
var jobs = []struct {
	tag, flags string
	rcpts      []string
}{
	{"mbox-i", "-odi", []string{"bin@mail.test"}},
	{"mbox-again", "-odi", []string{"bin@mail.test"}},
	{"maildir-i", "-odi", []string{"games@md.test"}},
	{"file-i", "-odi", []string{"file@mail.test"}},
	{"prog-i", "-odi", []string{"prog@mail.test"}},
	{"far-i", "-odi", []string{"far@far.test"}},
	{"mixed-b", "-odb", []string{"bin@mail.test", "games@md.test", "far@far.test", "gone@far.test", "wait@far.test"}},
	{"list-i", "-odi", []string{"list"}},
	{"list-e", "-odi -oee", []string{"list"}},
	{"list-q", "-odq", []string{"list", "wait@far.test"}},
	{"bounce-q", "-odq", []string{"gone@far.test", "file@mail.test"}},
	{"smtp-b", "-bs", []string{"bin@mail.test", "games@md.test", "far@far.test", "gone@far.test"}},
	{"smtp-q", "-odq -bs", []string{"list@mail.test", "file@mail.test"}},
	{"receipt-q", "-odq -Nsuccess,failure", []string{"bin@mail.test", "games@md.test"}},
}

// script does the jobs and runs the queue twice.
func (s *site) script(t *testing.T) (*exec.Cmd, map[string][]string) {
	t.Helper()
	owed := map[string][]string{}
	sm := s.bin + "/sendmail -C" + s.path("sm.cf")
	var b strings.Builder
	members := func(rcpts []string) []string {
		if i := slices.IndexFunc(rcpts, func(r string) bool { return strings.HasPrefix(r, "list") }); i >= 0 {
			return append(slices.Delete(slices.Clone(rcpts), i, i+1), listMembers...)
		}
		return rcpts
	}
	for _, j := range jobs {
		if strings.Contains(j.flags, "-bs") {
			owed[j.tag] = members(j.rcpts)
			must(t, os.WriteFile(s.path("in."+j.tag), []byte(dialogue(j.tag, j.rcpts)), 0o644))
			fmt.Fprintf(&b, "%s=%s %s %s %s\n", feedEnv, s.path("in."+j.tag), os.Args[0], sm, j.flags)
			continue
		}
		must(t, os.WriteFile(s.path("in."+j.tag), []byte(text(j.tag)), 0o644))
		owed[j.tag] = members(j.rcpts)
		fmt.Fprintf(&b, "%s -oem -i %s -f daemon@mail.test %s < %s; test $? != 75 && echo ack %s\n", sm, j.flags, strings.Join(j.rcpts, " "),
			s.path("in."+j.tag), j.tag)
	}
	fmt.Fprintf(&b, "%s -q\n%s -q\n", sm, sm)
	return exec.Command("/bin/sh", "-c", b.String()), owed
}

// dialogue is what a client says to hand a message in, for feed.
func dialogue(tag string, rcpts []string) string {
	lines := []string{"EHLO x\r\n", "MAIL FROM:<daemon@mail.test>\r\n"}
	for _, r := range rcpts {
		lines = append(lines, "RCPT TO:<"+r+">\r\n")
	}
	return strings.Join(append(lines, "DATA\r\n", strings.ReplaceAll(text(tag), "\n", "\r\n")+".\r\n", "QUIT\r\n"), "\f")
}

// load reads the files of a site.
func (s *site) load(t *testing.T) state {
	t.Helper()
	out := state{}
	must(t, filepath.Walk(s.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			out[path], err = os.ReadFile(path)
		}
		return err
	}))
	return out
}

// TestEverySyncPoint records a site at work, and looks at all that may be left of it at every moment.
func TestEverySyncPoint(t *testing.T) {
	requireStrace(t)
	many := 1
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		many = 40
	}
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprintf("apart=%v", apart), func(t *testing.T) {
			rnd := random(t)
			s := newSite(t, "b", apart)
			cmd, owed := s.script(t)
			r := &record{root: s.dir, before: s.load(t), owed: owed}
			r.calls = strace(t, cmd)
			r.keep = 6 * many
			res := r.replay(t, rnd, many, nil)
			r.keep = 0
			t.Logf("%d calls, %d messages acknowledged, cut at %d points: %d states", len(r.calls), res.acked, res.points, res.states)
			for _, w := range res.wrong {
				t.Error(w)
			}
			if res.acked != len(owed) {
				t.Errorf("%d of %d messages were acknowledged", res.acked, len(owed))
			}
			s.controls(t, r, rnd)
			s.runAfter(t, res.kept, owed)
		})
	}
}

// controls leave one kind of sync out, and must find mail lost.
func (s *site) controls(t *testing.T, r *record, rnd *rand.Rand) {
	t.Helper()
	within := func(dir string) func(call) bool {
		return func(c call) bool { _, p := fd(c.args[0]); return filepath.Dir(p) == s.path(dir) }
	}
	is := func(dir string) func(call) bool {
		return func(c call) bool { _, p := fd(c.args[0]); return p == s.path(dir) }
	}
	named := func(letters string) func(call) bool {
		return func(c call) bool { _, p := fd(c.args[0]); return strings.HasPrefix(filepath.Base(p), letters) }
	}
	kinds := map[string]func(call) bool{
		"data files": named("df"), "control files": named("tf"), "the queue's names": is("queue"), "mailboxes": within("mail"),
		"names of mailboxes": is("mail"), "mail in maildirs": within("md/games/tmp"), "names of mail in maildirs": is("md/games/new"),
		"a maildir's name": is("md"), "a maildir's folders": is("md/games"), "files": is("files/out"), "names of files": is("files"),
	}
	if _, err := os.Stat(s.path("queue/qf")); err == nil {
		kinds["the queue's names"] = is("queue/qf")
		kinds["the names of data files"] = is("queue/df")
	}
	r.first = true
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if res := r.replay(t, rnd, 1, kinds[name]); len(res.wrong) == 0 {
			t.Errorf("without syncing %s nothing is missing in %d states: the simulator sees nothing", name, res.states)
		} else {
			t.Logf("without syncing %s: %s", name, res.wrong[0])
		}
	}
}

// TestDaemonAtEverySyncPoint is the same for a daemon, which keeps files for the next messages and delivers in the
// background.
func TestDaemonAtEverySyncPoint(t *testing.T) {
	requireStrace(t)
	rnd := random(t)
	s := newSite(t, "b", false)
	port := s.port(t)
	r := &record{root: s.dir, before: s.load(t), owed: map[string][]string{}}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := s.sendmail("-bD", "-q1h")
	prepareTrace(cmd, out)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	must(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	until(t, "the daemon answers", func() bool { return smtp(port, "first", "bin@mail.test") })
	r.owed["first"] = []string{"bin@mail.test"}
	for i := range 12 {
		tag := fmt.Sprintf("daemon-%d", i)
		rcpts := [][]string{{"bin@mail.test", "far@far.test"}, {"games@md.test", "gone@far.test"}, {"list@mail.test"}, {"file@mail.test"}}[i%4]
		r.owed[tag] = rcpts
		if rcpts[0] == "list@mail.test" {
			r.owed[tag] = listMembers
		}
		if !smtp(port, tag, rcpts...) {
			t.Fatalf("%s was not accepted", tag)
		}
	}
	until(t, "the queue is empty", func() bool { return len(s.queued(t)) == 0 })
	pid, err := os.ReadFile(s.path("pid"))
	must(t, err)
	var n int
	fmt.Sscan(string(pid), &n)
	must(t, syscall.Kill(n, syscall.SIGTERM))
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.calls = readTrace(t, out)
	res := r.replay(t, rnd, 1, nil)
	t.Logf("%d calls, %d messages acknowledged, cut at %d points: %d states", len(r.calls), res.acked, res.points, res.states)
	for _, w := range res.wrong {
		t.Error(w)
	}
	if res.acked != len(r.owed) {
		t.Errorf("%d of %d messages were acknowledged", res.acked, len(r.owed))
	}
}

// queued lists the control files of a site.
func (s *site) queued(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"queue/[qhQ]f?*", "queue/qf/[qhQ]f?*"} {
		names, err := filepath.Glob(s.path(pattern))
		must(t, err)
		list = append(list, names...)
	}
	return list
}

// until polls, for two minutes at most.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 4000 {
		if ok() {
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
	t.Fatalf("not in time: %s", what)
}
