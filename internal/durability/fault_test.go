package durability

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// waiting are the messages of the fault tests, with reports, receipts and a split due.
var waiting = []struct {
	tag, flags string
	rcpts      []string
}{
	{"f-bounce", "", []string{"gone@far.test", "bin@mail.test"}},
	{"f-list", "", []string{"list"}},
	{"f-receipt", "-Nsuccess,failure", []string{"games@md.test", "file@mail.test"}},
	{"f-far", "", []string{"far@far.test", "prog@mail.test"}},
}

// queueAll puts the messages into the queue.
func (s *site) queueAll(t *testing.T) map[string][]string {
	t.Helper()
	owed := map[string][]string{}
	for _, w := range waiting {
		args := []string{"-odq", "-oem", "-i", "-f", "daemon@mail.test"}
		if w.flags != "" {
			args = append(args, w.flags)
		}
		s.run(t, text(w.tag), append(args, w.rcpts...)...)
		owed[w.tag] = w.rcpts
		if w.rcpts[0] == "list" {
			owed[w.tag] = listMembers
		}
	}
	return owed
}

// restore takes back what was delivered and restores the queue.
func (s *site) restore(t *testing.T, queue state) {
	t.Helper()
	for _, pattern := range []string{"queue/*", "mail/*", "md/*", "files/*"} {
		names, err := filepath.Glob(s.path(pattern))
		must(t, err)
		for _, name := range names {
			must(t, os.RemoveAll(name))
		}
	}
	for name, data := range queue {
		if filepath.Dir(name) == s.path("queue") {
			must(t, os.WriteFile(name, data, 0o600))
		}
	}
	s.peer.mu.Lock()
	clear(s.peer.took)
	s.peer.mu.Unlock()
}

// after runs the queue, now that everything works again, and reports what is missing. No hand may be needed.
func (s *site) after(t *testing.T, owed map[string][]string) (doubled int, err error) {
	t.Helper()
	for range 4 {
		s.drain(t)
	}
	if left := s.queued(t); len(left) > 0 {
		return 0, fmt.Errorf("stays in the queue: %v", left)
	}
	many := map[debt]int{}
	for tag, rcpts := range owed {
		for _, r := range rcpts {
			many[debt{tag, r}] = 100 // what was tried may come again
		}
	}
	out := s.account(t, owed, many)
	if len(out.lost) > 0 {
		return out.doubled, fmt.Errorf("lost: %v", out.lost)
	}
	return out.doubled, s.receipt()
}

// receipt looks for the report that the sender asked for.
func (s *site) receipt() error {
	box, err := os.ReadFile(s.path("mail/daemon"))
	if err != nil || !strings.Contains(string(box), "successful delivery notifications") {
		return fmt.Errorf("no return receipt: %v", err)
	}
	return nil
}

// faulty are the calls that fail.
const faulty = "openat,write,pwrite64,fsync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat," +
	"mkdir,mkdirat,flock"

// faults are what calls fail with.
var faults = []struct{ calls, fault string }{
	{faulty, "ENOSPC"}, {faulty, "EIO"}, {faulty, "EROFS"}, {"openat,socket,pipe2,dup3,accept4", "EMFILE"},
}

// TestEveryCallFails runs a queue with reports due while one call after the other fails, for itself and from then on.
func TestEveryCallFails(t *testing.T) {
	requireStrace(t)
	rnd := random(t)
	step := 25
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		step = 1
	}
	for _, tt := range faults {
		t.Run(tt.fault, func(t *testing.T) {
			s := newSite(t, "b", false)
			owed := s.queueAll(t)
			before := s.load(t)
			runs, doubled := 0, 0
			for _, name := range strings.Split(tt.calls, ",") {
				for at := 1 + rnd.IntN(step); ; at += 1 + rnd.IntN(2*step) {
					when := fmt.Sprint(at)
					if runs%2 == 1 {
						when += "+"
					}
					s.restore(t, before)
					if !s.failing(t, name, tt.fault, when) {
						break // there are not so many
					}
					runs++
					n, err := s.after(t, owed)
					if doubled += n; err != nil {
						t.Errorf("%s of %s number %s: %v", tt.fault, name, when, err)
					}
				}
			}
			t.Logf("%d runs, nothing lost, %d deliveries doubled", runs, doubled)
		})
	}
}

// failing runs the queue with a fault and reports whether it was met.
func (s *site) failing(t *testing.T, name, fault, when string) bool {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	_ = inject(s.sendmail("-q"), out, name, fault, when).Run() // it may well fail
	text, err := os.ReadFile(out)
	must(t, err)
	return strings.Contains(string(text), "(INJECTED)")
}

// TestFullDisk gives the queue a small file system of its own, in a private mount name space, and leaves room for a few
// blocks or files, or none, or makes it read-only, while the queue is run.
func TestFullDisk(t *testing.T) {
	requireStrace(t)
	for _, tt := range []struct {
		name, options string
		room          []string
		fill, mend    string
	}{
		{"blocks", "size=400k", []string{"0", "4", "8", "16"},
			"head -c 1m /dev/zero > Q/fill; truncate -s -Nk Q/fill", "rm Q/fill"},
		{"inodes", "size=4m,nr_inodes=40", []string{"0", "1", "2", "3", "5"},
			"for i in $(seq 60); do touch Q/fill$i; done; for i in $(seq N); do rm Q/fill$i; done", "rm Q/fill*"},
		{"read-only", "size=4m", []string{"0"}, "mount -o remount,ro Q", "mount -o remount,rw Q"},
	} {
		for _, room := range tt.room {
			t.Run(tt.name+" "+room, func(t *testing.T) {
				s := newSite(t, "b", false)
				owed := s.queueAll(t)
				script := `set -u; mkdir D/saved; mv Q/* D/saved/
mount -t tmpfs -o ` + tt.options + `,mode=700 none Q || exit 9
cp -a D/saved/* Q/; rm -r D/saved
` + tt.fill + ` 2>/dev/null
SM -q; SM -q
` + tt.mend + `
SM -q; SM -q; SM -q
mkdir D/left; mv Q/[qQh]f* D/left/; exit 0`
				text := strings.NewReplacer("SM", s.bin+"/sendmail -C"+s.path("sm.cf"), "Q/", s.path("queue")+"/", " Q", " "+s.path("queue"),
					"D/", s.dir+"/", "N", room).Replace(script)
				if out, err := exec.Command("unshare", "-m", "sh", "-c", text).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				left, err := filepath.Glob(s.path("left/*"))
				must(t, err)
				if len(left) > 0 {
					t.Errorf("stays in the queue: %v", left)
				}
				if n, err := s.after(t, owed); err != nil {
					t.Error(err)
				} else {
					t.Logf("nothing lost, %d deliveries doubled", n)
				}
			})
		}
	}
}

// TestReportsThatCannotBeStored runs a queue that takes no more mail (MinFreeBlocks): who failed, and who is owed a
// receipt, stays in it and is told later; nobody is delivered to again.
func TestReportsThatCannotBeStored(t *testing.T) {
	requireStrace(t)
	s := newSite(t, "b", false)
	owed := s.queueAll(t)
	for range 2 {
		if out, err := s.sendmail("-OMinFreeBlocks=100000000000", "-q").CombinedOutput(); err != nil {
			t.Logf("%v %s", err, out)
		}
	}
	kept := map[string]string{}
	for _, name := range s.queued(t) {
		text, err := os.ReadFile(name)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Lowed") || line[0] == 'R' {
				kept[line[:2]] += line
			}
		}
	}
	for _, want := range []string{"gone@far.test", "gone2@far.test", "games@md.test", "file@mail.test"} {
		if !strings.Contains(kept["Lo"], want) {
			t.Errorf("%s is not kept:\n%v", want, kept)
		}
	}
	if got := strings.Count(kept["RP"]+kept["RF"], "R"); got != 2 {
		t.Errorf("to be tried by the original: %q %q", kept["RP"], kept["RF"])
	}
	for _, box := range []string{"mail/daemon", "mail/lp"} {
		if _, err := os.Stat(s.path(box)); err == nil {
			t.Errorf("%s: a report came through", box)
		}
	}
	doubled, err := s.after(t, owed)
	if err != nil || doubled > 0 {
		t.Errorf("%v, %d deliveries doubled", err, doubled)
	}
}
