package queue

import (
	"context"
	"fmt"
	"slices"
)

// Share is what only so many deliveries at a time may be under way for: a mailer, a host, a user. It keeps deliveries
// that hang from taking all places. Messages beyond it wait in memory without a place, a file or a lock until one of
// the others is done.
type Share struct {
	Key   string
	Limit int // deliveries at a time; 0 means no limit
}

// Busy says that a delivery has to wait: a Deliverer returns it, and has left in the queue file who is still to get the
// message.
type Busy struct{ Share }

// Error names what has no room.
func (b *Busy) Error() string {
	return fmt.Sprintf("waits: %d deliveries to %s are under way", b.Limit, b.Key)
}

// share is the state of a Share.
type share struct {
	active int
	queue  []*job // that wait for it, in the order in which they have their turn
}

// Take counts a delivery against its shares. leave must be called at its end. Where one has no room none is taken, and
// the answer says which.
func (r *Runner) Take(list ...Share) (leave func(), busy *Busy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range list {
		if !r.room(s) {
			return nil, &Busy{s}
		}
	}
	for _, s := range list {
		r.shareOf(s.Key).active++
	}
	return func() { r.giveBack(list) }, nil
}

func (r *Runner) room(s Share) bool {
	at := r.shares[s.Key]
	return s.Limit <= 0 || at == nil || at.active < s.Limit
}

func (r *Runner) shareOf(key string) *share {
	s := r.shares[key]
	if s == nil {
		s = &share{}
		r.shares[key] = s
	}
	return s
}

func (r *Runner) giveBack(list []Share) {
	r.mu.Lock()
	for _, s := range list {
		r.shareOf(s.Key).active--
	}
	r.mu.Unlock()
	for _, s := range list {
		r.nudge(&Busy{s})
	}
}

// nudge gives the next message that waits for a share its turn, if there is room.
func (r *Runner) nudge(b *Busy) {
	if b == nil {
		return
	}
	r.mu.Lock()
	var next *job
	if s := r.shares[b.Key]; s != nil {
		if len(s.queue) > 0 && r.room(b.Share) {
			next, s.queue[0] = s.queue[0], nil
			s.queue = s.queue[1:]
			r.parked--
		}
		if s.active == 0 && len(s.queue) == 0 {
			delete(r.shares, b.Key)
		}
	}
	r.mu.Unlock()
	if next != nil {
		next.again(next)
	}
}

// park lets a message wait for a share. It is false where too many wait: those are left to the next run.
func (r *Runner) park(j *job, b *Busy) bool {
	r.mu.Lock()
	if r.parked >= maxWaiting || j.ctx.Err() != nil {
		r.mu.Unlock()
		return false
	}
	before := j.waited
	j.waited = b
	s := r.shareOf(b.Key)
	if before != nil && before.Key == b.Key { // it was its turn; somebody else was faster
		s.queue = slices.Insert(s.queue, 0, j)
	} else {
		s.queue = append(s.queue, j)
	}
	r.parked++
	r.mu.Unlock()
	if before != nil && before.Key != b.Key {
		r.nudge(before) // it did not use what it was woken for
	}
	r.nudge(b) // there may be room by now
	return true
}

// forsake ends the waiting of messages whose context has ended.
func (r *Runner) forsake() {
	var gone []*job
	r.mu.Lock()
	for key, s := range r.shares {
		s.queue = slices.DeleteFunc(s.queue, func(j *job) bool {
			ended := j.ctx.Err() != nil
			if ended {
				gone = append(gone, j)
				r.parked--
			}
			return ended
		})
		if s.active == 0 && len(s.queue) == 0 {
			delete(r.shares, key)
		}
	}
	r.mu.Unlock()
	for _, j := range gone {
		j.waited = nil
		r.finish(j, Summary{})
	}
}

// Later lets a message that a Deliverer returned Busy for, outside of a run, have its turn when there is room. Its
// entry must be closed.
func (r *Runner) Later(ctx context.Context, id string, b *Busy) {
	j := &job{ctx: ctx, id: id, again: r.backlog, done: func(Summary) {}}
	if !r.claim(id) {
		return
	}
	if !r.setAside(j) || !r.park(j, b) {
		r.finish(j, Summary{})
	}
}
