package queue

import (
	"context"
	"errors"
	"strings"
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
	MaxRunners int           // MaxRunnersPerQueue: deliveries of one run at a time; 0 means 1
	MaxJobs    int           // MaxQueueChildren: deliveries of all runs at a time; 0 means no limit
	Background int           // deliveries of new mail (Submit) at a time; 0 means no limit
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
	Locked   int // somebody else works on them
	Busy     int // load too high
	Unusable int // set aside, or not to be read
}

// Runner hands queued messages to a Deliverer: at intervals, on demand, and those that were just accepted.
type Runner struct {
	spool *Spool
	to    Deliverer
	cfg   RunnerConfig

	wake chan struct{}
	jobs chan struct{} // MaxJobs; nil means no limit
	wg   sync.WaitGroup

	mu      sync.Mutex
	active  int     // deliveries of Submit
	waiting []*Item // submitted while all were at work
}

// maxWaiting limits what Submit remembers; the others wait for the next run.
const maxWaiting = 10000

// NewRunner makes a Runner; Run or RunOnce set it going.
func NewRunner(s *Spool, to Deliverer, cfg RunnerConfig) *Runner {
	r := &Runner{spool: s, to: to, cfg: cfg, wake: make(chan struct{}, 1)}
	if cfg.MaxRunners < 1 {
		r.cfg.MaxRunners = 1
	}
	if cfg.MaxJobs > 0 {
		r.jobs = make(chan struct{}, cfg.MaxJobs)
	}
	return r
}

// Wake starts a run now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // one is due already
	}
}

// Run runs the queue until ctx ends: at once and at every interval where there is one, and whenever it is woken. It waits for the
// deliveries under way.
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

// serve runs one group again and again. Without Persistent a run begins at every interval even while an earlier one
// waits for a slow host: what that one holds is locked.
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
		done := make(chan struct{})
		runs.Go(guard.From(ctx).Func("queue run of "+g.cfg.Name, func() {
			defer close(done)
			r.runGroup(ctx, g, &Selection{})
		}))
		if r.cfg.Persistent {
			<-done
		}
		if !r.pause(ctx, interval, wake) {
			return
		}
		if !r.overlap() {
			<-done
		}
	}
}

// overlap reports whether a run may begin beside another: without a limit on jobs slow hosts would make ever more.
func (r *Runner) overlap() bool { return r.jobs != nil }

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
	var errs []error
	for _, g := range r.spool.groups {
		if sel.Group != "" && !strings.EqualFold(sel.Group, g.cfg.Name) {
			continue
		}
		sum, err := r.runGroup(ctx, g, &sel)
		total.add(sum)
		errs = append(errs, err)
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

// runGroup is one run of one group.
func (r *Runner) runGroup(ctx context.Context, g *Group, sel *Selection) (Summary, error) {
	items, err := r.gather(g, sel)
	if err != nil {
		r.log("", err)
		return Summary{}, err
	}
	sum := Summary{Seen: len(items)}
	var mu sync.Mutex
	queue := make(chan *Item)
	var workers sync.WaitGroup
	runners := g.cfg.Runners
	if runners < 1 {
		runners = r.cfg.MaxRunners
	}
	for range min(runners, max(len(items), 1)) {
		workers.Go(guard.From(ctx).Func("queue run of "+g.cfg.Name, func() {
			for it := range queue {
				one := Summary{Unusable: 1}
				guard.From(ctx).Run("queue run: "+it.ID, func() { one = r.try(ctx, it, sel) })
				mu.Lock()
				sum.add(one)
				mu.Unlock()
			}
		}))
	}
	for _, it := range items {
		select {
		case queue <- it:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	workers.Wait()
	return sum, nil
}

// gather lists, selects, limits and sorts the messages of a run.
func (r *Runner) gather(g *Group, sel *Selection) ([]*Item, error) {
	limit := g.cfg.Jobs
	if limit <= 0 {
		limit = r.cfg.MaxRun
	}
	var items []*Item
	for _, d := range g.dirs {
		found, err := g.listDirectory(d, sel.kinds())
		if err != nil {
			return nil, err
		}
		for _, it := range found {
			if limit > 0 && len(items) == limit {
				break
			}
			if sel.takes(it) {
				items = append(items, it)
			}
		}
	}
	r.cfg.Order.sort(items)
	return items, nil
}

// try opens and delivers one message, unless it is not its time.
func (r *Runner) try(ctx context.Context, it *Item, sel *Selection) Summary {
	h := it.load()
	if !sel.Limited() && young(h, r.cfg.MinAge, r.cfg.MaxAge, r.spool.cfg.Now()) {
		return Summary{Young: 1}
	}
	if r.cfg.Busy != nil && r.cfg.Busy(h.priority, h.created) {
		return Summary{Busy: 1}
	}
	it.head = nil // a long run would otherwise keep them all
	if r.jobs != nil {
		select {
		case r.jobs <- struct{}{}:
			defer func() { <-r.jobs }()
		case <-ctx.Done():
			return Summary{}
		}
	}
	return r.open(ctx, it)
}

func (r *Runner) open(ctx context.Context, it *Item) Summary {
	e, env, err := r.spool.Open(it)
	switch {
	case errors.Is(err, ErrLocked):
		return Summary{Locked: 1}
	case errors.Is(err, ErrGone):
		return Summary{}
	case err != nil:
		r.log(it.ID, err)
		return Summary{Unusable: 1}
	}
	r.deliver(ctx, e, env)
	return Summary{Tried: 1}
}

func (r *Runner) deliver(ctx context.Context, e *Entry, env *envelope.Envelope) {
	if err := errors.Join(r.to.Deliver(ctx, e, env), e.Close()); err != nil {
		r.log(e.ID(), err)
	}
}

func (r *Runner) log(id string, err error) {
	if r.cfg.Log != nil {
		r.cfg.Log(id, err)
	}
}

// Submit hands over a message that was just committed: it is delivered in the background at once, or as soon as one of
// RunnerConfig.Background is done. The caller must not use the entry afterwards.
// The result tells whether env itself is delivered; one that has to wait is read from the queue again.
func (r *Runner) Submit(ctx context.Context, e *Entry, env *envelope.Envelope) bool {
	r.mu.Lock()
	if r.cfg.Background > 0 && r.active >= r.cfg.Background {
		if len(r.waiting) < maxWaiting {
			if it, err := r.spool.Find(e.ID()); err == nil {
				r.waiting = append(r.waiting, it)
			}
		}
		r.mu.Unlock()
		if err := e.Close(); err != nil {
			r.log(e.ID(), err)
		}
		return false
	}
	r.active++
	r.mu.Unlock()
	r.wg.Go(guard.From(ctx).Func("delivery of "+e.ID(), func() {
		defer r.catchUp(ctx)
		r.deliver(ctx, e, env)
	}))
	return true
}

// catchUp goes on with what had to wait, until nothing does.
func (r *Runner) catchUp(ctx context.Context) {
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 || ctx.Err() != nil {
			r.active--
			r.mu.Unlock()
			return
		}
		it := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.mu.Unlock()
		guard.From(ctx).Run("delivery of "+it.ID, func() { r.open(ctx, it) })
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
