package mailers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLockOfDeadProcess takes a lock away at once where it is known that nobody holds it, and only there.
func TestLockOfDeadProcess(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	dead := lockHolder(gone.Process.Pid) // it is there until it is waited for
	if err := gone.Wait(); err != nil {
		t.Fatal(err)
	}
	mine := lockHolder(os.Getpid())
	me := here()
	tests := []struct {
		name, text string
		free       bool
	}{
		{"dead", dead, true},
		{"alive", mine, false},
		{"number in use again", fmt.Sprintf("%d\n%s 1\n", os.Getpid(), strings.Join(me, " ")), true},
		{"before the last start", strings.Replace(mine, me[1], "00000000-0000-0000-0000-000000000000", 1), true},
		{"another host", strings.Replace(dead, me[0], me[0]+".elsewhere", 1), false},
		{"another container", strings.Replace(dead, me[2], "pid:[1]", 1), false},
		{"another program's", fmt.Sprintf("%d\n", gone.Process.Pid), false},
		{"cut off", strings.TrimSuffix(dead, "\n"), false},
		{"empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "box")
			if err := os.WriteFile(path+".lock", []byte(tt.text), 0o444); err != nil {
				t.Fatal(err)
			}
			unlock, err := dotLock(context.Background(), path, 0)
			if (err == nil) != tt.free {
				t.Fatalf("%q: %v", tt.text, err)
			}
			if err != nil {
				return
			}
			if got := read(t, path+".lock"); got != mine {
				t.Errorf("lock file %q", got)
			}
			unlock()
			if _, err := os.Stat(path + ".lock"); err == nil {
				t.Error("the lock stays")
			}
		})
	}
}

// TestTornTail appends to what a crash left: the next message begins on a line of its own, behind an empty one.
func TestTornTail(t *testing.T) {
	for before, want := range map[string]string{
		"":                                "",
		"From a\n\nwhole\n\n":             "From a\n\nwhole\n\n",
		"From a\n\nno empty line\n":       "From a\n\nno empty line\n\n",
		"From a\n\ncut o":                 "From a\n\ncut o\n\n",
		"From a\n\nnever written\x00\x00": "From a\n\nnever written\x00\x00\n\n",
		"\n":                              "\n\n",
	} {
		path := filepath.Join(t.TempDir(), "box")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		two := []*deposit{{message: strings.NewReader("From b\n\nx\n\n")}, {message: io.MultiReader(strings.NewReader("half"), brokenReader{})},
			{message: strings.NewReader("From c\n\ny\n\n")}}
		appendAll(t.Context(), order{Kind: "mbox", Path: path, Owner: os.Geteuid()}, two)
		if two[0].err != nil || two[1].err == nil || two[2].err != nil {
			t.Fatalf("%q: %v %v %v", before, two[0].err, two[1].err, two[2].err)
		}
		if got := read(t, path); got != want+"From b\n\nx\n\nFrom c\n\ny\n\n" {
			t.Errorf("%q: %q", before, got)
		}
	}
}
