package mta

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/dns"
	"gosendmail/internal/guard"
	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mailstat"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/mailers"
	"gosendmail/queue"
)

// queueBase is the directory that holds the queue's, where option QueueDirectory names several
// ("/var/spool/mqueue/q*").
func queueBase(dir string) string {
	if strings.HasSuffix(dir, "*") {
		return filepath.Dir(dir)
	}
	return dir
}

// Config is what a Server is made of.
type Config struct {
	Site     *Site
	Log      *maillog.Logger
	Accounts priv.Accounts
	Caller   priv.User        // who runs this process; for logs and for mail from the command line
	Now      func() time.Time // nil means time.Now
	// HandedIn says that the process makes the first attempt for a message that a local program handed in just now: the
	// calling user sent it.
	HandedIn bool
	Waiting  Waiting // that message
	// DaemonInfo is what a daemon does, as its first line in the log says it (macro daemon_info); else "".
	DaemonInfo string
	// Named says that the calling user named a sender (-f), or that the process runs the queue: mailers with F=f and
	// F=r are told who sends a message.
	Named bool
	Watch func(line string) // told what goes on during deliveries (-v); nil means nobody watches

	// Interval is -q: how often the queue is run; 0 means never by itself.
	Interval   time.Duration
	Persistent bool                    // -qp
	Mode       byte                    // -b, for ${opMode}; 0 means 'm'
	Traffic    func(net.Conn) net.Conn // put around connections to other hosts (-X); nil leaves them
	Rates      *Rates                  // kept over reloads; nil makes new ones
}

// Server accepts and delivers mail under one configuration. A reload makes a new one; sessions that began under the old
// one end under it.
type Server struct {
	site    *setup
	macros  *macro.Table // of the process, above the site's
	spool   *queue.Spool
	runner  *queue.Runner
	table   *mailers.Table
	rates   *Rates
	aliases *aliases
	stats   *mailstat.Keeper

	encryption *encryption
	authority  *authority // nil: AUTH is not offered

	traffic func(net.Conn) net.Conn
	watch   func(line string)

	Log      *maillog.Logger
	Accounts priv.Accounts
	Caller   priv.User
	now      func() time.Time

	deliveries context.Context // of deliveries; Close ends it when they take too long
	cut        context.CancelFunc
	runs       context.Context // of queue runs
	stop       context.CancelFunc
	running    sync.WaitGroup
	inflight   sync.Map     // *envelope.Envelope to *message: accepted in this process, about to be delivered
	loadAt     atomic.Int64 // when loadIs was read, in seconds since 1970
	loadIs     atomic.Int64
	names      sync.Map // netip.Addr to string: names of our interfaces
	handedIn   bool     // Config.HandedIn
	waiting    Waiting  // Config.Waiting
	named      bool     // Config.Named
}

// New makes a server: it opens the queue and prepares the mailers. Nothing runs yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.Site.Err(); err != nil {
		return nil, err
	}
	site := newSetup(cfg.Site)
	s := &Server{site: site, Log: cfg.Log, Accounts: cfg.Accounts, Caller: cfg.Caller, now: cfg.Now, rates: cfg.Rates,
		watch: cfg.Watch, traffic: cfg.Traffic, handedIn: cfg.HandedIn, waiting: cfg.Waiting, named: cfg.Named}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rates == nil {
		s.rates = NewRates(site.options.ConnectionRateWindowSize, s.now)
	}
	s.macros = processMacros(cfg, site)
	s.encryption = newEncryption(s)
	if cfg.Mode == 'd' || cfg.Mode == 'D' || cfg.Mode == 's' { // only these speak SMTP as a server
		s.openAuthority()
	}
	var err error
	if s.aliases, err = openAliases(cfg.Site); err != nil {
		return nil, err
	}
	s.aliases.tell = func(text string) { cfg.Log.Plain(maillog.LevelMinor, maillog.Info, text) }
	if s.spool, err = s.openSpool(cfg); err != nil {
		return nil, err
	}
	s.deliveries, s.cut = context.WithCancel(guard.With(context.Background(), s.Panicked))
	s.runs, s.stop = context.WithCancel(s.deliveries)
	if s.stats, err = s.newStatistics(); err != nil {
		return nil, err
	}
	config, err := s.mailerConfig()
	if err != nil {
		return nil, err
	}
	s.table = mailers.Agents(config)
	s.runner = queue.NewRunner(s.spool, s, s.runnerConfig(cfg))
	return s, nil
}

// processMacros are the macros that hold for all that a process does.
func processMacros(cfg Config, site *setup) *macro.Table {
	t := macro.NewTable(site.Macros())
	mode := cfg.Mode
	if mode == 0 {
		mode = 'm'
	}
	if mode == 'D' {
		mode = 'd'
	}
	t.Define("{opMode}", string([]byte{mode}))
	t.Define("{deliveryMode}", string([]byte{site.options.DeliveryMode}))
	if cfg.DaemonInfo != "" {
		t.Define("{daemon_info}", quoteMacro(cfg.DaemonInfo))
	}
	return t
}

// spareFiles is how many queue files of delivered messages a daemon keeps for the next ones in each directory: about
// twice the messages that are usually under way at a time.
const spareFiles = 64

// openSpool opens the queue groups.
func (s *Server) openSpool(as Config) (*queue.Spool, error) {
	o := &s.site.options
	super, err := queue.ParseSuperSafe(o.SuperSafe)
	if err != nil {
		return nil, err
	}
	groups := []queue.GroupConfig{{Name: queue.DefaultGroup, Directory: o.QueueDirectory}}
	for _, q := range s.site.queues {
		g := queue.GroupConfig{Name: q.Name, Directory: q.Path, Interval: q.Interval, Jobs: q.Jobs, MaxRcpts: q.RecipientsPerMsg,
			Runners: q.Runners, Nice: q.Nice, Flags: q.Flags}
		if g.Directory == "" {
			g.Directory = o.QueueDirectory
		}
		if strings.EqualFold(q.Name, queue.DefaultGroup) {
			groups[0] = g
			continue
		}
		groups = append(groups, g)
	}
	cfg := queue.Config{Groups: groups, FileMode: fileMode(o.QueueFileMode), SuperSafe: super, MinFreeBlocks: o.MinFreeBlocks,
		Now: s.now, Lost: s.lost, Complain: s.sysErr}
	if as.Mode == 'd' || as.Mode == 'D' {
		cfg.Spares = spareFiles
	}
	if o.TrustedUser.Set && o.TrustedUser.UID > 0 {
		cfg.TrustedUID = o.TrustedUser.UID
	}
	return queue.Open(cfg)
}

// lost tells of a control file that was set aside, as the original does, which names it from the queue directory.
func (s *Server) lost(id, path string, reason error) {
	base := s.site.options.QueueDirectory
	if strings.HasSuffix(base, "*") {
		base = filepath.Dir(base)
	}
	if rel, err := filepath.Rel(base, path); err == nil {
		path = "./" + rel
	}
	alert, sysErr, why := queue.Complaint(reason, path)
	if alert != "" {
		s.Log.Logf(0, maillog.Alert, id, "%s", alert)
	}
	if sysErr != "" {
		s.sysErr(id, sysErr)
	}
	s.Log.Logf(0, maillog.Alert, id, "Losing %s: %s", path, why)
}

func (s *Server) sysErr(id, text string) { s.Log.SysErr(id, s.Caller.Name, text) }

// timeouts turns the options into the queue's form.
func timeouts(o *cf.Settings) queue.Timeouts {
	limits := func(t [4]time.Duration) queue.Limits {
		return queue.Limits{Normal: t[cf.Normal], Urgent: t[cf.Urgent], NonUrgent: t[cf.NonUrgent], DSN: t[cf.DSN]}
	}
	return queue.Timeouts{Return: limits(o.Timeout.QueueReturn), Warn: limits(o.Timeout.QueueWarn)}
}

// runnerConfig says how the queue is run.
func (s *Server) runnerConfig(cfg Config) queue.RunnerConfig {
	o := &s.site.options
	order, err := queue.ParseOrder(string([]byte{o.QueueSortOrder}))
	if err != nil {
		order = queue.ByPriority
	}
	return queue.RunnerConfig{
		Interval: cfg.Interval, Persistent: cfg.Persistent, Order: order, MinAge: o.MinQueueAge, MaxAge: o.MaxQueueAge,
		MaxRun: o.MaxQueueRunSize, MaxRunners: max(o.MaxRunnersPerQueue, 1), MaxJobs: o.MaxQueueChildren,
		Background: maxDeliveries, Patience: patience, MaxSlow: maxSlow, Busy: s.busy,
		Log: func(id string, err error) { s.Log.Logf(maillog.LevelSerious, maillog.Err, id, "%v", err) },
	}
}

const (
	// maxDeliveries bounds the deliveries of new mail that are at work at a time; more wait for their turn.
	maxDeliveries = 200
	// patience is how long a delivery counts among those.
	patience = 2 * time.Second
	// maxSlow bounds the deliveries that took longer: they wait for somebody and cost memory and descriptors only.
	maxSlow = 1000
)

// busy obeys QueueLA: under load only important and old messages are tried.
func (s *Server) busy(priority int64, _ time.Time) bool {
	return s.overloaded(s.site.options.QueueLA, priority)
}

// overloaded reports whether mail of that priority must wait, limit being the load from which that is so; 0 means none.
func (s *Server) overloaded(limit int, priority int64) bool {
	if limit <= 0 {
		return false
	}
	la := s.load()
	return la >= limit && priority > int64(s.site.options.QueueFactor)/int64(la-limit+1)
}

// overloaded obeys QueueLA for new mail; a daemon's queueLA stands above the option.
func (c *Session) overloaded(m *message) bool {
	limit := c.site.options.QueueLA
	if c.daemon != nil && c.daemon.QueueLA > 0 {
		limit = c.daemon.QueueLA
	}
	return c.srv.overloaded(limit, m.env.Priority)
}

// Greet says in the log what of the configuration has no effect and which certificates cannot be used, and tidies the
// queue; daemons call it once.
func (s *Server) Greet() {
	_ = s.encryption.load() // which has logged it
	for _, text := range s.site.without() {
		s.Log.Plain(maillog.LevelSerious, maillog.Warning, "no effect: "+text)
	}
	s.running.Go(guard.From(s.deliveries).Func("start", func() {
		gone, err := s.spool.Recover(queue.LitterAge)
		if err != nil {
			s.Log.Logf(maillog.LevelSerious, maillog.Err, "", "queue: %v", err)
		}
		for _, name := range gone {
			s.Log.Logf(maillog.LevelMinor, maillog.Notice, "", "queue: removed %s, left by a crash", name)
		}
	}))
}

// Panicked writes a panic to the log: what it ended, and where it was.
func (s *Server) Panicked(p *guard.Panic) { s.Log.SysErr("", s.Caller.Name, p.Error()) }

// Start begins the queue runs.
func (s *Server) Start() {
	s.running.Go(guard.From(s.deliveries).Func("queue runs", func() { s.runner.Run(s.runs) }))
}

// Close stops queue runs, waits for the deliveries under way until ctx ends, and closes everything.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	defer context.AfterFunc(ctx, guard.From(s.deliveries).Func("end", s.cut))()
	s.running.Wait()
	s.runner.Wait()
	s.cut()
	s.stats.Close()
	return errors.Join(s.table.Close(), s.spool.Close(), s.aliases.Close())
}

// Wait returns when no delivery of accepted mail is under way.
func (s *Server) Wait() { s.runner.Wait() }

// RunQueue runs the selected part of the queue once.
func (s *Server) RunQueue(ctx context.Context, sel queue.Selection) error {
	if sel.Limited() {
		ctx = context.WithValue(ctx, onDemand{}, true)
	}
	_, err := s.runner.RunOnce(guard.With(ctx, s.Panicked), sel)
	return err
}

// onDemand marks the context of a queue run that somebody asked for by host, sender, recipient or identifier: mailers
// with F=% are used then.
type onDemand struct{}

// Wake begins a queue run now (ETRN, SIGUSR1's sisters).
func (s *Server) Wake() { s.runner.Wake() }

// Site returns the configuration.
func (s *Server) Site() *Site { return s.site.Site }

// Spool returns the queue.
func (s *Server) Spool() *queue.Spool { return s.spool }

// agents returns the mailers.
func (s *Server) agents() *mailers.Table { return s.table }

// mailerConfig says to the mailers what the options say about delivery.
func (s *Server) mailerConfig() (mailers.Config, error) {
	o := &s.site.options
	blame, err := s.site.blame()
	if err != nil {
		return mailers.Config{}, err
	}
	t := &o.Timeout
	cfg := mailers.Config{
		Resolver: s.site.Resolver(), Hostname: s.site.Hostname(), HeloName: o.HeloName,
		Own: s.site.isLocal,
		Timeouts: mailers.Timeouts{
			Connect: t.Connect, InitialConnect: t.IConnect, AllConnects: t.AConnect, Initial: t.Initial, Helo: t.Helo,
			Mail: t.Mail, Rcpt: t.Rcpt, DataInit: t.DataInit, DataBlock: t.DataBlock, DataFinal: t.DataFinal, Rset: t.Rset,
			Quit: t.Quit, Misc: t.Misc, Lhlo: t.LHLO, Auth: t.Auth, StartTLS: t.StartTLS,
		},
		CacheSize: o.ConnectionCacheSize, CacheTimeout: o.ConnectionCacheTimeout, DialDelay: o.DialDelay,
		FallbackMX: o.FallbackMXhost, FallbackSmartHost: o.FallbackSmartHost, TryNullMX: o.TryNullMXList,
		EightBit: mailers.EightBitMode(o.EightBitMode), DefaultCharset: o.DefaultCharSet,
		Accounts: s.Accounts, SafeFileEnv: o.SafeFileEnvironment, Environ: s.site.environ, Now: s.now,
		ClientPorts: s.site.ports.clients, InterfaceName: s.interfaceName, NoInitGroups: o.DontInitGroups,
		FileLinks: mailers.Links{
			Symbolic: blame.Has(safefile.FileDeliveryToSymLink), Hard: blame.Has(safefile.FileDeliveryToHardLink),
		},
		FileMode: fileMode(o.TempFileMode), Hosts: s.hostStatus(),
		Connected: s.countPeer, Traffic: s.traffic, Panicked: s.Panicked,
		CommandTime: o.CommandTimeLimit, Dir: queueBase(o.QueueDirectory),
		Security: s.security, DANE: o.DANE, AuthParamNeedsLogin: strings.Contains(o.AuthOptions, "A"),
	}
	if o.SingleThreadDelivery && cfg.Hosts != nil {
		cfg.CacheSize = 0 // a connection that is kept would be one beside the next delivery's
	}
	if o.ConnectOnlyTo != "" {
		cfg.ConnectOnlyTo, _ = connectOnlyTo(o.ConnectOnlyTo) // Load has refused what is none
	}
	if o.DefaultUser.Set {
		if cfg.DefaultUser, err = s.site.defaultIdentity(context.Background()); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// chooseGroup keeps the queue group of the first recipient that has one.
func (m *message) chooseGroup(a *Address) {
	if m.queueGroup == "" {
		m.queueGroup = a.QueueGroup
	}
}

// group chooses the queue group of a message: that of ruleset queuegroup for its first recipient, that of the
// recipient's mailer (Q=), or the default one. One that does not exist is passed over.
func (s *Server) group(m *message) *queue.Group {
	if m.queueGroup != "" {
		if g := s.spool.Group(m.queueGroup); g != nil {
			return g
		}
	}
	if len(m.env.Recipients) > 0 {
		if mailer := s.site.Mailer(m.env.Recipients[0].Triple.Mailer); mailer != nil && mailer.QueueGroup != "" {
			if g := s.spool.Group(mailer.QueueGroup); g != nil {
				return g
			}
		}
	}
	return s.spool.Group("")
}

// interfaceName is the name of the local end of a connection that we made.
func (s *Server) interfaceName(a netip.Addr) string { return s.localName(s.deliveries, a) }

// localName is ${if_name}: the name of the interface that a client came in through.
func (s *Server) localName(ctx context.Context, a netip.Addr) string {
	if v, ok := s.names.Load(a); ok {
		return v.(string)
	}
	name := s.site.options.notation().bracketed(a)
	names, err := s.site.Resolver().LookupPTR(ctx, a)
	if err == nil && len(names) > 0 {
		name = strings.TrimSuffix(names[0], ".")
	}
	if dns.KindOf(err) != dns.Temporary {
		s.names.Store(a, name)
	}
	return name
}

// throttle obeys BadRcptThrottle: a client that names many wrong recipients waits a second for each further one.
func (c *Session) throttle() time.Duration {
	limit := c.site.options.BadRcptThrottle
	if limit <= 0 || c.bad < limit {
		return 0
	}
	if c.bad == limit {
		c.log(logInfo, maillog.LevelErrors, "%s: Possible SMTP RCPT flood, throttling.", c.relay)
		c.bad++ // it is told once
	}
	return time.Second
}
