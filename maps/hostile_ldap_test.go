package maps_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"gosendmail/maps"
)

// element encodes one element with a definite length.
func element(tag byte, content ...string) string {
	body := strings.Join(content, "")
	if len(body) < 0x80 {
		return string([]byte{tag, byte(len(body))}) + body
	}
	return string(binary.BigEndian.AppendUint32([]byte{tag, 0x84}, uint32(len(body)))) + body
}

// message is an LDAP message with a number.
func message(id byte, op string) string { return element(0x30, element(2, string([]byte{id})), op) }

func ldapOctets(s string) string { return element(4, s) }

// person is an entry whose cn has the values.
func person(values ...string) string {
	var set strings.Builder
	for _, v := range values {
		set.WriteString(ldapOctets(v))
	}
	return element(0x64, ldapOctets("uid=key"), element(0x30, element(0x30, ldapOctets("cn"), element(0x31, set.String()))))
}

// done is the end of a search.
func done(code byte, more ...string) string {
	return element(0x65, element(10, string([]byte{code})), ldapOctets(""), ldapOctets("as the test wants"), strings.Join(more, ""))
}

// search answers binds well and searches with what make makes of the request's number.
func search(make func(id byte) string) func(net.Conn, []byte) {
	return func(c net.Conn, request []byte) {
		id, bind := requestOf(request)
		switch {
		case bind:
			io.WriteString(c, message(id, element(0x61, element(10, "\x00"), ldapOctets(""), ldapOctets(""))))
		case id > 0:
			io.WriteString(c, make(id))
		}
	}
}

// requestOf reads the number and the kind of a request.
func requestOf(request []byte) (id byte, bind bool) {
	p, err := ber.DecodePacketErr(request)
	if err != nil || len(p.Children) < 2 {
		return 0, false
	}
	n, _ := p.Children[0].Value.(int64)
	return byte(n), p.Children[1].Tag == 0
}

// constant is search with an answer that does not depend on the number; it is for what is no message at all.
func constant(text string) func(net.Conn, []byte) {
	return search(func(byte) string { return text })
}

// flood is search with an endless answer.
func flood(op string) func(net.Conn, []byte) {
	return func(c net.Conn, request []byte) {
		id, bind := requestOf(request)
		if bind {
			search(nil)(c, request)
			return
		}
		forever(message(id, op))(c, request)
	}
}

func ldapMisbehaviours() []misbehaviour {
	good := person("value")
	reference := element(0x73, ldapOctets("ldap://127.0.0.1:1/dc=x"))
	list := func(ops ...string) func(net.Conn, []byte) {
		return search(func(id byte) (s string) {
			for _, op := range ops {
				s += message(id, op)
			}
			return s
		})
	}
	return []misbehaviour{
		{"right", value, false, list(good, done(0))},
		{"silent", temporary, true, func(net.Conn, []byte) {}},
		{"silent to the search", temporary, true, constant("")},
		{"entry without an end", temporary, true, list(good)},
		{"drips", temporary, true, drip("\x30")},
		{"hangs up", temporary, false, sayAndClose("")},
		{"resets", temporary, false, reset},
		{"refuses the bind", temporary, false, func(c net.Conn, r []byte) {
			id, _ := requestOf(r)
			io.WriteString(c, message(id, element(0x61, element(10, "\x31"), ldapOctets(""), ldapOctets("no"))))
		}},
		{"answers the bind with a search's end", temporary, false, func(c net.Conn, r []byte) {
			id, _ := requestOf(r)
			io.WriteString(c, message(id, done(0)))
		}},
		{"another message's number", temporary, true, search(func(id byte) string { return message(id+1, good) + message(id+1, done(0)) })},
		{"an earlier message's number", temporary, true, search(func(id byte) string { return message(id-1, good) + message(id-1, done(0)) })},
		{"number of nine bytes", temporary, true, constant(element(0x30, element(2, "\x00\x00\x00\x00\x00\x00\x00\x00\x01"), done(0)))},
		{"empty number", temporary, true, constant(element(0x30, element(2), done(0)))},
		{"notice of disconnection", temporary, false, constant(message(0, element(0x78, element(10, "\x34"), ldapOctets(""), ldapOctets(""), element(0x8a, "1.3.6.1.4.1.1466.20036"))))},
		{"bind response", temporary, true, list(element(0x61, element(10, "\x00"), ldapOctets(""), ldapOctets("")))},
		{"not found", absent, false, list(done(0))},
		{"no such object", temporary, false, list(done(32))},
		{"busy", temporary, false, list(done(51))},
		{"unavailable", temporary, false, list(done(52))},
		{"operations error", temporary, false, list(done(1))},
		{"insufficient rights", temporary, false, list(done(50))},
		{"time limit exceeded", temporary, false, list(done(3))},
		{"unknown result code", temporary, false, list(done(119))},
		{"negative result code", temporary, true, list(done(0xff))},
		{"result without its texts", temporary, true, list(element(0x65, element(10, "\x00")))},
		{"referral without a URL", temporary, false, list(done(10))},
		{"referral to HTTP", temporary, false, list(done(10, element(0xa3, ldapOctets("http://127.0.0.1/"))))},
		{"referral that is no list", temporary, true, list(done(10, element(0xa3, "\x04\x7f")))},
		{"referral to a closed port", temporary, false, list(done(10, element(0xa3, ldapOctets("ldap://127.0.0.1:1/dc=x"))))},
		{"NUL behind the value", temporary, false, list(person("value\x00other"), done(0))},
		{"no values", absent, false, list(person(), done(0))},
		{"value that is a number", temporary, true, list(element(0x64, ldapOctets("uid=key"), element(0x30, element(0x30, ldapOctets("cn"), element(0x31, element(2, "\x01"))))), done(0))},
		{"values in a list", temporary, true, list(element(0x64, ldapOctets("uid=key"), element(0x30, element(0x30, ldapOctets("cn"), element(0x30, ldapOctets("value"))))), done(0))},
		{"entry without attributes", temporary, true, list(element(0x64, ldapOctets("uid=key")), done(0))},
		{"another attribute", absent, false, list(element(0x64, ldapOctets("uid=key"), element(0x30, element(0x30, ldapOctets("sn"), element(0x31, ldapOctets("value"))))), done(0))},
		{"the entry twice", value, false, list(good, good, done(0))},
		{"surplus behind the end", value, false, list(good, done(0), person("other"), done(0))},
		{"intermediate responses, which nobody asked for", temporary, false, list(element(0x79), element(0x79), good, done(0))},
		{"unknown response", temporary, true, list(element(0x7e), good, done(0))},
		{"indefinite length", temporary, true, search(func(id byte) string {
			return "\x30\x80" + element(2, string([]byte{id})) + good + "\x00\x00"
		})},
		{"length of five bytes", temporary, true, constant("\x30\x85\x00\x00\x00\x00\x05" + "\x02\x01\x02\x65\x00")},
		{"message of 4 GB", temporary, true, constant("\x30\x84\xff\xff\xff\xff\x02\x01\x02")},
		{"message of 1 GB", temporary, true, constant("\x30\x84\x40\x00\x00\x00\x02\x01\x02")},
		{"element longer than its message", temporary, true, constant("\x30\x08\x02\x01\x02\x65\x7f\x0a\x01\x00")},
		{"message cut off", temporary, false, func(c net.Conn, r []byte) {
			id, bind := requestOf(r)
			search(func(byte) string { return message(id, good)[:12] })(c, r)
			if !bind {
				c.Close()
			}
		}},
		{"100,000 levels deep", temporary, true, search(func(id byte) string {
			return element(0x30, element(2, string([]byte{id})), element(0x64, strings.Repeat("\x30\x80", 100_000)))
		})},
		{"value of 3 MB", temporary, false, list(person(strings.Repeat("x", 3<<20)), done(0))},
		{"100,000 values", value, false, list(person(append([]string{"value"}, make([]string, 100_000)...)...), done(0))},
		{"speaks HTTP", temporary, true, say("HTTP/1.0 400 Bad Request\r\n\r\n")},
		{"speaks SMTP", temporary, true, say("220 mail.test ESMTP\r\n")},
		{"speaks TLS", temporary, true, say("\x15\x03\x01\x00\x02\x02\x28")},
		{"zeros", temporary, true, forever("\x00")},
		{"endless entries of others", temporary, true, flood(element(0x64, ldapOctets("uid=x"), element(0x30)))},
		{"endless entries", value, true, flood(good)},
		{"endless references", temporary, true, flood(reference)},
		{"endless intermediate responses", temporary, true, flood(element(0x79))},
	}
}

// ldapArgs is a map that binds, so that the server sees two requests.
func ldapArgs(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf("-h %s -p %s -d cn=x -M simple -b dc=x -k (uid=%%0) -v cn -l 1 -c 1", host, port)
}

func TestHostileLDAPServers(t *testing.T) {
	for _, m := range ldapMisbehaviours() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			addr := hostileServer(t, m, readSome)
			if got := lookUp(t, maps.Spec{Name: "m", Class: "ldap", Args: ldapArgs(addr)}); got != m.want.String() {
				t.Errorf("%s, want %s", got, m.want)
			}
		})
	}
}

// TestLDAPJoinsBoundedValues: a map that joins values takes no more of a flood than it has room for.
func TestLDAPJoinsBoundedValues(t *testing.T) {
	for name, m := range map[string]misbehaviour{
		"many entries":  {reply: flood(person(strings.Repeat("x", 1000)))},
		"many values":   {reply: search(func(id byte) string { return message(id, person(make([]string, 900_000)...)) })},
		"many DNs":      {reply: flood(element(0x64, ldapOctets("uid=x"), element(0x30, element(0x30, ldapOctets("seeAlso"), element(0x31, ldapOctets("a"), ldapOctets("b"))))))},
		"many referral": {reply: flood(element(0x73, ldapOctets("ldap://127.0.0.1:1/dc=x")))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := hostileServer(t, m, readSome)
			args := strings.Replace(ldapArgs(addr), "-v cn", "-z, -v cn,seeAlso:DN:*", 1)
			if got := lookUp(t, maps.Spec{Name: "m", Class: "ldap", Args: args}); got != "temporary" {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestSlowLDAPSearchHindersNobody: while one search waits, others are answered.
func TestSlowLDAPSearchHindersNobody(t *testing.T) {
	release := make(chan struct{})
	m := misbehaviour{reply: func(c net.Conn, request []byte) {
		if strings.Contains(string(request), "slow") {
			<-release
		}
		search(func(id byte) string { return message(id, person("value")) + message(id, done(0)) })(c, request)
	}}
	addr := hostileServer(t, m, readSome)
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "ldap", Args: strings.Replace(ldapArgs(addr), "-l 1 -c 1", "", 1)}}, maps.Env{LDAPConf: "/dev/null"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	slow := make(chan error, 1)
	go func() {
		_, err := set.Lookup(context.Background(), "m", "slow")
		slow <- err
	}()
	for range 20 {
		if v, err := set.Lookup(context.Background(), "m", "quick"); v != "value" || err != nil {
			t.Fatal(v, err)
		}
	}
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// FuzzLDAPAnswer lets a server answer a search with anything, also in the place of the bind: no panic, no hang, and a
// value only where the answer has an end.
func FuzzLDAPAnswer(f *testing.F) {
	for _, s := range []string{
		message(1, person("value")) + message(1, done(0)), message(1, done(10, element(0xa3, ldapOctets("ldap://127.0.0.1:1/")))),
		"\x30\x80\x02\x01\x01", "\x30\x84\xff\xff\xff\xff", message(1, element(0x73, ldapOctets("ldap:///"))), message(0, element(0x78)),
		message(1, element(0x64, ldapOctets(""), element(0x30, element(0x30, ldapOctets("seeAlso"), element(0x31, ldapOctets("uid=b")))))) + message(1, done(0)),
	} {
		f.Add([]byte(s))
	}
	var mu sync.Mutex
	var answer []byte
	addr := hostileServer(f, misbehaviour{reply: func(c net.Conn, _ []byte) {
		mu.Lock()
		c.Write(answer)
		mu.Unlock()
		c.Close()
	}}, readSome)
	host, port, _ := net.SplitHostPort(addr)
	args := fmt.Sprintf("-h %s -p %s -b dc=x -k (uid=%%0) -z, -v cn,seeAlso:DN:* -R -l 5 -c 5", host, port)
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "ldap", Args: args}}, maps.Env{LDAPConf: "/dev/null"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		mu.Lock()
		answer = text
		mu.Unlock()
		began := time.Now()
		v, err := set.Lookup(context.Background(), "m", "key")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if err == nil && !strings.Contains(string(text), "\x0a\x01\x00") {
			t.Errorf("%q gave %q without a good end", text, v)
		}
		if strings.ContainsRune(v, 0) {
			t.Errorf("a NUL in %q", v)
		}
	})
}
