package mta

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/rules"
)

// withOption is testConfig with one more option.
func withOption(option string) string {
	return strings.Replace(testConfig, "O MinFreeBlocks=0\n", "O MinFreeBlocks=0\nO "+option+"\n", 1)
}

// TestClientConnectionCountLimit opens connections until one is refused; those of another client are not counted, and
// one that ends makes room.
func TestClientConnectionCountLimit(t *testing.T) {
	for option, limit := range map[string]int{"ClientConnectionCountLimit=3": 3, "ClientConnectionCountLimit=0": 150, "MaxDaemonChildren=0": 100} {
		s := testServerOf(t, "false", withOption(option), nil)
		ctx := context.Background()
		connect := func(client string) (*Session, string) {
			c := s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort(client))
			return c, shown(c.Connect(ctx))
		}
		const refusal = "421 4.7.0 mail.test Too many open connections."
		var open []*Session
		for len(open) < 150 {
			c, got := connect("192.0.2.1:1000")
			if got == refusal {
				c.Close(ctx, nil)
				break
			}
			open = append(open, c)
		}
		if len(open) != limit {
			t.Errorf("%s: %d connections, want %d", option, len(open), limit)
		}
		if _, got := connect("192.0.2.2:1000"); !strings.HasPrefix(got, "220 ") {
			t.Errorf("%s: another client: %s", option, got)
		}
		open[0].Close(ctx, nil)
		if _, got := connect("192.0.2.1:1000"); !strings.HasPrefix(got, "220 ") {
			t.Errorf("%s: after the end of one: %s", option, got)
		}
	}
}

// TestConcurrencyLimits begins deliveries until one has to wait. What waiting means is TestStuckDeliveries'.
func TestConcurrencyLimits(t *testing.T) {
	const most = 600
	for _, c := range []struct {
		options, mailer string
		hosts           bool // each delivery is to a host or user of its own
		want            int
	}{
		{"DestinationConcurrencyLimit=3", "relay", false, 3},
		{"DestinationConcurrencyLimit=3", "local", false, 3},
		{"DestinationConcurrencyLimit=3", "relay", true, 500},
		{"DestinationConcurrencyLimit=0", "relay", false, 500},
		{"MailerConcurrencyLimit=30", "relay", true, 30},
		{"MailerConcurrencyLimit=30", "prog", true, 6}, // programs have a fifth
		{"MailerConcurrencyLimit=0", "relay", true, most},
		{"MailerConcurrencyLimit=0", "prog", true, most},
	} {
		s := testServerOf(t, "false", withOption(c.options), nil)
		m := s.newMessage(s.site, s.macros, "TEST")
		n := 0
		for ; n < most; n++ {
			to := "same"
			if c.hosts {
				to = fmt.Sprintf("x%d", n)
			}
			user := to
			if c.mailer == "relay" {
				user += "@" + to + ".test"
			}
			m.env.Recipients = []*envelope.Recipient{{Addr: to, Triple: rules.Triple{Mailer: c.mailer, Host: to + ".test", User: user}}}
			groups := m.groups()
			if len(groups) != 1 {
				t.Fatalf("%d groups", len(groups))
			}
			leave, busy := s.runner.Take(m.shares(groups[0])...)
			if busy != nil {
				break
			}
			defer leave()
		}
		if n != c.want {
			t.Errorf("%s: %d deliveries by %s at a time, want %d", c.options, n, c.mailer, c.want)
		}
	}
}

// TestRelayedForSomebody counts deliveries to a relay, which takes mail for every host, and to a host itself: at a
// relay each sender waits for himself alone.
func TestRelayedForSomebody(t *testing.T) {
	s := testServerOf(t, "false", withOption("DestinationConcurrencyLimit=1")+"Troot\nTwww\n", nil)
	delivery := func(from, login, sender, host, to string) (*message, *group) {
		m := s.newMessage(s.site, s.macros, "TEST")
		m.set("_", from)
		m.set("{auth_authen}", login)
		m.env.Sender = sender
		r := &envelope.Recipient{Addr: to, Triple: rules.Triple{Mailer: "relay", Host: host, User: to}}
		return m, &group{s.site.Mailer("relay"), host, []*envelope.Recipient{r}}
	}
	type sent [4]string // from, login, sender, recipient
	const relay, host, net1, net2 = "[127.0.0.1]", "x.test", "c.test [192.0.2.1]", "d.test [192.0.2.2]"
	for _, c := range []struct {
		host  string
		a, b  sent
		waits bool
		what  string
	}{
		{relay, sent{"ann@localhost", "", "a@h", "1@x.test"}, sent{"bob@localhost", "", "a@h", "1@x.test"}, false, "users here"},
		{relay, sent{"ann@localhost", "", "a@h", "1@x.test"}, sent{"ann@localhost", "", "b@h", "2@y.test"}, true, "one of them with two senders"},
		{relay, sent{"www@localhost", "", "a@h", "1@x.test"}, sent{"www@localhost", "", "b@h", "1@x.test"}, false, "a trusted one with two"},
		{relay, sent{net1, "", "a@h", "1@x.test"}, sent{net1, "", "A@H", "2@x.test"}, true, "one sender elsewhere"},
		{relay, sent{net1, "ann", "a@h", "1@x.test"}, sent{net2, "ann", "b@h", "2@x.test"}, true, "one login"},
		{relay, sent{"", "", "", "1@x.test"}, sent{"", "", "", "2@x.test"}, false, "reports"},
		{relay, sent{"", "", "", "1@x.test"}, sent{"", "", "", "1@x.test"}, true, "reports to one"},
		{host, sent{"ann@localhost", "", "a@h", "1@x.test"}, sent{"bob@localhost", "", "b@h", "1@X.test."}, true, "a destination"},
	} {
		m, g := delivery(c.a[0], c.a[1], c.a[2], c.host, c.a[3])
		leave, busy := s.runner.Take(m.shares(g)...)
		if busy != nil {
			t.Fatal(busy)
		}
		m, g = delivery(c.b[0], c.b[1], c.b[2], c.host, c.b[3])
		second, busy := s.runner.Take(m.shares(g)...)
		if (busy != nil) != c.waits {
			t.Errorf("%s: waits %t, want %t", c.what, busy != nil, c.waits)
		}
		if busy == nil {
			second()
		}
		leave()
	}
}

// TestCommandTimeLimit lets a program of a mailer without W= hang: it is ended and the message waits. If it were not,
// this test would wait for its end in vain.
func TestCommandTimeLimit(t *testing.T) {
	config := strings.Replace(withOption("CommandTimeLimit=1s"), "F=lsDFMAwP", "F=lsDFMAwP|", 1)
	s := testServerOf(t, "false", config, nil)
	dir := filepath.Dir(s.spool.Group("").Directories()[0])
	if err := os.WriteFile(filepath.Join(dir, "aliases"), []byte("hang: \"|exec sleep 86400\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems, err := RebuildAliases(context.Background(), s.site.Site, s.Log, "tester"); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	send(t, s.testSession(t), "<a@other.test>", []string{"<hang@mail.test>"}, "Subject: x\n\nx\n")
	deliver(t, s)
	if n := len(queueFiles(t, s)); n != 1 || sleepers() != 0 {
		t.Errorf("%d messages wait, %d programs hang", n, sleepers())
	}
}

// TestMaxForwardAddresses: a .forward with more addresses is not followed, the mailbox gets the mail.
func TestMaxForwardAddresses(t *testing.T) {
	for limit, follows := range map[string]bool{"2": false, "3": true, "0": true} {
		s := testServerOf(t, "false", withOption("MaxForwardAddresses="+limit), nil)
		dir := filepath.Dir(s.spool.Group("").Directories()[0])
		if err := os.WriteFile(filepath.Join(dir, ".forward"), []byte("a@x.test\nb@x.test, c@x.test\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		send(t, s.testSession(t), "<a@other.test>", []string{"<alice@mail.test>"}, "Subject: x\n\nx\n")
		deliver(t, s)
		if box := mailbox(t, s, "alice"); strings.Contains(box, "Subject: x\n") == follows {
			t.Errorf("MaxForwardAddresses=%s: mailbox %q", limit, box)
		}
	}
}

// TestUnknownUsersAreAskedForOnce names the same unknown users in several sessions: each costs one process of getent,
// and the absence is remembered.
func TestUnknownUsersAreAskedForOnce(t *testing.T) {
	config := strings.Replace(withOption("BadRcptThrottle=0"), "O MaxRecipientsPerMessage=3\n", "", 1)
	s := testServerOf(t, "false", config, nil)
	getent := filepath.Join(t.TempDir(), "getent")
	if err := os.WriteFile(getent, []byte("#!/bin/sh\necho $2 >>$0.asked\nexit 2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.Accounts.Getent, s.Accounts.Answers = getent, &priv.Answers{Age: time.Hour}
	for range 4 {
		c := s.testSession(t)
		c.Mail(context.Background(), "<a@other.test>", nil)
		for i := range 50 {
			if r := c.Rcpt(context.Background(), fmt.Sprintf("<nobody%d@mail.test>", i), nil); r.Code != 550 {
				t.Fatal(shown(r))
			}
		}
	}
	asked, err := os.ReadFile(getent + ".asked")
	if n := strings.Count(string(asked), "\n"); err != nil || n != 50 {
		t.Errorf("getent was started %d times for 50 users: %v", n, err)
	}
}
