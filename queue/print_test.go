package queue_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosendmail/queue"
)

// TestPrint has the original's layout; oracle_test.go compares more of it with the original itself.
func TestPrint(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"q1/df", "q1/qf", "q2"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	created := time.Date(2026, 11, 2, 4, 5, 6, 0, time.Local)
	s := testSpool(t, func(c *queue.Config) {
		c.Groups[0].Directory = base + "/q*"
		c.Now = func() time.Time { return created.Add(time.Hour) }
	})
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(base, name), []byte(strings.ReplaceAll(text, "TIME", unixText(created))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("q1/df/df6AM4Zx4D000001", "hello\n")
	write("q1/qf/qf6AM4Zx4D000001", "V8\nTTIME\nKTIME\nN1\nP60038\nB7BIT\nMDeferred: \x9b\xe9\033x\nFw\nSalice\n"+
		"Cbob:2002:2002:pipe\nRPFD:bob\nC\nRPFD:<c@d>\nH??Subject: R\n.\n")
	write("q1/df/df6AM4Zx4D000002", "hello\n")
	write("q1/qf/qf6AM4Zx4D000002", "V8\nTTIME\nK0\nN0\nP9\nS<>\nRPFD:<\xe9@d>\n.\n")
	for _, c := range []struct {
		list queue.Listing
		want string
	}{
		{queue.Listing{}, `		BASE/q1/df (2 requests)
-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
6AM4Zx4D000002        6 Mon Nov  2 04:05 <>
					 <\351@d>
6AM4Zx4D000001        6 Mon Nov  2 04:05 alice
          7BIT   (Deferred: \233\351\033x)
					 bob
					 <c@d>
BASE/q2 is empty
		Total requests: 2
`},
		{queue.Listing{Verbose: true, MinAge: 2 * time.Hour, Max: 1, Select: queue.Selection{Senders: []queue.Match{{Text: "ALICE"}}},
			Busy: func(p int64, _ time.Time) bool { return false }}, `		BASE/q1/df (1 request)
-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------
6AM4Zx4D000001-       6      60038+Nov  2 04:05 alice
          7BIT   (Deferred: \233\351\033x)
						(---bob:2002:2002:pipe---)
						bob
						(------)
						<c@d>
BASE/q2 is empty
		Total requests: 1
`},
		{queue.Listing{Busy: func(p int64, _ time.Time) bool { return p > 1000 }, Select: queue.Selection{IDs: []queue.Match{{Text: "0001"}}}},
			`		BASE/q1/df (1 request)
-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
6AM4Zx4D000001X       6 Mon Nov  2 04:05 alice
          7BIT   (Deferred: \233\351\033x)
					 bob
					 <c@d>
BASE/q2 is empty
		Total requests: 1
`},
		{queue.Listing{Select: queue.Selection{Group: "other"}}, "\t\tTotal requests: 0\n"},
	} {
		var b bytes.Buffer
		if err := s.Print(&b, c.list); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(b.String(), base, "BASE"); got != c.want {
			t.Errorf("%+v: got\n%s\nwant\n%s", c.list, got, c.want)
		}
	}
	var b bytes.Buffer
	if err := s.PrintCounts(&b); err != nil || strings.ReplaceAll(b.String(), base, "") != "/q1: entries=2\n/q2: entries=0\n\t\tTotal requests: 2\n" {
		t.Errorf("counts %q, %v", b.String(), err)
	}
}

func unixText(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
