package submit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// Error modes (option ErrorMode).
const (
	ErrorsPrint = 'p' // to the terminal; the message goes to dead.letter
	ErrorsQuiet = 'q' // only the exit status tells
	ErrorsMail  = 'm' // by mail to the sender
	ErrorsWrite = 'w' // to the sender's terminal; by mail, since nobody can tell which that is
	ErrorsExit  = 'e' // by mail, and the exit status is always 0
)

// Options say how a message is handed in.
type Options struct {
	mta.SubmissionOptions
	Sender     string // -f; "" means the caller
	Recipients []string
	IgnoreDots bool   // -i
	ErrorMode  byte   // ErrorMode
	Mode       byte   // DeliveryMode
	DeadLetter string // DeadLetterDrop; "" means only dead.letter in the caller's home
	Verbose    bool   // -v
	// Background starts the delivery of a stored message in a process of its own; nil leaves it to the next queue run.
	Background func(id string) error
}

// Run submits the message on in. Errors are printed to out and err as ErrorMode says; the result is the exit status.
func Run(ctx context.Context, s *mta.Server, in io.Reader, out, errs io.Writer, o Options) int {
	j := &job{server: s, o: o, out: out, errs: errs}
	if len(o.Recipients) == 0 && !o.FromHeader {
		fmt.Fprintln(errs, "Recipient names must be specified")
		return status.Usage
	}
	sub := s.NewSubmission(o.SubmissionOptions)
	if refusal := sub.Sender(ctx, o.Sender); refusal != nil {
		fmt.Fprintln(errs, refusal.Text)
		return exitOf(*refusal)
	}
	if !o.FromHeader {
		j.tell(sub.Recipients(ctx, o.Recipients...))
	}
	var kept bytes.Buffer
	var body io.Reader = newInput(in, o.IgnoreDots)
	if j.mayKeep() {
		body = io.TeeReader(body, &limitedBuffer{&kept, maxDeadLetter})
	}
	refusal := sub.Collect(ctx, body)
	if o.FromHeader {
		j.tell(sub.Refused())
	}
	if refusal != nil {
		sub.Abort()
		j.print(refusal.Text)
		return exitOf(*refusal)
	}
	return j.finish(ctx, sub, kept.Bytes())
}

type job struct {
	server    *mta.Server
	o         Options
	out, errs io.Writer
	exit      int
}

// maxDeadLetter bounds what is kept of a message for dead.letter.
const maxDeadLetter = 8 << 20

// limitedBuffer keeps the first bytes that are written to it.
type limitedBuffer struct {
	b    *bytes.Buffer
	room int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), l.room)
	l.b.Write(p[:n])
	l.room -= n
	return len(p), nil
}

// mayKeep reports whether a message that nobody gets is saved in dead.letter.
func (j *job) mayKeep() bool { return j.o.ErrorMode == ErrorsPrint || j.o.ErrorMode == 0 }

// tell prints refusals and remembers the exit status.
func (j *job) tell(list []mta.Refusal) {
	for _, r := range list {
		j.exit = exitOf(r.Status)
		j.print(r.Status.Text)
	}
}

func (j *job) print(text string) {
	if j.o.ErrorMode == ErrorsPrint || j.o.ErrorMode == 0 || j.o.Verbose {
		fmt.Fprintln(j.out, text)
	}
}

func exitOf(s status.Status) int {
	if s.Exit != status.OK {
		return s.Exit
	}
	if s.Temporary() {
		return status.TempFail
	}
	return status.Unavailable
}

// finish stores and delivers the message.
func (j *job) finish(ctx context.Context, sub *mta.Submission, text []byte) int {
	if sub.Accepted() == 0 && !j.mails() {
		sub.Abort()
		j.deadLetter(text)
		return j.result()
	}
	if err := sub.Commit(ctx, j.mails() || sub.Accepted() > 0); err != nil {
		sub.Abort()
		fmt.Fprintln(j.errs, err)
		return status.TempFail
	}
	var err error
	switch {
	case j.o.Mode == 'i' || j.o.Verbose || sub.Accepted() == 0:
		err = j.deliver(ctx, sub, text)
	case j.o.Mode == 'b' && j.o.Background != nil:
		if err = sub.Release(false); err == nil {
			err = j.o.Background(sub.ID())
		}
	default:
		err = sub.Release(true)
	}
	j.server.Wait()
	if err != nil {
		fmt.Fprintln(j.errs, err)
	}
	return j.result()
}

// deliver tries now, so that the exit status tells how it went.
func (j *job) deliver(ctx context.Context, sub *mta.Submission, text []byte) error {
	before := len(sub.Refused())
	failed, err := sub.Deliver(ctx, j.mails())
	for _, f := range failed {
		j.exit = exitOf(f.Status)
	}
	if len(failed) > before && !j.mails() {
		j.deadLetter(text)
	}
	return err
}

// mails reports whether errors are told by mail.
func (j *job) mails() bool {
	switch j.o.ErrorMode {
	case ErrorsMail, ErrorsWrite, ErrorsExit:
		return true
	}
	return false
}

func (j *job) result() int {
	if j.o.ErrorMode == ErrorsExit {
		return status.OK
	}
	return j.exit
}

// deadLetter saves a message that could go nowhere in the caller's home, or where DeadLetterDrop says.
func (j *job) deadLetter(text []byte) {
	if !j.mayKeep() || len(text) == 0 {
		return
	}
	paths := []string{j.o.DeadLetter}
	if home := j.server.Caller.Home; home != "" {
		paths = []string{filepath.Join(home, "dead.letter"), j.o.DeadLetter}
	}
	for _, path := range paths {
		if path != "" && appendTo(path, text) == nil {
			fmt.Fprintf(j.out, "%s... Saved message in %s\n", path, path)
			return
		}
	}
}

// appendTo adds a message to a file of the caller, with his rights.
func appendTo(path string, text []byte) (err error) {
	failed := priv.AsCaller(func() { err = appendAsCaller(path, text) })
	return errors.Join(failed, err)
}

// appendAsCaller is appendTo with the rights that the calling thread has; it follows no link.
func appendAsCaller(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|noFollow, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
