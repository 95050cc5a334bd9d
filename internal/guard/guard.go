// Package guard keeps a panic where it happened. A session, a delivery, a queue run, a timer or an RPC call that panics
// ends itself and nothing else: every goroutine and every timer of the programs runs under one of the functions here,
// which turn a panic into a Panic, an error that names its place, and give it to whoever writes the log.
//
// A test (TestEveryGoroutineIsGuarded) reads the sources and refuses go statements outside of this package, and timers
// and groups of goroutines whose function does not come from Report.Func.
//
// What a panic leaves behind is the caller's: locks are released by defer, files closed by whoever opened them, and
// whoever waits for an answer gets the Panic as an error (Start, Try).
package guard

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"errors"
)

// Panic is a panic as an error.
type Panic struct {
	What  string // what was going on: "session", "queue run"
	Value any    // what panic was called with
	Place string // file:line of the panic, and of its callers outward: "mta/client.go:57 < mta/session.go:80"
}

// Error is one line with the place.
func (p *Panic) Error() string { return fmt.Sprintf("panic in %s: %v at %s", p.What, p.Value, p.Place) }

// Unwrap returns what panicked, where that is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Report takes note of a panic. The nil Report writes to standard error.
type Report func(*Panic)

type key struct{}

// With returns a context from which From takes the report.
func With(ctx context.Context, report Report) context.Context {
	return context.WithValue(ctx, key{}, report)
}

// From is the report that ctx or one of its parents was given.
func From(ctx context.Context) Report {
	r, _ := ctx.Value(key{}).(Report)
	return r
}

// Tell reports err if it is a Panic.
func (r Report) Tell(err error) {
	p, ok := errors.AsType[*Panic](err)
	if !ok {
		return
	}
	if r != nil && Try("report", func() error { r(p); return nil }) == nil {
		return
	}
	fmt.Fprintln(os.Stderr, p)
}

// Run calls f. A panic is reported and returned.
func (r Report) Run(what string, f func()) error {
	err := Try(what, func() error { f(); return nil })
	r.Tell(err)
	return err
}

// Func is f for those who call functions on goroutines of their own: time.AfterFunc, context.AfterFunc,
// sync.WaitGroup.Go.
func (r Report) Func(what string, f func()) func() {
	return func() { r.Run(what, f) }
}

// Go calls f on a goroutine of its own.
func (r Report) Go(what string, f func()) { go r.Run(what, f) }

// Start calls f on a goroutine of its own. The channel gives its error, a Panic among them, once.
func Start(what string, f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- Try(what, f) }()
	return done
}

// Try calls f and returns its error, or its panic as a Panic.
func Try(what string, f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Panic: // of another goroutine, which handed it on
			err = p
		default:
			err = &Panic{What: what, Value: p, Place: place()}
		}
	}()
	return f()
}

// depth is how many callers a place names.
const depth = 12

// place names the functions on the stack from the panic outward, without the runtime's and those of this package.
func place() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var list []string
	for panicked := false; len(list) < depth; {
		f, more := frames.Next()
		own := strings.HasPrefix(f.Function, "gosendmail/internal/guard.")
		switch {
		case f.Function == "runtime.gopanic":
			panicked, list = true, nil // what stands before is the recovery
		case panicked && !own && !strings.HasPrefix(f.Function, "runtime."):
			list = append(list, fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(f.File)), filepath.Base(f.File), f.Line))
		}
		if !more {
			break
		}
	}
	return strings.Join(list, " < ")
}
