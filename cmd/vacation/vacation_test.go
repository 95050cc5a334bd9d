package main

import (
	"strings"
	"testing"
)

// TestNobodyThere are senders and messages that get no answer here, as the manual page says or RFC 3834 demands.
func TestNobodyThere(t *testing.T) {
	v := &vacation{names: []string{"alice"}}
	for _, c := range []struct {
		sender, fields string
		wanted         bool
	}{
		{"bob@x.test", "To: alice", true},
		{"h!x!bob", "To: alice", true},
		{"list-request@x.test", "To: alice", false},
		{"List-Owner@x.test", "To: alice", false},
		{"x-relay@x.test", "To: alice", false},
		{"h!owner-list", "To: alice", false},
		{"<>", "To: alice", false},
		{"bob@x.test", "To: alice\nAuto-Submitted: auto-replied", false},
		{"bob@x.test", "To: alice\nauto-submitted:AUTO-generated; x=y", false},
		{"bob@x.test", "To: alice\nAuto-Submitted: no (really)", true},
		{"bob@x.test", "To: alice\nAuto-Submitted: no; x=y", true},
		{"bob@x.test", "To: " + strings.Repeat("x@y.test, ", 1000) + "alice", true},
		{"bob@x.test", "To: " + strings.Repeat("x", 2*maxLine) + "\nCc: alice", true},
		{"bob@x.test", "Subject: x\n\nTo: alice", false},
	} {
		m, err := v.read(strings.NewReader("From " + c.sender + " Thu\n" + c.fields + "\n\nbody\n"))
		if err != nil || m.wanted != c.wanted {
			t.Errorf("%s, %.60q: %v, %v", c.sender, c.fields, m.wanted, err)
		}
	}
	for _, first := range []string{"From a\tb x\n", "From a\x00b x\n", "From \"a\rb\" x\n"} {
		if m, err := v.read(strings.NewReader(first + "To: alice\n\n")); err == nil {
			t.Errorf("%q: sender %q", first, m.sender)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("From bob@x.test Thu\nTo: a,\n alice\n\nx")
	v := &vacation{names: []string{"alice"}}
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := v.read(strings.NewReader(text)); err == nil && strings.ContainsAny(m.sender, "\r\n\t\x00") {
			t.Errorf("sender %q", m.sender)
		}
	})
}
