package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"gosendmail/internal/dns"
)

// issue makes a certificate; without an issuer it signs itself.
func issue(t *testing.T, name string, ca bool, by *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: true}
	if by == nil {
		by, key = tmpl, own
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by, &own.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, own
}

// record makes a TLSA record for a certificate.
func record(usage, selector, matching uint8, cert *x509.Certificate) dns.TLSA {
	data := cert.Raw
	if selector == selectorKey {
		data = cert.RawSubjectPublicKeyInfo
	}
	switch matching {
	case match256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case match512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return dns.TLSA{Usage: usage, Selector: selector, Matching: matching, Data: data}
}

// TestVerifyDANE: every usage, selector and matching type, with the names, dates and chains that count for each.
func TestVerifyDANE(t *testing.T) {
	root, rootKey := issue(t, "root", true, nil, nil)
	middle, middleKey := issue(t, "middle", true, root, rootKey)
	leaf, _ := issue(t, "mx.test", false, middle, middleKey)
	other, _ := issue(t, "mx.test", true, nil, nil)
	soon, late := time.Now(), time.Now().Add(48*time.Hour)
	direct, _ := issue(t, "mx.test", false, root, rootKey)
	whole, short := []*x509.Certificate{leaf, middle, root}, []*x509.Certificate{leaf, middle}
	for usage := uint8(usageTA); usage <= usageEE; usage++ {
		for selector := uint8(selectorCert); selector <= selectorKey; selector++ {
			for matching := uint8(matchFull); matching <= match512; matching++ {
				for _, c := range []struct {
					name   string
					of     *x509.Certificate
					chain  []*x509.Certificate
					names  []string
					now    time.Time
					ee, ta bool
				}{
					{"the certificate", leaf, whole, []string{"mx.test"}, soon, true, false},
					{"its issuer", middle, whole, []string{"mx.test"}, soon, false, true},
					{"the root", root, whole, []string{"mx.test"}, soon, false, true},
					{"the root that was not sent", root, short, []string{"mx.test"}, soon, false, matching == matchFull},
					{"the root of one that it signed, not sent", root, []*x509.Certificate{direct}, []string{"mx.test"}, soon, false, matching == matchFull},
					{"a stranger", other, whole, []string{"mx.test"}, soon, false, false},
					{"one of the names", root, whole, []string{"x.test", "mx.test"}, soon, false, true},
					{"another name, its own key", leaf, whole, []string{"x.test"}, soon, true, false},
					{"another name", root, whole, []string{"x.test"}, soon, false, false},
					{"expired, its own key", leaf, whole, []string{"mx.test"}, late, true, false},
					{"expired", root, whole, []string{"mx.test"}, late, false, false},
					{"no certificate", leaf, nil, []string{"mx.test"}, soon, false, false},
				} {
					records := UsableTLSA([]dns.TLSA{record(usage, selector, matching, c.of)})
					if len(records) != 1 {
						t.Fatalf("%d %d %d: not usable", usage, selector, matching)
					}
					want := c.ta
					if usage == usageEE {
						want = c.ee
					}
					err := VerifyDANE(&tls.ConnectionState{PeerCertificates: c.chain}, records, c.names, c.now)
					if (err == nil) != want {
						t.Errorf("%d %d %d, %s: %v, want %t", usage, selector, matching, c.name, err, want)
					}
				}
			}
		}
	}
}

// TestUsableTLSA: what RFC 7672 section 3.1 leaves out.
func TestUsableTLSA(t *testing.T) {
	sum := make([]byte, sha256.Size)
	for _, c := range []struct {
		usage, selector, matching uint8
		data                      []byte
	}{{0, 1, 1, sum}, {1, 1, 1, sum}, {4, 1, 1, sum}, {3, 2, 1, sum}, {3, 1, 3, sum}, {3, 1, 1, sum[1:]}, {3, 1, 2, sum}, {3, 0, 0, nil}} {
		r := dns.TLSA{Usage: c.usage, Selector: c.selector, Matching: c.matching, Data: c.data}
		if got := UsableTLSA([]dns.TLSA{r}); len(got) != 0 {
			t.Errorf("%v is usable", r)
		}
	}
}

// TestCostOfVerifyDANE: records and certificates without number, which a hostile domain can have, do not cost their
// product.
func TestCostOfVerifyDANE(t *testing.T) {
	root, _ := issue(t, "root", true, nil, nil)
	leaf, _ := issue(t, "mx.test", false, nil, nil)
	cost := func(n int) float64 {
		chain, records := []*x509.Certificate{leaf}, []dns.TLSA{}
		for range n {
			chain, records = append(chain, root), append(records, record(usageTA, selectorKey, match256, root))
		}
		return testing.AllocsPerRun(1, func() {
			if VerifyDANE(&tls.ConnectionState{PeerCertificates: chain}, records, []string{"a.test", "b.test", "mx.test"}, time.Now()) == nil {
				t.Error("a stranger's certificate is good")
			}
		})
	}
	if one, many := cost(1), cost(40); many > 30*one {
		t.Errorf("40 records and 40 certificates cost %.0f allocations, one of each %.0f", many, one)
	}
}

// TestLongKeysOfTLSA: keys whose signatures take seconds to check are nobody's.
func TestLongKeysOfTLSA(t *testing.T) {
	modulus := new(big.Int).SetBit(big.NewInt(1), 2*maxRSA, 1)
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: modulus, E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	if got := keyAlgorithm(key); got != x509.UnknownPublicKeyAlgorithm {
		t.Errorf("a key of %d bits is taken: %v", modulus.BitLen(), got)
	}
}
