package maps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// UserDB is the user database (option UserDatabaseSpec, op.txt section 5.12): btree files whose keys are user:field,
// asked in turn. A file that is not there counts as empty. It is safe for concurrent use.
type UserDB struct{ files []*fileMap }

// OpenUserDB reads a value of option UserDatabaseSpec: absolute paths, separated by commas, of files that end in .db
// or get that ending. The files are opened when they are needed. Empty: the database holds nothing.
func OpenUserDB(spec string, env Env) (*UserDB, error) {
	u := &UserDB{}
	for path := range strings.SplitSeq(spec, ",") {
		path = strings.Trim(path, blanks)
		switch {
		case path == "":
		case path[0] == '/':
			p := &Params{Spec: Spec{Name: "UserDatabaseSpec", Class: "userdb"}, env: &env}
			p.Path, p.BareOnly, p.Optional = path, true, true
			u.files = append(u.files, newFileMap(p, ".db"))
		case path[0] == '@' || path[0] == '*':
			return nil, fmt.Errorf("option UserDatabaseSpec: %s: asking or forwarding to another host is not supported", path)
		default:
			word, _, _ := strings.Cut(path, ":")
			return nil, fmt.Errorf("Unknown UDB spec %s", word)
		}
	}
	return u, nil
}

// Empty reports whether the option names no file.
func (u *UserDB) Empty() bool { return len(u.files) == 0 }

// maxUserDBKey bounds user and field together (MAXUDBKEY).
const maxUserDBKey = 128

// usable reports whether a name can be a user's: those with a leading colon are the database's own.
func usable(user, field string) bool {
	return !strings.HasPrefix(user, ":") && len(user)+max(len(field), len("maildrop")) <= maxUserDBKey-4
}

// All returns all values of a user's field from the first file that has any, such as the addresses of "maildrop".
func (u *UserDB) All(ctx context.Context, user, field string) ([]string, error) {
	if !usable(user, field) {
		return nil, ErrNotFound
	}
	for _, f := range u.files {
		values, err := f.all(ctx, user+":"+field)
		if err != ErrNotFound {
			return values, err
		}
	}
	return nil, ErrNotFound
}

// Get returns a user's field. One who has a maildrop but no mailname has the mailname user@host, where the same file
// names the host in ":default:mailname".
func (u *UserDB) Get(ctx context.Context, user, field string) (string, error) {
	values, err := u.All(ctx, user, field)
	if err == nil {
		return values[0], nil
	}
	if err != ErrNotFound || field != "mailname" || !usable(user, field) {
		return "", err
	}
	for _, f := range u.files {
		if _, err := f.all(ctx, user+":maildrop"); err == ErrNotFound {
			continue
		} else if err != nil {
			return "", err
		}
		hosts, err := f.all(ctx, ":default:mailname")
		if err == nil {
			return user + "@" + hosts[0], nil
		}
		if err != ErrNotFound {
			return "", err
		}
	}
	return "", ErrNotFound
}

// Close closes the files.
func (u *UserDB) Close() error {
	var errs []error
	for _, f := range u.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// all returns the values of a key that are not empty, without -m, -a and case folding.
func (m *fileMap) all(ctx context.Context, key string) ([]string, error) {
	file, err := m.at(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case err != nil:
		return nil, tempFail(err)
	}
	stored, err := file.db.Values(key, false)
	for tries := 0; outdated(err) && tries < maxReopens; tries++ {
		if file, err = m.renew(ctx, file); err != nil {
			return nil, tempFail(err)
		}
		stored, err = file.db.Values(key, false)
	}
	if err != nil {
		return nil, tempFail(err)
	}
	var values []string
	for _, v := range stored {
		if v = cutNul(v); v != "" {
			values = append(values, v)
		}
	}
	if values == nil {
		return nil, ErrNotFound
	}
	return values, nil
}

// userDBMap is class userdb: one field of the user database, which the K line names in the place of a file.
type userDBMap struct {
	p *Params
	u *UserDB
}

// userDB returns the database of the set, which all maps of class userdb share.
func (s *Set) userDB() (*UserDB, error) {
	s.userOnce.Do(func() { s.users, s.userErr = OpenUserDB(s.env.UserDB, s.env) })
	return s.users, s.userErr
}

func parseUserDB(p *Params) error {
	if err := parseFlags(p); err != nil {
		return err
	}
	_, err := p.set.userDB()
	return err
}

func openUserDB(p *Params) (Map, error) {
	u, err := p.set.userDB()
	return &userDBMap{p, u}, err
}

// Lookup finds the field of the user that the key names.
func (m *userDBMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	user := key
	if !m.p.NoFold {
		user = fold(key)
	}
	v, err := m.u.Get(ctx, user, m.p.Path)
	if err != nil {
		return "", err
	}
	return m.p.Result(ctx, key, v, args), nil
}

// Close closes the database.
func (m *userDBMap) Close() error { return m.u.Close() }

// userDBState is the user database of a set, opened when the first map of class userdb is declared.
type userDBState struct {
	userOnce sync.Once
	users    *UserDB
	userErr  error
}
