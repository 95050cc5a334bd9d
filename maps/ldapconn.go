package maps

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"gosendmail/internal/guard"
)

// ldapConn is a kept connection to the servers of one or more maps, made when it is first needed and made again when it was lost. Any
// number of searches use it at the same time.
type ldapConn struct {
	turn chan struct{} // holds a token while nobody connects
	conn *ldap.Conn    // nil: not connected; changed by the holder of the token
}

// errLDAPConnect is found in errors about servers that could not be reached or that refused the bind.
var errLDAPConnect = errors.New("cannot connect")

// errLDAPTimeout says that a server did not answer in the time of -l, or of -c.
var errLDAPTimeout = errors.New("the LDAP server did not answer in time")

func newLDAPConn() *ldapConn {
	c := &ldapConn{turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// ldapConn returns the connection that maps with the same servers, login and limits share.
func (s *Set) ldapConn(m *ldapMap) *ldapConn {
	key := fmt.Sprint([]any{m.uri, m.host, m.port, m.bindDN, m.secret, m.anonymous, m.network, m.timeLimit})
	c, _ := s.ldapConns.LoadOrStore(key, newLDAPConn())
	return c.(*ldapConn)
}

// limit is how long one request may take.
func (s *ldapSettings) limit() time.Duration {
	if s.timeLimit > 0 {
		return s.timeLimit
	}
	return s.network
}

// get returns the open connection, or opens it.
func (c *ldapConn) get(ctx context.Context, m *ldapMap) (*ldap.Conn, error) {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { c.turn <- struct{}{} }()
	if c.conn != nil && !c.conn.IsClosing() {
		return c.conn, nil
	}
	c.conn = nil
	servers, err := m.servers()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLDAPConnect, err)
	}
	var errs []error
	for _, s := range servers {
		conn, err := m.connect(ctx, s, true)
		if err == nil {
			c.conn = conn
			return conn, nil
		}
		errs = append(errs, fmt.Errorf("%w to LDAP server %s: %w", errLDAPConnect, s.host, err))
	}
	return nil, errors.Join(errs...)
}

// drop closes a connection that failed; the next search opens another.
func (c *ldapConn) drop(conn *ldap.Conn) {
	conn.Close()
	<-c.turn
	if c.conn == conn {
		c.conn = nil
	}
	c.turn <- struct{}{}
}

// close gives the connection up.
func (c *ldapConn) close() {
	<-c.turn
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	c.turn <- struct{}{}
}

// search asks over the kept connection, and once more over a new one when the kept one turns out to be lost.
func (c *ldapConn) search(ctx context.Context, m *ldapMap, req *ldap.SearchRequest) (*ldap.SearchResult, error) {
	for again := true; ; again = false {
		conn, err := c.get(ctx, m)
		if err != nil {
			return nil, err
		}
		res, err := await(ctx, m.limit(), func() (*ldap.SearchResult, error) { return conn.Search(req) })
		if !lost(err) {
			return res, err
		}
		c.drop(conn)
		if !again || errors.Is(err, errLDAPTimeout) {
			return res, err
		}
	}
}

// lost reports whether an error leaves the connection without use: anything but a server's answer, and the answer 'unavailable'.
func lost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	e, ok := errors.AsType[*ldap.Error](err)
	return !ok || e.ResultCode == ldap.ErrorNetwork || e.ResultCode == ldap.LDAPResultUnavailable
}

// await runs a request, which ends by itself when its connection is closed, for at most limit.
func await[T any](ctx context.Context, limit time.Duration, request func() (T, error)) (T, error) {
	var value, none T
	done := guard.Start("LDAP request", func() (err error) {
		value, err = request()
		return err
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return value, err
	case <-timer.C:
		return none, errLDAPTimeout
	case <-ctx.Done():
		return none, ctx.Err()
	}
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
func (m *ldapMap) connect(ctx context.Context, s ldapServer, login bool) (*ldap.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, m.network)
	defer cancel()
	nc, err := m.dial(dialing, s)
	if err != nil {
		return nil, err
	}
	conn := ldap.NewConn(nc, s.scheme == "ldaps")
	conn.SetTimeout(2 * m.limit()) // for requests that nobody waits for any more
	conn.Start()
	if !login || m.anonymous {
		return conn, nil
	}
	_, err = await(ctx, m.limit(), func() (struct{}, error) { return struct{}{}, m.bind(conn) })
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("bind: %w", err)
	}
	return conn, nil
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

func (m *ldapMap) bind(conn *ldap.Conn) error {
	password, err := m.password()
	if err != nil {
		return err
	}
	if password == "" {
		return conn.UnauthenticatedBind(m.bindDN) // anonymous without a name; with one, servers refuse it
	}
	return conn.Bind(m.bindDN, password)
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
