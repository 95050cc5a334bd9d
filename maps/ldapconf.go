package maps

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ldapConf is what ldap.conf(5) says about servers that maps do not name and about TLS. OpenLDAP's library reads this
// file for the original; its other settings concern searches, for which class ldap always has values of its own, or
// SASL.
type ldapConf struct {
	uri, base string
	tls       *tls.Config
}

// ldapConfFiles are the usual places of ldap.conf.
var ldapConfFiles = []string{"/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf"}

// ldapConf reads the file. That there is none is no error.
func (e *Env) ldapConf() (*ldapConf, error) {
	files := ldapConfFiles
	if e.LDAPConf != "" {
		files = []string{e.LDAPConf}
	}
	for _, name := range files {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		c := &ldapConf{tls: &tls.Config{MinVersion: tls.VersionTLS12}}
		s := bufio.NewScanner(f)
		for line := 1; s.Scan(); line++ {
			if err := c.line(s.Text()); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line, err)
			}
		}
		return c, s.Err()
	}
	return &ldapConf{tls: &tls.Config{MinVersion: tls.VersionTLS12}}, nil
}

func (c *ldapConf) line(text string) error {
	if strings.HasPrefix(text, "#") {
		return nil
	}
	key, value, _ := strings.Cut(strings.Trim(text, blanks), " ")
	if k, v, ok := strings.Cut(key, "\t"); ok {
		key, value = k, v+" "+value
	}
	value = strings.Trim(value, blanks)
	switch strings.ToUpper(key) {
	case "URI":
		c.uri = value
	case "BASE":
		c.base = value
	case "TLS_CACERT":
		return c.trust(value)
	case "TLS_CACERTDIR":
		files, err := filepath.Glob(filepath.Join(value, "*"))
		if err != nil {
			return err
		}
		for _, f := range files {
			if st, err := os.Stat(f); err != nil || !st.Mode().IsRegular() {
				continue
			}
			if err := c.trust(f); err != nil && !errors.Is(err, errNoCertificate) {
				return err
			}
		}
	case "TLS_REQCERT":
		return c.require(strings.ToLower(value))
	}
	return nil
}

var errNoCertificate = errors.New("no certificate in it")

// trust adds the certificates of a PEM file to those that sign servers.
func (c *ldapConf) trust(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if c.tls.RootCAs == nil {
		c.tls.RootCAs = x509.NewCertPool()
	}
	if !c.tls.RootCAs.AppendCertsFromPEM(data) {
		return fmt.Errorf("%s: %w", file, errNoCertificate)
	}
	return nil
}

// require obeys TLS_REQCERT. 'try' lets a server without a certificate pass, which TLS as it is spoken today does not
// have.
func (c *ldapConf) require(level string) error {
	switch level {
	case "never", "allow":
		c.tls.InsecureSkipVerify = true
	case "try", "demand", "hard":
		c.tls.InsecureSkipVerify = false
	default:
		return fmt.Errorf("TLS_REQCERT %s: want never, allow, try, demand or hard", level)
	}
	return nil
}
