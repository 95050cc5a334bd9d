package mailers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// peer is a server that follows a script: what it says after a command that begins with a word.
type peer struct {
	greeting string
	ehlo     string            // whole answer to EHLO; "" means the greeting name and ext
	ext      []string          // EHLO keywords
	answers  map[string]string // command word, or whole command, to answer; "" closes the connection
	dot      []string          // answers to the final dot; empty means one "250 2.0.0 taken"; "" closes
	lmtp     bool

	ln   net.Listener
	mu   sync.Mutex
	got  []string // commands
	data []string // messages as they came over the wire, without the final dot
	sess int
	wg   sync.WaitGroup
}

func (p *peer) start(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.ln = ln
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.sess++
			p.mu.Unlock()
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); p.wg.Wait() })
}

func (p *peer) port() string { return fmt.Sprint(p.ln.Addr().(*net.TCPAddr).Port) }

func (p *peer) commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.got...)
}

// sessions is how many connections there have been.
func (p *peer) sessions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sess
}

// messages are those that came whole, as they were on the wire.
func (p *peer) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.data...)
}

func (p *peer) serve(c net.Conn) {
	defer c.Close()
	if p.greeting == "-" {
		return
	}
	if p.greeting == "" {
		io.WriteString(c, "220 peer.test ESMTP\r\n")
	} else {
		io.WriteString(c, p.greeting)
		if !strings.HasSuffix(p.greeting, "\n") {
			return
		}
	}
	p.serveAfterGreeting(c)
}

func (p *peer) serveAfterGreeting(c net.Conn) {
	br := bufio.NewReader(c)
	taken := 0
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		p.mu.Lock()
		p.got = append(p.got, line)
		p.mu.Unlock()
		answer := p.answer(line)
		if answer == "" {
			return
		}
		word := strings.ToUpper(strings.Fields(line + " x")[0])
		if word == "MAIL" {
			taken = 0
		}
		if word == "RCPT" && strings.HasPrefix(answer, "2") {
			taken++
		}
		if _, err := io.WriteString(c, answer+"\r\n"); err != nil || word == "QUIT" || strings.HasPrefix(answer, "421") {
			return
		}
		if strings.HasPrefix(answer, "354") && !p.message(c, br, taken) {
			return
		}
	}
}

func (p *peer) answer(line string) string {
	if a, ok := p.answers[line]; ok {
		return a
	}
	word := strings.ToUpper(strings.Fields(line + " x")[0])
	if a, ok := p.answers[word]; ok {
		return a
	}
	switch word {
	case "EHLO", "LHLO":
		if p.ehlo != "" {
			return p.ehlo
		}
		a := "250-peer.test hello"
		for _, e := range p.ext {
			a += "\r\n250-" + e
		}
		return a + "\r\n250 HELP"
	case "DATA":
		return "354 go on"
	case "QUIT":
		return "221 bye"
	}
	return "250 2.0.0 ok"
}

func (p *peer) message(c net.Conn, br *bufio.Reader, taken int) bool {
	var b strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	p.mu.Lock()
	p.data = append(p.data, b.String())
	p.mu.Unlock()
	dots := p.dot
	if len(dots) == 0 {
		dots = []string{"250 2.0.0 taken"}
	}
	n := 1
	if p.lmtp {
		n = taken
	}
	for i := range n {
		d := dots[min(i, len(dots)-1)]
		if d == "" {
			return false
		}
		io.WriteString(c, d+"\r\n")
		if strings.HasPrefix(d, "421") {
			return false
		}
	}
	return true
}

// zone is a Resolver from a table; "tempfail" as an MX or address makes a temporary failure.
type zone struct {
	mx    map[string][]dns.MX
	addrs map[string][]string
}

func (z zone) LookupMX(_ context.Context, host string) (*dns.MXAnswer, error) {
	records, ok := z.mx[host]
	if !ok {
		if _, ok := z.addrs[host]; ok {
			return nil, &dns.Error{Kind: dns.NoData, Name: host}
		}
		return nil, &dns.Error{Kind: dns.NoName, Name: host}
	}
	if len(records) == 0 {
		return nil, &dns.Error{Kind: dns.Temporary, Name: host}
	}
	return &dns.MXAnswer{Records: records, Name: host}, nil
}

func (z zone) LookupAddrs(_ context.Context, host string) (*dns.AddrAnswer, error) {
	list, ok := z.addrs[host]
	if !ok {
		return nil, &dns.Error{Kind: dns.NoName, Name: host}
	}
	if len(list) == 0 {
		return nil, &dns.Error{Kind: dns.Temporary, Name: host}
	}
	a := &dns.AddrAnswer{Name: host}
	for _, s := range list {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
	}
	return a, nil
}

const testBody = "line one\n.dot\nlast\n"

// newJob is a message from a@src.test for users at a host.
func newJob(m *Mailer, host string, users ...string) *Job {
	e := &envelope.Envelope{ID: "u12345", Sender: "a@src.test", Size: 120, Tries: 1}
	e.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(testBody)), nil }
	job := &Job{Mailer: m, Host: host, Sender: "a@src.test", Envelope: e, FromLine: "From a@src.test Sun Nov 22 05:00:00 2026"}
	job.Header = []envelope.Field{{Name: "From", Value: " a@src.test"}, {Name: "Subject", Value: " hi"}}
	job.Expand = func(s, user string) (string, error) {
		return strings.NewReplacer("$u", user, "$h", job.Host, "$g", job.Sender, "$d", "Sun Nov 22 05:00:00 2026").Replace(s), nil
	}
	for _, u := range users {
		job.Rcpts = append(job.Rcpts, Rcpt{Recipient: &envelope.Recipient{Addr: u}, User: u})
	}
	return job
}

// outcomes maps recipient addresses to what was reported; it fails the test if one is reported twice.
type outcomes map[string]status.Status

func deliver(t testing.TB, table *Table, job *Job) outcomes {
	t.Helper()
	got := outcomes{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := table.Deliver(ctx, job, func(r *envelope.Recipient, s status.Status) {
		if _, twice := got[r.Addr]; twice {
			t.Errorf("%s reported twice", r.Addr)
		}
		got[r.Addr] = s
	})
	if err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	if len(got) != len(job.Rcpts) {
		t.Errorf("%d of %d recipients reported", len(got), len(job.Rcpts))
	}
	return got
}

func newTable(t testing.TB, cfg Config) *Table {
	t.Helper()
	if cfg.Hostname == "" {
		cfg.Hostname = "client.test"
	}
	if cfg.Resolver == nil {
		cfg.Resolver = zone{addrs: map[string][]string{"peer.test": {"127.0.0.1"}}}
	}
	table := Agents(cfg)
	t.Cleanup(func() { table.Close() })
	return table
}

func smtpMailer(t testing.TB, p *peer) *Mailer {
	return mustMailer(t, "esmtp, P=[IPC], F=mDFMuXa, E=\\r\\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h "+p.port())
}
