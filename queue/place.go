package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
)

// slots are places for deliveries; nil means that there is no limit.
type slots chan struct{}

func newSlots(n int) slots {
	if n <= 0 {
		return nil
	}
	return make(slots, n)
}

// place is where a delivery is at work. A delivery that takes longer than RunnerConfig.Patience becomes a slow one:
// others take its place.
type place struct {
	r     *Runner
	in    []slots
	timer *time.Timer

	mu   sync.Mutex
	over bool
	slow bool
}

// enter takes a place in each of in, waiting for it. It is nil where the context ended first.
func (r *Runner) enter(ctx context.Context, patience time.Duration, in ...slots) *place {
	for i, s := range in {
		if s == nil {
			continue
		}
		select {
		case s <- struct{}{}:
		case <-ctx.Done():
			release(in[:i])
			return nil
		}
	}
	return r.taken(patience, in)
}

// try takes a place, or returns nil where there is none.
func (r *Runner) try(s slots) *place {
	if s != nil {
		select {
		case s <- struct{}{}:
		default:
			return nil
		}
	}
	return r.taken(r.cfg.Patience, []slots{s})
}

func (r *Runner) taken(patience time.Duration, in []slots) *place {
	p := &place{r: r, in: in}
	if patience > 0 {
		p.mu.Lock()
		p.timer = time.AfterFunc(patience, guard.Report(nil).Func("place of a delivery", p.yield))
		p.mu.Unlock()
	}
	return p
}

func release(in []slots) {
	for _, s := range in {
		if s != nil {
			<-s
		}
	}
}

// yield makes the delivery one of the slow ones, or asks again later where these are too many.
func (p *place) yield() {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	select {
	case p.r.slow <- struct{}{}:
		p.slow = true
	default:
		p.timer.Reset(p.r.cfg.Patience)
		p.mu.Unlock()
		return
	}
	release(p.in)
	p.mu.Unlock()
	p.r.catchUp()
}

// leave gives the place back.
func (p *place) leave() {
	p.mu.Lock()
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.slow {
		<-p.r.slow
	} else {
		release(p.in)
	}
	p.mu.Unlock()
	p.r.catchUp()
}

// job is one message on its way through the Runner.
type job struct {
	ctx context.Context
	id  string
	it  *Item // where it is; nil while only e is known
	e   *Entry
	env *envelope.Envelope // of a message that was just accepted; with e

	again  func(*job)    // gives it another turn
	done   func(Summary) // is told at its end
	waited *Busy         // what it waited for, if it did
}

// claim marks a message as being dealt with here; false means that it is already.
func (r *Runner) claim(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under[id] {
		return false
	}
	r.under[id] = true
	return true
}

// finish ends the work on a message.
func (r *Runner) finish(j *job, sum Summary) {
	r.mu.Lock()
	delete(r.under, j.id)
	r.mu.Unlock()
	r.nudge(j.waited)
	j.done(sum)
}

// work delivers a message at a place. A message that has to wait for a share is set aside.
func (r *Runner) work(j *job, p *place) {
	var busy *Busy
	sum := Summary{Unusable: 1}
	// A message that panics must not keep its place, nor its run.
	guard.From(j.ctx).Run("delivery of "+j.id, func() { sum, busy = r.attempt(j) })
	if busy != nil && r.setAside(j) && r.park(j, busy) {
		p.leave()
		return
	}
	// Who waits takes over before this one ends: Wait must not see a pause between them.
	p.leave()
	r.finish(j, sum)
}

// attempt opens the message, unless it is open, and delivers it.
func (r *Runner) attempt(j *job) (Summary, *Busy) {
	if j.e == nil {
		e, env, err := r.spool.Open(j.it)
		switch {
		case errors.Is(err, ErrLocked):
			return Summary{Locked: 1}, nil
		case errors.Is(err, ErrGone):
			return Summary{}, nil
		case err != nil:
			r.log(j.id, err)
			return Summary{Unusable: 1}, nil
		}
		j.e, j.env = e, env
	}
	e := j.e
	defer e.Close()
	err := r.to.Deliver(j.ctx, e, j.env)
	busy, waits := errors.AsType[*Busy](err)
	if !waits {
		busy = nil
	}
	if err := errors.Join(err, e.Close()); err != nil && !waits {
		r.log(j.id, err)
	}
	return Summary{Tried: 1}, busy
}

// setAside forgets all of a message but its place in the queue; false means that it has none.
func (r *Runner) setAside(j *job) bool {
	if j.e != nil {
		if err := j.e.Close(); err != nil {
			r.log(j.id, err)
		}
		j.e, j.env = nil, nil
	}
	if j.it != nil {
		return true
	}
	var err error
	j.it, err = r.spool.Find(j.id)
	return err == nil
}
