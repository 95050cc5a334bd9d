package mta

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckpoints looks at what the queue file names while a message is being delivered: a crash at that moment repeats
// the deliveries to those whom it still names.
func TestCheckpoints(t *testing.T) {
	for interval, want := range map[int][]int{10: {25, 25, 15, 5}, 4: {25, 21, 13, 5}, 0: {25, 25, 25, 25}} {
		dir := t.TempDir()
		// A mailer that looks at the queue file before it delivers to users 0, 5, 13 and 23.
		script := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\ncase $1 in u00|u05|u13|u23) grep -c ^R %%[1]s/queue/qf* >>%s/seen;; esac\n", dir)
		config := withOption(fmt.Sprintf("CheckpointInterval=%d", interval))
		config = strings.Replace(config, "Mlocal, P=[mbox], F=lsDFMAwP, S=0, R=0, A=mbox %[1]s/mail/$u",
			"Mlocal, P="+dir+"/look, F=lsDFMAnPS, S=0, R=0, A=look $u", 1)
		config = strings.Replace(config, "O MaxRecipientsPerMessage=3\n", "", 1)
		s := testServerOf(t, "true", config, nil)
		queueDir := s.site.options.QueueDirectory
		if err := os.WriteFile(filepath.Join(dir, "look"), []byte(fmt.Sprintf(script, filepath.Dir(queueDir))), 0o755); err != nil {
			t.Fatal(err)
		}
		var rcpts []string
		for i := range 25 {
			rcpts = append(rcpts, fmt.Sprintf("<u%02d@mail.test>", i))
		}
		send(t, s.testSession(t), "<a@other.test>", rcpts, "Subject: x\n\nx\n")
		deliver(t, s)
		text, err := os.ReadFile(filepath.Join(dir, "seen"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(string(text)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("CheckpointInterval=%d: the queue file names %v, want %v", interval, got, want)
		}
		if left, err := filepath.Glob(filepath.Join(queueDir, "qf*")); err != nil || len(left) > 0 {
			t.Errorf("in the queue: %q, %v", left, err)
		}
	}
}

// TestCheckpointsOfManyRecipients delivers to n recipients, a hundred at a time or each by himself: what all
// checkpoints write together grows as n does, and up to a thousand recipients the option alone counts.
func TestCheckpointsOfManyRecipients(t *testing.T) {
	written := func(n, group int) (lines int) {
		sent := 0
		for left := n; left > 0; left -= group {
			if sent >= checkpointAfter(10, left) {
				lines += left
				sent = 0
			}
			sent += group
		}
		return lines
	}
	for _, group := range []int{1, 100} {
		for _, n := range []int{10000, 100000, 1000000} {
			if lines := written(n, group); lines > 120*n {
				t.Errorf("%d recipients, %d at a time: %d lines are written", n, group, lines)
			}
		}
	}
	if got := checkpointAfter(10, 1000); got != 10 {
		t.Errorf("a thousand recipients: after %d", got)
	}
}

// TestTooManyRecipients: those above the default limit are to come in another transaction.
func TestTooManyRecipients(t *testing.T) {
	s := testServerOf(t, "false", strings.Replace(testConfig, "O MaxRecipientsPerMessage=3\n", "", 1), nil)
	c := s.testSession(t)
	ctx := context.Background()
	for range 2 {
		c.Mail(ctx, "<a@other.test>", nil)
		replies := map[string]int{}
		for i := range 1100 {
			replies[shown(c.Rcpt(ctx, fmt.Sprintf("<x%d@elsewhere.test>", i), nil))[:9]]++
		}
		if replies["250 2.1.5"] != 1000 || replies["452 4.5.3"] != 100 {
			t.Errorf("%v", replies)
		}
		if r := c.Data(ctx, strings.NewReader("Subject: x\n\nx\n")); r.Code != 250 {
			t.Error(shown(r))
		}
	}
	files := queueFiles(t, s)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if n := strings.Count(string(text), "\nR"); err != nil || n != 1000 {
			t.Errorf("a message with %d recipients: %v", n, err)
		}
	}
	if len(files) != 2 {
		t.Errorf("%d messages", len(files))
	}
}
