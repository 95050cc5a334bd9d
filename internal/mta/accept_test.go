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

	"gosendmail/internal/dns"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
)

// testConfig is a small site: sender and recipients of test domains are local, everything else goes to a relay.
const testConfig = `V10/Berkeley
Dj%[2]smail.test
Cwmail.test
O QueueDirectory=%[1]s/queue
O AliasFile=%[1]s/aliases
O DontBlameSendmail=TrustStickyBit
O DeliveryMode=queueonly
O SuperSafe=%[3]s
O MinFreeBlocks=0
O Timeout.ident=0
O SendMimeErrors=True
O OperatorChars=.:%%@!^/[]+
O SmtpGreetingMessage=$j ready
O MaxRecipientsPerMessage=3
O MaxMessageSize=100000
O PrivacyOptions=authwarnings,noexpn
O DefaultUser=1:1
H?P?Return-Path: <$g>
HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.by $j ($v)$?r with $r$. id $i$?u
	for $u; $|;
	$.$b
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
H?M?Message-Id: <$t.$i@$j>
HX-Refuse: $>CheckRefuse
SCheckRefuse
R$*yes$*	$#error $@ 5.7.1 $: "550 the header says so"
Scheck_mail
R$*bad$*	$#error $@ 5.7.1 $: "550 go away"
R$*drop$*	$#discard $: discard
Scheck_rcpt
R$*refused$*	$#error $@ 4.7.1 $: "450 later"
Scanonify=3
R$* < $* > $*	$: $2
R$- @ $+	$: $1 < @ $2 >
Sparse=0
R$@	$#local $: <>
R$* < @ $=w >	$#local $: $1
R$* < @ nowhere.test >	$#error $@ 5.1.2 $: "550 Host unknown"
R$* < @ $+ >	$#relay $@ $2 $: $1 @ $2
R$+	$#local $: $1
Sfinal=4
R$* < @ $* > $*	$: $1 @ $2 $3
Mlocal, P=[mbox], F=lsDFMAwP, S=0, R=0, A=mbox %[1]s/mail/$u
Mprog, P=/bin/sh, F=lsDFMoq, A=sh -c $u
Mrelay, P=[IPC], F=mDFMuX, A=TCP $h
`

// testServer makes a server of testConfig in a folder of its own.
func testServer(tb testing.TB, superSafe string) *Server {
	tb.Helper()
	return testServerOf(tb, superSafe, testConfig, nil)
}

// testServerOf makes a server of a variant of testConfig and of a clock.
func testServerOf(tb testing.TB, superSafe, config string, now func() time.Time) *Server {
	tb.Helper()
	return testServerAsking(tb, dns.New(dns.Config{Order: []string{"files"}}), superSafe, config, now)
}

// testServerAsking makes one that asks a name server.
func testServerAsking(tb testing.TB, resolver *dns.Resolver, superSafe, config string, now func() time.Time) *Server {
	tb.Helper()
	dir := tb.TempDir()
	for _, sub := range []string{"queue", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return path
	}
	write("aliases", "list: alice, bob\n")
	passwd := write("passwd", fmt.Sprintf("alice:x:%d:%d:Alice L:%s:/bin/sh\n", os.Getuid(), os.Getgid(), dir))
	cf := write("test.cf", fmt.Sprintf(config, dir, "", superSafe))
	ctx := context.Background()
	host := HostNames{Node: "mail.test", Canonical: "mail.test"}
	site, err := Load(ctx, LoadOptions{Path: cf, Host: &host, Resolver: resolver})
	if err != nil {
		tb.Fatal(err)
	}
	if err := site.Err(); err != nil {
		tb.Fatal(err)
	}
	log, err := maillog.Open(maillog.Config{File: filepath.Join(dir, "log"), Level: 9})
	if err != nil {
		tb.Fatal(err)
	}
	if _, problems, err := RebuildAliases(ctx, site, log, "tester"); err != nil || len(problems) > 0 {
		tb.Fatal(err, problems)
	}
	s, err := New(Config{Site: site, Log: log, Accounts: priv.Accounts{PasswdFile: passwd}, Caller: priv.User{Name: "tester"}, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Close(context.Background())
		if text, err := os.ReadFile(filepath.Join(dir, "log")); err == nil && tb.Failed() {
			tb.Logf("the log:\n%s", text)
		}
	})
	return s
}

// session begins a session from a client without a name.
func (s *Server) testSession(tb testing.TB) *Session {
	tb.Helper()
	c := s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort("192.0.2.1:1000"))
	ctx := context.Background()
	if r := c.Connect(ctx); r.Code != 220 {
		tb.Fatalf("greeting: %+v", r)
	}
	if r, _ := c.Helo(ctx, "EHLO", "client.test"); r.Code != 250 {
		tb.Fatalf("EHLO: %+v", r)
	}
	return c
}

func BenchmarkAccept(b *testing.B) {
	for _, mode := range []string{"true", "false"} {
		b.Run("SuperSafe="+mode, func(b *testing.B) {
			s := testServer(b, mode)
			body := "Subject: test\nTo: alice@mail.test\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 57)
			b.SetParallelism(10)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c := s.testSession(b)
				ctx := context.Background()
				for pb.Next() {
					if r := c.Mail(ctx, "<someone@client.test>", nil); r.Code != 250 {
						b.Fatalf("MAIL: %+v", r)
					}
					if r := c.Rcpt(ctx, "<alice@mail.test>", nil); r.Code != 250 {
						b.Fatalf("RCPT: %+v", r)
					}
					if r := c.Data(ctx, strings.NewReader(body)); r.Code != 250 {
						b.Fatalf("DATA: %+v", r)
					}
				}
			})
		})
	}
}
