package mailers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	gosasl "github.com/emersion/go-sasl"
	"golang.org/x/sys/unix"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// TestSlowSteps is TestSlowPeers for the steps beside the message's own: each has the time of its option.
func TestSlowSteps(t *testing.T) {
	limits := Timeouts{Misc: 1 * time.Minute, Lhlo: 2 * time.Minute, Quit: 3 * time.Minute, Rset: 4 * time.Minute,
		Auth:     5 * time.Minute,
		StartTLS: 6 * time.Minute, DataBlock: 7 * time.Minute}
	for _, c := range []struct {
		name    string
		want    time.Duration
		answers []string
		step    func(t *testing.T, s *session)
	}{
		{"Timeout.misc", limits.Misc, []string{"220 p ESMTP\r\n", "250 p\r\n"}, func(t *testing.T, s *session) {
			s.greet(mustMailer(t, "m, P=[IPC], F=I, A=TCP $h"), "c.test", nil)
		}},
		{"Timeout.lhlo", limits.Lhlo, nil, func(_ *testing.T, s *session) {
			s.lmtp = true
			s.hello("c.test", true)
		}},
		{"Timeout.quit", limits.Quit, nil, func(_ *testing.T, s *session) { s.quit() }},
		{"Timeout.rset", limits.Rset, nil, func(_ *testing.T, s *session) { (&transaction{s: s}).stepwise("MAIL", true) }},
		{"Timeout.auth", limits.Auth, nil, func(_ *testing.T, s *session) { s.auth(gosasl.NewPlainClient("", "u", "p")) }},
		{"Timeout.starttls of the command", limits.StartTLS, nil, func(t *testing.T, s *session) {
			s.security, s.caps = &scripted{}, parseCapabilities([]string{"STARTTLS"})
			(&attempt{t: Agents(Config{})}).startTLS(t.Context(), s)
		}},
		{"Timeout.starttls of the handshake", limits.StartTLS, nil, func(t *testing.T, s *session) {
			conf, _, _ := (&scripted{}).TLS(t.Context())
			(&attempt{t: Agents(Config{})}).handshake(t.Context(), s, s.transport.(net.Conn), conf)
		}},
		{"Timeout.datablock", limits.DataBlock, nil, func(_ *testing.T, s *session) {
			(&deadlineWriter{s}).Write(make([]byte,
				1000))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				if c.name != "Timeout.datablock" { // there nobody reads
					go script(theirs, c.answers...)
				}
				s := newSession(ours, Peer{Name: "p."}, limits, time.Now)
				start := time.Now()
				c.step(t, s)
				if d := time.Since(start); d != c.want {
					t.Errorf("gave up after %v, want %v", d, c.want)
				}
				ours.Close()
				theirs.Close()
			})
		})
	}
}

// deaf is a port that answers nothing: its queue is full, and the kernel passes over whoever else comes.
func deaf(t *testing.T) (port uint16) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	n := at.(*unix.SockaddrInet4).Port
	for range 4 {
		if c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(n), 50*time.Millisecond); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	return uint16(n)
}

// TestTimesToConnect: a host that does not answer is given up when the option says so. Where it is not obeyed, the
// test's own time ends first.
func TestTimesToConnect(t *testing.T) {
	port := deaf(t)
	const short, long = 20 * time.Millisecond, time.Hour
	for name, c := range map[string]struct {
		limits Timeouts
		tries  int
	}{
		"Timeout.connect":  {Timeouts{Connect: short, InitialConnect: long}, 1},
		"Timeout.iconnect": {Timeouts{Connect: long, InitialConnect: short}, 0},
		"Timeout.aconnect": {Timeouts{Connect: long, AllConnects: short}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := newJob(mustMailer(t, fmt.Sprintf("m, P=[IPC], F=m, A=TCP $h %d", port)), "[127.0.0.1]", "x")
			job.Envelope.Tries = c.tries
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			got := outcomes{}
			err := newTable(t, Config{Timeouts: c.limits}).Deliver(ctx, job, func(r *envelope.Recipient,
				s status.Status) {
				got[r.Addr] = s
			})
			if err != nil || ctx.Err() != nil || !strings.Contains(got["x"].Text, "Connection timed out") {
				t.Errorf("%v, %v, %+v", err, ctx.Err(), got["x"])
			}
		})
	}
}

// TestDialDelay: with F=Z and option DialDelay a connection that is refused is tried again, at the first attempt of a
// message only.
func TestDialDelay(t *testing.T) {
	for _, c := range []struct {
		flag  string
		delay time.Duration
		tries int
		want  time.Duration
	}{{"Z", time.Hour, 0, time.Hour}, {"", time.Hour, 0, 0}, {"Z", 0, 0, 0}, {"Z", time.Hour, 1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			at := l.Addr().(*net.TCPAddr).AddrPort()
			l.Close()
			job := newJob(mustMailer(t, "m, P=[IPC], F=m"+c.flag+", A=TCP $h"), "[127.0.0.1]", "x")
			job.Envelope.Tries = c.tries
			start := time.Now()
			if _, err := Agents(Config{DialDelay: c.delay}).dial(t.Context(), job, at.Addr(), at.Port()); err == nil {
				t.Error("somebody listens")
			}
			if d := time.Since(start); d != c.want {
				t.Errorf("F=%s, DialDelay %v, %d attempts before: %v, want %v", c.flag, c.delay, c.tries, d, c.want)
			}
		})
	}
}

// TestCacheTimeout: a connection is kept for as long as ConnectionCacheTimeout says.
func TestCacheTimeout(t *testing.T) {
	for idle, sessions := range map[time.Duration]int{6 * time.Second: 1, 8 * time.Second: 2} {
		p := &peer{}
		p.start(t)
		now := time.Now()
		table := newTable(t, Config{CacheSize: 1, CacheTimeout: 7 * time.Second, Now: func() time.Time { return now }})
		deliver(t, table, newJob(smtpMailer(t, p), "peer.test", "x"))
		now = now.Add(idle)
		deliver(t, table, newJob(smtpMailer(t, p), "peer.test", "x"))
		if p.sessions() != sessions {
			t.Errorf("after %v: %d sessions, want %d", idle, p.sessions(), sessions)
		}
	}
}

// TestBuffersOfClients: SndBufSize and RcvBufSize of ClientPortOptions are the socket's.
func TestBuffersOfClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	for _, c := range []struct {
		name   string
		option int
		port   ClientPort
	}{{"SndBufSize", unix.SO_SNDBUF, ClientPort{SendBuffer: 5000}}, {"RcvBufSize", unix.SO_RCVBUF,
		ClientPort{RecvBuffer: 5000}}} {
		var sizes []int
		for _, port := range []ClientPort{c.port, {}} {
			table := newTable(t, Config{ClientPorts: []ClientPort{port}})
			conn, err := table.dial(t.Context(), newJob(mustMailer(t, "m, P=[IPC], A=TCP $h"), "x"),
				netip.MustParseAddr("127.0.0.1"), at.Port())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			raw, err := conn.(syscall.Conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, c.option)
				sizes = append(sizes, n)
				if err != nil {
					t.Error(err)
				}
			})
		}
		if len(sizes) != 2 || sizes[0] != 10000 || sizes[1] == 10000 { // the kernel doubles what it is told
			t.Errorf("%s: %d", c.name, sizes)
		}
	}
}

// TestProgramsRunAsTheRecipient is F=o: the controlling user of the recipient counts, else the sender who submitted the
// message.
func TestProgramsRunAsTheRecipient(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("without root programs run as the caller")
	}
	for flags, want := range map[string]int{"o": 2001, "": 2002} {
		job := newJob(mustMailer(t, "m, P=/bin/sh, F="+flags+", A=sh $u"), "", "x")
		job.Envelope.SenderCtladdr = &envelope.Ctladdr{User: "sender", UID: 2002, GID: 2002}
		rc := Rcpt{Recipient: &envelope.Recipient{Ctladdr: &envelope.Ctladdr{User: "owner", UID: 2001, GID: 2001}}}
		r, err := Agents(Config{NoInitGroups: true, DefaultUser: priv.Identity{UID: 1, GID: 1}}).runAs(t.Context(), job, rc)
		if err != nil || r.as == nil || r.as.UID != want {
			t.Errorf("F=%s: %+v, %v", flags, r.as, err)
		}
	}
}
