package queue

import (
	"errors"
	"fmt"

	"gosendmail/internal/maillog"
)

// LineError tells which line of a control file is wrong.
type LineError struct {
	Line int
	Text string // the line, cut to a length fit for a log
	Err  error
}

// Error names the line and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s: %q", e.Line, e.Err, e.Text) }

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

func lineError(n int, text string, err error) error {
	return fmt.Errorf("queue: %w", &LineError{n, maillog.Shorten(text, 203), err})
}

// lostError is that a control file was set aside, which Config.Lost was told.
type lostError struct{ reason error }

// Error says why.
func (e *lostError) Error() string { return "set aside: " + e.reason.Error() }

// Unwrap returns why.
func (e *lostError) Unwrap() error { return e.reason }

// ownerError is a control file that others can have written.
type ownerError struct {
	uid, gid, mode uint32
}

// Error says whose it is.
func (e *ownerError) Error() string {
	return fmt.Sprintf("bogus queue file, uid=%d, gid=%d, mode=%o", e.uid, e.gid, e.mode)
}

// Complaint is what the original writes into its log about a control file that Config.Lost is told of, which has the
// name path there: why it is lost, and before that what it alerts to, and what it says as SYSERR; "" where it does not.
func Complaint(reason error, path string) (alert, sysErr, why string) {
	if owner, ok := errors.AsType[*ownerError](reason); ok {
		return owner.Error(), "", "bogus file uid/gid in mqueue"
	}
	if errors.Is(reason, ErrIncomplete) {
		return "", fmt.Sprintf("readqf: %s: %v", path, ErrIncomplete), ErrIncomplete.Error()
	}
	line, ok := errors.AsType[*LineError](reason)
	if !ok {
		return "", "", reason.Error()
	}
	switch {
	case errors.Is(line.Err, ErrBogus):
		sysErr = "SECURITY ALERT: extra or bogus data in queue file: " + line.Text
	case errors.Is(line.Err, ErrVersion):
		sysErr = fmt.Sprintf("Version number in queue file (%d) greater than max (%d)", number(line.Text[1:]), Version)
	case errors.Is(line.Err, ErrLine):
		sysErr = fmt.Sprintf("readqf: %s: line %d: bad line \"%s\"", path, line.Line, line.Text)
	}
	return "", sysErr, line.Err.Error()
}
