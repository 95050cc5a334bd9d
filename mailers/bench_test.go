package mailers

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// sink takes everything, with pipelining, as fast as it can.
func sink(b *testing.B) (port string) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serveSink(c)
		}
	}()
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

func serveSink(c net.Conn) {
	defer c.Close()
	br, bw := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	bw.WriteString("220 sink ESMTP\r\n")
	for data := false; ; {
		if br.Buffered() == 0 && bw.Flush() != nil {
			return
		}
		line, err := br.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case data:
			if string(line) == ".\r\n" {
				data = false
				bw.WriteString("250 2.0.0 ok\r\n")
			}
		case line[0] == 'E':
			bw.WriteString("250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case line[0] == 'D':
			data = true
			bw.WriteString("354 go\r\n")
		default:
			bw.WriteString("250 2.0.0 ok\r\n")
		}
	}
}

func benchRelay(b *testing.B, body string) {
	m := mustMailer(b, "esmtp, P=[IPC], F=mDFMuXa, L=990, A=TCP $h "+sink(b))
	table := newTable(b, Config{CacheSize: 10})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		job := newJob(m, "peer.test", "x@peer.test")
		job.Envelope.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		for pb.Next() {
			err := table.Deliver(context.Background(), job, func(_ *envelope.Recipient, s status.Status) {
				if !s.Success() {
					b.Errorf("%+v", s)
				}
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkRelay is the goal of thousands of messages a second over kept, pipelined connections.
func BenchmarkRelay(b *testing.B) {
	b.Run("2KB", func(b *testing.B) {
		benchRelay(b, strings.Repeat("a line of text as mail has it, again and again.\n", 43))
	})
	b.Run("20MB", func(b *testing.B) {
		benchRelay(b, strings.Repeat("a line of text as mail has it, again and again.\n", 20<<20/48))
	})
}
