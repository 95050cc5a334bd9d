package mailers

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

func TestDialogue(t *testing.T) {
	p := &peer{ext: []string{"pipelining", "Size 1000000", "8BitMime", "DSN", "ENHANCEDSTATUSCODES"}}
	p.start(t)
	job := newJob(smtpMailer(t, p), "peer.test", "x@peer.test", "y@peer.test")
	job.Envelope.Body = envelope.Body8BitMIME
	job.Envelope.EnvID = "a+b c"
	job.Envelope.Flags.RetParam = true
	job.Rcpts[0].Notify = envelope.NotifySuccess | envelope.NotifyDelay
	job.Rcpts[0].Orcpt = "rfc822;X=x@peer.test"
	got := deliver(t, newTable(t, Config{}), job)
	want := []string{
		"EHLO client.test",
		"MAIL From:<a@src.test> SIZE=120 BODY=7BIT ENVID=a+2Bb+20c RET=FULL",
		"RCPT To:<x@peer.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X+3Dx@peer.test",
		"RCPT To:<y@peer.test>",
		"DATA",
		"QUIT",
	}
	if c := p.commands(); !slices.Equal(c, want) {
		t.Errorf("commands\n%q\nwant\n%q", c, want)
	}
	for a, s := range got {
		if !s.Success() || s.Text != "Sent (taken)" || s.Remote != "peer.test." {
			t.Errorf("%s: %+v", a, s)
		}
	}
	if want := "From: a@src.test\r\nSubject: hi\r\n\r\nline one\r\n..dot\r\nlast\r\n"; p.messages()[0] != want {
		t.Errorf("message %q, want %q", p.messages()[0], want)
	}
	if job.Peer == nil || !job.Peer.DSN || job.Peer.Addr.String() != "127.0.0.1" {
		t.Errorf("peer %+v", job.Peer)
	}
}

// faults are peers that misbehave in one way each, and what must become of the mail. Nothing may be lost, and nothing
// may be taken for delivered that the peer did not take.
var faults = []struct {
	name string
	peer peer
	exit int
	text string // part of the status text
}{
	{"disconnect_before_greeting", peer{greeting: "-"}, status.TempFail, "Connection reset by peer.test"},
	{"disconnect_in_greeting", peer{greeting: "220 pee"}, status.TempFail, "Connection reset by"},
	{"greeting_4xx", peer{greeting: "450 4.3.2 later\r\n"}, status.TempFail, "Deferred: 450 4.3.2 later"},
	{"greeting_5xx", peer{greeting: "554 5.7.1 go away\r\n"}, status.Unavailable, "Service unavailable"},
	{"greeting_421", peer{greeting: "421 busy\r\n"}, status.TempFail, "421 busy"},
	{"disconnect_in_ehlo", peer{answers: map[string]string{"EHLO": ""}}, status.TempFail, "Connection reset"},
	{"ehlo_4xx", peer{answers: map[string]string{"EHLO": "451 no"}}, status.TempFail, "451 no"},
	{"helo_5xx_too", peer{answers: map[string]string{"EHLO": "502 no", "HELO": "550 no"}}, status.Unavailable, "Service unavailable"},
	{"disconnect_in_mail", peer{answers: map[string]string{"MAIL": ""}}, status.TempFail, "Connection reset"},
	{"mail_4xx", peer{answers: map[string]string{"MAIL": "451 4.1.8 who"}}, status.TempFail, "Deferred: 451 4.1.8 who"},
	{"mail_5xx", peer{answers: map[string]string{"MAIL": "550 5.7.1 no"}}, status.Unavailable, "Service unavailable"},
	{"mail_421", peer{answers: map[string]string{"MAIL": "421 4.3.2 bye"}}, status.TempFail, "421 4.3.2 bye"},
	{"disconnect_in_rcpt", peer{answers: map[string]string{"RCPT": ""}}, status.TempFail, "Connection reset"},
	{"rcpt_4xx", peer{answers: map[string]string{"RCPT": "450 4.7.1 grey"}}, status.TempFail, "Deferred: 450 4.7.1 grey"},
	{"rcpt_5xx", peer{answers: map[string]string{"RCPT": "550 no such"}}, status.NoUser, "User unknown"},
	{"rcpt_421", peer{answers: map[string]string{"RCPT": "421 bye"}}, status.TempFail, "421 bye"},
	{"disconnect_in_data_command", peer{answers: map[string]string{"DATA": ""}}, status.TempFail, "Connection reset"},
	{"data_4xx", peer{answers: map[string]string{"DATA": "451 later"}}, status.TempFail, "451 later"},
	{"data_5xx", peer{answers: map[string]string{"DATA": "554 no"}}, status.Unavailable, "Service unavailable"},
	{"data_2xx", peer{answers: map[string]string{"DATA": "250 what"}}, status.Protocol, "Remote protocol error"},
	{"disconnect_after_dot", peer{dot: []string{""}}, status.TempFail, "Connection reset"},
	{"dot_4xx", peer{dot: []string{"452 4.3.1 full"}}, status.TempFail, "452 4.3.1 full"},
	{"dot_5xx", peer{dot: []string{"554 5.6.0 spam"}}, status.Unavailable, "Service unavailable"},
	{"dot_421", peer{dot: []string{"421 4.3.0 bye"}}, status.TempFail, "421 4.3.0 bye"},
	{"garbage_greeting", peer{greeting: "SSH-2.0-OpenSSH\r\n"}, status.TempFail, "timed out"},
	{"garbage_then_disconnect", peer{greeting: "220 x\r\nnot a reply\r\n\x00\xff\r\n"}, status.OK, "Sent"},
	{"reply_3xx_to_mail", peer{answers: map[string]string{"MAIL": "354 eh"}}, status.Protocol, "Remote protocol error"},
	{"code_out_of_range", peer{greeting: "999 x\r\n"}, status.Unavailable, "Service unavailable"},
	{"endless_reply", peer{greeting: strings.Repeat("220-more\r\n", 120000)}, status.TempFail, "Remote protocol error"},
	{"long_line", peer{greeting: "220 " + strings.Repeat("x", 100000) + "\r\n"}, status.OK, "Sent"},
	{"NUL_in_a_reply", peer{answers: map[string]string{"RCPT": "450 4.2.1 a\x00b"}}, status.TempFail, "450 4.2.1 a?b"},
	{"NUL_in_a_code", peer{dot: []string{"2\x0050 taken\r\n452 4.3.1 full"}}, status.TempFail, "452 4.3.1 full"},
	{"no_line_end", peer{answers: map[string]string{"MAIL": "250 ok\r\r\r"}}, status.OK, "Sent"},
	{"bare_line_ends", peer{greeting: "220-a\n220 b\n"}, status.OK, "Sent"},
	{"two_answers_at_once", peer{greeting: "220 a\r\n550 b\r\n"}, status.Protocol, "Remote protocol error"},
	{"control_characters", peer{answers: map[string]string{"RCPT": "450 a\x1b[31m\rb"}}, status.TempFail, "450 a?[31m?b"},
}

func TestPeerFaults(t *testing.T) {
	for i := range faults {
		f := &faults[i]
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/pipelining=%v", f.name, pipelining), func(t *testing.T) {
				p := &peer{greeting: f.peer.greeting, answers: f.peer.answers, dot: f.peer.dot}
				if pipelining {
					p.ext = []string{"PIPELINING"}
				}
				p.start(t)
				limits := Timeouts{Quit: 200 * time.Millisecond}
				if f.text == "timed out" {
					limits.Initial = 200 * time.Millisecond
				}
				table := newTable(t, Config{Timeouts: limits})
				got := deliver(t, table, newJob(smtpMailer(t, p), "peer.test", "x", "y"))
				for a, s := range got {
					if s.Exit != f.exit || !strings.Contains(s.Text, f.text) {
						t.Errorf("%s: exit %d %q, want %d %q", a, s.Exit, s.Text, f.exit, f.text)
					}
					if (f.exit == status.TempFail) != s.Temporary() {
						t.Errorf("%s: temporary %v: %+v", a, s.Temporary(), s)
					}
				}
			})
		}
	}
}

// inPieces sends one byte at a time.
type inPieces struct{ net.Conn }

func (c inPieces) Write(b []byte) (n int, err error) {
	for n = range b {
		if _, err := c.Conn.Write(b[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// TestRepliesInPieces: what a peer says counts alike however it is cut.
func TestRepliesInPieces(t *testing.T) {
	p := &peer{ext: []string{"PIPELINING", "SIZE 1000"}}
	p.answers = map[string]string{"RCPT To:<y>": "550-5.1.1 no\r\n550 5.1.1 y"}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.ln = ln
	p.wg.Go(func() {
		if c, err := ln.Accept(); err == nil {
			p.serve(inPieces{c})
		}
	})
	t.Cleanup(func() { ln.Close(); p.wg.Wait() })
	got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "x", "y"))
	if !got["x"].Success() || got["y"].Exit != status.NoUser {
		t.Errorf("%+v", got)
	}
}

func TestAllRecipientsRefusedButDataTaken(t *testing.T) {
	p := &peer{ext: []string{"PIPELINING"}, answers: map[string]string{"RCPT": "550 5.1.1 no"}}
	p.start(t)
	table := newTable(t, Config{CacheSize: 1})
	for range 2 {
		for _, s := range deliver(t, table, newJob(smtpMailer(t, p), "peer.test", "x", "y")) {
			if s.Exit != status.NoUser {
				t.Errorf("%+v", s)
			}
		}
	}
	// The empty message ended DATA, so that the session was fit for the next one.
	if p.sessions() != 1 || len(p.messages()) != 2 || p.messages()[0] != "" {
		t.Errorf("%d sessions, messages %q", p.sessions(), p.messages())
	}
}

func TestEachRecipientGetsItsOwnReply(t *testing.T) {
	for _, ext := range [][]string{nil, {"PIPELINING"}} {
		p := &peer{ext: ext, answers: map[string]string{"RCPT To:<bad>": "551 5.1.6 moved", "RCPT To:<later>": "450 4.2.1 later"}}
		p.start(t)
		got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "good", "bad", "later", "fine"))
		for a, exit := range map[string]int{"good": status.OK, "fine": status.OK, "bad": status.NoUser, "later": status.TempFail} {
			if got[a].Exit != exit {
				t.Errorf("%v %s: %+v", ext, a, got[a])
			}
		}
		if got["bad"].Diagnostic != "551 5.1.6 moved" || got["bad"].Enhanced != (status.Enhanced{5, 1, 6}) {
			t.Errorf("bad: %+v", got["bad"])
		}
	}
}

func TestConnectionCache(t *testing.T) {
	p := &peer{ext: []string{"PIPELINING"}}
	p.start(t)
	table := newTable(t, Config{CacheSize: 1})
	for range 5 {
		job := newJob(smtpMailer(t, p), "peer.test", "x")
		if got := deliver(t, table, job); !got["x"].Success() {
			t.Fatalf("%+v", got)
		}
	}
	table.Close()
	if p.sessions() != 1 || len(p.messages()) != 5 {
		t.Errorf("%d sessions for %d messages", p.sessions(), len(p.messages()))
	}
	if c := p.commands(); c[len(c)-1] != "QUIT" {
		t.Errorf("last command %q", c[len(c)-1])
	}
}

func TestKeptConnectionThatDied(t *testing.T) {
	for _, ext := range [][]string{nil, {"PIPELINING"}} {
		for _, answer := range []string{"", "421 4.4.2 idle for too long", "500 what"} {
			// The mail that finds the connection dead must go over a new one.
			p := &peer{ext: ext, answers: map[string]string{"RSET": answer}}
			p.start(t)
			table := newTable(t, Config{CacheSize: 1})
			for range 2 {
				if got := deliver(t, table, newJob(smtpMailer(t, p), "peer.test", "x")); !got["x"].Success() {
					t.Errorf("%v %q: %+v", ext, answer, got)
				}
			}
			if p.sessions() != 2 || len(p.messages()) != 2 {
				t.Errorf("%v %q: %d sessions, %d messages", ext, answer, p.sessions(), len(p.messages()))
			}
		}
	}
}

func TestMessagesPerConnection(t *testing.T) {
	p := &peer{}
	p.start(t)
	m := smtpMailer(t, p)
	m.MaxMessages = 2
	table := newTable(t, Config{CacheSize: 1})
	for range 4 {
		deliver(t, table, newJob(m, "peer.test", "x"))
	}
	if p.sessions() != 2 {
		t.Errorf("%d sessions for four messages of m=2", p.sessions())
	}
}

func TestRecipientsPerTransaction(t *testing.T) {
	for _, ext := range [][]string{nil, {"PIPELINING"}} {
		p := &peer{ext: ext}
		p.start(t)
		m := smtpMailer(t, p)
		m.MaxRecipients = 250
		var users []string
		for i := range 600 {
			users = append(users, fmt.Sprintf("u%d", i))
		}
		deliver(t, newTable(t, Config{CacheSize: 1}), newJob(m, "peer.test", users...))
		if len(p.messages()) != 3 || p.sessions() != 1 {
			t.Errorf("%d messages in %d sessions, want 3 in 1", len(p.messages()), p.sessions())
		}
	}
}

func TestEHLOFallsBackToHELO(t *testing.T) {
	p := &peer{answers: map[string]string{"EHLO": "500 what"}}
	p.start(t)
	if got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "x")); !got["x"].Success() {
		t.Errorf("%+v", got)
	}
	if c := p.commands(); c[1] != "HELO client.test" || c[2] != "MAIL From:<a@src.test>" {
		t.Errorf("%q", c)
	}
}

func TestMailLoopsBack(t *testing.T) {
	p := &peer{ehlo: "250 client.test hi"}
	p.start(t)
	got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "x"))
	if s := got["x"]; s.Exit != status.Config || !strings.Contains(s.Err.Error(), "mail loops back to me (MX problem?)") {
		t.Errorf("%+v", s)
	}
}

func TestSizeLimits(t *testing.T) {
	p := &peer{ext: []string{"SIZE 100"}}
	p.start(t)
	got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "x"))
	if s := got["x"]; s.Code != 552 || s.Text != "Message is too large; 100 bytes max" {
		t.Errorf("peer's limit: %+v", s)
	}
	m := smtpMailer(t, p)
	m.MaxSize = 50
	got = deliver(t, newTable(t, Config{}), newJob(m, "peer.test", "x"))
	if s := got["x"]; s.Enhanced != (status.Enhanced{5, 2, 3}) || s.Text != "Message is too large; 50 bytes max" {
		t.Errorf("mailer's limit: %+v", s)
	}
}

func TestAddressesCannotInjectCommands(t *testing.T) {
	p := &peer{}
	p.start(t)
	got := deliver(t, newTable(t, Config{}), newJob(smtpMailer(t, p), "peer.test", "x>\r\nRSET\r\nMAIL From:<evil", "y"))
	if s := got["x>\r\nRSET\r\nMAIL From:<evil"]; s.Exit != status.DataErr {
		t.Errorf("%+v", s)
	}
	if !got["y"].Success() || slices.Contains(p.commands(), "RSET") {
		t.Errorf("%+v %q", got, p.commands())
	}
}

func TestExchangers(t *testing.T) {
	p := &peer{}
	p.start(t)
	z := zone{
		mx: map[string][]dns.MX{
			"two.test":    {{Host: "dead.test", Pref: 10}, {Host: "live.test", Pref: 20}},
			"back.test":   {{Host: "client.test", Pref: 10}, {Host: "live.test", Pref: 20}},
			"backup.test": {{Host: "live.test", Pref: 10}, {Host: "client.test", Pref: 20}, {Host: "worse.test", Pref: 30}},
			"null.test":   {{Host: ".", Pref: 0}},
			"onlymx.test": {{Host: "client.test", Pref: 10}},
			"soon.test":   nil,
			"lost.test":   {{Host: "gone.test", Pref: 10}},
		},
		addrs: map[string][]string{
			"dead.test": {"127.0.9.9"}, "live.test": {"127.0.0.1"}, "client.test": {"127.0.0.9"}, "slow.test": nil,
			"two.test": {"127.0.9.9"}, "a.test": {"127.0.9.8", "127.0.0.1"}, "back.test": {"127.0.0.1"},
		},
	}
	own := func(s string) bool { return s == "client.test" }
	for _, c := range []struct {
		host, flags string
		cfg         Config
		exit        int
		text, peer  string
	}{
		{host: "two.test", peer: "live.test."},
		{host: "two.test.", peer: "live.test."},
		{host: "[127.0.0.1]", peer: "[127.0.0.1]"},
		{host: "[live.test]", peer: "live.test."},
		{host: "dead.test:live.test", peer: "live.test."},
		{host: "a.test", peer: "a.test."},
		{host: "two.test", flags: "0", exit: status.TempFail, text: "Deferred: Connection refused by two.test."},
		{host: "back.test", exit: status.Config, text: "Local configuration error"},
		{host: "back.test", cfg: Config{TryNullMX: true}, peer: "back.test."},
		{host: "onlymx.test", cfg: Config{TryNullMX: true}, exit: status.Config, text: "Local configuration error"},
		{host: "backup.test", peer: "live.test."},
		{host: "null.test", exit: status.Unavailable, text: "Service unavailable"},
		{host: "null.test", cfg: Config{FallbackMX: "live.test"}, exit: status.Unavailable, text: "Service unavailable"},
		{host: "soon.test", exit: status.TempFail, text: "Deferred: Name server: soon.test: host name lookup failure"},
		{host: "slow.test", exit: status.TempFail, text: "Deferred: Name server: slow.test: host name lookup failure"},
		{host: "soon.test", cfg: Config{FallbackMX: "[live.test]"}, peer: "[live.test]"},
		{host: "soon.test", cfg: Config{FallbackMX: "absent.test"}, exit: status.TempFail, text: "Deferred: Name server: soon.test: host name lookup failure"},
		{host: "lost.test", cfg: Config{FallbackMX: "absent.test"}, exit: status.NoHost, text: "Host unknown (Name server: gone.test.: host not found)"},
		{host: "dead.test", cfg: Config{FallbackMX: "client.test"}, exit: status.TempFail, text: "Deferred: Connection refused by dead.test."},
		{host: "dead.test", cfg: Config{FallbackSmartHost: "client.test"}, exit: status.TempFail, text: "Deferred: Connection refused by dead.test."},
		{host: "dead.test", cfg: Config{FallbackSmartHost: "absent.test"}, exit: status.TempFail, text: "Deferred: Connection refused by dead.test."},
		{host: "none.test", exit: status.NoHost, text: "Host unknown (Name server: none.test: host not found)"},
		{host: "127.0.0.9", exit: status.NoHost, text: "Host unknown (Name server: 127.0.0.9: host not found)"},
		{host: "127.0.0.9.", exit: status.NoHost, text: "Host unknown (Name server: 127.0.0.9.: host not found)"},
		{host: "[none.test]", exit: status.NoHost, text: "Host unknown (Name server: [none.test]: host not found)"},
		{host: "[127.0.0.300]", exit: status.NoHost, text: "Host unknown (Name server: [127.0.0.300]: host not found)"},
		{host: "none.test", cfg: Config{FallbackSmartHost: "127.0.0.1"}, peer: "127.0.0.1"},
		{host: "none.test", cfg: Config{FallbackSmartHost: "live.test"}, peer: "live.test"},
		{host: "lost.test", exit: status.NoHost, text: "Host unknown (Name server: gone.test.: host not found)"},
		{host: "", exit: status.Config, text: "Local configuration error"},
	} {
		cfg := c.cfg
		cfg.Resolver, cfg.Own, cfg.NoRandomMX, cfg.Hostname = z, own, true, "client.test"
		m := smtpMailer(t, p)
		for i := range len(c.flags) {
			m.Flags.Set(c.flags[i])
		}
		job := newJob(m, c.host, "x")
		s := deliver(t, newTable(t, cfg), job)["x"]
		if s.Exit != c.exit || c.text != "" && s.Text != c.text {
			t.Errorf("%s: %+v, want exit %d %q", c.host, s, c.exit, c.text)
		}
		if strings.Contains(c.text, "refused by two.test.") && (job.Peer == nil || job.Peer.Addr.String() != "127.0.9.9") {
			t.Errorf("%s: peer %+v", c.host, job.Peer)
		}
		if c.peer != "" && s.Remote != c.peer {
			t.Errorf("%s: went to %q, want %q", c.host, s.Remote, c.peer)
		}
	}
}
