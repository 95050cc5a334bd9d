package queue_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

// stuckMail is a Deliverer whose deliveries to hosts that begin with "stuck" hang until they are let go.
type stuckMail struct {
	r     *queue.Runner
	limit int // deliveries to one host at a time
	gate  chan struct{}

	mu     sync.Mutex
	active int
	most   int
	good   []time.Time // when each delivery to another host was done
}

func (d *stuckMail) Deliver(_ context.Context, e *queue.Entry, env *envelope.Envelope) error {
	_, host, _ := strings.Cut(strings.Trim(env.Recipients[0].Addr, "<>"), "@")
	leave, busy := d.r.Take(queue.Share{Key: host, Limit: d.limit})
	if busy != nil {
		return busy
	}
	defer leave()
	if !strings.HasPrefix(host, "stuck") {
		d.mu.Lock()
		d.good = append(d.good, time.Now())
		d.mu.Unlock()
		return e.Remove()
	}
	d.mu.Lock()
	d.active++
	d.most = max(d.most, d.active)
	d.mu.Unlock()
	<-d.gate
	d.mu.Lock()
	d.active--
	d.mu.Unlock()
	return e.Remove()
}

// TestStuckDeliveriesDoNotStopOthers puts 300 deliveries that hang, to one host or to many, before 100 others: in the
// background, in a queue run, and in a run that begins while an earlier one hangs.
func TestStuckDeliveriesDoNotStopOthers(t *testing.T) {
	const stuck, good = 300, 100
	for _, c := range []struct {
		name  string
		hosts int // that hang
		most  time.Duration
	}{{"one host", 1, 5 * time.Second}, {"many hosts", stuck, 15 * time.Second}} {
		for _, path := range []string{"background", "run", "later run"} {
			t.Run(c.name+", "+path, func(t *testing.T) {
				rcpt := func(i int) string {
					if i < stuck {
						return fmt.Sprintf("<%d@stuck%d.test>", i, i%c.hosts)
					}
					return fmt.Sprintf("<%d@good%d.test>", i, i)
				}
				synctest.Test(t, func(t *testing.T) {
					s := testSpool(t, func(c *queue.Config) { c.SuperSafe = queue.SafeFalse })
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					d := &stuckMail{limit: 20, gate: make(chan struct{})}
					d.r = queue.NewRunner(s, d, queue.RunnerConfig{Order: queue.Unsorted, MaxRunners: 50, MaxJobs: 80, Background: 50,
						Patience: 2 * time.Second, MaxSlow: 500, Interval: time.Hour})
					start := time.Now()
					var done sync.WaitGroup
					switch path {
					case "background":
						for i := range stuck + good {
							e, env := committed(t, s, rcpt(i))
							d.r.Submit(ctx, e, env)
						}
					case "run":
						for i := range stuck + good {
							put(t, s, rcpt(i), nil)
						}
						done.Go(func() { d.r.RunOnce(ctx, queue.Selection{}) })
					case "later run":
						for i := range stuck {
							put(t, s, rcpt(i), nil)
						}
						done.Go(func() { d.r.Run(ctx) })
						time.Sleep(30 * time.Minute)
						for i := range good {
							put(t, s, rcpt(stuck+i), nil)
						}
						time.Sleep(30*time.Minute - time.Nanosecond)
						start = time.Now()
					}
					time.Sleep(c.most)
					synctest.Wait()
					d.mu.Lock()
					if len(d.good) != good || d.good[good-1].Sub(start) > c.most {
						t.Errorf("%d of %d others were delivered after %v", len(d.good), good, c.most)
					}
					if limit := min(20*c.hosts, stuck); d.most > limit {
						t.Errorf("%d deliveries hung at a time, limit %d", d.most, limit)
					}
					d.mu.Unlock()
					close(d.gate)
					synctest.Wait()
					if path == "later run" {
						cancel()
					}
					done.Wait()
					d.r.Wait()
					if list, err := s.List(queue.Selection{}); err != nil || len(list) != 0 {
						t.Errorf("%d messages are left: %v", len(list), err)
					}
				})
			})
		}
	}
}

func committed(t *testing.T, s *queue.Spool, rcpt string) (*queue.Entry, *envelope.Envelope) {
	t.Helper()
	e := create(t, s.Group(""), "x\n")
	env := testEnvelope(rcpt)
	if err := e.Commit(env); err != nil {
		t.Fatal(err)
	}
	return e, env
}

// TestRunEndsWhileMessagesWait ends a run whose messages wait for a share: they stay in the queue and can be run again.
func TestRunEndsWhileMessagesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t, nil)
		for i := range 10 {
			put(t, s, fmt.Sprintf("<%d@stuck.test>", i), nil)
		}
		d := &stuckMail{limit: 2, gate: make(chan struct{})}
		d.r = queue.NewRunner(s, d, queue.RunnerConfig{MaxRunners: 5})
		ctx, cancel := context.WithCancel(context.Background())
		sum := make(chan queue.Summary)
		go func() { one, _ := d.r.RunOnce(ctx, queue.Selection{}); sum <- one }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(d.gate)
		if one := <-sum; one.Seen != 10 || one.Tried != 2 {
			t.Errorf("%+v", one)
		}
		if one, err := d.r.RunOnce(context.Background(), queue.Selection{}); err != nil || one.Tried != 8 {
			t.Errorf("the next run: %+v, %v", one, err)
		}
	})
}

// TestDemandsJoin asks for 1000 runs while one is under way: the queue is looked at twice, not 1000 times, and not by
// more at a time.
func TestDemandsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t, nil)
		put(t, s, "<a@one.test>", nil)
		put(t, s, "<b@two.test>", nil)
		looks, gate := 0, make(chan struct{})
		d := &deliverer{}
		r := queue.NewRunner(s, d, queue.RunnerConfig{Busy: func(int64, time.Time) bool {
			looks++
			<-gate
			return false
		}})
		node := func(name string) queue.Selection {
			return queue.Selection{Recipients: []queue.Match{{Text: "@" + name}}}
		}
		ctx := context.Background()
		if err := r.Demand(ctx, node("one.test")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 1000 {
			if err := r.Demand(ctx, node("one.test")); err != nil {
				t.Fatal(err)
			}
		}
		refused := 0
		for i := range 1000 {
			if r.Demand(ctx, node(fmt.Sprintf("n%d.test", i))) != nil {
				refused++
			}
		}
		close(gate)
		r.Wait()
		if got := d.take(); !strings.HasPrefix(got, "<a@one.test>") || looks != 2 || refused != 901 {
			t.Errorf("delivered %q, %d looks, %d refused", got, looks, refused)
		}
	})
}
