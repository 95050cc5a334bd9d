package maps

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// ldapSettings is what flags of class ldap and option LDAPDefaultSpec say about servers and searches.
type ldapSettings struct {
	uri, host  string // -H, -h: several, separated by blanks
	port       int    // -p; 0: the scheme's
	bindDN     string // -d
	secret     string // -P: the file with the password
	anonymous  bool   // -M none: no bind at all
	base       string // -b; hasBase tells whether it was given
	hasBase    bool
	scope      int           // -s
	deref      int           // -r
	timeLimit  time.Duration // -l; 0: none but the network timeout
	network    time.Duration // -c
	sizeLimit  int           // -Z; 0: the server's
	namesOnly  bool          // -n
	attrSep    byte          // -V; 0: values without names
	noChase    bool          // -R
	multi      bool          // -K
	single     bool          // -1
	filter     string        // -k
	attributes string        // -v
}

// defaultNetworkTimeout is -c where it is not given. The original's depends on how it was built, and is none mostly: a
// server that accepts connections and says nothing would hold a session for good.
const defaultNetworkTimeout = 60 * time.Second

func newLDAPSettings() ldapSettings {
	return ldapSettings{scope: ldap.ScopeWholeSubtree, deref: ldap.NeverDerefAliases, network: defaultNetworkTimeout}
}

// ldapWords of flags with a fixed choice. The original takes each word by its beginning, with and without a prefix such
// as LDAP_SCOPE_.
var (
	ldapScopes = map[string]int{"base": ldap.ScopeBaseObject, "one": ldap.ScopeSingleLevel, "sub": ldap.ScopeWholeSubtree}
	ldapDerefs = map[string]int{"never": ldap.NeverDerefAliases, "always": ldap.DerefAlways, "search": ldap.DerefInSearching, "find": ldap.DerefFindingBaseObj}
)

// chosen looks a flag's word up in a table.
func chosen(table map[string]int, prefix, word string) (int, bool) {
	word = strings.ToLower(word)
	word = strings.TrimPrefix(word, strings.ToLower(prefix))
	for w, n := range table {
		if strings.HasPrefix(word, w) {
			return n, true
		}
	}
	return 0, false
}

// ldapScanner walks flags whose values may stand in quotes and behind white space.
type ldapScanner struct{ s string }

const blanks = " \t\n\r\f\v"

// flag returns the next flag letter, 0 where none follows.
func (l *ldapScanner) flag() byte {
	l.s = strings.TrimLeft(l.s, blanks)
	if len(l.s) < 2 || l.s[0] != '-' {
		return 0
	}
	c := l.s[1]
	l.s = l.s[2:]
	return c
}

// glued returns what follows the letter up to white space outside of quotes, without quotes around it.
func (l *ldapScanner) glued() string {
	quoted := false
	i := 0
	for ; i < len(l.s) && (quoted || strings.IndexByte(blanks, l.s[i]) < 0); i++ {
		if l.s[i] == '"' {
			quoted = !quoted
		}
	}
	v := l.s[:i]
	l.s = l.s[i:]
	if strings.HasPrefix(v, `"`) {
		v, _, _ = strings.Cut(v[1:], `"`)
	}
	return v
}

// value is glued, after white space.
func (l *ldapScanner) value() string {
	l.s = strings.TrimLeft(l.s, blanks)
	return l.glued()
}

// parseLDAP reads a K line of class ldap over the settings of option LDAPDefaultSpec.
func parseLDAP(p *Params) error {
	m := &ldapMap{p: p, ldapSettings: newLDAPSettings()}
	if p.env.LDAP != "" {
		d, err := ldapDefaults(p.env.LDAP)
		if err != nil {
			return err
		}
		m.ldapSettings = d
	}
	switch p.Use {
	case ForAliases:
		p.Delim = ','
		if strings.TrimSpace(p.Args) == "" {
			m.filter, m.attributes = aliasQuery(p.env)
		}
	case ForClass:
		p.Delim = ' '
	}
	rest, err := m.read(p.Args, p.Name, &p.Flags)
	if err != nil {
		return err
	}
	if rest != "" {
		p.tell("", fmt.Errorf("%q after the flags has no effect", rest))
	}
	if err := m.check(); err != nil {
		return err
	}
	p.extra = m
	return nil
}

// ldapDefaults reads option LDAPDefaultSpec, in which only flags about servers and searches may stand.
func ldapDefaults(spec string) (ldapSettings, error) {
	const name = "O LDAPDefaultSpec"
	s := newLDAPSettings()
	var f Flags
	rest, err := s.read(spec, name, &f)
	switch {
	case err != nil:
		return s, err
	case f != Flags{} || s.single:
		return s, errors.New("readcf: option LDAPDefaultSpec: Do not set non-LDAP specific flags")
	case s.filter != "":
		return s, errors.New("readcf: option LDAPDefaultSpec: Do not set the LDAP search filter")
	case s.attributes != "":
		return s, errors.New("readcf: option LDAPDefaultSpec: Do not set the requested LDAP attributes")
	case rest != "":
		return s, fmt.Errorf("readcf: option LDAPDefaultSpec: %q after the flags has no effect", rest)
	}
	return s, nil
}

// aliasQuery is what an alias source "ldap:" without arguments means (op.txt, option AliasFile).
func aliasQuery(env *Env) (filter, attributes string) {
	host, cluster := "", ""
	if env.Macro != nil {
		host, cluster = env.Macro("j"), env.Macro("{sendmailMTACluster}")
	}
	if host == "" {
		host = "localhost"
	}
	filter = "(&(objectClass=sendmailMTAAliasObject)(sendmailMTAAliasGrouping=aliases)(|(sendmailMTACluster=" + ldap.EscapeFilter(cluster) +
		")(sendmailMTAHost=" + ldap.EscapeFilter(host) + "))(sendmailMTAKey=%0))"
	return filter, "sendmailMTAAliasValue,sendmailMTAAliasSearch:FILTER:sendmailMTAMapObject,sendmailMTAAliasURL:URL:sendmailMTAMapObject"
}

// read applies flags and returns what follows them.
func (s *ldapSettings) read(args, name string, f *Flags) (rest string, err error) {
	sc := ldapScanner{args}
	for {
		letter := sc.flag()
		if letter == 0 {
			return strings.Trim(sc.s, blanks), nil
		}
		var err error
		switch letter {
		case 'A', 'D', 'f', 'm', 'N', 'O', 'o', 'q', 't', 'a', 'T', 'S':
			f.common(letter, sc.glued())
		case 'z':
			f.Delim = delimiter(sc.glued())
		case 'V':
			s.attrSep = delimiter(sc.glued())
		case '1', 'K', 'n', 'R':
			s.toggle(letter)
			sc.glued()
		case 'b', 'd', 'k', 'P', 'v':
			s.text(letter, sc.value())
		case 'H', 'h':
			err = s.server(letter, sc.value(), name)
		case 'c', 'l', 'p', 'Z':
			s.number(letter, atoi(sc.value()))
		case 's', 'r', 'M', 'w':
			err = s.choice(letter, sc.value(), name)
		default:
			err = fmt.Errorf("Illegal option %c map %s", letter, name)
		}
		if err != nil {
			return "", err
		}
	}
}

func (s *ldapSettings) toggle(letter byte) {
	switch letter {
	case '1':
		s.single = true
	case 'K':
		s.multi = true
	case 'n':
		s.namesOnly = true
	case 'R':
		s.noChase = true
	}
}

func (s *ldapSettings) text(letter byte, v string) {
	switch letter {
	case 'b':
		s.base, s.hasBase = v, true
	case 'd':
		s.bindDN = v
	case 'k':
		s.filter = v
	case 'P':
		s.secret = v
	case 'v':
		s.attributes = v
	}
}

func (s *ldapSettings) server(letter byte, v, name string) error {
	if letter == 'H' {
		s.uri = v
	} else {
		s.host = v
	}
	if s.uri != "" && s.host != "" {
		return fmt.Errorf("Can not specify both an LDAP host and an LDAP URI in map %s", name)
	}
	return nil
}

func (s *ldapSettings) number(letter byte, n int) {
	n = max(n, 0)
	switch letter {
	case 'c':
		s.network = time.Duration(n) * time.Second
		if n == 0 {
			s.network = defaultNetworkTimeout
		}
	case 'l':
		s.timeLimit = time.Duration(n) * time.Second
	case 'p':
		s.port = n
	case 'Z':
		s.sizeLimit = n
	}
}

func (s *ldapSettings) choice(letter byte, v, name string) error {
	word, _, _ := strings.Cut(v, " ")
	ok := true
	switch letter {
	case 's':
		if s.scope, ok = chosen(ldapScopes, "LDAP_SCOPE_", v); !ok {
			return fmt.Errorf("Scope must be [base|one|sub] (not %s) in map %s", word, name)
		}
	case 'r':
		if s.deref, ok = chosen(ldapDerefs, "LDAP_DEREF_", v); !ok {
			return fmt.Errorf("Deref must be [never|always|search|find] (not %s) in map %s", word, name)
		}
	case 'M':
		return s.method(word, name)
	case 'w':
		return version(atoi(v), name)
	}
	return nil
}

func (s *ldapSettings) method(word, name string) error {
	switch m := strings.TrimPrefix(strings.ToLower(word), "ldap_auth_"); {
	case strings.HasPrefix(m, "none"):
		s.anonymous = true
	case strings.HasPrefix(m, "simple"):
		s.anonymous = false
	case strings.HasPrefix(m, "krbv4"):
		return fmt.Errorf("method krbv4 in map %s: Kerberos 4 is not supported: use simple", name)
	default:
		return fmt.Errorf("Method for binding must be [none|simple|krbv4] (not %s) in map %s", word, name)
	}
	return nil
}

func version(n int, name string) error {
	switch {
	case n > 3:
		return fmt.Errorf("LDAP version %d exceeds max of 3 in map %s", n, name)
	case n < 2:
		return fmt.Errorf("LDAP version %d is lower than min of 2 in map %s", n, name)
	case n == 2:
		return fmt.Errorf("LDAP version 2 in map %s is not supported: say -w 3", name)
	}
	return nil
}

// atoi reads a number as C's function does: what follows the digits is ignored.
func atoi(s string) int { return int(min(max(strtol(s), -1<<31), 1<<31-1)) }
