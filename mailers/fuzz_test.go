package mailers

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"gosendmail/internal/status"
)

// FuzzReadReply: whatever a peer says, the reply is bounded and printable, and its judgement is consistent.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 2.0.0 b\r\n"))
	f.Add([]byte("220\r\n"))
	f.Add([]byte("garbage\n550 5.1.1 \x00\xff\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(bufio.NewReader(bytes.NewReader(in)), nil)
		if err != nil {
			return
		}
		if r.Code < 100 || r.Code > 999 || len(r.Lines) == 0 || len(r.Lines) > maxReplyLines {
			t.Fatalf("%+v", r)
		}
		for _, l := range r.Lines {
			if len(l) > maxReplyLine || strings.ContainsAny(l, "\r\n\x00\x1b") {
				t.Errorf("line %q", l)
			}
		}
		for p := phaseGreeting; p <= phaseDot; p++ {
			st := r.status(p, "peer")
			if st.Success() != r.good() || st.Success() != (st.Exit == status.OK) {
				t.Errorf("%+v: %+v", r, st)
			}
			// Codes of other classes are no answers; the phase decides what becomes of the message.
			if class := r.Code / 100; (class == 4 || class == 5) && (class == 5) != st.Permanent() {
				t.Errorf("%+v: %+v", r, st)
			}
		}
	})
}
