package mailers

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// maxTried is how many connections one attempt tries: an answer with many hosts of many addresses must not make us call
// them all. (The original takes 100 hosts, and of each any number of addresses until one answers.)
const maxTried = 100

// overSocket delivers by SMTP or LMTP over TCP or a Unix socket.
func (t *Table) overSocket(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	a := &attempt{t: t, job: job, rcpts: rcpts, report: report}
	job.Peer = nil
	argv, err := expandArgs(job, job.Mailer.Argv)
	switch {
	case err != nil:
		a.failed = configError(err.Error())
	case argv[0] == "FILE":
		if a.unixSocket(ctx, argv[1]) {
			return
		}
	default:
		port := ""
		if len(argv) > 2 {
			port = argv[2]
		}
		if a.network(ctx, argv[1], port) {
			return
		}
	}
	a.rest()
}

// Fault is a mistake in the configuration of this host or of the DNS about it: SYSERR in the log, and a line of
// reports.
type Fault struct {
	Codes string // that the line begins with, "553 5.3.5"
	Text  string
}

// Error returns the text.
func (f *Fault) Error() string { return f.Text }

// configError is a mistake of ours.
func configError(text string) status.Status { return fault("554 5.0.0", text) }

func fault(codes, text string) status.Status {
	st := status.FromExit(status.Config)
	st.Err = &Fault{codes, text}
	return st
}

// network tries the hosts of list; true means that all recipients were reported.
func (a *attempt) network(ctx context.Context, list, port string) bool {
	number, err := portNumber(ctx, port)
	if err != nil {
		a.failed = configError("Service " + port + " unknown")
		return false
	}
	targets, none := a.t.targets(ctx, a.job, list)
	limited, cancel := ctx, context.CancelFunc(func() {})
	if d := a.t.cfg.Timeouts.AllConnects; d > 0 {
		limited, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	for _, to := range targets {
		if a.tried >= maxTried {
			break
		}
		dialing := limited
		if to.fallback {
			dialing = ctx
		}
		if a.host(ctx, dialing, to, number) {
			return true
		}
	}
	if a.failed == nil {
		a.failed = none
	}
	return a.smartHost(ctx, number)
}

// smartHost is the last resort when nobody was reached (FallbackSmartHost), unless that is for a name server to mend,
// or for us. One that is this host, or not there, is none.
func (a *attempt) smartHost(ctx context.Context, port uint16) bool {
	name := a.t.cfg.FallbackSmartHost
	if _, literal := bracketed(name); name == "" || !literal && a.t.own(name) || a.job.Mailer.Flags.Has('0') || a.reached || refusesMail(a.failed) || isFault(a.failed) ||
		a.failed != nil && status.As(a.failed).Enhanced == (status.Enhanced{4, 4, 3}) {
		return false
	}
	asked := name
	if isAddress(name) {
		asked = "[" + name + "]"
	}
	targets, err := a.t.targets(ctx, a.job, asked)
	if err != nil {
		a.fail(err)
	}
	for _, to := range targets {
		to.fallback = true
		if strings.Trim(to.host(), "[]") == strings.Trim(name, "[]") {
			to.name = name // as the original's log has it
		}
		if a.host(ctx, ctx, to, port) {
			return true
		}
	}
	return false
}

// host tries the addresses of one host.
func (a *attempt) host(ctx, dialing context.Context, to target, port uint16) bool {
	a.next()
	hosts := a.t.cfg.Hosts
	if hosts != nil && !a.job.Mailer.Flags.Has('W') {
		if err := hosts.Down(ctx, to.host()); err != nil {
			a.fail(err)
			return false
		}
	}
	answer, err := a.t.addresses(ctx, to)
	if err != nil && to.fallback && status.As(err).Permanent() {
		return false // a fallback that is not there
	}
	if err != nil {
		a.job.Peer = &Peer{Name: to.asked}
		a.tried++
		a.fail(err)
		return false
	}
	set := func(error) {}
	if hosts != nil {
		var release func()
		if set, release, err = hosts.Hold(to.host()); err != nil {
			a.fail(err)
			return false
		}
		defer release()
	}
	var last error
	to.secure = to.secure && answer.Secure
	for _, addr := range answer.Addrs {
		if a.tried >= maxTried {
			break
		}
		peer := Peer{Name: to.name, Addr: addr.Unmap(), Port: port, Domain: to.domain, Canonical: answer.Name, Secure: to.secure}
		done, err := a.address(ctx, dialing, peer)
		if done || errors.Is(err, errPutOff) {
			set(nil)
			return done
		}
		a.fail(err)
		last = err
		// One that answered speaks for the host: its other addresses are not asked.
		if lost := new(lostError); !errors.As(err, &lost) || lost.doing != connecting {
			break
		}
	}
	if last != nil {
		set(status.As(a.failed))
	}
	return false
}

// address tries one address, first over a connection that is open already. That one may have died unnoticed: then a new
// one is made.
func (a *attempt) address(ctx, dialing context.Context, peer Peer) (bool, error) {
	key := a.job.Mailer.Name + " " + netip.AddrPortFrom(peer.Addr, peer.Port).String()
	if a.t.cfg.DANE && peer.Secure {
		key += " " + peer.Name + " for " + peer.Domain // what was proven of a connection holds for these names
	}
	if a.job.Mailer.Flags.Has('z') {
		key += " lmtp"
	}
	for s := a.idle(ctx, key); s != nil; s = a.idle(ctx, key) {
		s.peer.Cached, s.peer.Name = true, peer.Name
		if a.job.Reusing != nil {
			protocol := "SMTP"
			if len(s.caps) > 0 {
				protocol = "ESMTP"
			}
			a.job.Reusing(protocol, peer.Name)
		}
		if done, err := a.use(ctx, s); done || errors.Is(err, errPutOff) {
			return done, err
		}
	}
	a.job.Peer = &Peer{Name: peer.Name, Addr: peer.Addr}
	a.tried++
	if a.job.Connecting != nil {
		a.job.Connecting(peer.Name)
	}
	conn, err := a.t.dial(dialing, a.job, peer.Addr, peer.Port)
	if err != nil {
		return false, &lostError{doing: connecting, peer: peer.Name, err: err}
	}
	a.reached = true
	conn = a.connected(conn)
	s := newSession(conn, peer, a.t.cfg.Timeouts, a.t.cfg.Now)
	s.key = key
	err = a.open(ctx, s)
	if errors.Is(err, errClear) && !a.clear {
		a.clear = true
		defer func() { a.clear = false }()
		return a.address(ctx, dialing, peer)
	}
	if err != nil {
		return false, err
	}
	return a.use(ctx, s)
}

// idle takes a session from the cache. Those that may not carry this job, since they are logged in for another sender,
// stay there.
func (a *attempt) idle(ctx context.Context, key string) *session {
	var others []*session
	defer func() {
		for _, s := range others {
			a.t.cache.keep(s)
		}
	}()
	for s := a.t.cache.get(key); s != nil; s = a.t.cache.get(key) {
		if s.security == nil || s.security.Again(ctx, a.job) {
			return s
		}
		others = append(others, s)
	}
	return nil
}

// connected tells of a new connection and lets its traffic be noted.
func (a *attempt) connected(conn net.Conn) net.Conn {
	if f := a.t.cfg.Connected; f != nil {
		f()
	}
	if f := a.t.cfg.Traffic; f != nil {
		return f(conn)
	}
	return conn
}

// unixSocket delivers over a socket in the file system.
func (a *attempt) unixSocket(ctx context.Context, path string) bool {
	key := a.job.Mailer.Name + " " + path
	for s := a.idle(ctx, key); s != nil; s = a.idle(ctx, key) {
		s.peer.Cached = true
		if done, err := a.use(ctx, s); done || errors.Is(err, errPutOff) {
			return done
		}
	}
	var d net.Dialer
	d.Timeout = a.t.cfg.Timeouts.Connect
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		a.fail(&lostError{doing: connecting, peer: path, err: err})
		return false
	}
	conn = a.connected(conn)
	s := newSession(conn, Peer{Name: path}, a.t.cfg.Timeouts, a.t.cfg.Now)
	s.key = key
	if err := a.open(ctx, s); err != nil {
		a.fail(err)
		return false
	}
	done, err := a.use(ctx, s)
	if !done && !errors.Is(err, errPutOff) {
		a.fail(err)
	}
	return done
}

// open brings a new connection to the point where MAIL may follow; otherwise it is closed.
func (a *attempt) open(ctx context.Context, s *session) error {
	s.lmtp = a.job.Mailer.Flags.Has('z')
	a.attach(ctx, s)
	if f := a.t.cfg.Security; f != nil && s.peer.Addr.IsValid() {
		s.security = f(a.job, s.peer)
	}
	name := a.helloName(s)
	var err error
	if a.job.Mailer.implicitTLS() {
		err = a.implicitTLS(ctx, s)
	}
	if err == nil {
		err = s.greet(a.job.Mailer, name, a.loops)
	}
	if err == nil {
		err = a.secure(ctx, s, name)
	}
	if err == nil {
		err = a.authenticate(ctx, s)
	}
	var lost *lostError
	switch {
	case err == nil:
	case errors.As(err, &lost):
		s.close()
	default:
		s.quit()
	}
	return err
}

func (a *attempt) attach(ctx context.Context, s *session) {
	s.exchange, s.farewell = a.job.Exchange, a.job.Farewell
	s.watch(ctx)
}

// loops reports whether a peer's name is ours: it answers with the name that we would say.
func (a *attempt) loops(name string) bool {
	return strings.EqualFold(strings.TrimSuffix(name, "."), a.t.cfg.Hostname)
}

// helloName is what EHLO says.
func (a *attempt) helloName(s *session) string {
	name := a.t.cfg.HeloName
	if name == "" {
		name = a.t.cfg.Hostname
	}
	conn, ok := s.transport.(net.Conn)
	if !ok || !s.peer.Addr.IsValid() || !a.t.clientPort(s.peer.Addr).HeloByName || a.t.cfg.InterfaceName == nil {
		return name
	}
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return name
	}
	// Modifier h of ClientPortOptions: only a name with a dot will do.
	if n := a.t.cfg.InterfaceName(local.Addr().Unmap()); strings.Contains(n, ".") && n[0] != '[' {
		return n
	}
	return name
}

// use runs the transaction on s. done means that all recipients were reported; errPutOff that the peer answered for all
// who wait, and another may do better; any other error that it did not answer, and s is closed.
func (a *attempt) use(ctx context.Context, s *session) (done bool, err error) {
	a.attach(ctx, s)
	peer := s.peer
	a.job.Peer = &peer
	tr := &transaction{s: s, job: a.job, rcpts: a.rcpts, answer: a.answer, done: a.done, cfg: &a.t.cfg}
	err = tr.run()
	switch {
	case err == nil:
		a.keep(s)
	case errors.Is(err, errUnusable):
		s.close()
		if tr.lost != nil {
			a.warn(tr.lost)
		}
	default:
		s.close()
		return false, err
	}
	if a.refused {
		a.rest()
	}
	if len(a.rcpts) > 0 {
		return false, errPutOff
	}
	return true, nil
}

// keep puts s into the cache unless it has carried as many messages as the mailer allows (m=).
func (a *attempt) keep(s *session) {
	if m := a.job.Mailer.MaxMessages; m > 0 && s.messages >= m {
		s.quit()
		return
	}
	a.t.cache.put(s)
}
