package mailers

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects to one address as ClientPortOptions say.
func (t *Table) dial(ctx context.Context, job *Job, addr netip.Addr, port uint16) (net.Conn, error) {
	limit := t.cfg.Timeouts.Connect
	if job.Envelope.Tries == 0 && t.cfg.Timeouts.InitialConnect > 0 {
		limit = t.cfg.Timeouts.InitialConnect
	}
	d := net.Dialer{Timeout: limit, KeepAlive: -1}
	if t.cfg.ConnectOnlyTo.IsValid() {
		addr = t.cfg.ConnectOnlyTo
	}
	client := t.clientPort(addr)
	d.Control = func(_, _ string, raw syscall.RawConn) error { return setBuffers(raw, client) }
	local := net.TCPAddr{IP: client.Addr.AsSlice(), Port: int(client.Port)}
	to := netip.AddrPortFrom(addr, port).String()
	if job.Mailer.Flags.Has('R') && client.Port == 0 {
		return dialReserved(ctx, d, local, to)
	}
	if local.IP != nil || local.Port != 0 {
		d.LocalAddr = &local
	}
	conn, err := d.DialContext(ctx, "tcp", to)
	if err == nil || !job.Mailer.Flags.Has('Z') || t.cfg.DialDelay <= 0 || job.Envelope.Tries > 0 {
		return conn, err
	}
	select {
	case <-ctx.Done():
		return nil, err
	case <-time.After(t.cfg.DialDelay):
	}
	return d.DialContext(ctx, "tcp", to)
}

// clientPort is the ClientPortOptions line for the family of addr.
func (t *Table) clientPort(addr netip.Addr) ClientPort {
	for _, c := range t.cfg.ClientPorts {
		if c.IPv6 == (addr.Is6() && !addr.Is4In6()) {
			return c
		}
	}
	return ClientPort{}
}

func setBuffers(raw syscall.RawConn, c ClientPort) error {
	var err error
	raw.Control(func(fd uintptr) {
		if c.SendBuffer > 0 {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, c.SendBuffer)
		}
		if c.RecvBuffer > 0 && err == nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, c.RecvBuffer)
		}
	})
	return err
}

// dialReserved connects from a port below 1024 (F=R), as rresvport(3) chooses it.
func dialReserved(ctx context.Context, d net.Dialer, local net.TCPAddr, to string) (net.Conn, error) {
	var err error
	for local.Port = 1023; local.Port >= 512; local.Port-- {
		at := local
		d.LocalAddr = &at
		var conn net.Conn
		if conn, err = d.DialContext(ctx, "tcp", to); err == nil {
			return conn, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			break
		}
	}
	return nil, err
}

// portNumber reads a port or a service name; "" is smtp.
func portNumber(ctx context.Context, s string) (uint16, error) {
	if s == "" {
		return 25, nil
	}
	if n, err := strconv.ParseUint(s, 10, 16); err == nil {
		return uint16(n), nil
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", s)
	return uint16(n), err
}
