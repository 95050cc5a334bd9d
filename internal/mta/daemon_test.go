package mta

import (
	"context"
	"strings"
	"testing"
)

func TestParseDaemon(t *testing.T) {
	d, err := ParseDaemon("Name=MSA, Port=587, Addr=127.0.0.1, M=CE, Family=inet, Listen=50, children=7, DeliveryMode=queue", 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "MSA" || d.portText() != "587" || d.Addr != "127.0.0.1" || d.flags() != "CC EE" || d.Children != 7 || d.Mode != "q" {
		t.Errorf("%+v", d)
	}
	if d, err = ParseDaemon("", 2); err != nil || d.Name != "Daemon1" || d.portText() != "25" {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range []string{"Port", "Zork=1", "Listen=x", "Family=decnet", "M=s", "=1", "DeliveryMode=z"} {
		if _, err := ParseDaemon(bad, 1); err == nil || !strings.HasPrefix(err.Error(), "option DaemonPortOptions: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSecondDaemonIsTold(t *testing.T) {
	d := &Daemon{Name: "MTA", Family: "inet", Addr: "127.0.0.1", Port: "0"}
	l, err := d.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, d.Port, _ = strings.Cut(l.Addr().String(), ":")
	_, err = d.Listen(context.Background())
	if want := "opendaemonsocket: daemon MTA: cannot bind: Address already in use"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestPrivacy(t *testing.T) {
	p, err := parsePrivacy("goaway, restrictmailq")
	if err != nil || !p.has(noVrfy) || !p.has(noExpn) || !p.has(needMailHelo) || !p.has(restrictMailq) || p.has(noReceipts) || p.has(noEtrn) {
		t.Errorf("%b, %v", p, err)
	}
	if _, err := parsePrivacy("novrfy,zork"); err == nil {
		t.Error("zork is taken")
	}
}
