package drac

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gosendmail/internal/guard"
)

const (
	maxDatagram = 1024            // bytes; the largest call of the program has 104 and two credentials
	tcpIdle     = 2 * time.Minute // a TCP caller that says nothing for so long is put out
	maxCallers  = 64              // TCP connections at a time
)

// Server is the RPC service that POP servers call.
type Server struct {
	Table *Table
	Allow *Allow // who may add; nil: this host alone
	// Log is told of additions, refusals and failures, one line each; nil: nothing is told.
	Log func(format string, args ...any)
}

func (s *Server) log(format string, args ...any) {
	if s.Log != nil {
		s.Log(format, args...)
	}
}

// guard reports what panicked.
func (s *Server) guard() guard.Report {
	return func(p *guard.Panic) { s.log("%v", p) }
}

// answer returns the reply to one message from a caller; nil means none. A call that panics gets none.
func (s *Server) answer(from netip.Addr, msg []byte) (reply []byte) {
	s.guard().Run("RPC call from "+from.String(), func() { reply = s.reply(from, msg) })
	return reply
}

func (s *Server) reply(from netip.Addr, msg []byte) []byte {
	c, refusal, ok := parseCall(msg)
	switch {
	case !ok:
		return refusal
	case c.program != programDRAC:
		return c.accepted(acceptProgUnavail)
	case c.version < versionIPv4 || c.version > versionIPv6:
		return c.accepted(acceptProgMismatch, versionIPv4, versionIPv6)
	case c.procedure == procNull:
		return c.accepted(acceptSuccess)
	case c.procedure != procAdd:
		return c.accepted(acceptProcUnavail)
	}
	addr, err := address(c.version, c.args)
	if err != nil {
		return c.accepted(acceptGarbageArgs)
	}
	return c.accepted(acceptSuccess, s.add(from, addr))
}

// address reads the argument of procedure 1. Version 1 has one word, the address in network order; version 2 has an IPv6 address,
// each byte in a word of its own, with IPv4 addresses mapped.
func address(version uint32, args []byte) (netip.Addr, error) {
	if version == versionIPv4 {
		if len(args) != 4 {
			return netip.Addr{}, errShort
		}
		return netip.AddrFrom4([4]byte(args)), nil
	}
	r := reader{args}
	var b [addressWords]byte
	for i := range b {
		w, err := r.uint32()
		if err != nil {
			return netip.Addr{}, err
		}
		b[i] = byte(w) // a char's sign fills the rest of the word
	}
	if len(r.b) > 0 {
		return netip.Addr{}, errors.New("too many arguments")
	}
	return netip.AddrFrom16(b).Unmap(), nil
}

func (s *Server) add(from, addr netip.Addr) uint32 {
	from = from.Unmap()
	switch {
	case !s.Allow.has(from):
		s.log("%s may not add: refused %s", from, addr)
		return statusPerm
	case addr.IsUnspecified() || addr.IsMulticast():
		s.log("%s gave %s, which no client has", from, addr)
		return statusStrange
	}
	if err := s.Table.Add(addr); err != nil {
		s.log("%v", err)
		return statusSystem
	}
	s.log("%s may relay until %s (told by %s)", addr, s.Table.now().Add(s.Table.Limit).Format(time.DateTime), from)
	return statusSuccess
}

// ServeUDP answers datagrams until the context ends or the socket fails.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer context.AfterFunc(ctx, s.guard().Func("RPC service", func() { conn.Close() }))()
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return ended(ctx, err)
		}
		if reply := s.answer(from.Addr(), buf[:n]); reply != nil {
			if _, err := conn.WriteToUDPAddrPort(reply, from); err != nil {
				s.log("answer %s: %v", from, err)
			}
		}
	}
}

// ServeTCP answers connections until the context ends or the socket fails, and waits for their ends.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener) error {
	var callers sync.WaitGroup
	defer callers.Wait()
	defer context.AfterFunc(ctx, s.guard().Func("RPC service", func() { l.Close() }))()
	places := make(chan struct{}, maxCallers)
	for {
		conn, err := l.Accept()
		if err != nil {
			return ended(ctx, err)
		}
		places <- struct{}{}
		callers.Go(s.guard().Func("RPC connection", func() {
			defer func() { <-places }()
			defer conn.Close()
			defer context.AfterFunc(ctx, s.guard().Func("RPC connection", func() { conn.Close() }))()
			if err := s.serveConn(conn); err != nil && ctx.Err() == nil {
				s.log("%s: %v", conn.RemoteAddr(), err)
			}
		}))
	}
}

// serveConn answers the records of one connection (record marking, RFC 5531 section 11).
func (s *Server) serveConn(conn net.Conn) error {
	from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for {
		if err := conn.SetDeadline(time.Now().Add(tcpIdle)); err != nil {
			return err
		}
		msg, err := readRecord(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if reply := s.answer(from.Addr(), msg); reply != nil {
			if _, err := conn.Write(record(reply)); err != nil {
				return err
			}
		}
	}
}

const lastFragment = 1 << 31

// readRecord joins the fragments of one record.
func readRecord(in io.Reader) ([]byte, error) {
	var msg []byte
	for {
		var mark [4]byte
		if _, err := io.ReadFull(in, mark[:]); err != nil {
			return nil, err
		}
		m := binary.BigEndian.Uint32(mark[:])
		n := int(m &^ lastFragment)
		if len(msg)+n > maxDatagram {
			return nil, fmt.Errorf("a call of more than %d bytes", maxDatagram)
		}
		part := make([]byte, n)
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, fmt.Errorf("fragment: %w", err)
		}
		msg = append(msg, part...)
		if m&lastFragment != 0 {
			return msg, nil
		}
		if n == 0 {
			return nil, errors.New("an empty fragment that is not the last")
		}
	}
}

// record puts a message into one fragment.
func record(msg []byte) []byte { return append(words(lastFragment|uint32(len(msg))), msg...) }

// ended tells a wanted end from a failure.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("drac: serve: %w", err)
}
