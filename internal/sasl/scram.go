package sasl

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xdg-go/scram"
)

// scramIterations is the work factor of exchanges whose secret is stored in plain text (RFC 7677 section 4 asks for
// 4096 at least).
const scramIterations = 4096

var scramHashes = map[string]scram.HashGeneratorFcn{ScramSHA1: scram.SHA1, ScramSHA256: scram.SHA256}

// scramKind is a hash with its mechanism's name.
type scramKind struct{ name string }

var (
	scram1   = scramKind{ScramSHA1}
	scram256 = scramKind{ScramSHA256}
)

// bindable reports whether a channel binding exists for the connection.
func bindable(state *tls.ConnectionState) bool {
	return state != nil && (state.Version >= tls.VersionTLS13 || len(state.TLSUnique) > 0)
}

// binding makes the channel binding data: tls-exporter from TLS 1.3 on, tls-unique before (RFC 9266 section 2).
func binding(state *tls.ConnectionState) (scram.ChannelBinding, error) {
	if state.Version >= tls.VersionTLS13 {
		return scram.NewTLSExporterBinding(state)
	}
	return scram.NewTLSUniqueBinding(state.TLSUnique), nil
}

// scramServer is the server of SCRAM.
type scramServer struct {
	outcome
	s    *Session
	conv *scram.ServerConversation
	plus bool
	lost error // what the look-up failed with; the exchange goes on to its end for unknown users
	last bool  // the final message is out
}

func startScram(kind scramKind, plus bool) func(ctx context.Context, l *Local, s *Session) (Exchange, error) {
	return func(ctx context.Context, l *Local, s *Session) (Exchange, error) {
		x := &scramServer{s: s, plus: plus}
		server, err := scramHashes[kind.name].NewServer(func(name string) (scram.StoredCredentials, error) {
			user, realm := s.split(name)
			secret, err := l.Secrets.Secret(ctx, user, realm)
			if errors.Is(err, ErrTemporary) {
				x.lost = err
				return scram.StoredCredentials{}, err
			}
			return x.stored(kind, secret, err)
		})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTemporary, err)
		}
		if !bindable(s.TLS) || !plus && !slices.Contains(s.Offered, kind.name+plusSuffix) {
			x.conv = server.NewConversation()
			return x, nil
		}
		cb, err := binding(s.TLS)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTemporary, err)
		}
		if plus {
			x.conv = server.NewConversationWithChannelBindingRequired(cb)
		} else {
			x.conv = server.NewConversationWithChannelBinding(cb)
		}
		return x, nil
	}
}

// stored makes the credentials that the exchange is checked against. For a user who does not exist, or whose secret
// does not serve, they are those of a password that nobody has.
func (x *scramServer) stored(kind scramKind, secret Secret, err error) (scram.StoredCredentials, error) {
	if stored, ok := secret.Stored[kind.name]; ok && err == nil {
		return stored, nil
	}
	if err == nil && secret.Plain == "" {
		err = errNoPlain
	}
	password := secret.Plain
	if err != nil {
		x.lost, password = err, rand.Text()
	}
	return derive(scramHashes[kind.name], password, scram.KeyFactors{Salt: rand.Text()[:16], Iters: scramIterations})
}

func (x *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if x.last {
		if len(response) != 0 {
			return nil, false, ErrMalformed
		}
		return nil, true, nil
	}
	if response == nil {
		return []byte{}, false, nil
	}
	if !x.plus && strings.HasPrefix(string(response), "p=") {
		return nil, false, ErrMalformed // channel binding under the name without -PLUS
	}
	text, err := x.conv.Step(string(response))
	x.id = identity(x.conv.Username(), x.conv.AuthzID())
	switch {
	case x.lost != nil && (errors.Is(x.lost, ErrTemporary) || x.conv.Done()):
		return nil, false, x.lost
	case err != nil && x.conv.Username() == "":
		return nil, false, ErrMalformed
	case err != nil:
		return nil, false, ErrCredentials
	case !x.conv.Done():
		return []byte(text), false, nil
	case !x.conv.Valid():
		return nil, false, ErrCredentials
	}
	if err := x.s.authorize(x.id.Authen, x.id.Author); err != nil {
		return nil, false, err
	}
	x.last = true
	return []byte(text), false, nil
}

// scramClient is the client of SCRAM.
type scramClient struct {
	mech string
	conv *scram.ClientConversation
}

// newScramClient makes the client; offered says whether the server offers the -PLUS form, so that taking it away is
// noticed.
func newScramClient(mech string, c Credentials, state *tls.ConnectionState, offered bool) (*scramClient, error) {
	base, plus := strings.CutSuffix(mech, plusSuffix)
	hash := scramHashes[base]
	client, err := hash.NewClient(c.authen(), c.Password, c.author())
	if err != nil {
		if client, err = hash.NewClientUnprepped(c.authen(), c.Password, c.author()); err != nil {
			return nil, err
		}
	}
	x := &scramClient{mech: mech}
	switch {
	case plus:
		cb, err := binding(state)
		if err != nil {
			return nil, err
		}
		x.conv = client.NewConversationWithChannelBinding(cb)
	case bindable(state) && !offered:
		x.conv = client.NewConversationAdvertisingChannelBinding()
	default:
		x.conv = client.NewConversation()
	}
	return x, nil
}

func (x *scramClient) Start() (mech string, ir []byte, err error) {
	first, err := x.conv.Step("")
	return x.mech, []byte(first), err
}

func (x *scramClient) Next(challenge []byte) ([]byte, error) {
	if x.conv.Done() {
		return nil, errors.New("sasl: SCRAM: a challenge after the end")
	}
	answer, err := x.conv.Step(string(challenge))
	return []byte(answer), err
}
