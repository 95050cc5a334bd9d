package testmode_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// verifyFiles are the aliases, lists and .forward files of the world that -bv is asked in.
var verifyFiles = map[string]string{
	"etc/mail/aliases": "postmaster: root\nMAILER-DAEMON: postmaster\nlist: :include:/etc/mail/list, bob\npipe: \"|/bin/cat > /dev/null\"\nfile: /tmp/x.mbox\n" +
		"chain: chain2\nchain2: alice, carol\nloop: loop2\nloop2: loop\nrem: x@remote.test, y@nosuch.test\nesc: \\alice\nbadinc: :include:/nonexistent\n" +
		"owner-list: root\nmixed: alice, nosuch, \"|false\", /dev/null\nquoted: \"|/bin/sh -c \\\"a b\\\"\"\nerr: error:5.1.1 no such\nnull: /dev/null\n",
	"etc/mail/list":       "carol, x@remote.test\n\"|/bin/false\"\n# c\n\nAlice <alice>\n",
	"home/bob/.forward":   "bob2@remote.test\n",
	"home/carol/.forward": "\"|/bin/cat\"\n\\carol\n",
}

// TestVerify: -bv of addresses of all kinds.
func TestVerify(t *testing.T) {
	ours := ownProgram(t)
	calls := []string{"alice nosuch bob@remote.test nosuch2", "", "-n list postmaster", "-f x@y.test bob alice", "alice alice ALICE chain2", "-m list root",
		"alice a@b@@ nosuch", "-- alice"}
	for _, a := range strings.Split("root|alice|bob|carol|nosuch|alice+tag|alice@mail.example.test|Alice@MAIL.example.test|alice@localhost|bob@remote.test|x@nosuch.test|"+
		"x@nullmx.test|x@aonly.test|x@alias.test|list|pipe|file|chain|chain2|loop|loop2|rem|esc|badinc|owner-list|mixed|quoted|err|null|postmaster|\"|/bin/cat\"|/tmp/foo|"+
		":include:/etc/mail/list|\\alice|\\\\bob|<alice>|Full Name <alice>|alice (c)|a@b@@|| |alice,bob|alice, bob@remote.test|<|\"a|a b|@|@remote.test|x!y|"+
		"a%b@mail.example.test|<@mail.example.test:a@remote.test>|alice@[127.0.0.1]|alice@[127.0.2.7]|x@mail|daemon|nobody|MAILER-DAEMON|group: a, b;|a@x.uucp|a@.|a@..|"+
		".|mail.example.test!alice|"+strings.Repeat("a", 300), "|") {
		calls = append(calls, "'"+a+"'")
	}
	var script strings.Builder
	script.WriteString("cp $ARENA/o.cf /etc/mail/sendmail.cf; chown 2002 $ARENA/home/bob/.forward; chown 2003 $ARENA/home/carol/.forward\n$SM -bi >/dev/null\n")
	for _, c := range calls {
		fmt.Fprintf(&script, "for p in ${SM%%%% *} %s; do echo '### '; $p -bv %s 2>&1; echo \"exit $?\"; done\n", ours, c)
	}
	_, out := oracletest.Arena(t, script.String(), func(dir string) {
		for name, text := range verifyFiles {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, filepath.Dir(name)), filepath.Base(name), text)
		}
	})
	parts := strings.Split(out, "### \n")[1:]
	if len(parts) != 2*len(calls) {
		t.Fatalf("%d answers to %d calls", len(parts), len(calls))
	}
	deliverable := 0
	for i, c := range calls {
		deliverable += strings.Count(parts[2*i], "deliverable")
		same(t, "-bv "+c, parts[2*i], parts[2*i+1])
	}
	if deliverable < 50 {
		t.Errorf("only %d places: too little is asked", deliverable)
	}
}
