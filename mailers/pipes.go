package mailers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// pipe is the transport to a program that speaks SMTP or LMTP on its standard input and output.
type pipe struct {
	in, out *os.File // our ends
	p       *os.Process
	wait    time.Duration // how long the program may take to end after its input was closed
}

func (p *pipe) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.in.Write(b) }

func (p *pipe) SetDeadline(t time.Time) error {
	return errors.Join(p.in.SetWriteDeadline(t), p.out.SetReadDeadline(t))
}

// Close waits for the program; one that does not end by itself is killed.
func (p *pipe) Close() error {
	p.in.Close()
	timer := time.AfterFunc(p.wait, guard.Report(nil).Func("delivery", func() { syscall.Kill(-p.p.Pid, syscall.SIGKILL) }))
	defer timer.Stop()
	io.Copy(io.Discard, p.out)
	p.out.Close()
	_, err := p.p.Wait()
	return err
}

// defaultEnd is how long a program may linger after QUIT where W= is not set.
const defaultEnd = time.Minute

// overPipes delivers to a program that speaks SMTP, or LMTP with F=z.
func (t *Table) overPipes(ctx context.Context, job *Job, rcpts []Rcpt, report func(*envelope.Recipient, status.Status)) {
	a := &attempt{t: t, job: job, rcpts: rcpts, report: report}
	job.Peer = nil
	if !a.program(ctx) {
		for _, r := range rcpts {
			report(r.Recipient, status.As(a.failed))
		}
	}
}

// program uses a program that is running already, or starts one.
func (a *attempt) program(ctx context.Context) bool {
	cmd, err := a.t.command(ctx, a.job, a.rcpts)
	if err != nil {
		a.failed = startFailed(err)
		return false
	}
	key := fmt.Sprintf("%s %q %q", a.job.Mailer.Name, cmd.Args, cmd.Dirs)
	if cmd.As != nil {
		key += fmt.Sprintf(" %d %d", cmd.As.UID, cmd.As.GID)
	}
	for s := a.t.cache.get(key); s != nil; s = a.t.cache.get(key) {
		s.peer.Cached = true
		if done, _ := a.use(ctx, s); done {
			return true
		}
	}
	tr, err := startPipe(cmd, a.job.Mailer.Wait)
	if err != nil {
		a.failed = startFailed(err)
		return false
	}
	s := newSession(tr, Peer{Name: a.job.Mailer.Name}, a.t.cfg.Timeouts, a.t.cfg.Now)
	s.key = key
	if err := a.open(ctx, s); err != nil {
		a.fail(err)
		return false
	}
	done, err := a.use(ctx, s)
	if !done {
		a.fail(err)
	}
	return done
}

func startPipe(cmd *priv.Command, wait time.Duration) (*pipe, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer childIn.Close()
	out, childOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer childOut.Close()
	cmd.Stdin, cmd.Stdout = childIn, childOut
	p, err := priv.Start(cmd)
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	if wait <= 0 {
		wait = defaultEnd
	}
	return &pipe{in: in, out: out, p: p, wait: wait}, nil
}
