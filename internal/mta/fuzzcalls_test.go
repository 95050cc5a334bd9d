package mta

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/drac"
	"gosendmail/maps/dbfile"
)

// dracFiles makes tables as the program drac does.
type dracFiles struct{}

func (dracFiles) Open(f *os.File) (drac.File, error)     { return dbfile.Open(f) }
func (dracFiles) Create(path string) (drac.Maker, error) { return dbfile.Create(path) }

// callOf is a call of DRAC as it goes over TCP: words of four bytes after the mark of the record.
func callOf(words ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, 1<<31|uint32(4*len(words)))
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// mentions reports whether a text holds the bytes of an address, in their order, whatever stands between them.
func mentions(text []byte, addr netip.Addr) bool {
	want := addr.As4()
	n := 0
	for _, c := range text {
		if n < len(want) && c == want[n] {
			n++
		}
	}
	return n == len(want)
}

// FuzzCallsBehindMail sends a service of DRAC whatever a POP server may send, and then has a client that no call named
// try to relay.
func FuzzCallsBehindMail(f *testing.F) {
	const program, add = 900101, 1
	head := []uint32{7, 0, 2, program, 1, add, 0, 0, 0, 0}
	other := append(append([]uint32{}, head...), 0xc0000263)
	v2 := append(append([]uint32{}, head...), make([]uint32, 16)...)
	v2[4] = 2
	for i, b := range netip.MustParseAddr("2001:db8::1").As16() {
		v2[len(head)+i] = uint32(b)
	}
	for _, words := range [][]uint32{other, v2, head, head[:6], append(append([]uint32{}, other...), 1)} {
		f.Add(callOf(words...))
	}
	f.Add(append(callOf(other...), callOf(v2...)...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	path := filepath.Join(f.TempDir(), "drac")
	s := strictServer(f, dnstest.StartHostile(f, "127.0.0.1:0"), 5*time.Millisecond,
		"define(<<confDONT_BLAME_SENDMAIL>>,<<TrustStickyBit>>)", "FEATURE(<<drac>>,<<hash -o "+path+">>)")
	client := netip.MustParseAddr("127.22.0.1")
	allow, err := drac.ParseAllow(strings.NewReader("255.255.255.255 127.0.0.1\n"), "dracd.allow")
	if err != nil {
		f.Fatal(err)
	}
	service := &drac.Server{Table: &drac.Table{Path: path, Limit: time.Hour, Files: dracFiles{}}, Allow: allow}
	mayRelayWhenAdded(f, s, service.Table, client)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f.Cleanup(stop)
	go service.ServeTCP(ctx, l)
	f.Fuzz(func(t *testing.T, text []byte) {
		if mentions(text, client) {
			return // it may be let in
		}
		defer mayNotHang()()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(text)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		mayNotRelay(t, s, client.String(), "c.hostile.test").Close(context.Background(), nil)
		list, err := service.Table.List()
		if err != nil || len(list) > 1000 {
			t.Fatalf("%d addresses, %v", len(list), err)
		}
		for _, e := range list {
			if e.Addr == client || e.Addr.IsMulticast() || e.Addr.IsUnspecified() {
				t.Errorf("%s was added", e.Addr)
			}
		}
		if err := service.Table.Clear(); err != nil {
			t.Fatal(err)
		}
	})
}

// mayRelayWhenAdded makes sure that sessions ask the table.
func mayRelayWhenAdded(f *testing.F, s *Server, table *drac.Table, client netip.Addr) {
	f.Helper()
	if err := table.Add(client); err != nil {
		f.Fatal(err)
	}
	ctx := context.Background()
	c := s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"),
		netip.AddrPortFrom(client, 1000))
	defer c.Close(ctx, nil)
	c.Connect(ctx)
	c.Helo(ctx, "EHLO", "client.test")
	c.Mail(ctx, "<>", &smtp.MailOptions{})
	if r := c.Rcpt(ctx, "<u@elsewhere.test>", &smtp.RcptOptions{}); r.Code != 250 {
		f.Fatalf("who was added may not relay: %+v", r)
	}
	if err := table.Clear(); err != nil {
		f.Fatal(err)
	}
}
