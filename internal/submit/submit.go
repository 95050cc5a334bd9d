package submit

import (
	"context"
	"fmt"
	"io"

	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/maps"
)

// Options say how a message is handed in.
type Options struct {
	mta.SubmissionOptions
	Sender     string // -f or -r
	SenderFlag byte   // 'f' or 'r'; 0 means that the caller sends it
	Recipients []string
	IgnoreDots bool // -i
	Mode       byte // DeliveryMode
	Verbose    bool // -v
	// Background starts the delivery of a stored message in a process of its own; nil leaves it to the next queue run.
	// named says that -f gave the sender.
	Background func(w mta.Waiting, named bool) error
}

// Run submits the message on in. Errors are printed to out and errs as ErrorMode says; the result is the exit status.
func Run(ctx context.Context, s *mta.Server, in io.Reader, out, errs io.Writer, o Options) int {
	if o.Mode == 'd' {
		ctx = maps.WithDeferred(ctx)
	}
	j := &job{server: s, sub: s.NewSubmission(o.SubmissionOptions), o: o, out: out, errs: errs}
	if err := j.sub.Sender(ctx, o.Sender, o.SenderFlag != 0, o.SenderFlag); err != nil {
		fmt.Fprintln(errs, err)
		return status.As(err).Exit
	}
	message := newInput(in, o.IgnoreDots)
	message.smtp = o.ARPANET
	exit := j.run(ctx, message)
	s.Wait()
	if text := j.sub.Unreturned(); text != "" {
		j.print(text)
	}
	if o.ErrorMode == mta.ErrorsExit && !j.lost {
		return status.OK
	}
	return exit
}

type job struct {
	server    *mta.Server
	sub       *mta.Submission
	o         Options
	out, errs io.Writer
	lost      bool // the message could not be stored
}

// run does what comes after the sender and returns the exit status.
func (j *job) run(ctx context.Context, in io.Reader) int {
	sub := j.sub
	sub.Recipients(ctx, j.o.Recipients...)
	j.misused(sub.Complaints())
	refusal := sub.Collect(ctx, in)
	if len(j.o.Recipients) == 0 && !j.o.FromHeader {
		return j.unaddressed()
	}
	if refusal != nil && refusal.Temporary() {
		j.lost = true
		j.print(sub.Complaints()...)
		sub.Abort()
		return status.TempFail
	}
	if late := sub.Complaints(); refusal != nil || len(late) > 0 {
		j.print(sub.Reason())
		if !sub.Addressed() {
			sub.Abort()
			return sub.Exit()
		}
		j.end(sub.GiveUp(ctx))
		j.print(sub.Complaints()...)
	} else {
		j.store(ctx)
	}
	if j.lost {
		sub.Abort() // what was written of it is taken away
		return status.TempFail
	}
	return sub.Exit()
}

// unaddressed ends a message for which nobody is named.
func (j *job) unaddressed() int {
	if text := "Recipient names must be specified"; j.o.ARPANET {
		j.print("550 " + text)
	} else if j.prints() {
		j.print(text)
	}
	j.sub.Abort()
	return status.Usage
}

// misused prints what is wrong with the command line. If it has no exit status of its own, that is Usage, unless some
// of it is tried again.
func (j *job) misused(complaints []string) {
	if j.prints() {
		j.print(complaints...)
	}
	if len(complaints) > 0 && j.sub.Waiting() == 0 {
		j.sub.Fail(status.Usage)
	}
}

// store stores the message and delivers it as the delivery mode says.
func (j *job) store(ctx context.Context) {
	switch {
	case j.sub.Held():
		_, saved, err := j.sub.Release(ctx, true, false)
		j.end(saved, err)
	case j.o.Mode == 'i' || j.o.Verbose:
		j.end(j.sub.Deliver(ctx))
	case j.o.Mode == 'b' && j.o.Background != nil:
		parts, saved, err := j.sub.Release(ctx, false, true)
		for _, part := range parts {
			if err == nil {
				err = j.o.Background(part, j.sub.Named())
			}
		}
		j.end(saved, err)
	default:
		_, saved, err := j.sub.Release(ctx, true, false)
		j.end(saved, err)
	}
}

// end tells what became of the message.
func (j *job) end(saved string, err error) {
	j.lost = !j.sub.Stored()
	if saved != "" {
		text := saved + "... Saved message in " + saved
		if j.o.ARPANET {
			text = "050 " + text
		}
		j.print(text)
	}
	if err != nil {
		fmt.Fprintln(j.errs, err)
	}
}

// prints reports whether errors are printed as they come; else only the last one is, of those that end the message.
func (j *job) prints() bool {
	return j.o.ErrorMode == mta.ErrorsPrint || j.o.ErrorMode == 0
}

func (j *job) print(lines ...string) {
	end := "\n"
	if j.o.ARPANET {
		end = "\r\n"
	}
	for _, l := range lines {
		fmt.Fprint(j.out, l+end)
	}
}
