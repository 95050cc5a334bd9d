package dns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says whom to ask and how. The zero value asks nobody: start from LoadConfig or DefaultConfig.
type Config struct {
	Servers  []string      // "address:port", asked in this order
	Search   []string      // domains for names without a dot, or with Search on for all relative names
	Ndots    int           // a name with at least so many dots is tried as it is first
	Timeout  time.Duration // for one packet's answer, doubled in each round (Timeout.resolver.retrans)
	Attempts int           // rounds over all servers (Timeout.resolver.retry)
	Rotate   bool          // spread the questions over the servers

	UseTCP   bool // USEVC: ask over TCP only
	TrustAD  bool // the AD bit of these servers can be trusted
	DNSSEC   bool // ask for DNSSEC records (the DO bit)
	NoSearch bool // -DNSRCH: do not search parent domains
	NoDomain bool // -DEFNAMES: do not complete names without a dot
	IgnoreTC bool // IGNTC: take truncated answers as they are

	NoRecurse bool // -RECURSE: servers are asked for what they know themselves

	WildcardMX           bool // HasWildcardMX: an MX match of a completed name proves nothing
	WorkAroundBrokenAAAA bool // a temporary failure for AAAA does not end the look-up

	HostsFile string   // hosts(5); "" for none
	Order     []string // services for host names: "files", "dns"; others find nothing
	Canon     []string // those that Canonical asks; nil means Order
	CacheSize int      // answers kept as long as their TTL allows; 0 (as the original): none

	Now func() time.Time // nil: time.Now
}

// DefaultConfig is what an empty resolv.conf means: the local server, five seconds, two rounds.
func DefaultConfig() Config {
	return Config{
		Ndots: 1, Timeout: 5 * time.Second, Attempts: 2,
		HostsFile: "/etc/hosts", Order: []string{"files", "dns"},
	}
}

// maxServers is how many nameserver lines count (MAXNS of the resolver library).
const maxServers = 3

// Paths names the files that LoadConfig reads; empty fields mean the usual ones.
type Paths struct {
	ResolvConf    string // /etc/resolv.conf
	Hosts         string // /etc/hosts
	NSSwitch      string // /etc/nsswitch.conf
	ServiceSwitch string // option ServiceSwitchFile; it goes before NSSwitch where it exists
}

// LoadConfig reads the system's resolver configuration. Missing files mean their defaults; unreadable or broken ones
// are errors with file and line.
func LoadConfig(p Paths) (Config, error) {
	c := DefaultConfig()
	c.HostsFile = or(p.Hosts, c.HostsFile)
	err := readIfThere(or(p.ResolvConf, "/etc/resolv.conf"), func(name string, r io.Reader) error { return c.ParseResolvConf(name, r) })
	if err != nil {
		return c, err
	}
	order, err := ServiceOrder(p, "hosts")
	if err != nil {
		return c, err
	}
	if order != nil {
		c.Order = order
	}
	if c.Search == nil {
		c.Search = ownDomain()
	}
	return c, nil
}

// ownDomain is the search list where resolv.conf(5) names none: the domain of the host's name.
func ownDomain() []string {
	name, err := os.Hostname()
	if _, domain, ok := strings.Cut(name, "."); err == nil && ok && domain != "" {
		return []string{domain}
	}
	return nil
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func readIfThere(path string, parse func(string, io.Reader) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dns: %w", err)
	}
	defer f.Close()
	return parse(path, f)
}

// ParseResolvConf adds what a resolv.conf(5) text says to c. A nameserver may carry a port, "[address]:port" or
// "address:port" (tests need it). As in the resolver library, unknown keywords and options are ignored.
func (c *Config) ParseResolvConf(name string, r io.Reader) error {
	s := bufio.NewScanner(r)
	for line := 1; s.Scan(); line++ {
		text, _, _ := strings.Cut(s.Text(), "#")
		text, _, _ = strings.Cut(text, ";")
		f := strings.Fields(text)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			addr, err := serverAddress(f[1])
			if err != nil {
				return fmt.Errorf("%s:%d: nameserver %s: %w", name, line, f[1], err)
			}
			if len(c.Servers) < maxServers {
				c.Servers = append(c.Servers, addr)
			}
		case "domain":
			c.Search = []string{strings.TrimSuffix(f[1], ".")}
		case "search":
			c.Search = []string{}
			for _, d := range f[1:] {
				if d = strings.TrimSuffix(d, "."); d != "" {
					c.Search = append(c.Search, d)
				}
			}
		case "options":
			for _, o := range f[1:] {
				c.resolvOption(o)
			}
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("dns: %s: %w", name, err)
	}
	return nil
}

func serverAddress(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(a.String(), "53"), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return "", errors.New("not an address")
	}
	return ap.String(), nil
}

func (c *Config) resolvOption(o string) {
	key, val, _ := strings.Cut(o, ":")
	n, err := strconv.Atoi(val)
	switch {
	case key == "rotate":
		c.Rotate = true
	case key == "use-vc":
		c.UseTCP = true
	case key == "trust-ad":
		c.TrustAD = true
	case err != nil || n < 0:
	case key == "ndots":
		c.Ndots = min(n, 15)
	case key == "timeout":
		c.Timeout = time.Duration(max(1, min(n, 30))) * time.Second
	case key == "attempts":
		c.Attempts = max(1, min(n, 5))
	}
}

// resolverOptions are the words of option ResolverOptions. Those of the library that cannot matter to a client of our
// making say so with nil.
var resolverOptions = map[string]func(*Config, bool){
	"debug":                nil,
	"aaonly":               nil, // the library has ignored it since BIND 4.9
	"primary":              nil, // likewise
	"recurse":              func(c *Config, on bool) { c.NoRecurse = !on },
	"stayopen":             nil,
	"use_inet6":            nil, // AAAA is always asked for
	"usevc":                func(c *Config, on bool) { c.UseTCP = on },
	"igntc":                func(c *Config, on bool) { c.IgnoreTC = on },
	"defnames":             func(c *Config, on bool) { c.NoDomain = !on },
	"dnsrch":               func(c *Config, on bool) { c.NoSearch = !on },
	"rotate":               func(c *Config, on bool) { c.Rotate = on },
	"use_edns0":            nil, // always
	"use_dnssec":           func(c *Config, on bool) { c.DNSSEC = on },
	"trustad":              func(c *Config, on bool) { c.TrustAD = on },
	"haswildcardmx":        func(c *Config, on bool) { c.WildcardMX = on },
	"workaroundbrokenaaaa": func(c *Config, on bool) { c.WorkAroundBrokenAAAA = on },
}

// SetOption applies one word of option ResolverOptions: a name, with "+" or nothing to set it and "-" to clear it, in
// any case of letters.
func (c *Config) SetOption(word string) error {
	name, off := strings.CutPrefix(word, "-")
	name = strings.TrimPrefix(name, "+")
	apply, known := resolverOptions[strings.ToLower(name)]
	if !known {
		return fmt.Errorf("I/RES_ option %s unrecognized", name)
	}
	if apply != nil {
		apply(c, !off)
	}
	return nil
}

// ServiceOrder returns the services that the service switch names for a database such as "hosts", "aliases" or
// "passwd", or nil when nothing names them. Conditions in brackets (nsswitch.conf(5)) are read over: the next service
// is asked when one does not find a name.
func ServiceOrder(p Paths, database string) ([]string, error) {
	var order []string
	pick := func(key string, words []string) {
		if key == database && order == nil {
			order = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "[") })
		}
	}
	if p.ServiceSwitch != "" {
		if err := readIfThere(p.ServiceSwitch, func(name string, r io.Reader) error { return switchLines(name, r, pick) }); err != nil {
			return nil, err
		}
	}
	if order == nil {
		err := readIfThere(or(p.NSSwitch, "/etc/nsswitch.conf"), func(name string, r io.Reader) error { return switchLines(name, r, pick) })
		if err != nil {
			return nil, err
		}
	}
	return order, nil
}

// switchLines reads lines "database service..." of a service switch, with or without the colon of nsswitch.conf.
func switchLines(name string, r io.Reader, pick func(string, []string)) error {
	s := bufio.NewScanner(r)
	for s.Scan() {
		text, _, _ := strings.Cut(s.Text(), "#")
		f := strings.Fields(strings.Replace(text, ":", " ", 1))
		if len(f) > 1 {
			pick(f[0], f[1:])
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("dns: %s: %w", name, err)
	}
	return nil
}
