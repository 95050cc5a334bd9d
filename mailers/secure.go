package mailers

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"

	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
)

// Why a connection has no TLS, as macro {verify} says it (op.txt section 5.2).
const (
	TLSNone     = "NONE"     // the peer does not offer it, or it is not wanted
	TLSClear    = "CLEAR"    // given up after a handshake that failed (TLSFallbacktoClear)
	TLSTemp     = "TEMP"     // the peer put STARTTLS off
	TLSUsage    = "USAGE"    // the peer refused STARTTLS
	TLSProtocol = "PROTOCOL" // its answer is none that STARTTLS may have
	TLSSoftware = "SOFTWARE" // the handshake failed
	TLSConfig   = "CONFIG"   // tls_clt_features asks for what cannot be had
)

// Security decides how the connection to one peer is protected and what may be sent over it. Refusals are
// status.Status.
type Security interface {
	// TLS returns what to begin TLS with; ok is false where it must not be tried (ruleset try_tls). An error means that
	// the site asks for something that cannot be had.
	TLS(ctx context.Context) (conf *tls.Config, ok bool, err error)
	// Connected takes the protection that the connection has: state is nil without TLS, for the reason without. A
	// refusal ends the connection (ruleset tls_server). After TLSSoftware, clear asks for another try without TLS.
	Connected(ctx context.Context, state *tls.ConnectionState, without string, cause error) (clear bool, refusal error)
	// Recipient may refuse to name a recipient over the connection (ruleset tls_rcpt).
	Recipient(ctx context.Context, addr string) error
	// Credentials returns whom to log in as; ok is false where nobody logs in. An error puts the mail off.
	Credentials(ctx context.Context) (login *Login, ok bool, err error)
	// LoggedIn is told the mechanism that the peer accepted.
	LoggedIn(mechanism string)
	// Again reports whether an open connection may carry another job, with what was decided for it: the account too.
	Again(ctx context.Context, job *Job) bool
}

// Login is how to log in with a peer.
type Login struct {
	sasl.Credentials
	Mechanisms  []string // allowed, upper case
	InClear     bool     // passwords may go over a connection without TLS: the site names PLAIN or LOGIN for this peer
	Certificate bool     // the handshake showed a certificate of ours, which EXTERNAL may refer to
}

// errClear asks for another connection, without TLS.
var errClear = errors.New("mailers: once more without TLS")

// secure starts TLS where the peer offers it and the site wants it (RFC 3207), and asks whether the connection will do
// as it is. Opportunistic: a peer that takes STARTTLS back is spoken to in the clear, unless ruleset tls_server minds.
func (a *attempt) secure(ctx context.Context, s *session, name string) error {
	if s.security == nil || s.lmtp {
		return nil
	}
	without, cause := a.startTLS(ctx, s)
	var lost *lostError
	if errors.As(cause, &lost) && without != TLSSoftware {
		return cause
	}
	clear, err := s.security.Connected(ctx, s.tls, without, cause)
	switch {
	case clear:
		s.transport.Close()
		return errClear
	case without == TLSSoftware:
		s.transport.Close()
		if err == nil {
			err = cause
		}
		return err
	case err != nil:
		return err
	case s.tls == nil || s.implicit:
		return nil
	}
	r, err := s.hello(name, true)
	if err == nil && !r.good() {
		err = r.status(phaseGreeting, s.peer.Name)
	}
	return err
}

// startTLS leaves the state of the new protection in s.tls, or returns why there is none.
func (a *attempt) startTLS(ctx context.Context, s *session) (without string, cause error) {
	switch {
	case s.tls != nil:
		return "", nil
	case a.clear:
		return TLSClear, nil
	case !s.caps.has("STARTTLS") || a.t.clientPort(s.peer.Addr).NoTLS:
		return TLSNone, nil
	}
	conf, try, err := s.security.TLS(ctx)
	if err != nil {
		return TLSConfig, err
	}
	conn, ok := s.transport.(net.Conn)
	if !try || !ok {
		return TLSNone, nil
	}
	r, err := s.command("STARTTLS", s.t.StartTLS, "STARTTLS")
	switch {
	case err != nil:
		return TLSProtocol, err
	case r.Code/100 == 4:
		return TLSTemp, nil
	case r.Code/100 == 5:
		return TLSUsage, nil
	case r.Code/100 != 2:
		return TLSProtocol, nil
	case s.br.Buffered() > 0:
		return TLSProtocol, s.lost("STARTTLS", errors.New("text after the answer to STARTTLS"))
	}
	return a.handshake(ctx, s, conn, conf)
}

// handshake makes the session speak TLS.
func (a *attempt) handshake(ctx context.Context, s *session, conn net.Conn, conf *tls.Config) (without string, cause error) {
	secured := tls.Client(conn, conf)
	s.deadline(s.t.StartTLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		return TLSSoftware, err
	}
	state := secured.ConnectionState()
	s.tls, s.transport, s.peer.TLS = &state, secured, true
	s.br, s.bw = bufio.NewReaderSize(secured, 4096), bufio.NewWriterSize(secured, 32<<10)
	return "", nil
}

// implicitTLS begins a connection of a mailer with A=TLS with the handshake (RFC 8314 section 3.3). There is no way
// back to a connection in clear.
func (a *attempt) implicitTLS(ctx context.Context, s *session) error {
	s.implicit = true
	var conf *tls.Config
	var try bool
	err := error(status.FromExit(status.Config))
	if s.security != nil {
		conf, try, err = s.security.TLS(ctx)
	}
	conn, ok := s.transport.(net.Conn)
	if err != nil || !try || !ok {
		return configError("553 5.3.5 TLS to " + s.peer.Name + " is not possible")
	}
	if without, cause := a.handshake(ctx, s, conn, conf); cause != nil {
		s.transport.Close()
		_, refusal := s.security.Connected(ctx, nil, without, cause)
		if refusal == nil {
			refusal = cause
		}
		return refusal
	}
	return nil
}

// screen reports the recipients that ruleset tls_rcpt refuses to name over the connection.
func (t *transaction) screen() {
	if t.s.security == nil {
		return
	}
	good := make([]Rcpt, 0, len(t.rcpts))
	for _, r := range t.rcpts {
		if err := t.s.security.Recipient(t.s.ctx, r.User); err != nil {
			t.own(r, status.As(err))
		} else {
			good = append(good, r)
		}
	}
	t.rcpts = good
}
