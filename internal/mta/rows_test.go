package mta

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"gosendmail/cf"
	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/tlsconf"
	"gosendmail/mailers"
)

const resolverZone = `
host.zebra.test. A 192.0.2.1
only.zebra.test. MX 5 host.zebra.test.
alias.zebra.test. CNAME host.zebra.test.
long.zebra.test. TXT "x"
broken.zebra.test. A 192.0.2.2
`

// asking is what a site's resolver did for one look-up.
type asking struct {
	mu      sync.Mutex
	packets []string
	text    string
}

// look canonifies a name (C NAME) or asks for addresses (A NAME) as a site with the options of the lines does, from the
// domain zebra.test, and returns what the name server heard and what came out.
func look(t *testing.T, lines, what string) string {
	t.Helper()
	var a asking
	ns := dnstest.Start(t, resolverZone)
	ns.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool { return a.note(w, q) })
	dir := t.TempDir()
	conf := filepath.Join(dir, "resolv.conf")
	for name, text := range map[string]string{"switch": "hosts files dns\n",
		"resolv.conf": "nameserver " + ns.Addr + "\nsearch zebra.test parent.test\noptions attempts:1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(t.Context(), LoadOptions{Path: "x.cf", Host: &HostNames{}, ResolvConf: conf,
		Text: []byte("V10/Berkeley\nO HostsFile=" + dir + "/none\nO ServiceSwitchFile=" + dir + "/switch\n" + lines)})
	if err != nil {
		t.Fatal(err)
	}
	if list := s.Errors(); len(list) > 0 {
		return list[0].Text
	}
	kind, name, _ := strings.Cut(what, " ")
	switch kind {
	case "C":
		v, err := s.Maps.Lookup(t.Context(), "host", name)
		a.text = fmt.Sprintf("%q %v", v, err)
	case "A":
		list, err := s.Resolver().LookupAddrs(t.Context(), name)
		a.text = fmt.Sprint(list, err)
	case "limits":
		wait, tries := s.Resolver().Limits(t.Context())
		a.text = fmt.Sprint(wait, tries)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(append(slices.Compact(a.packets), a.text), "\n")
}

// note writes a question down and answers those for names that have answers of their own.
func (a *asking) note(w mdns.ResponseWriter, q *mdns.Msg) bool {
	name, qtype, via := q.Question[0].Name, q.Question[0].Qtype, w.RemoteAddr().Network()
	a.mu.Lock()
	a.packets = append(a.packets, fmt.Sprintf("%s %s %s recursion=%t", via, name, mdns.TypeToString[qtype],
		q.RecursionDesired))
	a.mu.Unlock()
	switch {
	case name == "long.zebra.test." && via == "udp":
		m := new(mdns.Msg).SetReply(q)
		m.Truncated = true
		w.WriteMsg(m)
		return true
	case name == "broken.zebra.test." && qtype == mdns.TypeAAAA:
		w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeServerFailure))
		return true
	}
	return false
}

// TestResolverOptions: each word of ResolverOptions that says to work, and the options beside it, show in what the name
// server is asked or in what becomes of its answer.
func TestResolverOptions(t *testing.T) {
	for _, c := range []struct {
		name, with, without string // lines of the configuration
		what                string
		want, miss          string // with the option only, without it only
	}{
		{"ResolverOptions", "O ResolverOptions=-dnsrch -defnames\n", "", "C host", "not found", "host.zebra.test. A"},
		{"usevc", "O ResolverOptions=usevc\n", "", "A host.zebra.test", "tcp host.zebra.test.", "udp host.zebra.test."},
		{"igntc", "O ResolverOptions=igntc\n", "", "A long.zebra.test", "", "tcp long.zebra.test."},
		{"recurse", "O ResolverOptions=-recurse\n", "O ResolverOptions=+recurse\n", "A host.zebra.test", "recursion=false",
			"recursion=true"},
		{"defnames", "O ResolverOptions=-dnsrch -defnames\n", "O ResolverOptions=-dnsrch +defnames\n", "C host", "",
			"host.zebra.test."},
		{"dnsrch", "O ResolverOptions=-dnsrch\n", "O ResolverOptions=+dnsrch\n", "C nohost", "", "nohost.parent.test."},
		{"HasWildcardMX", "O ResolverOptions=HasWildcardMX\n", "", "C only", "", `"only.zebra.test."`},
		{"WorkAroundBrokenAAAA", "O ResolverOptions=WorkAroundBrokenAAAA\n", "", "C broken", `"broken.zebra.test."`, ""},
		{"DontExpandCnames", "O DontExpandCnames=true\n", "", "C alias.zebra.test", `"alias.zebra.test."`,
			`"host.zebra.test."`},
		{"Timeout.resolver.retrans", "O Timeout.resolver.retrans=7s\n", "", "limits", "7s 1", "5s 1"},
		{"Timeout.resolver.retry", "O Timeout.resolver.retry=9\n", "", "limits", "5s 9", "5s 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			differs(t, look(t, c.with, c.what), look(t, c.without, c.what), c.want, c.miss)
		})
	}
	for _, idle := range []string{"debug", "aaonly", "primary", "stayopen", "use_inet6", "true"} {
		if a, b := look(t, "O ResolverOptions="+idle+"\n", "A host.zebra.test"), look(t, "", "A host.zebra.test"); a != b {
			t.Errorf("%s, which is said to have no effect:\n%s\nwithout:\n%s", idle, a, b)
		}
	}
}

// differs holds that want is in the first text only, and miss in the second only.
func differs(t *testing.T, with, without, want, miss string) {
	t.Helper()
	check := func(text, yes, no string) {
		if text != "" && (!strings.Contains(yes, text) || strings.Contains(no, text)) {
			t.Errorf("%q: with:\n%s\nwithout:\n%s", text, with, without)
		}
	}
	if want+miss == "" {
		t.Error("nothing is expected")
	}
	check(want, with, without)
	check(miss, without, with)
}

// TestLoadOptions: options and keys of DaemonPortOptions about the load hold clients up, and the log says so.
func TestLoadOptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		option string // of the configuration
		daemon string // of DaemonPortOptions
		want   string // in the log; "" where nobody waits
	}{
		{"none", "RefuseLA=0", "", ""},
		{"RefuseLA", "RefuseLA=20", "", "rejecting connections on daemon X: load average: 20"},
		{"RefuseLA above the load", "RefuseLA=21", "", ""},
		{"refuseLA", "RefuseLA=0", "refuseLA=20", "rejecting connections on daemon X: load average: 20"},
		{"refuseLA above the load", "RefuseLA=5", "refuseLA=21", ""},
		{"DelayLA", "DelayLA=20", "", "delaying connections on daemon X: load average: 20 >= 20"},
		{"DelayLA above the load", "DelayLA=21", "", ""},
		{"delayLA", "DelayLA=0", "delayLA=19", "delaying connections on daemon X: load average: 20 >= 19"},
		{"delayLA above the load", "DelayLA=5", "delayLA=21", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testServerOf(t, "false", withOption(c.option), nil)
			logAll(t, s)
			s.loadAt.Store(s.now().Unix() + 1000) // read just now, and for long
			s.loadIs.Store(20)
			d, problems := ParseDaemon(t.Context(), "Name=X, "+c.daemon, 1)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			g := NewGate(s, d, nil, nil)
			passed := make(chan struct{})
			go func() {
				defer close(passed)
				g.waitForLoad()
				g.throttle()
			}()
			if c.want != "" {
				for done := false; !done && !strings.Contains(logText(t, s), c.want); {
					select {
					case <-passed:
						done = true
					case <-time.After(time.Millisecond):
					}
				}
				if !strings.Contains(logText(t, s), c.want) {
					t.Errorf("nobody waited for %q:\n%s", c.want, logText(t, s))
				}
			}
			s.loadIs.Store(0)
			<-passed
			if text := logText(t, s); c.want == "" && strings.Contains(text, "connections on daemon") {
				t.Errorf("somebody waited:\n%s", text)
			}
		})
	}
}

// logAll lets a server log what level 14 asks for.
func logAll(t *testing.T, s *Server) {
	t.Helper()
	log, err := maillog.Open(maillog.Config{File: filepath.Join(filepath.Dir(s.spool.Group("").Directories()[0]), "log"),
		Level: 14})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	s.Log = log
}

// TestRejectLogInterval: the same complaint is logged again when the interval is over.
func TestRejectLogInterval(t *testing.T) {
	for option, want := range map[string]int{"RejectLogInterval=1h": 3, "RejectLogInterval=10m": 5} {
		c := newClock()
		s := testServerOf(t, "false", withOption(option), c.now)
		logAll(t, s)
		g := NewGate(s, &Daemon{Name: "X"}, nil, nil)
		for range 5 {
			g.tell("too much")
			c.pass(31 * time.Minute)
		}
		if n := strings.Count(logText(t, s), "too much"); n != want {
			t.Errorf("%s: logged %d times, want %d", option, n, want)
		}
	}
}

// TestQueueFactor: which messages are too unimportant under a load depends on the factor.
func TestQueueFactor(t *testing.T) {
	for factor, waits := range map[string]bool{"QueueFactor=100000": true, "QueueFactor=200000": false} {
		s := testServerOf(t, "false", withOption(factor), nil)
		s.loadAt.Store(s.now().Unix() + 1000)
		s.loadIs.Store(12)
		if got := s.overloaded(10, 50000); got != waits {
			t.Errorf("%s: priority 50000 waits at load 12 with limit 10: %t", factor, got)
		}
	}
}

// TestCompressedIPv6 is option UseCompressedIPv6Addresses in ${client_addr}.
func TestCompressedIPv6(t *testing.T) {
	for option, want := range map[string]string{"UseCompressedIPv6Addresses=true": "IPv6:2001:db8::5:1",
		"UseCompressedIPv6Addresses=false": "IPv6:2001:db8:0:0:0:0:5:1"} {
		c := testServerOf(t, "false", withOption(option), nil).NewSession(nil, netip.AddrPort{},
			netip.MustParseAddrPort("[2001:db8::5:1]:1000"))
		c.Connect(t.Context())
		if got, _ := c.macros.Macro("{client_addr}"); got != want {
			t.Errorf("%s: %s", option, got)
		}
	}
}

// TestMatchGECOS delivers to a user by his full name.
func TestMatchGECOS(t *testing.T) {
	for option, want := range map[string]string{"MatchGECOS=true": "250 2.1.5 ", "MatchGECOS=false": "550 5.1.1 "} {
		s := testServerOf(t, "false", withOption(option), nil)
		c := s.testSession(t)
		c.Mail(t.Context(), "<a@other.test>", nil)
		if got := shown(c.Rcpt(t.Context(), "<alice_l@mail.test>", nil)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", option, got)
		}
	}
}

// TestDontProbeInterfaces: addresses and names of the interfaces are ours unless the option says otherwise.
func TestDontProbeInterfaces(t *testing.T) {
	host := HostNames{
		Interfaces: func() []Interface {
			return []Interface{{Addr: netip.MustParseAddr("192.0.2.77"), Up: true}, {Addr: netip.MustParseAddr("127.0.0.9"),
				Up: true, Loopback: true}}
		},
		Named: func(_ context.Context, a netip.Addr) []string {
			return []string{map[bool]string{true: "loop.test", false: "face.test"}[a.IsLoopback()]}
		},
	}
	for value, want := range map[string]string{"true": "false false false", "false": "true true true",
		"loopback": "true true false"} {
		s, err := Load(t.Context(), LoadOptions{Path: "x.cf", Host: &host,
			Text: []byte("V10/Berkeley\nO DontProbeInterfaces=" + value + "\n")})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.InClass("w", "[192.0.2.77]"), s.InClass("w", "face.test"), s.InClass("w",
			"loop.test")); got != want {
			t.Errorf("DontProbeInterfaces=%s: %s, want %s", value, got, want)
		}
	}
}

// TestBuffersOfDaemons: SndBufSize and RcvBufSize are the sockets'.
func TestBuffersOfDaemons(t *testing.T) {
	for key, option := range map[string]int{"SndBufSize": syscall.SO_SNDBUF, "RcvBufSize": syscall.SO_RCVBUF} {
		var sizes []int
		for _, value := range []string{key + "=5000", ""} {
			d, problems := ParseDaemon(t.Context(), "Addr=127.0.0.1, Port=0, "+value, 1)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			l, err := d.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			raw, err := l.(*net.TCPListener).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option)
				sizes = append(sizes, n)
				if err != nil {
					t.Error(err)
				}
			})
		}
		if len(sizes) != 2 || sizes[0] != 10000 || sizes[1] == 10000 { // the kernel doubles what it is told
			t.Errorf("%s: %d", key, sizes)
		}
		c, problems := parseClientPort(t.Context(), key+"=5000")
		if len(problems) > 0 || c.SendBuffer+c.RecvBuffer != 5000 || (c.SendBuffer > 0) != (key == "SndBufSize") {
			t.Errorf("ClientPortOptions %s: %+v, %v", key, c, problems)
		}
	}
}

// TestOptionsReachTheMailers: what package mailers is told is what the options say. TestSlowPeers, TestNextHosts and
// others there hold what it makes of it.
func TestOptionsReachTheMailers(t *testing.T) {
	for option, got := range map[string]func(mailers.Config) any{
		"TryNullMXList=true":        func(c mailers.Config) any { return c.TryNullMX },
		"ConnectionCacheTimeout=7s": func(c mailers.Config) any { return c.CacheTimeout },
		"DialDelay=7s":              func(c mailers.Config) any { return c.DialDelay },
		"Timeout.connect=7s":        func(c mailers.Config) any { return c.Timeouts.Connect },
		"Timeout.iconnect=7s":       func(c mailers.Config) any { return c.Timeouts.InitialConnect },
		"Timeout.aconnect=7s":       func(c mailers.Config) any { return c.Timeouts.AllConnects },
		"Timeout.datablock=7s":      func(c mailers.Config) any { return c.Timeouts.DataBlock },
		"Timeout.rset=7s":           func(c mailers.Config) any { return c.Timeouts.Rset },
		"Timeout.quit=7s":           func(c mailers.Config) any { return c.Timeouts.Quit },
		"Timeout.misc=7s":           func(c mailers.Config) any { return c.Timeouts.Misc },
		"Timeout.lhlo=7s":           func(c mailers.Config) any { return c.Timeouts.Lhlo },
		"Timeout.auth=7s":           func(c mailers.Config) any { return c.Timeouts.Auth },
		"Timeout.starttls=7s":       func(c mailers.Config) any { return c.Timeouts.StartTLS },
		"SafeFileEnvironment=/safe": func(c mailers.Config) any { return c.SafeFileEnv },
		"DontInitGroups=true":       func(c mailers.Config) any { return c.NoInitGroups },
		"TempFileMode=0617":         func(c mailers.Config) any { return fmt.Sprintf("0%o", c.FileMode.Perm()) },
		"CommandTimeLimit=7s":       func(c mailers.Config) any { return c.CommandTime },
		"ConnectionCacheSize=7":     func(c mailers.Config) any { return c.CacheSize },
	} {
		configured := func(config string) any {
			cfg, err := testServerOf(t, "false", config, nil).mailerConfig()
			if err != nil {
				t.Fatal(err)
			}
			return got(cfg)
		}
		_, want, _ := strings.Cut(option, "=")
		if with, without := configured(withOption(option)), configured(testConfig); fmt.Sprint(with) != want ||
			fmt.Sprint(without) == want {
			t.Errorf("%s: %v, without %v", option, with, without)
		}
	}
}

// TestOptionsReachTLS: what package tlsconf is told is what the options say.
func TestOptionsReachTLS(t *testing.T) {
	both := func(get func(tlsconf.Options) string) func(*cf.Settings) string {
		return func(s *cf.Settings) string { return get(serverTLS(s)) + " " + get(clientTLS(s)) }
	}
	for option, got := range map[string]func(*cf.Settings) string{
		"CACertFile":       both(func(o tlsconf.Options) string { return o.CACertFile }),
		"CACertPath":       both(func(o tlsconf.Options) string { return o.CACertPath }),
		"CRLFile":          both(func(o tlsconf.Options) string { return o.CRLFile }),
		"CRLPath":          both(func(o tlsconf.Options) string { return o.CRLPath }),
		"CipherList":       both(func(o tlsconf.Options) string { return o.CipherList }),
		"CipherSuites":     both(func(o tlsconf.Options) string { return o.CipherSuites }),
		"ServerCertFile":   func(s *cf.Settings) string { return serverTLS(s).CertFile },
		"ServerKeyFile":    func(s *cf.Settings) string { return serverTLS(s).KeyFile },
		"ServerSSLOptions": func(s *cf.Settings) string { return serverTLS(s).SSLOptions },
		"ClientCertFile":   func(s *cf.Settings) string { return clientTLS(s).CertFile },
		"ClientKeyFile":    func(s *cf.Settings) string { return clientTLS(s).KeyFile },
		"ClientSSLOptions": func(s *cf.Settings) string { return clientTLS(s).SSLOptions },
	} {
		c, err := cf.Parse(strings.NewReader("V10/Berkeley\nO "+option+"=/zebra\n"), cf.Input{File: "x.cf"})
		if c == nil {
			t.Fatal(err)
		}
		if text := got(&c.Settings); strings.ReplaceAll(text, "/zebra", "") != strings.Repeat(" ", strings.Count(text, " ")) ||
			!strings.Contains(text, "/zebra") {
			t.Errorf("%s: %q", option, text)
		}
	}
}

// TestSecretsOfGroups: files with passwords that their group may read, or write, are taken with the value of
// DontBlameSendmail only.
func TestSecretsOfGroups(t *testing.T) {
	for _, c := range []struct {
		value string
		mode  os.FileMode
		read  func(s *Server, path string) error
	}{
		{"GroupReadableSASLDBFile", 0o640, func(s *Server, path string) error {
			_, err := s.passwdFile(path).Users()
			return err
		}},
		{"GroupWritableSASLDBFile", 0o620, func(s *Server, path string) error {
			_, err := s.passwdFile(path).Users()
			return err
		}},
		{"GroupReadableSASLDBFile", 0o640, func(s *Server, path string) error {
			_, _, err := s.sasldb(path).Get(context.Background(), "x")
			if safefile.IsUnsafe(err) {
				return err
			}
			return nil // that it is no database does not matter here
		}},
		{"GroupReadableDefaultAuthInfoFile", 0o640, func(s *Server, path string) error {
			s.site.options.DefaultAuthInfo = path
			_, _, err := (&protection{srv: s}).defaultAuthInfo()
			return err
		}},
	} {
		for _, blame := range []string{c.value, "TrustStickyBit"} {
			s := testServerOf(t, "false", withOption("DontBlameSendmail="+blame), nil)
			path := filepath.Join(t.TempDir(), "secrets")
			if err := os.WriteFile(path, []byte("alice:{PLAIN}secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if err := c.read(s, path); (err == nil) != (blame == c.value) {
				t.Errorf("%s, mode %o: %v", blame, c.mode, err)
			}
		}
	}
}
