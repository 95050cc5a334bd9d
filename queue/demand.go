package queue

import (
	"context"
	"errors"
	"slices"

	"gosendmail/internal/guard"
)

// maxDemands is how many different runs may be asked for while one is under way.
const maxDemands = 100

// ErrTooManyRuns means that as many queue runs wait as may wait.
var ErrTooManyRuns = errors.New("too many queue runs are asked for")

// demands are runs that were asked for (ETRN).
type demands struct {
	running bool
	list    []Selection // that the next run takes
}

// Demand has the selected part of the queue run soon. However many ask, one run at a time looks at the queue, for all
// who asked while the one before did: who asks for what the next run takes anyhow joins it. It is over when all
// messages have had their turn.
func (r *Runner) Demand(ctx context.Context, sel Selection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &r.demands
	switch {
	case slices.ContainsFunc(d.list, sel.equal):
		return nil
	case len(d.list) >= maxDemands:
		return ErrTooManyRuns
	}
	d.list = append(d.list, sel)
	if !d.running {
		d.running = true
		r.wg.Go(guard.From(ctx).Func("queue runs on demand", func() { r.meet(ctx) }))
	}
	return nil
}

// meet runs the queue until nobody asks any more.
func (r *Runner) meet(ctx context.Context) {
	for {
		r.mu.Lock()
		list := r.demands.list
		r.demands.list = nil
		if len(list) == 0 || ctx.Err() != nil {
			r.demands.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		guard.From(ctx).Run("queue run on demand", func() { r.runFor(ctx, list) })
	}
}

// runFor is one run of all groups for several selections.
func (r *Runner) runFor(ctx context.Context, list []Selection) {
	for _, g := range r.spool.groups {
		var normal, held []*Selection
		for i := range list {
			switch s := &list[i]; {
			case !s.group(g):
			case s.Quarantined:
				held = append(held, s)
			default:
				normal = append(normal, s)
			}
		}
		for _, sel := range [][]*Selection{normal, held} {
			if len(sel) > 0 {
				rn, _ := r.begin(ctx, g, sel...)
				r.wg.Go(guard.From(ctx).Func("queue run on demand", func() { rn.wait() }))
			}
		}
	}
}
