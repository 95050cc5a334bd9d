package cf

import (
	"strconv"
	"strings"
	"time"
)

// The readers of values take them as the original does, which passes over what it cannot read, and warn of that.

// number reads a decimal number as function number does.
func (p *parser) number(v string) int64 {
	n := number(v)
	if t := strings.TrimSpace(v); t != "" {
		if _, err := strconv.ParseInt(t, 10, 58); err != nil {
			p.doubt("%q is no number; %d is taken", v, n)
		}
	}
	return n
}

// octal reads permissions.
func (p *parser) octal(v string) int64 {
	n := octal(v)
	if t := strings.TrimSpace(v); t != "" {
		if _, err := strconv.ParseInt(t, 8, 31); err != nil {
			p.doubt("%q is no octal number; %03o is taken", v, n)
		}
	}
	return n
}

// boolean reads a word for true or false.
func (p *parser) boolean(v string) bool {
	if v != "" && strings.IndexByte("tTyYfFnN", v[0]) < 0 {
		p.doubt("%q is neither true nor false; false is taken", v)
	}
	return boolean(v)
}

// duration reads a time interval. A unit that does not exist counts as the usual one, as with the original, which
// reports it, too.
func (p *parser) duration(v string, unit byte) time.Duration {
	d, problem := Duration(v, unit)
	switch {
	case problem != "":
		for _, text := range strings.Split(problem, "\n") {
			m := Message{Position: p.at(), Text: text}
			p.c.Messages = append(p.c.Messages, Message{Position: p.at(), Text: m.Error(), Warning: true})
		}
	case !equalFold(v, "now") && !wholeDuration(v):
		p.doubt("%q has a unit without a number, which counts as 0", v)
	}
	return d
}

// wholeDuration reports whether each unit of a time interval has a number before it.
func wholeDuration(v string) bool {
	v = strings.TrimPrefix(v, "-")
	for i := range len(v) {
		if !isDigit(v[i]) && (i == 0 || !isDigit(v[i-1])) {
			return false
		}
	}
	return true
}

// identifier reads a number of a user or group.
func (p *parser) identifier(v string) int {
	n := int(number(v))
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		p.doubt("%q is no number; %d is taken", v, n)
	}
	return n
}

// flags warns of the first letter that an option does not know; commas and blanks stand between letters.
func (p *parser) flags(name, known, v string) {
	for i := range len(v) {
		if strings.IndexByte(known+", \t", v[i]) < 0 {
			shown := v[i]
			if shown < ' ' || shown > '~' {
				shown = '?'
			}
			p.warnf("Warning: Option: %s unknown parameter '%c'", name, shown)
			return
		}
	}
}

// lettered is text of letters, with those that are known.
func lettered(name, known string, at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) string { p.flags(name, known, v); return v }, at)
}

// fromList is text of words with blanks or commas between, of which known are known.
func fromList(known []string, at func(*Settings) *string) func(*parser, *Settings, string) {
	return field(func(p *parser, v string) string {
		for _, w := range split(v) {
			if !contains(known, w) {
				p.doubt("%s is not known and has no effect%s", w, meant(nearest(w, known)))
			}
		}
		return v
	}, at)
}

// sortOrders are the values of QueueSortOrder.
var sortOrders = []string{"filename", "host", "modification|modtime", "priority", "time", "random", "none"}

// meant is the addition to a warning that names what may be meant; "" adds nothing.
func meant(hint string) string {
	if hint == "" {
		return ""
	}
	return " (did you mean " + hint + "?)"
}

// mechanisms are the SASL mechanisms that somebody has registered or Cyrus SASL has; which of them work here is said
// elsewhere.
var mechanisms = []string{"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "GS2-IAKERB", "GS2-KRB5", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4",
	"LOGIN", "NTLM", "OAUTHBEARER", "OTP", "PASSDSS-3DES-1", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-224", "SCRAM-SHA-256",
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-384", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "SKEY", "SRP", "XOAUTH2"}

// setSSL reads ServerSSLOptions or ClientSSLOptions: names of OpenSSL and numbers, each with a sign or without.
func setSSL(name string, at func(*Settings) *string) func(*parser, *Settings, string) {
	return func(p *parser, s *Settings, v string) {
		for _, w := range split(v) {
			bare := strings.TrimLeft(w, "+-")
			if _, err := strconv.ParseInt(bare, 0, 64); err != nil && !contains(sslNames, bare) {
				p.hint(nearest(bare, sslNames), "readcf: %s option value %s unrecognized", name, bare)
			}
		}
		*at(s) = v
	}
}

// sslNames are the options of OpenSSL 1.0 to 3 that its manual page SSL_CTX_set_options(3) has, or had.
var sslNames = []string{"SSL_OP_ALL", "SSL_OP_ALLOW_CLIENT_RENEGOTIATION", "SSL_OP_ALLOW_NO_DHE_KEX", "SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION",
	"SSL_OP_CIPHER_SERVER_PREFERENCE", "SSL_OP_CISCO_ANYCONNECT", "SSL_OP_CLEANSE_PLAINTEXT", "SSL_OP_COOKIE_EXCHANGE",
	"SSL_OP_CRYPTOPRO_TLSEXT_BUG", "SSL_OP_DISABLE_TLSEXT_CA_NAMES", "SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS", "SSL_OP_ENABLE_KTLS",
	"SSL_OP_ENABLE_MIDDLEBOX_COMPAT", "SSL_OP_EPHEMERAL_RSA", "SSL_OP_IGNORE_UNEXPECTED_EOF", "SSL_OP_LEGACY_SERVER_CONNECT",
	"SSL_OP_MICROSOFT_BIG_SSLV3_BUFFER", "SSL_OP_MICROSOFT_SESS_ID_BUG", "SSL_OP_MSIE_SSLV2_RSA_PADDING", "SSL_OP_NETSCAPE_CA_DN_BUG",
	"SSL_OP_NETSCAPE_CHALLENGE_BUG", "SSL_OP_NETSCAPE_DEMO_CIPHER_CHANGE_BUG", "SSL_OP_NETSCAPE_REUSE_CIPHER_CHANGE_BUG",
	"SSL_OP_NO_ANTI_REPLAY", "SSL_OP_NO_COMPRESSION", "SSL_OP_NO_ENCRYPT_THEN_MAC", "SSL_OP_NO_EXTENDED_MASTER_SECRET", "SSL_OP_NO_QUERY_MTU",
	"SSL_OP_NO_RENEGOTIATION", "SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION", "SSL_OP_NO_SSLv2", "SSL_OP_NO_SSLv3", "SSL_OP_NO_TICKET",
	"SSL_OP_NO_TLSv1", "SSL_OP_NO_TLSv1_1", "SSL_OP_NO_TLSv1_2", "SSL_OP_NO_TLSv1_3", "SSL_OP_PKCS1_CHECK_1", "SSL_OP_PKCS1_CHECK_2",
	"SSL_OP_PRIORITIZE_CHACHA", "SSL_OP_SAFARI_ECDHE_ECDSA_BUG", "SSL_OP_SINGLE_DH_USE", "SSL_OP_SINGLE_ECDH_USE",
	"SSL_OP_SSLEAY_080_CLIENT_DH_BUG", "SSL_OP_SSLREF2_REUSE_CERT_TYPE_BUG", "SSL_OP_TLSEXT_PADDING", "SSL_OP_TLS_BLOCK_PADDING_BUG",
	"SSL_OP_TLS_D5_BUG", "SSL_OP_TLS_ROLLBACK_BUG"}
