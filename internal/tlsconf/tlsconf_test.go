package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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

func TestBothSidesTalk(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "mail.test")
	o := Options{CACertFile: cert, ServerCertFile: cert, ServerKeyFile: key, ClientCertFile: cert, ClientKeyFile: key, CipherList: "HIGH:!aNULL:!3DES", DHParameters: "5"}
	server, err := Server(o)
	if err != nil {
		t.Fatal(err)
	}
	client, err := Client(o, "mail.test.")
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	sc := tls.Server(a, server)
	go func() { done <- sc.Handshake() }()
	cc := tls.Client(b, client)
	if err := cc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(client, cc.ConnectionState(), x509.ExtKeyUsageServerAuth); v != "OK" {
		t.Errorf("server's certificate: %s %v", v, err)
	}
	if v, err := Verify(server, sc.ConnectionState(), x509.ExtKeyUsageClientAuth); v != "OK" {
		t.Errorf("client's certificate: %s %v", v, err)
	}
	stranger, err := Client(Options{}, "mail.test")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := Verify(stranger, cc.ConnectionState(), x509.ExtKeyUsageServerAuth); v != "FAIL" {
		t.Errorf("without authorities: %s", v)
	}
	if v, _ := Verify(client, tls.ConnectionState{}, x509.ExtKeyUsageServerAuth); v != "NO" {
		t.Errorf("without a certificate: %s", v)
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
		{Options{ServerCertFile: cert}, "do not make pairs"},
		{Options{ServerCertFile: cert + "," + cert, ServerKeyFile: key}, "do not make pairs"},
		{Options{ServerCertFile: cert, ServerKeyFile: "/nonexistent"}, "ServerKeyFile: stat /nonexistent"},
		{Options{ServerCertFile: cert, ServerKeyFile: open}, "open.key: others may read or write it"},
		{Options{ServerCertFile: cert, ServerKeyFile: other}, "private key does not match"},
		{Options{ServerCertFile: cert, ServerKeyFile: key, CACertFile: text}, "CACertFile: " + text + ": no certificate"},
		{Options{ServerCertFile: cert, ServerKeyFile: key, CACertPath: "/nonexistent"}, "CACertPath: open /nonexistent"},
		{Options{ServerCertFile: cert, ServerKeyFile: key, CipherList: "HIGH:FOO"}, `CipherList: unknown cipher "FOO"`},
		{Options{ServerCertFile: cert, ServerKeyFile: key, CipherList: "LOW"}, `"LOW" leaves no cipher`},
		{Options{ServerCertFile: cert, ServerKeyFile: key, ServerSSLOptions: "NO_TLS"}, `ServerSSLOptions: "NO_TLS" is no SSL_OP_ name`},
		{Options{ServerCertFile: cert, ServerKeyFile: key, ServerSSLOptions: "SSL_OP_NO_TLSv1_2 SSL_OP_NO_TLSv1_3"}, "no protocol left"},
		{Options{ServerCertFile: cert, ServerKeyFile: key, ServerSSLOptions: "-SSL_OP_NO_TLSv1_1,SSL_OP_NO_TLSv1_2"}, "gap before TLS 1.3"},
	} {
		if _, err := Server(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	if c, err := Server(Options{}); c != nil || err != nil {
		t.Errorf("nothing set: %v %v", c, err)
	}
	if _, err := Server(Options{ServerCertFile: cert, ServerKeyFile: key, CACertPath: dir}); err != nil {
		t.Errorf("folder with other files: %v", err)
	}
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
		if got, err := Ciphers(name); err != nil || !slices.Equal(got, one) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	got, err := Ciphers("ECDHE+AESGCM:!AES256:@STRENGTH")
	if err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	got, err = Ciphers("AES128-SHA:AES256-SHA:!AES128")
	if err != nil || !slices.Equal(got, []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}) {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzCiphers(f *testing.F) {
	f.Add("HIGH:!aNULL:-RC4:+3DES@STRENGTH")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Ciphers(s); err == nil && len(got) == 0 {
			t.Error("neither ciphers nor an error")
		}
	})
}
