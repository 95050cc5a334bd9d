package sasl

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"
)

func scramFactors() scram.KeyFactors { return scram.KeyFactors{Salt: "salty", Iters: 4096} }

// handshake makes a TLS connection in memory and returns the server's and the client's state.
func handshake(t *testing.T) [2]*tls.ConnectionState {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	client := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	errs := make(chan error, 1)
	go func() { errs <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, b) }()
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	s, c := server.ConnectionState(), client.ConnectionState()
	return [2]*tls.ConnectionState{&s, &c}
}

// listen serves each connection of a unix socket with serve.
func listen(t *testing.T, name string, serve func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return path
}

func TestSaslauthd(t *testing.T) {
	path := listen(t, "mux", func(c net.Conn) {
		var fields []string
		for range 4 {
			var n uint16
			if binary.Read(c, binary.BigEndian, &n) != nil {
				return
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			fields = append(fields, string(b))
		}
		answer := map[string]string{"alice,good,smtp,": "OK", "bob,good,smtp,other.test": "OK yes", "odd,x,smtp,": "MAYBE", "cut,x,smtp,": "cut",
			"huge,x,smtp,": "huge"}[strings.Join(fields, ",")]
		switch answer {
		case "cut":
			_, _ = c.Write([]byte{0, 9, 'O', 'K'})
		case "huge":
			_, _ = c.Write([]byte{0xff, 0xff, 'O', 'K'})
		case "":
			answer = "NO authentication failed"
			fallthrough
		default:
			_, _ = c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
			_, _ = io.WriteString(c, answer)
		}
	})
	tests := []struct {
		name, password string
		want           error
	}{
		{"alice", "good", nil}, {"bob@other.test", "good", nil}, {"alice", "bad", ErrCredentials}, {"odd", "x", ErrTemporary},
		{"cut", "x", ErrTemporary}, {"huge", "x", ErrTemporary}, {"alice", strings.Repeat("x", 2000), ErrCredentials},
	}
	for _, test := range tests {
		err := Saslauthd{Path: filepath.Dir(path)}.Verify(t.Context(), session(), test.name, test.password)
		if !errors.Is(err, test.want) || err != nil && test.want == nil {
			t.Errorf("%s %.10s: %v, want %v", test.name, test.password, err, test.want)
		}
	}
	if err := (Saslauthd{Path: "/nonexistent"}).Verify(t.Context(), session(), "a", "b"); !errors.Is(err, ErrTemporary) {
		t.Errorf("without a daemon: %v", err)
	}
	silent := listen(t, "mux", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	if err := (Saslauthd{Path: silent, Timeout: 20 * time.Millisecond}).Verify(t.Context(), session(), "a", "b"); !errors.Is(err, ErrTemporary) {
		t.Errorf("a silent daemon: %v", err)
	}
}

func TestSASLDBAndTables(t *testing.T) {
	db := SASLDB{Get: func(_ context.Context, key string) (string, bool, error) {
		switch key {
		case "alice\x00mail.example.test\x00userPassword":
			return "secret", true, nil
		case "broken\x00mail.example.test\x00userPassword":
			return "", false, io.ErrUnexpectedEOF
		}
		return "", false, nil
	}}
	for name, want := range map[string]error{"alice": nil, "bob": ErrCredentials, "broken": ErrTemporary, "alice\x00mail.example.test\x00userPassword\x00": ErrCredentials} {
		if _, err := db.Secret(t.Context(), name, "mail.example.test"); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	table := Table{Name: "users", Realm: "q", Get: func(_ context.Context, name string) (string, bool, error) {
		v, ok := map[string]string{"alice": "{PLAIN}a", "alice@r": "{PLAIN}b", "bad": "{WHAT}x"}[name]
		return v, ok, nil
	}}
	if s, err := table.Secret(t.Context(), "alice", "r"); err != nil || s.Plain != "b" {
		t.Errorf("%v %v", s, err)
	}
	if s, err := table.Secret(t.Context(), "alice", "q"); err != nil || s.Plain != "a" {
		t.Errorf("%v %v", s, err)
	}
	if _, err := table.Secret(t.Context(), "alice", "elsewhere"); !errors.Is(err, ErrNoUser) {
		t.Errorf("another realm's user: %v", err)
	}
	if _, err := table.Secret(t.Context(), "bad", "q"); !errors.Is(err, ErrTemporary) {
		t.Errorf("a secret that nobody can read: %v", err)
	}
}

// fakeDovecot speaks the server's side of the auth protocol; answers tells what follows on AUTH or CONT.
func fakeDovecot(t *testing.T, greeting string, answers func(line string) string) Dovecot {
	path := listen(t, "auth-client", func(c net.Conn) {
		_, _ = io.WriteString(c, greeting)
		lines := bufio.NewScanner(c)
		for lines.Scan() {
			if f := strings.Split(lines.Text(), "\t"); f[0] == "AUTH" || f[0] == "CONT" {
				_, _ = io.WriteString(c, answers(lines.Text()))
			}
		}
	})
	return Dovecot{Path: path, Timeout: 200 * time.Millisecond}
}

const dovecotGreeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tCRAM-MD5\tdictionary\nMECH\tX-OTHER\nMECH\tANONYMOUS\tprivate\nSPID\t1\nCUID\t2\nCOOKIE\tff\nDONE\n"

func TestDovecot(t *testing.T) {
	var got []string
	d := fakeDovecot(t, dovecotGreeting, func(line string) string {
		got = append(got, line)
		switch {
		case strings.HasSuffix(line, "resp=YQBi"):
			return "FAIL\t1\tuser=a\n"
		case strings.HasSuffix(line, "resp=dA=="):
			return "FAIL\t1\tuser=a\ttemp\n"
		case strings.HasPrefix(line, "AUTH\t1\tCRAM"):
			return "OK\t99\tuser=mallory\nCONT\t1\t" + "PHhAeT4=" + "\n"
		case strings.HasPrefix(line, "CONT"):
			return "OK\t1\tuser=alice@x\toriginal_user=alice\n"
		}
		return "OK\t1\tuser=alice\n"
	})
	names, err := d.Mechanisms(t.Context(), session())
	if err != nil || fmt.Sprint(names) != "[PLAIN CRAM-MD5]" {
		t.Fatalf("%v %v", names, err)
	}
	s := session()
	s.Remote = netip.MustParseAddrPort("192.0.2.7:1234")
	x, err := d.Start(t.Context(), s, "CRAM-MD5")
	if err != nil {
		t.Fatal(err)
	}
	if c, done, err := x.Next(nil); err != nil || done || string(c) != "<x@y>" {
		t.Fatalf("%q %v %v", c, done, err)
	}
	if _, done, err := x.Next([]byte("alice 00")); err != nil || !done || x.Identity() != (Identity{Authen: "alice", Author: "alice@x", Asked: true}) {
		t.Fatalf("%v %v %v", done, err, x.Identity())
	}
	if want := "AUTH\t1\tCRAM-MD5\tservice=smtp\trip=192.0.2.7\trport=1234"; got[0] != want {
		t.Errorf("%q, want %q", got[0], want)
	}
	for answer, want := range map[string]error{"\x00a\x00b": nil, "a\x00b": ErrCredentials, "t": ErrTemporary} {
		x, err := d.Start(t.Context(), s, Plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.Next([]byte(answer)); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
	}
	if _, err := d.Start(t.Context(), s, "X-NONE"); !errors.Is(err, ErrMechanism) {
		t.Errorf("%v", err)
	}
}

func TestDovecotThatMisbehaves(t *testing.T) {
	for name, d := range map[string]Dovecot{
		"is not there":     {Path: "/nonexistent"},
		"speaks version 2": fakeDovecot(t, "VERSION\t2\t0\nDONE\n", nil),
		"says nothing":     fakeDovecot(t, "", nil),
		"never ends":       fakeDovecot(t, strings.Repeat("MECH\tPLAIN\n", 1000), nil),
		"sends long lines": fakeDovecot(t, strings.Repeat("x", 100000), nil),
	} {
		if _, err := d.Start(t.Context(), session(), Plain); !errors.Is(err, ErrTemporary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, answer := range map[string]string{
		"nothing": "", "garbage": "???\n", "no user": "OK\t1\n", "bad base64": "CONT\t1\t***\n", "another's": "OK\t2\tuser=x\n", "close": "OK\t1\tuser=",
	} {
		d := fakeDovecot(t, dovecotGreeting, func(string) string { return answer })
		x, err := d.Start(t.Context(), session(), Plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, done, err := x.Next([]byte("\x00a\x00b")); done && err == nil || !errors.Is(err, ErrTemporary) {
			t.Errorf("%s: %v %v", name, done, err)
		}
	}
}

// TestOfferOfASilentDovecot: who says EHLO waits a part of the time only, and who logs in waits for the whole of it.
func TestOfferOfASilentDovecot(t *testing.T) {
	greet := make(chan struct{})
	d := Dovecot{Timeout: 6 * time.Second}
	d.Path = listen(t, "auth-client", func(c net.Conn) {
		<-greet
		_, _ = io.WriteString(c, dovecotGreeting)
		_, _ = io.Copy(io.Discard, c)
	})
	begun := time.Now()
	names, err := d.Mechanisms(t.Context(), session())
	if took := time.Since(begun); took >= d.Timeout {
		t.Errorf("the offer took %v", took)
	}
	if !errors.Is(err, ErrTemporary) || !slices.Contains(names, Plain) {
		t.Errorf("%v %v", names, err)
	}
	close(greet)
	if _, err := d.Start(t.Context(), session(), Plain); err != nil {
		t.Error(err)
	}
}
