package sasl

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/guard"
)

// Limits of Dovecot's auth protocol and of our patience.
const (
	dovecotLine    = 16384
	dovecotLines   = 200 // of its greeting
	dovecotTimeout = 30 * time.Second
	// offerPart is which part of it everybody waits who says EHLO, mail servers too: little depends on the answer.
	offerPart = 6
)

// Dovecot is the auth service of Dovecot, over its client socket (protocol version 1.2, doc.dovecot.org: "Auth
// Protocol"). It carries the mechanisms out; each exchange has a connection of its own, so that a service that hangs
// holds nobody else.
type Dovecot struct {
	Path    string        // of the socket
	Timeout time.Duration // of each answer; 0 means 30 seconds. Mechanisms waits a sixth of it
}

// dovecotConn is a connection after the greeting.
type dovecotConn struct {
	c       *ctxConn
	r       *bufio.Reader
	mechs   []string // upper case
	timeout time.Duration
}

// patience is the time for an answer.
func (d Dovecot) patience() time.Duration { return cmp.Or(d.Timeout, dovecotTimeout) }

// open connects and reads the greeting.
func (d Dovecot) open(ctx context.Context) (*dovecotConn, error) {
	c, err := dialUnix(ctx, d.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: dovecot: %w", ErrTemporary, err)
	}
	x := &dovecotConn{c: c.(*ctxConn), r: bufio.NewReaderSize(c, dovecotLine), timeout: d.patience()}
	if err := x.greet(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%w: dovecot: %w", ErrTemporary, err)
	}
	return x, nil
}

func (x *dovecotConn) greet() error {
	if err := x.send(fmt.Sprintf("VERSION\t1\t2\nCPID\t%d\n", os.Getpid())); err != nil {
		return err
	}
	for range dovecotLines {
		f, err := x.read()
		if err != nil {
			return err
		}
		switch f[0] {
		case "VERSION":
			if len(f) < 2 || f[1] != "1" {
				return fmt.Errorf("protocol %q", f)
			}
		case "MECH":
			if len(f) > 1 && !slices.Contains(f[2:], "private") {
				x.mechs = append(x.mechs, strings.ToUpper(f[1]))
			}
		case "DONE":
			return nil
		}
	}
	return errors.New("a greeting without an end")
}

func (x *dovecotConn) send(text string) error {
	_ = x.c.SetDeadline(time.Now().Add(x.timeout))
	_, err := x.c.Write([]byte(text))
	return err
}

// read returns the fields of a line.
func (x *dovecotConn) read() ([]string, error) {
	line, err := x.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(line), "\n"), "\t"), nil
}

// Mechanisms asks which mechanisms the service offers, without those that it cannot carry out for others.
func (d Dovecot) Mechanisms(ctx context.Context, _ *Session) ([]string, error) {
	d.Timeout = d.patience() / offerPart
	x, err := d.open(ctx)
	if err != nil {
		var all []string
		for _, m := range servers {
			all = append(all, m.name)
		}
		return forOthers(all), err
	}
	defer x.c.Close()
	return forOthers(x.mechs), nil
}

// forOthers are the mechanisms of a list that can be carried out for a client of ours: they do not depend on its
// connection.
func forOthers(mechanisms []string) (list []string) {
	for _, m := range mechanisms {
		if Known(m) && !strings.HasSuffix(m, plusSuffix) && m != External {
			list = append(list, m)
		}
	}
	return list
}

// dovecotExchange is one exchange.
type dovecotExchange struct {
	outcome
	x       *dovecotConn
	s       *Session
	mech    string
	started bool
	held    *[]string // an OK that came while the client has still to answer
}

// Start begins an exchange. It ends with the client's last answer, or with ctx.
func (d Dovecot) Start(ctx context.Context, s *Session, mechanism string) (Exchange, error) {
	x, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	mechanism = strings.ToUpper(mechanism)
	if !slices.Contains(x.mechs, mechanism) {
		_ = x.c.Close()
		return nil, ErrMechanism
	}
	context.AfterFunc(ctx, guard.From(ctx).Func("authentication", func() { _ = x.c.Close() }))
	return &dovecotExchange{x: x, s: s, mech: mechanism}, nil
}

// Next passes the client's answer on and returns what the service says.
func (e *dovecotExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.next(response)
	if done || err != nil {
		_ = e.x.c.Close()
	}
	return challenge, done, err
}

func (e *dovecotExchange) next(response []byte) (challenge []byte, done bool, err error) {
	if e.held != nil {
		return nil, true, e.accept(*e.held)
	}
	line := "CONT\t1\t" + base64.StdEncoding.EncodeToString(response) + "\n"
	if !e.started {
		line = e.first(response)
		e.started = true
	}
	if err := e.x.send(line); err != nil {
		return nil, false, fmt.Errorf("%w: dovecot: %w", ErrTemporary, err)
	}
	for range dovecotLines {
		f, err := e.x.read()
		if err != nil {
			return nil, false, fmt.Errorf("%w: dovecot: %w", ErrTemporary, err)
		}
		if len(f) < 2 || f[1] != "1" {
			continue // news of the service, or an answer to nobody
		}
		switch f[0] {
		case "CONT":
			if len(f) < 3 {
				f = append(f, "")
			}
			b, err := base64.StdEncoding.DecodeString(f[2])
			if err != nil {
				return nil, false, fmt.Errorf("%w: dovecot: challenge: %w", ErrTemporary, err)
			}
			return b, false, nil
		case "OK":
			return e.ok(f[2:])
		case "FAIL":
			return nil, false, refusal(f[2:])
		}
	}
	return nil, false, fmt.Errorf("%w: dovecot: no answer among %d lines", ErrTemporary, dovecotLines)
}

// first makes the AUTH line. The initial response stands last, as the protocol asks.
func (e *dovecotExchange) first(response []byte) string {
	f := []string{"AUTH", "1", e.mech, "service=" + e.s.Service}
	if e.s.TLS != nil {
		f = append(f, "secured=tls")
	}
	if e.s.Local.IsValid() {
		f = append(f, "lip="+e.s.Local.Addr().String(), fmt.Sprintf("lport=%d", e.s.Local.Port()))
	}
	if e.s.Remote.IsValid() {
		f = append(f, "rip="+e.s.Remote.Addr().String(), fmt.Sprintf("rport=%d", e.s.Remote.Port()))
	}
	if response != nil {
		f = append(f, "resp="+base64.StdEncoding.EncodeToString(response))
	}
	return strings.Join(f, "\t") + "\n"
}

// ok takes a success. Where it comes with data the client has to see it before the end.
func (e *dovecotExchange) ok(params []string) (challenge []byte, done bool, err error) {
	for _, p := range params {
		if data, found := strings.CutPrefix(p, "resp="); found && data != "" {
			b, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				return nil, false, fmt.Errorf("%w: dovecot: %w", ErrTemporary, err)
			}
			e.held = &params
			return b, false, nil
		}
	}
	return nil, true, e.accept(params)
}

func (e *dovecotExchange) accept(params []string) error {
	var user, original string
	for _, p := range params {
		if v, found := strings.CutPrefix(p, "user="); found {
			user = v
		}
		if v, found := strings.CutPrefix(p, "original_user="); found {
			original = v
		}
	}
	if user == "" {
		return fmt.Errorf("%w: dovecot: OK without a user", ErrTemporary)
	}
	if original == "" {
		original = user
	}
	e.id = identity(original, user)
	return nil
}

func refusal(params []string) error {
	for _, p := range params {
		if p == "temp" || p == "code=temp_fail" {
			return fmt.Errorf("%w: dovecot: temporary failure", ErrTemporary)
		}
		if p == "authz" {
			return ErrAuthorize
		}
	}
	return ErrCredentials
}
