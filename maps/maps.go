package maps

import (
	"context"
	"os"
	"time"

	"gosendmail/internal/dns"
)

// Map is one open map. Lookup is the class's own look-up: Set.Lookup adds what applies to all classes. It returns the
// value, or an error that is ErrNotFound or ErrTempFail. It is safe for concurrent use.
type Map interface {
	Lookup(ctx context.Context, key string, args ...string) (string, error)
	Close() error
}

// Spec is a K line, or a map that the program implies.
type Spec struct {
	Name  string // of the map
	Class string // "hash", "dns"...
	Args  string // flags, file and the rest, as on the line
	File  string // of the configuration; "" for implied maps
	Line  int
	Use   Use // what the map is for
	// BlankSub is the option at the place of the line; 0 means Env.BlankSub.
	BlankSub byte
}

// Use is what a map is for: class ldap joins values, and has a query of its own, by it.
type Use int

// Uses of maps. Values of ldap maps are joined by -z in rules, by commas for aliases, by blanks for a class.
const (
	ForRules Use = iota
	ForAliases
	ForClass
)

// Params is a Spec with its parsed flags, as a class sees it.
type Params struct {
	Spec
	Flags
	env   *Env
	set   *Set
	extra any // what the class's own parser found
}

// Env gives what classes need from outside. Nil fields have the defaults named here.
type Env struct {
	DNS      *dns.Resolver                                                              // host, dns, bestmx; nil: these fail temporarily
	Canon    dns.CanonOptions                                                           // class host
	IsLocal  func(host string) bool                                                     // class bestmx: whether a host is in $=w; nil: none is
	User     func(ctx context.Context, name string) (*User, error)                      // class user; nil: /etc/passwd. Errors: ErrNotFound or temporary
	Aliases  func(file string) (Map, error)                                             // class stab, and class implicit without a database; nil: they do not open
	Switch   func(service string) ([]string, error)                                     // class switch: the service switch; nil: /etc/nsswitch.conf
	Open     func(path string) (*os.File, error)                                        // opens a map's file for reading, after the safety checks; nil: os.Open
	Socket   func(path string) error                                                    // class socket: whether a local socket may be trusted; nil: all may
	Command  func(ctx context.Context, argv []string) (out []byte, exit int, err error) // class program: run as the default user; nil: run as the current user
	Log      func(level int, id, text string)                                           // class syslog: level 0 (emerg) to 7 (debug), the message's queue ID or ""; nil: dropped
	Note     func(level int, id, text string)                                           // what option LogLevel lets through from that level on, with the message's queue ID or ""; nil: dropped
	Report   func(err error)                                                            // what is wrong with maps in use, *Problem mostly; that one cannot be opened once per change of reason; nil: dropped
	LDAP     string                                                                     // option LDAPDefaultSpec
	LDAPConf string                                                                     // ldap.conf(5); "": the first of /etc/ldap/ldap.conf and /etc/openldap/ldap.conf that is there
	Macro    func(name string) string                                                   // macros of the configuration ("j", "{sendmailMTACluster}"), for the default query of an ldap alias source; nil: they are empty
	UserDB   string                                                                     // option UserDatabaseSpec
	BlankSub byte                                                                       // option BlankSub; 0: '.'
	Now      func() time.Time                                                           // nil: time.Now
	Classes  map[string]Class                                                           // replaces or adds to the built-in classes
	// Beside is asked once for each hash, btree or cdb file what else belongs to it. nil, from either: nothing.
	Beside func(path string, open func(path string) (*os.File, error)) Beside
}

// Beside is what belongs to a file map beside its file: records that end, and changes that are not in the file yet.
type Beside interface {
	// Refresh looks at the changes. It comes before each look at the file.
	Refresh() error
	// Belongs reports what a file that was just opened says of itself; get reads a record of it. The tag goes to Find;
	// ours is false where nothing beside the file counts.
	Belongs(get func(key string) (string, bool)) (tag string, ours bool)
	// Find returns what the changes say of a key; known is false where they say nothing, value is "" where it was
	// deleted.
	Find(tag, key string) (value string, known bool)
	// Live reports whether a record with that value counts.
	Live(value string) bool
}

// User is what class user tells of an account.
type User struct {
	Name, Gecos, Home, Shell string
	UID, GID                 int
}

// Class makes maps of one class. Parse reads Args into Params (nil: the common flags); its errors need no position.
// Open returns the map; it may open files later, on first use.
type Class struct {
	NeedsFile bool // a K line without a file name is an error
	Parse     func(p *Params) error
	Open      func(p *Params) (Map, error)
}

// Env returns the environment of the set that a map belongs to.
func (p *Params) Env() *Env { return p.env }
