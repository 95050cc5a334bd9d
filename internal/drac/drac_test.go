package drac

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/colinmarc/cdb"

	"gosendmail/maps/dbfile"
)

// readCDB is an independent reader of what Table writes.
func readCDB(path string) (map[string]string, error) {
	db, err := cdb.Open(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	records := map[string]string{}
	it := db.Iter()
	for it.Next() {
		records[string(it.Key())] = string(it.Value())
	}
	return records, it.Err()
}

// testFiles are CDBs as the program makes them; damaged, they cannot be read.
type testFiles struct{ damaged error }

func (f testFiles) Open(file *os.File) (File, error) {
	if f.damaged != nil {
		return nil, f.damaged
	}
	return dbfile.Open(file)
}

func (testFiles) Create(path string) (Maker, error) { return dbfile.Create(path) }

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newTable(tb testing.TB) (*Table, *clock) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	return &Table{Path: filepath.Join(tb.TempDir(), "drac"), Limit: DefaultLimit, Now: c.now, Files: testFiles{}}, c
}

func listed(t *testing.T, table *Table) string {
	t.Helper()
	list, err := table.List()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range list {
		words = append(words, e.Addr.String())
	}
	return strings.Join(words, " ")
}

func TestTable(t *testing.T) {
	table, clock := newTable(t)
	if got := listed(t, table); got != "" {
		t.Errorf("a table that is not there lists %q", got)
	}
	for _, a := range []string{"192.0.2.7", "::ffff:192.0.2.8", "2001:db8::1"} {
		if err := table.Add(netip.MustParseAddr(a)); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(t, table); got != "192.0.2.7 192.0.2.8 2001:db8::1" {
		t.Errorf("listed %q", got)
	}
	records, err := readCDB(table.Path + ".db")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db8:0:0:0:0:0:1"} {
		if records[key] != "1800001800" {
			t.Errorf("key %s has %q, want the end of 30 minutes", key, records[key])
		}
	}
	if err := table.Delete(netip.MustParseAddr("2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, table); got != "192.0.2.7 192.0.2.8" {
		t.Errorf("after del: %q", got)
	}
	clock.t = clock.t.Add(DefaultLimit - time.Second)
	if got := listed(t, table); got != "192.0.2.7 192.0.2.8" {
		t.Errorf("a second before the limit: %q", got)
	}
	clock.t = clock.t.Add(time.Second)
	if got := listed(t, table); got != "" {
		t.Errorf("at the limit: %q", got)
	}
	if err := table.Add(netip.MustParseAddr("192.0.2.9")); err != nil {
		t.Fatal(err)
	}
	if records, _ := readCDB(table.Path + ".db"); len(records) != 3 {
		t.Errorf("what has ended stays in the file: %v", records)
	}
}

func TestManyProgramsAddAtOnce(t *testing.T) {
	table, _ := newTable(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			other := *table
			for j := range 10 {
				if err := other.Add(netip.AddrFrom4([4]byte{192, 0, byte(i), byte(j)})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(strings.Fields(listed(t, table))); n != 80 {
		t.Errorf("%d addresses of 80 are there", n)
	}
}

func TestFailedReadChangesNothing(t *testing.T) {
	table, _ := newTable(t)
	os.WriteFile(table.Path+".db", []byte("not a table"), 0o600)
	table.Files = testFiles{errors.New("damaged")}
	if err := table.Add(netip.MustParseAddr("192.0.2.7")); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
	if text, _ := os.ReadFile(table.Path + ".db"); string(text) != "not a table" {
		t.Errorf("the file became %q", text)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(table.Path), ".drac*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestExpiry(t *testing.T) {
	now := func() time.Time { return time.Unix(1000, 0) }
	marked := func(key string) (string, bool) { return markerValue, key == MarkerKey }
	plain := func(string) (string, bool) { return "", false }
	for _, c := range []struct {
		path string
		get  func(string) (string, bool)
		want map[string]bool // nil: records do not expire
	}{
		{"/etc/mail/popauth.db", marked, map[string]bool{"1001": true, "1000": false, "999": false, "x": true}},
		{"/etc/drac/dracd.db", plain, map[string]bool{"1001": true, "1000": false, "1001 ": true}},
		{"/etc/mail/access.db", plain, nil},
	} {
		r := NewReader(c.path, os.Open, now)
		if _, ours := r.Belongs(c.get); ours != (c.want != nil) {
			t.Errorf("%s: expires %v", c.path, ours)
		}
		for value, want := range c.want {
			if r.Live(value) != want {
				t.Errorf("%s: value %q lives: %v", c.path, value, !want)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	a, err := ParseAllow(strings.NewReader("# who\n255.255.255.0 192.0.2.0\n255.255.255.255\t198.51.100.7 # one\n"), "dracd.allow")
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"192.0.2.77": true, "192.0.3.1": false, "198.51.100.7": true, "198.51.100.8": false, "127.0.0.1": false} {
		if a.has(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s may add: %v", addr, !want)
		}
	}
	none := &Server{Table: &Table{}}
	if !none.allowed(netip.MustParseAddr("127.0.0.1")) || none.allowed(netip.MustParseAddr("192.0.2.1")) {
		t.Error("without a list this host alone may add")
	}
	for text, want := range map[string]string{
		"255.0.0.0\n":                       "dracd.allow:1: want a netmask",
		"\n255.0.0.0 host\n":                `dracd.allow:2: "host" is not an IPv4 address`,
		"255.255.255.0 192.0.2.1\n":         "dracd.allow:1: 192.0.2.1 has bits outside",
		"255.255.255.0 192.0.2.0 more\n#\n": "dracd.allow:1: want a netmask",
	} {
		if _, err := ParseAllow(strings.NewReader(text), "dracd.allow"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// portmapper is one for tests; it keeps what it is told.
func portmapper(t *testing.T) (addr string, ports map[[3]uint32]uint32, mu *sync.Mutex) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ports, mu = map[[3]uint32]uint32{}, new(sync.Mutex)
	go func() {
		buf := make([]byte, 1024)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			c, _, ok := parseCall(buf[:n])
			r := reader{c.args}
			var w [4]uint32
			for i := range w {
				w[i], _ = r.uint32()
			}
			if !ok || c.program != programPortmap {
				continue
			}
			mu.Lock()
			result := uint32(1)
			switch c.procedure {
			case portmapSet:
				ports[[3]uint32(w[:3])] = w[3]
			case portmapUnset:
				for _, proto := range []uint32{protoTCP, protoUDP} {
					delete(ports, [3]uint32{w[0], w[1], proto})
				}
			case portmapGetPort:
				result = ports[[3]uint32(w[:3])]
			}
			mu.Unlock()
			conn.WriteTo(c.accepted(acceptSuccess, result), from)
		}
	}()
	return conn.LocalAddr().String(), ports, mu
}

func TestService(t *testing.T) {
	table, _ := newTable(t)
	mapper, ports, mu := portmapper(t)
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{}, 10)
	s := &Server{Table: table, Log: func(format string, args ...any) {
		t.Logf(format, args...)
		select {
		case ready <- struct{}{}:
		default:
		}
	}}
	done := make(chan error)
	go func() { done <- s.ListenAndServe(ctx, "127.0.0.1:0", mapper) }()
	<-ready
	var port uint32
	for port == 0 {
		mu.Lock()
		port = ports[[3]uint32{programDRAC, versionIPv6, protoTCP}]
		mu.Unlock()
	}
	mu.Lock()
	if len(ports) < 3 {
		t.Errorf("registered: %v", ports)
	}
	mu.Unlock()
	host := fmt.Sprintf("127.0.0.1:%d", port)
	for _, a := range []string{"192.0.2.7", "2001:db8::ff80"} {
		if err := RemoteAdd(ctx, host, netip.MustParseAddr(a)); err != nil {
			t.Errorf("add %s: %v", a, err)
		}
	}
	if got := listed(t, table); got != "192.0.2.7 2001:db8::ff80" {
		t.Errorf("listed %q", got)
	}
	overTCP(t, host)
	if err := RemoteAdd(ctx, host, netip.MustParseAddr("0.0.0.0")); err == nil || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("add 0.0.0.0: %v", err)
	}
	s2 := &Server{Table: table, Allow: &Allow{}}
	if reply := s2.answer(netip.MustParseAddr("127.0.0.1"), addCall(1)); !bytes.HasSuffix(reply, words(statusPerm)) {
		t.Errorf("a host that is not in the list got %x", reply)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ports) != 0 {
		t.Errorf("still registered: %v", ports)
	}
}

func addCall(xid uint32) []byte {
	return call{xid: xid, program: programDRAC, version: versionIPv4, procedure: procAdd, args: []byte{192, 0, 2, 99}}.encode()
}

// overTCP speaks two calls over one connection, the second in two fragments.
func overTCP(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(record(call{xid: 1, program: programDRAC, version: versionIPv4, procedure: procNull}.encode()))
	msg := addCall(2)
	conn.Write(append(words(8), msg[:8]...))
	conn.Write(record(msg[8:]))
	for xid, want := range [][]byte{words(1, msgReply, msgAccepted, 0, 0, 0), words(2, msgReply, msgAccepted, 0, 0, 0, statusSuccess)} {
		if got, err := readRecord(conn); err != nil || !bytes.Equal(got, want) {
			t.Errorf("call %d: %x, %v, want %x", xid+1, got, err, want)
		}
	}
}

func TestStrangeCalls(t *testing.T) {
	table, _ := newTable(t)
	s := &Server{Table: table}
	me := netip.MustParseAddr("127.0.0.1")
	for name, c := range map[string]struct {
		msg  []byte
		want []byte
	}{
		"empty":             {nil, nil},
		"a reply":           {words(7, msgReply, 2, programDRAC, 1, 1, 0, 0, 0, 0), nil},
		"cut off":           {addCall(7)[:30], nil},
		"huge credential":   {words(7, msgCall, 2, programDRAC, 1, 1, 0, 1<<31), nil},
		"other RPC version": {words(7, msgCall, 3, programDRAC, 1, 1, 0, 0, 0, 0), words(7, msgReply, msgDenied, rpcMismatch, 2, 2)},
		"other program":     {call{xid: 7, program: 100003, version: 1}.encode(), words(7, msgReply, msgAccepted, 0, 0, acceptProgUnavail)},
		"other version":     {call{xid: 7, program: programDRAC, version: 3}.encode(), words(7, msgReply, msgAccepted, 0, 0, acceptProgMismatch, 1, 2)},
		"other procedure":   {call{xid: 7, program: programDRAC, version: 1, procedure: 9}.encode(), words(7, msgReply, msgAccepted, 0, 0, acceptProcUnavail)},
		"no address":        {call{xid: 7, program: programDRAC, version: 1, procedure: 1}.encode(), words(7, msgReply, msgAccepted, 0, 0, acceptGarbageArgs)},
		"short array":       {call{xid: 7, program: programDRAC, version: 2, procedure: 1, args: make([]byte, 60)}.encode(), words(7, msgReply, msgAccepted, 0, 0, acceptGarbageArgs)},
	} {
		if got := s.answer(me, c.msg); !bytes.Equal(got, c.want) {
			t.Errorf("%s: answer %x, want %x", name, got, c.want)
		}
	}
	if list := listed(t, table); list != "" {
		t.Errorf("strange calls added %q", list)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(addCall(1))
	f.Add(call{program: programDRAC, version: 2, procedure: 1, args: make([]byte, 64)}.encode())
	s := &Server{Table: &Table{Path: filepath.Join(f.TempDir(), "drac"), Files: testFiles{}}, Allow: &Allow{}}
	f.Fuzz(func(t *testing.T, msg []byte) {
		reply := s.answer(netip.MustParseAddr("192.0.2.1"), msg)
		if len(reply) > 32 {
			t.Errorf("a reply of %d bytes", len(reply))
		}
		if len(reply) > 0 && !slices.Equal(reply[:4], msg[:4]) {
			t.Errorf("the reply has another xid: %x", reply)
		}
	})
}

// BenchmarkAdd adds to a table of ten thousand addresses.
func BenchmarkAdd(b *testing.B) {
	table, _ := newTable(b)
	var many []netip.Addr
	for i := range 10_000 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if err := table.Add(many...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := table.Add(many[0]); err != nil {
			b.Fatal(err)
		}
	}
}
