package mailers

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/guard"
	"gosendmail/internal/priv"
)

// Resolver is the part of dns.Resolver that delivery needs.
type Resolver interface {
	LookupMX(ctx context.Context, host string) (*dns.MXAnswer, error)
	LookupAddrs(ctx context.Context, host string) (*dns.AddrAnswer, error)
}

// Config is what the options say about delivery. The zero value of a field is the option's absence.
type Config struct {
	Resolver Resolver
	Hostname string // $j: for EHLO, X-MIME-Autoconverted and maildir names
	HeloName string // option HeloName: for EHLO instead of Hostname
	// Own reports whether a name is one of $=w or an address of this host: MX lists that lead back are cut there.
	Own func(name string) bool
	// InterfaceName names the local address of a connection, for modifier h of ClientPortOptions; nil or "" means
	// Hostname.
	InterfaceName func(netip.Addr) string

	Timeouts     Timeouts
	CacheSize    int           // ConnectionCacheSize; 0 means that no connection is kept
	CacheTimeout time.Duration // ConnectionCacheTimeout; 0 means 5 minutes
	ClientPorts  []ClientPort  // ClientPortOptions, at most one for each family counts
	DialDelay    time.Duration // for mailers with F=Z

	ConnectOnlyTo     netip.Addr // all connections go there; zero means where they are meant to go
	FallbackMX        string     // FallbackMXhost
	FallbackSmartHost string
	TryNullMX         bool // TryNullMXList
	// NoRandomMX keeps the server's order among exchangers of equal preference; tests want it.
	NoRandomMX bool

	EightBit       EightBitMode
	DefaultCharset string // DefaultCharSet; "" means unknown-8bit

	Accounts     priv.Accounts
	DefaultUser  priv.Identity // DefaultUser
	CommandTime  time.Duration // CommandTimeLimit: how long a program without W= may take; 0 means no limit
	NoInitGroups bool          // DontInitGroups: programs and files have the user's primary group only
	Dir          string        // where programs without D= run: the queue directory; "" means where this process is
	FileMode     fs.FileMode   // TempFileMode: permissions of new files that mail is delivered to; 0 means 0600
	FileLinks    Links         // which links files that mail is delivered to may have
	SafeFileEnv  string        // SafeFileEnvironment
	Environ      []string      // lines E and TimeZoneSpec: "NAME=value" beside AGENT=sendmail

	// Security makes what decides about TLS and AUTH for a new connection; nil means that neither is tried.
	Security func(job *Job, peer Peer) Security
	// DANE keeps connections to hosts for which DNSSEC vouches apart by the names that they were made for.
	DANE bool
	// AuthParamNeedsLogin leaves AUTH= out of MAIL where nobody logged in (AuthOptions=A).
	AuthParamNeedsLogin bool
	// Traffic is put around each connection to another host, to note what goes over it; nil leaves it.
	Traffic func(net.Conn) net.Conn
	// Connected is told of each connection that was made; may be nil.
	Connected func()
	// Hosts keeps what is known of hosts between deliveries (HostStatusDirectory); may be nil.
	Hosts HostStatus

	Panicked guard.Report     // is told of panics in timers
	Now      func() time.Time // nil means time.Now
}

// Timeouts are the options Timeout.* of the SMTP client; zero means that the default of op.txt section 4.1.2 holds.
type Timeouts struct {
	Connect, InitialConnect, AllConnects       time.Duration // connect, iconnect, aconnect: zero means the kernel's
	Initial, Helo, Mail, Rcpt                  time.Duration
	DataInit, DataBlock, DataFinal, Rset, Quit time.Duration
	Misc, Lhlo, Auth, StartTLS                 time.Duration
}

// ClientPort is one ClientPortOptions line.
type ClientPort struct {
	IPv6       bool
	Addr       netip.Addr // source address; zero means any
	Port       uint16     // source port; 0 means any
	SendBuffer int        // bytes; 0 means the kernel's
	RecvBuffer int        // bytes; 0 means the kernel's
	HeloByName bool       // modifier h: EHLO with the name of the outgoing interface
	NoAuth     bool       // modifier A
	NoTLS      bool       // modifier S
}

// EightBitMode says what happens to 8-bit text that was not declared as such. Declared 8-bit text is always converted
// for mailers and peers that cannot take it.
type EightBitMode byte

// The values of option EightBitMode. Zero means pass8.
const (
	Mime8   EightBitMode = 'm'
	Pass8   EightBitMode = 'p'
	Strict8 EightBitMode = 's'
)

// HostStatus remembers hosts that could not be reached.
type HostStatus interface {
	// Down returns why host need not be tried now, or nil.
	Down(ctx context.Context, host string) error
	// Hold keeps a host for one delivery until release is called, where only one may go on at a time; an error says
	// that another does (SingleThreadDelivery). set takes the outcome of the attempt; nil means that the host answered.
	Hold(host string) (set func(error), release func(), err error)
}
