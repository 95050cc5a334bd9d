package drac

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"gosendmail/internal/guard"
)

// callTimeout is how long a caller waits for one answer; a datagram is sent callTries times.
const (
	callTimeout = 2 * time.Second
	callTries   = 3
)

// Portmapper is where programs find each other's ports, 127.0.0.1:111 as a rule.
type Portmapper struct{ Addr string }

// Register tells the portmapper the ports of the service, for both versions. What an earlier daemon left there is taken
// out first.
func (p Portmapper) Register(ctx context.Context, udpPort, tcpPort int) error {
	p.Unregister(ctx)
	for _, version := range []uint32{versionIPv4, versionIPv6} {
		for _, to := range []struct {
			proto uint32
			port  int
		}{{protoUDP, udpPort}, {protoTCP, tcpPort}} {
			if to.port == 0 {
				continue
			}
			result, err := p.call(ctx, portmapSet, programDRAC, version, to.proto, uint32(to.port))
			if err != nil {
				return fmt.Errorf("drac: register with the portmapper at %s: %w", p.Addr, err)
			}
			if result != 1 {
				return fmt.Errorf("drac: register with the portmapper at %s: it refuses program %d", p.Addr, programDRAC)
			}
		}
	}
	return nil
}

// Unregister takes the service out of the portmapper; one that is not there says nothing of it.
func (p Portmapper) Unregister(ctx context.Context) {
	for _, version := range []uint32{versionIPv4, versionIPv6} {
		p.call(ctx, portmapUnset, programDRAC, version, 0, 0)
	}
}

func (p Portmapper) call(ctx context.Context, procedure uint32, args ...uint32) (uint32, error) {
	b, err := exchange(ctx, p.Addr, call{program: programPortmap, version: 2, procedure: procedure, args: words(args...)})
	if err != nil {
		return 0, err
	}
	r := reader{b}
	return r.uint32()
}

// RemoteAdd asks the DRAC service of a host to let an address relay, as a POP server does: the port comes from the
// host's portmapper unless host has one ("host:port").
func RemoteAdd(ctx context.Context, host string, addr netip.Addr) error {
	target := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		port, err := Portmapper{net.JoinHostPort(host, "111")}.call(ctx, portmapGetPort, programDRAC, versionIPv4, protoUDP, 0)
		if err != nil {
			return fmt.Errorf("drac: ask the portmapper of %s: %w", host, err)
		}
		if port == 0 || port > 65535 {
			return fmt.Errorf("drac: %s serves no DRAC", host)
		}
		target = net.JoinHostPort(host, fmt.Sprint(port))
	}
	addr = addr.Unmap()
	c := call{program: programDRAC, version: versionIPv4, procedure: procAdd}
	if addr.Is4() {
		b := addr.As4()
		c.args = b[:]
	} else {
		c.version = versionIPv6
		for _, x := range addr.As16() {
			c.args = append(c.args, words(uint32(int32(int8(x))))...)
		}
	}
	b, err := exchange(ctx, target, c)
	if err != nil {
		return fmt.Errorf("drac: add %s at %s: %w", addr, host, err)
	}
	r := reader{b}
	switch status, err := r.uint32(); {
	case err != nil:
		return fmt.Errorf("drac: add %s at %s: %w", addr, host, err)
	case status == statusPerm:
		return fmt.Errorf("drac: add %s at %s: permission denied", addr, host)
	case status != statusSuccess:
		return fmt.Errorf("drac: add %s at %s: it answers with status %d", addr, host, status)
	}
	return nil
}

// exchange sends a call in a datagram until its answer comes.
func exchange(ctx context.Context, addr string, c call) ([]byte, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, guard.From(ctx).Func("RPC call", func() { conn.Close() }))()
	c.xid = rand.Uint32()
	buf := make([]byte, maxDatagram)
	for range callTries {
		if _, err = conn.Write(c.encode()); err != nil {
			continue
		}
		if err = conn.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
			return nil, err
		}
		for {
			var n int
			if n, err = conn.Read(buf); err != nil {
				break
			}
			if r := (reader{buf[:n]}); answers(&r, c.xid) {
				return c.parseReply(buf[:n])
			}
		}
	}
	return nil, err
}

// answers reports whether a message has the number of a call: one of an earlier call may still come.
func answers(r *reader, xid uint32) bool {
	got, err := r.uint32()
	return err == nil && got == xid
}
