package tlsconf

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"hash"
	"strings"
)

// Connection describes what was negotiated, in OpenSSL's words, which rules and log watchers compare.
type Connection struct {
	Version string // "TLSv1.3"
	Cipher  string // "ECDHE-RSA-AES256-GCM-SHA384"
	Bits    int    // of the key that protects: {cipher_bits}
	AlgBits int    // of the algorithm: {alg_bits}
}

// versionNames are OpenSSL's.
var versionNames = map[uint16]string{tls.VersionTLS10: "TLSv1", tls.VersionTLS11: "TLSv1.1", tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}

// Describe names version and cipher of a connection.
func Describe(state *tls.ConnectionState) Connection {
	c := Connection{Version: versionNames[state.Version], Cipher: CipherName(state.CipherSuite)}
	switch name := tls.CipherSuiteName(state.CipherSuite); {
	case strings.Contains(name, "3DES"):
		c.Bits, c.AlgBits = 112, 168
	case strings.Contains(name, "_256_"), strings.Contains(name, "CHACHA20"):
		c.Bits, c.AlgBits = 256, 256
	default:
		c.Bits, c.AlgBits = 128, 128
	}
	return c
}

// CipherName is OpenSSL's name of a suite: TLS 1.3's keep their IANA names, in the others the words WITH and CBC are
// left out.
func CipherName(id uint16) string {
	name := tls.CipherSuiteName(id)
	words, ok := strings.CutPrefix(name, "TLS_")
	if !ok || !strings.Contains(name, "_WITH_") {
		return name
	}
	return opensslName.Replace(strings.TrimPrefix(words, "RSA_WITH_"))
}

var opensslName = strings.NewReplacer("WITH_", "", "AES_128_CBC_", "AES128-", "AES_256_CBC_", "AES256-", "AES_128_GCM_", "AES128-GCM-",
	"AES_256_GCM_", "AES256-GCM-", "CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "3DES_EDE_CBC_SHA", "DES-CBC3-SHA", "RC4_128_SHA", "RC4-SHA", "_", "-")

// digests are the values of CertFingerprintAlgorithm.
var digests = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
	"sha384": sha512.New384, "sha512": sha512.New}

// Fingerprint is the digest of a certificate in pairs of hexadecimal digits with colons; algorithm is a value of
// CertFingerprintAlgorithm. An unknown one is an error.
func Fingerprint(cert *x509.Certificate, algorithm string) (string, error) {
	make, ok := digests[strings.ToLower(algorithm)]
	if !ok {
		return "", fmt.Errorf("tlsconf: CertFingerprintAlgorithm: unknown digest %q", algorithm)
	}
	h := make()
	h.Write(cert.Raw)
	var b strings.Builder
	for i, x := range h.Sum(nil) {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", x)
	}
	return b.String(), nil
}

// KnownDigest reports whether Fingerprint knows an algorithm.
func KnownDigest(algorithm string) bool { return digests[strings.ToLower(algorithm)] != nil }

// attributes are OpenSSL's short names of the parts of a distinguished name.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
	"2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// maxName is how long a common name or a distinguished name may be in a macro.
const maxName = 512

// name reads the raw form of a distinguished name in its own order. The bytes of values are kept as they are.
func name(raw []byte) (parts [][2]string) {
	var rdns []asn1.RawValue
	if _, err := asn1.Unmarshal(raw, &rdns); err != nil {
		return nil
	}
	for _, rdn := range rdns {
		for rest := rdn.Bytes; len(rest) > 0; {
			var pair struct {
				Type  asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			var err error
			if rest, err = asn1.Unmarshal(rest, &pair); err != nil {
				return parts
			}
			key := attributes[pair.Type.String()]
			if key == "" {
				key = pair.Type.String()
			}
			parts = append(parts, [2]string{key, string(pair.Value.Bytes)})
		}
	}
	return parts
}

// oneLine is a distinguished name as OpenSSL's X509_NAME_oneline writes it: "/C=JP/CN=mail.example.com", bytes that do
// not print as \xHH, / and + behind a backslash.
func oneLine(raw []byte) string {
	var b strings.Builder
	for _, p := range name(raw) {
		b.WriteString("/" + p[0] + "=")
		for i := range len(p[1]) {
			switch c := p[1][i]; {
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, "\\x%02X", c)
			case c == '/' || c == '+':
				b.WriteByte('\\')
				fallthrough
			default:
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

// Subject is macro {cert_subject}, encoded as op.txt section 6.7 says.
func Subject(cert *x509.Certificate) string { return longName(cert.RawSubject, "Subject") }

// Issuer is macro {cert_issuer}.
func Issuer(cert *x509.Certificate) string { return longName(cert.RawIssuer, "Issuer") }

func longName(raw []byte, which string) string {
	s := oneLine(raw)
	if len(s) >= maxName {
		return "BadCertificate" + which
	}
	return Encode(s)
}

// CommonName is macro {cn_subject}: the last CN of a name, or what is wrong with it (op.txt section 5.2, {cn_issuer}).
func CommonName(cert *x509.Certificate) string { return commonName(cert.RawSubject) }

// IssuerName is macro {cn_issuer}.
func IssuerName(cert *x509.Certificate) string { return commonName(cert.RawIssuer) }

func commonName(raw []byte) string {
	cn := ""
	for _, p := range name(raw) {
		if p[0] == "CN" {
			cn = p[1]
		}
	}
	switch {
	case strings.ContainsRune(cn, 0):
		return "BadCertificateContainsNUL"
	case len(cn) >= maxName/2:
		return "BadCertificateTooLong"
	}
	return Encode(cn)
}

// Encode replaces what does not print and the characters \ < > ( ) " + and blank by "+" and two hexadecimal digits
// (op.txt section 6.7).
func Encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`\<>()"+`, c) >= 0 {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
