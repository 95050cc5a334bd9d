package mta

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/debug"
	"gosendmail/internal/dns"
	"gosendmail/internal/macro"
)

// HostNames is what this machine is called.
type HostNames struct {
	Node      string   // what the kernel says; $k
	Canonical string   // with the domain, as far as known; $j and $w
	Others    []string // more names and "[address]" forms of this host, for class w
	// Interfaces returns the addresses of the network interfaces; it is asked only where DontProbeInterfaces allows it.
	// Nil means that there are none.
	Interfaces func() []Interface
	// Named returns the names of an interface's address.
	Named func(ctx context.Context, addr netip.Addr) []string
}

// Interface is one address of a network interface.
type Interface struct {
	Addr     netip.Addr
	Flags    uint16 // of the kernel (netdevice(7))
	Up       bool
	Loopback bool
}

// probeTime bounds the look-ups of our own names.
const probeTime = 10 * time.Second

// ownNames finds the names of this machine from the kernel, hosts(5) and the DNS.
func ownNames(ctx context.Context) *HostNames {
	node, err := os.Hostname()
	if err != nil || node == "" {
		node = "localhost"
	}
	h := &HostNames{Node: node, Canonical: node, Interfaces: interfaces}
	conf, err := dns.LoadConfig(dns.Paths{})
	if err != nil {
		conf = dns.DefaultConfig()
	}
	r := dns.New(conf)
	h.Named = func(ctx context.Context, addr netip.Addr) []string {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		name, more, err := r.LookupHost(ctx, addr)
		if err != nil {
			return nil
		}
		return append([]string{name}, more...)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	h.find(ctx, r)
	return h
}

// find looks the name of the kernel up: its addresses of the first family that has any, the names beside it, and the
// name with a domain.
func (h *HostNames) find(ctx context.Context, r *dns.Resolver) {
	for _, family := range []dns.Family{dns.IPv6, dns.IPv4} {
		if family == dns.IPv6 && !speaksIPv6() {
			continue
		}
		a, err := r.LookupFamily(ctx, h.Node, family)
		if err != nil {
			continue
		}
		h.Others = append(h.Others, a.Aliases...)
		for _, addr := range a.Addrs {
			h.Others = append(h.Others, literal(addr))
		}
		name := strings.TrimSuffix(a.Name, ".")
		if qualified(name) || name != "" && !qualified(h.Canonical) {
			h.Canonical = name
		}
		if i := slices.IndexFunc(a.Aliases, qualified); i >= 0 && !qualified(h.Canonical) {
			h.Canonical = a.Aliases[i]
		}
		break
	}
	if !qualified(h.Canonical) {
		if c, err := r.Canonical(ctx, h.Canonical, dns.CanonOptions{TryMX: true}); err == nil && c.Name != "" {
			h.Canonical = strings.TrimSuffix(c.Name, ".")
		}
	}
}

func qualified(name string) bool { return strings.Contains(name, ".") }

// speaksIPv6 reports whether the system has IPv6.
func speaksIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// literal is an address as domain literal (RFC 5321 section 4.1.3).
func literal(a netip.Addr) string {
	return longForm.bracketed(a)
}

// interfaces lists the IPv4 addresses of the interfaces. The original's list, on this system, has no others either.
func interfaces() []Interface {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []Interface
	for _, dev := range list {
		addrs, err := dev.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() {
				found = append(found, Interface{Addr: prefix.Addr(), Flags: deviceFlags(dev.Name),
					Up: dev.Flags&net.FlagUp != 0, Loopback: dev.Flags&net.FlagLoopback != 0})
			}
		}
	}
	return found
}

// deviceFlags are the flags of a network device as the kernel has them.
func deviceFlags(name string) uint16 {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	if unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req) != nil {
		return 0
	}
	return req.Uint16()
}

// print tells the names at -d0.4.
func (h *HostNames) print(log *debug.Log) {
	if !log.At(0, 4) {
		return
	}
	log.Printf("Canonical name: %s\n UUCP nodename: %s\n", h.Canonical, h.Node)
	for _, n := range h.Others {
		log.Printf("\ta.k.a.: %s\n", n)
	}
}

// probe adds the addresses of the interfaces to class w, and their names; of loopback interfaces only where that is
// wanted.
func (s *Site) probe(ctx context.Context, loopback bool, log *debug.Log) {
	if s.Host.Interfaces == nil {
		return
	}
	var told strings.Builder
	if log != nil {
		log = &debug.Log{W: &told, Levels: log.Levels}
		defer func() { s.Probed = told.String() }()
	}
	list := s.Host.Interfaces()
	if log.At(0, 40) {
		const each = 40 // bytes that the kernel's answer has for each
		log.Printf("scanning for interface specific names, ifc_len=%d\n", each*len(list))
	}
	for _, i := range list {
		if log.At(0, 20) {
			log.Printf("%s\n", i.Addr)
		}
		if log.At(0, 41) {
			log.Printf("\tflags: %x\n", i.Flags)
		}
		if !i.Up || i.Addr.IsUnspecified() {
			continue
		}
		s.alsoKnown(literal(i.Addr), log, false)
		if i.Loopback && !loopback || s.Host.Named == nil {
			continue
		}
		for _, name := range s.Host.Named(ctx, i.Addr) {
			s.alsoKnown(name, log, true)
		}
	}
}

// alsoKnown puts a name of ours into class w, a name of an interface in brackets too.
func (s *Site) alsoKnown(name string, log *debug.Log, named bool) {
	if s.InClass("w", name) {
		if named && log.At(0, 43) {
			log.Printf("\ta.k.a.: %s (already in $=w)\n", name)
		}
		return
	}
	s.Classes.Add("w", name)
	if log.At(0, 4) {
		log.Printf("\ta.k.a.: %s\n", name)
	}
	if named {
		s.Classes.Add("w", "["+name+"]")
	}
}

// macros are the values that are known before a configuration is read.
func (h *HostNames) macros(o LoadOptions) *macro.Table {
	t := macro.NewTable(nil)
	t.Define("w", h.Canonical)
	t.Define("j", h.Canonical)
	if _, domain, ok := strings.Cut(h.Canonical, "."); ok && domain != "" {
		t.Define("m", domain)
	}
	t.Define("k", h.Node)
	t.Define("v", o.Version)
	t.Define("{opMode}", string(rune(o.OpMode)))
	t.Define("n", "MAILER-DAEMON")
	return t
}

// names are the words that class w begins with.
func (h *HostNames) names() []string {
	return append([]string{h.Canonical, h.Node}, h.Others...)
}
