package oracletest

import (
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	a := &Account{
		Mailboxes: []string{"alice"}, Peers: "C: RCPT To:<far@remote.test> NOTIFY=NEVER\n", Queue: "RPFD:later@virt.test\n",
		Told: "nosuch... User unknown\nFinal-Recipient: RFC822; rej@remote.test\nTo: named@nowhere.test\n",
		Log:  `to="|cat", ctladdr=pipe (118/0), stat=Sent`, Aliases: map[string][]string{"two": {"alice", "far@remote.test"}, "bad": {"alice", "lost"}},
	}
	named := []string{"alice@example.test", "alice+x", "far@remote.test", "later@virt.test", "nosuch", "rej@remote.test", "pipe", "two",
		"bad", "named@nowhere.test", "ice", "bob"}
	if got, want := a.Missing(named), []string{"bad", "named@nowhere.test", "ice", "bob"}; !slices.Equal(got, want) {
		t.Errorf("missing %q, want %q", got, want)
	}
}
