package mta

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/smtpd"
)

// crowdListener hands out connections that come over a channel.
type crowdListener struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *crowdListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *crowdListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// connect is a connection from an address; nil where the listener has closed.
func (l *crowdListener) connect(from string) net.Conn {
	client, server := net.Pipe()
	select {
	case l.conns <- fromAddress{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from + ":1000"))}:
		return client
	case <-l.closed:
		return nil
	}
}

type fromAddress struct {
	net.Conn
	addr net.Addr
}

func (f fromAddress) LocalAddr() net.Addr  { return f.addr }
func (f fromAddress) RemoteAddr() net.Addr { return f.addr }

// silent says nothing.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// guessing names wrong recipients for ever.
func guessing(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	line := "EHLO client.test\r\n"
	for i := 0; ; {
		conn.SetDeadline(time.Now().Add(time.Minute))
		reply, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if len(reply) > 3 && reply[3] == '-' {
			continue
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
		if i++; i == 1 {
			line = "MAIL FROM:<a@other.test>\r\n"
		} else {
			line = fmt.Sprintf("RCPT TO:<nobody%d@mail.test>\r\n", i)
		}
	}
}

// TestCostlyClientsKeepNobodyOut has clients connect again and again who say nothing, or guess recipients and are made
// to wait for it, more of them than there are places, from one address or from many. Another client has its greeting
// soon.
func TestCostlyClientsKeepNobodyOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		from   func(i int) string
		within time.Duration
		does   func(net.Conn)
	}{
		// more than ten at a time are refused
		{"one address", func(int) string { return "192.0.2.1" }, time.Second, silent},
		{"many addresses", func(i int) string { return fmt.Sprintf("192.0.2.%d", 1+i) }, 45 * time.Second, silent},
		{"guesses", func(i int) string { return fmt.Sprintf("192.0.2.%d", 1+i) }, 45 * time.Second, guessing},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := "MaxDaemonChildren=20\nO ClientConnectionCountLimit=10\nO BadRcptThrottle=3"
				s := testServerOf(t, "false", withOption(options), nil)
				dm := &Daemon{Name: "MTA"}
				session := func(_ context.Context, conn smtpd.Conn) (smtpd.Session, error) {
					return s.NewSession(dm, AddrPort(conn.Local), AddrPort(conn.Remote)), nil
				}
				server := smtpd.New(smtpd.Config{HostName: "mail.test", NewSession: session})
				l := &crowdListener{conns: make(chan net.Conn), closed: make(chan struct{})}
				var all sync.WaitGroup
				all.Go(func() { server.Serve(context.Background(), NewGate(s, dm, l, server)) })
				for i := range 60 {
					all.Go(func() {
						for conn := l.connect(c.from(i)); conn != nil; conn = l.connect(c.from(i)) {
							c.does(conn)
							time.Sleep(100 * time.Millisecond)
						}
					})
				}
				time.Sleep(time.Second) // they are there
				begun := time.Now()
				conn := l.connect("198.51.100.1")
				greeting, err := bufio.NewReader(conn).ReadString('\n')
				if took := time.Since(begun); err != nil || !strings.HasPrefix(greeting, "220 ") || took > c.within {
					t.Errorf("after %v: %q %v", took, greeting, err)
				}
				conn.Close()
				l.Close()
				server.Shutdown(context.Background())
				all.Wait()
			})
		})
	}
}
