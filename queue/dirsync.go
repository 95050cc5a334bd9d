package queue

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"gosendmail/internal/guard"
)

// dirSync makes the names of a directory durable for many callers at once: an fsync that begins after a rename
// covers it, so all who wait while one fsync runs share the next one.
type dirSync struct {
	dir    *os.File
	spares spares

	served  sync.WaitGroup // the goroutine that syncs
	mu      sync.Mutex
	running bool
	next    *syncBatch // those who came since the running fsync began
}

type syncBatch struct {
	done chan struct{}
	err  error
}

func newDirSync(path string) (*dirSync, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &dirSync{dir: dir}, nil
}

func (d *dirSync) close() error {
	d.served.Wait()
	return errors.Join(d.spares.close(), d.dir.Close())
}

// sync returns when an fsync that began after the call has ended.
func (d *dirSync) sync() error {
	d.mu.Lock()
	if d.next == nil {
		d.next = &syncBatch{done: make(chan struct{})}
	}
	mine := d.next
	if !d.running {
		d.running = true
		d.served.Go(guard.Report(nil).Func("sync of "+d.dir.Name(), d.serve))
	}
	d.mu.Unlock()
	<-mine.done
	return mine.err
}

// serve syncs until nobody waits any more.
func (d *dirSync) serve() {
	d.mu.Lock()
	for d.next != nil {
		batch := d.next
		d.next = nil
		d.mu.Unlock()
		done := d.spares.syncing()
		err := guard.Try("sync of "+d.dir.Name(), d.dir.Sync)
		if err != nil {
			batch.err = fmt.Errorf("queue: sync %s: %w", d.dir.Name(), err)
		}
		close(batch.done)
		done(err)
		d.mu.Lock()
	}
	d.running = false
	d.mu.Unlock()
}
