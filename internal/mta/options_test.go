package mta

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/status"
	"gosendmail/mailers"
)

func TestRejectNUL(t *testing.T) {
	for _, text := range []string{"Subject: x\n\na\x00b\n", "Subject: \x00\n\nab\n"} {
		for option, want := range map[bool]string{true: "554 5.6.1 NUL byte not allowed", false: "250 2.0.0 ID Message accepted for delivery"} {
			s := testServerOf(t, "false", withOption(fmt.Sprintf("RejectNUL=%t", option)), nil)
			c := s.testSession(t)
			id := c.id
			got := shown(send(t, c, "<a@other.test>", []string{"<alice@mail.test>"}, text))
			if got = strings.ReplaceAll(got, id, "ID"); got != want {
				t.Errorf("RejectNUL=%t: got %s, want %s", option, got, want)
			}
		}
	}
}

// TestBadRcptShutdown holds the limits of the original: with one right and two wrong recipients 66 percent are wrong.
func TestBadRcptShutdown(t *testing.T) {
	for good, cut := range map[int]bool{0: true, 20: true, 66: true, 67: false, 110: false} {
		s := testServerOf(t, "false", withOption(fmt.Sprintf("BadRcptShutdown=2\nO BadRcptShutdownGood=%d", good)), nil)
		c := s.testSession(t)
		ctx := context.Background()
		c.Mail(ctx, "<a@other.test>", nil)
		for _, to := range []string{"<alice@mail.test>", "<n1@mail.test>", "<n2@mail.test>"} {
			if r := c.Rcpt(ctx, to, nil); r.Close {
				t.Errorf("BadRcptShutdownGood=%d: closed at %s", good, to)
			}
		}
		r := c.Rcpt(ctx, "<n3@mail.test>", nil)
		if want := "421 4.7.0 mail.test Too many bad recipients; closing connection"; cut != (r.Close && shown(r) == want) {
			t.Errorf("BadRcptShutdownGood=%d: %s", good, shown(r))
		}
	}
}

func TestErrorHeaderFromFile(t *testing.T) {
	s := testServer(t, "false")
	file := filepath.Join(t.TempDir(), "header")
	if err := os.WriteFile(file, []byte("Ask the postmaster of $j.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.site.options.ErrorHeader = file
	send(t, s.testSession(t), "<alice@mail.test>", []string{"<list@mail.test>"}, "Subject: two\n\nx\n")
	deliver(t, s)
	deliver(t, s)
	if box := mailbox(t, s, "alice"); !strings.Contains(box, "\nAsk the postmaster of mail.test.\n") {
		t.Errorf("mailbox:\n%s", box)
	}
}

// TestDomainOfSenderIsAdded is mailer flag C.
func TestDomainOfSenderIsAdded(t *testing.T) {
	for _, flag := range []bool{true, false} {
		s := testServer(t, "false")
		want := "\nCc: carl\n"
		if flag {
			s.site.Mailer("local").Flags.Set('C')
			want = "\nCc: carl@mail.test\n"
		}
		send(t, s.testSession(t), "<alice@mail.test>", []string{"<alice@mail.test>"}, "Cc: carl\n\nx\n")
		deliver(t, s)
		if box := mailbox(t, s, "alice"); !strings.Contains(box, want) {
			t.Errorf("F=C %t: mailbox:\n%s", flag, box)
		}
	}
}

func TestWhatCannotBeObeyedIsRefused(t *testing.T) {
	s := loadText(t, "V10/Berkeley\nO StrictTransportSecurity=True\nO MailboxDatabase=ldap\nO InputMailFilters=f\nXf, S=local:/x\n"+
		"O DaemonPortOptions=Name=MSA, M=a\nO DaemonPortOptions=Name=X, I=f, M=b\nO SmtpUTF8=True\nO TimeZoneSpec=Atlantis\n")
	want := `x.cf: line 2: option StrictTransportSecurity: policies of MTA-STS are not followed
x.cf: line 3: option MailboxDatabase: local users are looked up in the password file only
x.cf: line 4: option InputMailFilters: mail filters (milters) are not called
x.cf: line 5: mail filter f: mail filters (milters) are not called
x.cf: line 7: DaemonPortOptions: InputMailFilters of X: mail filters (milters) are not called
x.cf: line 9: option TimeZoneSpec=Atlantis: unknown time zone Atlantis`
	if err := s.Err(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	want = `x.cf: line 8: option SmtpUTF8: addresses in UTF-8 are not offered
x.cf: DaemonPortOptions: modifier b of X: ClientPortOptions decide`
	if got := strings.Join(s.without(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// loadText loads a configuration as the file x.cf.
func loadText(t *testing.T, text string) *Site {
	t.Helper()
	s, err := Load(context.Background(), LoadOptions{Path: "x.cf", Text: []byte(text), Host: &HostNames{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTimeoutsReachTheMailers: what package mailers waits for a peer (TestSlowPeers there) is what the options say.
func TestTimeoutsReachTheMailers(t *testing.T) {
	for _, o := range []struct {
		option string
		got    func(mailers.Timeouts) time.Duration
	}{
		{"initial", func(t mailers.Timeouts) time.Duration { return t.Initial }},
		{"helo", func(t mailers.Timeouts) time.Duration { return t.Helo }},
		{"mail", func(t mailers.Timeouts) time.Duration { return t.Mail }},
		{"rcpt", func(t mailers.Timeouts) time.Duration { return t.Rcpt }},
		{"datainit", func(t mailers.Timeouts) time.Duration { return t.DataInit }},
		{"datafinal", func(t mailers.Timeouts) time.Duration { return t.DataFinal }},
	} {
		for _, want := range []time.Duration{7 * time.Second, 9 * time.Second} {
			s := testServerOf(t, "false", testConfig+"O Timeout."+o.option+"="+want.String()+"\n", nil)
			cfg, err := s.mailerConfig()
			if err != nil {
				t.Fatal(err)
			}
			if got := o.got(cfg.Timeouts); got != want {
				t.Errorf("Timeout.%s=%s: %s", o.option, want, got)
			}
		}
	}
}

// TestDaemonKeys holds the tables that the documentation shows against the parser.
func TestDaemonKeys(t *testing.T) {
	values := map[string]string{"Family": "inet", "DeliveryMode": "q", "Modifier": "E", "Name": "x", "Port": "25", "Addr": "127.0.0.1", "InputMailFilters": "f"}
	for _, k := range DaemonKeys {
		value := values[k.Name]
		if value == "" {
			value = "1"
		}
		if _, problems := ParseDaemon(context.Background(), k.Name+"="+value, 1); problems != nil {
			t.Errorf("%s: %v", k.Name, problems)
		}
	}
}

func TestNotationOfIPv6(t *testing.T) {
	a, v4 := netip.MustParseAddr("2001:db8::5:1"), netip.MustParseAddr("::ffff:192.0.2.1")
	for _, c := range []struct {
		n         notation
		addr      netip.Addr
		want, lit string
	}{
		{longForm, a, "IPv6:2001:db8:0:0:0:0:5:1", "[IPv6:2001:db8:0:0:0:0:5:1]"},
		{shortForm, a, "IPv6:2001:db8::5:1", "[IPv6:2001:db8::5:1]"},
		{longForm, v4, "192.0.2.1", "[192.0.2.1]"},
		{shortForm, a.WithZone("eth0"), "IPv6:2001:db8::5:1", "[IPv6:2001:db8::5:1]"},
	} {
		if got, lit := c.n.tagged(c.addr), c.n.bracketed(c.addr); got != c.want || lit != c.lit {
			t.Errorf("%v: %s, %s", c.addr, got, lit)
		}
	}
	s := testServer(t, "false")
	c := s.NewSession(nil, netip.AddrPort{}, netip.MustParseAddrPort("[2001:db8::5:1]:1000"))
	c.Connect(context.Background())
	if got, _ := c.macros.Macro("{client_addr}"); got != "IPv6:2001:db8:0:0:0:0:5:1" || c.relay != "["+got+"]" {
		t.Errorf("client_addr %s, relay %s", got, c.relay)
	}
}

// TestHostStatus: what a host did to one delivery decides about the next, until Timeout.hoststatus is over.
func TestHostStatus(t *testing.T) {
	s := testServerOf(t, "false", withOption("HostStatusDirectory=.hoststat\nO Timeout.hoststatus=1m"), nil)
	now := time.Now()
	s.now = func() time.Time { return now }
	h := s.hostStatus()
	ctx := context.Background()
	if err := os.Mkdir(h.(*hostRecords).dir.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.Down(ctx, "mx.remote.test"); err != nil {
		t.Errorf("unknown host: %v", err)
	}
	refused := status.FromExit(status.TempFail)
	refused.Text, refused.Err = "Deferred: Connection refused by mx.remote.test", syscall.ECONNREFUSED
	attempt := func(outcome error) {
		set, release, err := h.Hold("mx.remote.test")
		if err != nil {
			t.Fatal(err)
		}
		set(outcome)
		release()
	}
	attempt(refused)
	if err := h.Down(ctx, "mx.remote.test"); err == nil || status.As(err).Text != refused.Text {
		t.Errorf("after a failure: %v", err)
	}
	var list strings.Builder
	if err := HostStatus(s.site.Site, &list, false, false, nil); err != nil || !strings.Contains(list.String(), "mx.remote.test") {
		t.Errorf("hoststat: %v\n%s", err, list.String())
	}
	now = now.Add(2 * time.Minute)
	if err := h.Down(ctx, "mx.remote.test"); err != nil {
		t.Errorf("when it is over: %v", err)
	}
	attempt(nil)
	now = now.Add(-2 * time.Minute)
	if err := h.Down(ctx, "mx.remote.test"); err != nil {
		t.Errorf("after a success: %v", err)
	}
}

// TestSingleThreadDelivery lets one delivery at a time go to a host, by whatever process.
func TestSingleThreadDelivery(t *testing.T) {
	for _, single := range []bool{false, true} {
		options := fmt.Sprintf("HostStatusDirectory=.hoststat\nO SingleThreadDelivery=%t", single)
		s := testServerOf(t, "false", withOption(options), nil)
		if err := os.Mkdir(s.hostStatus().(*hostRecords).dir.Path, 0o700); err != nil {
			t.Fatal(err)
		}
		mine, others := s.hostStatus(), s.hostStatus()
		set, release, err := mine.Hold("mx.remote.test")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = others.Hold("mx.remote.test")
		if held := err != nil; held != single || held && !status.As(err).Temporary() {
			t.Errorf("SingleThreadDelivery=%t: %v", single, err)
		}
		if _, free, err := others.Hold("mx2.remote.test"); err != nil {
			t.Errorf("another host: %v", err)
		} else {
			free()
		}
		set(nil)
		release()
		if _, free, err := others.Hold("mx.remote.test"); err != nil {
			t.Errorf("after the end: %v", err)
		} else {
			free()
		}
	}
}

// TestSingleThreadDeliveryNeedsHostStatus: the words are the original's.
func TestSingleThreadDeliveryNeedsHostStatus(t *testing.T) {
	for text, warns := range map[string]bool{
		"O SingleThreadDelivery=True\n":                                  true,
		"O SingleThreadDelivery=True\nO HostStatusDirectory=.hoststat\n": false,
		"O SingleThreadDelivery=False\n":                                 false,
	} {
		s := loadText(t, "V10/Berkeley\n"+text)
		got := ""
		for _, m := range s.Problems {
			got += m.Text
		}
		if strings.Contains(got, "Warning: HostStatusDirectory required for SingleThreadDelivery") != warns {
			t.Errorf("%q: %q", text, got)
		}
	}
}
