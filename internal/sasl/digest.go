package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-sasl"
)

// plainSecret finds the password of "user@realm". Where there is none the exchange goes on with one that nobody has,
// and found is what it must end with.
func (l *Local) plainSecret(ctx context.Context, user, realm string) (password string, found error) {
	secret, err := l.Secrets.Secret(ctx, user, realm)
	if err == nil && secret.Plain == "" {
		err = errNoPlain
	}
	if err != nil {
		return rand.Text(), err
	}
	return secret.Plain, nil
}

// cram is the server of CRAM-MD5.
type cram struct {
	outcome
	ctx       context.Context
	l         *Local
	s         *Session
	challenge string
}

func startCRAM(ctx context.Context, l *Local, s *Session) (Exchange, error) {
	return &cram{ctx: ctx, l: l, s: s, challenge: fmt.Sprintf("<%s.%d@%s>", rand.Text(), time.Now().Unix(), s.Host)}, nil
}

func (x *cram) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte(x.challenge), false, nil
	}
	i := strings.LastIndexByte(string(response), ' ')
	if i < 1 || len(response)-i-1 != 2*md5.Size {
		return nil, false, ErrMalformed // an initial response too: RFC 2195 has none
	}
	name, proof := string(response[:i]), string(response[i+1:])
	x.id = identity(name, "")
	user, realm := x.s.split(name)
	password, found := x.l.plainSecret(x.ctx, user, realm)
	if !equal(cramProof(password, []byte(x.challenge)), strings.ToLower(proof)) && found == nil {
		found = ErrCredentials
	}
	if found != nil {
		return nil, false, found
	}
	return nil, true, nil
}

func cramProof(password string, challenge []byte) string {
	h := hmac.New(md5.New, []byte(password))
	h.Write(challenge)
	return hex.EncodeToString(h.Sum(nil))
}

// cramClient is the client of CRAM-MD5.
type cramClient struct{ user, password string }

func (c *cramClient) Start() (mech string, ir []byte, err error) { return CRAMMD5, nil, nil }

func (c *cramClient) Next(challenge []byte) ([]byte, error) {
	if len(challenge) == 0 {
		return nil, errors.New("sasl: CRAM-MD5 without a challenge")
	}
	return []byte(c.user + " " + cramProof(c.password, challenge)), nil
}

// digestAnswer is the client's part of DIGEST-MD5 (RFC 2831 section 2.1.2).
type digestAnswer struct {
	user, realm, nonce, cnonce, count, uri, author, password string
	utf8                                                     bool
}

// response computes the value that proves the password; method is "AUTHENTICATE", or "" for the server's own proof.
func (d *digestAnswer) response(method string) string {
	user, realm, password := d.user, d.realm, d.password
	if d.utf8 {
		user, realm, password = latin1(user), latin1(realm), latin1(password)
	}
	secret := md5.Sum([]byte(user + ":" + realm + ":" + password))
	a1 := string(secret[:]) + ":" + d.nonce + ":" + d.cnonce
	if d.author != "" {
		a1 += ":" + d.author
	}
	return hexMD5(hexMD5(a1) + ":" + d.nonce + ":" + d.count + ":" + d.cnonce + ":auth:" + hexMD5(method+":"+d.uri))
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// latin1 writes UTF-8 in ISO 8859-1 where that is possible: RFC 2831 section 2.1.2.1 hashes such text so.
func latin1(s string) string {
	if !utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// digest is the server of DIGEST-MD5.
type digest struct {
	outcome
	ctx   context.Context
	l     *Local
	s     *Session
	nonce string
	proof string // ours, once the client's was right
}

func startDigest(ctx context.Context, l *Local, s *Session) (Exchange, error) {
	return &digest{ctx: ctx, l: l, s: s, nonce: rand.Text()}, nil
}

func (x *digest) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.proof != "":
		if len(response) != 0 {
			return nil, false, ErrMalformed
		}
		return nil, true, nil
	case response == nil:
		return fmt.Appendf(nil, `nonce="%s",realm="%s",qop="auth",charset=utf-8,algorithm=md5-sess`,
			x.nonce, quoteDirective(x.s.defaultRealm())), false, nil
	}
	a, proof, err := x.answer(string(response))
	if err != nil {
		return nil, false, err
	}
	realm := a.realm
	if realm == "" {
		realm = x.s.defaultRealm()
	}
	name := a.user
	if realm != x.s.defaultRealm() {
		name += "@" + realm
	}
	x.id = identity(name, a.author)
	var found error
	a.password, found = x.l.plainSecret(x.ctx, a.user, realm)
	if !equal(a.response("AUTHENTICATE"), strings.ToLower(proof)) && found == nil {
		found = ErrCredentials
	}
	if found != nil {
		return nil, false, found
	}
	if err := x.s.authorize(name, a.author); err != nil {
		return nil, false, err
	}
	x.proof = "rspauth=" + a.response("")
	return []byte(x.proof), false, nil
}

// answer reads the client's directives and checks all that is not the password.
func (x *digest) answer(text string) (a digestAnswer, proof string, err error) {
	d, err := directives(text)
	if err != nil {
		return a, "", err
	}
	a = digestAnswer{user: d["username"], realm: d["realm"], nonce: d["nonce"], cnonce: d["cnonce"], count: d["nc"],
		uri: d["digest-uri"], author: d["authzid"], utf8: strings.EqualFold(d["charset"], "utf-8")}
	if qop := d["qop"]; a.user == "" || a.cnonce == "" || a.count != "00000001" || qop != "" && qop != "auth" || len(d["response"]) != 2*md5.Size {
		return a, "", ErrMalformed
	}
	if a.nonce != x.nonce || !strings.HasPrefix(strings.ToLower(a.uri), x.s.Service+"/") {
		return a, "", ErrCredentials // an answer to another challenge, or meant for another service
	}
	return a, d["response"], nil
}

// directives parses key=value pairs, values quoted or not, separated by commas (RFC 2831 section 7.1). A key that
// stands twice is malformed, but for realm and auth-param, of which servers may name several: the first counts.
func directives(text string) (map[string]string, error) {
	d := map[string]string{}
	for rest := strings.TrimLeft(text, ", \t\r\n"); rest != ""; rest = strings.TrimLeft(rest, ", \t\r\n") {
		key, after, found := strings.Cut(rest, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !found || key == "" {
			return nil, ErrMalformed
		}
		var value string
		var err error
		if value, rest, err = directiveValue(strings.TrimLeft(after, " \t")); err != nil {
			return nil, err
		}
		if _, twice := d[key]; twice {
			if key != "realm" {
				return nil, ErrMalformed
			}
			continue
		}
		d[key] = value
	}
	return d, nil
}

func directiveValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		i := strings.IndexByte(text, ',')
		if i < 0 {
			i = len(text)
		}
		return strings.TrimSpace(text[:i]), text[i:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], nil
		case '\\':
			if i++; i == len(text) {
				return "", "", ErrMalformed
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", ErrMalformed
}

func quoteDirective(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// digestClient is the client of DIGEST-MD5.
type digestClient struct {
	c      Credentials
	host   string
	answer *digestAnswer // nil before the challenge
}

func (c *digestClient) Start() (mech string, ir []byte, err error) { return DigestMD5, nil, nil }

func (c *digestClient) Next(challenge []byte) ([]byte, error) {
	d, err := directives(string(challenge))
	if err != nil {
		return nil, err
	}
	if c.answer != nil {
		if !equal(d["rspauth"], c.answer.response("")) {
			return nil, errors.New("sasl: DIGEST-MD5: the server does not know the password")
		}
		return []byte{}, nil
	}
	qop := d["qop"]
	if d["nonce"] == "" || !strings.EqualFold(d["algorithm"], "md5-sess") || qop != "" && !hasWord(qop, "auth") {
		return nil, errors.New("sasl: DIGEST-MD5: a challenge that cannot be answered")
	}
	realm := c.c.Realm
	if realm == "" {
		realm = d["realm"]
	}
	c.answer = &digestAnswer{user: c.c.authen(), realm: realm, nonce: d["nonce"], cnonce: rand.Text(), count: "00000001",
		uri: "smtp/" + c.host, author: c.c.author(), password: c.c.Password, utf8: strings.EqualFold(d["charset"], "utf-8")}
	return []byte(c.answer.write()), nil
}

// write makes the client's answer.
func (d *digestAnswer) write() string {
	var b strings.Builder
	if d.utf8 {
		b.WriteString("charset=utf-8,")
	}
	fmt.Fprintf(&b, `username="%s",realm="%s",nonce="%s",cnonce="%s",nc=%s,qop=auth,digest-uri="%s",response=%s`, quoteDirective(d.user),
		quoteDirective(d.realm), quoteDirective(d.nonce), d.cnonce, d.count, quoteDirective(d.uri), d.response("AUTHENTICATE"))
	if d.author != "" {
		fmt.Fprintf(&b, `,authzid="%s"`, quoteDirective(d.author))
	}
	return b.String()
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(w), word) {
			return true
		}
	}
	return false
}

var _ sasl.Client = (*digestClient)(nil)
