package mailers

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
)

// maxChallenges ends an exchange that a peer does not end.
const maxChallenges = 10

// authenticate logs in where there are credentials for the peer and it offers AUTH (RFC 4954). What may pass is a
// temporary failure: also that there is no mechanism in common. After a final refusal the mail is tried without, as the
// original does.
func (a *attempt) authenticate(ctx context.Context, s *session) error {
	offered := strings.Fields(strings.ToUpper(s.caps["AUTH"]))
	if s.security == nil || len(offered) == 0 || a.t.clientPort(s.peer.Addr).NoAuth {
		return nil
	}
	login, wanted, err := s.security.Credentials(ctx)
	switch {
	case err != nil:
		return authDeferred(s, err)
	case !wanted:
		return nil
	}
	peer := sasl.Peer{Host: strings.TrimSuffix(s.peer.Name, "."), Offered: offered, TLS: s.tls, Certificate: login.Certificate}
	list := login.usable(peer)
	if len(list) == 0 {
		return authDeferred(s, errors.New("AUTH=client, none of the mechanisms "+s.caps["AUTH"]+" fulfills the requirements"))
	}
	for _, name := range list {
		client, err := sasl.NewClient(name, login.Credentials, peer)
		if err != nil {
			return authDeferred(s, err)
		}
		r, err := s.auth(client)
		switch {
		case err != nil:
			return err
		case r.good():
			s.loggedIn = true
			s.security.LoggedIn(name)
			return nil
		case r.Code/100 == 4:
			return authDeferred(s, nil)
		}
	}
	return nil
}

// usable lists the mechanisms to try, those that show the password only where the connection or the site allows it.
func (l *Login) usable(peer sasl.Peer) []string {
	list := sasl.Choose(l.Mechanisms, peer)
	if peer.TLS == nil && !l.InClear {
		list = slices.DeleteFunc(list, sasl.InClear)
	}
	return list
}

func authDeferred(s *session, cause error) error {
	st := status.FromExit(status.TempFail)
	st.Enhanced, st.Remote, st.Text, st.Err = status.Enhanced{4, 3, 0}, s.peer.Name, "Deferred: Temporary AUTH failure", cause
	return st
}

// auth runs one exchange, which "*" ends where the peer goes on too long or makes no sense. Secrets stay out of
// transcripts.
func (s *session) auth(client gosasl.Client) (reply, error) {
	name, initial, err := client.Start()
	if err != nil {
		return reply{}, status.As(err)
	}
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
		if challenge, bad := base64.StdEncoding.DecodeString(strings.TrimSpace(r.text())); bad == nil && n < maxChallenges {
			if next, bad := client.Next(challenge); bad == nil {
				answer = base64.StdEncoding.EncodeToString(next)
			}
		}
		r, err = s.command("AUTH", s.t.Auth, answer)
		if err == nil && answer == "*" && r.Code == 334 {
			return r, s.lost("AUTH", errors.New("a challenge after the end of the exchange"))
		}
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
