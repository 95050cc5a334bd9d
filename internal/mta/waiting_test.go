package mta

import (
	"context"
	"strings"
	"testing"

	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// TestWaitingIsLogged: what the log says of mail that is not delivered at once, by delivery mode, as the original logs
// it.
func TestWaitingIsLogged(t *testing.T) {
	const local, remote = "<alice@mail.test>", "<a@elsewhere.test>"
	for _, c := range []struct {
		mode   byte
		reason string // of a quarantine
		to     string
		want   string // "" means no line
	}{
		{'q', "", local, ""}, // whose aliases are still to be expanded
		{'d', "", local, ""},
		{'q', "", remote, "mailer=relay, pri=30014, stat=queued"},
		{'d', "", remote, "mailer=relay, pri=30014, stat=queued"},
		{'q', "odd", local, ""},
		{'b', "odd", local, ""},
		{'i', "odd", local, "quarantine=odd, stat=quarantined"},
	} {
		s := testServer(t, "false")
		s.site.options.DeliveryMode = c.mode
		session := s.testSession(t)
		session.hold = c.reason
		send(t, session, "<a@other.test>", []string{c.to}, "Subject: x\n\nx\n")
		log := logText(t, s)
		if c.want == "" && strings.Contains(log, "stat=") || !strings.Contains(log, c.want) {
			t.Errorf("mode %c, %q, %s: want %q in\n%s", c.mode, c.reason, c.to, c.want, log)
		}
	}
}

// TestLastGreetingNamesTheProtocol: HELO after EHLO is SMTP again.
func TestLastGreetingNamesTheProtocol(t *testing.T) {
	s := testServer(t, "false")
	c := s.testSession(t)
	c.Helo(context.Background(), "HELO", "client.test")
	send(t, c, "<a@other.test>", []string{"<alice@mail.test>"}, "Subject: x\n\nx\n")
	if log := logText(t, s); !strings.Contains(log, "proto=SMTP,") {
		t.Errorf("log:\n%s", log)
	}
}

// TestEarlyTalkerIsRefused: the words of greet_pause, and those for what follows.
func TestEarlyTalkerIsRefused(t *testing.T) {
	c := testServer(t, "false").testSession(t)
	if r := c.EarlyTalk(context.Background()); shown(r) != "554  mail.test ESMTP not accepting messages" {
		t.Errorf("%s", shown(r))
	}
	if r := c.Mail(context.Background(), "<a@other.test>", nil); shown(r) != "550 5.0.0 Command rejected" {
		t.Errorf("%s", shown(r))
	}
}

// TestProgramsCountWhenTheySucceed: a delivery to a program that failed is none in the statistics; a peer that answered
// counts.
func TestProgramsCountWhenTheySucceed(t *testing.T) {
	program, peer := &mailers.Mailer{Path: "/bin/sh"}, &mailers.Mailer{Path: "[IPC]"}
	deferred := status.Status{Exit: status.TempFail}
	refused := status.Status{Exit: status.Unavailable, Remote: "mx.test", Diagnostic: "550 no"}
	if reached(program, deferred) || reached(program, refused) || !reached(program, status.Status{}) || !reached(peer, refused) || reached(peer, deferred) {
		t.Error("counted by other rules")
	}
}
