package drac

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a running service whose log is kept.
type service struct {
	*Server
	addr  string // TCP and UDP
	mu    sync.Mutex
	lines []string
}

func (s *service) logged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// startService serves on the loopback; allow says who may add.
func startService(t *testing.T, allow *Allow) *service {
	t.Helper()
	table, _ := newTable(t)
	s := &service{Server: &Server{Table: table, Allow: allow}}
	s.Log = func(format string, args ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, fmt.Sprintf(format, args...))
	}
	l, conn, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.ServeTCP(ctx, l) })
	wg.Go(func() { s.ServeUDP(ctx, conn) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return s
}

// loopbackOnly allows one address of the loopback; others there are strangers.
func only(host string) *Allow {
	a, err := ParseAllow(strings.NewReader("255.255.255.255 "+host+"\n"), "dracd.allow")
	if err != nil {
		panic(err)
	}
	return a
}

// dial connects from an address of the loopback.
func dial(t *testing.T, network, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	if network == "udp" {
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial(network, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// status sends an addition over a TCP connection and returns the answer's status.
func statusOver(c net.Conn) (uint32, error) {
	if _, err := c.Write(record(addCall(7))); err != nil {
		return 0, err
	}
	msg, err := readRecord(c)
	if err != nil {
		return 0, err
	}
	if len(msg) < 4 {
		return 0, errShort
	}
	return binary.BigEndian.Uint32(msg[len(msg)-4:]), nil
}

// rpcMisbehaviours are what a caller sends over TCP; the service must end the connection, or answer without adding
// anything.
func rpcMisbehaviours() map[string][]byte {
	add := addCall(1)
	patch := func(at int, v uint32) []byte {
		b := append([]byte(nil), add...)
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	var dust []byte
	for _, c := range add[:len(add)-1] {
		dust = append(dust, 0, 0, 0, 1, c)
	}
	v2 := call{program: programDRAC, version: versionIPv6, procedure: procAdd}
	v2args := func(n int) []byte { c := v2; c.args = make([]byte, n); return record(c.encode()) }
	return map[string][]byte{
		"fragment of 2 GB":                 {0xff, 0xff, 0xff, 0xff},
		"fragment of 1025 bytes":           append(words(lastFragment|1025), make([]byte, 1025)...),
		"fragments of 1 byte without end":  dust,
		"empty fragments":                  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"empty record":                     {0x80, 0, 0, 0},
		"record that is cut off":           append(words(lastFragment|uint32(len(add))), add[:20]...),
		"reply in place of a call":         record(patch(4, msgReply)),
		"message type that is none":        record(patch(4, 9)),
		"RPC version 3":                    record(patch(8, 3)),
		"another program":                  record(patch(12, 100000)),
		"version 0":                        record(patch(16, 0)),
		"version 3":                        record(patch(16, 3)),
		"procedure 2":                      record(patch(20, 2)),
		"credential of 4 GB":               record(patch(28, 0xffffffff)),
		"credential of 401 bytes":          record(patch(28, 401)),
		"credential longer than the call":  record(patch(28, 300)),
		"verifier of 4 GB":                 record(patch(36, 0xfffffffd)),
		"no argument":                      record(add[:len(add)-4]),
		"half an argument":                 record(add[:len(add)-2]),
		"two arguments":                    record(append(append([]byte(nil), add...), 1, 2, 3, 4)),
		"address 0.0.0.0":                  record(patch(len(add)-4, 0)),
		"multicast address":                record(patch(len(add)-4, 0xe0000001)),
		"IPv6 with 15 bytes":               v2args(60),
		"IPv6 with 17 bytes":               v2args(68),
		"IPv6 unspecified":                 v2args(64),
		"an HTTP request":                  []byte("GET / HTTP/1.0\r\n\r\n"),
		"an SMTP greeting":                 []byte("EHLO x\r\nMAIL FROM:<>\r\n"),
		"a TLS hello":                      append([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, make([]byte, 505)...),
		"zeros":                            make([]byte, 4096),
		"ones":                             []byte(strings.Repeat("\xff", 4096)),
		"only 3 bytes of a record's begin": {0x80, 0, 0},
	}
}

// TestHostileCallers: nothing of that adds an address, nobody is kept from the service, and the answers are small.
func TestHostileCallers(t *testing.T) {
	s := startService(t, only("127.0.0.1"))
	for name, text := range rpcMisbehaviours() {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"tcp", "udp"} {
				c := dial(t, network, "127.0.0.1", s.addr)
				sent := text
				if network == "udp" {
					sent = text[min(4, len(text)):]
				}
				c.Write(sent)
				if network == "udp" {
					c.Write(call{xid: 5, program: programDRAC, version: 1}.encode()) // its answer comes whatever became of the first
				} else {
					c.(*net.TCPConn).CloseWrite()
				}
				answer := make([]byte, 4096)
				n, err := c.Read(answer)
				if err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
					t.Errorf("%s: %v", network, err)
				}
				if n > 64 {
					t.Errorf("%s: an answer of %d bytes", network, n)
				}
			}
			if list := listed(t, s.Table); list != "" {
				t.Fatalf("added %q", list)
			}
		})
	}
	if code, err := statusOver(dial(t, "tcp", "127.0.0.1", s.addr)); err != nil || code != statusSuccess {
		t.Errorf("a right call after all that: %d, %v", code, err)
	}
	if n := len(s.logged()); n > linesAMinute+2 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestSilentStrangers: connections of a host that may not add, silent or half a call long, take no place from those
// that may; it is told so when it calls, and the log is not flooded.
func TestSilentStrangers(t *testing.T) {
	s := startService(t, only("127.0.0.1"))
	for i := range 4 * maxCallers {
		c := dial(t, "tcp", "127.0.0.2", s.addr)
		if i%2 == 0 {
			c.Write([]byte{0x80, 0, 0})
		}
	}
	for range maxOfHost / 2 {
		if code, err := statusOver(dial(t, "tcp", "127.0.0.1", s.addr)); err != nil || code != statusSuccess {
			t.Fatalf("a host that may add: %d, %v", code, err)
		}
	}
	if n := len(s.logged()); n > linesAMinute+20 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestStrangerIsTold: a host that may not add hears so by TCP and UDP.
func TestStrangerIsTold(t *testing.T) {
	s := startService(t, only("127.0.0.1"))
	if code, err := statusOver(dial(t, "tcp", "127.0.0.2", s.addr)); err != nil || code != statusPerm {
		t.Errorf("TCP: %d, %v", code, err)
	}
	c := dial(t, "udp", "127.0.0.2", s.addr)
	for range 200 {
		c.Write(addCall(9))
	}
	answer := make([]byte, 64)
	if n, err := c.Read(answer); err != nil || binary.BigEndian.Uint32(answer[n-4:]) != statusPerm {
		t.Errorf("UDP: %x, %v", answer[:n], err)
	}
	if list := listed(t, s.Table); list != "" {
		t.Errorf("added %q", list)
	}
	if n := len(s.logged()); n > linesAMinute {
		t.Errorf("%d lines in the log", n)
	}
}

// TestSilentFriends: one host that may add and hangs leaves room for the others.
func TestSilentFriends(t *testing.T) {
	a, err := ParseAllow(strings.NewReader("255.0.0.0 127.0.0.0\n"), "dracd.allow")
	if err != nil {
		t.Fatal(err)
	}
	s := startService(t, a)
	for range 2 * maxCallers {
		dial(t, "tcp", "127.0.0.2", s.addr)
	}
	if code, err := statusOver(dial(t, "tcp", "127.0.0.3", s.addr)); err != nil || code != statusSuccess {
		t.Errorf("another host: %d, %v", code, err)
	}
}

// TestManyCallsAtOnce: additions that come together are all answered, and are on disk then.
func TestManyCallsAtOnce(t *testing.T) {
	s := startService(t, only("127.0.0.1"))
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if got := s.add(netip.MustParseAddr("127.0.0.1"), netip.AddrFrom4([4]byte{10, 9, 8, byte(i)})); got != statusSuccess {
				t.Errorf("status %d", got)
			}
		})
	}
	wg.Wait()
	if n := len(strings.Fields(listed(t, s.Table))); n != 200 {
		t.Errorf("%d addresses of 200", n)
	}
}

// TestHostilePortmapper: a client takes no answer of another call, and no port that is none.
func TestHostilePortmapper(t *testing.T) {
	answer := func(xid uint32, rest ...uint32) []byte { return words(append([]uint32{xid}, rest...)...) }
	ok := []uint32{msgReply, msgAccepted, authNone, 0, acceptSuccess}
	for name, c := range map[string]struct {
		reply func(xid uint32) [][]byte
		want  string // in the error; "": none
	}{
		"another call's answer first": {func(x uint32) [][]byte { return [][]byte{answer(x+1, append(ok, 7)...), answer(x, append(ok, 1)...)} }, ""},
		"garbage first":               {func(x uint32) [][]byte { return [][]byte{[]byte("x"), {}, answer(x, append(ok, 1)...)} }, ""},
		"denied":                      {func(x uint32) [][]byte { return [][]byte{answer(x, msgReply, msgDenied, 0, 2, 2)} }, "denied"},
		"cut off":                     {func(x uint32) [][]byte { return [][]byte{answer(x, msgReply)} }, "too short"},
		"verifier of 4 GB":            {func(x uint32) [][]byte { return [][]byte{answer(x, msgReply, msgAccepted, 0, 0xffffffff)} }, "too long"},
		"no result":                   {func(x uint32) [][]byte { return [][]byte{answer(x, ok...)} }, "too short"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() {
				buf := make([]byte, 1024)
				n, from, err := conn.ReadFromUDP(buf)
				if err != nil || n < 4 {
					return
				}
				for _, r := range c.reply(binary.BigEndian.Uint32(buf)) {
					conn.WriteToUDP(r, from)
				}
			}()
			_, err = Portmapper{conn.LocalAddr().String()}.call(context.Background(), portmapGetPort)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzService sends records to the service as it runs: it must answer the null call that follows on another connection,
// and add nothing for a stranger.
func FuzzService(f *testing.F) {
	for _, text := range rpcMisbehaviours() {
		f.Add(text)
	}
	f.Add(record(addCall(1)))
	s := &Server{Table: &Table{Path: f.TempDir() + "/drac", Limit: DefaultLimit, Files: testFiles{}}, Allow: only("127.0.0.1")}
	f.Fuzz(func(t *testing.T, text []byte) {
		ours, theirs := net.Pipe()
		done := make(chan error, 1)
		go func() {
			defer theirs.Close()
			done <- s.serveConn(theirs, netip.MustParseAddrPort("127.0.0.2:1000"))
		}()
		go io.Copy(io.Discard, ours)
		ours.SetWriteDeadline(time.Now().Add(5 * time.Second))
		ours.Write(text)
		ours.Close()
		<-done
		if list, err := s.Table.List(); err != nil || len(list) > 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
}
