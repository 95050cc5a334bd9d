package tlsconf

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// versions are the SSL_OP_NO_ options in the order of the protocols.
var versions = []struct {
	option  string
	version uint16
}{
	{"SSL_OP_NO_TLSv1", tls.VersionTLS10},
	{"SSL_OP_NO_TLSv1_1", tls.VersionTLS11},
	{"SSL_OP_NO_TLSv1_2", tls.VersionTLS12},
	{"SSL_OP_NO_TLSv1_3", tls.VersionTLS13},
}

// protocol applies the value of ServerSSLOptions or ClientSSLOptions: names separated by blanks or commas, a minus sign
// before one takes it back; numbers are accepted without effect. "-SSL_OP_NO_TLSv1" is how old protocols are allowed:
// the default is TLS 1.2 and later.
func protocol(c *tls.Config, value string) error {
	off := map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true}
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		name, clear := strings.CutPrefix(word, "-")
		name = strings.TrimPrefix(name, "+")
		if err := oneOption(c, off, name, !clear); err != nil {
			return err
		}
	}
	c.MinVersion, c.MaxVersion = 0, 0
	for _, v := range versions {
		if off[v.version] {
			continue
		}
		if c.MinVersion == 0 {
			c.MinVersion = v.version
		}
		// crypto/tls knows a range only; a hole in it is refused rather than filled.
		if c.MaxVersion != 0 && off[v.version-1] {
			return fmt.Errorf("protocols with a gap before TLS 1.%d", v.version-tls.VersionTLS10)
		}
		c.MaxVersion = v.version
	}
	if c.MinVersion == 0 {
		return errors.New("no protocol left")
	}
	return nil
}

func oneOption(c *tls.Config, off map[uint16]bool, name string, on bool) error {
	for _, v := range versions {
		if strings.EqualFold(name, v.option) {
			off[v.version] = on
			return nil
		}
	}
	if strings.EqualFold(name, "SSL_OP_NO_TICKET") {
		c.SessionTicketsDisabled = on
		return nil
	}
	if _, err := strconv.ParseUint(name, 0, 64); err == nil {
		return nil
	}
	if !strings.HasPrefix(strings.ToUpper(name), "SSL_OP_") {
		return fmt.Errorf("%q is no SSL_OP_ name", name)
	}
	return nil
}

// groups are the words of ciphers(1) that a site is likely to use, as predicates on our suites.
var groups = map[string]func(s *tls.CipherSuite) bool{
	"ALL":     secure,
	"DEFAULT": secure,
	"HIGH":    secure,
	"ECDHE":   func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_ECDHE_") },
	"EECDH":   func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_ECDHE_") },
	"ECDSA":   func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_ECDSA_") },
	"RSA":     func(s *tls.CipherSuite) bool { return strings.HasPrefix(s.Name, "TLS_RSA_") },
	"KRSA":    func(s *tls.CipherSuite) bool { return strings.HasPrefix(s.Name, "TLS_RSA_") },
	"ARSA":    func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_RSA_") },
	"AES":     func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_AES_") },
	"AES128":  func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_AES_128_") },
	"AES256":  func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_AES_256_") },
	"AESGCM":  func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "_GCM_") },
	"CHACHA20": func(s *tls.CipherSuite) bool {
		return strings.Contains(s.Name, "CHACHA20")
	},
	"SHA":    func(s *tls.CipherSuite) bool { return strings.HasSuffix(s.Name, "_SHA") },
	"SHA256": func(s *tls.CipherSuite) bool { return strings.HasSuffix(s.Name, "_SHA256") },
	"SHA384": func(s *tls.CipherSuite) bool { return strings.HasSuffix(s.Name, "_SHA384") },
	"3DES":   func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "3DES") },
	"RC4":    func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, "RC4") },
	"MEDIUM": func(s *tls.CipherSuite) bool {
		return strings.Contains(s.Name, "RC4") || strings.Contains(s.Name, "3DES")
	},
	"TLSV1.2": func(s *tls.CipherSuite) bool { return len(s.SupportedVersions) == 1 },
}

// none are words for what does not exist here: nothing to add, nothing to take away.
var none = map[string]bool{
	"LOW": true, "EXP": true, "EXPORT": true, "NULL": true, "ENULL": true, "ANULL": true, "ADH": true, "AECDH": true, "MD5": true, "DES": true,
	"SSLV2": true, "SSLV3": true, "PSK": true, "SRP": true, "DSS": true, "ADSS": true, "IDEA": true, "SEED": true, "CAMELLIA": true, "DHE": true,
	"EDH": true, "DH": true, "KDHE": true, "KEDH": true, "RC2": true, "ARIA": true, "KRB5": true, "GOST": true,
}

func secure(s *tls.CipherSuite) bool { return !s.Insecure }

// Ciphers translates the commonest form of ciphers(1): words joined by colons, commas or blanks, with !, - or + before
// them, "+" between words that must all hold, and names of suites as OpenSSL or IANA write them. TLS 1.3 has its own
// suites and is not concerned. Words that are not known are returned, since OpenSSL passes them over; a list that
// leaves nothing is an error.
func Ciphers(list string) (suites []uint16, unknown []string, err error) {
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	chosen, banned := map[uint16]bool{}, map[uint16]bool{}
	var order []uint16
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(":, \t", r) }) {
		if strings.HasPrefix(word, "@") {
			continue // @STRENGTH, @SECLEVEL: crypto/tls orders suites itself
		}
		op := word[0]
		if strings.IndexByte("!-+", op) >= 0 {
			word = word[1:]
		}
		match, known := matcher(word)
		if !known {
			unknown = append(unknown, word)
			continue
		}
		for _, s := range all {
			if !match(s) || s.SupportedVersions[0] == tls.VersionTLS13 {
				continue
			}
			switch op {
			case '!':
				banned[s.ID], chosen[s.ID] = true, false
			case '-':
				chosen[s.ID] = false
			case '+':
			default:
				if !chosen[s.ID] && !banned[s.ID] {
					chosen[s.ID] = true
					order = append(order, s.ID)
				}
			}
		}
	}
	for _, id := range order {
		if chosen[id] {
			suites = append(suites, id)
			chosen[id] = false
		}
	}
	if len(suites) == 0 {
		return nil, unknown, fmt.Errorf("%q leaves no cipher", list)
	}
	return suites, unknown, nil
}

// matcher understands "AES256+SHA384" and single names.
func matcher(word string) (match func(*tls.CipherSuite) bool, known bool) {
	var parts []func(*tls.CipherSuite) bool
	for w := range strings.SplitSeq(strings.ToUpper(word), "+") {
		switch {
		case groups[w] != nil:
			parts = append(parts, groups[w])
		case none[w]:
			parts = append(parts, func(*tls.CipherSuite) bool { return false })
		default:
			s := suiteNamed(w)
			if s == nil {
				return nil, false
			}
			parts = append(parts, func(x *tls.CipherSuite) bool { return x.ID == s.ID })
		}
	}
	return func(s *tls.CipherSuite) bool {
		for _, p := range parts {
			if !p(s) {
				return false
			}
		}
		return true
	}, true
}

// suiteNamed finds "ECDHE-RSA-AES128-GCM-SHA256" and "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" (upper case).
func suiteNamed(name string) *tls.CipherSuite {
	squeeze := strings.NewReplacer("TLS_RSA_WITH_", "", "TLS_", "", "WITH_", "", "_CBC_", "", "EDE_", "", "_", "", "-", "")
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if s.Name == name || squeeze.Replace(s.Name) == squeeze.Replace(name) {
			return s
		}
	}
	return nil
}

// checkSuites takes a list of TLS 1.3 suites joined by colons. crypto/tls offers the three usual ones and chooses among
// them itself: a list that leaves one of them out cannot be obeyed, and is refused rather than passed over.
func checkSuites(list string) error {
	if list == "" {
		return nil
	}
	wanted := map[string]bool{}
	for word := range strings.SplitSeq(list, ":") {
		switch word = strings.ToUpper(strings.TrimSpace(word)); word {
		case "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256":
			wanted[word] = true
		case "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256": // not there: nothing to add
		default:
			return fmt.Errorf("unknown suite %q", word)
		}
	}
	if len(wanted) < 3 {
		return fmt.Errorf("%s: TLS 1.3 always has its AES 128, AES 256 and ChaCha20 suites here", list)
	}
	return nil
}
