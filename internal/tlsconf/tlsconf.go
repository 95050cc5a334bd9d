package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gosendmail/internal/safefile"
)

// Options are the values of the options of one side, as written. An empty one is not set.
type Options struct {
	CACertFile, CACertPath string
	CRLFile, CRLPath       string
	CertFile, KeyFile      string // ServerCertFile and ServerKeyFile or the client's; "a,b" names a second pair, for another kind of key or name
	CipherList             string // of ciphers(1); TLS 1.3 has its own
	CipherSuites           string // of TLS 1.3
	SSLOptions             string // ServerSSLOptions or ClientSSLOptions
	DHParameters           string
	// RequireCRL makes a certificate whose issuer has no revocation list fail (flag R of tls_srv_features and
	// tls_clt_features).
	RequireCRL bool
	// NoRequest leaves out the request for a client's certificate (flag V of TLSSrvOptions, srv_features' V).
	NoRequest bool
	Blame     safefile.Blame // DontBlameSendmail: GroupReadableKeyFile, CertOwner
}

// files lists every file that the configuration was made of, for a look whether one has changed.
func (o *Options) files() []string {
	var list []string
	for _, names := range []string{o.CACertFile, o.CACertPath, o.CRLFile, o.CRLPath, o.CertFile, o.KeyFile} {
		for name := range strings.SplitSeq(names, ",") {
			if name = strings.TrimSpace(name); name != "" {
				list = append(list, name)
			}
		}
	}
	return list
}

// Side is who speaks first in the handshake.
type Side uint8

// The sides.
const (
	ServerSide Side = iota
	ClientSide
)

// String is the word of log lines: STARTTLS=server.
func (s Side) String() string {
	if s == ServerSide {
		return "server"
	}
	return "client"
}

func (s Side) option() string {
	if s == ServerSide {
		return "Server"
	}
	return "Client"
}

// material is one generation of certificates, keys and lists, ready for handshakes.
type material struct {
	config  *tls.Config
	crls    []*x509.RevocationList
	unknown []string // words of CipherList
	absent  []error  // files about whom to trust that are not there: fewer are verified, or nobody
}

// Check reports what is wrong with the options that name no files.
func Check(side Side, o *Options) error {
	_, _, err := settings(side, o)
	return err
}

// CheckFiles reports what is wrong with the certificates of a side and their keys; the error begins with the name of
// the option that is to blame.
func CheckFiles(side Side, o *Options, now time.Time) error {
	list, err := pairs(side, o)
	if err != nil {
		return fmt.Errorf("%w: there is no TLS", err)
	}
	for i := range list {
		if leaf := list[i].Leaf; leaf != nil && now.After(leaf.NotAfter) {
			day := leaf.NotAfter.Format(time.DateOnly)
			return fmt.Errorf("%sCertFile: the certificate expired on %s", side.option(), day)
		}
	}
	return nil
}

// FileError is a certificate or key in a file that cannot be used, for what it is or where it lies.
type FileError struct {
	Path string
	Err  error
}

// Error says why, in the original's words.
func (e *FileError) Error() string { return "file " + e.Path + " unsafe: " + safefile.Reason(e.Err) }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// settings makes the part of a configuration that needs no files.
func settings(side Side, o *Options) (c *tls.Config, unknown []string, err error) {
	c = &tls.Config{MinVersion: tls.VersionTLS12}
	if err := protocol(c, o.SSLOptions); err != nil {
		return nil, nil, fmt.Errorf("%sSSLOptions: %w", side.option(), err)
	}
	unknown, err = suites(c, o)
	return c, unknown, err
}

// load reads all files. config is nil where a server has no certificate: STARTTLS is not offered then.
func load(side Side, o *Options) (*material, error) {
	if side == ServerSide && o.CertFile == "" && o.KeyFile == "" {
		return &material{}, nil
	}
	c, unknown, err := settings(side, o)
	if err != nil {
		return nil, err
	}
	m := &material{config: c, unknown: unknown}
	if err := m.trust(o); err != nil {
		return nil, err
	}
	if o.CertFile != "" || o.KeyFile != "" {
		if c.Certificates, err = pairs(side, o); err != nil {
			return nil, err
		}
	}
	if side == ServerSide {
		c.ClientAuth = tls.RequestClientCert
		if o.NoRequest {
			c.ClientAuth = tls.NoClientCert
		}
	} else {
		// TLS is opportunistic: Verify reports what the certificate is worth, the rulesets decide.
		c.InsecureSkipVerify = true
		c.ClientSessionCache = tls.NewLRUClientSessionCache(clientSessions)
	}
	return m, nil
}

// trust reads who is trusted. What is not there takes trust away, not TLS: without a list of revoked certificates
// nobody is verified.
func (m *material) trust(o *Options) error {
	roots := x509.NewCertPool()
	for _, read := range []func(*Options, *x509.CertPool) error{authorityFile, authorityFolder} {
		switch err := read(o, roots); {
		case errors.Is(err, fs.ErrNotExist):
			m.absent = append(m.absent, err)
		case err != nil:
			return err
		}
	}
	var err error
	if m.crls, err = revocations(o); errors.Is(err, fs.ErrNotExist) {
		m.absent = append(m.absent, fmt.Errorf("%w; no certificate is verified", err))
		m.crls, roots, err = nil, x509.NewCertPool(), nil
	}
	m.config.RootCAs, m.config.ClientCAs = roots, roots
	return err
}

// clientSessions is how many servers' sessions are kept for resumption.
const clientSessions = 256

func suites(c *tls.Config, o *Options) (unknown []string, err error) {
	if o.CipherList != "" {
		if c.CipherSuites, unknown, err = Ciphers(o.CipherList); err != nil {
			return nil, fmt.Errorf("CipherList: %w", err)
		}
	}
	if err := checkSuites(o.CipherSuites); err != nil {
		return nil, fmt.Errorf("CipherSuites: %w", err)
	}
	return unknown, nil
}

// authorityFile reads CACertFile, authorityFolder the files of CACertPath; without both nobody is trusted, as with the
// original.
func authorityFile(o *Options, pool *x509.CertPool) error {
	if o.CACertFile == "" {
		return nil
	}
	if err := addFile(pool, o.CACertFile); err != nil {
		return fmt.Errorf("CACertFile: %w", err)
	}
	return nil
}

func authorityFolder(o *Options, pool *x509.CertPool) error {
	err := eachFile(o.CACertPath, certName, func(name string) error { return addFile(pool, name) })
	if err != nil {
		return fmt.Errorf("CACertPath: %w", err)
	}
	return nil
}

// Names of files in CACertPath and CRLPath: a hash and a number, as c_rehash(1) makes them. OpenSSL looks at no others,
// so that a certificate that merely lies there is not trusted.
var (
	certName = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)
	crlName  = regexp.MustCompile(`^[0-9a-f]{8}\.r[0-9]+$`)
)

// eachFile reads the files of a folder whose names fit.
func eachFile(dir string, names *regexp.Regexp, read func(name string) error) error {
	if dir == "" {
		return nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !names.MatchString(e.Name()) {
			continue
		}
		var other notPEM
		// A link whose file is gone is what c_rehash leaves behind.
		if err := read(filepath.Join(dir, e.Name())); err != nil && !errors.As(err, &other) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

type notPEM string

func (n notPEM) Error() string { return string(n) + ": nothing of the kind in PEM form" }

// maxFile bounds certificates, keys and lists of authorities; revocation lists may be larger.
const maxFile = 64 << 20

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notPEM(name)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many", name, info.Size())
	}
	return os.ReadFile(name)
}

func addFile(pool *x509.CertPool, name string) error {
	text, err := readFile(name)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(text) {
		return notPEM(name)
	}
	return nil
}

// pairs reads the certificates with their keys.
func pairs(side Side, o *Options) ([]tls.Certificate, error) {
	cf, kf := strings.Split(o.CertFile, ","), strings.Split(o.KeyFile, ",")
	if len(cf) != len(kf) || o.CertFile == "" || o.KeyFile == "" {
		const text = "%[1]sCertFile=%[2]s and %[1]sKeyFile=%[3]s do not make pairs"
		return nil, fmt.Errorf(text, side.option(), o.CertFile, o.KeyFile)
	}
	var out []tls.Certificate
	for i := range cf {
		cert, key := strings.TrimSpace(cf[i]), strings.TrimSpace(kf[i])
		if err := o.check(cert, false); err != nil {
			return nil, fmt.Errorf("%sCertFile: %w", side.option(), &FileError{cert, err})
		}
		if err := o.check(key, true); err != nil {
			return nil, fmt.Errorf("%sKeyFile: %w", side.option(), &FileError{key, err})
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%[1]sCertFile %[2]s, %[1]sKeyFile %[3]s: %[4]w", side.option(), cert, key, err)
		}
		out = append(out, pair)
	}
	return out, nil
}

// certRules are what a certificate's file must pass; a link to it is no fault, since certificates are kept so.
const certRules = safefile.RegularOnly | safefile.RootOK | safefile.NoLinkInWritableDir | safefile.NoGroupWritable | safefile.NoWorldWritable

// check refuses a file that others may write, or read where it is a key, or that belongs to somebody else.
func (o *Options) check(name string, key bool) error {
	checker := safefile.Checker{Blame: o.Blame, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	rules := certRules
	if key {
		rules = o.Blame.Rules(safefile.KeyFile)
	}
	if !o.Blame.Has(safefile.CertOwner) {
		rules |= safefile.MustOwn
	}
	_, err := checker.CheckRules(name, rules, safefile.Read)
	return err
}
