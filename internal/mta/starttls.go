package mta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
)

// StartTLS answers STARTTLS, or says with what a daemon with modifier s begins its handshake. Ruleset tls_srv_features
// may ask for other certificates or ciphers; where its answer cannot be obeyed TLS is refused rather than used
// otherwise than asked for.
func (c *Session) StartTLS(ctx context.Context) (*tls.Config, status.Reply) {
	unavailable := reply(454, status.Enhanced{4, 3, 3}, "TLS not available after start")
	asked, refusal := c.tlsFeatures(ctx, "tls_srv_features")
	if refusal != nil {
		return nil, unavailable
	}
	keeper, _, err := c.srv.encryption.features(tlsconf.ServerSide, asked, !c.offers("V"))
	if err != nil {
		c.log(logErr, maillog.LevelErrors, "STARTTLS=server, error: tls_srv_features=%s: %v, relay=%s", asked, err, c.relay)
		return nil, unavailable
	}
	conf, err := keeper.Server()
	if err != nil {
		return nil, unavailable
	}
	c.handshaking = keeper
	return conf, status.Reply{}
}

// tlsFeatures asks ruleset tls_srv_features about the client; a temporary failure is a refusal.
func (c *Session) tlsFeatures(ctx context.Context, ruleset string) (string, error) {
	v := c.site.Check(ctx, c.site.EnvWith(c.macros), ruleset, c.client.proven(), c.client.tagged(c.client.addr), true, CheckOptions{NoSpace: true})
	if v.Failed || !v.OK() {
		return "", errors.New(v.Message)
	}
	return v.Rewritten, nil
}

// TLSOffered reports whether daemon and client may have STARTTLS at all.
func (c *Session) TLSOffered(context.Context) bool { return !c.daemon.Has('S') && c.offers("S") }

// offersTLS reports whether EHLO lists STARTTLS.
func (c *Session) offersTLS(ctx context.Context) bool {
	return c.tls == nil && c.TLSOffered(ctx) && c.srv.encryption.server().Offered()
}

// implicitTLS reports whether the connection begins with the handshake (modifier s, RFC 8314).
func (c *Session) implicitTLS() bool { return c.daemon.Has('s') }

// ImplicitTLS implements smtpd.TLSSession.
func (c *Session) ImplicitTLS() bool { return c.implicitTLS() }

// TLSDone takes the outcome of a handshake: macros, log, and ruleset tls_client, which may refuse the client. Nothing
// that the client said before counts any more (RFC 3207 section 4.2).
func (c *Session) TLSDone(ctx context.Context, state *tls.ConnectionState, err error) status.Reply {
	if err != nil {
		c.set("{verify}", "SOFTWARE")
		c.srv.Log.Plain(maillog.LevelErrors, maillog.Warning, fmt.Sprintf(
			"STARTTLS=server, error: accept failed=-1, reason=%s, SSL_error=1, errno=0, retry=-1, relay=%s", handshakeReason(err), c.relay))
		return status.Reply{}
	}
	c.dropMessage(ctx)
	c.forgetAuth()
	c.helo, c.extended = "", false
	c.tls = state
	for _, name := range tlsMacros {
		c.macros.Undefine(name)
	}
	for name, value := range certificateMacros(state, c.site.options.CertFingerprintAlgorithm) {
		c.set(name, value)
	}
	verify, why := c.handshaking.Verify(state)
	c.set("{verify}", verify)
	c.logHandshake(verify, why)
	v := c.check(ctx, "tls_client", verify, "STARTTLS")
	if v == nil || v.OK() {
		return status.Reply{}
	}
	c.logRuling(v, v.Status)
	c.reject = &v.Status
	return c.reject.Reply()
}

// logRuling logs what a ruleset refused outside of a transaction.
func (c *Session) logRuling(v *ruling, s status.Status) {
	c.srv.Log.Check("", &maillog.Check{Ruleset: v.ruleset, Arg1: v.arg1, Arg2: v.arg2, Relay: c.relay, Verdict: maillog.Rejected, Text: replyText(s)})
}

func (c *Session) logHandshake(verify string, why error) {
	d := tlsconf.Describe(c.tls)
	c.srv.Log.Plain(maillog.LevelDeferred, maillog.Info, fmt.Sprintf("STARTTLS=server, relay=%s, version=%s, verify=%s, cipher=%s, bits=%d/%d",
		c.relay, d.Version, verify, d.Cipher, d.Bits, d.AlgBits))
	message := tlsconf.VerifyMessage(c.tls, why)
	subject, issuer := "", ""
	if certs := c.tls.PeerCertificates; len(certs) > 0 {
		subject, issuer = tlsconf.Subject(certs[0]), tlsconf.Issuer(certs[0])
	}
	c.srv.Log.Plain(maillog.LevelConnect, maillog.Info,
		fmt.Sprintf("STARTTLS=server, cert-subject=%s, cert-issuer=%s, verifymsg=%s", subject, issuer, message))
}
