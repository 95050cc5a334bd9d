package durability

import (
	"os"
	"strings"
	"testing"
)

// TestListWithOwner sends to a list with an owner by every way: programs and files in it are delivered to, and a member
// who cannot be reached is told to the owner, also where the sender's errors go to the terminal.
func TestListWithOwner(t *testing.T) {
	requireStrace(t)
	s := newSite(t, "b", false)
	owed := map[string][]string{}
	for tag, flags := range map[string]string{"own-i": "-odi -oem", "own-print": "-odi -oep", "own-quiet": "-odi -oeq", "own-b": "-odb -oem", "own-q": "-odq -oep"} {
		cmd := s.sendmail(append(strings.Fields(flags), "-i", "-f", "daemon@mail.test", "list")...)
		cmd.Stdin = strings.NewReader(text(tag))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("%s: %v\n%s", flags, err, out)
		}
		owed[tag] = listMembers
	}
	daemon := s.sendmail("-bD")
	must(t, daemon.Start())
	port := s.port(t)
	if !s.greeted(port) || !smtp(port, "own-smtp", "list@mail.test") {
		t.Error("the daemon does not take mail")
	}
	owed["own-smtp"] = listMembers
	until(t, "the queue is empty", func() bool { s.drain(t); return len(s.queued(t)) == 0 })
	must(t, daemon.Process.Signal(os.Interrupt))
	if err := daemon.Wait(); err != nil {
		t.Logf("the daemon ended: %v", err)
	}
	if out := s.account(t, owed, nil); len(out.lost) > 0 || out.doubled > 0 {
		t.Errorf("%+v", out)
	}
	lp, err := os.ReadFile(s.path("mail/lp"))
	must(t, err)
	for tag := range owed {
		if !tells(string(lp), debt{tag, "gone2@far.test"}) {
			t.Errorf("the owner does not hear of %s", tag)
		}
	}
	for _, not := range []string{"Cannot mail directly", "/prog", "/out"} {
		if strings.Contains(string(lp), not) {
			t.Errorf("the owner hears of %q:\n%s", not, lp)
		}
	}
	if text, err := os.ReadFile(s.path("mail/daemon")); err == nil {
		t.Errorf("the sender hears:\n%s", text)
	}
}
