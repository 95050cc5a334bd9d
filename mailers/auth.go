package mailers

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"gosendmail/internal/status"
)

// mechanism makes a client for one SASL mechanism.
type mechanism struct {
	name string
	make func(Credentials) sasl.Client
}

// mechanisms are tried in this order, those that keep the password off the wire first, except where Credentials name another.
var mechanisms = []mechanism{
	{"CRAM-MD5", func(c Credentials) sasl.Client { return &cramMD5{user: authName(c), secret: []byte(c.Password)} }},
	{"PLAIN", func(c Credentials) sasl.Client { return sasl.NewPlainClient(identity(c), authName(c), c.Password) }},
	{"LOGIN", func(c Credentials) sasl.Client { return &login{answers: []string{authName(c), c.Password}} }},
}

// authName is who authenticates: I: of the authinfo ruleset, else U:.
func authName(c Credentials) string {
	if c.AuthID != "" {
		return c.AuthID
	}
	return c.User
}

// identity is on whose behalf; empty if it is the same.
func identity(c Credentials) string {
	if c.AuthID != "" && c.User != c.AuthID {
		return c.User
	}
	return ""
}

// cramMD5 is the client of RFC 2195.
type cramMD5 struct {
	user   string
	secret []byte
}

func (c *cramMD5) Start() (string, []byte, error) { return "CRAM-MD5", nil, nil }

func (c *cramMD5) Next(challenge []byte) ([]byte, error) {
	if len(challenge) == 0 {
		return nil, errors.New("mailers: CRAM-MD5 without a challenge")
	}
	h := hmac.New(md5.New, c.secret)
	h.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(h.Sum(nil))), nil
}

// login is the client of the LOGIN mechanism. It waits for both questions: servers differ in whether they take the name with the
// command, and in what they ask.
type login struct{ answers []string }

func (l *login) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, errors.New("mailers: LOGIN asks for more than name and password")
	}
	a := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(a), nil
}

// authenticate logs in where there are credentials for the peer and a mechanism in common (RFC 4954). A refusal that may pass
// is a temporary failure; after a final one the mail is tried without, as the original does.
func (a *attempt) authenticate(ctx context.Context, s *session) error {
	offered := strings.Fields(strings.ToUpper(s.caps["AUTH"]))
	if a.t.cfg.Auth == nil || len(offered) == 0 || a.t.clientPort(s.peer.Addr).NoAuth {
		return nil
	}
	cred, ok := a.t.cfg.Auth(ctx, s.peer)
	if !ok {
		return nil
	}
	for _, m := range chosen(cred, offered) {
		r, err := s.auth(m.make(cred))
		if err != nil {
			return err
		}
		if r.good() {
			return nil
		}
		if r.Code/100 == 4 {
			st := r.status(phaseGreeting, s.peer.Name)
			st.Text = "Deferred: Temporary AUTH failure"
			return st
		}
	}
	return nil
}

// chosen lists the mechanisms to try, in the order that the credentials say.
func chosen(cred Credentials, offered []string) []mechanism {
	var list []mechanism
	for _, m := range mechanisms {
		if slices.Contains(offered, m.name) {
			list = append(list, m)
		}
	}
	if len(cred.Mechanisms) == 0 {
		return list
	}
	var wanted []mechanism
	for _, name := range cred.Mechanisms {
		for _, m := range list {
			if strings.EqualFold(m.name, name) {
				wanted = append(wanted, m)
			}
		}
	}
	return wanted
}

// auth runs one exchange.
func (s *session) auth(client sasl.Client) (reply, error) {
	name, initial, err := client.Start()
	if err != nil {
		return reply{}, status.As(err)
	}
	// Secrets stay out of transcripts.
	exchange := s.exchange
	s.exchange = nil
	defer func() { s.exchange = exchange }()
	if exchange != nil {
		exchange(true, "AUTH "+name)
	}
	line := "AUTH " + name
	if initial != nil {
		line += " " + encodeSASL(initial)
	}
	r, err := s.command("AUTH", s.t.Auth, line)
	for n := 0; err == nil && r.Code == 334; n++ {
		answer := "*"
		if challenge, bad := base64.StdEncoding.DecodeString(strings.TrimSpace(r.text())); bad == nil && n < 10 {
			if next, bad := client.Next(challenge); bad == nil {
				answer = base64.StdEncoding.EncodeToString(next)
			}
		}
		r, err = s.command("AUTH", s.t.Auth, answer)
	}
	return r, err
}

// encodeSASL writes an initial response; an empty one is "=" (RFC 4954 section 4).
func encodeSASL(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}
