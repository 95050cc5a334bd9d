package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Options are the values of the options, as written. An empty one is not set.
type Options struct {
	CACertFile, CACertPath        string
	ServerCertFile, ServerKeyFile string // "a,b" names a second pair, for another kind of key
	ClientCertFile, ClientKeyFile string
	CipherList                    string
	ServerSSLOptions              string
	ClientSSLOptions              string
	DHParameters                  string
	// GroupReadableKeys allows keys that a group may read (DontBlameSendmail=GroupReadableKeyFile).
	GroupReadableKeys bool
}

// Server makes the configuration for our own STARTTLS. A nil configuration without an error means that no certificate is
// set: STARTTLS is not offered.
func Server(o Options) (*tls.Config, error) {
	if o.ServerCertFile == "" && o.ServerKeyFile == "" {
		return nil, nil
	}
	c, err := common(o, o.ServerSSLOptions, "ServerSSLOptions")
	if err != nil {
		return nil, err
	}
	if c.Certificates, err = pairs(o, "Server", o.ServerCertFile, o.ServerKeyFile); err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequestClientCert
	return c, nil
}

// Client makes the configuration for STARTTLS with a peer whose name is host. The peer's certificate is not required to be
// valid (TLS is opportunistic); Verify tells whether it is.
func Client(o Options, host string) (*tls.Config, error) {
	c, err := common(o, o.ClientSSLOptions, "ClientSSLOptions")
	if err != nil {
		return nil, err
	}
	if o.ClientCertFile != "" || o.ClientKeyFile != "" {
		if c.Certificates, err = pairs(o, "Client", o.ClientCertFile, o.ClientKeyFile); err != nil {
			return nil, err
		}
	}
	c.ServerName = strings.Trim(strings.TrimSuffix(host, "."), "[]")
	c.InsecureSkipVerify = true
	return c, nil
}

// Verify checks the chain of a peer's certificates against the authorities of c, whatever the name in it. usage is what the
// peer used it for. It returns what the macro {verify} holds: "OK", "NO" without a certificate, "FAIL" with the reason.
func Verify(c *tls.Config, state tls.ConnectionState, usage x509.ExtKeyUsage) (verdict string, err error) {
	if len(state.PeerCertificates) == 0 {
		return "NO", nil
	}
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return "FAIL", err
	}
	return "OK", nil
}

func common(o Options, sslOptions, name string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := protocol(c, sslOptions); err != nil {
		return nil, fmt.Errorf("tlsconf: %s: %w", name, err)
	}
	if o.CipherList != "" {
		suites, err := Ciphers(o.CipherList)
		if err != nil {
			return nil, fmt.Errorf("tlsconf: CipherList: %w", err)
		}
		c.CipherSuites = suites
	}
	roots, err := authorities(o)
	if err != nil {
		return nil, err
	}
	c.RootCAs, c.ClientCAs = roots, roots
	return c, nil
}

// authorities reads CACertFile and the files of CACertPath; without both nobody is trusted, as with the original.
func authorities(o Options) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if o.CACertFile != "" {
		if err := addFile(pool, o.CACertFile); err != nil {
			return nil, fmt.Errorf("tlsconf: CACertFile: %w", err)
		}
	}
	if o.CACertPath == "" {
		return pool, nil
	}
	list, err := os.ReadDir(o.CACertPath)
	if err != nil {
		return nil, fmt.Errorf("tlsconf: CACertPath: %w", err)
	}
	for _, e := range list {
		// A folder of authorities may hold anything else as well; only what is a certificate counts.
		var bad notPEM
		err := addFile(pool, filepath.Join(o.CACertPath, e.Name()))
		if err != nil && !errors.As(err, &bad) && !e.IsDir() && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("tlsconf: CACertPath: %w", err)
		}
	}
	return pool, nil
}

type notPEM string

func (n notPEM) Error() string { return string(n) + ": no certificate in PEM form" }

func addFile(pool *x509.CertPool, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(text) {
		return notPEM(name)
	}
	return nil
}

// pairs reads one or two certificates with their keys.
func pairs(o Options, side, certs, keys string) ([]tls.Certificate, error) {
	cf, kf := strings.Split(certs, ","), strings.Split(keys, ",")
	if len(cf) != len(kf) || certs == "" || keys == "" {
		return nil, fmt.Errorf("tlsconf: %sCertFile=%s and %sKeyFile=%s do not make pairs", side, certs, side, keys)
	}
	var out []tls.Certificate
	for i := range cf {
		cert, key := strings.TrimSpace(cf[i]), strings.TrimSpace(kf[i])
		if err := o.checkKey(key); err != nil {
			return nil, fmt.Errorf("tlsconf: %sKeyFile: %w", side, err)
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("tlsconf: %sCertFile %s, %sKeyFile %s: %w", side, cert, side, key, err)
		}
		out = append(out, pair)
	}
	return out, nil
}

func (o Options) checkKey(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	forbidden := fs.FileMode(0o066)
	if o.GroupReadableKeys {
		forbidden = 0o026
	}
	if info.Mode().Perm()&forbidden != 0 {
		return fmt.Errorf("%s: others may read or write it (mode %#o)", name, info.Mode().Perm())
	}
	return nil
}
