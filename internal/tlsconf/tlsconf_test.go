package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair writes a self-signed certificate and its key.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: kder}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// talk makes a connection between two keepers and returns both states.
func talk(t *testing.T, server, client *Keeper, name string) (s, c tls.ConnectionState, err error) {
	t.Helper()
	conf, err := server.Server()
	if err != nil {
		t.Fatal(err)
	}
	a, b := sockets(t)
	done := make(chan error, 1)
	sc, cc := tls.Server(a, conf), tls.Client(b, client.Client(name))
	go func() {
		err := sc.Handshake()
		if err == nil {
			_, err = sc.Write([]byte{'.'}) // behind TLS 1.3's session tickets
		}
		done <- err
	}()
	if err = cc.Handshake(); err == nil {
		_, err = cc.Read(make([]byte, 1))
	}
	if err != nil {
		b.Close() // the server may still be writing
	}
	if serr := <-done; err == nil {
		err = serr
	}
	return sc.ConnectionState(), cc.ConnectionState(), err
}

// sockets connects two ends whose writes do not wait for the other's reads.
func sockets(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if b, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if a, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func keep(t *testing.T, side Side, o Options) *Keeper {
	t.Helper()
	k, err := New(side, o, nil, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestBothSidesTalk(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "mail.test")
	o := Options{CACertFile: cert, CertFile: cert, KeyFile: key, CipherList: "HIGH:!aNULL:!3DES", DHParameters: "5"}
	server, client := keep(t, ServerSide, o), keep(t, ClientSide, o)
	s, c, err := talk(t, server, client, "mail.test.")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := client.Verify(&c); v != "OK" {
		t.Errorf("server's certificate: %s %v", v, err)
	}
	if v, err := server.Verify(&s); v != "OK" {
		t.Errorf("client's certificate: %s %v", v, err)
	}
	if s.ServerName != "mail.test" {
		t.Errorf("server name %q", s.ServerName)
	}
	stranger := keep(t, ClientSide, Options{})
	if v, _ := stranger.Verify(&c); v != "FAIL" {
		t.Errorf("without authorities: %s", v)
	}
	if v, _ := client.Verify(&tls.ConnectionState{}); v != "NO" {
		t.Errorf("without a certificate: %s", v)
	}
	o.NoRequest = true
	quiet := keep(t, ServerSide, o)
	if s, _, err = talk(t, quiet, client, "x"); err != nil || len(s.PeerCertificates) != 0 {
		t.Errorf("a certificate came unasked: %v", err)
	}
	if v, _ := quiet.Verify(&s); v != "NOT" {
		t.Errorf("no certificate asked for: %s", v)
	}
	if _, c, err = talk(t, server, client, "mail.test."); err != nil || !c.DidResume {
		t.Errorf("the session was not resumed: %v", err)
	}
	if v, err := client.Verify(&c); v != "OK" {
		t.Errorf("resumed: %s %v", v, err)
	}
}

// TestTheNameChoosesTheCertificate: several pairs, and the client's server_name.
func TestTheNameChoosesTheCertificate(t *testing.T) {
	dir := t.TempDir()
	c1, k1 := pair(t, dir, "one.test")
	c2, k2 := pair(t, dir, "two.test")
	server := keep(t, ServerSide, Options{CertFile: c1 + ", " + c2, KeyFile: k1 + "," + k2})
	client := keep(t, ClientSide, Options{})
	for name, want := range map[string]string{"one.test": "one.test", "two.test": "two.test", "three.test": "one.test", "[192.0.2.1]": "one.test"} {
		_, c, err := talk(t, server, client, name)
		if err != nil || CommonName(c.PeerCertificates[0]) != want {
			t.Errorf("%s: %v %v", name, CommonName(c.PeerCertificates[0]), err)
		}
	}
}

func TestReplacedFilesServeTheNextHandshake(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	var reported []error
	cert, key := pair(t, dir, "mail.test")
	server, err := New(ServerSide, Options{CertFile: cert, KeyFile: key}, func() time.Time { return now }, func(err error) { reported = append(reported, err) })
	if err != nil {
		t.Fatal(err)
	}
	client := keep(t, ClientSide, Options{})
	serial := func() string {
		_, c, err := talk(t, server, client, "x")
		if err != nil {
			t.Fatal(err)
		}
		return CommonName(c.PeerCertificates[0])
	}
	if got := serial(); got != "mail.test" {
		t.Fatal(got)
	}
	newCert, newKey := pair(t, dir, "new.test")
	if err := os.Rename(newCert, cert); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Second)
	if got := serial(); got != "mail.test" || len(reported) != 1 {
		t.Errorf("half replaced: %s %v", got, reported)
	}
	now = now.Add(2 * time.Second)
	if serial(); len(reported) != 1 {
		t.Errorf("reported again: %v", reported)
	}
	if err := os.Rename(newKey, key); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Second)
	if got := serial(); got != "new.test" || len(reported) != 1 {
		t.Errorf("replaced: %s %v", got, reported)
	}
}

func TestRevokedCertificates(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	good, goodKey := ca.issue(t, dir, 2)
	bad, badKey := ca.issue(t, dir, 3)
	list, old := ca.revoke(t, dir, "list", 3, time.Hour), ca.revoke(t, dir, "old", 4, -time.Minute)
	for _, test := range []struct {
		cert, key, crl string
		require        bool
		want, why      string
	}{
		{good, goodKey, list, false, "OK", ""},
		{bad, badKey, list, false, "FAIL", "certificate revoked"},
		{bad, badKey, "", false, "OK", ""},
		{good, goodKey, "", true, "FAIL", "unable to get certificate CRL"},
		{good, goodKey, old, false, "FAIL", "CRL has expired"},
	} {
		// A file in CACertPath is trusted by its name only.
		folder := t.TempDir()
		for name, want := range map[string]string{"ca.pem": "FAIL", "0123abcd.0": "OK"} {
			text, err := os.ReadFile(ca.file)
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			client := keep(t, ClientSide, Options{CACertPath: folder})
			_, c, err := talk(t, keep(t, ServerSide, Options{CertFile: good, KeyFile: goodKey}), client, "x")
			if err != nil {
				t.Fatal(err)
			}
			if v, _ := client.Verify(&c); v != want && want == "OK" {
				t.Errorf("CACertPath with %s: %s", name, v)
			}
		}
		server := keep(t, ServerSide, Options{CertFile: test.cert, KeyFile: test.key})
		client := keep(t, ClientSide, Options{CACertFile: ca.file, CRLFile: test.crl, RequireCRL: test.require})
		_, c, err := talk(t, server, client, "x")
		if err != nil {
			t.Fatal(err)
		}
		v, err := client.Verify(&c)
		if v != test.want || test.why != "" && err.Error() != test.why {
			t.Errorf("%+v: %s %v", test, v, err)
		}
	}
}

// TestAbsentListsTakeTrustAway: files about whom to trust that are not there are reported, and leave TLS without them,
// but a certificate is never verified where the revoked ones are not known.
func TestAbsentListsTakeTrustAway(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	cert, key := ca.issue(t, dir, 2)
	server := keep(t, ServerSide, Options{CertFile: cert, KeyFile: key})
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		o          Options
		said, want string
	}{
		{Options{CACertFile: none}, "CACertFile: stat " + none, "FAIL"},
		{Options{CACertFile: ca.file, CACertPath: none}, "CACertPath: open " + none, "OK"},
		{Options{CACertFile: ca.file, CRLFile: none}, "CRLFile: stat " + none, "FAIL"},
		{Options{CACertFile: ca.file, CRLPath: none}, "CRLPath: open " + none, "FAIL"},
	} {
		var said []string
		client, err := New(ClientSide, c.o, nil, func(err error) { said = append(said, err.Error()) })
		if err != nil || len(said) != 1 || !strings.Contains(said[0], c.said) {
			t.Errorf("%+v: %v, said %q", c.o, err, said)
			continue
		}
		_, state, err := talk(t, server, client, "x")
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := client.Verify(&state); v != c.want {
			t.Errorf("%+v: %s, want %s", c.o, v, c.want)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "mail.test")
	_, other := pair(t, dir, "other.test")
	open := filepath.Join(dir, "open.key")
	b, _ := os.ReadFile(key)
	os.WriteFile(open, b, 0o644)
	os.Chmod(open, 0o644)
	text := filepath.Join(dir, "text")
	os.WriteFile(text, []byte("hello"), 0o600)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{CertFile: cert}, "do not make pairs"},
		{Options{CertFile: cert + "," + cert, KeyFile: key}, "do not make pairs"},
		{Options{CertFile: cert, KeyFile: "/nonexistent"}, "ServerKeyFile: "},
		{Options{CertFile: cert, KeyFile: open}, "ServerKeyFile: "},
		{Options{CertFile: cert, KeyFile: other}, "private key does not match"},
		{Options{CertFile: cert, KeyFile: key, CACertFile: text}, "CACertFile: " + text + ": nothing of the kind"},
		{Options{CertFile: cert, KeyFile: key, CRLFile: text}, "CRLFile: " + text + ": nothing of the kind"},
		{Options{CertFile: cert, KeyFile: key, CipherList: "LOW"}, `"LOW" leaves no cipher`},
		{Options{CertFile: cert, KeyFile: key, CipherSuites: "TLS_AES_128_GCM_SHA256"}, "CipherSuites: TLS_AES_128_GCM_SHA256: TLS 1.3 always"},
		{Options{CertFile: cert, KeyFile: key, CipherSuites: "FOO"}, `CipherSuites: unknown suite "FOO"`},
		{Options{CertFile: cert, KeyFile: key, SSLOptions: "NO_TLS"}, `ServerSSLOptions: "NO_TLS" is no SSL_OP_ name`},
		{Options{CertFile: cert, KeyFile: key, SSLOptions: "SSL_OP_NO_TLSv1_2 SSL_OP_NO_TLSv1_3"}, "no protocol left"},
		{Options{CertFile: cert, KeyFile: key, SSLOptions: "-SSL_OP_NO_TLSv1_1,SSL_OP_NO_TLSv1_2"}, "gap before TLS 1.3"},
	} {
		if _, err := New(ServerSide, c.o, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	k := keep(t, ServerSide, Options{})
	if _, err := k.Server(); err != ErrNotOffered || k.Offered() {
		t.Errorf("nothing set: %v", err)
	}
	if k := keep(t, ServerSide, Options{CertFile: cert, KeyFile: key, CACertPath: dir, CipherList: "HIGH:WHAT"}); !k.Offered() || !slices.Equal(k.Unknown(), []string{"WHAT"}) {
		t.Errorf("folder with other files: %v", k.Unknown())
	}
}

// TestNames: names of suites beside those of openssl ciphers, and distinguished names in the form of X509_NAME_oneline.
func TestNames(t *testing.T) {
	for id, want := range map[uint16]string{
		tls.TLS_AES_256_GCM_SHA384:                        "TLS_AES_256_GCM_SHA384",
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         "ECDHE-RSA-AES256-GCM-SHA384",
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256:       "ECDHE-ECDSA-AES128-SHA256",
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   "ECDHE-RSA-CHACHA20-POLY1305",
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
		tls.TLS_RSA_WITH_AES_128_CBC_SHA:                  "AES128-SHA",
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384:               "AES256-GCM-SHA384",
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:                 "DES-CBC3-SHA",
		tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:           "ECDHE-RSA-DES-CBC3-SHA",
		tls.TLS_RSA_WITH_RC4_128_SHA:                      "RC4-SHA",
		tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:              "ECDHE-ECDSA-RC4-SHA",
	} {
		if got := CipherName(id); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	subject := pkix.Name{Country: []string{"JP"}, Organization: []string{"Example (Mail) + Co"}, CommonName: "Jörg \"x\""}
	der, err := asn1.Marshal(subject.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{RawSubject: der}
	if got, want := Subject(cert), `/C=JP/O=Example+20+28Mail+29+20+5C+2B+20Co/CN=J+5CxC3+5CxB6rg+20+22x+22`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := CommonName(cert), `J+C3+B6rg+20+22x+22`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := Fingerprint(cert, "crc32"); err == nil {
		t.Error("an unknown digest was taken")
	}
}

// authority signs certificates and lists.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign, SubjectKeyId: []byte{1}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, write(t, filepath.Join(dir, "root.pem"), "CERTIFICATE", der)}
}

func (a *authority) issue(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "leaf"+big.NewInt(serial).String())
	return write(t, base+".pem", "CERTIFICATE", der), write(t, base+".key", "EC PRIVATE KEY", kder)
}

func (a *authority) revoke(t *testing.T, dir, name string, serial int64, until time.Duration) string {
	t.Helper()
	now := time.Now()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(until),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: now.Add(-time.Hour)}}}, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(dir, name+".crl"), "X509 CRL", der)
}

func TestVersions(t *testing.T) {
	for value, want := range map[string][2]uint16{
		"":                                    {tls.VersionTLS12, tls.VersionTLS13},
		"SSL_OP_NO_SSLv2 SSL_OP_NO_SSLv3":     {tls.VersionTLS12, tls.VersionTLS13},
		"-SSL_OP_NO_TLSv1,-SSL_OP_NO_TLSv1_1": {tls.VersionTLS10, tls.VersionTLS13},
		"+SSL_OP_NO_TLSv1_2":                  {tls.VersionTLS13, tls.VersionTLS13},
		"SSL_OP_NO_TLSv1_3 0x4000":            {tls.VersionTLS12, tls.VersionTLS12},
	} {
		c := &tls.Config{}
		if err := protocol(c, value); err != nil || c.MinVersion != want[0] || c.MaxVersion != want[1] {
			t.Errorf("%q: %x..%x %v", value, c.MinVersion, c.MaxVersion, err)
		}
	}
}

func TestCiphers(t *testing.T) {
	one := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, name := range []string{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ecdhe-rsa-aes128-gcm-sha256"} {
		if got, _, err := Ciphers(name); err != nil || !slices.Equal(got, one) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	got, _, err := Ciphers("ECDHE+AESGCM:!AES256:@STRENGTH")
	if err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	got, _, err = Ciphers("AES128-SHA:AES256-SHA:!AES128")
	if err != nil || !slices.Equal(got, []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}) {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzCiphers(f *testing.F) {
	f.Add("HIGH:!aNULL:-RC4:+3DES@STRENGTH")
	f.Fuzz(func(t *testing.T, s string) {
		if got, _, err := Ciphers(s); err == nil && len(got) == 0 {
			t.Error("neither ciphers nor an error")
		}
	})
}
