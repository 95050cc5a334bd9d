package mta

import (
	"os"
	"testing"

	"gosendmail/internal/envelope"
)

// TestMessageWithPartsStays ends a message whose recipients all went to a part that could not be written anew yet: the
// part counts only as long as the message names it, so the message stays in the queue, whichever way it ends.
func TestMessageWithPartsStays(t *testing.T) {
	for name, end := range map[string]func(*message) error{
		"handed in":        func(m *message) error { return m.drop(t.Context()) },
		"after an attempt": func(m *message) error { return m.finish(t.Context()) },
	} {
		for _, left := range []bool{true, false} {
			s := testServer(t, "true")
			m := s.newMessage(s.site, s.macros, s.spool.NewID())
			entry, err := s.spool.Group("").CreateAs(t.Context(), m.id)
			if err != nil {
				t.Fatal(err)
			}
			m.entry = entry
			m.env.SenderText, m.env.Sender = "<a@other.test>", "a@other.test"
			m.env.Recipients = []*envelope.Recipient{{Addr: "list@mail.test"}}
			if err := entry.Commit(m.env); err != nil {
				t.Fatal(err)
			}
			m.env.Recipients = nil
			if left {
				m.env.Parts = []string{s.spool.NewID()}
			}
			if err := end(m); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, err = os.Stat(s.site.options.QueueDirectory + "/qf" + m.id)
			if there := err == nil; there != left {
				t.Errorf("%s, with parts %t: in the queue %t (%v)", name, left, there, err)
			}
			if err := entry.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
