package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/cf/mc"
	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// strictSite is a site with the rules of the library and nothing in its tables, which calls port 1 of this host in
// place of others: nobody answers there.
const strictSite = `OSTYPE(<<linux>>)
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)
define(<<QUEUE_DIR>>,<<@DIR@/queue>>)
define(<<ALIAS_FILE>>,<<@DIR@/aliases>>)
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)
define(<<confTO_IDENT>>,<<0>>)
define(<<confDONT_PROBE_INTERFACES>>,<<true>>)
define(<<confPID_FILE>>,<<@DIR@/pid>>)
define(<<confDELIVERY_MODE>>,<<q>>)
define(<<confQUEUE_LA>>,<<9999>>)
define(<<confREFUSE_LA>>,<<9999>>)
define(<<ESMTP_MAILER_ARGS>>,<<TCP $h 1>>)
FEATURE(<<access_db>>,<<text -T<TMPF> -o -z| -k0 -v1 @DIR@/access>>)
FEATURE(<<mailertable>>,<<text -o -z| -k0 -v1 @DIR@/mailertable>>)
FEATURE(<<virtusertable>>,<<text -o -z| -k0 -v1 @DIR@/virtusertable>>)
MAILER(<<smtp>>)
LOCAL_CONFIG
O ConnectOnlyTo=127.0.0.1
`

// strictServer makes a server of strictSite, with more lines after its features, that asks one name server.
func strictServer(tb testing.TB, nameServer string, wait time.Duration, more ...string) *Server {
	tb.Helper()
	dir := tb.TempDir()
	for _, sub := range []string{"queue"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	for _, name := range []string{"access", "mailertable", "virtusertable", "aliases"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	out, err := mc.CompileText(mc.Options{}, "strict.mc", strings.NewReplacer("<<", "`", ">>", "'", "@DIR@",
		dir).Replace(strings.Replace(strictSite, "MAILER(", strings.Join(append(more, "MAILER("), "\n"), 1)))
	if err != nil {
		tb.Fatal(err)
	}
	if len(out.Diagnostics) > 0 {
		tb.Fatal(out.Diagnostics)
	}
	cf := filepath.Join(dir, "strict.cf")
	if err := os.WriteFile(cf, out.Text(), 0o600); err != nil {
		tb.Fatal(err)
	}
	resolver := dns.New(dns.Config{Servers: []string{nameServer}, Ndots: 1, Timeout: wait, Attempts: 1,
		Order: []string{"dns"}})
	host := HostNames{Node: "mail.example.test", Canonical: "mail.example.test"}
	site, err := Load(context.Background(), LoadOptions{Path: cf, Host: &host, Resolver: resolver})
	if err != nil || site.Err() != nil {
		tb.Fatal(err, site.Err())
	}
	log, err := maillog.Open(maillog.Config{File: filepath.Join(dir, "log"), Level: 0})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := New(Config{Site: site, Log: log, Accounts: priv.Accounts{PasswdFile: filepath.Join(dir, "aliases")},
		Caller: priv.User{Name: "tester"}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// mayNotRelay connects from an address, tries to send mail elsewhere and fails the test where that is let through, or
// where what the session says of the client is not its address with, at most, a host's name before it.
func mayNotRelay(tb testing.TB, s *Server, addr, sender string) *Session {
	tb.Helper()
	ctx := context.Background()
	c := s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"),
		netip.AddrPortFrom(netip.MustParseAddr(addr), 1000))
	defer c.Close(ctx, nil)
	if r := c.Connect(ctx); r.Code != 220 {
		tb.Fatalf("greeting: %+v", r)
	}
	c.Helo(ctx, "EHLO", "client.test")
	c.Mail(ctx, "<a@"+sender+">", &smtp.MailOptions{})
	for _, to := range []string{"<u@elsewhere.test>", "<u@[192.0.2.9]>", "<u@[127.0.0.1].evil.test>"} {
		if r := c.Rcpt(ctx, to, &smtp.RcptOptions{}); r.Code/100 == 2 && !strings.Contains(to, "evil") {
			tb.Errorf("%s (%s) may relay to %s: %s", addr, c.relay, to, shown(r))
		}
	}
	literal := "[" + addr + "]"
	if !strings.Contains(c.relay, literal) {
		tb.Errorf("relay=%q without the address %s", c.relay, addr)
	}
	for _, name := range []string{c.client.name, c.client.proven()} {
		if name != literal && !dns.IsHostName(name) {
			tb.Errorf("%s is called %q", addr, name)
		}
	}
	return c
}

// TestNamesFromTheDNS has clients whose names lead to them, be they hosts' or not.
func TestNamesFromTheDNS(t *testing.T) {
	s := strictServer(t, dnstest.StartHostile(t, "127.0.0.1:0"), 5*time.Second)
	for i, n := range dnstest.BadNames() {
		if n.Title == "own-name" {
			continue // whoever answers for our own names may do what he likes
		}
		c := mayNotRelay(t, s, fmt.Sprintf(dnstest.NamedPTR, i), fmt.Sprintf(dnstest.NamedCNAME, i))
		if c.client.named() && !n.Host {
			t.Errorf("%s: taken for a name: %q", n.Title, c.client.name)
		}
		if c := mayNotRelay(t, s, fmt.Sprintf(dnstest.AliasedPTR, i), fmt.Sprintf(dnstest.NamedMX,
			i)); c.client.resolve != resolveOK {
			t.Errorf("%s: a name behind a CNAME: %s", n.Title, c.client.resolve)
		}
	}
}

// TestHostileNameServer has clients and senders whose names a misbehaving name server answers for. What is found beside
// the original stands in the acceptance tests.
func TestHostileNameServer(t *testing.T) {
	s := strictServer(t, dnstest.StartHostile(t, "127.0.0.1:0"), 30*time.Millisecond)
	for i, f := range dnstest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(f.Name, "tcp-silent") && testing.Short() {
				t.Skip("waits for timeouts")
			}
			mayNotRelay(t, s, fmt.Sprintf(dnstest.FaultyPTR, i), fmt.Sprintf(dnstest.FaultyMX, i))
			mayNotRelay(t, s, fmt.Sprintf(dnstest.FaultyA, i), fmt.Sprintf(dnstest.FaultyHost, i))
			mayNotRelay(t, s, fmt.Sprintf(dnstest.FaultyA, i), fmt.Sprintf(dnstest.FaultyRelay, i))
		})
	}
}

// TestLoopsAreSystemErrors sends mail to a domain whose exchanger is this host: the log and the report say what is
// wrong with the DNS.
func TestLoopsAreSystemErrors(t *testing.T) {
	s := strictServer(t, dnstest.StartHostile(t, "127.0.0.1:0"), time.Second)
	i := slices.IndexFunc(dnstest.BadNames(), func(n dnstest.BadName) bool { return n.Title == "own-name" })
	domain := fmt.Sprintf(dnstest.NamedMX, i)
	st := deliverTo(t, s, domain+".")
	fault, ok := errors.AsType[*mailers.Fault](st.Err)
	want := "MX list for " + domain + ". points back to mail.example.test"
	if !ok || fault.Text != want || st.Exit != status.Config {
		t.Fatalf("%+v", st)
	}
	m := s.newMessage(s.site, s.macros, "x")
	m.faults([]outcome{{rcpt: &envelope.Recipient{}, status: st}, {rcpt: &envelope.Recipient{}, status: st}})
	text, err := os.ReadFile(s.logFile(t))
	if err != nil || strings.Count(string(text),
		"SYSERR(tester): MX list for "+domain+". points back to mail.example.test\n") != 1 {
		t.Errorf("the log: %v\n%s", err, text)
	}
	if want := "554 5.0.0 MX list for " + domain + ". points back to mail.example.test\n"; m.transcript.String() != want {
		t.Errorf("the transcript: %q", m.transcript.String())
	}
}

// logFile is where a server of strictServer logs.
func (s *Server) logFile(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(filepath.Dir(s.site.options.QueueDirectory), "log")
}

// deliverTo makes one attempt for a user of a host, over the connections that strictSite allows.
func deliverTo(tb testing.TB, s *Server, host string) status.Status {
	tb.Helper()
	env := &envelope.Envelope{ID: "x", Sender: "a@src.test"}
	env.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x\n")), nil }
	job := &mailers.Job{Mailer: s.site.Mailer("esmtp"), Host: host, Envelope: env, Sender: "a@src.test",
		Rcpts: []mailers.Rcpt{{Recipient: &envelope.Recipient{Addr: "u@" + host}, User: "u@" + host}}}
	job.Expand = func(template, _ string) (string, error) { return strings.ReplaceAll(template, "$h", host), nil }
	var got []status.Status
	if err := s.agents().Deliver(context.Background(), job, func(_ *envelope.Recipient,
		st status.Status) {
		got = append(got, st)
	}); err != nil {
		tb.Fatal(err)
	}
	if len(got) != 1 || got[0].Success() {
		tb.Fatalf("%s: reported %+v", host, got)
	}
	return got[0]
}

// FuzzAnswers gives a session and a delivery whatever a name server may answer. The first byte says how much of the
// packet is the fuzzer's: with 0 all but its identifier, otherwise what stands beside the question.
func FuzzAnswers(f *testing.F) {
	for i, fault := range dnstest.Faults() {
		truth := []dnstest.Record{
			dnstest.PTR(dnstest.Host("1.0.22.127.in-addr.arpa"),
				dnstest.Host("c.hostile.test")), dnstest.A(dnstest.Host("c.hostile.test"), dnstest.Target),
			dnstest.MX(dnstest.Host("c.hostile.test"), dnstest.Host("c.hostile.test"), 10),
		}[i%3]
		packets := fault.Reply(dnstest.Ask(truth.Owner, truth.Type), []dnstest.Record{truth})
		for _, p := range packets[:min(len(packets), 2)] {
			if rest := 12 + len(truth.Owner) + 4; len(p) > rest {
				f.Add(append(append([]byte{1}, p[2:12]...), p[rest:]...))
			}
		}
	}
	f.Add([]byte{0})
	f.Add([]byte("\x00\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x00"))
	for _, n := range dnstest.BadNames() {
		p := dnstest.Answer(dnstest.Ask(dnstest.Host("1.0.22.127.in-addr.arpa"), 12),
			dnstest.PTR(dnstest.Host("1.0.22.127.in-addr.arpa"), n.Name))
		f.Add(append(append([]byte{1}, p[2:12]...), p[12+len("1.0.22.127.in-addr.arpa")+2+4:]...))
	}
	var now atomic.Pointer[[]byte] // a packet may be asked for late
	now.Store(new([]byte))
	server := dnstest.StartAnswering(f, "127.0.0.1:0", func(q *dnstest.Question) (dnstest.Fault, []dnstest.Record) {
		packet := q.Around(*now.Load())
		return dnstest.Fault{
			Reply:  func(*dnstest.Question, []dnstest.Record) [][]byte { return [][]byte{packet} },
			Stream: func(*dnstest.Question, []dnstest.Record) []byte { return dnstest.Prefixed(packet) },
		}, nil
	})
	s := strictServer(f, server, 5*time.Millisecond)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4000 {
			return
		}
		defer mayNotHang()()
		now.Store(&data)
		mayNotRelay(t, s, "127.22.0.1", "c.hostile.test")
		deliverTo(t, s, "c.hostile.test")
	})
}
