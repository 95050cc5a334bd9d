package priv

import (
	"context"
	"sync"
	"time"
)

// maxAnswers bounds what Answers keeps.
const maxAnswers = 1000

// maxAsking bounds the processes that ask at a time: who names many unknown users waits for his own questions.
const maxAsking = 8

// Answers keeps what getent(1) answered for a while, since asking means a process: who is there, and, in a store of its
// own that cannot push these out, who is not. A user who was just made exists after that time at the latest; the passwd
// file is read each time.
type Answers struct {
	Age time.Duration // how long an answer holds

	mu     sync.Mutex
	kept   map[question]answer
	absent map[question]answer
	asking chan struct{}
}

// ask waits until another process may be started; done lets the next one.
func (a *Answers) ask(ctx context.Context) (done func(), err error) {
	if a == nil {
		return func() {}, nil
	}
	a.mu.Lock()
	if a.asking == nil {
		a.asking = make(chan struct{}, maxAsking)
	}
	asking := a.asking
	a.mu.Unlock()
	select {
	case asking <- struct{}{}:
		return func() { <-asking }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type question struct{ database, key string }

type answer struct {
	text  string
	found bool
	until time.Time
}

func (a *Answers) get(q question) (got answer, ok bool) {
	if a == nil {
		return got, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if got, ok = a.kept[q]; !ok {
		got, ok = a.absent[q]
	}
	return got, ok && time.Now().Before(got.until)
}

func (a *Answers) put(q question, got answer) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	store := &a.absent
	if got.found {
		store = &a.kept
		delete(a.absent, q)
	}
	if *store == nil || len(*store) >= maxAnswers {
		*store = map[question]answer{}
	}
	got.until = time.Now().Add(a.Age)
	(*store)[q] = got
}
