package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/sha1crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"github.com/xdg-go/scram"
)

// Secret is what is stored for a user, in one of three forms. Every mechanism works with Plain; SCRAM also with Stored
// of its hash; PLAIN and LOGIN with all of them.
type Secret struct {
	Plain  string                             // the password itself
	Hash   string                             // as crypt(3) or the PHC string format write it
	Stored map[string]scram.StoredCredentials // by mechanism name without -PLUS
}

// errNoPlain: the mechanism needs the password and the secret does not hold it.
var errNoPlain = fmt.Errorf("%w: the stored secret does not serve this mechanism", ErrCredentials)

// ParseSecret reads the stored form of a secret: "{SCHEME}text", where SCHEME is PLAIN, CLEARTEXT, SCRAM-SHA-1,
// SCRAM-SHA-256 (as RFC 5803 and Dovecot write them) or the name of a hash, or a hash without a scheme, which begins
// with $.
func ParseSecret(text string) (Secret, error) {
	scheme, rest := "", text
	if strings.HasPrefix(text, "{") {
		var found bool
		if scheme, rest, found = strings.Cut(text[1:], "}"); !found {
			return Secret{}, errors.New("sasl: a scheme without its closing }")
		}
	}
	switch scheme = strings.ToUpper(scheme); scheme {
	case "PLAIN", "CLEARTEXT", "CLEAR":
		if rest == "" {
			return Secret{}, errors.New("sasl: an empty password")
		}
		return Secret{Plain: rest}, nil
	case ScramSHA1, ScramSHA256:
		stored, err := parseStored(rest)
		return Secret{Stored: map[string]scram.StoredCredentials{scheme: stored}}, err
	case "", "CRYPT", "ARGON2", "ARGON2ID", "ARGON2I", "BLF-CRYPT", "BCRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "MD5-CRYPT", "PBKDF2", "SCRYPT":
		if !strings.HasPrefix(rest, "$") {
			return Secret{}, errors.New("sasl: no hash that crypt(3) or the PHC string format describes; {PLAIN} marks a plain password")
		}
		if _, err := decoder().Decode(rest); err != nil {
			return Secret{}, fmt.Errorf("sasl: hash: %w", err)
		}
		return Secret{Hash: rest}, nil
	}
	return Secret{}, fmt.Errorf("sasl: unknown scheme {%s}", scheme)
}

// decoder knows the hashes that a stored secret may have.
func decoder() *crypt.Decoder {
	d := crypt.NewDecoder()
	for _, register := range []func(r *crypt.Decoder) error{
		func(r *crypt.Decoder) error { return argon2.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return bcrypt.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return scrypt.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return shacrypt.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return pbkdf2.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return md5crypt.RegisterDecoder(r) },
		func(r *crypt.Decoder) error { return sha1crypt.RegisterDecoder(r) },
	} {
		if err := register(d); err != nil {
			panic(err) // two decoders of one name: a fault of the table
		}
	}
	return d
}

// parseStored reads "iterations,salt,stored key,server key", the last three in base64.
func parseStored(text string) (c scram.StoredCredentials, err error) {
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return c, errors.New("sasl: SCRAM: not iterations,salt,storedkey,serverkey")
	}
	if c.Iters, err = strconv.Atoi(parts[0]); err != nil || c.Iters < 1 {
		return c, fmt.Errorf("sasl: SCRAM: iterations %q", parts[0])
	}
	var raw [3][]byte
	for i := range raw {
		if raw[i], err = base64.StdEncoding.DecodeString(parts[i+1]); err != nil {
			return c, fmt.Errorf("sasl: SCRAM: %w", err)
		}
	}
	c.Salt, c.StoredKey, c.ServerKey = string(raw[0]), raw[1], raw[2]
	return c, nil
}

// maxHashed is how long a password may be for a hash, in bytes, as for crypt(3). The cost of SHA-crypt grows with its
// square: one that fills the client's line would take seconds, for unknown users too.
const maxHashed = 512

// Matches reports whether password is the secret's: nil, or ErrCredentials. One of more than 512 bytes is no hash's.
func (s Secret) Matches(password string) error {
	switch {
	case s.Plain != "":
		if equal(s.Plain, password) {
			return nil
		}
	case s.Hash != "" && len(password) > maxHashed:
	case s.Hash != "":
		digest, err := decoder().Decode(s.Hash)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTemporary, err)
		}
		if digest.Match(password) {
			return nil
		}
	default:
		for mechanism, stored := range s.Stored {
			mine, err := derive(scramHashes[mechanism], password, stored.KeyFactors)
			if err == nil && equal(string(mine.StoredKey), string(stored.StoredKey)) {
				return nil
			}
		}
	}
	return ErrCredentials
}

// derive makes the stored form of SCRAM.
func derive(hash scram.HashGeneratorFcn, password string, f scram.KeyFactors) (scram.StoredCredentials, error) {
	client, err := hash.NewClient("", password, "")
	if err != nil {
		if client, err = hash.NewClientUnprepped("", password, ""); err != nil {
			return scram.StoredCredentials{}, err
		}
	}
	return client.WithMinIterations(1).GetStoredCredentialsWithError(f)
}

// Passwords verifies passwords with what Secrets hold.
type Passwords struct{ Secrets Secrets }

// Verify looks the user up and compares.
func (p Passwords) Verify(ctx context.Context, s *Session, name, password string) error {
	user, realm := s.split(name)
	secret, err := p.Secrets.Secret(ctx, user, realm)
	if errors.Is(err, ErrCredentials) {
		// An unknown user costs the time of a comparison too, with a hash that no password has.
		_ = Secret{Hash: nobody}.Matches(password)
	}
	if err != nil {
		return err
	}
	return secret.Matches(password)
}

// nobody is a hash in the commonest expensive form, for users that do not exist.
const nobody = "$6$rounds=5000$gosendmailnobody$" +
	"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000."
