package dns

import (
	"errors"
	"fmt"
	"time"

	mdns "github.com/miekg/dns"
)

// Kind says why a question has no answer.
type Kind int

// The kinds, as the resolver library's h_errno tells them.
const (
	NoName    Kind = iota + 1 // the name does not exist (NXDOMAIN)
	NoData                    // the name exists, without records of this type
	Temporary                 // no server could tell: try again later
	Unusable                  // the question cannot be asked, or no answer to it can be used
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case NoName:
		return "host not found"
	case NoData:
		return "no such record"
	case Temporary:
		return "name server failure, try again"
	case Unusable:
		return "unusable question or answer"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// What errors.Is finds in an *Error.
var (
	ErrNotFound  = errors.New("not found")         // NoName and NoData
	ErrTemporary = errors.New("temporary failure") // Temporary
)

// Error is the outcome of a question without an answer.
type Error struct {
	Kind  Kind
	Name  string        // what was asked, as asked
	Type  uint16        // record type; 0 for host look-ups that ask more than one
	TTL   time.Duration // how long a NoName or NoData holds (RFC 2308); 0: unknown
	Alias string        // the CNAME's target whose look-up failed; "" where Name's own did
	Cause error         // may be nil
}

// Error returns the outcome in words.
func (e *Error) Error() string {
	what := e.Name
	if e.Type != 0 {
		what += " " + mdns.TypeToString[e.Type]
	}
	if e.Cause != nil {
		return fmt.Sprintf("dns: look up %s: %v: %v", what, e.Kind, e.Cause)
	}
	return fmt.Sprintf("dns: look up %s: %v", what, e.Kind)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is matches ErrNotFound and ErrTemporary.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Kind == NoName || e.Kind == NoData
	case ErrTemporary:
		return e.Kind == Temporary
	}
	return false
}

// KindOf returns the kind of a resolver's error: 0 for nil, Temporary for errors of other origin.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Temporary
}
