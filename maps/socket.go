package maps

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"gosendmail/internal/guard"
	"gosendmail/internal/safefile"
)

// socketMap is class socket: a server that answers netstrings over TCP or a local socket.
type socketMap struct {
	p       *Params
	network string
	address string
	timeout time.Duration // for one look-up

	mu     sync.Mutex
	reason string // last failure to connect that was reported
}

// socketConn is one connection, used by one look-up at a time.
type socketConn struct {
	nc   net.Conn
	r    *bufio.Reader
	used bool // it has answered before
}

// socketTime is how long a look-up may take where the K line has no -d.
const socketTime = time.Minute

// maxSocketReply bounds an answer, as the original does (SOCKETMAP_MAXL).
const maxSocketReply = 1_000_000

// socketFault is what the original says of an answer that is none.
type socketFault string

// Error returns the words.
func (f socketFault) Error() string { return string(f) }

func parseSocket(p *Params) error {
	m := &socketMap{p: p, timeout: socketTime}
	p.extra = m
	sc := flagScanner{s: p.Args}
	var wrong error
	for {
		letter, value := sc.next()
		if letter == 0 {
			break
		}
		switch {
		case letter == 'd':
			if m.timeout = interval(value); m.timeout <= 0 {
				m.timeout = socketTime
			}
		case !p.common(letter, value):
			wrong = errors.Join(wrong, illegal(letter, p.Name))
		}
	}
	p.setFile(sc.s)
	return wrong
}

// socketEndpoint reads an endpoint in the form of milters: "/path", "unix:path" or "local:path", "inet:port@host",
// "inet6:port@host".
func socketEndpoint(s string) (network, address string, err error) {
	if strings.HasPrefix(s, "/") {
		return "unix", s, nil
	}
	kind, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" {
		return "", "", fmt.Errorf("%s: endpoint needs a type (unix, inet, inet6)", s)
	}
	switch kind {
	case "unix", "local":
		return "unix", rest, nil
	case "inet", "inet6":
		port, host, ok := strings.Cut(rest, "@")
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		if len(host) > 5 && strings.EqualFold(host[:5], "IPv6:") {
			host = host[5:]
		}
		if !ok || port == "" || host == "" {
			return "", "", fmt.Errorf("%s: endpoint needs port@host", s)
		}
		if kind == "inet6" {
			return "tcp6", net.JoinHostPort(host, port), nil
		}
		return "tcp4", net.JoinHostPort(host, port), nil
	}
	return "", "", fmt.Errorf("unknown socket type %s: Protocol not supported", kind)
}

// openSocket does not connect: that a server is away now says nothing about later.
func openSocket(p *Params) (Map, error) {
	m := p.extra.(*socketMap)
	var err error
	if m.network, m.address, err = socketEndpoint(p.Path); err != nil {
		return nil, &openError{words: fmt.Sprintf("socket map \"%s\": %v", p.Name, err)}
	}
	if m.network == "unix" && p.env.Socket != nil {
		if err := p.env.Socket(m.address); err != nil {
			return nil, &openError{words: fmt.Sprintf("socket map \"%s\": local socket name %s unsafe: %s", p.Name, m.address, safefile.Reason(err)), cause: err}
		}
	}
	return m, nil
}

// Lookup asks the server, over a connection that the scope of ctx has kept or over a new one.
func (m *socketMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	name := key
	if !m.p.NoFold {
		name = fold(key)
	}
	reply, err := m.ask(ctx, m.p.Name+" "+name)
	m.complain(ctx, err)
	if _, away := errors.AsType[notConnected](err); away && m.p.Optional {
		return "", ErrNotFound
	}
	if err != nil {
		return "", tempFail(err)
	}
	if m.p.MatchOnly {
		key = name // the original folds what it returns here
	}
	return m.value(ctx, key, reply, args)
}

// ask puts a question once, and once more over a new connection where the kept one turned out to be closed.
func (m *socketMap) ask(ctx context.Context, request string) (reply string, err error) {
	for {
		c, err := m.connection(ctx)
		if err != nil {
			return "", err
		}
		again := c.used
		reply, err := m.exchange(ctx, c, request)
		if _, wrong := errors.AsType[socketFault](err); err == nil || wrong || !again || ctx.Err() != nil {
			return reply, err
		}
	}
}

// complain tells what was wrong with an answer.
func (m *socketMap) complain(ctx context.Context, err error) {
	fault, wrong := errors.AsType[socketFault](err)
	switch {
	case wrong:
		m.p.tell(fmt.Sprintf("socket_map_lookup(%s): %s", m.p.Name, fault), nil)
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		m.p.tell(fmt.Sprintf("socket_map_lookup(%s): read timeout", m.p.Name), nil)
	}
}

// notConnected says that the server could not be reached.
type notConnected struct{ error }

// Unwrap returns the cause.
func (e notConnected) Unwrap() error { return e.error }

// connection returns a kept connection on which nothing came unasked, or a new one.
func (m *socketMap) connection(ctx context.Context) (*socketConn, error) {
	for c := scopeOf(ctx).take(m.endpoint()); c != nil; c = scopeOf(ctx).take(m.endpoint()) {
		if !unread(c.nc) {
			return c, nil
		}
		c.nc.Close()
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, m.network, m.address)
	if err != nil {
		m.away(err)
		return nil, notConnected{err}
	}
	m.mu.Lock()
	m.reason = ""
	m.mu.Unlock()
	return &socketConn{nc: nc, r: bufio.NewReader(nc)}, nil
}

func (m *socketMap) endpoint() string { return m.network + " " + m.address }

// away tells that the server cannot be reached, once per reason.
func (m *socketMap) away(err error) {
	words := ""
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		words = fmt.Sprintf("socket map \"%s\": Unknown host name %s", m.p.Name, d.Name)
		if _, port, isPort := strings.Cut(d.Name, "/"); isPort {
			words = fmt.Sprintf("socket map \"%s\": unknown port name %s", m.p.Name, port)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.report(&m.reason, words, err)
}

// ready reports whether the server can be reached.
func (m *socketMap) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout)
	defer cancel()
	c, err := m.connection(ctx)
	if err != nil {
		return err
	}
	return c.nc.Close()
}

// exchange asks over a connection, which is kept only where the answer, and nothing but it, has come.
func (m *socketMap) exchange(ctx context.Context, c *socketConn, request string) (reply string, err error) {
	stop := context.AfterFunc(ctx, guard.From(ctx).Func("socket map", func() { c.nc.SetDeadline(time.Unix(1, 0)) }))
	defer func() {
		if clean := stop() && err == nil && c.r.Buffered() == 0; clean {
			c.used = true
			scopeOf(ctx).put(m.endpoint(), c)
		} else {
			c.nc.Close()
		}
	}()
	if _, err := fmt.Fprintf(c.nc, "%d:%s,", len(request), request); err != nil {
		return "", err
	}
	return readNetstring(c.r)
}

// readNetstring reads "length:bytes,".
func readNetstring(r *bufio.Reader) (string, error) {
	n := 0
	for digits := 0; ; digits++ {
		c, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == ':' && digits > 0 {
			break
		}
		switch {
		case c >= '0' && c <= '9' && digits < 10:
			n = n*10 + int(c-'0')
		case digits == 0:
			return "", socketFault("failed to read length parameter of reply 0")
		default:
			return "", socketFault("missing ':' in reply")
		}
	}
	if n > maxSocketReply {
		return "", socketFault("reply too long: " + strconv.Itoa(n))
	}
	buf := make([]byte, n+1)
	if got, err := io.ReadFull(r, buf); err == io.ErrUnexpectedEOF || err == io.EOF {
		return "", socketFault(fmt.Sprintf("received only %d of %d reply characters", got, n))
	} else if err != nil {
		return "", err
	}
	if buf[n] != ',' {
		return "", socketFault("missing ',' in reply")
	}
	return cutNul(string(buf[:n])), nil
}

// value reads the status word of an answer.
func (m *socketMap) value(ctx context.Context, key, reply string, args []string) (string, error) {
	status, text, _ := strings.Cut(reply, " ")
	switch status {
	case "OK":
		return m.p.Result(ctx, key, text, args), nil
	case "NOTFOUND":
		return "", errNoHost
	case "TEMP", "TIMEOUT":
		return "", tempFail(fmt.Errorf("server says %s", reply))
	case "PERM":
		return "", missing(exUnavailable, fmt.Errorf("server says %s", reply))
	}
	return "", tempFail(fmt.Errorf("unknown answer %.100q", reply))
}

// Close does nothing: connections belong to scopes and look-ups.
func (m *socketMap) Close() error { return nil }
