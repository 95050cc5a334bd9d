package tlsconf

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"gosendmail/internal/dns"
)

// Values of macro {verify} where DANE decides (op.txt section 5.2; RFC 7672).
const (
	VerifyTrusted  = "TRUSTED"   // a TLSA record vouches for the certificate
	VerifyDANEFail = "DANE_FAIL" // there are records, and none does; or there is no TLS
	VerifyDANETemp = "DANE_TEMP" // the records could not be had
)

// Certificate usages, selectors and matching types of RFC 6698 sections 2.1.1 to 2.1.3 by their RFC 7218 names.
const (
	usageTA, usageEE              = 2, 3
	selectorCert, selectorKey     = 0, 1
	matchFull, match256, match512 = 0, 1, 2
)

// UsableTLSA returns the records that a mail server's certificate may be held against (RFC 7672 section 3.1): the usages PKIX-TA and
// PKIX-EE do not count, nor do selectors, matching types and lengths that nobody knows.
func UsableTLSA(records []dns.TLSA) []dns.TLSA {
	sizes := map[uint8]int{match256: sha256.Size, match512: sha512.Size}
	return slices.DeleteFunc(slices.Clone(records), func(r dns.TLSA) bool {
		size, digest := sizes[r.Matching]
		return r.Usage != usageTA && r.Usage != usageEE || r.Selector > selectorKey || r.Matching > match512 ||
			digest && len(r.Data) != size || len(r.Data) == 0
	})
}

// errNoTLSA says that no record matches.
var errNoTLSA = errors.New("no TLSA record matches")

// VerifyDANE holds a server's certificates against usable TLSA records. With usage DANE-EE the certificate itself must match, and neither
// its names nor its dates count (RFC 7672 section 3.1.1); with DANE-TA an authority of its chain must, and the certificate must be
// good for one of the names (section 3.1.2).
func VerifyDANE(state *tls.ConnectionState, records []dns.TLSA, names []string, now time.Time) error {
	chain := state.PeerCertificates
	if len(chain) == 0 {
		return errNoTLSA
	}
	failed := errNoTLSA
	for _, r := range records {
		if r.Usage == usageEE {
			if matches(r, chain[0]) {
				return nil
			}
			continue
		}
		for _, anchor := range anchors(r, chain) {
			if failed = issued(chain, anchor, names, now); failed == nil {
				return nil
			}
		}
	}
	return failed
}

// matches reports whether a record names a certificate.
func matches(r dns.TLSA, cert *x509.Certificate) bool {
	data := cert.Raw
	if r.Selector == selectorKey {
		data = cert.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case match256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case match512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, r.Data)
}

// anchors are the authorities that a DANE-TA record names: those that the server sent, the record's own certificate, or who has signed
// the last of the chain with the record's key.
func anchors(r dns.TLSA, chain []*x509.Certificate) (list []*x509.Certificate) {
	for _, cert := range chain[1:] {
		if matches(r, cert) {
			list = append(list, cert)
		}
	}
	if len(list) > 0 || r.Matching != matchFull {
		return list
	}
	last := chain[len(chain)-1]
	if r.Selector == selectorCert {
		if cert, err := x509.ParseCertificate(r.Data); err == nil && !cert.Equal(chain[0]) {
			list = append(list, cert)
		}
		return list
	}
	key, err := x509.ParsePKIXPublicKey(r.Data)
	if err != nil {
		return nil
	}
	signer := &x509.Certificate{PublicKey: key, PublicKeyAlgorithm: keyAlgorithm(key)}
	if signer.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) == nil {
		list = append(list, last)
	}
	return list
}

// issued checks the chain up to an anchor, for any of the names.
func issued(chain []*x509.Certificate, anchor *x509.Certificate, names []string, now time.Time) (err error) {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(anchor)
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	for _, name := range names {
		_, err = chain[0].Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return nil
		}
	}
	return err
}

// keyAlgorithm names the algorithm of a public key for x509's check of signatures.
func keyAlgorithm(key any) x509.PublicKeyAlgorithm {
	switch key.(type) {
	case *rsa.PublicKey:
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	}
	return x509.UnknownPublicKeyAlgorithm
}
