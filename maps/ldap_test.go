package maps_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"gosendmail/maps"
	"gosendmail/maps/maptest"
)

// fakeLDAP is a small LDAP server: it answers each search with what answer says.
type fakeLDAP struct {
	t        *testing.T
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	binds    []string // "dn/password" of each
	searches []string // "base filter" of each
	requests []string // all of each bind and search
	answer   func(base, filter string) ldapAnswer
}

// ldapAnswer is one search's outcome.
type ldapAnswer struct {
	entries   []*ldap.Entry
	reference string // a search continuation
	code      int
	referral  string // with code 10
	silent    bool   // no answer at all
	hangUp    bool   // the connection is closed instead
}

func serveLDAP(t *testing.T, answer func(base, filter string) ldapAnswer) *fakeLDAP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeLDAP{t: t, listener: l, answer: answer, conns: map[net.Conn]bool{}}
	f.wg.Go(f.accept)
	t.Cleanup(f.stop)
	return f
}

func (f *fakeLDAP) stop() {
	f.listener.Close()
	f.hangUp()
	f.wg.Wait()
}

// hangUp closes all connections.
func (f *fakeLDAP) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

func (f *fakeLDAP) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns[c] = true
		f.mu.Unlock()
		f.wg.Go(func() { f.serve(c) })
	}
}

func (f *fakeLDAP) serve(c net.Conn) {
	defer func() {
		c.Close()
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	}()
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0].Value.(int64), p.Children[1]
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			dn, password := op.Children[1].Value.(string), op.Children[2].Data.String()
			f.mu.Lock()
			f.binds = append(f.binds, dn+"/"+password)
			f.requests = append(f.requests, fmt.Sprintf("bind version=%v dn=%s password=%s", op.Children[0].Value, dn, password))
			f.mu.Unlock()
			code := 0
			if password == "wrong" {
				code = ldap.LDAPResultInvalidCredentials
			}
			f.send(c, id, result(ldap.ApplicationBindResponse, code, ""))
		case ldap.ApplicationSearchRequest:
			if !f.search(c, id, op) {
				return
			}
		default:
			return
		}
	}
}

func (f *fakeLDAP) search(c net.Conn, id int64, op *ber.Packet) bool {
	base := op.Children[0].Value.(string)
	filter, err := ldap.DecompileFilter(op.Children[6])
	if err != nil {
		f.t.Errorf("filter: %v", err)
	}
	f.mu.Lock()
	f.searches = append(f.searches, base+" "+filter)
	f.requests = append(f.requests, fmt.Sprintf("search base=%s scope=%v deref=%v size=%v time=%v names=%v filter=%s attributes=%s", base,
		op.Children[1].Value, op.Children[2].Value, op.Children[3].Value, op.Children[4].Value, op.Children[5].Value, filter,
		strings.Join(attributes(op), ",")))
	answer := f.answer
	f.mu.Unlock()
	a := answer(base, filter)
	if a.silent || a.hangUp {
		return a.silent
	}
	for _, e := range a.entries {
		f.send(c, id, entryPacket(e))
	}
	if a.reference != "" {
		r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		r.AppendChild(octets(a.reference))
		f.send(c, id, r)
	}
	f.send(c, id, result(ldap.ApplicationSearchResultDone, a.code, a.referral))
	return true
}

func attributes(search *ber.Packet) (names []string) {
	for _, a := range search.Children[7].Children {
		names = append(names, a.Data.String())
	}
	return names
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func result(tag ber.Tag, code int, referral string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets("as the test wants"))
	if referral != "" {
		r := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		r.AppendChild(octets(referral))
		p.AppendChild(r)
	}
	return p
}

func entryPacket(e *ldap.Entry) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for _, a := range e.Attributes {
		attr, set := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		attr.AppendChild(octets(a.Name))
		for _, v := range a.Values {
			set.AppendChild(octets(v))
		}
		attr.AppendChild(set)
		list.AppendChild(attr)
	}
	p.AppendChild(list)
	return p
}

func (f *fakeLDAP) send(c net.Conn, id int64, op *ber.Packet) {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	c.Write(p.Bytes())
}

func (f *fakeLDAP) change(answer func(base, filter string) ldapAnswer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fakeLDAP) url() string { return "ldap://" + f.listener.Addr().String() }

// found answers a search for (uid=key) with cn value.
func found(_, filter string) ldapAnswer {
	if filter != "(uid=key)" {
		return ldapAnswer{}
	}
	return ldapAnswer{entries: []*ldap.Entry{ldap.NewEntry("uid=key", map[string][]string{"cn": {"value", "other"}})}}
}

var noLDAPConf = maps.Env{LDAPConf: "/dev/null"}

func TestLDAP(t *testing.T) {
	maptest.Run(t, func(t *testing.T) maptest.Subject {
		f := serveLDAP(t, found)
		return maptest.Subject{
			Class: "ldap", Args: "-H " + f.url() + " -k (uid=%0) -v cn", Env: noLDAPConf, Key: "key", Value: "value", Absent: "none",
			Break: func(*testing.T) {
				f.change(func(string, string) ldapAnswer { return ldapAnswer{code: ldap.LDAPResultBusy} })
			},
			Mend: func(*testing.T) { f.change(found) },
		}
	})
}

// ask makes one look-up in a map with these arguments.
func ask(t *testing.T, args string, env maps.Env, key string, more ...string) (string, error) {
	t.Helper()
	s, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "ldap", Args: args, File: "x.cf", Line: 1}}, env)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Lookup(context.Background(), "m", key, more...)
}

// TestLDAPKeepsItsConnection: one bind for all maps of a server, another after the connection was lost, without a
// failed look-up.
func TestLDAPKeepsItsConnection(t *testing.T) {
	f := serveLDAP(t, found)
	pw := filepath.Join(t.TempDir(), "pw")
	write(t, pw, "secret\nnot this\n")
	args := "-H " + f.url() + " -d cn=me -P " + pw + " -k (uid=%0) -v cn"
	s, err := maps.NewSet([]maps.Spec{{Name: "a", Class: "ldap", Args: args}, {Name: "b", Class: "ldap", Args: "-m " + args}}, noLDAPConf)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	look := func() {
		t.Helper()
		for name, want := range map[string]string{"a": "value", "b": "key"} {
			if v, err := s.Lookup(context.Background(), name, "key"); err != nil || v != want {
				t.Errorf("%s: %q, %v", name, v, err)
			}
		}
	}
	look()
	look()
	f.hangUp()
	write(t, pw, "newer\n")
	look()
	var hung atomic.Bool
	f.change(func(base, filter string) ldapAnswer {
		if hung.CompareAndSwap(false, true) {
			return ldapAnswer{hangUp: true}
		}
		return found(base, filter)
	})
	look()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := fmt.Sprint(f.binds); got != "[cn=me/secret cn=me/newer cn=me/newer]" {
		t.Errorf("binds: %s", got)
	}
}

// TestLDAPQuotesKeys: what a sender writes cannot become part of a filter.
func TestLDAPQuotesKeys(t *testing.T) {
	f := serveLDAP(t, func(string, string) ldapAnswer { return ldapAnswer{} })
	base := "-H " + f.url() + " -b dc=x "
	for _, c := range []struct {
		args, key string
		more      []string
		want      string
	}{
		{"-k (uid=%0)", "a)(uid=*", nil, `(uid=a\29\28uid=\2a)`},
		{"-k (uid=%s)", "A*", nil, `(uid=a\2a)`},
		{"-k (uid=%0)", "\xff\x00", nil, `(uid=\ff\00)`},
		{"-k (uid=%1)", "a", []string{"b"}, "(uid=%1)"},
		{"-K -k (&(uid=%0)(cn=%1)(sn=%2))", "A", []string{"b)", "%0"}, `(&(uid=A)(cn=b\29)(sn=%0))`},
		{"-K -k (&(uid=%0)(cn=%2))", "a", []string{"b"}, "(&(uid=a)(cn=))"},
		{"-k %s", "(|(uid=a)(uid=b))", nil, "(|(uid=a)(uid=b))"},
		{"-f -k uid=%0", "A%%", nil, "(uid=A%%)"},
	} {
		f.mu.Lock()
		f.searches = nil
		f.mu.Unlock()
		if _, err := ask(t, base+c.args+" -v cn", noLDAPConf, c.key, c.more...); !errors.Is(err, maps.ErrNotFound) {
			t.Errorf("%s, %q: %v", c.args, c.key, err)
		}
		if got := strings.Join(f.searches, "; "); got != "dc=x "+c.want {
			t.Errorf("%s, %q: searched %s, want dc=x %s", c.args, c.key, got, c.want)
		}
	}
}

// TestLDAPNotes: what was found is logged from level 10 on, in the original's words.
func TestLDAPNotes(t *testing.T) {
	f := serveLDAP(t, found)
	var notes []string
	env := maps.Env{LDAPConf: "/dev/null", Note: func(level int, id, text string) { notes = append(notes, fmt.Sprint(level, id, text)) }}
	for _, flags := range []string{"", "-m "} {
		for _, key := range []string{"key", "none"} {
			ask(t, flags+"-H "+f.url()+" -k (uid=%0) -v cn", env, key)
		}
	}
	if got, want := fmt.Sprint(notes), "[10ldap=m, key=>value 10ldap=m, key=><NULL>]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLDAPTemporaryFailures: whatever keeps the answer away is temporary, never 'not found'.
func TestLDAPTemporaryFailures(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pw"), "wrong\n")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		answer ldapAnswer
		args   string // instead of -H
	}{
		"no answer":           {answer: ldapAnswer{silent: true}, args: "-l 1"},
		"hangs up":            {answer: ldapAnswer{hangUp: true}},
		"busy":                {answer: ldapAnswer{code: ldap.LDAPResultBusy}},
		"unavailable":         {answer: ldapAnswer{code: ldap.LDAPResultUnavailable}},
		"no such object":      {answer: ldapAnswer{code: ldap.LDAPResultNoSuchObject}},
		"referral, not to go": {answer: ldapAnswer{code: ldap.LDAPResultReferral, referral: "ldap://" + closed.Addr().String()}, args: "-R"},
		"referral to nowhere": {answer: ldapAnswer{code: ldap.LDAPResultReferral, referral: "ldap://" + closed.Addr().String()}},
		"reference to chaos":  {answer: ldapAnswer{reference: "http://x"}},
		"wrong password":      {args: "-d cn=me -P " + dir + "/pw"},
		"no password file":    {args: "-d cn=me -P " + dir + "/none"},
	} {
		t.Run(name, func(t *testing.T) {
			f := serveLDAP(t, func(string, string) ldapAnswer { return c.answer })
			var told []string
			env := maps.Env{LDAPConf: "/dev/null", Report: func(err error) { told = append(told, err.Error()) }}
			v, err := ask(t, "-H "+f.url()+" "+c.args+" -k (uid=%0) -v cn", env, "key")
			if !errors.Is(err, maps.ErrTempFail) || v != "" {
				t.Errorf("%q, %v", v, err)
			}
			if len(told) != 1 || !strings.HasPrefix(told[0], `ldap map "m": `) || !strings.HasSuffix(told[0], " (x.cf:1)") {
				t.Errorf("told %q", told)
			}
		})
	}
	if _, err := ask(t, "-h "+closed.Addr().String()+" -k (uid=%0) -v cn", noLDAPConf, "key"); !errors.Is(err, maps.ErrTempFail) {
		t.Errorf("no server: %v", err)
	}
	if _, err := ask(t, "-o -h "+closed.Addr().String()+" -k (uid=%0) -v cn", noLDAPConf, "key"); err != maps.ErrNotFound {
		t.Errorf("no server, optional: %v", err)
	}
}

// TestLDAPServers: the next server is asked where the first is not there, and ldap.conf names one where the map does
// not.
func TestLDAPServers(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	f := serveLDAP(t, found)
	host, port, _ := net.SplitHostPort(f.listener.Addr().String())
	conf := filepath.Join(t.TempDir(), "ldap.conf")
	write(t, conf, "# c\nBASE\tdc=conf\nURI ldap://"+closed.Addr().String()+" "+f.url()+"\nTLS_REQCERT never\n")
	for args, env := range map[string]maps.Env{
		`-h "` + closed.Addr().String() + " " + f.listener.Addr().String() + `"`: noLDAPConf,
		"-h " + host + " -p " + port:                                 noLDAPConf,
		`-H "ldap://` + closed.Addr().String() + "," + f.url() + `"`: noLDAPConf,
		"":      {LDAPConf: conf},
		"-c 5":  {LDAP: "-h " + host + " -p " + port, LDAPConf: "/dev/null"},
		"-l 30": {LDAP: "-H " + f.url(), LDAPConf: "/dev/null"},
	} {
		if v, err := ask(t, args+" -k (uid=%0) -v cn", env, "key"); err != nil || v != "value" {
			t.Errorf("%s: %q, %v", args, v, err)
		}
	}
	if !strings.Contains(strings.Join(f.searches, "; "), "dc=conf (uid=key)") {
		t.Errorf("ldap.conf's base was not used: %q", f.searches)
	}
	write(t, conf, "TLS_REQCERT sometimes\n")
	if _, err := ask(t, "-k (uid=%0) -v cn", maps.Env{LDAPConf: conf}, "key"); err == nil || !strings.Contains(err.Error(), conf+":1: TLS_REQCERT") {
		t.Errorf("a wrong ldap.conf: %v", err)
	}
}

// TestLDAPReferrals: a search goes on where referrals point to, but not for ever.
func TestLDAPReferrals(t *testing.T) {
	far := serveLDAP(t, func(base, filter string) ldapAnswer {
		if base != "dc=far" {
			return ldapAnswer{code: ldap.LDAPResultNoSuchObject}
		}
		return found(base, filter)
	})
	var near *fakeLDAP
	near = serveLDAP(t, func(base, filter string) ldapAnswer {
		switch base {
		case "dc=one":
			return ldapAnswer{code: ldap.LDAPResultReferral, referral: far.url() + "/dc=far"}
		case "dc=two":
			return ldapAnswer{reference: far.url() + "/dc=far??sub"}
		}
		return ldapAnswer{reference: near.url() + "/dc=loop??base"}
	})
	for _, base := range []string{"dc=one", "dc=two"} {
		if v, err := ask(t, "-H "+near.url()+" -b "+base+" -k (uid=%0) -v cn -z,", noLDAPConf, "key"); err != nil || v != "value,other" {
			t.Errorf("%s: %q, %v", base, v, err)
		}
	}
	if v, err := ask(t, "-H "+near.url()+" -b dc=two -R -k (uid=%0) -v cn", noLDAPConf, "key"); !errors.Is(err, maps.ErrNotFound) {
		t.Errorf("with -R: %q, %v", v, err)
	}
	if _, err := ask(t, "-H "+near.url()+" -b dc=loop -k (uid=%0) -v cn", noLDAPConf, "key"); !errors.Is(err, maps.ErrTempFail) || !strings.Contains(err.Error(), "referrals in a row") {
		t.Errorf("a loop: %v", err)
	}
	if len(far.binds) != 0 {
		t.Errorf("the login was given to another server: %q", far.binds)
	}
}

// TestLDAPLines: what is wrong with a K line is told with its place.
func TestLDAPLines(t *testing.T) {
	for args, want := range map[string]string{
		"-v cn":                                  "x.cf:7: No filter given in map m",
		"-k (uid=%0":                             "x.cf:7: Bad filter (uid=%0 in map m: ",
		"-k (a=b) -s some":                       "x.cf:7: Scope must be [base|one|sub] (not some) in map m",
		"-k (a=b) -r some":                       "x.cf:7: Deref must be [never|always|search|find] (not some) in map m",
		"-k (a=b) -M some":                       "x.cf:7: Method for binding must be [none|simple|krbv4] (not some) in map m",
		"-k (a=b) -M LDAP_AUTH_KRBV4":            "x.cf:7: method krbv4 in map m: Kerberos 4 is not supported: use simple",
		"-k (a=b) -w 2":                          "x.cf:7: LDAP version 2 in map m is not supported: say -w 3",
		"-k (a=b) -w 4":                          "x.cf:7: LDAP version 4 exceeds max of 3 in map m",
		"-k (a=b) -h x -H ldap://y":              "x.cf:7: Can not specify both an LDAP host and an LDAP URI in map m",
		"-k (a=b) -y":                            "x.cf:7: Illegal option y map m",
		"-k (a=b) -v cn,CN":                      "x.cf:7: Duplicate attribute (CN) in m",
		"-k (a=b) -v cn:some":                    "x.cf:7: Unknown attribute type (some) in m",
		"-k (a=b) -v cn:DN":                      "x.cf:7: LDAP recursion requested in m but no returnable attribute given",
		"-k (a=b) -n -v cn,d:DN":                 "x.cf:7: LDAP recursion requested in m can not be used with -n",
		"-k (a=b) -v " + strings.Repeat("a,", 1): "",
	} {
		_, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "ldap", Args: args, File: "x.cf", Line: 7}}, noLDAPConf)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
	for spec, want := range map[string]string{"-k (a=b)": "Do not set the LDAP search filter", "-v a": "Do not set the requested LDAP attributes", "-m": "Do not set non-LDAP specific flags"} {
		_, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "ldap", Args: "-k (a=b)", File: "x.cf", Line: 7}}, maps.Env{LDAP: spec})
		if err == nil || !strings.Contains(err.Error(), "option LDAPDefaultSpec: "+want) {
			t.Errorf("LDAPDefaultSpec=%s: %v", spec, err)
		}
	}
}

// TestLDAPUses: values of alias sources are joined by commas, of classes by blanks; a bare alias source has a query of
// its own.
func TestLDAPUses(t *testing.T) {
	f := serveLDAP(t, func(_, filter string) ldapAnswer {
		a := found("", "(uid=key)")
		a.entries[0].Attributes = append(a.entries[0].Attributes, &ldap.EntryAttribute{Name: "sendmailMTAAliasValue", Values: []string{"x", "y"}})
		return a
	})
	env := maps.Env{LDAP: "-H " + f.url(), LDAPConf: "/dev/null", Macro: func(name string) string {
		return map[string]string{"j": "mail.example.test", "{sendmailMTACluster}": "clu(ster"}[name]
	}}
	s, err := maps.NewSet([]maps.Spec{
		{Name: "alias", Class: "ldap", Use: maps.ForAliases}, {Name: "class", Class: "ldap", Args: "-k (uid=%0) -v cn", Use: maps.ForClass},
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]string{"alias": "x,y", "class": "value other"} {
		if v, err := s.Lookup(context.Background(), name, "Key"); err != nil || v != want {
			t.Errorf("%s: %q, %v", name, v, err)
		}
	}
	const query = `(&(objectClass=sendmailMTAAliasObject)(sendmailMTAAliasGrouping=aliases)(|(sendmailMTACluster=clu\28ster)(sendmailMTAHost=mail.example.test))(sendmailMTAKey=key))`
	if got := strings.Join(f.searches, "; "); !strings.Contains(got, query) {
		t.Errorf("searched %s", got)
	}
}
