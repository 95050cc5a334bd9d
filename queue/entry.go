package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gosendmail/internal/envelope"
)

// Errors of entries.
var (
	// ErrLocked means that another process or goroutine works on the entry.
	ErrLocked = errors.New("locked")
	// ErrGone means that the entry was removed, or replaced while it was waited for.
	ErrGone = errors.New("no control file")
	// ErrState means that an operation came at the wrong time; it is a fault of the caller.
	ErrState = errors.New("wrong state")
)

// storage is what stands behind an Entry. The spool files are one; a journal for messages that are delivered at once
// can be another.
type storage interface {
	io.Writer
	size() int64
	commit(env *envelope.Envelope, durable bool) error
	update(env *envelope.Envelope) error
	open() (io.ReadCloser, error)
	clone(to *Group) (storage, string, error)
	transcript() (*os.File, error)
	openTranscript() (io.ReadCloser, error)
	lose(reason error) error
	remove() error // from any state to S0
	close() error  // lets go of the lock, leaves the state
}

type entryState uint8

const (
	receiving entryState = iota // S1
	queued                      // S3, locked
	closed                      // whatever is on disk is no longer ours
)

// Entry is one message in the queue that this process holds. It is not for use by several goroutines at a time.
type Entry struct {
	// Interactive says that delivery is tried before the client is answered: with SuperSafe=Interactive Commit
	// then leaves out the fsync, and Update (after a failed delivery) makes up for it.
	Interactive bool

	id    string
	group *Group
	st    storage
	state entryState
}

// Create begins a message: an ID is given and its data file made, into which Write puts the body. Commit makes it mail,
// Abort forgets it. ErrNoSpace where MinFreeBlocks forbids more mail.
func (g *Group) Create(ctx context.Context) (*Entry, error) { return g.CreateAs(ctx, "") }

// NewID returns an ID for a message that may come: sessions log it before there is anything to store.
func (s *Spool) NewID() string { return s.ids.next() }

// CreateAs is Create under an ID that NewID gave. Where that is taken already the entry gets another one.
func (g *Group) CreateAs(ctx context.Context, id string) (*Entry, error) {
	if id != "" && !validID(id) {
		return nil, fmt.Errorf("queue: create: no queue identifier: %q", id)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("queue: create: %w", err)
	}
	st, id, err := g.newFiles(id)
	if err != nil {
		return nil, fmt.Errorf("queue: create: %w", err)
	}
	return &Entry{id: id, group: g, st: st}, nil
}

// ID returns the queue identifier.
func (e *Entry) ID() string { return e.id }

// Group returns the queue group that the entry is in.
func (e *Entry) Group() *Group { return e.group }

// Write adds to the body: what follows the header, with LF line ends.
func (e *Entry) Write(p []byte) (int, error) {
	if e.state != receiving {
		return 0, e.wrap("write", ErrState)
	}
	n, err := e.st.Write(p)
	return n, e.wrap("write", err)
}

// Size returns the length of the body in bytes.
func (e *Entry) Size() int64 { return e.st.size() }

// Commit makes the message safe (S1 to S3): when it returns nil the client may be told 250. It sets env.ID and
// env.Open, and the time of creation where that is zero. After an error the message is not in the queue; Abort removes
// the rest. The entry stays locked until Close, Remove or Update and Close.
func (e *Entry) Commit(env *envelope.Envelope) error {
	if e.state != receiving {
		return e.wrap("commit", ErrState)
	}
	if env.Created.IsZero() {
		env.Created = e.group.spool.cfg.Now()
	}
	env.ID = e.id
	if err := e.st.commit(env, e.durable()); err != nil {
		return e.wrap("commit", err)
	}
	env.Open = e.st.open
	e.state = queued
	return nil
}

func (e *Entry) durable() bool {
	switch e.group.spool.cfg.SuperSafe {
	case SafeFalse:
		return false
	case SafeInteractive:
		return !e.Interactive
	}
	return true
}

// Abort forgets a message that was not committed. Nothing is left of it.
func (e *Entry) Abort() error {
	if e.state != receiving {
		return e.wrap("abort", ErrState)
	}
	e.state = closed
	return e.wrap("abort", e.st.remove())
}

// Update writes the envelope anew: its pending recipients only, with times and status as they are now. A crash in
// between leaves the old or the new envelope. When env's quarantine reason came or went, the name changes with it.
func (e *Entry) Update(env *envelope.Envelope) error {
	if e.state != queued {
		return e.wrap("update", ErrState)
	}
	return e.wrap("update", e.st.update(env))
}

// Remove ends the message: everyone was dealt with. The control file goes first, so that a crash leaves litter and
// never a message without its data.
func (e *Entry) Remove() error {
	if e.state != queued {
		return e.wrap("remove", ErrState)
	}
	e.state = closed
	return e.wrap("remove", e.st.remove())
}

// Close gives up the lock and removes the transcript; the message stays in the queue. An entry that is still being
// received is aborted. Close after Remove, Abort, Lose or Close does nothing.
func (e *Entry) Close() error {
	switch e.state {
	case closed:
		return nil
	case receiving:
		return e.Abort()
	}
	e.state = closed
	return e.wrap("close", e.st.close())
}

// Open returns the body from its first byte.
func (e *Entry) Open() (io.ReadCloser, error) {
	f, err := e.st.open()
	return f, e.wrap("open", err)
}

// Clone makes another entry with the same body, without copying it where the file system allows that: for envelopes
// that are split. It is to be committed or aborted like a new one.
func (e *Entry) Clone(to *Group) (*Entry, error) {
	st, id, err := e.st.clone(to)
	if err != nil {
		return nil, e.wrap("clone", err)
	}
	return &Entry{id: id, group: to, st: st, Interactive: e.Interactive}, nil
}

// Transcript returns the entry's xf file for appending, made on first use: what a session says that a bounce is to
// show. It is removed when the entry is closed.
func (e *Entry) Transcript() (io.Writer, error) {
	if e.state == closed {
		return nil, e.wrap("transcript", ErrState)
	}
	f, err := e.st.transcript()
	if err != nil {
		return nil, e.wrap("transcript", err)
	}
	return f, nil
}

// OpenTranscript reads the xf file from its beginning; it is empty where nothing was written.
func (e *Entry) OpenTranscript() (io.ReadCloser, error) {
	f, err := e.st.openTranscript()
	return f, e.wrap("open transcript", err)
}

// Lose sets a message aside that cannot be dealt with: its qf becomes a Qf, which only a person makes a qf again.
func (e *Entry) Lose(reason error) error {
	if e.state != queued {
		return e.wrap("lose", ErrState)
	}
	e.state = closed
	return e.wrap("lose", e.st.lose(reason))
}

func (e *Entry) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %s %s: %w", op, e.id, err)
}
