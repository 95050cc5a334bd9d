package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/status"
	"gosendmail/queue"
)

// send gives one message to a session and returns the last answer.
func send(t testing.TB, c *Session, from string, to []string, text string) status.Reply {
	t.Helper()
	ctx := context.Background()
	if r := c.Mail(ctx, from, &smtp.MailOptions{}); r.Code != 250 {
		return r
	}
	for _, addr := range to {
		if r := c.Rcpt(ctx, addr, &smtp.RcptOptions{}); r.Code != 250 {
			return r
		}
	}
	if r := c.StartData(ctx); r.Code != 354 {
		return r
	}
	return c.Data(ctx, strings.NewReader(text))
}

func shown(r status.Reply) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, strings.Join(r.Lines, "|")))
}

func TestAnswers(t *testing.T) {
	big := strings.Repeat(strings.Repeat("x", 99)+"\n", 1001)
	tests := []struct {
		name, from string
		to         []string
		text, want string
	}{
		{"local", "<a@other.test>", []string{"<alice@mail.test>"}, "\nx\n", "250 2.0.0 ID Message accepted for delivery"},
		{"sender refused", "<bad@other.test>", nil, "", "550 5.7.1 <bad@other.test>... go away"},
		{"recipient refused", "<a@other.test>", []string{"<refused@mail.test>"}, "", "450 4.7.1 <refused@mail.test>... later"},
		{"unknown user", "<a@other.test>", []string{"<nobody@mail.test>"}, "", "550 5.1.1 <nobody@mail.test>... User unknown"},
		{"error mailer", "<a@other.test>", []string{"<x@nowhere.test>"}, "", "550 5.1.2 <x@nowhere.test>... Host unknown"},
		{"alias", "<a@other.test>", []string{"<list@mail.test>"}, "\nx\n", "250 2.0.0 ID Message accepted for delivery"},
		{"too many", "<a@other.test>", []string{"<a@x.test>", "<b@x.test>", "<c@x.test>", "<d@x.test>"}, "", "452 4.5.3 Too many recipients"},
		{"no recipient", "<a@other.test>", nil, "", "503 5.0.0 Need RCPT (recipient)"},
		{"header refused", "<a@other.test>", []string{"<alice@mail.test>"}, "X-Refuse: yes please\n\nx\n", "550 5.7.1 the header says so"},
		{"header passes", "<a@other.test>", []string{"<alice@mail.test>"}, "X-Refuse: no\n\nx\n", "250 2.0.0 ID Message accepted for delivery"},
		{"too large", "<a@other.test>", []string{"<alice@mail.test>"}, "\n" + big, "552 5.2.3 Message exceeds maximum fixed size (100000)"},
		{"discarded", "<drop@other.test>", []string{"<alice@mail.test>"}, "\nx\n", "250 2.0.0 ID Message accepted for delivery"},
		{"null sender", "<>", []string{"<alice@mail.test>"}, "\nx\n", "250 2.0.0 ID Message accepted for delivery"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testServer(t, "false")
			c := s.testSession(t)
			id := c.id
			got := strings.ReplaceAll(shown(send(t, c, tt.from, tt.to, tt.text)), id, "ID")
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			queued := len(queueFiles(t, s))
			if want := strings.HasPrefix(tt.want, "250") && tt.name != "discarded"; (queued == 1) != want {
				t.Errorf("%d messages in the queue after %s", queued, got)
			}
		})
	}
}

// queueFiles returns the control files of a server's queue.
func queueFiles(t *testing.T, s *Server) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.spool.Group("").Directories()[0], "qf*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// lostConnection is a message whose client vanishes.
type lostConnection struct{ io.Reader }

func (l lostConnection) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err == io.EOF {
		err = errors.New("connection reset")
	}
	return n, err
}

func TestLostConnectionLeavesNothing(t *testing.T) {
	s := testServer(t, "false")
	c := s.testSession(t)
	ctx := context.Background()
	c.Mail(ctx, "<a@other.test>", nil)
	c.Rcpt(ctx, "<alice@mail.test>", nil)
	if r := c.Data(ctx, lostConnection{strings.NewReader("Subject: x\n\nhalf a mess")}); r.Code < 400 {
		t.Errorf("answered %s", shown(r))
	}
	entries, err := os.ReadDir(s.spool.Group("").Directories()[0])
	if err != nil || len(entries) != 0 {
		t.Errorf("left in the queue: %v, %v", entries, err)
	}
}

func TestTwinIsNamedOnce(t *testing.T) {
	s := testServer(t, "false")
	c := s.testSession(t)
	ctx := context.Background()
	c.Mail(ctx, "<a@other.test>", nil)
	c.Rcpt(ctx, "<alice@mail.test>", nil)
	if got := shown(c.Rcpt(ctx, "<ALICE@mail.test>", nil)); got != "250 2.1.5 <alice@mail.test>... Recipient ok" {
		t.Errorf("answered %s", got)
	}
	if n := len(c.msg.env.Recipients); n != 1 {
		t.Errorf("%d recipients", n)
	}
}

// deliver runs the queue of a server once.
func deliver(t testing.TB, s *Server) {
	t.Helper()
	if err := s.RunQueue(context.Background(), queue.Selection{IDs: []queue.Match{{Text: ""}}}); err != nil {
		t.Fatal(err)
	}
	s.Wait()
}

func mailbox(t *testing.T, s *Server, user string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(filepath.Dir(s.spool.Group("").Directories()[0]), "mail", user))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeliveredToMailbox(t *testing.T) {
	s := testServer(t, "false")
	send(t, s.testSession(t), "<a@other.test>", []string{"<alice@mail.test>"}, "From: x\nBcc: hidden\nTo: alice\nSubject: one\n\nthe body\n")
	deliver(t, s)
	box := mailbox(t, s, "alice")
	for _, want := range []string{"Return-Path: <a@other.test>\n", "\tfor <alice@mail.test>; ", "Subject: one\n", "\n\nthe body\n", "Date: ", "Message-Id: <"} {
		if !strings.Contains(box, want) {
			t.Errorf("%q is missing in\n%s", want, box)
		}
	}
	if strings.Contains(box, "Bcc") {
		t.Errorf("the blind copy shows:\n%s", box)
	}
	if left := queueFiles(t, s); len(left) != 0 {
		t.Errorf("left in the queue: %v", left)
	}
}

// TestListMemberUnknown delivers to an alias of which one member does not exist: the other gets the mail, the sender a
// DSN.
func TestListMemberUnknown(t *testing.T) {
	s := testServer(t, "false")
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<list@mail.test>"}, "Subject: two\n\nx\n")
	deliver(t, s)
	deliver(t, s)
	box := mailbox(t, s, "alice")
	for _, want := range []string{"Subject: two\n", "Subject: Returned mail: see transcript for details\n", "550 5.1.1 bob... User unknown", "Action: failed\n", "Status: 5.1.1\n"} {
		if !strings.Contains(box, want) {
			t.Errorf("%q is missing in\n%s", want, box)
		}
	}
	if left := queueFiles(t, s); len(left) != 0 {
		t.Errorf("left in the queue: %v", left)
	}
}

func TestTooManyHops(t *testing.T) {
	s := testServer(t, "false")
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<alice@mail.test>"}, strings.Repeat("Received: x\n", 30)+"\nx\n")
	deliver(t, s)
	deliver(t, s)
	if box := mailbox(t, s, "alice"); !strings.Contains(box, "\n554 5.4.6 Too many hops 31 (25 max): from <alice@mail.test> via [192.0.2.1], to <alice@mail.test>\n") {
		t.Errorf("mailbox:\n%s", box)
	}
}
