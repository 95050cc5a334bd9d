package sasl

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// users is a Secrets of this test: "user@realm" to password. The password "hang" stands for a back end that does not
// answer.
type users map[string]string

func (u users) Secret(_ context.Context, user, realm string) (Secret, error) {
	p, ok := u[user+"@"+realm]
	if p == "hang" {
		return Secret{}, fmt.Errorf("%w: test", ErrTemporary)
	}
	if !ok {
		return Secret{}, ErrCredentials
	}
	return Secret{Plain: p}, nil
}

var people = users{"alice@mail.example.test": "wonder land", "bob@other.test": "bobs", "carol@mail.example.test": "hang",
	"jörg@mail.example.test": "paßwort"}

// converse runs a client against a server and returns how it ended on the server's side.
func converse(t *testing.T, client sasl.Client, server Exchange) error {
	t.Helper()
	_, ir, err := client.Start()
	if err != nil {
		t.Fatal(err)
	}
	answer := ir
	for range 10 {
		challenge, done, err := server.Next(answer)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		if answer, err = client.Next(challenge); err != nil {
			return fmt.Errorf("client: %w", err)
		}
		if answer == nil {
			answer = []byte{}
		}
	}
	t.Fatal("no end after ten answers")
	return nil
}

func local() *Local { return &Local{Verifier: Passwords{people}, Secrets: people} }

func session() *Session { return &Session{Service: "smtp", Host: "mail.example.test"} }

func TestEveryMechanismAcceptsAndRefuses(t *testing.T) {
	tests := []struct {
		cred   Credentials
		want   error
		authen string
	}{
		{Credentials{User: "alice", Password: "wonder land"}, nil, "alice"},
		{Credentials{User: "jörg", Password: "paßwort"}, nil, "jörg"},
		{Credentials{User: "alice", Password: "wonder"}, ErrCredentials, ""},
		{Credentials{User: "nobody", Password: "wonder land"}, ErrCredentials, ""},
		{Credentials{User: "bob", Password: "bobs"}, ErrCredentials, ""},
		{Credentials{User: "bob@other.test", Password: "bobs"}, nil, "bob@other.test"},
		{Credentials{User: "carol", Password: "hang"}, ErrTemporary, ""},
	}
	for _, name := range []string{Plain, Login, CRAMMD5, DigestMD5, ScramSHA1, ScramSHA256} {
		for _, test := range tests {
			if name == DigestMD5 && strings.Contains(test.cred.User, "@") {
				test.cred.User, test.cred.Realm, _ = strings.Cut(test.cred.User, "@")
			}
			server, err := local().Start(t.Context(), session(), name)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			client, err := NewClient(name, test.cred, Peer{Host: "mail.example.test"})
			if err != nil {
				t.Fatal(err)
			}
			if err := converse(t, client, server); !errors.Is(err, test.want) || err != nil && test.want == nil {
				t.Errorf("%s %v: %v, want %v", name, test.cred, err, test.want)
			}
			if got := server.Identity().Authen; test.want == nil && got != test.authen {
				t.Errorf("%s %v: authen %q", name, test.cred, got)
			}
		}
	}
}

func TestAuthorizationIdentity(t *testing.T) {
	for _, name := range []string{Plain, DigestMD5, ScramSHA1, ScramSHA256} {
		for _, allowed := range []bool{false, true} {
			s := session()
			if allowed {
				s.Authorize = func(authen, author string) bool { return authen == "alice" && author == "boss" }
			}
			server, err := local().Start(t.Context(), s, name)
			if err != nil {
				t.Fatal(err)
			}
			client, err := NewClient(name, Credentials{User: "boss", AuthID: "alice", Password: "wonder land"}, Peer{Host: s.Host})
			if err != nil {
				t.Fatal(err)
			}
			err = converse(t, client, server)
			if allowed && (err != nil || server.Identity() != Identity{Authen: "alice", Author: "boss", Asked: true}) {
				t.Errorf("%s: %v %v", name, err, server.Identity())
			}
			if !allowed && !errors.Is(err, ErrAuthorize) {
				t.Errorf("%s: alice acts for boss: %v", name, err)
			}
		}
	}
}

func TestExternalTakesOnlyTheCertificatesIdentity(t *testing.T) {
	s := session()
	if _, err := local().Start(t.Context(), s, External); !errors.Is(err, ErrMechanism) {
		t.Errorf("without a certificate: %v", err)
	}
	s.ExternalID = "alice"
	for _, test := range []struct {
		author string
		want   error
	}{{"", nil}, {"alice", nil}, {"root", ErrAuthorize}, {"a\x00b", ErrMalformed}} {
		server, err := local().Start(t.Context(), s, External)
		if err != nil {
			t.Fatal(err)
		}
		if err := converse(t, sasl.NewExternalClient(test.author), server); !errors.Is(err, test.want) || err != nil && test.want == nil {
			t.Errorf("%q: %v, want %v", test.author, err, test.want)
		}
	}
}

// RFC 2195 section 2, RFC 2831 section 4: the examples of the documents.
func TestExamplesOfTheRFCs(t *testing.T) {
	if got := cramProof("tanstaaftanstaaf", []byte("<1896.697170952@postoffice.reston.mci.net>")); got != "b913a602c7eda7a495b4e6e7334d3890" {
		t.Errorf("CRAM-MD5: %s", got)
	}
	d := digestAnswer{user: "chris", realm: "elwood.innosoft.com", nonce: "OA6MG9tEQGm2hh", cnonce: "OA6MHXh6VqTrRk",
		count: "00000001", uri: "imap/elwood.innosoft.com", password: "secret", utf8: true}
	if got := d.response("AUTHENTICATE"); got != "d388dad90d4bbd760a152321f2143af7" {
		t.Errorf("DIGEST-MD5: %s", got)
	}
	if got := d.response(""); got != "ea40f60335c427b5527b84dbabcdfffd" {
		t.Errorf("DIGEST-MD5 rspauth: %s", got)
	}
}

func TestMalformedAnswersAreRefused(t *testing.T) {
	tests := map[string][]string{
		Plain:       {"", "alice", "\x00alice", "a\x00b\x00c\x00d", "\x00\x00x", "\x00alice\x00"},
		CRAMMD5:     {"", "alice", "alice ", " b913a602c7eda7a495b4e6e7334d3890", "alice b913", "alice " + strings.Repeat("z", 32)},
		DigestMD5:   {"", "username", `username="alice`, `username="a",username="b"`, "nonce=x,response=" + strings.Repeat("0", 32), "=,=,=", ",,,"},
		ScramSHA1:   {"", "n", "n,,", "n,,n=,r=", "y,,n=alice", "p=tls-unique,,n=alice,r=x", "n,a=x,n=alice,r=x,ext=1"},
		ScramSHA256: {"n,,m=1,n=alice,r=x", "\xff\xfe", "n,,n=al=ice,r=x"},
	}
	for name, answers := range tests {
		for _, answer := range answers {
			server, err := local().Start(t.Context(), session(), name)
			if err != nil {
				t.Fatal(err)
			}
			_, done, err := server.Next([]byte(answer))
			if done && err == nil {
				t.Errorf("%s %q: accepted", name, answer)
			}
		}
	}
}

func TestAnswersToAnotherChallengeAreRefused(t *testing.T) {
	first, _ := local().Start(t.Context(), session(), DigestMD5)
	second, _ := local().Start(t.Context(), session(), DigestMD5)
	challenge, _, _ := first.Next(nil)
	client, _ := NewClient(DigestMD5, Credentials{User: "alice", Password: "wonder land"}, Peer{Host: "mail.example.test"})
	answer, err := client.Next(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := second.Next(answer); !errors.Is(err, ErrCredentials) {
		t.Errorf("replayed: %v", err)
	}
	if _, _, err := first.Next(answer); err != nil {
		t.Errorf("own challenge: %v", err)
	}
}

func TestClientNoticesAServerWithoutThePassword(t *testing.T) {
	client, _ := NewClient(DigestMD5, Credentials{User: "alice", Password: "x"}, Peer{Host: "h"})
	if _, err := client.Next([]byte(`realm="r",nonce="n",qop="auth",algorithm=md5-sess,charset=utf-8`)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Next([]byte("rspauth=" + strings.Repeat("0", 32))); err == nil {
		t.Error("a wrong rspauth was taken")
	}
}

// TestChannelBinding: the -PLUS forms work over TLS, fail where the two ends see different connections, and a peer that
// hides them is found out.
func TestChannelBinding(t *testing.T) {
	serverState, clientState := handshake(t), handshake(t)
	other := handshake(t)
	for _, test := range []struct {
		name     string
		mech     string
		server   *tls.ConnectionState
		client   *tls.ConnectionState
		offered  []string
		accepted bool
	}{
		{"bound", ScramSHA256Plus, serverState[0], serverState[1], []string{ScramSHA256Plus, ScramSHA256}, true},
		{"sha1", ScramSHA1Plus, serverState[0], serverState[1], []string{ScramSHA1Plus}, true},
		{"two connections", ScramSHA256Plus, clientState[0], other[1], []string{ScramSHA256Plus}, false},
		{"hidden", ScramSHA256, serverState[0], serverState[1], []string{ScramSHA256}, false},
		{"not hidden", ScramSHA256, serverState[0], serverState[1], []string{ScramSHA256Plus, ScramSHA256}, true},
		{"neither side names it", ScramSHA256, serverState[0], serverState[1], []string{ScramSHA256}, true},
		{"client without TLS data", ScramSHA256, serverState[0], nil, []string{ScramSHA256}, true},
	} {
		s := session()
		s.TLS, s.Offered = test.server, []string{ScramSHA256Plus, ScramSHA256}
		if test.name == "neither side names it" {
			s.Offered = test.offered
		}
		server, err := local().Start(t.Context(), s, test.mech)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		client, err := NewClient(test.mech, Credentials{User: "alice", Password: "wonder land"}, Peer{Offered: test.offered, TLS: test.client})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := converse(t, client, server); (err == nil) != test.accepted {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := local().Start(t.Context(), session(), ScramSHA256Plus); !errors.Is(err, ErrMechanism) {
		t.Errorf("-PLUS without TLS: %v", err)
	}
}

func TestChoose(t *testing.T) {
	offered := []string{Login, Plain, CRAMMD5, External, ScramSHA256, ScramSHA256Plus, "NTLM"}
	state := handshake(t)[1]
	tests := []struct {
		allowed []string
		peer    Peer
		want    []string
	}{
		{[]string{Login, ScramSHA256, CRAMMD5, Plain, External}, Peer{}, []string{ScramSHA256, CRAMMD5, Plain, Login}},
		{[]string{Login, ScramSHA256}, Peer{TLS: state}, []string{ScramSHA256Plus, ScramSHA256, Login}},
		{[]string{External, Plain}, Peer{TLS: state}, []string{Plain}},
		{[]string{External, Plain}, Peer{TLS: state, Certificate: true}, []string{External, Plain}},
		{[]string{ScramSHA256Plus, "GSSAPI", "NTLM"}, Peer{}, nil},
		{nil, Peer{}, nil},
	}
	for _, test := range tests {
		test.peer.Offered = offered
		if got := Choose(test.allowed, test.peer); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.allowed, got, test.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	stored, err := derive(scramHashes[ScramSHA256], "secret", scramFactors())
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	tests := []struct {
		text, password string
		good           bool
	}{
		{"{PLAIN}secret", "secret", true},
		{"{plain}secret", "Secret", false},
		{"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1", "secret", true},
		{"{CRYPT}$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1", "secreT", false},
		{"{SCRAM-SHA-256}4096," + b64([]byte(stored.Salt)) + "," + b64(stored.StoredKey) + "," + b64(stored.ServerKey), "secret", true},
		{"{SCRAM-SHA-256}4096," + b64([]byte(stored.Salt)) + "," + b64(stored.StoredKey) + "," + b64(stored.ServerKey), "secret2", false},
		{"{BLF-CRYPT}$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "wrong", false},
		{nobody, "", false},
	}
	for _, test := range tests {
		s, err := ParseSecret(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if err := s.Matches(test.password); (err == nil) != test.good || errors.Is(err, ErrTemporary) {
			t.Errorf("%s %q: %v", test.text, test.password, err)
		}
	}
	for _, bad := range []string{"", "secret", "{PLAIN}", "{PLAIN", "{ROT13}frperg", "{SCRAM-SHA-1}1,2", "{SCRAM-SHA-1}0,YQ==,YQ==,YQ==", "$9$what", "{CRYPT}secret"} {
		if _, err := ParseSecret(bad); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}

func TestAny(t *testing.T) {
	yes := verifier(func() error { return nil })
	no := verifier(func() error { return ErrCredentials })
	later := verifier(func() error { return ErrTemporary })
	for _, test := range []struct {
		a    Any
		want error
	}{{Any{no, yes}, nil}, {Any{later, yes}, nil}, {Any{later, no}, ErrTemporary}, {Any{no, later}, ErrTemporary}, {Any{no}, ErrCredentials}, {nil, ErrCredentials}} {
		if err := test.a.Verify(t.Context(), session(), "u", "p"); !errors.Is(err, test.want) || err != nil && test.want == nil {
			t.Errorf("%v, want %v", err, test.want)
		}
	}
}

type verifier func() error

func (v verifier) Verify(context.Context, *Session, string, string) error { return v() }

func TestParsePasswd(t *testing.T) {
	users, err := ParsePasswd("users", strings.NewReader("# comment\n\nalice:{PLAIN}secret:1000:1000\r\nbob@other.test:{PLAIN}x\n"))
	if err != nil || len(users) != 2 || users["alice"].Plain != "secret" {
		t.Errorf("%v %v", users, err)
	}
	for text, want := range map[string]string{
		"alice\n":                                "users:1: not user:password",
		"\nalice:secret\n":                       "users:2: user alice:",
		"a:{PLAIN}x\na:{PLAIN}y\n":               "users:2: user a stands there twice",
		":{PLAIN}x":                              "users:1:",
		"a:{PLAIN}" + strings.Repeat("x", 70000): "users:",
	} {
		if _, err := ParsePasswd("users", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

func TestParseCyrus(t *testing.T) {
	c, err := ParseCyrus("Sendmail.conf", strings.NewReader("# x\npwcheck_method: saslauthd auxprop\nmech_list: plain LOGIN plain\nsaslauthd_path: /run/x\nsasldb_path:/y\nlog_level: 3\nauxprop_plugin: sasldb\n"))
	if err != nil || !slices.Equal(c.Methods, []string{"saslauthd", "auxprop"}) || !slices.Equal(c.Mechanisms, []string{"PLAIN", "LOGIN"}) ||
		c.Saslauthd != "/run/x" || c.SASLDB != "/y" || c.LogLevel != 3 {
		t.Errorf("%+v %v", c, err)
	}
	for text, want := range map[string]string{
		"pwcheck_method: authdaemond": "Sendmail.conf:1: pwcheck_method authdaemond is not supported",
		"\nauxprop_plugin: sql":       "Sendmail.conf:2: auxprop_plugin sql is not supported",
		"nonsense":                    "Sendmail.conf:1: not name: value",
		"log_level: many":             "Sendmail.conf:1: log_level",
		"sql_engine: mysql":           "Sendmail.conf:1: sql_engine is not supported",
		"pwcheck_method:":             "Sendmail.conf:1: pwcheck_method without",
	} {
		if _, err := ParseCyrus("Sendmail.conf", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if c, err := LoadCyrus([]string{t.TempDir()}); err != nil || c.File != "" || !slices.Equal(c.Methods, []string{"auxprop"}) {
		t.Errorf("without a file: %+v %v", c, err)
	}
}

func FuzzServers(f *testing.F) {
	for _, seed := range []string{"\x00alice\x00wonder land", "alice 0123", `username="alice",realm="x",nonce="y"`, "n,,n=alice,r=abc", "y,a=b,n=c,r=d", "p=tls-exporter,,n=x,r=y"} {
		f.Add(seed, "c=biws,r=x,p=y")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		s := session()
		s.ExternalID = "alice"
		for _, name := range []string{Plain, Login, CRAMMD5, DigestMD5, ScramSHA256, External} {
			server, err := local().Start(t.Context(), s, name)
			if err != nil {
				t.Fatal(err)
			}
			done := false
			for _, answer := range []string{one, two} {
				if _, done, err = server.Next([]byte(answer)); done || err != nil {
					break
				}
			}
			if done && err == nil && name != External && !strings.Contains(one+two, "wonder land") {
				t.Errorf("%s accepts %q %q", name, one, two)
			}
		}
	})
}

func BenchmarkScram(b *testing.B) {
	for b.Loop() {
		server, _ := local().Start(b.Context(), session(), ScramSHA256)
		client, _ := NewClient(ScramSHA256, Credentials{User: "alice", Password: "wonder land"}, Peer{})
		_, answer, _ := client.Start()
		for done := false; !done; {
			var challenge []byte
			challenge, done, _ = server.Next(answer)
			answer, _ = client.Next(challenge)
		}
	}
}

// TestLongPasswords holds that a client cannot make a hash cost more than a password may be long.
func TestLongPasswords(t *testing.T) {
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(1000))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 512, 513} {
		password := strings.Repeat("p", n)
		digest, err := hasher.Hash(password)
		if err != nil {
			t.Fatal(err)
		}
		err = Secret{Hash: digest.Encode()}.Matches(password)
		if fits := n <= 512; fits != (err == nil) || err != nil && !errors.Is(err, ErrCredentials) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
