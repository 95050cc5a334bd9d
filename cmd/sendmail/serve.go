package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/guard"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/operate"
	"gosendmail/internal/safefile"
	"gosendmail/internal/smtpd"
	"gosendmail/internal/status"
)

// stopTime is how long sessions and deliveries may take to end after SIGTERM; what is not delivered by then is in the
// queue.
const stopTime = 10 * time.Second

// server is a daemon under one configuration; a reload replaces it.
type server struct {
	mta   *mta.Server
	smtpd []*smtpd.Server // one for each socket
	log   *maillog.Logger
}

// daemon is the long-running process.
type daemon struct {
	v       *invocation
	current atomic.Pointer[server]
	rates   *mta.Rates
	sockets map[string]net.Listener // by mta.Daemon.Key
	pidFile string
	control *operate.Control
	orders  chan string // of the control socket: "restart", "shutdown"
}

// serve is -bd and -bD: it listens, serves, and runs the queue where -q says so.
func (v *invocation) serve(ctx context.Context) int {
	site, log, code := v.load(ctx)
	if code != 0 {
		return code
	}
	interval, err := v.queueInterval()
	if err != nil {
		return v.refuse(ctx, site, status.Usage, cf.Message{Text: err.Error()})
	}
	d := &daemon{v: v, sockets: map[string]net.Listener{}, orders: make(chan string, 1)}
	if err := d.open(ctx, site.Daemons(), log); err != nil {
		return v.refuse(ctx, site, status.OSErr, cf.Message{Text: err.Error()})
	}
	if err := site.DropRights(); err != nil { // nothing needs root once the sockets are open
		return v.refuse(ctx, site, status.OSErr, cf.Message{Text: err.Error()})
	}
	return d.run(ctx, site, log, interval)
}

// queueInterval is -q's value.
func (v *invocation) queueInterval() (time.Duration, error) {
	if v.interval == "" {
		return 0, nil
	}
	d, problem := mta.Interval(v.interval)
	if problem != "" {
		return 0, errors.New(problem)
	}
	return d, nil
}

// open binds the sockets. A socket that cannot be had is an error in the original's words, so that whoever started the
// daemon learns of it; modifier O makes it optional.
func (d *daemon) open(ctx context.Context, daemons []*mta.Daemon, log *maillog.Logger) error {
	for _, dm := range daemons {
		l, err := dm.Listen(ctx)
		if err != nil && dm.Has('O') {
			log.Logf(0, maillog.Warning, "", "%v", err)
			continue
		}
		if err != nil {
			return err
		}
		d.sockets[dm.Key()] = l
	}
	return nil
}

// gcPercent lets a daemon's heap grow a little more between collections than Go's 100: what a message leaves is small
// and short lived, and the heap of a few megabytes was collected so often that it took a tenth of the CPU time of
// accepting mail.
const gcPercent = 400

// run serves until a signal ends it.
func (d *daemon) run(ctx context.Context, site *mta.Site, log *maillog.Logger, interval time.Duration) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	d.rates = mta.NewRates(site.Settings().ConnectionRateWindowSize, time.Now)
	m, err := d.make(ctx, site, log, interval)
	if err != nil {
		return d.v.noServer(ctx, site, err)
	}
	d.begin(ctx, m, site, log, interval)
	d.writePID(site)
	defer d.removePID()
	d.v.ready()
	d.openControl(ctx, site, log)
	for {
		select {
		case order := <-d.orders:
			if order == orderRestart {
				d.reload(ctx, "control socket")
				continue
			}
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				d.reload(ctx, "signal")
				continue
			}
			if sig == syscall.SIGUSR1 {
				d.current.Load().dump()
				continue
			}
		}
		d.closeControl()
		d.end(d.current.Load())
		return status.OK
	}
}

// make makes the server of a configuration.
func (d *daemon) make(ctx context.Context, site *mta.Site, log *maillog.Logger, interval time.Duration) (*mta.Server, error) {
	cfg := d.v.serverConfig(ctx, site, log)
	cfg.Interval, cfg.Persistent, cfg.Rates = interval, d.v.persistent, d.rates
	cfg.DaemonInfo = d.describe(interval)
	return mta.New(cfg)
}

// begin makes a server the current one and serves its sockets.
func (d *daemon) begin(ctx context.Context, m *mta.Server, site *mta.Site, log *maillog.Logger, interval time.Duration) {
	s := &server{mta: m, log: log}
	d.current.Store(s)
	log.Plain(maillog.LevelSerious, maillog.Info, "starting daemon ("+mta.Version(site)+"): "+d.describe(interval))
	m.Greet()
	if d.v.runQueue {
		m.Start()
	}
	for _, dm := range site.Daemons() {
		l := d.sockets[dm.Key()]
		if l == nil {
			continue
		}
		s.serve(ctx, d.v, site, dm, l)
	}
}

// serve lets one socket's clients in.
func (s *server) serve(ctx context.Context, v *invocation, site *mta.Site, dm *mta.Daemon, l net.Listener) {
	server := smtpd.New(v.sessionConfig(site, s.mta, dm, s.log))
	s.smtpd = append(s.smtpd, server)
	gate := mta.NewGate(s.mta, dm, l, server)
	guard.Report(s.mta.Panicked).Go("daemon "+dm.Name, func() {
		if err := server.Serve(ctx, gate); err != nil && !errors.Is(err, smtpd.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Logf(0, maillog.Alert, "", "daemon %s: %v", dm.Name, err)
		}
	})
}

// describe is what the log says that a daemon does: "SMTP+queueing@00:15:00".
func (d *daemon) describe(interval time.Duration) string {
	text := "SMTP"
	if d.v.runQueue && interval > 0 {
		word := "+queueing@"
		if d.v.persistent {
			word = "+persistent-queueing@"
		}
		text += word + maillog.Interval(interval)
	}
	return text
}

// reload reads the configuration anew (SIGHUP, or the control socket's restart). One that is not fit to run, and one
// whose certificates cannot be used where the old one's can, is told in the log, and the old one stays.
func (d *daemon) reload(ctx context.Context, cause string) {
	old := d.current.Load()
	old.log.Plain(maillog.LevelSerious, maillog.Info, "restarting "+d.v.argv[0]+" due to "+cause)
	site, log, code := d.v.load(ctx)
	if code != 0 {
		old.log.Logf(0, maillog.Alert, "", "configuration not usable, the old one stays")
		return
	}
	interval, err := d.v.queueInterval()
	if err == nil {
		err = d.replace(ctx, old, site, log, interval)
	}
	if err != nil {
		old.log.SysErr("", d.v.callerName(ctx), mta.StartProblem(err).Error())
		old.log.Logf(0, maillog.Alert, "", "configuration not usable, the old one stays")
		return
	}
	d.writePID(site)
	d.openControl(ctx, site, log)
	guard.Report(old.mta.Panicked).Go("end of the old configuration", func() { d.retire(old) })
}

// replace puts the server of a new configuration in the place of the old one. After an error nothing has changed.
func (d *daemon) replace(ctx context.Context, old *server, site *mta.Site, log *maillog.Logger, interval time.Duration) error {
	m, err := d.make(ctx, site, log, interval)
	if err != nil {
		return err
	}
	if err = m.Certificates(); err != nil && old.mta.Certificates() != nil {
		err = nil // it is no worse
	}
	if err == nil {
		err = d.exchangeSockets(ctx, site.Daemons())
	}
	if err != nil {
		return errors.Join(err, m.Close(ctx))
	}
	d.begin(ctx, m, site, log, interval)
	return nil
}

// exchangeSockets opens the sockets that the new configuration names. Those that it names no longer are closed. A
// socket that stays is duplicated, so that the old server can close its own.
func (d *daemon) exchangeSockets(ctx context.Context, daemons []*mta.Daemon) error {
	next := map[string]net.Listener{}
	for _, dm := range daemons {
		var l net.Listener
		var err error
		if old := d.sockets[dm.Key()]; old != nil {
			l, err = duplicate(old)
		} else {
			l, err = dm.Listen(ctx)
		}
		if err != nil {
			for _, l := range next {
				l.Close()
			}
			return err
		}
		next[dm.Key()] = l
	}
	d.sockets = next
	return nil
}

func duplicate(l net.Listener) (net.Listener, error) {
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return net.FileListener(f)
}

// retire lets the sessions that began under an older configuration come to their own end, as they do with the original.
func (d *daemon) retire(s *server) {
	for _, server := range s.smtpd {
		server.Retire()
	}
	if err := s.mta.Close(context.Background()); err != nil {
		s.log.Logf(maillog.LevelSerious, maillog.Err, "", "%v", err)
	}
}

// end lets a server's sessions and deliveries come to their end.
func (d *daemon) end(s *server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	for _, server := range s.smtpd {
		if err := server.Shutdown(ctx); err != nil {
			s.log.Logf(maillog.LevelSerious, maillog.Info, "", "sessions cut off: %v", err)
		}
	}
	if err := s.mta.Close(ctx); err != nil {
		s.log.Logf(maillog.LevelSerious, maillog.Err, "", "%v", err)
	}
}

// dump tells the log what goes on (SIGUSR1).
func (s *server) dump() {
	n := 0
	for _, server := range s.smtpd {
		n += server.Connections()
	}
	s.log.Plain(maillog.LevelSerious, maillog.Debug, "--- "+strconv.Itoa(n)+" sessions open ---")
}

// writePID writes the process number and the command line, as init scripts expect.
func (d *daemon) writePID(site *mta.Site) {
	path := site.PidFile()
	if path == "" {
		return
	}
	text := strconv.Itoa(os.Getpid()) + "\n" + strings.Join(d.v.argv, " ") + "\n"
	if err := safefile.Overwrite(path, text, 0o644); err != nil {
		d.current.Load().log.Logf(maillog.LevelSerious, maillog.Err, "", "unable to write pid to %s: %v", path, err)
		return
	}
	d.pidFile = path
}

func (d *daemon) removePID() {
	if d.pidFile != "" {
		os.Remove(d.pidFile)
	}
}
