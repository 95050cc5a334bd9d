package mta

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// waysIn are the ways in which a message gets n recipients.
var waysIn = map[string]func(tb testing.TB, s *Server, n int){
	"arguments": func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", addresses(n, "x%d@elsewhere.test")...) },
	"one field": func(tb testing.TB, s *Server, n int) {
		submitTo(tb, s, "To: "+strings.Join(addresses(n, "x%d@elsewhere.test"), ",\n ")+"\n")
	},
	"many fields": func(tb testing.TB, s *Server, n int) {
		submitTo(tb, s, "To: "+strings.Join(addresses(n, "x%d@elsewhere.test"), "\nTo: ")+"\n")
	},
	"RCPT": func(tb testing.TB, s *Server, n int) {
		send(tb, s.testSession(tb), "<a@other.test>", addresses(n, "<x%d@elsewhere.test>"), "Subject: x\n\nx\n")
	},
	"alias":           func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", "all") },
	"list":            func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", "included") },
	"aliases":         func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", addresses(n, "single%d")...) },
	"unknown users":   func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", addresses(n, "nobody%d")...) },
	"failing aliases": func(tb testing.TB, s *Server, n int) { submitTo(tb, s, "", addresses(n, "bad%d")...) },
}

// addresses are n texts of a form.
func addresses(n int, form string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(form, i)
	}
	return list
}

// submitTo hands in a message for the queue, with recipients as arguments and, where header names some, from there.
func submitTo(tb testing.TB, s *Server, header string, args ...string) {
	tb.Helper()
	ctx := context.Background()
	sub := s.NewSubmission(SubmissionOptions{FromHeader: header != ""})
	if err := sub.Sender(ctx, "", false, 0); err != nil {
		tb.Fatal(err)
	}
	sub.Recipients(ctx, args...)
	if refusal := sub.Collect(ctx, strings.NewReader(header+"Subject: x\n\nx\n")); refusal != nil {
		tb.Fatal(refusal)
	}
	if !sub.Addressed() {
		tb.Fatal("nobody is addressed")
	}
	if _, _, err := sub.Release(ctx, true, false); err != nil {
		tb.Fatal(err)
	}
}

// costServer is a server with aliases for n recipients and no limits on their number.
func costServer(tb testing.TB, n int) *Server {
	config := strings.Replace(testConfig, "O MaxRecipientsPerMessage=3\n", "O MaxRecipientsPerMessage=0\n", 1)
	s := testServerOf(tb, "false", config, nil)
	dir := filepath.Dir(s.site.options.QueueDirectory)
	text := "included: :include:" + dir + "/list\nall: " + strings.Join(addresses(n, "x%d@elsewhere.test"), ", ") + "\n"
	for i := range n {
		text += fmt.Sprintf("single%d: y%d@elsewhere.test\nbad%d: nobody%d\n", i, i, i, i)
	}
	list := strings.Join(addresses(n, "z%d@elsewhere.test"), "\n") + "\n"
	for name, text := range map[string]string{"aliases": text, "list": list} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if _, problems, err := RebuildAliases(tb.Context(), s.site.Site, s.Log, "tester"); err != nil || len(problems) > 0 {
		tb.Fatal(err, problems)
	}
	return s
}

// TestRecipientsCostTheSame counts what is allocated for messages to some recipients and to eight times as many: each
// costs the same, in whatever way he is named and however many there are.
func TestRecipientsCostTheSame(t *testing.T) {
	const few, factor = 150, 8
	for name, way := range waysIn {
		t.Run(name, func(t *testing.T) {
			bytes, objects := cost(costServer(t, few), t, way, few)
			manyBytes, manyObjects := cost(costServer(t, few*factor), t, way, few*factor)
			if most := uint64(factor * 3 / 2); manyBytes > bytes*most || manyObjects > objects*most {
				t.Errorf("%d recipients: %d objects, %d bytes; %d times as many: %d objects, %d bytes",
					few, objects, bytes, factor, manyObjects, manyBytes)
			}
		})
	}
}

// cost returns what is allocated while n recipients are named.
func cost(s *Server, t *testing.T, way func(testing.TB, *Server, int), n int) (bytes, objects uint64) {
	way(t, s, n) // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	way(t, s, n)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// BenchmarkRecipients names 1,000, 4,000 and 16,000 recipients: see docs/performance.md.
func BenchmarkRecipients(b *testing.B) {
	for name, way := range waysIn {
		for _, n := range []int{1000, 4000, 16000} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), n), func(b *testing.B) {
				s := costServer(b, n)
				for b.Loop() {
					way(b, s, n)
				}
			})
		}
	}
}
