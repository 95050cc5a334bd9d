package mta

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"gosendmail/internal/maillog"
	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
)

// saslSession is what mechanisms and back ends may know of the connection.
func (c *Session) saslSession() *sasl.Session {
	s := &sasl.Session{Service: "smtp", Host: c.site.Hostname(), Realm: c.srv.authority.realm, Local: c.local, TLS: c.tls,
		// Whom an authenticated client may act for is for ruleset trust_auth to say, as with the original.
		Authorize: func(string, string) bool { return true }}
	if c.client.addr.IsValid() {
		s.Remote = netip.AddrPortFrom(c.client.addr, c.client.port)
	}
	if verify, _ := c.macros.Macro("{verify}"); c.tls != nil && verify == tlsconf.VerifyOK {
		s.ExternalID, _ = c.macros.Macro("{cert_subject}")
	}
	return s
}

// AuthOffered reports whether the client may have AUTH at all. A back end that does not answer leaves that open.
func (c *Session) AuthOffered(ctx context.Context) bool {
	list, err := c.authMechanisms(ctx)
	return len(list) > 0 || err != nil
}

// authAllowed reports whether daemon and client may have AUTH.
func (c *Session) authAllowed() bool {
	return c.srv.authority != nil && !c.daemon.Has('A') && c.offers("A")
}

// authMechanisms lists what EHLO offers. AuthOptions=p, or srv_features' c, keeps passwords off connections without
// TLS.
func (c *Session) authMechanisms(ctx context.Context) ([]string, error) {
	if !c.authAllowed() {
		return nil, nil
	}
	plain := c.tls != nil || !strings.Contains(c.srv.authority.options, "p") && !c.demands("c")
	return c.srv.authority.mechanisms(ctx, c.saslSession(), plain)
}

// demands reports whether srv_features asks for something by a small letter, which its capital takes back.
func (c *Session) demands(letter string) bool {
	for _, f := range slices.Backward(c.features) {
		if strings.EqualFold(f, letter) {
			return f == letter
		}
	}
	return false
}

// Auth begins an exchange of AUTH (RFC 4954).
func (c *Session) Auth(ctx context.Context, mechanism string) (gosasl.Server, status.Reply) {
	if r, no := c.refused(); no {
		return nil, r
	}
	if !c.authAllowed() {
		return nil, reply(503, status.Enhanced{5, 3, 3}, "AUTH not available")
	}
	list, err := c.authMechanisms(ctx)
	switch {
	case slices.Contains(list, mechanism): // a back end that was too slow for EHLO has longer here
		s := c.saslSession()
		s.Offered = list
		c.exchange, err = c.srv.authority.backend.Start(ctx, s, mechanism)
	case err == nil:
		return nil, reply(504, status.Enhanced{5, 3, 3}, "AUTH mechanism "+clipped(mechanism)+" not available")
	}
	if err != nil {
		return nil, c.authRefusal(mechanism, err)
	}
	return c.exchange, status.Reply{}
}

// AuthDone answers the end of an exchange.
func (c *Session) AuthDone(_ context.Context, mechanism string, err error) status.Reply {
	if err != nil {
		return c.authRefusal(mechanism, err)
	}
	id := c.exchange.Identity()
	c.authenticated = &id
	c.set("{auth_type}", mechanism)
	c.set("{auth_authen}", encodedUser(id.Authen))
	c.set("{auth_ssf}", itoa(int64(id.SSF)))
	c.set("r", c.protocol())
	c.srv.Log.Plain(maillog.LevelDeferred, maillog.Info, fmt.Sprintf("AUTH=server, relay=%s, authid=%s, mech=%s, bits=%d", c.relay,
		loggedUser(encodedUser(id.Authen)), mechanism, id.SSF))
	return reply(235, status.Enhanced{2, 0, 0}, "OK Authenticated")
}

// forgetAuth undoes an authentication.
func (c *Session) forgetAuth() {
	c.authenticated, c.exchange = nil, nil
	for _, name := range []string{"{auth_type}", "{auth_authen}", "{auth_ssf}", "{auth_author}"} {
		c.macros.Undefine(name)
	}
}

// authFailures are the words of Cyrus SASL for what goes wrong, with its codes: log watchers read them.
var authFailures = []struct {
	err  error
	text string
}{
	{sasl.ErrNoUser, "user not found (-20) SASL(-13): user not found: "},
	{sasl.ErrAuthorize, "authorization failure (-14) SASL(-14): authorization failure: "},
	{sasl.ErrCredentials, "authentication failure (-13) SASL(-13): authentication failure: "},
	{sasl.ErrMalformed, "bad protocol / cancel (-5) SASL(-5): bad protocol / cancel: "},
	{sasl.ErrTemporary, "generic failure (-1) SASL(-1): generic failure: "},
}

// authDetails are what Cyrus' mechanisms add about a wrong password.
var authDetails = map[string]string{sasl.Plain: "Password verification failed", sasl.Login: "checkpass failed",
	sasl.CRAMMD5: "incorrect digest response", sasl.DigestMD5: "client response doesn't match what we generated"}

// authRefusal logs why an exchange failed and makes the reply, which does not tell unknown users from wrong passwords.
func (c *Session) authRefusal(mechanism string, err error) status.Reply {
	user := ""
	if c.exchange != nil {
		id := c.exchange.Identity()
		user = encodedUser(id.Authen)
		if mechanism == sasl.Plain && id.Asked {
			user = encodedUser(id.Author) + "/" + user
		}
	}
	c.exchange = nil
	text := "generic failure (-1) SASL(-1): generic failure: "
	for _, f := range authFailures {
		if errors.Is(err, f.err) {
			text = f.text
			break
		}
	}
	detail := authDetails[mechanism]
	temporary := errors.Is(err, sasl.ErrTemporary)
	switch {
	case errors.Is(err, sasl.ErrNoUser) && !sasl.InClear(mechanism):
		name, realm := user, c.srv.authority.realm
		if realm == "" {
			realm = c.site.Hostname()
		}
		detail = fmt.Sprintf("user: %s@%s property: cmusaslsecret%s not found in sasldb", name, realm, mechanism)
	case detail == "" || temporary || errors.Is(err, sasl.ErrMalformed):
		detail = strings.TrimPrefix(err.Error(), sasl.ErrMalformed.Error()+": ")
	}
	c.log(maillog.Warning, maillog.LevelDeferred, "AUTH failure (%s): %s%s, user=%s, relay=%s", mechanism, text, detail,
		loggedUser(user), c.relay)
	if temporary {
		return reply(454, status.Enhanced{4, 7, 0}, "Temporary authentication failure")
	}
	return reply(535, status.Enhanced{5, 7, 0}, "authentication failed")
}

// encodedUser is a name that a client gave as macros and logs have it: xtext.
func encodedUser(s string) string { return strings.ReplaceAll(tlsconf.Encode(s), "=", "+3D") }

// loggedUser bounds a name for the log.
func loggedUser(s string) string {
	if len(s) > maxLoggedName {
		return s[:maxLoggedName-3] + "..."
	}
	return s
}

// maxLoggedName is how much of a name that a client gave goes into the log.
const maxLoggedName = 256

// mustAuthenticate reports whether MAIL needs an authenticated client: daemon modifier a, srv_features' l.
func (c *Session) mustAuthenticate() bool {
	return c.authenticated == nil && (c.needsAuth() || c.daemon.Has('a'))
}

// trustAuth obeys MAIL's AUTH= (RFC 4954 section 5): ruleset trust_auth decides whether an authenticated client may
// name that identity. Nobody else is believed; the message goes on with AUTH=<> then.
func (c *Session) trustAuth(ctx context.Context, m *message, addr string, given *string) {
	if given == nil {
		return
	}
	author := *given
	if author == "" {
		author = "<>"
	}
	m.set("{auth_author}", author)
	m.env.AuthParam = "<>"
	if author == "<>" {
		return
	}
	v := m.check(ctx, "trust_auth", author)
	switch {
	case v != nil && !v.OK():
		c.logRuling(v, about(addr, v.Status))
	case c.authenticated != nil:
		m.env.AuthParam = author
	}
}

// Undecoded logs an initial response of AUTH that is no base64, with the code of Cyrus SASL.
func (c *Session) Undecoded(_ context.Context, text string) {
	code := -5
	if len(text) < 4 {
		code = 1
	}
	c.log(maillog.Warning, maillog.LevelDeferred, `AUTH decode64 error [%d for "%s"], relay=%s`, code, loggedUser(text), c.relay)
}
