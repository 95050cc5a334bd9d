package mailers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// order is what a delivery to a file needs to know beside the message.
type order struct {
	Kind string // "file", "mbox" or "maildir"
	Path string
	Root string // SafeFileEnvironment: Path is looked up below it and links do not lead out; "" means none
	Host string // for names in a maildir
	Wait time.Duration
	// Owner is the user whose a mailbox must be.
	Owner int
	Mode  fs.FileMode // of a new file; 0 means 0600
	// Links says which links lead to the file: DontBlameSendmail may allow them for files, never for mailboxes.
	Links Links
}

// Links are the links that a file may have.
type Links struct {
	Symbolic bool // DontBlameSendmail FileDeliveryToSymLink
	Hard     bool // DontBlameSendmail FileDeliveryToHardLink
}

func (o *order) mode() fs.FileMode {
	if o.Mode == 0 {
		return 0o600
	}
	return o.Mode
}

// lockWait is how long a delivery waits for a mailbox that somebody else has locked.
const lockWait = 30 * time.Second

// toFile appends to the files that aliases and .forward files name (P=[FILE]).
func (t *Table) toFile(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	for _, rc := range rcpts {
		report(rc.Recipient, t.oneFile(ctx, job, rc))
	}
}

func (t *Table) oneFile(ctx context.Context, job *Job, rc Rcpt) status.Status {
	path, err := filePath(job, rc)
	if err != nil {
		return startFailed(err)
	}
	if path == os.DevNull {
		return status.FromExit(status.OK)
	}
	o := order{Kind: "file", Path: path, Wait: lockWait, Mode: t.cfg.FileMode, Links: t.cfg.FileLinks}
	if t.cfg.SafeFileEnv != "" {
		o.Root = t.cfg.SafeFileEnv
		o.Path = strings.TrimPrefix(path, strings.TrimSuffix(o.Root, "/"))
	}
	r, err := t.runAs(ctx, job, rc)
	if err != nil {
		return startFailed(err)
	}
	return t.place(ctx, job, o, r.as, true)
}

// filePath is the second argument of A=, which is "FILE $u" by default, cleaned.
func filePath(job *Job, rc Rcpt) (string, error) {
	template := "$u"
	if len(job.Mailer.Argv) > 1 {
		template = job.Mailer.Argv[1]
	}
	path := userOf(job.Mailer, rc.User)
	if template != "$u" {
		var err error
		if path, err = job.expand(template, path); err != nil {
			return "", err
		}
	}
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		st := status.FromExit(status.CantCreat)
		st.Text, st.Enhanced = fmt.Sprintf("%q is no absolute file name", path), status.Enhanced{5, 3, 0}
		return "", st
	}
	return filepath.Clean(path), nil
}

// toMbox appends to the mailbox that A=mbox PATTERN names, $u being the user.
func (t *Table) toMbox(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	for _, rc := range rcpts {
		report(rc.Recipient, t.mailbox(ctx, job, rc, "mbox"))
	}
}

// toMaildir adds a file to the maildir that A=maildir PATTERN names.
func (t *Table) toMaildir(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	for _, rc := range rcpts {
		report(rc.Recipient, t.mailbox(ctx, job, rc, "maildir"))
	}
}

func (t *Table) mailbox(ctx context.Context, job *Job, rc Rcpt, kind string) status.Status {
	user := userOf(job.Mailer, rc.User)
	if user == "" || strings.HasPrefix(user, ".") || strings.ContainsAny(user, "/\x00\n") {
		return status.FromExit(status.NoUser)
	}
	path, err := job.expand(job.Mailer.Argv[1], user)
	if err != nil {
		return startFailed(err)
	}
	if !filepath.IsAbs(path) {
		return configError(fmt.Sprintf("M%s: A=%s is no absolute path", job.Mailer.Name, path))
	}
	path = filepath.Clean(path)
	r, err := t.mailboxOwner(ctx, job, rc, path)
	if err != nil {
		return startFailed(err)
	}
	return t.place(ctx, job, order{Kind: kind, Path: path, Host: t.cfg.Hostname, Wait: lockWait}, r.as, kind == "mbox")
}

// place delivers with the rights of id, nil meaning ours. Where this process cannot act for that user nothing is
// delivered: there is no falling back to other rights.
func (t *Table) place(ctx context.Context, job *Job, o order, id *priv.Identity, mbox bool) status.Status {
	write := func(w io.Writer) error { return t.writeMailbox(job, w, mbox) }
	o.Owner = os.Geteuid()
	if id != nil {
		o.Owner = id.UID
	}
	st, err := t.here(ctx, o, id, job.Envelope.Size, write)
	if err != nil {
		return status.As(err)
	}
	return st
}

// Letter writes the message as a file that mail is delivered to has it, for dead letters.
func (t *Table) Letter(job *Job, w io.Writer) error { return t.writeMailbox(job, w, true) }

var fileWriters = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 32<<10) }}

// writeMailbox writes the message for a file: with From_ line and a blank line behind it in mbox format, From lines in
// the body escaped.
func (t *Table) writeMailbox(job *Job, w io.Writer, mbox bool) error {
	bw := fileWriters.Get().(*bufio.Writer)
	bw.Reset(w)
	defer func() { bw.Reset(nil); fileWriters.Put(bw) }()
	m := *job.Mailer
	if m.Path != "[FILE]" {
		m.EOL = "\n"
	}
	if mbox {
		m.Flags.Set('E')
	} else {
		m.Flags.Clear('E')
	}
	as := *job
	as.Mailer = &m
	mw := newMessageWriter(bw, &m, false)
	if mbox && (!m.Flags.Has('n') || m.Path == "[mbox]") {
		line, err := fromLine(&as)
		if err != nil {
			return err
		}
		if _, err := mw.Write([]byte(line + "\n")); err != nil {
			return err
		}
	}
	if err := mw.message(&as, t.pipeConversion(&as)); err != nil {
		return err
	}
	if mbox {
		if _, err := mw.Write([]byte("\n")); err != nil {
			return err
		}
	}
	return bw.Flush()
}
