package mta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"

	"gosendmail/cf"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/tlsconf"
)

// encryption is TLS as a site has configured it, for the server's and the client's side.
type encryption struct {
	srv *Server
	// The keepers are made at their first use: most commands need none.
	server, client func() *tlsconf.Keeper

	mu     sync.Mutex
	failed []error                    // of the two sides, at their first use
	others map[string]*tlsconf.Keeper // of tls_srv_features and tls_clt_features, by side and what they ask for
}

// maxOthers bounds the configurations that tls_*_features ask for; what they ask for comes from the site's own tables.
const maxOthers = 100

// newEncryption prepares both sides. Files that cannot be used are logged, and TLS is not offered until they are
// replaced.
func newEncryption(s *Server) *encryption {
	e := &encryption{srv: s, others: map[string]*tlsconf.Keeper{}}
	set := &s.site.options.Settings
	e.server = sync.OnceValue(func() *tlsconf.Keeper { return e.keeper(tlsconf.ServerSide, serverTLS(set)) })
	e.client = sync.OnceValue(func() *tlsconf.Keeper { return e.keeper(tlsconf.ClientSide, clientTLS(set)) })
	return e
}

// load reads the files of both sides, so that the log says at the start of a daemon what is wrong with them, and
// returns it.
func (e *encryption) load() error {
	e.server()
	e.client()
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.failed...)
}

// Certificates reports why there is no TLS though the configuration sets it up; nil where there is, or where it does
// not.
func (s *Server) Certificates() error { return s.encryption.load() }

func commonTLS(set *cf.Settings) tlsconf.Options {
	blame, err := safefile.ParseBlame(strings.Join(set.DontBlameSendmail, " "))
	if err != nil {
		blame = 0 // the configuration's check reports it
	}
	return tlsconf.Options{
		CACertFile: set.CACertFile, CACertPath: set.CACertPath, CRLFile: set.CRLFile, CRLPath: set.CRLPath,
		CipherList: set.CipherList, CipherSuites: set.CipherSuites, DHParameters: set.DHParameters,
		Blame: blame,
	}
}

func serverTLS(set *cf.Settings) tlsconf.Options {
	o := commonTLS(set)
	o.CertFile, o.KeyFile, o.SSLOptions = set.ServerCertFile, set.ServerKeyFile, set.ServerSSLOptions
	o.NoRequest = strings.Contains(set.TLSSrvOptions, "V")
	return o
}

func clientTLS(set *cf.Settings) tlsconf.Options {
	o := commonTLS(set)
	o.CertFile, o.KeyFile, o.SSLOptions = set.ClientCertFile, set.ClientKeyFile, set.ClientSSLOptions
	return o
}

func (e *encryption) keeper(side tlsconf.Side, o tlsconf.Options) *tlsconf.Keeper {
	warn := func(err error) {
		if file, ok := errors.AsType[*tlsconf.FileError](err); ok {
			e.srv.Log.Plain(maillog.LevelSerious, maillog.Warning, fmt.Sprintf("STARTTLS=%s: %v", side, file))
			return
		}
		e.srv.Log.Plain(maillog.LevelSerious, maillog.Warning, fmt.Sprintf("STARTTLS=%s, error: %v", side, err))
	}
	k, err := tlsconf.New(side, o, e.srv.now, warn)
	if err != nil {
		warn(err)
		e.mu.Lock()
		e.failed = append(e.failed, err)
		e.mu.Unlock()
	}
	for _, word := range k.Unknown() {
		warn(fmt.Errorf("CipherList: %s means nothing here", word))
	}
	return k
}

// features returns the keeper for a connection: the side's own, or one with what ruleset tls_srv_features or
// tls_clt_features asks for (op.txt section 5.1.4.19). noRequest leaves the client's certificate out (srv_features' V).
// An error means that TLS must not be used.
func (e *encryption) features(side tlsconf.Side, text string, noRequest bool) (*tlsconf.Keeper, tlsFlags, error) {
	base, o := e.server, serverTLS(&e.srv.site.options.Settings)
	if side == tlsconf.ClientSide {
		base, o = e.client, clientTLS(&e.srv.site.options.Settings)
	}
	changed, flags, err := tlsFeatures(&o, text)
	if noRequest && !o.NoRequest {
		o.NoRequest, changed = true, true
	}
	if err != nil || !changed {
		return base(), flags, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprint(side, noRequest, text)
	if k := e.others[key]; k != nil {
		return k, flags, nil
	}
	k, err := tlsconf.New(side, o, e.srv.now, nil)
	if err != nil {
		return nil, flags, err
	}
	if len(e.others) >= maxOthers {
		clear(e.others)
	}
	e.others[key] = k
	return k, flags, nil
}

// tlsFlags are the flags of tls_*_features that are not tlsconf's.
type tlsFlags struct {
	fallback string // "c" or "C": TLSFallbacktoClear off or on for the session; "" leaves the option
	noDANE   bool   // d
}

// tlsFeatures applies "key=value; key=value" to o.
func tlsFeatures(o *tlsconf.Options, text string) (changed bool, flags tlsFlags, err error) {
	var cert, key bool
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found {
			return false, flags, fmt.Errorf("%q is no key=value", part)
		}
		value = strings.TrimSpace(value)
		changed = true
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "options":
			o.SSLOptions += " " + value
		case "cipherlist":
			o.CipherList = value
		case "certfile":
			o.CertFile, cert = value, true
		case "keyfile":
			o.KeyFile, key = value, true
		case "flags":
			if err := flags.set(o, value); err != nil {
				return false, flags, err
			}
		default:
			return false, flags, fmt.Errorf("unknown key %s", name)
		}
	}
	if cert != key {
		return false, flags, errors.New("CertFile and KeyFile only go together")
	}
	return changed, flags, nil
}

func (f *tlsFlags) set(o *tlsconf.Options, letters string) error {
	for _, c := range letters {
		switch c {
		case 'R':
			o.RequireCRL = true
		case 'c', 'C':
			f.fallback = string(c)
		case 'd':
			f.noDANE = true
		case ' ', ',', '\t':
		default:
			return fmt.Errorf("unknown flag %c", c)
		}
	}
	return nil
}

// tlsMacros are the macros that a handshake defines, with their values before one.
var tlsMacros = []string{"{tls_version}", "{cipher}", "{cipher_bits}", "{alg_bits}", "{cert_subject}", "{cert_issuer}", "{cn_subject}",
	"{cn_issuer}", "{cert_md5}", "{cert_fp}"}

// certificateMacros returns the values of the macros about a connection's encryption. Text of certificates is encoded.
func certificateMacros(state *tls.ConnectionState, algorithm string) map[string]string {
	d := tlsconf.Describe(state)
	m := map[string]string{"{tls_version}": d.Version, "{cipher}": d.Cipher, "{cipher_bits}": fmt.Sprint(d.Bits), "{alg_bits}": fmt.Sprint(d.AlgBits)}
	if len(state.PeerCertificates) == 0 {
		return m
	}
	cert := state.PeerCertificates[0]
	m["{cert_subject}"], m["{cert_issuer}"] = tlsconf.Subject(cert), tlsconf.Issuer(cert)
	m["{cn_subject}"], m["{cn_issuer}"] = tlsconf.CommonName(cert), tlsconf.IssuerName(cert)
	name := "{cert_fp}"
	if algorithm == "" {
		name, algorithm = "{cert_md5}", "md5"
	}
	if fp, err := tlsconf.Fingerprint(cert, algorithm); err == nil {
		m[name] = fp
	}
	return m
}

// serverAddr is the text of {server_addr}.
func serverAddr(n notation, a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return n.tagged(a)
}

// handshakeReason is why a handshake failed, in a form that is safe to log.
func handshakeReason(err error) string {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return "wrong version number"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected eof while reading"
	}
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "remote error: "), "tls: ", "")
}
