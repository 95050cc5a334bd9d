package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

// testSpool opens a queue of one group in a new directory, or in those given.
func testSpool(tb testing.TB, change func(*queue.Config)) *queue.Spool {
	tb.Helper()
	cfg := queue.Config{Groups: []queue.GroupConfig{{Name: queue.DefaultGroup, Directory: tb.TempDir()}}}
	if change != nil {
		change(&cfg)
	}
	s, err := queue.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func testEnvelope(rcpts ...string) *envelope.Envelope {
	env := &envelope.Envelope{
		Sender: "a@example.test", SenderText: "<a@example.test>", Created: time.Unix(1795322159, 0), Priority: 30085,
		Macros: map[string]string{"_": "client.test [192.0.2.1]", "r": "ESMTP", "s": "client.test", "daemon_flags": ""},
		Header: []envelope.Field{
			{Flags: "P", Name: "Return-Path", Value: " <$g>", Template: true},
			{Name: "Received", Value: " from client.test\n\tby mail.example.test id x"},
			{Flags: "F", Name: "From", Value: " a@example.test"},
			{Name: "Subject", Value: " hello"},
		},
	}
	for _, r := range rcpts {
		env.Recipients = append(env.Recipients, &envelope.Recipient{Addr: r, Final: "RFC822; " + r, Primary: true})
	}
	return env
}

// accept writes one message into the queue and gives up its lock.
func accept(g *queue.Group, body []byte, env *envelope.Envelope) (string, error) {
	e, err := g.Create(context.Background())
	if err != nil {
		return "", err
	}
	if _, err := e.Write(body); err != nil {
		return "", err
	}
	if err := e.Commit(env); err != nil {
		return "", err
	}
	return e.ID(), e.Close()
}

// BenchmarkCommit accepts messages of 4 KiB with so many writers at a time. Where QUEUE_BENCH_DIR names a folder the
// queues are made there and stay: ext4 creates files slowly for minutes after many were deleted.
func BenchmarkCommit(b *testing.B) {
	body := bytes.Repeat([]byte("0123456789012345678901234567890123456789012345678901234567890123\n"), 63)
	for _, writers := range []int{1, 20} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			g := testSpool(b, func(c *queue.Config) {
				if keep := os.Getenv("QUEUE_BENCH_DIR"); keep != "" {
					dir, err := os.MkdirTemp(keep, "queue")
					if err != nil {
						b.Fatal(err)
					}
					c.Groups[0].Directory = dir
				}
			}).Group("")
			b.SetBytes(int64(len(body)))
			var wg sync.WaitGroup
			work := make(chan struct{})
			for range writers {
				wg.Go(func() {
					for range work {
						if _, err := accept(g, body, testEnvelope("<b@example.test>")); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
