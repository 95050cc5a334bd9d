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
	maxDatagram = 1024             // bytes; the largest call of the program has 104 and two credentials
	tcpIdle     = 30 * time.Second // a TCP caller that has not sent a whole call for so long is put out
	maxCallers  = 64               // TCP connections at a time
	maxOfHost   = 16               // of them from one host
	// Hosts that may not add are told so, in places of their own: they take none from the others.
	maxStrangers  = 8
	strangersTime = 5 * time.Second
)

// Server is the RPC service that POP servers call.
type Server struct {
	Table *Table
	Allow *Allow // who may add; nil: this host alone
	// Log is told of additions, refusals and failures, one line each; nil: nothing is told. Of what strangers cause it
	// is told a few times a minute.
	Log func(format string, args ...any)

	committer committer
	house     house
	strange   limiter // of Log
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

// logStrange is log for what anybody may cause as often as he likes.
func (s *Server) logStrange(format string, args ...any) {
	allowed, missed := s.strange.take(s.Table.now())
	if missed > 0 {
		s.log("%d lines like the following were left out", missed)
	}
	if allowed {
		s.log(format, args...)
	}
}

// allowed reports whether a host may add: without a list the loopback and this host's own addresses.
func (s *Server) allowed(host netip.Addr) bool {
	host = host.Unmap()
	if s.Allow == nil {
		return s.house.has(host, s.Table.now())
	}
	return s.Allow.has(host)
}

// answer returns the reply to one message from a caller; nil means none.
func (s *Server) answer(from netip.Addr, msg []byte) (reply []byte) {
	s.guard().Run("RPC call from "+from.String(), func() { reply = s.reply(from, msg) })
	return reply
}

func (s *Server) reply(from netip.Addr, msg []byte) []byte {
	c, refusal, ok := parseCall(msg)
	if ok && c.program == programDRAC && c.procedure == procAdd && !s.allowed(from) {
		s.logStrange("%s may not add: refused", from.Unmap())
		return c.accepted(acceptSuccess, statusPerm)
	}
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

// address reads the argument of procedure 1. Version 1 has one word, the address in network order; version 2 has an
// IPv6 address, each byte in a word of its own, with IPv4 addresses mapped.
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
	if addr.IsUnspecified() || addr.IsMulticast() {
		s.logStrange("%s gave %s, which no client has", from, addr)
		return statusStrange
	}
	fresh, err := s.committer.add(s.Table, addr)
	if err != nil {
		s.logStrange("%v", err)
		return statusSystem
	}
	if fresh {
		s.log("%s may relay until %s (told by %s)", addr, s.Table.now().Add(s.Table.Limit).Format(time.DateTime), from)
	}
	return statusSuccess
}

// datagrams is how many calls by UDP are worked on at a time; others wait in the system's queue.
const datagrams = 32

// ServeUDP answers datagrams until the context ends or the socket fails.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer context.AfterFunc(ctx, s.guard().Func("RPC service", func() { conn.Close() }))()
	var workers sync.WaitGroup
	defer workers.Wait()
	places := make(chan struct{}, datagrams)
	for {
		buf := make([]byte, maxDatagram)
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return ended(ctx, err)
		}
		places <- struct{}{}
		workers.Go(s.guard().Func("RPC service", func() {
			defer func() { <-places }()
			s.answerDatagram(conn, from, buf[:n])
		}))
	}
}

func (s *Server) answerDatagram(conn *net.UDPConn, from netip.AddrPort, msg []byte) {
	reply := s.answer(from.Addr(), msg)
	if reply == nil {
		return
	}
	if _, err := conn.WriteToUDPAddrPort(reply, from); err != nil && !errors.Is(err, net.ErrClosed) {
		s.logStrange("answer %s: %v", from, err)
	}
}

// ServeTCP answers connections until the context ends or the socket fails, and waits for their ends.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener) error {
	var callers sync.WaitGroup
	defer callers.Wait()
	defer context.AfterFunc(ctx, s.guard().Func("RPC service", func() { l.Close() }))()
	var g guests
	for {
		conn, err := l.Accept()
		if err != nil {
			return ended(ctx, err)
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err != nil {
			conn.Close()
			continue
		}
		leave, ok := g.enter(from.Addr().Unmap(), s.allowed(from.Addr()))
		if !ok {
			s.logStrange("%s: too many connections", from.Addr())
			conn.Close()
			continue
		}
		callers.Go(s.guard().Func("RPC connection", func() {
			defer leave()
			defer conn.Close()
			defer context.AfterFunc(ctx, s.guard().Func("RPC connection", func() { conn.Close() }))()
			if err := s.serveConn(conn, from); err != nil && ctx.Err() == nil {
				s.logStrange("%s: %v", conn.RemoteAddr(), err)
			}
		}))
	}
}

// serveConn answers the records of one connection (record marking, RFC 5531 section 11).
func (s *Server) serveConn(conn net.Conn, from netip.AddrPort) error {
	idle, calls := tcpIdle, -1
	if !s.allowed(from.Addr()) {
		idle, calls = strangersTime, 1
	}
	in := bufio.NewReader(conn)
	for ; calls != 0; calls-- {
		if err := conn.SetDeadline(time.Now().Add(idle)); err != nil {
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
	return nil
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
