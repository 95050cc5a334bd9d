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

// UsableTLSA returns the records that a mail server's certificate may be held against (RFC 7672 section 3.1): the
// usages PKIX-TA and PKIX-EE do not count, nor do selectors, matching types and lengths that nobody knows.
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

// VerifyDANE holds a server's certificates against usable TLSA records. With usage DANE-EE the certificate itself must
// match, and neither its names nor its dates count (RFC 7672 section 3.1.1); with DANE-TA an authority of its chain
// must, and the certificate must be good for one of the names (section 3.1.2).
func VerifyDANE(state *tls.ConnectionState, records []dns.TLSA, names []string, now time.Time) error {
	chain := state.PeerCertificates
	if len(chain) == 0 {
		return errNoTLSA
	}
	isLeaf := func(r dns.TLSA) bool { return r.Usage == usageEE && matches(r, chain[0]) }
	if slices.ContainsFunc(records, isLeaf) {
		return nil
	}
	found := anchors(records, chain)
	if found.Equal(x509.NewCertPool()) {
		return errNoTLSA
	}
	return issued(chain, found, names, now)
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

// anchors are the authorities that DANE-TA records name: those that the server sent, a record's own certificate, or who
// has signed the last of the chain with a record's key.
func anchors(records []dns.TLSA, chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range chain[1:] {
		isCert := func(r dns.TLSA) bool { return r.Usage == usageTA && matches(r, cert) }
		if slices.ContainsFunc(records, isCert) {
			pool.AddCert(cert) // crypto/tls has bounded its key
		}
	}
	for _, r := range records {
		if r.Usage != usageTA || r.Matching != matchFull {
			continue
		}
		if cert := anchorOf(r, chain); cert != nil {
			pool.AddCert(cert)
		}
	}
	return pool
}

// anchorOf is the authority that a record holds whole, as a certificate or as the key that has signed the last of the
// chain.
func anchorOf(r dns.TLSA, chain []*x509.Certificate) *x509.Certificate {
	last := chain[len(chain)-1]
	if r.Selector == selectorCert {
		cert, err := x509.ParseCertificate(r.Data)
		if err != nil || cert.Equal(chain[0]) || keyAlgorithm(cert.PublicKey) == x509.UnknownPublicKeyAlgorithm {
			return nil
		}
		return cert
	}
	key, err := x509.ParsePKIXPublicKey(r.Data)
	if err != nil {
		return nil
	}
	signer := &x509.Certificate{PublicKey: key, PublicKeyAlgorithm: keyAlgorithm(key)}
	if signer.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) != nil {
		return nil
	}
	return last
}

// issued checks the chain up to any of the anchors, for any of the names. The anchors are one pool: package x509 bounds
// the signatures that it checks in one search, and what records and certificates without number cost must not grow with
// their product.
func issued(chain []*x509.Certificate, anchors *x509.CertPool, names []string, now time.Time) (err error) {
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	for _, name := range names {
		_, err = chain[0].Verify(x509.VerifyOptions{
			DNSName: name, Roots: anchors, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return nil
		}
	}
	return err
}

// maxRSA bounds the keys of records, in bits: a check of a signature costs the square of them. crypto/tls bounds those
// of certificates alike.
const maxRSA = 8192

// keyAlgorithm names the algorithm of a public key for x509's check of signatures; it knows none of keys that are too
// long.
func keyAlgorithm(key any) x509.PublicKeyAlgorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() > maxRSA {
			return x509.UnknownPublicKeyAlgorithm
		}
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	}
	return x509.UnknownPublicKeyAlgorithm
}
