package mta

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/cf"
	"gosendmail/queue"
)

func TestParseDaemon(t *testing.T) {
	ctx := context.Background()
	d, problems := ParseDaemon(ctx, "Name=MSA, Port=587, Addr=127.0.0.1, M=CE, Family=inet, Listen=50, children=7, DeliveryMode=queue", 1)
	if problems != nil {
		t.Fatal(problems)
	}
	if d.Name != "MSA" || d.portText() != "587" || d.Addr != "127.0.0.1" || d.flags() != "CC EE" || d.Children != 7 || d.Mode != "q" {
		t.Errorf("%+v", d)
	}
	if d, problems = ParseDaemon(ctx, "", 2); problems != nil || d.Name != "Daemon1" || d.portText() != "25" {
		t.Errorf("%+v, %v", d, problems)
	}
	if d, _ = ParseDaemon(ctx, "Family=inet6, Address=IPv6:::1, Modify=E", 1); d.Addr != "::1" || !d.Has('E') {
		t.Errorf("%+v", d)
	}
	for value, want := range map[string]cf.Message{
		"Zork=1":                    {Text: `PortOptions parameter "Zork=1" unknown`, Reply: portReply},
		"port=nosuch":               {Text: `service "nosuch" unknown`, Reply: portReply},
		"Port=":                     {Text: `service "" unknown`, Reply: portReply},
		"M=Ez":                      {Text: "DaemonPortOptions: Modifier=Ez: z is not known", Warning: true, Doubt: true},
		"Port=nosuch":               {Text: `service "nosuch" unknown`, Reply: portReply},
		"Port=70000":                {Text: "70000 is no port number", Reply: portReply},
		"Listen=x":                  {Text: `"x" is no number; 0 is taken`, Reply: portReply, Warning: true, Doubt: true},
		"Family=decnet":             {Text: "Unknown address family decnet in Family=option", Reply: portReply},
		"DeliveryMode=z":            {Text: "Unknown delivery mode z", Reply: portReply},
		"Prot=25":                   {Text: "DaemonPortOptions: key Prot is taken for Port", Warning: true, Doubt: true},
		"Port":                      {Text: `DaemonPortOptions: "Port" is no key=value and has no effect`, Warning: true, Doubt: true},
		"=1":                        {Text: `PortOptions parameter "=1" unknown`, Reply: portReply},
		"Addr=::1":                  {Text: `host "::1" unknown`, Reply: hostReply, Host: true},
		"Family=inet6, A=127.0.0.1": {Text: `host "127.0.0.1" unknown`, Reply: hostReply, Host: true},
		"Name=A Port=25": {Warning: true, Doubt: true,
			Text: `DaemonPortOptions: "Name=A Port=25" is one value: commas stand between keys`},
	} {
		if _, problems := ParseDaemon(ctx, value, 1); len(problems) != 1 || problems[0] != want {
			t.Errorf("%s: %+v", value, problems)
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

// TestStartSweepsOldLitter: a start removes what a crash left long ago, and nothing that somebody may be writing now.
func TestStartSweepsOldLitter(t *testing.T) {
	s := testServer(t, "false")
	dir := s.site.options.QueueDirectory
	long := time.Now().Add(-2 * queue.LitterAge)
	for _, name := range []string{"dfyoung", "tfyoung", "dfold", "tfold"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "old") {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Greet()
	s.running.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "[dt]f*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if got := strings.Join(left, " "); got != "dfyoung tfyoung" {
		t.Errorf("left: %q", got)
	}
}
