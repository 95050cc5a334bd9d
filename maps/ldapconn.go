package maps

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// ldapPool keeps connections to the servers of one or more maps that are free. Each search has a connection for itself,
// so that a slow one keeps no other waiting.
type ldapPool struct {
	mu     sync.Mutex
	idle   []*ldapWire
	closed bool
}

// maxIdleLDAP is how many connections a pool keeps while nobody uses them.
const maxIdleLDAP = 8

// errLDAPConnect is found in errors about servers that could not be reached or that refused the bind.
var errLDAPConnect = errors.New("cannot connect")

// errLDAPTimeout says that a server did not answer in the time of -l, or of -c.
var errLDAPTimeout = errors.New("the LDAP server did not answer in time")

// ldapPool returns the connections that maps with the same servers, login and limits share.
func (s *Set) ldapPool(m *ldapMap) *ldapPool {
	key := fmt.Sprint([]any{m.uri, m.host, m.port, m.bindDN, m.secret, m.anonymous, m.network, m.timeLimit})
	c, _ := s.ldapConns.LoadOrStore(key, &ldapPool{})
	return c.(*ldapPool)
}

// limit is how long one request may take.
func (s *ldapSettings) limit() time.Duration {
	if s.timeLimit > 0 {
		return s.timeLimit
	}
	return s.network
}

// get returns a free connection that is as it was left, or opens one.
func (c *ldapPool) get(ctx context.Context, m *ldapMap) (*ldapWire, error) {
	for w := c.take(); w != nil; w = c.take() {
		if !unread(w.nc) && w.r.Buffered() == 0 {
			return w, nil
		}
		w.nc.Close()
	}
	servers, err := m.servers()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLDAPConnect, err)
	}
	var errs []error
	for _, s := range servers {
		w, err := m.connect(ctx, s, true)
		if err == nil {
			return w, nil
		}
		errs = append(errs, fmt.Errorf("%w to LDAP server %s: %w", errLDAPConnect, s.host, err))
	}
	return nil, errors.Join(errs...)
}

func (c *ldapPool) take() *ldapWire {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	w := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return w
}

// put takes a connection back on which a search has come to its end.
func (c *ldapPool) put(w *ldapWire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == maxIdleLDAP {
		w.nc.Close()
		return
	}
	w.used, w.buf = true, nil
	c.idle = append(c.idle, w)
}

// close closes what is free; what is in use is closed when its search ends.
func (c *ldapPool) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.idle {
		w.nc.Close()
	}
	c.idle, c.closed = nil, true
}

// search asks over a kept connection, and once more over a new one where the kept one turns out to be lost before it
// answered.
func (c *ldapPool) search(ctx context.Context, m *ldapMap, req *ldap.SearchRequest, take func(*ldapEntry) error) (refs []string, err error) {
	for {
		w, err := c.get(ctx, m)
		if err != nil {
			return nil, err
		}
		again, answered := w.used, false
		refs, err := w.search(ctx, m.limit(), req, func(e *ldapEntry) error {
			answered = true
			return take(e)
		})
		if w.over && !lost(err) {
			c.put(w)
			return refs, err
		}
		w.nc.Close()
		if !again || answered || errors.Is(err, errLDAPTimeout) || errors.Is(err, errLDAPProtocol) || ctx.Err() != nil {
			return refs, err
		}
	}
}

// lost reports whether an error leaves the connection without use: anything but a server's answer, and the answer
// 'unavailable'.
func lost(err error) bool {
	if err == nil || err == errLDAPEnough {
		return false
	}
	e, ok := errors.AsType[*ldap.Error](err)
	return !ok || e.ResultCode == ldap.LDAPResultUnavailable
}

// ldapServer is one server to try.
type ldapServer struct {
	scheme string // ldap, ldaps, ldapi
	host   string // with port; for ldapi the socket's path
}

// defaultLDAPSocket is where OpenLDAP's server listens for ldapi:/// as Debian builds it.
const defaultLDAPSocket = "/var/run/slapd/ldapi"

// servers lists whom to ask, in order: -H, else -h, else what ldap.conf says, else this host.
func (m *ldapMap) servers() ([]ldapServer, error) {
	if m.host != "" {
		return m.namedServers(), nil
	}
	list := m.uri
	if list == "" {
		conf, err := m.p.env.ldapConf()
		if err != nil {
			return nil, err
		}
		if list = conf.uri; list == "" {
			return []ldapServer{{"ldap", m.address("localhost")}}, nil
		}
	}
	var out []ldapServer
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || strings.ContainsRune(blanks, r) }) {
		u, err := parseLDAPURL(text)
		if err != nil {
			return nil, err
		}
		out = append(out, u.server())
	}
	return out, nil
}

// server is where an URL's data are.
func (u *ldapURL) server() ldapServer {
	s := ldapServer{u.scheme, u.host}
	switch {
	case u.scheme == "ldapi" && s.host == "":
		s.host = defaultLDAPSocket
	case u.scheme == "ldapi":
	case s.host == "":
		s.host = "localhost"
		fallthrough
	default:
		port := 389
		if u.scheme == "ldaps" {
			port = 636
		}
		s.host = withPort(s.host, port)
	}
	return s
}

func (m *ldapMap) namedServers() []ldapServer {
	var out []ldapServer
	for _, h := range strings.Fields(m.host) {
		out = append(out, ldapServer{"ldap", m.address(h)})
	}
	return out
}

func (m *ldapMap) address(host string) string {
	port := m.port
	if port == 0 {
		port = 389
	}
	return withPort(host, port)
}

// withPort adds a port to a host that has none.
func withPort(host string, port int) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}

// connect opens a connection to one server and, with login, binds as -d, -P and -M say.
func (m *ldapMap) connect(ctx context.Context, s ldapServer, login bool) (*ldapWire, error) {
	dialing, cancel := context.WithTimeout(ctx, m.network)
	defer cancel()
	nc, err := m.dial(dialing, s)
	if err != nil {
		return nil, err
	}
	w := newLDAPWire(nc)
	if !login || m.anonymous {
		return w, nil
	}
	password, err := m.password()
	if err == nil {
		// Without a password this is anonymous; servers refuse it with a name.
		err = w.bind(ctx, m.limit(), m.bindDN, password)
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bind: %w", err)
	}
	return w, nil
}

func (m *ldapMap) dial(ctx context.Context, s ldapServer) (net.Conn, error) {
	var d net.Dialer
	switch s.scheme {
	case "ldapi":
		return d.DialContext(ctx, "unix", s.host)
	case "ldaps":
		conf, err := m.p.env.ldapConf()
		if err != nil {
			return nil, err
		}
		return (&tls.Dialer{NetDialer: &d, Config: conf.tls}).DialContext(ctx, "tcp", s.host)
	}
	return d.DialContext(ctx, "tcp", s.host)
}

// maxLDAPPassword bounds the password (LDAPMAP_MAX_PASSWD).
const maxLDAPPassword = 256

// password is the first line of the file of -P. It is read at each connection: a new password needs no restart.
func (m *ldapMap) password() (string, error) {
	if m.secret == "" {
		return "", nil
	}
	f, err := m.p.openFile(m.secret)
	if err != nil {
		return "", fmt.Errorf("LDAP map: cannot open secret %s: %w", m.secret, err)
	}
	defer f.Close()
	buf := make([]byte, maxLDAPPassword+2)
	n, err := f.Read(buf)
	if n == 0 {
		return "", fmt.Errorf("LDAP map: secret %s: %w", m.secret, err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	if len(line) > maxLDAPPassword {
		return "", fmt.Errorf("LDAP map: secret in %s too long", m.secret)
	}
	return line, nil
}
