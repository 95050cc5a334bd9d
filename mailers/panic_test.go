package mailers

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gosendmail/internal/guard"
)

// brokenTransport panics when a session ends.
type brokenTransport struct{ transport }

func (brokenTransport) SetDeadline(time.Time) error { panic("no transport") }
func (brokenTransport) Close() error                { return nil }

// TestPanicInTimerIsReported lets the end of an idle connection panic, which happens on a timer.
func TestPanicInTimerIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := newCache(&Config{CacheSize: 2, CacheTimeout: time.Minute, Now: time.Now,
			Panicked: func(p *guard.Panic) { told = append(told, p.Error()) }})
		s := newSession(brokenTransport{}, Peer{Name: "peer.test"}, Timeouts{}, time.Now)
		s.key = "peer"
		c.put(s)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(told) != 1 || !strings.HasPrefix(told[0], "panic in connection cache: no transport at mailers/panic_test.go:") {
			t.Errorf("reported %q", told)
		}
		c.close()
	})
}

// TestPanicWhileWriting lets the source of a message panic on each side of a pipe: the delivery ends with a temporary
// failure.
func TestPanicWhileWriting(t *testing.T) {
	table := Agents(Config{})
	o := order{Kind: "mbox", Path: t.TempDir() + "/box", Wait: time.Second, Owner: os.Getuid()}
	st, err := table.here(context.Background(), o, nil, wholeMessage+1, func(io.Writer) error { panic("no body") })
	p, ok := errors.AsType[*guard.Panic](st.Err)
	if err != nil || !st.Temporary() || !ok || p.Value != "no body" {
		t.Errorf("%+v, %v", st, err)
	}
}
