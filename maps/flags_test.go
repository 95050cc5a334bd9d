package maps_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// flagCase is a flag of a K line with what it stands for in docs/compatibility.md. What came of a look-up, and what a
// server heard, holds want with the flag only, or miss without it only.
type flagCase struct {
	row        string
	flag, args string // the flag, and what both maps have behind it; URL, HOST, PORT and DIR stand for the test's
	instead    string // stands in the place of the flag in the map without it
	key        string
	words      []string
	want, miss string
}

// hold makes the look-ups of a case. trace makes one.
func (c *flagCase) hold(t *testing.T, trace func(args string) string) {
	t.Helper()
	if c.want == "" && c.miss == "" {
		t.Fatal("nothing is expected")
	}
	with, without := trace(c.flag+" "+c.args), trace(c.instead+" "+c.args)
	check := func(text, yes, no string) {
		if text != "" && (!strings.Contains(yes, text) || strings.Contains(no, text)) {
			t.Errorf("%q: with %s:\n%s\nwithout:\n%s", text, c.flag, with, without)
		}
	}
	check(c.want, with, without)
	check(c.miss, without, with)
}

// lookedUp makes one look-up and prints what came of it.
func lookedUp(t *testing.T, class, args string, env maps.Env, key string, words ...string) string {
	t.Helper()
	s, err := maps.NewSet([]maps.Spec{{Name: "m", Class: class, Args: args, File: "x.cf", Line: 1}}, env)
	if err != nil {
		return "error: " + err.Error()
	}
	defer s.Close()
	v, err := s.Lookup(context.Background(), "m", key, words...)
	switch {
	case errors.Is(err, maps.ErrNotFound):
		return fmt.Sprintf("not found %q", v)
	case err != nil:
		return fmt.Sprintf("failed %q %v", v, err)
	}
	return "found " + v
}

// TestFlagsOfLDAP: each flag of class ldap shows in what the server is asked or in what becomes of its answer.
func TestFlagsOfLDAP(t *testing.T) {
	usual := "-H URL -v cn -k (uid=%0)"
	for _, c := range []flagCase{
		{row: "-b base of the search", flag: "-b dc=zebra", args: usual, want: "base=dc=zebra"},
		{row: "-d name to bind as", flag: "-d cn=me", args: usual, want: "dn=cn=me"},
		{row: "-P file with the password", flag: "-P DIR/pw", args: "-d cn=me " + usual, want: "password=secret"},
		{row: "-M method of authentication", flag: "-M none", args: usual, miss: "bind"},
		{row: "-H URIs", flag: "-H URL", args: "-v cn -k (uid=%0)", instead: "-H ldap://127.0.0.1:1", want: "found value"},
		{row: "-h hosts", flag: "-h 127.0.0.1", args: "-p PORT -v cn -k (uid=%0)", instead: "-h 127.9.9.9",
			want: "found value"},
		{row: "-p port", flag: "-p PORT", args: "-h 127.0.0.1 -v cn -k (uid=%0)", instead: "-p 1", want: "found value"},
		{row: "-w version of the protocol", flag: "-w 4", args: usual, instead: "-w 3",
			want: "LDAP version 4 exceeds max of 3"},
		{row: "-s scope", flag: "-s base", args: usual, want: "scope=0"},
		{row: "-r dereferencing of aliases", flag: "-r always", args: usual, want: "deref=3"},
		{row: "-l time of a search", flag: "-l 5", args: usual, want: "time=5 "},
		{row: "-Z most entries", flag: "-Z 7", args: usual, want: "size=7"},
		{row: "-n names of attributes only", flag: "-n", args: usual, want: "names=true"},
		{row: "-R referrals are not followed", flag: "-R", args: "-b dc=far " + usual, miss: "base=dc=elsewhere"},
		{row: "-k filter", flag: "-k (sn=%0)", args: "-H URL -v cn", instead: "-k (uid=%0)", want: "filter=(sn=key)"},
		{row: "-v attributes", flag: "-v sn", args: "-H URL -k (uid=%0)", instead: "-v cn",
			want: "attributes=objectClass,sn"},
		{row: "-V separator of name and value", flag: "-V:", args: "-z, " + usual, want: "found cn:value"},
		{row: "-z separator of values", flag: "-z,", args: usual, want: "found value,other"},
		{row: "-1 only a single value is a result", flag: "-1", args: "-b dc=two " + usual, want: "not found",
			miss: "found value"},
		{row: "-K words of the look-up stand in the filter as %1 to %9", flag: "-K",
			args: "-H URL -v cn -k (&(uid=%0)(sn=%1))", words: []string{"w"},
			want: "(sn=w)"},
		{row: "-f the key keeps its case", flag: "-f", args: usual, key: "Key", want: "filter=(uid=Key)"},
		{row: "-t a temporary failure counts as not found", flag: "-t", args: "-b dc=busy " + usual, want: "not found",
			miss: "failed"},
		{row: "-T text behind the key if the look-up failed for now", flag: "-T.later", args: "-b dc=busy " + usual,
			want: "key.later"},
	} {
		t.Run(c.row, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "pw"), "secret\n")
			c.hold(t, func(args string) string {
				var f *fakeLDAP
				f = serveLDAP(t, func(base, filter string) ldapAnswer {
					switch base {
					case "dc=far":
						return ldapAnswer{reference: f.url() + "/dc=elsewhere??sub"}
					case "dc=two":
						a := found(base, filter)
						a.entries = append(a.entries, a.entries[0])
						return a
					case "dc=busy":
						return ldapAnswer{code: ldap.LDAPResultBusy}
					}
					return found(base, filter)
				})
				_, port, _ := net.SplitHostPort(f.listener.Addr().String())
				args = strings.NewReplacer("URL", f.url(), "PORT", port, "DIR", dir).Replace(args)
				key := c.key
				if key == "" {
					key = "key"
				}
				text := lookedUp(t, "ldap", args, noLDAPConf, key, c.words...)
				f.mu.Lock()
				defer f.mu.Unlock()
				return text + "\n" + strings.Join(f.requests, "\n")
			})
		})
	}
}

// TestDefaultsOfLDAP is option LDAPDefaultSpec: its flags hold for maps that do not say otherwise.
func TestDefaultsOfLDAP(t *testing.T) {
	for spec, want := range map[string]string{"-b dc=zebra": "base=dc=zebra", "": "base= "} {
		f := serveLDAP(t, found)
		lookedUp(t, "ldap", "-H "+f.url()+" -v cn -k (uid=%0)", maps.Env{LDAPConf: "/dev/null", LDAP: spec}, "key")
		f.mu.Lock()
		if got := strings.Join(f.requests, "\n"); !strings.Contains(got, want) {
			t.Errorf("LDAPDefaultSpec=%s: %s", spec, got)
		}
		f.mu.Unlock()
	}
}

// TestTimesOfMaps: a server that takes connections and says nothing is given up after the time of the flag. The context
// ends first where the flag is not obeyed, with another error.
func TestTimesOfMaps(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // when the tests below, which run later, have ended
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct{ row, class, args string }{
		{"-c time to connect", "ldap", "-c 1 -H ldap://" + l.Addr().String() + " -v cn -k (uid=%0)"},
		{"-d time of an exchange", "socket", "-d1 inet:" + port + "@127.0.0.1"},
	} {
		t.Run(c.row, func(t *testing.T) {
			t.Parallel()
			s, err := maps.NewSet([]maps.Spec{{Name: "m", Class: c.class, Args: c.args}}, noLDAPConf)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			began := time.Now()
			if _, err := s.Lookup(ctx, "m", "key"); !errors.Is(err, maps.ErrTempFail) || ctx.Err() != nil {
				t.Errorf("%v, %v", err, ctx.Err())
			}
			if took := time.Since(began); took < time.Second {
				t.Errorf("given up after %v", took)
			}
		})
	}
}

// TestFlagsOfDNS: each flag of class dns, and those of class host, show in what the name server is asked or in what
// becomes of its answer.
func TestFlagsOfDNS(t *testing.T) {
	for _, c := range []struct {
		class string
		flagCase
	}{
		{"dns", flagCase{row: "-R type of the records", flag: "-R MX", instead: "-R A", key: "host.test",
			want: "found mx.test"}},
		{"dns", flagCase{row: "-Z most values", flag: "-Z1", args: "-R MX -z,", key: "two.test", miss: "b.test,a.test"}},
		{"dns", flagCase{row: "-z separator of columns or of values", flag: "-z,", args: "-R MX", key: "two.test",
			want: "b.test,a.test"}},
		{"dns", flagCase{row: "-B domain behind the key", flag: "-B test", args: "-R A", key: "host",
			want: "found 192.0.2.1"}},
		{"dns", flagCase{row: "-r how often a query is repeated", flag: "-r 3", args: "-R A", key: "silent.test",
			want: "asked 3 times"}},
		{"dns", flagCase{row: "-d time of a query", flag: "-d 10s", args: "-R A", key: "slow.test", want: "found 192.0.2.9"}},
		{"dns", flagCase{row: "-t a temporary failure counts as not found", flag: "-t", args: "-R A", key: "x.servfail.test",
			want: "not found"}},
		{"dns", flagCase{row: "-T text behind the key if the look-up failed for now", flag: "-T.later", args: "-R A",
			key: "x.servfail.test", want: "x.servfail.test.later"}},
		{"host", flagCase{row: "-r how often a query is repeated", flag: "-r 3", key: "silent.test", want: "asked 3 times"}},
		{"host", flagCase{row: "-d time of a query", flag: "-d 10s", key: "slow.test", want: "found slow.test"}},
		{"host", flagCase{row: "-T text behind the key if the look-up failed for now", flag: "-T.later",
			key: "x.servfail.test", want: "x.servfail.test.later"}},
	} {
		t.Run(c.class+" "+c.row, func(t *testing.T) {
			c.hold(t, func(args string) string {
				ns := dnstest.Start(t, mapZone+"slow.test. A 192.0.2.9\n")
				ns.Handle(func(w mdns.ResponseWriter, q *mdns.Msg) bool {
					switch q.Question[0].Name {
					case "slow.test.":
						time.Sleep(100 * time.Millisecond) // twice what a query may take without -d
					case "silent.test.":
						return true
					}
					return false
				})
				cfg := ns.Config()
				cfg.Timeout = 50 * time.Millisecond
				text := lookedUp(t, c.class, args, maps.Env{DNS: dns.New(cfg)}, c.key)
				n := 0
				for _, q := range ns.Asked() {
					if q.Qtype == mdns.TypeA {
						n++
					}
				}
				return fmt.Sprintf("%s\nasked %d times", text, n)
			})
		})
	}
}

// TestKeysWithNUL is -N and -O: which of a table's keys count, those that end in a NUL byte or those that do not.
func TestKeysWithNUL(t *testing.T) {
	for _, c := range []struct {
		row, flag, stored string
		found             bool
	}{
		{"-N keys in the table end in NUL", "-N", "key\x00", true},
		{"-N keys in the table end in NUL", "-N", "key", false},
		{"-O keys in the table do not end in NUL", "-O", "key", true},
		{"-O keys in the table do not end in NUL", "-O", "key\x00", false},
		{"neither", "", "key", true},
		{"neither", "", "key\x00", true},
		{"both", "-N -O", "key", false},
		{"both", "-N -O", "key\x00", false},
	} {
		for _, class := range []string{"hash", "cdb"} {
			file := filepath.Join(t.TempDir(), "x")
			ext := map[string]string{"hash": ".db", "cdb": ".cdb"}[class]
			b, err := dbfile.Create(file + ext)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.Add([]byte(c.stored), []byte("value")), b.Commit(0o640, nil)); err != nil {
				t.Fatal(err)
			}
			if got := lookedUp(t, class, c.flag+" "+file, maps.Env{}, "key"); (got == "found value") != c.found {
				t.Errorf("%s: class %s, table with %q: %s", c.row, class, c.stored, got)
			}
		}
	}
}

// TestPriorityOfSyslog is -L of class syslog.
func TestPriorityOfSyslog(t *testing.T) {
	for flag, want := range map[string]int{"": 6, "-L alert": 1, "-L LOG_DEBUG": 7} {
		got := -1
		env := maps.Env{Log: func(level int, _, _ string) { got = level }}
		if lookedUp(t, "syslog", flag, env, "text"); got != want {
			t.Errorf("-L priority: %q: logged with priority %d, want %d", flag, got, want)
		}
	}
}
