package sasl

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"gosendmail/internal/guard"
)

// Limits of saslauthd's protocol and of our patience.
const (
	saslauthdField   = 1024 // longer names and passwords are refused without asking; saslauthd's own limit is 256 or 1024
	saslauthdReply   = 4096
	saslauthdTimeout = 15 * time.Second // PAM waits some seconds after a wrong password
)

// DefaultSaslauthd is where saslauthd keeps its socket unless saslauthd_path says otherwise.
const DefaultSaslauthd = "/var/run/saslauthd"

// Saslauthd asks Cyrus' saslauthd over its socket.
type Saslauthd struct {
	Path    string        // of the folder with the socket "mux", or of the socket itself
	Timeout time.Duration // of one question; 0 means 15 seconds
}

// Verify sends user, password, service and realm, each with its length in two bytes, and reads an answer of the same
// form that begins with OK or NO.
func (a Saslauthd) Verify(ctx context.Context, s *Session, name, password string) error {
	user, realm := name, s.Realm
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		user, realm = name[:i], name[i+1:]
	}
	var question []byte
	for _, field := range []string{user, password, s.Service, realm} {
		if len(field) > saslauthdField {
			return ErrCredentials
		}
		question = binary.BigEndian.AppendUint16(question, uint16(len(field)))
		question = append(question, field...)
	}
	answer, err := a.ask(ctx, question)
	switch {
	case err != nil:
		return fmt.Errorf("%w: saslauthd: %w", ErrTemporary, err)
	case strings.HasPrefix(answer, "OK"):
		return nil
	case strings.HasPrefix(answer, "NO"):
		return ErrCredentials
	}
	return fmt.Errorf("%w: saslauthd: answer %.40q", ErrTemporary, answer)
}

func (a Saslauthd) ask(ctx context.Context, question []byte) (string, error) {
	timeout := a.Timeout
	if timeout == 0 {
		timeout = saslauthdTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := dialUnix(ctx, a.socket())
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := c.Write(question); err != nil {
		return "", err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint16(size[:])
	if n > saslauthdReply {
		return "", fmt.Errorf("an answer of %d bytes", n)
	}
	answer := make([]byte, n)
	_, err = io.ReadFull(c, answer)
	return string(answer), err
}

func (a Saslauthd) socket() string {
	if filepath.Base(a.Path) == "mux" {
		return a.Path
	}
	return filepath.Join(a.Path, "mux")
}

// dialUnix connects to a socket; the connection ends with ctx.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, guard.From(ctx).Func("authentication", func() { _ = c.SetDeadline(time.Unix(1, 0)) }))
	return &ctxConn{c, stop}, nil
}

// ctxConn is a connection whose reads and writes fail once its context has ended.
type ctxConn struct {
	net.Conn
	stop func() bool
}

func (c *ctxConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
