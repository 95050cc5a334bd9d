package maps

import (
	"errors"
	"fmt"
)

// The outcomes of a look-up without a value, found with errors.Is.
var (
	ErrNotFound = errors.New("not found")         // the map does not hold the key
	ErrTempFail = errors.New("temporary failure") // the map could not tell: try again later
)

// Exit codes of sysexits.h that look-ups report, as -bt's /map prints them.
const (
	exOK          = 0
	exDataErr     = 65
	exNoUser      = 67
	exNoHost      = 68 // also the original's EX_NOTFOUND
	exUnavailable = 69
	exSoftware    = 70
	exOSFile      = 72
	exTempFail    = 75
	exConfig      = 78
)

// Error is a look-up that gave no value, with its cause.
type Error struct {
	Map    string // name of the map; may be empty
	Key    string
	Status int   // exit code: 75 is temporary, all others count as not found
	Cause  error // may be nil
}

// Error returns the outcome in words.
func (e *Error) Error() string {
	what := "not found"
	if e.Status == exTempFail {
		what = "temporary failure"
	}
	s := fmt.Sprintf("maps: look up %s in %s: %s", e.Key, e.Map, what)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is matches ErrTempFail or ErrNotFound by status.
func (e *Error) Is(target error) bool {
	return target == ErrTempFail && e.Status == exTempFail || target == ErrNotFound && e.Status != exTempFail
}

// Temporary reports whether trying later may help. Packages that must not import maps ask through an interface with
// this method.
func (e *Error) Temporary() bool { return e.Status == exTempFail }

// Status returns the exit code that the original's look-up would set: 0 for a value and for a plain "not found" of
// table classes, 68 (EX_NOHOST) for those of others, 75 (EX_TEMPFAIL) for temporary failures.
func Status(err error) int {
	if err == nil || err == ErrNotFound {
		return exOK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	if errors.Is(err, ErrTempFail) {
		return exTempFail
	}
	return exOK
}

// missing is a 'not found' with an exit code of its own.
func missing(status int, cause error) error { return &Error{Status: status, Cause: cause} }

// tempFail is a temporary failure with a cause.
func tempFail(cause error) error { return &Error{Status: exTempFail, Cause: cause} }
