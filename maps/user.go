package maps

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

var userColumns = map[string]func(*User) string{
	"":       func(u *User) string { return u.Name },
	"name":   func(u *User) string { return u.Name },
	"passwd": func(*User) string { return "x" },
	"uid":    func(u *User) string { return strconv.Itoa(u.UID) },
	"gid":    func(u *User) string { return strconv.Itoa(u.GID) },
	"gecos":  func(u *User) string { return u.Gecos },
	"dir":    func(u *User) string { return u.Home },
	"shell":  func(u *User) string { return u.Shell },
}

func parseUser(p *Params) error {
	return parseFlags(p)
}

func openUser(p *Params) (Map, error) {
	if userColumns[strings.ToLower(p.ValCol)] == nil {
		return nil, &openError{words: fmt.Sprintf("User map %s: unknown column name %s", p.Name, p.ValCol)}
	}
	return opener(lookupUser)(p)
}

// lookupUser is class user: a field of the account that the key names.
func lookupUser(ctx context.Context, p *Params, key string, args []string) (string, error) {
	find := p.env.User
	if find == nil {
		find = PasswdFile("/etc/passwd")
	}
	u, err := find(ctx, key)
	if err == ErrNotFound {
		return "", missing(exNoUser, nil)
	}
	if err != nil {
		return "", tempFail(err)
	}
	if u.Name != key && u.Name == fold(key) {
		key = u.Name
	}
	return p.Result(ctx, key, userColumns[strings.ToLower(p.ValCol)](u), args), nil
}

// PasswdFile returns a look-up of accounts in a file of passwd(5), for Env.User. Without exact match the name is tried
// in lower case.
func PasswdFile(path string) func(context.Context, string) (*User, error) {
	return func(_ context.Context, name string) (*User, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		u, err := scanPasswd(f, name)
		if err != ErrNotFound || fold(name) == name {
			return u, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return scanPasswd(f, fold(name))
	}
}

func scanPasswd(r io.Reader, name string) (*User, error) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		f := strings.Split(s.Text(), ":")
		if len(f) < 7 || f[0] != name || name == "" {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("maps: passwd entry of %s: %w", name, err)
		}
		return &User{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6]}, nil
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return nil, ErrNotFound
}
