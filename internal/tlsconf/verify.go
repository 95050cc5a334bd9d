package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Values of macro {verify} that a look at a certificate gives (op.txt section 5.2).
const (
	VerifyOK   = "OK"   // a trusted authority signed it
	VerifyNo   = "NO"   // none was presented
	VerifyNot  = "NOT"  // none was asked for
	VerifyFail = "FAIL" // it could not be verified
)

// errRevoked: a list of its issuer names the certificate.
var errRevoked = errors.New("certificate revoked")

// verify checks the chain of a peer's certificates against the authorities and the revocation lists, whatever the name
// in it. usage is what the peer used it for.
func (m *material) verify(o *Options, state *tls.ConnectionState, usage x509.ExtKeyUsage, now time.Time) error {
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	chains, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: m.config.RootCAs, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}, CurrentTime: now,
	})
	if err != nil {
		return err
	}
	// One chain without a revoked certificate is enough.
	for _, chain := range chains {
		if err = m.revoked(o, chain, now); err == nil {
			return nil
		}
	}
	return err
}

// revoked looks for the certificates of a chain in the lists of their issuers. That there is no list counts only where
// lists are required; one that is past its time always does, as for OpenSSL.
func (m *material) revoked(o *Options, chain []*x509.Certificate, now time.Time) error {
	for i, cert := range chain[:len(chain)-1] {
		found := false
		for _, list := range m.crls {
			if !slices.Equal(list.RawIssuer, cert.RawIssuer) || list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			found = true
			for _, r := range list.RevokedCertificateEntries {
				if r.SerialNumber.Cmp(cert.SerialNumber) == 0 {
					return errRevoked
				}
			}
			if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
				return errors.New("CRL has expired")
			}
		}
		if !found && o.RequireCRL {
			return errors.New("unable to get certificate CRL")
		}
	}
	return nil
}

// VerifyMessage is OpenSSL's sentence for what Verify returned, as it stands in log lines: verifymsg=.
func VerifyMessage(state *tls.ConnectionState, err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(state.PeerCertificates[0].NotBefore) {
			return "certificate is not yet valid"
		}
		return "certificate has expired"
	case errors.As(err, &unknown):
		leaf := state.PeerCertificates[0]
		if slices.Equal(leaf.RawIssuer, leaf.RawSubject) {
			return "self-signed certificate"
		}
		return "unable to get local issuer certificate"
	}
	return err.Error()
}

// revocations reads CRLFile and the files of CRLPath.
func revocations(o *Options) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	add := func(name string) error {
		text, err := readFile(name)
		if err != nil {
			return err
		}
		n := len(lists)
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "X509 CRL" {
				continue
			}
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			lists = append(lists, list)
		}
		if len(lists) == n {
			return notPEM(name)
		}
		return nil
	}
	if o.CRLFile != "" {
		if err := add(o.CRLFile); err != nil {
			return nil, fmt.Errorf("CRLFile: %w", err)
		}
	}
	if err := eachFile(o.CRLPath, crlName, add); err != nil {
		return nil, fmt.Errorf("CRLPath: %w", err)
	}
	return lists, nil
}
