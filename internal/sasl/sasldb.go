package sasl

import (
	"context"
	"fmt"
	"strings"
)

// DefaultSASLDB is the database of saslpasswd2 unless sasldb_path says otherwise.
const DefaultSASLDB = "/etc/sasldb2"

// SASLDB is the database that saslpasswd2 writes: a Berkeley DB hash file whose keys are user, realm and the name of a
// property with NULs between them.
type SASLDB struct {
	// Get returns the value of a key; found is false where the database has none. An error is temporary.
	Get func(ctx context.Context, key string) (value string, found bool, err error)
}

// Secret reads property userPassword.
func (d SASLDB) Secret(ctx context.Context, user, realm string) (Secret, error) {
	if strings.ContainsRune(user, 0) || strings.ContainsRune(realm, 0) {
		return Secret{}, ErrNoUser
	}
	value, found, err := d.Get(ctx, user+"\x00"+realm+"\x00userPassword")
	if err != nil {
		return Secret{}, fmt.Errorf("%w: sasldb: %w", ErrTemporary, err)
	}
	if !found || value == "" {
		return Secret{}, ErrNoUser
	}
	return Secret{Plain: value}, nil
}

// Table is any lookup that answers a user with a secret in the form of ParseSecret: a map class, a passwd-style file.
type Table struct {
	Name  string // for errors
	Realm string // the host's own realm, whose users may stand without one
	// Get returns the secret of "user@realm", or of "user"; an error is temporary.
	Get func(ctx context.Context, name string) (value string, found bool, err error)
}

// Secret asks for user@realm first and then, in the host's own realm, for user alone.
func (t Table) Secret(ctx context.Context, user, realm string) (Secret, error) {
	for _, name := range names(user, realm, t.Realm) {
		value, found, err := t.Get(ctx, name)
		if err != nil {
			return Secret{}, fmt.Errorf("%w: %s: %w", ErrTemporary, t.Name, err)
		}
		if !found {
			continue
		}
		secret, err := ParseSecret(value)
		if err != nil {
			return Secret{}, fmt.Errorf("%w: %s: user %q: %w", ErrTemporary, t.Name, name, err)
		}
		return secret, nil
	}
	return Secret{}, ErrNoUser
}

// names are those under which a user may stand. A user without a realm is one of the host's own: a name in another
// realm is another identity, which rules may trust otherwise.
func names(user, realm, own string) []string {
	if strings.EqualFold(realm, own) {
		return []string{user + "@" + realm, user}
	}
	return []string{user + "@" + realm}
}
