package mta

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
	"gosendmail/mailers"
)

// protection decides for one connection to another host: it implements mailers.Security with the rule sets try_tls,
// tls_clt_features, tls_server, tls_rcpt and authinfo. Its macros lie above the process's.
type protection struct {
	srv    *Server
	peer   mailers.Peer
	macros *macro.Table
	keeper *tlsconf.Keeper
	flags  tlsFlags
	dane   *dane    // nil: not asked for yet
	addr   string   // {server_addr}
	login  *account // whom the connection was to log in as; nil: not asked
}

// account is whom to log in as; the zero value is nobody.
type account struct{ user, authID, realm string }

func accountOf(l *mailers.Login, ok bool) account {
	if !ok {
		return account{}
	}
	return account{l.User, l.AuthID, l.Realm}
}

// security makes the Security of a new connection.
func (s *Server) security(job *mailers.Job, peer mailers.Peer) mailers.Security {
	o := &protection{srv: s, peer: peer, macros: macro.NewTable(s.macros), addr: serverAddr(s.site.options.notation(), peer.Addr)}
	o.set("{server_name}", strings.TrimSuffix(peer.Name, "."))
	o.set("{server_addr}", o.addr)
	o.set("f", job.Sender)
	return o
}

func (o *protection) set(name, value string) { o.macros.Define(name, quoteMacro(value)) }

// ask runs a ruleset that may refuse.
func (o *protection) ask(ctx context.Context, ruleset string, args ...string) *ruling {
	return o.srv.site.ask(ctx, o.srv.site.EnvWith(o.macros), ruleset, CheckOptions{StripComments: true}, args...)
}

// name is the server's as rules and logs have it.
func (o *protection) name() string { return o.peer.Name }

// TLS asks try_tls and tls_clt_features.
func (o *protection) TLS(ctx context.Context) (conf *tls.Config, ok bool, err error) {
	if o.ask(ctx, "try_tls", strings.TrimSuffix(o.peer.Name, "."), o.addr) != nil {
		o.dane = noDANE // the site's own word against TLS
		return nil, false, nil
	}
	env := o.srv.site.EnvWith(o.macros)
	v := o.srv.site.Check(ctx, env, "tls_clt_features", strings.TrimSuffix(o.peer.Name, "."), o.addr, true, CheckOptions{NoSpace: true})
	if v.Failed || !v.OK() {
		return nil, false, fmt.Errorf("tls_clt_features: %s", v.Message)
	}
	keeper, flags, err := o.srv.encryption.features(tlsconf.ClientSide, v.Rewritten, false)
	if err != nil {
		o.srv.Log.Plain(maillog.LevelErrors, maillog.Err, fmt.Sprintf("STARTTLS=client, error: tls_clt_features=%s: %v, relay=%s", v.Rewritten, err, o.name()))
		return nil, false, err
	}
	o.keeper, o.flags = keeper, flags
	name := o.peer.Name
	if d := o.demands(ctx); d.base != "" {
		name = d.base
	}
	return keeper.Client(name), true, nil
}

// Connected defines the macros of the connection, logs it and asks tls_server.
func (o *protection) Connected(ctx context.Context, state *tls.ConnectionState, without string, cause error) (clear bool, refusal error) {
	verify := without
	if state != nil {
		for name, value := range certificateMacros(state, o.srv.site.options.CertFingerprintAlgorithm) {
			o.set(name, value)
		}
		var why error
		verify, why = o.keeper.Verify(state)
		verify, why = o.demands(ctx).verify(state, verify, why, o.srv.now())
		o.logHandshake(state, verify, why)
	} else if without == mailers.TLSSoftware {
		o.srv.Log.Plain(maillog.LevelErrors, maillog.Warning, fmt.Sprintf(
			"STARTTLS=client, error: connect failed=-1, reason=%s, SSL_error=1, errno=0, retry=-1", handshakeReason(cause)))
		if !o.demands(ctx).encrypted && o.fallsBack() {
			return true, nil
		}
	} else {
		verify = o.demands(ctx).inClear(without)
	}
	o.set("{verify}", verify)
	if refusal = o.refusal(o.ask(ctx, "tls_server", verify)); refusal == nil {
		refusal = o.refusal(o.unproven(verify))
	}
	return false, refusal
}

// fallsBack obeys TLSFallbacktoClear and the flags of tls_clt_features.
func (o *protection) fallsBack() bool {
	if o.flags.fallback != "" {
		return o.flags.fallback == "C"
	}
	return o.srv.site.options.TLSFallbacktoClear
}

func (o *protection) logHandshake(state *tls.ConnectionState, verify string, why error) {
	d := tlsconf.Describe(state)
	o.srv.Log.Plain(maillog.LevelDeferred, maillog.Info, fmt.Sprintf("STARTTLS=client, relay=%s, version=%s, verify=%s, cipher=%s, bits=%d/%d",
		o.name(), d.Version, verify, d.Cipher, d.Bits, d.AlgBits))
	message, subject, issuer := tlsconf.VerifyMessage(state, why), "", ""
	if certs := state.PeerCertificates; len(certs) > 0 {
		subject, issuer = tlsconf.Subject(certs[0]), tlsconf.Issuer(certs[0])
	}
	o.srv.Log.Plain(maillog.LevelConnect, maillog.Info,
		fmt.Sprintf("STARTTLS=client, cert-subject=%s, cert-issuer=%s, verifymsg=%s", subject, issuer, message))
}

// refusal turns what a ruleset said into a status of delivery, with its log line.
func (o *protection) refusal(v *ruling) error {
	if v == nil || v.OK() {
		return nil
	}
	st := v.Status
	o.srv.Log.Check("", &maillog.Check{Ruleset: v.ruleset, Arg1: v.arg1, Arg2: v.arg2, Relay: o.name(), Verdict: maillog.Rejected, Text: replyText(st)})
	st.Remote = o.peer.Name
	if st.Code/100 == 4 {
		st.Exit = status.TempFail
		st.Text = "Deferred: " + replyText(v.Status)
	}
	return st
}

// Recipient asks tls_rcpt.
func (o *protection) Recipient(ctx context.Context, addr string) error {
	return o.refusal(o.ask(ctx, "tls_rcpt", addr))
}

// LoggedIn logs a login.
func (o *protection) LoggedIn(mechanism string) {
	o.srv.Log.Plain(maillog.LevelDeferred, maillog.Info, fmt.Sprintf("AUTH=client, relay=%s, mech=%s, bits=0", o.name(), mechanism))
}

// Again holds another message's account against that of the connection.
func (o *protection) Again(ctx context.Context, job *mailers.Job) bool {
	o.set("f", job.Sender)
	if o.login == nil {
		return true
	}
	l, ok, err := o.credentials(ctx)
	return err == nil && accountOf(l, ok) == *o.login
}

// Credentials says whom to log in as.
func (o *protection) Credentials(ctx context.Context) (*mailers.Login, bool, error) {
	l, ok, err := o.credentials(ctx)
	login := accountOf(l, ok)
	o.login = &login
	return l, ok, err
}

// credentials asks ruleset authinfo; where the configuration has none, DefaultAuthInfo names a file (op.txt sections
// 5.1.4.20 and 5.6). Mechanisms are those of AuthMechanisms unless M: or the file names some.
func (o *protection) credentials(ctx context.Context) (l *mailers.Login, ok bool, err error) {
	site := o.srv.site
	if site.Sets.Ruleset("authinfo") == nil {
		return o.defaultAuthInfo()
	}
	v := site.Check(ctx, site.EnvWith(o.macros), "authinfo", strings.TrimSuffix(o.peer.Name, "."), o.addr, true, CheckOptions{})
	switch {
	case v.Failed || v.Status.Exit == status.TempFail:
		return nil, false, errors.New("ruleset authinfo: temporary failure")
	case !v.Resolved:
		return nil, false, nil
	}
	if l, err = parseAuthInfo(site.Sets.Join(v.Return[1:], ' ', true)); err != nil {
		return nil, false, err
	}
	return l, o.complete(l), nil
}

// complete fills in what was not said; it reports whether there are a name and a password to log in with.
func (o *protection) complete(l *mailers.Login) bool {
	if l.User == "" && l.AuthID == "" || l.Password == "" {
		return false
	}
	if l.User == "" {
		l.User = l.AuthID
	}
	l.InClear = slices.ContainsFunc(l.Mechanisms, sasl.InClear)
	if len(l.Mechanisms) == 0 {
		l.Mechanisms = strings.Fields(strings.ToUpper(o.srv.site.options.AuthMechanisms))
	}
	l.Certificate = o.keeper != nil && o.keeper.Offered()
	return true
}

// parseAuthInfo reads tokens of the form "TDstring" (op.txt section 5.1.4.20).
func parseAuthInfo(text string) (*mailers.Login, error) {
	l := &mailers.Login{}
	fields := map[byte]*string{'U': &l.User, 'I': &l.AuthID, 'P': &l.Password, 'R': &l.Realm}
	for {
		_, rest, found := strings.Cut(text, `"`)
		if !found {
			return l, nil
		}
		var token string
		if token, text, found = strings.Cut(rest, `"`); !found || len(token) < 2 {
			return nil, errors.New("AuthInfo: a token without its end, or too short")
		}
		value, err := authInfoValue(token)
		if err != nil {
			return nil, err
		}
		tag := strings.ToUpper(token[:1])[0]
		switch {
		case fields[tag] != nil:
			*fields[tag] = value
		case tag == 'M':
			l.Mechanisms = strings.Fields(strings.ToUpper(value))
		default:
			return nil, fmt.Errorf("AuthInfo: unknown tag %c", token[0])
		}
	}
}

// authInfoValue is what stands behind the tag: ":" plain, "=" base64.
func authInfoValue(token string) (string, error) {
	switch token[1] {
	case ':':
		return token[2:], nil
	case '=':
		b, err := base64.StdEncoding.DecodeString(token[2:])
		if err != nil {
			return "", fmt.Errorf("AuthInfo: tag %c: %w", token[0], err)
		}
		return string(b), nil
	}
	return "", fmt.Errorf("AuthInfo: tag %c: neither : nor =", token[0])
}

// defaultAuthInfo reads DefaultAuthInfo's file: user, authentication identity, password, realm and mechanisms, one a
// line.
func (o *protection) defaultAuthInfo() (l *mailers.Login, ok bool, err error) {
	path := o.srv.site.options.DefaultAuthInfo
	if path == "" {
		return nil, false, nil
	}
	blame, _ := safefile.ParseBlame(strings.Join(o.srv.site.options.DontBlameSendmail, " "))
	checker := &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	f, err := checker.Open(path, safefile.AuthInfo)
	if err != nil {
		return nil, false, fmt.Errorf("DefaultAuthInfo: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAuthInfo))
	if err != nil {
		return nil, false, fmt.Errorf("DefaultAuthInfo: %s: %w", path, err)
	}
	l = &mailers.Login{}
	fields := []*string{&l.User, &l.AuthID, &l.Password, &l.Realm}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimRight(line, "\r"); i < len(fields) {
			*fields[i] = line
		} else if i == len(fields) {
			l.Mechanisms = strings.Fields(strings.ToUpper(line))
		}
	}
	return l, o.complete(l), nil
}

// maxAuthInfo bounds DefaultAuthInfo's file.
const maxAuthInfo = 8192
