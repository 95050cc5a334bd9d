package maillog_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/maillog"
)

var at = time.Date(2026, 11, 22, 5, 1, 52, 0, time.UTC)

func config(out *bytes.Buffer) maillog.Config {
	return maillog.Config{Level: 14, File: "stderr", Stderr: out, PID: 176, Now: func() time.Time { return at }}
}

func logger(t *testing.T, cfg maillog.Config) *maillog.Logger {
	t.Helper()
	l, err := maillog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestLines has lines that the original wrote.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{"plain \\ text": "plain \\ text", "a\x9b\x1b[1m\xe9\tb\n": `a\233\033[1m\351\011b\012`, "": ""} {
		if got := maillog.Visible(text); got != want {
			t.Errorf("Visible(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	zero := time.Duration(0)
	for _, c := range []struct{ got, want string }{
		{(&maillog.From{Sender: "<a@remote.test>", Size: 317, Class: -60, Rcpts: 4, MsgID: "<1@2>", BodyType: "8BITMIME",
			Proto: "ESMTP", Relay: "root@localhost"}).Text(),
			"from=<a@remote.test>, size=317, class=-60, nrcpts=4, msgid=<1@2>, bodytype=8BITMIME, proto=ESMTP, relay=root@localhost"},
		{(&maillog.From{Sender: "<x@y>", Proto: "SMTP", Daemon: "MTA", Relay: "forged.test [127.0.2.9] (may be forged)"}).Text(),
			"from=<x@y>, size=0, class=0, nrcpts=0, proto=SMTP, daemon=MTA, relay=forged.test [127.0.2.9] (may be forged)"},
		{(&maillog.From{Sender: "<" + strings.Repeat("q", 190) + "aaa@remote.test>", Relay: "r"}).Text(),
			"from=<" + strings.Repeat("q", 190) + "aaa@remot, size=0, class=0, nrcpts=0, relay=r"},
		{(&maillog.To{Rcpts: []string{`"|/bin/cat >/dev/null"`}, Ctladdr: maillog.CtladdrText("pipe", 118, 0), XDelay: &zero,
			Mailer: "prog", Pri: 390146, DSN: "2.0.0", Stat: "Sent"}).Lines()[0],
			`to="|/bin/cat >/dev/null", ctladdr=pipe (118/0), delay=00:00:00, xdelay=00:00:00, mailer=prog, pri=390146, dsn=2.0.0, stat=Sent`},
		{(&maillog.To{Rcpts: []string{`<"x y"@remote.test>`, "<bob@remote.test>"}, Delay: 26*time.Hour + 63*time.Second, XDelay: &zero,
			Mailer: "esmtp", Pri: 150015, Relay: "mx2.remote.test. [127.0.1.2]", DSN: "4.2.0", Reply: "450-4.2.1 try",
			Stat: "Deferred: 450-4.2.1 try"}).Lines()[0],
			`to=<"x y"@remote.test>,<bob@remote.test>, delay=1+02:01:03, xdelay=00:00:00, mailer=esmtp, pri=150015, ` +
				`relay=mx2.remote.test. [127.0.1.2], dsn=4.2.0, reply=450-4.2.1 try, stat=Deferred: 450-4.2.1 try`},
		{(&maillog.To{Rcpts: []string{"alice"}, Mailer: "local", Pri: 60029, Stat: "queued"}).Lines()[0],
			"to=alice, delay=00:00:00, mailer=local, pri=60029, stat=queued"},
		{(&maillog.Check{Ruleset: "check_rcpt", Arg1: "<carol@refuse.test>", Relay: "good.client.test [127.0.2.8]",
			Verdict: maillog.Rejected, Text: "550 5.7.1 <carol@refuse.test>... Relaying denied"}).Line(),
			"ruleset=check_rcpt, arg1=<carol@refuse.test>, relay=good.client.test [127.0.2.8], " +
				"reject=550 5.7.1 <carol@refuse.test>... Relaying denied"},
		{(&maillog.Check{Ruleset: "check_relay", Arg1: "h", Arg2: "192.0.2.1", Verdict: maillog.Discarded}).Line(),
			"ruleset=check_relay, arg1=h, arg2=192.0.2.1, discard"},
		{maillog.Printable("<a\001b\xe9%s@x>\\\n"), `<a\001b\351%s@x>\\\n`},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
}

// TestManyRecipients divides them as the original did: 60 of them in four lines of 19, 19, 19 and 3, or three of 20.
func TestManyRecipients(t *testing.T) {
	zero := time.Duration(0)
	to := maillog.To{XDelay: &zero, Mailer: "esmtp", Pri: 1890017, Relay: "mx2.remote.test.", DSN: "4.4.1",
		Stat: "Deferred: Connection refused by mx2.remote.test.", Ctladdr: "alice (2001/2001)"}
	for i := range 60 {
		to.Rcpts = append(to.Rcpts, fmt.Sprintf("user%03d.with.a.long.name@remote.test", i))
	}
	counts := func() string {
		var out []string
		for _, l := range to.Lines() {
			out = append(out, fmt.Sprint(strings.Count(l, "@remote.test")))
		}
		return strings.Join(out, " ")
	}
	if got := counts(); got != "20 20 20" {
		t.Errorf("got %s", got)
	}
	to.Relay = "mx2.remote.test. [127.0.1.2]"
	if got := counts(); got != "19 19 19 3" {
		t.Errorf("got %s", got)
	}
	to.Pri = 1800017
	const want = "user018.with.a.long.name@remote.test, [more], ctladdr=alice (2001/2001), delay=00:00:00, xdelay=00:00:00, " +
		"mailer=esmtp, pri=1800017, relay=mx2.remote.test. [127.0.1.2], dsn=4.4.1, stat=Deferred: Connection refused by mx2.remote.test."
	if first := to.Lines()[0]; !strings.HasSuffix(first, want) || len(first) != 953-35-16 {
		t.Errorf("got %s", first)
	}
	to.Rcpts = []string{strings.Repeat("x", 2000), "b"}
	if got := to.Lines(); len(got) != 2 || !strings.HasPrefix(got[1], "to=b,") {
		t.Errorf("a very long address: %d lines", len(got))
	}
}

// TestDivide has the lengths of lines that the original divided.
func TestDivide(t *testing.T) {
	const id = "6AM51qxL000172"
	for _, c := range []struct {
		tag  string
		text string
		want []int // lengths of the lines, with tag and id, without time
	}{
		{"x", "quarantine=" + strings.Repeat("e", 960), []int{8 + 16 + 971}},
		{"x", "quarantine=" + strings.Repeat("e", 965), []int{8 + 19 + 962 + 4, 8 + 19 + 14}},
		{"x", "quarantine=" + strings.Repeat("e", 3000), []int{993, 993, 993, 152}},
		{"abcdefghijklmnopqrst", "quarantine=" + strings.Repeat("e", 940), []int{27 + 16 + 951}},
		{"abcdefghijklmnopqrst", "quarantine=" + strings.Repeat("e", 945), []int{993, 59}},
		{"", strings.Repeat("e", 3000), []int{994, 994, 994, 15 + 19 + 3000 - 3*956}},
		{"", strings.Repeat("word ", 300), []int{15 + 19 + 955 + 4, 15 + 19 + 545}},
	} {
		var out bytes.Buffer
		cfg := config(&out)
		cfg.Tag = c.tag
		l := logger(t, cfg)
		l.Log(1, maillog.Info, id, c.text)
		var got []int
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			got = append(got, len(line)-len("Nov 22 05:01:52 "))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("tag %q, %d bytes: %v, want %v", c.tag, len(c.text), got, c.want)
		}
		if len(got) > 1 && (!strings.Contains(out.String(), id+"[1]: ") || !strings.Contains(out.String(), " ...\n")) {
			t.Errorf("marks are missing:\n%s", out.String())
		}
	}
}

func TestLevels(t *testing.T) {
	var out bytes.Buffer
	cfg := config(&out)
	cfg.Level = maillog.LevelDelivered
	l := logger(t, cfg)
	l.To(maillog.LevelDelivered, "A", &maillog.To{Rcpts: []string{"a"}, Stat: "Sent"})
	l.To(maillog.LevelDeferred, "A", &maillog.To{Rcpts: []string{"b"}, Stat: "Deferred"})
	l.From("A", &maillog.From{Sender: "s"})
	l.Logf(maillog.LevelConnect, maillog.Info, "", "connect from %s", "x")
	l.Check("", &maillog.Check{Ruleset: "check_relay", Verdict: maillog.Rejected, Text: "550"})
	l.SysErr("", "root", "broken")
	want := `Nov 22 05:01:52 sendmail[176]: A: to=a, delay=00:00:00, pri=0, stat=Sent
Nov 22 05:01:52 sendmail[176]: A: from=s, size=0, class=0, nrcpts=0, relay=
Nov 22 05:01:52 sendmail[176]: ruleset=check_relay, arg1=, reject=550
Nov 22 05:01:52 sendmail[176]: NOQUEUE: SYSERR(root): broken
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	var none *maillog.Logger
	none.Log(0, maillog.Info, "A", "dropped")
}

// TestSyslog listens as syslog does, is restarted, and is away for a while.
func TestSyslog(t *testing.T) {
	var fallback bytes.Buffer
	cfg := config(&fallback)
	cfg.File, cfg.Socket = "", filepath.Join(t.TempDir(), "log")
	l := logger(t, cfg)
	l.Log(1, maillog.Info, "A", "before")
	listen := func() *net.UnixConn {
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: cfg.Socket, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	expect := func(conn *net.UnixConn, want string) {
		t.Helper()
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("got %q, %v", buf[:n], err)
		}
	}
	for i := range 2 {
		conn := listen()
		l.Log(1, maillog.Crit, "A", "line\nforged")
		expect(conn, `<18>Nov 22 05:01:52 sendmail[176]: A: line\nforged`)
		if i == 1 {
			if err := l.Reopen(); err != nil {
				t.Error(err)
			}
			l.Log(1, maillog.Info, "", "again")
			expect(conn, "<22>Nov 22 05:01:52 sendmail[176]: NOQUEUE: again")
		}
		conn.Close()
		os.Remove(cfg.Socket)
	}
	l.Log(1, maillog.Info, "A", "after")
	if got := fallback.String(); got != "Nov 22 05:01:52 sendmail[176]: A: before\nNov 22 05:01:52 sendmail[176]: A: after\n" {
		t.Errorf("standard error got %q", got)
	}
}

// TestFullSyslog: a syslog that has stopped reading holds one line up, for as long as the logger's patience lasts, and
// the others hardly; they go to standard error until it reads again.
func TestFullSyslog(t *testing.T) {
	var fallback bytes.Buffer
	cfg := config(&fallback)
	cfg.File, cfg.Socket, cfg.Patience = "", filepath.Join(t.TempDir(), "log"), 300*time.Millisecond
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: cfg.Socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := logger(t, cfg)
	began, lines := time.Now(), 0
	for ; fallback.Len() == 0; lines++ {
		if lines > 100000 {
			t.Fatal("it takes everything")
		}
		l.Log(1, maillog.Info, "A", strings.Repeat("x", 500))
	}
	if took := time.Since(began); took < cfg.Patience {
		t.Errorf("given up after %v", took)
	}
	began = time.Now()
	for range 100 {
		l.Log(1, maillog.Info, "A", "more")
	}
	if took := time.Since(began); took > 100*cfg.Patience/2 {
		t.Errorf("100 lines took %v", took)
	}
	if n := strings.Count(fallback.String(), "A: more\n"); n != 100 {
		t.Errorf("%d of 100 lines are on standard error", n)
	}
	buf := make([]byte, 4096)
	for range lines - 1 {
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	l.Log(1, maillog.Info, "A", "again")
	if n, err := conn.Read(buf); err != nil || !strings.HasSuffix(string(buf[:n]), "A: again") {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestFile(t *testing.T) {
	var out bytes.Buffer
	cfg := config(&out)
	cfg.File = filepath.Join(t.TempDir(), "maillog")
	l := logger(t, cfg)
	l.Log(1, maillog.Info, "A", "one")
	if err := os.Rename(cfg.File, cfg.File+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Log(1, maillog.Info, "A", "two")
	for name, want := range map[string]string{cfg.File + ".1": "one", cfg.File: "two"} {
		text, err := os.ReadFile(name)
		if err != nil || string(text) != "Nov 22 05:01:52 sendmail[176]: A: "+want+"\n" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	cfg.File = t.TempDir()
	if _, err := maillog.Open(cfg); err == nil {
		t.Error("a directory is no log file")
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\nb\\\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for i, c := range []byte(maillog.Printable(s)) {
			if c < ' ' || c >= 0x7f {
				t.Fatalf("byte %d is %#x", i, c)
			}
		}
	})
}
