package mta

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gosendmail/mailers"
)

// TestClientPortsReachTheMailers: each key of ClientPortOptions is among what connections are made with; what the
// buffers do to them is seen in TestBuffersOfClients of package mailers.
func TestClientPortsReachTheMailers(t *testing.T) {
	s := testServerOf(t, "false", withOption("ClientPortOptions=Family=inet6, Addr=::1, Port=99, "+
		"SndBufSize=5000, RcvBufSize=6000, Modifier=hAS"), nil)
	cfg, err := s.mailerConfig()
	if err != nil {
		t.Fatal(err)
	}
	want := mailers.ClientPort{IPv6: true, Addr: netip.MustParseAddr("::1"), Port: 99,
		SendBuffer: 5000, RecvBuffer: 6000, HeloByName: true, NoAuth: true, NoTLS: true}
	if len(cfg.ClientPorts) != 1 || cfg.ClientPorts[0] != want {
		t.Errorf("%+v, want %+v", cfg.ClientPorts, want)
	}
}

// TestTimeoutIdent: 0 asks nobody, and another value is how long is waited for an answer.
func TestTimeoutIdent(t *testing.T) {
	l, err := net.Listen("tcp", "127.22.0.9:113")
	if err != nil {
		t.Skipf("the port of ident needs rights: %v", err)
	}
	defer l.Close()
	asked := make(chan bool, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked <- true
			go io.Copy(io.Discard, c) // no answer
		}
	}()
	for option, waits := range map[string]time.Duration{"Timeout.ident=0": 0, "Timeout.ident=1s": time.Second} {
		s := testServerOf(t, "false", strings.Replace(testConfig, "Timeout.ident=0", option, 1), nil)
		c := s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"),
			netip.MustParseAddrPort("127.22.0.9:1000"))
		began := time.Now()
		c.Connect(context.Background())
		took := time.Since(began)
		select {
		case <-asked:
			if waits == 0 {
				t.Errorf("%s: asked", option)
			}
		default:
			if waits > 0 {
				t.Errorf("%s: not asked", option)
			}
		}
		if took < waits || waits > 0 && took > waits+3*time.Second {
			t.Errorf("%s: waited %v", option, took)
		}
		c.Close(context.Background(), nil)
	}
}
