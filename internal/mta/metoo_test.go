package mta

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMeToo is what the original does with senders in their own lists.
func TestMeToo(t *testing.T) {
	const aliases = "list: alice, bob\nonly: alice\nself: alice, alice\ntwo: only, bob\nnest: list, carol\nowned: alice, bob\nowner-owned: carol\n"
	for _, c := range []struct {
		sender, to string
		others     string // who gets it with MeToo=False
		all        string // with True
	}{
		{"alice", "list", "bob", "alice bob"},
		{"alice", "only", "alice", "alice"},
		{"alice", "self", "alice", "alice"},
		{"alice", "two", "bob", "alice bob"},
		{"alice", "nest", "bob carol", "alice bob carol"},
		{"alice", "alice", "alice", "alice"},
		{"alice", "list alice", "alice bob", "alice bob"},
		{"alice", "only list", "bob", "alice bob"},
		{"carol", "list", "alice bob", "alice bob"},
		{"", "list", "alice bob", "alice bob"},
	} {
		for _, option := range []bool{false, true} {
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "note"), []byte("#!/bin/sh\ncat >/dev/null\necho $1 >>"+bin+"/got\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			config := strings.Replace(withOption(fmt.Sprintf("MeToo=%t", option)),
				"P=[mbox], F=lsDFMAwP, S=0, R=0, A=mbox %[1]s/mail/$u",
				"P="+bin+"/note, F=lsDFMAnPS, S=0, R=0, A=note $u", 1)
			s := testServerOf(t, "false", config, nil)
			dir := filepath.Dir(s.site.options.QueueDirectory)
			if err := os.WriteFile(filepath.Join(dir, "aliases"), []byte(aliases), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, problems, err := RebuildAliases(t.Context(), s.site.Site, s.Log, "tester"); err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			sender := "<>"
			if c.sender != "" {
				sender = "<" + c.sender + "@mail.test>"
			}
			var rcpts []string
			for _, to := range strings.Fields(c.to) {
				rcpts = append(rcpts, "<"+to+"@mail.test>")
			}
			send(t, s.testSession(t), sender, rcpts, "Subject: x\n\nx\n")
			deliver(t, s)
			text, err := os.ReadFile(filepath.Join(bin, "got"))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Fields(string(text))
			slices.Sort(got)
			want := c.others
			if option {
				want = c.all
			}
			if strings.Join(got, " ") != want {
				t.Errorf("from %q to %s, MeToo=%t: %q, want %q", c.sender, c.to, option, got, want)
			}
		}
	}
}
