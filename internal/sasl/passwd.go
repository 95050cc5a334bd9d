package sasl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// ParsePasswd reads a passwd-style file, "user:secret[:…]" a line, as Dovecot's passwd-file and Apache's htpasswd write
// it: secret in the form of ParseSecret, fields behind it are passed over. Empty lines and lines that begin with #
// count for nothing. A user may be "user@realm". Errors begin with name:line.
func ParsePasswd(name string, r io.Reader) (map[string]Secret, error) {
	users := map[string]Secret{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		user, rest, found := strings.Cut(line, ":")
		text, _, _ := strings.Cut(rest, ":")
		if !found || user == "" {
			return nil, fmt.Errorf("%s:%d: not user:password", name, n)
		}
		secret, err := ParseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: user %s: %w", name, n, user, err)
		}
		if _, twice := users[user]; twice {
			return nil, fmt.Errorf("%s:%d: user %s stands there twice", name, n, user)
		}
		users[user] = secret
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return users, nil
}

// Passwd holds what ParsePasswd read. Users returns the newest; an error is temporary.
type Passwd struct {
	Realm string // the host's own realm, whose users may stand without one
	Users func() (map[string]Secret, error)
}

// Secret looks for user@realm first and then, in the host's own realm, for user alone.
func (p Passwd) Secret(_ context.Context, user, realm string) (Secret, error) {
	users, err := p.Users()
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	for _, name := range names(user, realm, p.Realm) {
		if secret, ok := users[name]; ok {
			return secret, nil
		}
	}
	return Secret{}, ErrNoUser
}
