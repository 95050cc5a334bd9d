package mailers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"gosendmail/internal/guard"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

const (
	// wholeMessage is up to which size, in bytes, a message is made in memory before the file is locked.
	wholeMessage = 64 << 10
	// maxBatch is how many messages share an fsync.
	maxBatch = 100
)

// here stores a message in this process, on a thread that has the rights of id; nil means ours. The error is that the
// thread cannot have them: nothing was done.
func (t *Table) here(ctx context.Context, o order, id *priv.Identity, size int64, write func(io.Writer) error) (status.Status, error) {
	if size <= wholeMessage {
		var b bytes.Buffer
		b.Grow(int(size) + 1024)
		if err := write(&b); err != nil {
			return afterFeeding(storeStatus(o, err), err), nil
		}
		return t.put(ctx, o, id, &b)
	}
	r, w := io.Pipe()
	fed := guard.Start("delivery", func() error {
		err := guard.Try("delivery", func() error { return write(w) })
		w.CloseWithError(err)
		return err
	})
	st, err := t.put(ctx, o, id, r)
	r.CloseWithError(io.ErrClosedPipe)
	if err := <-fed; err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return afterFeeding(st, err), nil
	}
	return st, err
}

func (t *Table) put(ctx context.Context, o order, id *priv.Identity, message io.Reader) (status.Status, error) {
	if o.Kind == "maildir" {
		var st status.Status
		err := onBehalf(id, func() { st = store(ctx, o, message) })
		return st, err
	}
	err := t.files.put(ctx, o, id, message)
	if errors.Is(err, priv.ErrUnable) {
		return status.Status{}, err
	}
	return storeStatus(o, err), nil
}

func onBehalf(id *priv.Identity, f func()) error {
	if id == nil {
		f()
		return nil
	}
	return priv.OnBehalf(*id, f)
}

// deposits lets messages for the same file share its locks and its fsync: those that come while the file is being
// written to are written together when that is done.
type deposits struct {
	mu      sync.Mutex
	waiting map[string][]*deposit // by file and owner; present while somebody writes there
}

// put appends a message to a file and returns when it is safe there, or not there at all.
func (q *deposits) put(ctx context.Context, o order, id *priv.Identity, message io.Reader) error {
	d := &deposit{message: message, done: make(chan struct{})}
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%v", o.Kind, o.Root, o.Path, id)
	q.mu.Lock()
	list, busy := q.waiting[key]
	if busy {
		q.waiting[key] = append(list, d)
		q.mu.Unlock()
		<-d.done
		return d.err
	}
	if q.waiting == nil {
		q.waiting = map[string][]*deposit{}
	}
	q.waiting[key] = nil
	q.mu.Unlock()
	write(ctx, o, id, []*deposit{d})
	if batch := q.next(key); batch != nil {
		rest := context.WithoutCancel(ctx)
		guard.From(ctx).Go("delivery", func() { q.serve(rest, key, o, id, batch) })
	}
	return d.err
}

// next takes who waits for a file, or ends the writing there.
func (q *deposits) next(key string) []*deposit {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting[key]
	if len(list) == 0 {
		delete(q.waiting, key)
		return nil
	}
	n := min(len(list), maxBatch)
	q.waiting[key] = list[n:]
	return list[:n:n]
}

// serve writes until nobody waits.
func (q *deposits) serve(ctx context.Context, key string, o order, id *priv.Identity, batch []*deposit) {
	for ; batch != nil; batch = q.next(key) {
		write(ctx, o, id, batch)
	}
}

// write appends a batch and tells each its outcome.
func write(ctx context.Context, o order, id *priv.Identity, batch []*deposit) {
	err := guard.Try("append to "+o.Path, func() error {
		return onBehalf(id, func() { appendAll(ctx, o, batch) })
	})
	for _, d := range batch { // who waits gets a panic, too
		if err != nil {
			d.err = err
		}
		close(d.done)
	}
}
