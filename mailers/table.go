package mailers

import (
	"context"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// Table is the Agent for every mailer: it chooses by what the mailer's P= and A= say.
type Table struct {
	cfg Config
}

// Agents makes the table.
func Agents(cfg Config) *Table {
	return &Table{cfg: cfg}
}

// Deliver hands the job to the agent of its mailer.
func (t *Table) Deliver(ctx context.Context, job *Job, report func(*envelope.Recipient, status.Status)) error {
	return nil
}

// Close ends all cached connections with QUIT.
func (t *Table) Close() error { return nil }
