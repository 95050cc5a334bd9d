package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
	"gosendmail/queue"
)

// deliverer is a Deliverer that notes whom it was given and does what the test says.
type deliverer struct {
	mu   sync.Mutex
	seen []string
	do   func(e *queue.Entry, env *envelope.Envelope) error
}

func (d *deliverer) Deliver(_ context.Context, e *queue.Entry, env *envelope.Envelope) error {
	d.mu.Lock()
	d.seen = append(d.seen, env.Recipients[0].Addr)
	d.mu.Unlock()
	if d.do == nil {
		return nil
	}
	return d.do(e, env)
}

func (d *deliverer) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := strings.Join(d.seen, " ")
	d.seen = nil
	return out
}

func remove(e *queue.Entry, _ *envelope.Envelope) error { return e.Remove() }

// put makes a message with its recipient's name as a mark.
func put(t *testing.T, s *queue.Spool, rcpt string, change func(*envelope.Envelope)) string {
	t.Helper()
	env := testEnvelope(rcpt)
	if change != nil {
		change(env)
	}
	id, err := accept(s.Group(""), []byte("x\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRunOrder(t *testing.T) {
	s := testSpool(t, nil)
	put(t, s, "<a@z.test>", func(e *envelope.Envelope) { e.Priority, e.Created = 3, time.Unix(300, 0) })
	put(t, s, "<b@y.test>", func(e *envelope.Envelope) { e.Priority, e.Created = 1, time.Unix(200, 0) })
	put(t, s, "<c@b.y.test>", func(e *envelope.Envelope) { e.Priority, e.Created = 2, time.Unix(100, 0) })
	for order, want := range map[string]string{
		"Priority": "<b@y.test> <c@b.y.test> <a@z.test>",
		"host":     "<b@y.test> <c@b.y.test> <a@z.test>",
		"time":     "<c@b.y.test> <b@y.test> <a@z.test>",
	} {
		o, err := queue.ParseOrder(order)
		if err != nil {
			t.Fatal(err)
		}
		d := &deliverer{}
		sum, err := queue.NewRunner(s, d, queue.RunnerConfig{Order: o}).RunOnce(context.Background(), queue.Selection{})
		if got := d.take(); err != nil || got != want || sum.Tried != 3 {
			t.Errorf("%s: %s %+v %v", order, got, sum, err)
		}
	}
	for _, order := range []string{"filename", "random", "modification", "none"} {
		o, err := queue.ParseOrder(order)
		if err != nil {
			t.Fatal(err)
		}
		d := &deliverer{}
		sum, err := queue.NewRunner(s, d, queue.RunnerConfig{Order: o, MaxRun: 2, MaxRunners: 2}).RunOnce(context.Background(), queue.Selection{})
		if err != nil || sum.Tried != 2 || len(strings.Fields(d.take())) != 2 {
			t.Errorf("%s: %+v %v", order, sum, err)
		}
	}
	if _, err := queue.ParseOrder("zzz"); err == nil {
		t.Error("zzz is an order")
	}
}

func TestSelection(t *testing.T) {
	s := testSpool(t, nil)
	id := put(t, s, "<bob@remote.test>", func(e *envelope.Envelope) { e.SenderText, e.Priority = "<x@here.test>", 1 })
	put(t, s, "<carol@Remote.test>", func(e *envelope.Envelope) { e.Priority = 2 })
	put(t, s, "<dave@other.test>", func(e *envelope.Envelope) { e.Priority = 3 })
	put(t, s, "<quar@other.test>", func(e *envelope.Envelope) { e.QuarantineReason = "Bad stuff" })
	for _, c := range []struct{ args, want string }{
		{"I" + id, "<bob@remote.test>"},
		{"!I" + id, "<carol@Remote.test> <dave@other.test>"},
		{"Rremote.test", "<bob@remote.test> <carol@Remote.test>"},
		{"!RREMOTE", "<dave@other.test>"},
		{"Rbob Rdave", "<bob@remote.test> <dave@other.test>"},
		{"Rremote Shere.test", "<bob@remote.test>"},
		{"Q", "<quar@other.test>"},
		{"Qbad", "<quar@other.test>"},
		{"Qgood", ""},
		{"Gmqueue", "<bob@remote.test> <carol@Remote.test> <dave@other.test>"},
		{"Gnosuch", ""},
	} {
		var sel queue.Selection
		for _, a := range strings.Fields(c.args) {
			if err := sel.Parse(a); err != nil {
				t.Fatal(err)
			}
		}
		d := &deliverer{}
		if _, err := queue.NewRunner(s, d, queue.RunnerConfig{}).RunOnce(context.Background(), sel); err != nil {
			t.Fatal(err)
		}
		if got := d.take(); got != c.want {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
	for _, bad := range []string{"", "!", "Z", "G"} {
		var sel queue.Selection
		if err := sel.Parse(bad); err == nil {
			t.Errorf("%q is a selection", bad)
		}
	}
}

// TestAges tries MinQueueAge, and MaxQueueAge's doubling.
func TestAges(t *testing.T) {
	now := time.Unix(1800000000, 0)
	s := testSpool(t, func(c *queue.Config) { c.Now = func() time.Time { return now } })
	put(t, s, "new", nil)
	put(t, s, "just", func(e *envelope.Envelope) { e.Tries, e.LastTry = 1, now.Add(-time.Minute) })
	put(t, s, "ago20m", func(e *envelope.Envelope) { e.Tries, e.LastTry = 3, now.Add(-20*time.Minute) })
	put(t, s, "ago5h", func(e *envelope.Envelope) { e.Tries, e.LastTry = 40, now.Add(-5*time.Hour) })
	put(t, s, "future", func(e *envelope.Envelope) { e.Tries, e.LastTry = 1, now.Add(time.Hour) })
	for _, c := range []struct {
		min, max time.Duration
		want     string
	}{
		{0, 0, "ago20m ago5h future just new"},
		{10 * time.Minute, 0, "ago20m ago5h future new"},
		{10 * time.Minute, 4 * time.Hour, "ago5h future new"},
	} {
		d := &deliverer{}
		if _, err := queue.NewRunner(s, d, queue.RunnerConfig{MinAge: c.min, MaxAge: c.max}).RunOnce(context.Background(), queue.Selection{}); err != nil {
			t.Fatal(err)
		}
		got := strings.Fields(d.take())
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v/%v: %s, want %s", c.min, c.max, got, c.want)
		}
	}
	d := &deliverer{}
	var sel queue.Selection
	if err := sel.Parse("Rjust"); err != nil {
		t.Fatal(err)
	}
	if _, err := queue.NewRunner(s, d, queue.RunnerConfig{MinAge: time.Hour}).RunOnce(context.Background(), sel); err != nil || d.take() != "just" {
		t.Error("a selected message waits for MinQueueAge")
	}
}

// TestRunSkips leaves locked messages to others, sets broken ones aside, and goes on after errors.
func TestRunSkips(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	locked := put(t, s, "locked", nil)
	put(t, s, "fails", nil)
	if err := os.WriteFile(filepath.Join(dir, "qf6AM4Zx4C000173"), []byte("V8\nSx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	it, err := s.Find(locked)
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := s.Open(it)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	broken := errors.New("broken")
	var logged []string
	d := &deliverer{do: func(*queue.Entry, *envelope.Envelope) error { return broken }}
	r := queue.NewRunner(s, d, queue.RunnerConfig{Log: func(id string, err error) { logged = append(logged, fmt.Sprint(id, err)) }})
	sum, err := r.RunOnce(context.Background(), queue.Selection{})
	if err != nil || sum != (queue.Summary{Seen: 3, Tried: 1, Locked: 1, Unusable: 1}) || len(logged) != 2 {
		t.Errorf("%+v %v %q", sum, err, logged)
	}
	r = queue.NewRunner(s, d, queue.RunnerConfig{Busy: func(p int64, _ time.Time) bool { return p > 0 }})
	if sum, _ := r.RunOnce(context.Background(), queue.Selection{}); sum != (queue.Summary{Seen: 2, Busy: 2}) {
		t.Errorf("busy: %+v", sum)
	}
}

// TestRunInterval runs at once, at each interval, and when woken.
// TestRunLost is -qL: what can be read is tried, and is an ordinary message then; the rest stays aside.
func TestRunLost(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	rename := func(id string) {
		if err := os.Rename(filepath.Join(dir, "qf"+id), filepath.Join(dir, "Qf"+id)); err != nil {
			t.Fatal(err)
		}
	}
	rename(put(t, s, "gone", nil))
	waits, held := put(t, s, "waits", nil), put(t, s, "held", nil)
	rename(waits)
	it, err := s.Find(held)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Quarantine(it, "why"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "hf"+held), filepath.Join(dir, "Qf"+held)); err != nil {
		t.Fatal(err)
	}
	put(t, s, "ordinary", nil)
	const broken = "Qf6AM4Zx4C000173"
	if err := os.WriteFile(filepath.Join(dir, broken), []byte("V8\nSx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &deliverer{do: func(e *queue.Entry, env *envelope.Envelope) error {
		if env.Recipients[0].Addr == "gone" {
			return e.Remove()
		}
		return nil
	}}
	sum, err := queue.NewRunner(s, d, queue.RunnerConfig{}).RunOnce(context.Background(), queue.Selection{LostOnly: true})
	if err != nil || sum.Tried != 2 || sum.Unusable != 1 {
		t.Errorf("%+v %v", sum, err)
	}
	for _, name := range []string{broken, "qf" + waits, "hf" + held} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRunInterval(t *testing.T) {
	s := testSpool(t, nil)
	put(t, s, "m", nil)
	for _, persistent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &deliverer{}
			ctx, cancel := context.WithCancel(context.Background())
			r := queue.NewRunner(s, d, queue.RunnerConfig{Interval: time.Hour, Persistent: persistent})
			done := make(chan struct{})
			go func() { defer close(done); r.Run(ctx) }()
			synctest.Wait()
			if got := d.take(); got != "m" {
				t.Errorf("at start: %q", got)
			}
			time.Sleep(59 * time.Minute)
			synctest.Wait()
			if got := d.take(); got != "" {
				t.Errorf("early: %q", got)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if got := d.take(); got != "m" {
				t.Errorf("after the interval: %q", got)
			}
			r.Wake()
			synctest.Wait()
			if got := d.take(); got != "m" {
				t.Errorf("woken: %q", got)
			}
			cancel()
			<-done
		})
	}
}

// TestRunWithoutInterval waits to be woken.
func TestRunWithoutInterval(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	put(t, s, "m", nil)
	synctest.Test(t, func(t *testing.T) {
		d := &deliverer{}
		ctx, cancel := context.WithCancel(context.Background())
		r := queue.NewRunner(s, d, queue.RunnerConfig{})
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if got := d.take(); got != "" {
			t.Errorf("ran by itself: %q", got)
		}
		r.Wake()
		synctest.Wait()
		if got := d.take(); got != "m" {
			t.Errorf("woken: %q", got)
		}
		cancel()
		<-done
	})
}

// TestSubmit delivers new mail at once, no more at a time than allowed, and forgets nobody.
func TestSubmit(t *testing.T) {
	dir := t.TempDir()
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	gate := make(chan struct{})
	var mu sync.Mutex
	active, most := 0, 0
	d := &deliverer{do: func(e *queue.Entry, _ *envelope.Envelope) error {
		mu.Lock()
		active++
		most = max(most, active)
		mu.Unlock()
		<-gate
		mu.Lock()
		active--
		mu.Unlock()
		return e.Remove()
	}}
	r := queue.NewRunner(s, d, queue.RunnerConfig{Background: 3})
	for range 10 {
		e := create(t, s.Group(""), "x\n")
		env := testEnvelope("m")
		if err := e.Commit(env); err != nil {
			t.Fatal(err)
		}
		r.Submit(context.Background(), e, env)
	}
	close(gate)
	r.Wait()
	if got := len(strings.Fields(d.take())); got != 10 || most > 3 {
		t.Errorf("delivered %d, %d at a time", got, most)
	}
	if got := kinds(t, dir); got != "" {
		t.Errorf("left %s", got)
	}
}

// TestTwoRunners share one queue; every message is delivered once.
func TestTwoRunners(t *testing.T) {
	dir := t.TempDir()
	one := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	two := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = dir })
	for i := range 50 {
		put(t, one, fmt.Sprint(i), nil)
	}
	a, b := &deliverer{do: remove}, &deliverer{do: remove}
	var wg sync.WaitGroup
	for s, d := range map[*queue.Spool]*deliverer{one: a, two: b} {
		wg.Go(func() {
			r := queue.NewRunner(s, d, queue.RunnerConfig{MaxRunners: 4, MaxJobs: 3})
			if _, err := r.RunOnce(context.Background(), queue.Selection{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := append(strings.Fields(a.take()), strings.Fields(b.take())...)
	slices.Sort(got)
	if len(got) != 50 || len(slices.Compact(got)) != 50 {
		t.Errorf("delivered %d times", len(got))
	}
}

func TestTimeouts(t *testing.T) {
	to := queue.DefaultTimeouts()
	to.Warn = queue.Limits{Urgent: time.Hour, Normal: 4 * time.Hour, NonUrgent: 12 * time.Hour, DSN: queue.Never}
	to.Return.DSN = 24 * time.Hour
	created := time.Unix(1800000000, 0)
	for _, c := range []struct {
		env           envelope.Envelope
		age           time.Duration
		warn, expired bool
	}{
		{envelope.Envelope{Sender: "a"}, 3 * time.Hour, false, false},
		{envelope.Envelope{Sender: "a"}, 5 * time.Hour, true, false},
		{envelope.Envelope{Sender: "a", Flags: envelope.Flags{Warning: true}}, 5 * time.Hour, false, false},
		{envelope.Envelope{Sender: "a", Class: 100}, 2 * time.Hour, true, false},
		{envelope.Envelope{Sender: "a", Class: -60}, 5 * time.Hour, false, false},
		{envelope.Envelope{Flags: envelope.Flags{Response: true}}, 25 * time.Hour, true, true},
		{envelope.Envelope{}, 25 * time.Hour, true, false},
		{envelope.Envelope{Sender: "a"}, 121 * time.Hour, true, true},
	} {
		c.env.Created = created
		now := created.Add(c.age)
		if w, e := to.WarnDue(&c.env, now), to.Expired(&c.env, now); w != c.warn || e != c.expired {
			t.Errorf("%+v after %v: %v %v", c.env, c.age, w, e)
		}
	}
	to.Return.Normal = 0
	if !to.Expired(&envelope.Envelope{Sender: "a", Created: created}, created.Add(time.Second)) {
		t.Error("queuereturn=now does not return")
	}
}

// TestPanicEndsOneDelivery lets the delivery of one message panic, in a run and in the background: it is reported with
// its place, the others are delivered, and the message stays.
func TestPanicEndsOneDelivery(t *testing.T) {
	s := testSpool(t, nil)
	d := &deliverer{do: func(e *queue.Entry, env *envelope.Envelope) error {
		if strings.Contains(env.Recipients[0].Addr, "bad") {
			panic("bad message")
		}
		return e.Remove()
	}}
	var mu sync.Mutex
	var told []string
	ctx := guard.With(context.Background(), func(p *guard.Panic) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, p.Error())
	})
	r := queue.NewRunner(s, d, queue.RunnerConfig{Background: 1})
	for _, name := range []string{"<a@b.test>", "<bad@b.test>", "<c@b.test>"} {
		put(t, s, name, nil)
	}
	sum, err := r.RunOnce(ctx, queue.Selection{})
	if err != nil || sum.Unusable != 1 || sum.Tried != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, name := range []string{"<bad@b.test>", "<d@b.test>"} {
		e, err := s.Group("").Create(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		env := testEnvelope(name)
		if err := e.Commit(env); err != nil {
			t.Fatal(err)
		}
		r.Submit(ctx, e, env)
	}
	r.Wait()
	list, err := s.List(queue.Selection{})
	if err != nil || len(list) != 2 || len(told) != 2 || !strings.Contains(told[0], "bad message at queue/runner_test.go:") {
		t.Errorf("%d messages are left, reported %q, %v", len(list), told, err)
	}
}
