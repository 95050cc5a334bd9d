package mta

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gosasl "github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"gosendmail/internal/sasl"
)

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: kder}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// provider is a server that takes mail, with STARTTLS and AUTH, and remembers how it came.
type provider struct {
	mu    sync.Mutex
	mails []string
}

// providerSession notes "tls=BOOL cert=NAME user=NAME auth=PARAM rcpts=N" for each message.
type providerSession struct {
	p     *provider
	conn  *smtp.Conn
	user  string
	auth  string
	rcpts int
}

func (p *provider) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &providerSession{p: p, conn: c}, nil
}

func (s *providerSession) AuthMechanisms() []string { return []string{"PLAIN"} }

func (s *providerSession) Auth(string) (gosasl.Server, error) {
	return gosasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return errors.New("wrong")
		}
		s.user = user
		return nil
	}), nil
}

func (s *providerSession) Mail(_ string, o *smtp.MailOptions) error {
	s.auth, s.rcpts = "", 0
	if o.Auth != nil {
		s.auth = *o.Auth
	}
	return nil
}
func (s *providerSession) Rcpt(string, *smtp.RcptOptions) error { s.rcpts++; return nil }
func (s *providerSession) Reset()                               {}
func (s *providerSession) Logout() error                        { return nil }
func (s *providerSession) Data(r io.Reader) error {
	state, secured := s.conn.TLSConnectionState()
	cert := ""
	if len(state.PeerCertificates) > 0 {
		cert = state.PeerCertificates[0].Subject.CommonName
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails = append(s.p.mails, fmt.Sprintf("tls=%t cert=%s user=%s auth=%s rcpts=%d", secured, cert, s.user, s.auth, s.rcpts))
	_, err := io.Copy(io.Discard, r)
	return err
}

// serve starts the provider; conf may be changed before.
func (p *provider) serve(t *testing.T, change func(*tls.Config)) (port string) {
	t.Helper()
	cert, key := selfSigned(t, "provider.test")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(p)
	srv.Domain, srv.AllowInsecureAuth = "provider.test", true
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS10}
	if change != nil {
		change(srv.TLSConfig)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// TestTowardsOthers: each option and ruleset that decides about TLS and AUTH with other servers, seen from the other
// server. Without the setting the first row is what comes.
func TestTowardsOthers(t *testing.T) {
	cert, key := selfSigned(t, "ours.test")
	info := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(info, []byte("joe\njoe\nsecret\n\nPLAIN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }
	const login = "Sauthinfo\nR$*\t$# \"U:joe\" \"P=c2VjcmV0\"\n"
	tests := []struct {
		name, options, rules string
		provider             func(*tls.Config)
		want                 string // "" means that it waits
	}{
		{"nothing set", "", "", nil, "tls=true cert= user= auth=a@mail.test rcpts=2"},
		{"ClientCertFile", "O ClientCertFile=" + cert + "\nO ClientKeyFile=" + key + "\n", "", nil, "tls=true cert=ours.test user= auth=a@mail.test rcpts=2"},
		{"DefaultAuthInfo", "O DefaultAuthInfo=" + info + "\n", "", nil, "tls=true cert= user=joe auth=a@mail.test rcpts=2"},
		{"authinfo", "O AuthMechanisms=PLAIN\n", login, nil, "tls=true cert= user=joe auth=a@mail.test rcpts=2"},
		{"authinfo without a mechanism in common", "O AuthMechanisms=CRAM-MD5\n", login, nil, ""},
		{"authinfo with an unknown tag", "", "Sauthinfo\nR$*\t$# \"X:joe\"\n", nil, ""},
		{"AuthOptions=A", "O AuthOptions=A\n", "", nil, "tls=true cert= user= auth= rcpts=2"},
		{"modifier A", "O ClientPortOptions=M=A\nO AuthMechanisms=PLAIN\n", login, nil, "tls=true cert= user= auth=a@mail.test rcpts=2"},
		{"modifier S", "O ClientPortOptions=M=S\n", "", nil, "tls=false cert= user= auth=a@mail.test rcpts=2"},
		{"a password in clear", "O ClientPortOptions=M=S\nO AuthMechanisms=PLAIN\n", login, nil, ""},
		{"a password in clear, asked for", "O ClientPortOptions=M=S\n", "Sauthinfo\nR$*\t$# \"U:joe\" \"P:secret\" \"M:PLAIN\"\n", nil,
			"tls=false cert= user=joe auth=a@mail.test rcpts=2"},
		{"try_tls", "", "Stry_tls\nR$*\t$#error $@ 5.7.1 $: \"550 no\"\n", nil, "tls=false cert= user= auth=a@mail.test rcpts=2"},
		{"tls_server", "", "Stls_server\nRFAIL\t$#error $@ 4.7.0 $: \"403 verify\"\n", nil, ""},
		{"tls_rcpt", "", "Stls_rcpt\nRx$*\t$#error $@ 4.7.0 $: \"403 not he\"\n", nil, "tls=true cert= user= auth=a@mail.test rcpts=1"},
		{"tls_clt_features", "", "Stls_clt_features\nR$*\t$: CertFile=" + cert + "; KeyFile=" + key + "\n", nil, "tls=true cert=ours.test user= auth=a@mail.test rcpts=2"},
		{"tls_clt_features that cannot be obeyed", "", "Stls_clt_features\nR$*\t$: Nonsense=1\nStls_server\nRCONFIG\t$#error $@ 4.7.0 $: \"403 no\"\n", nil, ""},
		{"a peer with old versions", "", "Stls_server\nRSOFTWARE\t$#error $@ 4.7.0 $: \"403 handshake\"\n", old, ""},
		{"TLSFallbacktoClear", "O TLSFallbacktoClear=True\n", "", old, "tls=false cert= user= auth=a@mail.test rcpts=2"},
		{"ClientSSLOptions", "O ClientSSLOptions=-SSL_OP_NO_TLSv1 -SSL_OP_NO_TLSv1_1\n", "", old, "tls=true cert= user= auth=a@mail.test rcpts=2"},
		{"CipherList", "O ClientSSLOptions=SSL_OP_NO_TLSv1_3\nO CipherList=AES256-GCM-SHA384\n", "Stls_server\nRSOFTWARE\t$#error $@ 4.7.0 $: \"403 handshake\"\n", nil, ""},
	}
	for _, test := range tests {
		p := &provider{}
		port := p.serve(t, test.provider)
		config := strings.Replace(testConfig, "A=TCP $h", "A=TCP [127.0.0.1] "+port, 1)
		config = strings.Replace(config, "H?P?", test.options+"H?P?", 1)
		config = strings.Replace(config, "Scheck_mail\n", test.rules+"Scheck_mail\n", 1)
		s := testServerOf(t, "false", config, nil)
		c := s.testSession(t)
		c.authenticated = &sasl.Identity{} // so that MAIL's AUTH= is kept
		if r := c.Mail(t.Context(), "<a@mail.test>", &smtp.MailOptions{Auth: new(string)}); r.Code != 250 {
			t.Fatalf("%s: %v", test.name, r)
		}
		c.msg.env.AuthParam = "a@mail.test"
		for _, to := range []string{"<x@outside.test>", "<y@outside.test>"} {
			if r := c.Rcpt(t.Context(), to, &smtp.RcptOptions{}); r.Code != 250 {
				t.Fatalf("%s: %v", test.name, r)
			}
		}
		c.StartData(t.Context())
		if r := c.Data(t.Context(), strings.NewReader("Subject: x\n\nx\n")); r.Code != 250 {
			t.Fatalf("%s: %v", test.name, r)
		}
		deliver(t, s)
		p.mu.Lock()
		if got := strings.Join(p.mails, "; "); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		p.mu.Unlock()
	}
}

// TestPasswordsComeFrom: option AuthBackends, and what it refuses.
func TestPasswordsComeFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(file, []byte("alice:{PLAIN}secret\nbob@realm.test:{PLAIN}other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("alice:{PLAIN}secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const mechanisms = "O AuthMechanisms=PLAIN LOGIN CRAM-MD5\n"
	for _, test := range []struct {
		options, user, password, want string
	}{
		{mechanisms + "O AuthBackends=passwd:" + file + "\n", "alice", "secret", "235"},
		{mechanisms + "O AuthBackends=passwd:" + file + "\n", "alice", "wrong", "535"},
		{mechanisms + "O AuthBackends=passwd:" + file + "\n", "alice@partner.test", "secret", "535"},
		{mechanisms + "O AuthBackends=passwd:" + file + "\n", "bob", "other", "535"},
		{mechanisms + "O AuthBackends=passwd:" + file + "\nO AuthRealm=realm.test\n", "bob", "other", "235"},
		{mechanisms + "O AuthBackends=passwd:" + open + "\n", "alice", "secret", "454"},
		{mechanisms + "O AuthBackends=passwd:/nonexistent\n", "alice", "secret", "454"},
		{mechanisms + "O AuthBackends=saslauthd:/nonexistent\n", "alice", "secret", "454"},
		{mechanisms + "O AuthBackends=saslauthd:/nonexistent,passwd:" + file + "\n", "alice", "secret", "235"},
		{mechanisms + "Kusers text -k0 -v1 -z: " + file + "\nO AuthBackends=map:users\n", "alice", "secret", "235"},
		{mechanisms + "O AuthOptions=p\nO AuthBackends=passwd:" + file + "\n", "alice", "secret", "504"},
		{"O AuthMechanisms=CRAM-MD5\nO AuthBackends=passwd:" + file + "\n", "alice", "secret", "504"},
	} {
		s := testServerOf(t, "false", strings.Replace(testConfig, "H?P?", test.options+"H?P?", 1), nil)
		s.openAuthority()
		c := s.testSession(t)
		server, r := c.Auth(t.Context(), "PLAIN")
		if server != nil {
			_, _, err := server.Next([]byte("\x00" + test.user + "\x00" + test.password))
			r = c.AuthDone(t.Context(), "PLAIN", err)
		}
		if got := fmt.Sprint(r.Code); got != test.want {
			t.Errorf("%q %s: %s %q, want %s", test.options, test.user, got, r.Lines, test.want)
		}
	}
	for text, want := range map[string]string{"": "", "dovecot:/x,passwd:/y": "dovecot stands alone", "what:/x": "what is no back end",
		"passwd": "passwd needs a path", "map:none": "map:none: no K line declares it"} {
		s := testServer(t, "false")
		if _, err := s.ownBackends(text); text != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
