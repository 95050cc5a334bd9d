package mailers

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
)

// script plays the peer's side of a net.Pipe: for each line read one answer; it stops answering when they are used up.
func script(c net.Conn, answers ...string) {
	br := bufio.NewReader(c)
	for i, a := range answers {
		if i > 0 {
			if _, err := br.ReadString('\n'); err != nil {
				return
			}
		}
		if _, err := io.WriteString(c, a); err != nil {
			return
		}
	}
	io.Copy(io.Discard, br)
}

// TestSlowPeers: a peer that falls silent is given exactly the time that the option says, and the mail is kept.
func TestSlowPeers(t *testing.T) {
	hello := []string{"220 p ESMTP\r\n", "250 p\r\n"}
	limits := Timeouts{
		Initial: 1 * time.Minute, Helo: 2 * time.Minute, Mail: 3 * time.Minute, Rcpt: 4 * time.Minute,
		DataInit: 5 * time.Minute, DataFinal: 6 * time.Minute,
	}
	for _, c := range []struct {
		name    string
		answers []string
		want    time.Duration
	}{
		{"greeting", nil, limits.Initial},
		{"half_a_greeting", []string{"220-p"}, limits.Initial},
		{"ehlo", hello[:1], limits.Helo},
		{"mail", hello, limits.Mail},
		{"rcpt", append(slices.Clone(hello), "250 ok\r\n"), limits.Rcpt},
		{"data", append(slices.Clone(hello), "250 ok\r\n", "250 ok\r\n"), limits.DataInit},
		{"final_dot", append(slices.Clone(hello), "250 ok\r\n", "250 ok\r\n", "354 go\r\n"), limits.DataFinal},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				go script(theirs, c.answers...)
				start := time.Now()
				table := Agents(Config{Hostname: "client.test"})
				got := status.Status{}
				job := newJob(&Mailer{Name: "m", Path: "[IPC]", EOL: "\r\n"}, "", "x")
				a := &attempt{t: table, job: job, rcpts: job.Rcpts, report: func(_ *envelope.Recipient, s status.Status) { got = s }}
				s := newSession(ours, Peer{Name: "p."}, limits, time.Now)
				err := a.open(t.Context(), s)
				if err == nil {
					_, err = a.use(t.Context(), s)
				}
				if err != nil && !errors.Is(err, errPutOff) {
					a.fail(err)
				}
				a.rest()
				if d := time.Since(start); d != c.want {
					t.Errorf("gave up after %v, want %v", d, c.want)
				}
				if !got.Temporary() || got.Text != "Deferred: Connection timed out with p." {
					t.Errorf("%+v", got)
				}
				theirs.Close()
			})
		})
	}
}

func TestCancelledDeliveryIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go script(theirs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		job := newJob(&Mailer{Name: "m", Path: "[IPC]", EOL: "\r\n"}, "", "x")
		a := &attempt{t: Agents(Config{}), job: job, rcpts: job.Rcpts}
		start := time.Now()
		err := a.open(ctx, newSession(ours, Peer{Name: "p."}, Timeouts{}, time.Now))
		var lost *lostError
		if !errors.As(err, &lost) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		theirs.Close()
	})
}

func TestLMTPOverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmtp")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{lmtp: true, ln: ln, dot: []string{"250 2.1.5 one", "250 2.1.5 two"}}
	p.wg.Go(func() {
		if c, err := ln.Accept(); err == nil {
			p.serve(c)
		}
	})
	t.Cleanup(func() { ln.Close(); p.wg.Wait() })
	m := mustMailer(t, "lmtp, P=[IPC], F=lmz, A=FILE "+path)
	got := deliver(t, newTable(t, Config{}), newJob(m, "", "a", "b"))
	if got["a"].Text != "Sent (2.1.5 one)" || got["b"].Text != "Sent (2.1.5 two)" || got["a"].Remote != path {
		t.Errorf("%+v", got)
	}
	m = mustMailer(t, "lmtp, P=[IPC], F=lmz, A=FILE "+path+".gone")
	if s := deliver(t, newTable(t, Config{}), newJob(m, "", "a"))["a"]; !s.Temporary() {
		t.Errorf("no socket: %+v", s)
	}
}

// selfSigned makes the configuration of a server with a certificate of its own.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// tlsPeer offers STARTTLS and tells what was said before and after.
func tlsPeer(t *testing.T, refuse bool) (port string, said func() []string) {
	t.Helper()
	conf := selfSigned(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, secret := &peer{ext: []string{"STARTTLS"}, answers: map[string]string{"STARTTLS": "220 go"}}, &peer{ext: []string{"PIPELINING"}}
	if refuse {
		plain.answers["STARTTLS"] = "454 4.7.0 not now"
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if refuse {
			plain.serve(c)
			return
		}
		script := []string{"220 peer ESMTP\r\n", "250-peer\r\n250 STARTTLS\r\n", "220 go\r\n"}
		br := bufio.NewReader(c)
		for i, s := range script {
			if i > 0 {
				line, _ := br.ReadString('\n')
				plain.got = append(plain.got, strings.TrimSpace(line))
			}
			io.WriteString(c, s)
		}
		sc := tls.Server(c, conf)
		secret.serveAfterGreeting(sc)
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port, func() []string { return append(plain.commands(), secret.commands()...) }
}

// scripted is a Security that this test sets up; what it was told is kept.
type scripted struct {
	login    *Login
	refuse   map[string]error // by what Connected is told, or by recipient
	fallback bool
	only     string // the sender for whom a connection is good; "": everybody
	told     []string
}

func (g *scripted) TLS(context.Context) (*tls.Config, bool, error) {
	return &tls.Config{InsecureSkipVerify: true}, true, nil
}

func (g *scripted) Connected(_ context.Context, state *tls.ConnectionState, without string, _ error) (bool, error) {
	if state != nil {
		without = "TLS"
	}
	g.told = append(g.told, without)
	return g.fallback && without == TLSSoftware, g.refuse[without]
}

func (g *scripted) Recipient(_ context.Context, addr string) error { return g.refuse[addr] }
func (g *scripted) Credentials(context.Context) (*Login, bool, error) {
	return g.login, g.login != nil, nil
}
func (g *scripted) Again(_ context.Context, job *Job) bool {
	return g.only == "" || job.Sender == g.only
}
func (g *scripted) LoggedIn(mechanism string) { g.told = append(g.told, mechanism) }
func (g *scripted) config() Config            { return Config{Security: func(*Job, Peer) Security { return g }} }

func TestSTARTTLS(t *testing.T) {
	g := &scripted{}
	cfg := g.config()
	port, said := tlsPeer(t, false)
	m := mustMailer(t, "esmtp, P=[IPC], F=ma, A=TCP $h "+port)
	job := newJob(m, "[127.0.0.1]", "x")
	if got := deliver(t, newTable(t, cfg), job); !got["x"].Success() {
		t.Errorf("%+v", got)
	}
	if !job.Peer.TLS || !slices.Equal(said()[:3], []string{"EHLO client.test", "STARTTLS", "EHLO client.test"}) {
		t.Errorf("%+v %q", job.Peer, said())
	}
	port, _ = tlsPeer(t, true)
	m = mustMailer(t, "esmtp, P=[IPC], F=ma, A=TCP $h "+port)
	job = newJob(m, "[127.0.0.1]", "x")
	if got := deliver(t, newTable(t, cfg), job); !got["x"].Success() || job.Peer.TLS {
		t.Errorf("STARTTLS taken back: %+v %+v", got, job.Peer)
	}
	if want := []string{"TLS", TLSTemp}; !slices.Equal(g.told, want) {
		t.Errorf("told %q, want %q", g.told, want)
	}
}

// TestSecurityRefuses: what the rule sets say about a connection and a recipient holds.
func TestSecurityRefuses(t *testing.T) {
	no := status.Status{Exit: status.TempFail, Code: 403, Enhanced: status.Enhanced{4, 7, 0}, Text: "encryption needed"}
	p := &peer{}
	p.start(t)
	g := &scripted{refuse: map[string]error{TLSNone: no}}
	if s := deliver(t, newTable(t, g.config()), newJob(smtpMailer(t, p), "peer.test", "x"))["x"]; s.Text != no.Text {
		t.Errorf("tls_server: %+v", s)
	}
	if slices.ContainsFunc(p.commands(), func(c string) bool { return strings.HasPrefix(c, "MAIL") }) {
		t.Errorf("%q", p.commands())
	}
	g = &scripted{refuse: map[string]error{"x": no}}
	p = &peer{}
	p.start(t)
	got := deliver(t, newTable(t, g.config()), newJob(smtpMailer(t, p), "peer.test", "x", "y"))
	if got["x"].Text != no.Text || !got["y"].Success() {
		t.Errorf("tls_rcpt: %+v", got)
	}
}

// TestImplicitTLS: A=TLS begins with the handshake, and a peer without it gets nothing in clear.
func TestImplicitTLS(t *testing.T) {
	g := &scripted{}
	p := &peer{}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", selfSigned(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			p.serve(c)
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	m := mustMailer(t, "esmtp, P=[IPC], F=ma, A=TLS $h "+port)
	job := newJob(m, "[127.0.0.1]", "x")
	if got := deliver(t, newTable(t, g.config()), job)["x"]; !got.Success() || !job.Peer.TLS || !slices.Equal(g.told, []string{"TLS"}) {
		t.Errorf("%+v %+v %q", got, job.Peer, g.told)
	}
	clear := &peer{}
	clear.start(t)
	m = mustMailer(t, "esmtp, P=[IPC], F=ma, A=TLS $h "+clear.port())
	if got := deliver(t, newTable(t, g.config()), newJob(m, "peer.test", "x"))["x"]; !got.Temporary() {
		t.Errorf("a peer without TLS: %+v", got)
	}
}

func TestBrokenHandshakeIsTemporary(t *testing.T) {
	p := &peer{ext: []string{"STARTTLS"}, answers: map[string]string{"STARTTLS": "220 go"}}
	p.start(t)
	g := &scripted{}
	cfg := g.config()
	cfg.Timeouts = Timeouts{StartTLS: 200 * time.Millisecond, Quit: 200 * time.Millisecond}
	if s := deliver(t, newTable(t, cfg), newJob(smtpMailer(t, p), "peer.test", "x"))["x"]; !s.Temporary() || g.told[0] != TLSSoftware {
		t.Errorf("%+v %q", s, g.told)
	}
	g = &scripted{fallback: true}
	cfg.Security = g.config().Security
	if s := deliver(t, newTable(t, cfg), newJob(smtpMailer(t, p), "peer.test", "x"))["x"]; !s.Success() || !slices.Equal(g.told, []string{TLSSoftware, TLSClear}) {
		t.Errorf("once more in clear: %+v %q", s, g.told)
	}
}

func TestAuth(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, c := range []struct {
		name, offer string
		mechs       string
		clear       bool
		answers     map[string]string
		want        []string
		exit        int
	}{
		{
			name: "plain", offer: "AUTH LOGIN PLAIN", mechs: "LOGIN PLAIN", clear: true, answers: map[string]string{"AUTH": "235 ok"},
			want: []string{"AUTH PLAIN " + b64([]byte("joe\x00joe\x00secret"))},
		},
		{
			name: "login", offer: "auth=login", mechs: "LOGIN", clear: true, answers: map[string]string{"AUTH": "334 " + b64([]byte("Username:")), b64([]byte("joe")): "334 " + b64([]byte("Password:")), b64([]byte("secret")): "235 ok"},
			want: []string{"AUTH LOGIN", b64([]byte("joe")), b64([]byte("secret"))},
		},
		{
			name: "cram-md5 first", offer: "AUTH PLAIN CRAM-MD5", mechs: "PLAIN CRAM-MD5", clear: true, answers: map[string]string{"AUTH": "334 " + b64([]byte("<1@x>")), "*": "501 no"},
			want: []string{"AUTH CRAM-MD5"},
		},
		{
			name: "chosen", offer: "AUTH PLAIN CRAM-MD5", mechs: "PLAIN", clear: true, answers: map[string]string{"AUTH": "235 ok"},
			want: []string{"AUTH PLAIN " + b64([]byte("joe\x00joe\x00secret"))},
		},
		{name: "temporary", offer: "AUTH PLAIN", mechs: "PLAIN", clear: true, answers: map[string]string{"AUTH": "454 4.7.0 later"}, exit: status.TempFail},
		{name: "refused", offer: "AUTH PLAIN", mechs: "PLAIN", clear: true, answers: map[string]string{"AUTH": "535 5.7.8 no"}},
		{name: "nothing in common", offer: "AUTH GSSAPI", mechs: "PLAIN", clear: true, exit: status.TempFail},
		{name: "no password in clear", offer: "AUTH PLAIN LOGIN", mechs: "PLAIN LOGIN", exit: status.TempFail},
	} {
		p := &peer{ext: []string{c.offer}, answers: c.answers}
		p.start(t)
		g := &scripted{login: &Login{Credentials: sasl.Credentials{User: "joe", Password: "secret"}, Mechanisms: strings.Fields(c.mechs), InClear: c.clear}}
		cfg := g.config()
		job := newJob(smtpMailer(t, p), "peer.test", "x")
		job.Exchange = func(_ bool, line string) {
			if strings.Contains(line, b64([]byte("secret"))) {
				t.Errorf("%s: the password is in the transcript", c.name)
			}
		}
		s := deliver(t, newTable(t, cfg), job)["x"]
		if s.Exit != c.exit {
			t.Errorf("%s: %+v", c.name, s)
		}
		if got := p.commands(); !slices.Equal(got[1:1+len(c.want)], c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestConnectionsBelongToAccounts: a connection that is logged in for one sender is kept, but not used for another.
func TestConnectionsBelongToAccounts(t *testing.T) {
	p := &peer{}
	p.start(t)
	cfg := Config{CacheSize: 2, Security: func(job *Job, _ Peer) Security { return &scripted{only: job.Sender} }}
	table := newTable(t, cfg)
	for i, c := range []struct {
		sender   string
		sessions int
	}{{"alice", 1}, {"alice", 1}, {"bob", 2}, {"alice", 2}, {"bob", 2}, {"carol", 3}} {
		job := newJob(smtpMailer(t, p), "peer.test", "x")
		job.Sender = c.sender
		if got := deliver(t, table, job); !got["x"].Success() {
			t.Fatalf("%s: %+v", c.sender, got)
		}
		if p.sessions() != c.sessions {
			t.Errorf("message %d, of %s: %d sessions, want %d", i, c.sender, p.sessions(), c.sessions)
		}
	}
}

// remembered is a HostStatus.
type remembered struct {
	down map[string]error
	set  map[string]error
	held map[string]error
}

func (r *remembered) Down(_ context.Context, host string) error { return r.down[host] }
func (r *remembered) Hold(host string) (func(error), func(), error) {
	return func(err error) { r.set[host] = err }, func() {}, r.held[host]
}

func TestHostStatus(t *testing.T) {
	p := &peer{}
	p.start(t)
	down := status.Status{Exit: status.TempFail, Code: 450, Enhanced: status.Enhanced{4, 4, 1}, Text: "Deferred: Connection refused by peer.test."}
	h := &remembered{down: map[string]error{"peer.test": down}, set: map[string]error{}}
	m := smtpMailer(t, p)
	if s := deliver(t, newTable(t, Config{Hosts: h}), newJob(m, "peer.test", "x"))["x"]; s.Text != down.Text || p.sessions() != 0 {
		t.Errorf("%+v, %d sessions", s, p.sessions())
	}
	m.Flags.Set('W')
	if s := deliver(t, newTable(t, Config{Hosts: h}), newJob(m, "peer.test", "x"))["x"]; !s.Success() {
		t.Errorf("F=W: %+v", s)
	}
	if err, ok := h.set["peer.test"]; !ok || err != nil {
		t.Errorf("outcome %v %v", err, ok)
	}
	h.held = map[string]error{"peer.test": down}
	before := p.sessions()
	if s := deliver(t, newTable(t, Config{Hosts: h}), newJob(m, "peer.test", "x"))["x"]; s.Text != down.Text || p.sessions() != before {
		t.Errorf("another delivery goes on: %+v, %d sessions", s, p.sessions())
	}
}
