package mta

import (
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/maillog"
)

// Gate is a listener that lets clients in as RefuseLA, DelayLA, ConnectionRateThrottle and MaxDaemonChildren allow.
// Clients that are not let in yet wait in the kernel's queue, as with the original.
type Gate struct {
	net.Listener
	srv      *Server
	daemon   *Daemon
	children chan struct{} // nil: no limit
	sessions Crowd

	second int64 // of the connections counted
	count  int
	told   time.Time
}

// Crowd are the sessions of a daemon. MakeRoom ends one that takes long and leads to nothing; it is false where there
// is none.
type Crowd interface{ MakeRoom() bool }

// NewGate puts a gate in front of a daemon's socket.
func NewGate(s *Server, d *Daemon, l net.Listener, sessions Crowd) *Gate {
	g := &Gate{Listener: l, srv: s, daemon: d, sessions: sessions}
	limit := d.Children
	if limit == 0 {
		limit = s.site.options.MaxDaemonChildren
	}
	if most := descriptors() / 4; most > 0 && (limit <= 0 || limit > most) {
		limit = most // deliveries, maps and the log need some, too
	}
	if limit > 0 {
		g.children = make(chan struct{}, limit)
	}
	return g
}

// descriptors is how many files and sockets this process may have open; 0 where the system does not tell.
func descriptors() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(min(l.Cur, 1<<30))
}

// Accept waits until a client may come in.
func (g *Gate) Accept() (net.Conn, error) {
	g.waitForLoad()
	if g.children != nil {
		select {
		case g.children <- struct{}{}:
		default:
			g.tell("rejecting connections on daemon %s: %d children, max %d", g.daemon.Name, cap(g.children), cap(g.children))
			g.waitForPlace()
		}
	}
	c, err := g.Listener.Accept()
	if err != nil {
		g.leave()
		return nil, err
	}
	g.throttle()
	if g.children == nil {
		return c, nil
	}
	return &guest{Conn: c, leave: sync.OnceFunc(g.leave)}, nil
}

// roomInterval is how often room is made while nobody leaves.
const roomInterval = time.Second

// waitForPlace waits until a session ends. Those that take long and lead to nothing are ended for it, so that clients
// who come to say nothing keep nobody out.
func (g *Gate) waitForPlace() {
	for {
		g.sessions.MakeRoom()
		timer := time.NewTimer(roomInterval)
		select {
		case g.children <- struct{}{}:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (g *Gate) leave() {
	if g.children != nil {
		<-g.children
	}
}

// waitForLoad obeys RefuseLA: nobody is let in while the load is that high.
func (g *Gate) waitForLoad() {
	limit := g.daemon.RefuseLA
	if limit == 0 {
		limit = g.srv.site.options.RefuseLA
	}
	for limit > 0 && g.srv.runs.Err() == nil {
		la := g.srv.load()
		if la < limit {
			return
		}
		g.tell("rejecting connections on daemon %s: load average: %d", g.daemon.Name, la)
		g.pause(time.Second)
	}
}

// throttle obeys ConnectionRateThrottle and DelayLA.
func (g *Gate) throttle() {
	now := g.srv.now()
	if limit := g.srv.site.options.ConnectionRateThrottle; limit > 0 {
		if now.Unix() != g.second {
			g.second, g.count = now.Unix(), 0
		}
		if g.count++; g.count > limit {
			g.tell("deferring connections on daemon %s: %d per second", g.daemon.Name, limit)
			g.pause(time.Unix(g.second+1, 0).Sub(now))
		}
	}
	limit := g.daemon.DelayLA
	if limit == 0 {
		limit = g.srv.site.options.DelayLA
	}
	if limit > 0 && g.srv.load() >= limit {
		g.tell("delaying connections on daemon %s: load average: %d >= %d", g.daemon.Name, g.srv.load(), limit)
		g.pause(time.Second)
	}
}

func (g *Gate) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.srv.runs.Done():
	}
}

// tell logs why clients wait, at the beginning and then once in each RejectLogInterval.
func (g *Gate) tell(format string, args ...any) {
	if now := g.srv.now(); now.Sub(g.told) > g.srv.site.options.RejectLogInterval {
		g.told = now
		g.srv.Log.Logf(maillog.LevelRefused, maillog.Info, "", format, args...)
	}
}

// guest is a connection that counts against MaxDaemonChildren.
type guest struct {
	net.Conn
	leave func()
}

// Close makes room for the next client.
func (c *guest) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
