package mailers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// Table is the Agent for every mailer: it chooses by what the mailer's P= and A= say. It is safe for concurrent use.
type Table struct {
	cfg   Config
	cache *cache
	files deposits
}

var _ Agent = (*Table)(nil)

// Agents makes the table.
func Agents(cfg Config) *Table {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Timeouts = cfg.Timeouts.withDefaults()
	t := &Table{cfg: cfg}
	t.cache = newCache(&t.cfg)
	return t
}

// ErrTooLarge is the error of a status that says that the message is larger than M= of its mailer.
var ErrTooLarge = errors.New("mailers: message too large for its mailer")

// Deliver hands the job to the agent of its mailer, in parts of as many recipients as the mailer takes at once.
func (t *Table) Deliver(ctx context.Context, job *Job, report func(*envelope.Recipient, status.Status)) error {
	m := job.Mailer
	if m.MaxSize > 0 && job.Envelope.Size > m.MaxSize {
		st := status.FromExit(status.Unavailable)
		st.Code, st.Enhanced = 552, status.Enhanced{5, 2, 3}
		st.Text, st.Err = fmt.Sprintf("Message is too large; %d bytes max", m.MaxSize), ErrTooLarge
		for _, r := range job.Rcpts {
			report(r.Recipient, st)
		}
		return nil
	}
	deliver, err := t.agent(m)
	if err != nil {
		return err
	}
	for part := range parts(job.Rcpts, m) {
		deliver(ctx, job, part, report)
	}
	return nil
}

// agent is the function that delivers to some of a job's recipients and reports each of them.
func (t *Table) agent(m *Mailer) (func(context.Context, *Job, []Rcpt, func(*envelope.Recipient, status.Status)), error) {
	switch m.Path {
	case "[IPC]":
		return t.overSocket, nil
	case "[FILE]":
		return t.toFile, nil
	case "[mbox]":
		return t.toMbox, nil
	case "[maildir]":
		return t.toMaildir, nil
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("mailers: %w", err)
	}
	if m.hasUser() {
		return t.toProgram, nil
	}
	return t.overPipes, nil
}

// parts cuts recipients into transactions: one each without F=m, else as many as r= says.
func parts(all []Rcpt, m *Mailer) func(yield func([]Rcpt) bool) {
	n := 1
	if m.Flags.Has('m') {
		if n = m.MaxRecipients; n <= 0 {
			n = defaultMaxRecipients
		}
	}
	return func(yield func([]Rcpt) bool) {
		for len(all) > 0 {
			k := min(n, len(all))
			if !yield(all[:k]) {
				return
			}
			all = all[k:]
		}
	}
}

// Close ends all cached connections with QUIT.
func (t *Table) Close() error {
	t.cache.close()
	return nil
}
