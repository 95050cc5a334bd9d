package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
	"gosendmail/queue"
	"gosendmail/rules"
)

// TestOwedOutcomes keeps what the sender is yet to be told: as it was for us, as a recipient to be tried again for the
// original, but no program or file, which the site may have refused.
func TestOwedOutcomes(t *testing.T) {
	failed := status.Status{Exit: status.NoUser, Code: 550, Enhanced: status.Enhanced{5, 1, 1},
		Text: "User \"unknown\"\nx", Remote: "mx.test", Diagnostic: "550 5.1.1 \u00e9"}
	list := &envelope.Recipient{Addr: "list", State: envelope.Expanded, Primary: true}
	env := &envelope.Envelope{SenderText: "<a@b.test>", Created: time.Unix(1000, 0), Recipients: []*envelope.Recipient{
		{Addr: "<wait@x>", Primary: true},
		{Addr: "<gone@x>", Primary: true, Orcpt: "rfc822;o@x", Final: "rfc822; f@x", State: envelope.Failed, Owed: true,
			Status: failed, Tried: time.Unix(2000, 0)},
		{Addr: "<told@x>", Primary: true, State: envelope.Failed},
		{Addr: "<receipt@x>", Primary: true, State: envelope.Delivered, Owed: true, Notify: envelope.NotifySuccess},
		{Addr: "|refused", Alias: list, State: envelope.Failed, Owed: true,
			Triple: rules.Triple{Mailer: "prog", User: "refused"}},
		{Addr: "<last@x>", Primary: true, Ctladdr: &envelope.Ctladdr{User: "alice", UID: 1, GID: 2, Addr: "x"}},
	}}
	text := string(queue.AppendControl(nil, &queue.Control{Envelope: env}))
	var r []string
	for line := range strings.Lines(text) {
		if line[0] == 'R' {
			r = append(r, strings.TrimSpace(line))
		}
	}
	if got := strings.Join(r, " "); got != "RPFD:<wait@x> RPFD:<gone@x> RPFD:<last@x>" {
		t.Errorf("for the original: %s", got)
	}
	c, err := queue.ParseControl([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := append(env.Recipients[:2:2], env.Recipients[3:]...)
	if len(c.Envelope.Recipients) != len(want) {
		t.Fatalf("%d recipients\n%s", len(c.Envelope.Recipients), text)
	}
	for i, got := range c.Envelope.Recipients {
		if want[i].Alias != nil {
			if got.Alias == nil || got.Alias.Addr != "list" {
				t.Errorf("%s: the alias %+v", got.Addr, got.Alias)
			}
			got.Alias = want[i].Alias
		}
		if got.Status.Text != "" {
			got.Status.Text = failed.Text // line breaks survive in it
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("got  %+v\nwant %+v", got, want[i])
		}
	}
	if again := string(queue.AppendControl(nil, c)); again != text {
		t.Errorf("again:\n%s\nfirst:\n%s", again, text)
	}
}

// TestPartsCountOnce splits a message and stops at each step: a part counts when the whole names it, is void before
// that and when the whole is gone, unless it came to stand by itself.
func TestPartsCountOnce(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	whole := create(t, s.Group(""), "body\n")
	env := testEnvelope("<a@b>", "<c@d>")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(whole.Commit(env))
	part := func() *queue.Entry {
		e, err := whole.Clone(whole.Group())
		must(err)
		penv := testEnvelope("<c@d>")
		penv.PartOf = whole.ID()
		must(e.Commit(penv))
		return e
	}
	open := func(id string) (*queue.Entry, error) {
		it, err := s.Find(id)
		if err != nil {
			return nil, err
		}
		e, _, err := s.Open(it)
		return e, err
	}
	void := part()
	must(void.Close()) // as a process that ended here leaves it
	if _, err := open(void.ID()); !errors.Is(err, queue.ErrGone) {
		t.Errorf("a part that the whole does not name: %v", err)
	}
	if got := kinds(t, dir); got != "df qf" {
		t.Errorf("left of the void part: %s", got)
	}
	counts := part()
	must(counts.Close())
	left := part() // of an earlier split, by a process that died
	must(left.Close())
	env.Parts = []string{counts.ID()}
	env.Recipients = env.Recipients[:1]
	must(whole.Update(env))
	e, err := open(counts.ID())
	must(err)
	if err := s.Adopt(counts.ID()); !errors.Is(err, queue.ErrLocked) {
		t.Errorf("adopted what is locked: %v", err)
	}
	must(e.Close())
	must(s.Adopt(counts.ID()))
	must(s.Adopt(void.ID()))
	must(whole.Remove())
	e, err = open(counts.ID())
	must(err)
	must(e.Remove())
	if _, err := open(left.ID()); !errors.Is(err, queue.ErrGone) {
		t.Errorf("a part that the whole never named and did not outlive: %v", err)
	}
	if got := kinds(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
}

// TestYoungCloneIsNoLitter lets the queue be tidied at every step of a clone of a message that is older than litter has
// to be.
func TestYoungCloneIsNoLitter(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	whole := create(t, s.Group(""), "body\n")
	if err := whole.Commit(testEnvelope("<a@b>")); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * queue.LitterAge)
	if err := os.Chtimes(filepath.Join(dir, "df"+whole.ID()), old, old); err != nil {
		t.Fatal(err)
	}
	other := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir }) // another process
	var points []string
	queue.SetCrash(s, func(p string) {
		points = append(points, p)
		if gone, err := other.Recover(0); err != nil || len(gone) > 0 {
			t.Errorf("at %s: removed %v, %v", p, gone, err)
		}
	})
	part, err := whole.Clone(whole.Group())
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(testEnvelope("<c@d>")); err != nil {
		t.Fatal(err)
	}
	if body, err := part.Open(); err != nil {
		t.Error(err)
	} else {
		body.Close()
	}
	if len(points) < 4 {
		t.Errorf("steps: %v", points)
	}
}

// TestQueueFileWithoutBody sets a message aside that lost its data file, so that it is not tried for ever.
func TestQueueFileWithoutBody(t *testing.T) {
	dir := t.TempDir()
	lost := ""
	s := testSpool(t, func(c *queue.Config) {
		c.Groups[0].Directory = dir
		c.Lost = func(id, _ string, _ error) { lost = id }
	})
	id := put(t, s, "m", nil)
	if err := os.Remove(filepath.Join(dir, "df"+id)); err != nil {
		t.Fatal(err)
	}
	it, err := s.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(it); !errors.Is(err, os.ErrNotExist) || lost != id {
		t.Errorf("%v, lost %q", err, lost)
	}
	if got := kinds(t, dir); got != "Qf" {
		t.Errorf("left: %s", got)
	}
}
