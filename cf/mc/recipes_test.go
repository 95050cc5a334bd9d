package mc_test

import (
	"os"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/oracletest"
)

// What sites add in rules of their own finds the library's rule sets, workspaces and classes as it finds the
// original's.
func TestRecipes(t *testing.T) {
	oracletest.Root(t)
	archive, err := os.ReadFile("testdata/recipes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	own := []string{
		"Among a $| a b", "Start,Local_greet_pause c.example $| 10.8.1.1", "Start,Local_greet_pause bad.client.example $| 10.1.1.1",
		"Start,greet_pause c.example $| 10.8.1.1", "Start,greet_pause bad.client.example $| 99.1.1.1", "CheckTo friend@x.y", "CheckTo joe@x.y",
		"CheckId <a@b.c>", "CheckId a", "3,0 me@5551234.PAGER", "3,0 me@localhost.PAGER", "/try pager me@5551234.PAGER", "/tryflags ES",
		"/try pager you@host.domain.com", "/try roles x@roles.domain.com", "3,0 x@roles.domain.com", "3,0 x@deep.sub.example", "3,0 a@one.example",
		"3,1 a@one.example", "3,2 a@two.example", "3 u@old.example", "3 a!b.one.example", "3,0 x@localhost.far.example", "3,0 q@b.c",
		"3,93 z@dis.example", "3,94 z@dis.example", "4 z<@masked.example.>", "/tryflags HR", "/try smtp z@dis.example",
	}
	s := newSite(t)
	for _, part := range strings.Split(string(archive), "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		t.Run(name, func(t *testing.T) {
			text := complete(text + "\n")
			ours := compile(t, mc.Options{}, name, text)
			theirs := original(t, text)
			sameLines(t, ours, theirs)
			s.sameAnswers(t, ours, theirs, append(own, probes(probeCount())...))
		})
	}
}
