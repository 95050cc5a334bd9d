package drac

import (
	"context"
	"errors"
	"fmt"
	"net"

	"gosendmail/internal/guard"
)

// ListenAndServe answers UDP and TCP callers at addr, on the same port, and tells the portmapper at portmapper ("-":
// none) where that is. It returns nil when the context ends.
func (s *Server) ListenAndServe(ctx context.Context, addr, portmapper string) error {
	l, conn, err := listen(addr)
	if err != nil {
		return fmt.Errorf("drac: listen: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	s.log("serving program %d at %s", programDRAC, l.Addr())
	if portmapper != "-" {
		p := Portmapper{portmapper}
		if err := p.Register(ctx, port, port); err != nil {
			l.Close()
			conn.Close()
			return err
		}
		// The service's own context has ended by then; the portmapper still has to be told.
		defer p.Unregister(context.WithoutCancel(ctx))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	udp := guard.Start("RPC service", func() error { defer stop(); return s.ServeUDP(ctx, conn) })
	tcp := guard.Start("RPC service", func() error { defer stop(); return s.ServeTCP(ctx, l) })
	return errors.Join(<-udp, <-tcp)
}

// listenTries is how often another free port is taken because somebody has its UDP half.
const listenTries = 10

func listen(addr string) (l net.Listener, conn *net.UDPConn, err error) {
	for range listenTries {
		if l, err = net.Listen("tcp", addr); err != nil {
			return nil, nil, err
		}
		at := l.Addr().(*net.TCPAddr)
		if conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port, Zone: at.Zone}); err == nil {
			return l, conn, nil
		}
		l.Close()
	}
	return nil, nil, err
}
