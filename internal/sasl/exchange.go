package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emersion/go-sasl"
)

// Names of mechanisms.
const (
	Plain           = sasl.Plain
	Login           = sasl.Login
	External        = sasl.External
	CRAMMD5         = "CRAM-MD5"
	DigestMD5       = "DIGEST-MD5"
	ScramSHA1       = "SCRAM-SHA-1"
	ScramSHA256     = "SCRAM-SHA-256"
	ScramSHA1Plus   = ScramSHA1 + plusSuffix
	ScramSHA256Plus = ScramSHA256 + plusSuffix
)

const plusSuffix = "-PLUS"

// How an exchange fails.
var (
	// ErrCredentials: the user is unknown, or the password, proof or certificate is not his.
	ErrCredentials = errors.New("sasl: authentication failure")
	// ErrNoUser is the ErrCredentials of an unknown user, for logs: clients are not to see the difference.
	ErrNoUser = fmt.Errorf("%w: user not found", ErrCredentials)
	// ErrTemporary: the back end did not answer; the client may try again.
	ErrTemporary = errors.New("sasl: the back end does not answer")
	// ErrMalformed: the client's answer does not have the mechanism's form.
	ErrMalformed = errors.New("sasl: malformed answer")
	// ErrAuthorize: authenticated, but not entitled to act for the identity asked for.
	ErrAuthorize = errors.New("sasl: not authorized for the identity")
	// ErrMechanism: the mechanism is not offered on this connection.
	ErrMechanism = errors.New("sasl: mechanism not available")
)

// Session is what mechanisms and back ends may know of a connection.
type Session struct {
	Service       string // "smtp"
	Host          string // our name, $j; also the realm of users where Realm is empty
	Realm         string // AuthRealm; may be empty
	Local, Remote netip.AddrPort
	TLS           *tls.ConnectionState // nil without TLS
	// Offered are the mechanisms that the client was shown: SCRAM takes a client that believes its -PLUS form is
	// missing for the victim of a downgrade where that form was among them.
	Offered []string
	// ExternalID is the identity of the client's verified certificate; empty means that EXTERNAL is not offered.
	ExternalID string
	// Authorize reports whether user authen may act for author; nil means that only authen itself may.
	Authorize func(authen, author string) bool
}

// defaultRealm is the realm of users who are named without one.
func (s *Session) defaultRealm() string {
	if s.Realm != "" {
		return s.Realm
	}
	return s.Host
}

// split parts "user@realm" at its last @; the realm is the session's where none is named.
func (s *Session) split(name string) (user, realm string) {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, s.defaultRealm()
}

// authorize checks the authorization identity; an empty one is the authentication identity.
func (s *Session) authorize(authen, author string) error {
	if author == "" || author == authen || s.Authorize != nil && s.Authorize(authen, author) {
		return nil
	}
	return ErrAuthorize
}

// Identity is who an exchange authenticated.
type Identity struct {
	Authen string // authentication identity, as the client gave it
	Author string // authorization identity; the same where none was asked for
	Asked  bool   // the client named the authorization identity
	SSF    int    // security strength factor of the mechanism in bits; 0: it protects no data
}

func identity(authen, author string) Identity {
	if author == "" {
		return Identity{Authen: authen, Author: authen}
	}
	return Identity{Authen: authen, Author: author, Asked: true}
}

// Exchange is one authentication on the server's side. Identity is proven once Next has returned done without an error;
// before that it is who the client says it is, for logs.
type Exchange interface {
	sasl.Server
	Identity() Identity
}

// Backend offers mechanisms.
type Backend interface {
	// Mechanisms returns those that a connection may use, best first. Where that cannot be found out now it returns
	// ErrTemporary, and those that it may turn out to be.
	Mechanisms(ctx context.Context, s *Session) ([]string, error)
	// Start begins an exchange; ctx holds for the whole of it. ErrMechanism or ErrTemporary where it cannot.
	Start(ctx context.Context, s *Session, mechanism string) (Exchange, error)
}

// Verifier says whether a password is right: nil, ErrCredentials or ErrTemporary. name may hold a realm after an @.
type Verifier interface {
	Verify(ctx context.Context, s *Session, name, password string) error
}

// Any asks several verifiers in order; the first that accepts decides. A temporary failure of one counts where no other
// accepts.
type Any []Verifier

// Verify returns nil, or why nobody accepted: ErrTemporary before ErrCredentials.
func (a Any) Verify(ctx context.Context, s *Session, name, password string) error {
	result := ErrCredentials
	for _, v := range a {
		err := v.Verify(ctx, s, name, password)
		if err == nil {
			return nil
		}
		if !errors.Is(result, ErrTemporary) {
			result = err
		}
	}
	return result
}

// Secrets finds what is stored for a user. ErrNoUser means that there is no such user.
type Secrets interface {
	Secret(ctx context.Context, user, realm string) (Secret, error)
}
