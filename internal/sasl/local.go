package sasl

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// Local carries mechanisms out itself. A nil Verifier leaves out PLAIN and LOGIN, nil Secrets those that need a stored
// secret.
type Local struct {
	Verifier Verifier
	Secrets  Secrets
}

// mechanism is one row of the table of servers.
type mechanism struct {
	name    string
	offered func(l *Local, s *Session) bool
	start   func(ctx context.Context, l *Local, s *Session) (Exchange, error)
}

func withSecrets(l *Local, _ *Session) bool  { return l.Secrets != nil }
func withVerifier(l *Local, _ *Session) bool { return l.Verifier != nil }
func withBinding(l *Local, s *Session) bool  { return l.Secrets != nil && bindable(s.TLS) }

// servers lists the mechanisms, best first.
var servers = []mechanism{
	{External, func(_ *Local, s *Session) bool { return s.ExternalID != "" }, startExternal},
	{ScramSHA256Plus, withBinding, startScram(scram256, true)},
	{ScramSHA256, withSecrets, startScram(scram256, false)},
	{ScramSHA1Plus, withBinding, startScram(scram1, true)},
	{ScramSHA1, withSecrets, startScram(scram1, false)},
	{DigestMD5, withSecrets, startDigest},
	{CRAMMD5, withSecrets, startCRAM},
	{Login, withVerifier, startLogin},
	{Plain, withVerifier, startPlain},
}

// Known reports whether a mechanism of that name (upper case) is implemented.
func Known(name string) bool {
	return slices.ContainsFunc(servers, func(m mechanism) bool { return m.name == name })
}

// Mechanisms lists what the session may use.
func (l *Local) Mechanisms(_ context.Context, s *Session) ([]string, error) {
	var names []string
	for _, m := range servers {
		if m.offered(l, s) {
			names = append(names, m.name)
		}
	}
	return names, nil
}

// Start begins an exchange.
func (l *Local) Start(ctx context.Context, s *Session, name string) (Exchange, error) {
	for _, m := range servers {
		if m.name == strings.ToUpper(name) && m.offered(l, s) {
			return m.start(ctx, l, s)
		}
	}
	return nil, ErrMechanism
}

// outcome is the part of an exchange that holds who it was.
type outcome struct{ id Identity }

func (o *outcome) Identity() Identity { return o.id }

// wrapped makes an exchange of a server of go-sasl.
type wrapped struct {
	sasl.Server
	outcome
}

func startPlain(ctx context.Context, l *Local, s *Session) (Exchange, error) {
	x := &wrapped{}
	server := sasl.NewPlainServer(func(author, authen, password string) error {
		return x.check(ctx, l, s, author, authen, password)
	})
	x.Server = plainServer{server, &x.outcome}
	return x, nil
}

// plainServer names what is wrong with the form of an answer as Cyrus SASL does, for logs.
type plainServer struct {
	sasl.Server
	o *outcome
}

func (p plainServer) Next(response []byte) (challenge []byte, done bool, err error) {
	parts := strings.Split(string(response), "\x00")
	if response == nil || len(parts) == 3 {
		challenge, done, err = p.Server.Next(response)
		return challenge, done && err == nil, err
	}
	detail := "Got more data than we were expecting in the PLAIN plugin\n"
	switch len(parts) {
	case 1:
		detail = "Can only find author (no password)"
	case 2:
		detail = "Can only find author/en (no password)"
	}
	if len(parts) > 1 {
		p.o.id = identity(parts[1], parts[0])
	}
	return nil, false, fmt.Errorf("%w: %s", ErrMalformed, detail)
}

func (o *outcome) check(ctx context.Context, l *Local, s *Session, author, authen, password string) error {
	o.id = identity(authen, author)
	if authen == "" || password == "" || strings.ContainsRune(password, 0) {
		return ErrCredentials
	}
	if err := l.Verifier.Verify(ctx, s, authen, password); err != nil {
		return err
	}
	return s.authorize(authen, author)
}

func startExternal(_ context.Context, _ *Local, s *Session) (Exchange, error) {
	x := &wrapped{}
	server := sasl.NewExternalServer(func(author string) error {
		x.id = identity(s.ExternalID, author)
		return s.authorize(s.ExternalID, author)
	})
	x.Server = malformed{server}
	return x, nil
}

// malformed gives the errors of go-sasl's servers about the form of an answer their name here.
type malformed struct{ sasl.Server }

func (m malformed) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = m.Server.Next(response)
	if err != nil && !done {
		err = ErrMalformed
	}
	return challenge, done && err == nil, err
}

// login is the server of LOGIN, which no RFC describes (draft-murchison-sasl-login).
type login struct {
	outcome
	check func(name, password string) error
	name  *string
}

func startLogin(ctx context.Context, l *Local, s *Session) (Exchange, error) {
	x := &login{}
	x.check = func(name, password string) error { return x.outcome.check(ctx, l, s, "", name, password) }
	return x, nil
}

func (x *login) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case x.name == nil:
		name := string(response)
		x.name = &name
		return []byte("Password:"), false, nil
	}
	if err := x.check(*x.name, string(response)); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

// equal compares in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
