package mailers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// maxOutput is how much of a program's output reaches the transcript.
const maxOutput = 64 << 10 // bytes

// expandArgs expands an argument vector without $u.
func expandArgs(job *Job, argv []string) ([]string, error) {
	out := make([]string, len(argv))
	for i, a := range argv {
		v, err := job.expand(a, "")
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (j *Job) expand(template, user string) (string, error) {
	if !strings.ContainsRune(template, '$') {
		return template, nil
	}
	if j.Expand == nil {
		return "", fmt.Errorf("mailers: mailer %s: no macros for %s", j.Mailer.Name, template)
	}
	return j.Expand(template, user)
}

// programArgs is the whole argument vector: an argument with $u comes once for each recipient, -f or -r and the sender
// follow the name where F=f or F=r want them and the message is a forward.
func programArgs(job *Job, rcpts []Rcpt) ([]string, error) {
	var out []string
	for i, a := range job.Mailer.Argv {
		if !strings.Contains(a, "$u") {
			v, err := job.expand(a, "")
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		} else {
			for _, r := range rcpts {
				v, err := job.expand(a, userOf(job.Mailer, r.User))
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
		}
		if i == 0 {
			out = append(out, fromArgs(job)...)
		}
	}
	return out, nil
}

// fromArgs is "-f sender" for F=f and "-r sender" for F=r, if the message came from elsewhere.
func fromArgs(job *Job) []string {
	flag := ""
	switch f := job.Mailer.Flags; {
	case f.Has('f'):
		flag = "-f"
	case f.Has('r'):
		flag = "-r"
	}
	if flag == "" || !job.TellFrom {
		return nil
	}
	return []string{flag, job.From}
}

// toProgram runs the mailer with the message on its standard input.
func (t *Table) toProgram(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	st := t.runProgram(ctx, job, rcpts)
	for _, r := range rcpts {
		report(r.Recipient, st)
	}
}

func (t *Table) runProgram(ctx context.Context, job *Job, rcpts []Rcpt) status.Status {
	for _, r := range rcpts {
		if strings.ContainsRune(r.User, 0) {
			return badAddress(r.User)
		}
	}
	cmd, err := t.command(ctx, job, rcpts)
	if err != nil {
		return startFailed(err)
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return startFailed(err)
	}
	defer feed.Close()
	out, err := outputFile()
	if err != nil {
		in.Close()
		return startFailed(err)
	}
	defer out.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	p, err := priv.Start(cmd)
	in.Close()
	if err != nil {
		return startFailed(err)
	}
	limit := job.Mailer.Wait
	if limit <= 0 {
		limit = t.cfg.CommandTime
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	// A process that left the program's group may still hold the pipe: what is written there must have an end, too.
	defer killer(ctx, p, func() { feed.SetWriteDeadline(time.Unix(1, 0)) })()
	werr := t.feed(job, feed)
	feed.Close()
	st := waitFor(ctx, p, job.Mailer, limit)
	tellOutput(job, out)
	return afterFeeding(st, werr)
}

// command is the child for a job without its descriptors.
func (t *Table) command(ctx context.Context, job *Job, rcpts []Rcpt) (*priv.Command, error) {
	argv, err := programArgs(job, rcpts)
	if err != nil {
		return nil, err
	}
	r, err := t.runAs(ctx, job, rcpts[0])
	if err != nil {
		return nil, err
	}
	cmd := &priv.Command{Path: job.Mailer.Path, Args: argv, Env: t.environ(), Dir: t.cfg.Dir, As: r.as, EffectiveOnly: r.effective, Nice: job.Mailer.Nice}
	if cmd.Root, err = job.expand(job.Mailer.Root, ""); err != nil {
		return nil, err
	}
	for dir := range strings.SplitSeq(job.Mailer.Dirs, ":") {
		if dir, err = job.expand(dir, userOf(job.Mailer, rcpts[0].User)); err != nil {
			return nil, err
		}
		cmd.Dirs = append(cmd.Dirs, dir)
	}
	return cmd, nil
}

// startFailed is the outcome where no program ran: permanent if there is no such program or it may not be run, as with
// the original, else temporary.
func startFailed(err error) status.Status {
	var st status.Status
	if errors.As(err, &st) {
		return st
	}
	for _, final := range []error{syscall.ENOENT, syscall.EACCES, syscall.ENOEXEC, syscall.ENOTDIR, syscall.ELOOP, syscall.EISDIR, syscall.EPERM} {
		if errors.Is(err, final) {
			st = status.FromExit(status.Unavailable)
			st.Err = err
			return st
		}
	}
	st = status.FromExit(status.OSErr)
	st.Enhanced, st.Err = status.Enhanced{4, 3, 0}, err
	st.Text = "Deferred: " + st.Text
	return st
}

// outputFile is a file without a name. A pipe would not do: a process that the program left behind could keep it open.
func outputFile() (*os.File, error) {
	f, err := os.CreateTemp("", "mailer-output-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// killer ends the program's process group, and what else there is to end, when the context ends: the delivery was
// cancelled, or the program took too long.
func killer(ctx context.Context, p *os.Process, also func()) (stop func() bool) {
	return context.AfterFunc(ctx, guard.From(ctx).Func("end of a program", func() {
		syscall.Kill(-p.Pid, syscall.SIGKILL)
		also()
	}))
}

// feed writes the message as the mailer's flags say: From_ line (unless F=n), header, body, blank line with F=b.
func (t *Table) feed(job *Job, w io.Writer) error {
	bw := bufio.NewWriterSize(w, 32<<10)
	mw := newMessageWriter(bw, job.Mailer, false)
	if !job.Mailer.Flags.Has('n') {
		line, err := fromLine(job)
		if err != nil {
			return err
		}
		if _, err := mw.Write([]byte(line + "\n")); err != nil {
			return err
		}
	}
	if err := mw.message(job, t.pipeConversion(job)); err != nil {
		return err
	}
	if job.Mailer.Flags.Has('b') {
		if _, err := mw.Write([]byte("\n")); err != nil {
			return err
		}
	}
	return bw.Flush()
}

// pipeConversion: mailers that are no SMTP peers take eight bits unless F=7 says otherwise.
func (t *Table) pipeConversion(job *Job) conversion {
	seven := job.Mailer.Flags.Has('7')
	return conversion{
		cfg: &t.cfg,
		to7: seven && mayConvert(job, t.cfg.EightBit),
		to8: !seven && job.Mailer.Flags.Has('9'),
		tag: mayTag(job, t.cfg.EightBit),
	}
}

// fromLine is the From_ line; with F=U it has the form that UUCP wants.
func fromLine(job *Job) (string, error) {
	if !job.Mailer.Flags.Has('U') {
		return job.FromLine, nil
	}
	host, user, ok := strings.Cut(job.Sender, "!")
	if !ok {
		return job.FromLine, nil
	}
	date, err := job.expand("$d", "")
	return fmt.Sprintf("From %s  %s remote from %s", user, date, host), err
}

// waitFor waits for the program, which killer ends when it takes longer than limit.
func waitFor(ctx context.Context, p *os.Process, m *Mailer, limit time.Duration) status.Status {
	state, err := p.Wait()
	if err != nil {
		return startFailed(fmt.Errorf("mailers: wait for %s: %w", m.Name, err))
	}
	ws, _ := state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		st := status.FromExit(status.TempFail)
		st.Code, st.Enhanced = 451, status.Enhanced{4, 3, 0}
		st.Text = fmt.Sprintf("Deferred: mailer %s died with signal %d", m.Name, ws.Signal())
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			st.Text = fmt.Sprintf("Deferred: mailer %s: wait timeout (%d)", m.Name, int(limit.Seconds()))
		}
		return st
	}
	st := status.FromExit(state.ExitCode())
	if st.Exit == status.TempFail {
		st.Text = fmt.Sprintf("Deferred: %s mailer (%s) exited with EX_TEMPFAIL", m.Name, m.Path)
	}
	return st
}

// afterFeeding combines the exit status with an error of writing. A program that did not care to read everything and
// says success has succeeded; but if our own copy could not be read, it has seen half a message.
func afterFeeding(st status.Status, werr error) status.Status {
	if werr == nil || errors.Is(werr, syscall.EPIPE) || errors.Is(werr, os.ErrDeadlineExceeded) {
		return st
	}
	var own status.Status
	if errors.As(werr, &own) {
		return own
	}
	failed := status.FromExit(status.IOErr)
	failed.Text, failed.Err = "Deferred: "+failed.Text, werr
	return failed
}

// tellOutput gives what the program wrote to the transcript.
func tellOutput(job *Job, out *os.File) {
	if job.Exchange == nil {
		return
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return
	}
	text, err := io.ReadAll(io.LimitReader(out, maxOutput))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		job.Exchange(false, printable(strings.TrimRight(line, "\r\n")))
	}
}
