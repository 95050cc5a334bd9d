package sasl

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// Credentials are what a client logs in with, in the letters of FEATURE(authinfo): U, I, P, R.
type Credentials struct {
	User     string // U: on whose behalf; also who logs in where AuthID is empty
	AuthID   string // I: who logs in
	Password string // P
	Realm    string // R: only DIGEST-MD5 names it to the server
}

// authen is who logs in.
func (c Credentials) authen() string {
	if c.AuthID != "" {
		return c.AuthID
	}
	return c.User
}

// author is on whose behalf; empty where it is the same.
func (c Credentials) author() string {
	if c.AuthID != "" && c.User != c.AuthID {
		return c.User
	}
	return ""
}

// Peer is what a client may know of the server.
type Peer struct {
	Host    string               // its name
	Offered []string             // mechanisms that it offers, upper case
	TLS     *tls.ConnectionState // nil without TLS
	// Certificate says that we showed one in the handshake.
	Certificate bool
}

// clients lists the mechanisms, those that show least to a server or to a listener first.
var clients = []struct {
	name string
	make func(Credentials, Peer) (sasl.Client, error)
}{
	{External, func(c Credentials, _ Peer) (sasl.Client, error) { return sasl.NewExternalClient(c.User), nil }},
	{ScramSHA256Plus, scramFor(ScramSHA256Plus)},
	{ScramSHA1Plus, scramFor(ScramSHA1Plus)},
	{ScramSHA256, scramFor(ScramSHA256)},
	{ScramSHA1, scramFor(ScramSHA1)},
	{DigestMD5, func(c Credentials, p Peer) (sasl.Client, error) { return &digestClient{c: c, host: p.Host}, nil }},
	{CRAMMD5, func(c Credentials, _ Peer) (sasl.Client, error) { return &cramClient{c.authen(), c.Password}, nil }},
	{Plain, func(c Credentials, _ Peer) (sasl.Client, error) {
		return sasl.NewPlainClient(c.User, c.authen(), c.Password), nil // with both names, as Cyrus SASL does
	}},
	{Login, func(c Credentials, _ Peer) (sasl.Client, error) {
		return &loginClient{answers: []string{c.authen(), c.Password}}, nil
	}},
}

func scramFor(mech string) func(Credentials, Peer) (sasl.Client, error) {
	return func(c Credentials, p Peer) (sasl.Client, error) {
		base := strings.TrimSuffix(mech, plusSuffix)
		return newScramClient(mech, c, p.TLS, slices.Contains(p.Offered, base+plusSuffix))
	}
}

// Choose lists the mechanisms to try with a server, the best first: those of allowed (upper case) that it offers. The
// -PLUS forms, which go with the mechanism that they are forms of, need TLS, and EXTERNAL a certificate of ours.
func Choose(allowed []string, p Peer) []string {
	var list []string
	for _, m := range clients {
		plus := strings.HasSuffix(m.name, plusSuffix)
		switch {
		case !slices.Contains(p.Offered, m.name):
		case !slices.Contains(allowed, m.name) && !slices.Contains(allowed, strings.TrimSuffix(m.name, plusSuffix)):
		case plus && !bindable(p.TLS), m.name == External && (p.TLS == nil || !p.Certificate):
		default:
			list = append(list, m.name)
		}
	}
	return list
}

// NewClient makes the client's side of a mechanism; ErrMechanism where there is none of that name.
func NewClient(mechanism string, c Credentials, p Peer) (sasl.Client, error) {
	for _, m := range clients {
		if m.name == mechanism {
			return m.make(c, p)
		}
	}
	return nil, ErrMechanism
}

// InClear reports whether a mechanism shows the password to whoever reads the connection.
func InClear(mechanism string) bool { return mechanism == Plain || mechanism == Login }

// loginClient is the client of LOGIN. It waits for both questions: servers differ in whether they take the name with
// the command, and in what they ask.
type loginClient struct{ answers []string }

func (l *loginClient) Start() (mech string, ir []byte, err error) { return Login, nil, nil }

func (l *loginClient) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, errors.New("sasl: LOGIN asks for more than name and password")
	}
	a := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(a), nil
}
