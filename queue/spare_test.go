package queue_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gosendmail/queue"
)

func spareSpool(t *testing.T, n int) (*queue.Spool, string) {
	dir := t.TempDir()
	return testSpool(t, func(c *queue.Config) { c.Groups[0].Directory, c.Spares = dir, n }), dir
}

// pass sends one message through the queue; meanwhile looks at it.
func pass(t *testing.T, s *queue.Spool, text string, meanwhile func(e *queue.Entry)) {
	t.Helper()
	e := create(t, s.Group(""), text)
	if err := e.Commit(testEnvelope("<b@example.test>")); err != nil {
		t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile(e)
	}
	if err := e.Remove(); err != nil {
		t.Fatal(err)
	}
}

// TestSpares sends long and short messages in turn: each must find its own text and nothing of others.
func TestSpares(t *testing.T) {
	s, dir := spareSpool(t, 4)
	for i := range 20 {
		text := strings.Repeat(string(rune('a'+i)), 3000/(i%7+1)) + "\n"
		pass(t, s, text, func(e *queue.Entry) {
			if got := read(t, filepath.Join(dir, "df"+e.ID())); got != text {
				t.Errorf("%d: df has %d bytes, want %d", i, len(got), len(text))
			}
			if qf := read(t, filepath.Join(dir, "qf"+e.ID())); !strings.HasSuffix(qf, "\n.\n") || strings.Count(qf, "\n.\n") != 1 {
				t.Errorf("%d: qf is %q", i, qf)
			}
			if info, err := os.Stat(filepath.Join(dir, "df"+e.ID())); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%d: %v %v", i, info, err)
			}
		})
		if got := files(t, dir); len(got) > 4 || strings.Contains(strings.Join(got, " "), "qf") {
			t.Fatalf("%d: left %q", i, got)
		}
	}
	if list, err := s.List(queue.Selection{}); err != nil || len(list) > 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	again := false
	for _, name := range files(t, dir) {
		_, n, _ := strings.Cut(name, fmt.Sprintf("Spare%dn", os.Getpid()))
		if k, err := strconv.Atoi(n); err == nil && k > 4 {
			again = true // the fifth name can only be given to a file that came back
		}
	}
	if !again {
		t.Errorf("files were not used again: %q", files(t, dir))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := files(t, dir); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
}

// TestSparesWait holds that nothing is written to a file before its new name is durable: until the next sync of the
// directory the text stays as it was.
func TestSparesWait(t *testing.T) {
	s, dir := spareSpool(t, 4)
	pass(t, s, "the old text\n", nil)
	next := create(t, s.Group(""), "the new text\n")
	defer next.Abort()
	found := false
	for _, name := range files(t, dir) {
		found = found || read(t, filepath.Join(dir, name)) == "the old text\n"
	}
	if !found {
		t.Errorf("the old text is gone from %q", files(t, dir))
	}
}

// TestSparesAreNobodyElses keeps files from being used again that somebody may still look at.
func TestSparesAreNobodyElses(t *testing.T) {
	s, dir := spareSpool(t, 8)
	link := filepath.Join(t.TempDir(), "link")
	var open io.ReadCloser
	pass(t, s, "linked\n", func(e *queue.Entry) {
		if err := os.Link(filepath.Join(dir, "df"+e.ID()), link); err != nil {
			t.Fatal(err)
		}
	})
	pass(t, s, "being read\n", func(e *queue.Entry) {
		var err error
		if open, err = e.Open(); err != nil {
			t.Fatal(err)
		}
	})
	pass(t, s, strings.Repeat("long\n", 1<<15), nil)
	for range 4 {
		pass(t, s, "another\n", nil)
	}
	if got := read(t, link); got != "linked\n" {
		t.Errorf("the link has %q", got)
	}
	if got, err := io.ReadAll(open); err != nil || string(got) != "being read\n" {
		t.Errorf("the reader gets %q, %v", got, err)
	}
	if err := open.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range files(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 1<<15 {
			t.Errorf("%s was kept: %v %v", name, info, err)
		}
	}
}

// TestSparesLost goes on where somebody removes them.
func TestSparesLost(t *testing.T) {
	s, dir := spareSpool(t, 4)
	for range 3 {
		pass(t, s, "text\n", nil)
		for _, name := range files(t, dir) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
