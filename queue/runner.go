package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
)

// Deliverer tries to deliver an envelope that a Runner opened. It calls Update or Remove on the entry as the outcome
// demands; the Runner closes it afterwards. An error is for the log: the message stays as Update left it.
type Deliverer interface {
	Deliver(ctx context.Context, e *Entry, env *envelope.Envelope) error
}

// RunnerConfig is how the queue is run.
type RunnerConfig struct {
	Interval   time.Duration // -q: between the beginnings of runs; 0 means only when woken
	Persistent bool          // -qp: between the end of a run and the next
	Order      Order         // QueueSortOrder
	MinAge     time.Duration // MinQueueAge
	MaxAge     time.Duration // MaxQueueAge; 0: MinAge applies unchanged
	MaxRun     int           // MaxQueueRunSize, entries of a run; 0 means all
	MaxRunners int           // MaxRunnersPerQueue: deliveries of one run at work at a time; 0 means 1
	MaxJobs    int           // MaxQueueChildren: deliveries of all runs at work at a time; 0 means no limit
	Background int           // deliveries of new mail (Submit) at work at a time; 0 means no limit
	// Patience is how long a delivery counts among those at work. One that takes longer waits for a peer or a program:
	// it gives its place to another delivery and counts among the slow ones. 0 means that it keeps its place.
	Patience time.Duration
	MaxSlow  int // slow deliveries at a time; above that they keep their places
	// Busy reports whether the load is too high for a message (QueueLA); nil means never.
	Busy func(priority int64, created time.Time) bool
	// Log is told what Deliver or opening an entry gave; nil means nobody. Locked and vanished entries are no errors.
	Log func(id string, err error)
}

// Summary counts what a run did.
type Summary struct {
	Seen     int // selected
	Tried    int // handed to the Deliverer
	Young    int // left alone because of MinQueueAge
	Locked   int // somebody else, or another run, works on them
	Busy     int // load too high
	Unusable int // set aside, or not to be read
}

// Runner hands queued messages to a Deliverer: at intervals, on demand, and those that were just accepted. What it does
// so that slow deliveries do not stop the others stands in share.go and place.go.
type Runner struct {
	spool *Spool
	to    Deliverer
	cfg   RunnerConfig

	wake       chan struct{}
	jobs       slots          // MaxJobs
	background slots          // Background
	slow       slots          // MaxSlow
	wg         sync.WaitGroup // deliveries of Submit

	mu      sync.Mutex
	under   map[string]bool   // IDs of messages that are being delivered or wait in this process
	waiting []*job            // of Submit, while all places were taken
	shares  map[string]*share // what has deliveries under way, or messages waiting
	parked  int               // messages that wait for a share
	demands demands
}

// maxWaiting limits how many messages wait in memory for a place, and how many for a share; the others wait for the
// next run.
const maxWaiting = 10000

// NewRunner makes a Runner; Run or RunOnce set it going.
func NewRunner(s *Spool, to Deliverer, cfg RunnerConfig) *Runner {
	if cfg.MaxRunners < 1 {
		cfg.MaxRunners = 1
	}
	return &Runner{spool: s, to: to, cfg: cfg, wake: make(chan struct{}, 1), jobs: newSlots(cfg.MaxJobs),
		background: newSlots(cfg.Background), slow: make(slots, cfg.MaxSlow), under: map[string]bool{}, shares: map[string]*share{}}
}

// Wake starts a run now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // one is due already
	}
}

// Run runs the queue until ctx ends: at once and at every interval where there is one, and whenever it is woken. It
// waits for the deliveries under way.
func (r *Runner) Run(ctx context.Context) {
	defer r.Wait()
	var groups sync.WaitGroup
	defer groups.Wait()
	wakes := make([]chan struct{}, len(r.spool.groups))
	for i, g := range r.spool.groups {
		wakes[i] = make(chan struct{}, 1)
		groups.Go(guard.From(ctx).Func("queue runs of "+g.cfg.Name, func() { r.serve(ctx, g, wakes[i]) }))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			for _, w := range wakes {
				select {
				case w <- struct{}{}:
				default:
				}
			}
		}
	}
}

// Wait returns when no delivery of Submit is under way.
func (r *Runner) Wait() { r.wg.Wait() }

// serve runs one group again and again. The next run begins at its time when all messages of the one before have had
// their turn, even if some of them still wait for a slow host or program: these are passed over then.
func (r *Runner) serve(ctx context.Context, g *Group, wake <-chan struct{}) {
	interval := r.cfg.Interval
	if g.cfg.Interval > 0 {
		interval = g.cfg.Interval
	}
	if interval <= 0 && !r.pause(ctx, 0, wake) {
		return
	}
	var runs sync.WaitGroup
	defer runs.Wait()
	for {
		begun := make(chan struct{})
		runs.Go(guard.From(ctx).Func("queue run of "+g.cfg.Name, func() {
			var rn *run
			func() {
				defer close(begun)
				rn, _ = r.begin(ctx, g, &Selection{})
			}()
			rn.wait()
		}))
		if r.cfg.Persistent {
			<-begun
		}
		if !r.pause(ctx, interval, wake) {
			return
		}
		<-begun
	}
}

func (r *Runner) pause(ctx context.Context, interval time.Duration, wake <-chan struct{}) bool {
	var tick <-chan time.Time
	if interval > 0 {
		timer := time.NewTimer(interval)
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-tick:
	case <-wake:
	}
	return true
}

// RunOnce runs the selected part of the queue once and returns when it is done (sendmail -q, -qI, -qR, -qS, -qQ).
func (r *Runner) RunOnce(ctx context.Context, sel Selection) (Summary, error) {
	var total Summary
	var runs []*run
	var errs []error
	for _, g := range r.spool.groups {
		if !sel.group(g) {
			continue
		}
		rn, err := r.begin(ctx, g, &sel)
		runs = append(runs, rn)
		errs = append(errs, err)
	}
	for _, rn := range runs {
		total.add(rn.wait())
	}
	return total, errors.Join(errs...)
}

func (s *Summary) add(o Summary) {
	s.Seen += o.Seen
	s.Tried += o.Tried
	s.Young += o.Young
	s.Locked += o.Locked
	s.Busy += o.Busy
	s.Unusable += o.Unusable
}

// run is one run of one group.
type run struct {
	r        *Runner
	ctx      context.Context
	slots    slots         // MaxRunners
	patience time.Duration // how long a delivery keeps its place

	left sync.WaitGroup // messages that the run is not done with
	mu   sync.Mutex
	sum  Summary
}

// begin starts a run and returns when each of its messages has had its turn; some may still be under way then, or wait
// for a share. The run is never nil.
func (r *Runner) begin(ctx context.Context, g *Group, sel ...*Selection) (*run, error) {
	runners := g.cfg.Runners
	if runners < 1 {
		runners = r.cfg.MaxRunners
	}
	rn := &run{r: r, ctx: ctx, slots: newSlots(runners)}
	items, err := r.gather(g, sel)
	if err != nil {
		r.log("", err)
		return rn, err
	}
	rn.sum.Seen = len(items)
	rn.patience = r.patience(len(items), rn.slots)
	for i, it := range items {
		items[i] = nil // a long run would otherwise keep what it read of them
		if ctx.Err() != nil {
			break
		}
		rn.start(it, sel)
	}
	return rn, nil
}

const (
	// turnTime is within which time all messages of a run are to have their turn even if each of them hangs.
	turnTime = 10 * time.Second
	// leastPatience is enough for a delivery that does not have to wait for anybody.
	leastPatience = 200 * time.Millisecond
)

// patience is how long a delivery of a run keeps its place: RunnerConfig.Patience, less where many messages share few
// places.
func (r *Runner) patience(messages int, places slots) time.Duration {
	n := cap(places)
	if r.jobs != nil {
		n = min(n, cap(r.jobs))
	}
	share := turnTime * time.Duration(n) / time.Duration(max(messages, 1))
	return min(r.cfg.Patience, max(share, leastPatience))
}

// start hands a message to a goroutine of its own as soon as there is a place, unless it is not its time.
func (rn *run) start(it *Item, sel []*Selection) {
	one := Summary{Unusable: 1}
	var h *head
	if guard.From(rn.ctx).Run("queue run: "+it.ID, func() { h = it.load() }) == nil {
		switch r := rn.r; {
		case young(h, r.cfg.MinAge, r.cfg.MaxAge, r.spool.cfg.Now()) && !named(it, sel):
			one = Summary{Young: 1}
		case r.cfg.Busy != nil && r.cfg.Busy(h.priority, h.created):
			one = Summary{Busy: 1}
		case !r.claim(it.ID):
			one = Summary{Locked: 1}
		default:
			it.head = nil
			rn.left.Add(1)
			rn.turn(&job{ctx: rn.ctx, id: it.ID, it: it, again: rn.again, done: rn.done})
			return
		}
	}
	rn.count(one)
}

// named reports whether somebody asked for the message itself, so that its age does not count.
func named(it *Item, sel []*Selection) bool {
	return slices.ContainsFunc(sel, func(s *Selection) bool { return s.Limited() && s.takes(it) })
}

// turn waits for a place and lets the message be delivered.
func (rn *run) turn(j *job) {
	p := rn.r.enter(rn.ctx, rn.patience, rn.slots, rn.r.jobs)
	if p == nil {
		rn.r.finish(j, Summary{})
		return
	}
	guard.From(rn.ctx).Go("queue run: "+j.id, func() { rn.r.work(j, p) })
}

// again gives a message that waited for a share its turn.
func (rn *run) again(j *job) {
	guard.From(rn.ctx).Go("queue run: "+j.id, func() { rn.turn(j) })
}

func (rn *run) done(one Summary) {
	rn.count(one)
	rn.left.Done()
}

func (rn *run) count(one Summary) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	rn.sum.add(one)
}

// wait returns when the run is done with all its messages. When its context ends those that wait for a share are left
// alone.
func (rn *run) wait() Summary {
	stop := context.AfterFunc(rn.ctx, guard.From(rn.ctx).Func("queue run", rn.r.forsake))
	defer stop()
	rn.left.Wait()
	return rn.sum
}

// gather lists, selects, limits and sorts the messages of a run. Several selections are alternatives.
func (r *Runner) gather(g *Group, sel []*Selection) ([]*Item, error) {
	limit := g.cfg.Jobs
	if limit <= 0 {
		limit = r.cfg.MaxRun
	}
	var items []*Item
	for _, d := range g.dirs {
		found, err := g.listDirectory(d, sel[0].kinds())
		if err != nil {
			return nil, err
		}
		for _, it := range found {
			if limit > 0 && len(items) == limit {
				break
			}
			if slices.ContainsFunc(sel, func(s *Selection) bool { return s.takes(it) }) {
				items = append(items, it)
			}
		}
	}
	r.cfg.Order.sort(items)
	return items, nil
}

func (r *Runner) log(id string, err error) {
	if _, told := errors.AsType[*lostError](err); r.cfg.Log != nil && !told {
		r.cfg.Log(id, err)
	}
}

// Submit hands over a message that was just committed: it is delivered in the background at once, or as soon as one of
// RunnerConfig.Background is done. The caller must not use the entry afterwards.
// The result tells whether env itself is delivered; one that has to wait is read from the queue again.
func (r *Runner) Submit(ctx context.Context, e *Entry, env *envelope.Envelope) bool {
	j := &job{ctx: ctx, id: e.ID(), e: e, env: env, again: r.backlog, done: func(Summary) {}}
	r.claim(j.id)
	if p := r.try(r.background); p != nil {
		r.wg.Go(guard.From(ctx).Func("delivery of "+j.id, func() { r.work(j, p) }))
		return true
	}
	if !r.setAside(j) {
		r.finish(j, Summary{})
		return false
	}
	r.backlog(j)
	return false
}

// backlog lets a message wait for a place of the background.
func (r *Runner) backlog(j *job) {
	r.mu.Lock()
	full := len(r.waiting) >= maxWaiting
	if !full {
		r.waiting = append(r.waiting, j)
	}
	r.mu.Unlock()
	if full {
		r.finish(j, Summary{})
	}
	r.catchUp()
}

// catchUp gives places of the background to those who wait for them.
func (r *Runner) catchUp() {
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 {
			r.mu.Unlock()
			return
		}
		p := r.try(r.background)
		if p == nil {
			r.mu.Unlock()
			return
		}
		j := r.waiting[0]
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		r.mu.Unlock()
		r.wg.Go(guard.From(j.ctx).Func("delivery of "+j.id, func() { r.work(j, p) }))
	}
}

// young reports whether the last attempt was too recently for another: less than MinQueueAge ago, which with
// MaxQueueAge doubles at each attempt up to that.
func young(h *head, minAge, maxAge time.Duration, now time.Time) bool {
	if h.tries == 0 || h.lastTry.IsZero() || h.lastTry.After(now) {
		return false
	}
	return now.Before(h.lastTry.Add(retryDelay(h.tries, minAge, maxAge)))
}

func retryDelay(tries int, minAge, maxAge time.Duration) time.Duration {
	if maxAge <= 0 {
		return minAge
	}
	delay := minAge
	for range tries - 1 {
		if delay >= maxAge/2 {
			return maxAge
		}
		delay *= 2
	}
	return min(delay, maxAge)
}
