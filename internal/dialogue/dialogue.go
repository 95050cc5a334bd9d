// Package dialogue is the client side of SMTP for programs that ask a server something (etrn, expn): lines as they are
// typed and answers as they come. It delivers no mail.
//
// # SECURITY
//
// An answer is bounded in lines and length, and each step in time. Its lines may hold any byte: print them through
// maillog.Visible.
package dialogue

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"time"
)

// Bounds of an answer.
const (
	maxLine  = 2048 // bytes
	maxLines = 10000
)

// Errors of Reply.
var (
	ErrGarbled = errors.New("no SMTP answer")
	errLong    = errors.New("answer too long")
)

// Conn is a connection to a server. It is for one goroutine.
type Conn struct {
	net.Conn
	r    *bufio.Reader
	step time.Duration
}

// Dial connects to a host, which has step of time for that, and later for each answer.
func Dial(ctx context.Context, host, port string, step time.Duration) (*Conn, error) {
	conn, err := (&net.Dialer{Timeout: step}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	return &Conn{conn, bufio.NewReaderSize(conn, maxLine), step}, nil
}

// Send sends one line. A line end inside would make two commands of it and is refused.
func (c *Conn) Send(line string) error {
	if strings.ContainsAny(line, "\r\n") {
		return errors.New("a command has one line")
	}
	if err := c.SetDeadline(time.Now().Add(c.step)); err != nil {
		return err
	}
	_, err := c.Write([]byte(line + "\r\n"))
	return err
}

// Reply reads an answer up to the line whose code is followed by a blank, or by nothing. The lines come without their
// ends, also those read before an error; ErrGarbled says that the last one has no code.
func (c *Conn) Reply() (lines []string, err error) {
	if err := c.SetDeadline(time.Now().Add(c.step)); err != nil {
		return nil, err
	}
	for len(lines) < maxLines {
		piece, err := c.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errLong
		}
		if err != nil {
			return lines, err
		}
		l := strings.TrimRight(string(piece), "\r\n")
		lines = append(lines, l)
		switch {
		case len(l) < 3 || strings.Trim(l[:3], "0123456789") != "" || len(l) > 3 && l[3] != ' ' && l[3] != '-':
			return lines, ErrGarbled
		case len(l) == 3 || l[3] == ' ':
			return lines, nil
		}
	}
	return lines, errLong
}

// HostName is this host's name, with its domain where the hosts file or the DNS know it.
func HostName(ctx context.Context) (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	if full, err := net.DefaultResolver.LookupCNAME(ctx, name); err == nil && full != "" {
		name = strings.TrimSuffix(full, ".")
	}
	return name, nil
}

// Reason words an error of the network without its addresses, as the C library does: "Connection refused".
func Reason(err error) string {
	var sys *os.SyscallError
	var op *net.OpError
	switch {
	case errors.As(err, &sys):
		err = sys.Err
	case errors.As(err, &op):
		err = op.Err
	}
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
