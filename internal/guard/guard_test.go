package guard_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"gosendmail/internal/guard"
)

// boom panics at a place that reports are to name.
func boom() { panic(errors.New("boom")) }

func place(t *testing.T, err error) {
	t.Helper()
	p, ok := errors.AsType[*guard.Panic](err)
	if !ok || !strings.HasPrefix(p.Place, "guard/guard_test.go:14") || p.What != "test" {
		t.Fatalf("%v", err)
	}
}

func TestPanicBecomesAnErrorWithItsPlace(t *testing.T) {
	place(t, guard.Try("test", func() error { boom(); return nil }))
	place(t, <-guard.Start("test", func() error { boom(); return nil }))
	if err := guard.Try("test", func() error { return fs.ErrExist }); err != fs.ErrExist {
		t.Fatal(err)
	}
	var p *int
	err := guard.Try("test", func() error { *p = 1; return nil })
	if err == nil || !strings.Contains(err.Error(), "nil pointer") || !strings.Contains(err.Error(), "at guard/guard_test.go:") {
		t.Fatal(err)
	}
}

func TestReportIsOfTheContext(t *testing.T) {
	told := make(chan *guard.Panic, 1)
	ctx, cancel := context.WithCancel(guard.With(context.Background(), func(p *guard.Panic) { told <- p }))
	guard.From(ctx).Go("test", boom)
	place(t, <-told)
	context.AfterFunc(ctx, guard.From(ctx).Func("test", boom))
	cancel()
	place(t, <-told)
	if err := guard.From(ctx).Run("test", boom); err == nil {
		t.Fatal("no error")
	}
	place(t, <-told)
}
