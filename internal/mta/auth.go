package mta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/sasl"
	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// authority is AUTH as a site has configured it: where passwords come from and which mechanisms are allowed.
type authority struct {
	backend sasl.Backend
	allowed []string // AuthMechanisms, upper case, in its order; Cyrus' mech_list takes others away
	realm   string   // AuthRealm
	options string   // letters of AuthOptions
}

// AuthBackendOption is the option that names back ends other than Cyrus'.
const AuthBackendOption = "AuthBackends"

// newAuthority reads where passwords come from. found is false where nothing of the site's has any:
// AUTH is not offered then.
func newAuthority(s *Server) (a *authority, found bool, err error) {
	set := &s.site.options.Settings
	a = &authority{realm: set.AuthRealm, options: authLetters(set.AuthOptions), allowed: strings.Fields(strings.ToUpper(set.AuthMechanisms))}
	if set.AuthBackends != "" {
		a.backend, err = s.ownBackends(set.AuthBackends)
		return a, err == nil, err
	}
	cyrus, err := sasl.LoadCyrus(sasl.CyrusFolders)
	if err != nil {
		return nil, false, err
	}
	if cyrus.Mechanisms != nil {
		a.allowed = slices.DeleteFunc(a.allowed, func(m string) bool { return !slices.Contains(cyrus.Mechanisms, m) })
	}
	if !hasPasswords(cyrus) {
		return nil, false, nil
	}
	a.backend = s.cyrusBackend(cyrus)
	return a, true, nil
}

// hasPasswords reports whether a site has set Cyrus SASL up.
func hasPasswords(c sasl.Cyrus) bool { return c.File != "" || exists(c.SASLDB) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func authLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ,\t", r) {
			return -1
		}
		return r
	}, text)
}

// cyrusBackend does what Sendmail.conf says: saslauthd verifies passwords, sasldb holds them.
func (s *Server) cyrusBackend(c sasl.Cyrus) *sasl.Local {
	local := &sasl.Local{}
	var any sasl.Any
	for _, method := range c.Methods {
		switch method {
		case "saslauthd":
			any = append(any, sasl.Saslauthd{Path: c.Saslauthd})
		case "auxprop":
			any = append(any, sasl.Passwords{Secrets: s.sasldb(c.SASLDB)})
		}
	}
	local.Verifier = any
	// Cyrus' mechanisms with a shared secret ask sasldb whatever checks plain passwords.
	if exists(c.SASLDB) {
		local.Secrets = s.sasldb(c.SASLDB)
	}
	return local
}

// sasldb is a database of saslpasswd2 that is opened for each look-up, as logins are rare and the file is replaced at
// will.
func (s *Server) sasldb(path string) sasl.SASLDB {
	blame, _ := safefile.ParseBlame(strings.Join(s.site.options.DontBlameSendmail, " "))
	checker := &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	return sasl.SASLDB{Get: func(_ context.Context, key string) (string, bool, error) {
		f, err := checker.Open(path, safefile.SASLFile)
		if err != nil {
			return "", false, err
		}
		defer f.Close()
		db, err := dbfile.Open(f)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", path, err)
		}
		defer db.Close()
		return db.Get(key, false)
	}}
}

// backend is one item of option AuthBackends.
type backend struct{ kind, arg string }

// parseBackends reads option AuthBackends: "saslauthd:PATH", "sasldb:PATH", "passwd:PATH", "map:NAME" and
// "dovecot:PATH" with commas between. dovecot stands alone, since it carries the mechanisms out itself.
func (s *Site) parseBackends(text string) (list []backend, err error) {
	items := strings.Split(text, ",")
	for _, item := range items {
		kind, arg, _ := strings.Cut(strings.TrimSpace(item), ":")
		switch {
		case !slices.Contains([]string{"saslauthd", "sasldb", "passwd", "map", "dovecot"}, kind):
			return nil, fmt.Errorf("%s is no back end; saslauthd, sasldb, passwd, map and dovecot are", kind)
		case kind == "dovecot" && len(items) > 1:
			return nil, errors.New("dovecot stands alone: it knows which passwords are right")
		case arg == "":
			return nil, fmt.Errorf("%s needs a path or a name behind a colon", kind)
		case kind == "map":
			if _, ok := s.Maps.Spec(arg); !ok {
				return nil, fmt.Errorf("map:%s: no K line declares it", arg)
			}
		}
		list = append(list, backend{kind, arg})
	}
	return list, nil
}

// ownBackends makes the back ends of option AuthBackends.
func (s *Server) ownBackends(text string) (sasl.Backend, error) {
	list, err := s.site.parseBackends(text)
	if err != nil {
		return nil, err
	}
	local := &sasl.Local{}
	var any sasl.Any
	secrets := func(x sasl.Secrets) {
		any = append(any, sasl.Passwords{Secrets: x})
		if local.Secrets == nil {
			local.Secrets = x
		}
	}
	for _, b := range list {
		switch b.kind {
		case "dovecot":
			return sasl.Dovecot{Path: b.arg}, nil
		case "saslauthd":
			any = append(any, sasl.Saslauthd{Path: b.arg})
		case "sasldb":
			secrets(s.sasldb(b.arg))
		case "passwd":
			secrets(s.passwdFile(b.arg))
		case "map":
			secrets(s.secretMap(b.arg))
		}
	}
	local.Verifier = any
	return local, nil
}

// ownRealm is the realm of users who are named without one.
func (s *Server) ownRealm() string {
	if r := s.site.options.AuthRealm; r != "" {
		return r
	}
	return s.site.Hostname()
}

// passwdFile is a passwd-style file, read for each look-up.
func (s *Server) passwdFile(path string) sasl.Passwd {
	blame, _ := safefile.ParseBlame(strings.Join(s.site.options.DontBlameSendmail, " "))
	checker := &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	return sasl.Passwd{Realm: s.ownRealm(), Users: func() (map[string]sasl.Secret, error) {
		f, err := checker.Open(path, safefile.SASLFile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return sasl.ParsePasswd(path, f)
	}}
}

// secretMap is a K line whose values are secrets.
func (s *Server) secretMap(name string) sasl.Table {
	return sasl.Table{Realm: s.ownRealm(), Name: "map " + name, Get: func(ctx context.Context, user string) (string, bool, error) {
		v, err := s.site.Maps.Lookup(ctx, name, user)
		switch {
		case err == nil:
			return v, true, nil
		case errors.Is(err, maps.ErrNotFound):
			return "", false, nil
		}
		return "", false, err
	}}
}

// mechanisms lists what a client may use, in the order of AuthMechanisms. plain says whether passwords may go over the
// connection as they are. A back end that does not answer changes nothing in what is offered: mail programs would take
// it for a server that wants no passwords. The error says so.
func (a *authority) mechanisms(ctx context.Context, s *sasl.Session, plain bool) ([]string, error) {
	offered, err := a.backend.Mechanisms(ctx, s)
	var list []string
	for _, m := range a.allowed {
		if slices.Contains(offered, m) && a.fits(m, plain) {
			list = append(list, m)
		}
	}
	return list, err
}

// properties are those of the mechanisms that letters of AuthOptions demand or forbid, as Cyrus SASL defines them.
var properties = map[string]string{
	sasl.Plain: "c", sasl.Login: "c", sasl.CRAMMD5: "", sasl.DigestMD5: "m", sasl.ScramSHA1: "am", sasl.ScramSHA256: "am",
	sasl.ScramSHA1Plus: "am", sasl.ScramSHA256Plus: "am", sasl.External: "adf",
}

// fits obeys AuthOptions.
func (a *authority) fits(mechanism string, plain bool) bool {
	if !plain && sasl.InClear(mechanism) {
		return false
	}
	for _, demand := range "acdfm" {
		if strings.ContainsRune(a.options, demand) && !strings.ContainsRune(properties[mechanism], demand) {
			return false
		}
	}
	return true
}

// openAuthority makes AUTH available where it is configured, and says in the log whether it is. After an error it is
// not offered.
func (s *Server) openAuthority() {
	a, found, err := newAuthority(s)
	switch {
	case err != nil:
		s.Log.Plain(maillog.LevelSerious, maillog.Warning, fmt.Sprintf("AUTH: not offered: %v", err))
	case found:
		s.authority = a
		s.Log.Plain(maillog.LevelConnect, maillog.Info, "AUTH: allowed mech="+strings.Join(a.allowed, " "))
	}
}
