package mta

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/macro"
)

// HostNames is what this machine is called.
type HostNames struct {
	Node      string   // what the kernel says; $k
	Canonical string   // with the domain, as far as known; $j and $w
	Others    []string // more names and "[address]" forms of this host, for class w
	// Interfaces returns names and addresses of the network interfaces; it is asked only where DontProbeInterfaces allows
	// it. Nil means that there are none.
	Interfaces func(ctx context.Context, loopback bool) []string
}

// probeTime bounds the look-ups of our own names.
const probeTime = 10 * time.Second

// ownNames finds the names of this machine from the kernel, hosts(5) and the DNS.
func ownNames(ctx context.Context) *HostNames {
	node, err := os.Hostname()
	if err != nil || node == "" {
		node = "localhost"
	}
	h := &HostNames{Node: node, Canonical: node}
	conf, err := dns.LoadConfig(dns.Paths{})
	if err != nil {
		conf = dns.DefaultConfig()
	}
	r := dns.New(conf)
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if a, err := r.LookupAddrs(ctx, node); err == nil {
		for _, addr := range a.Addrs {
			h.Others = append(h.Others, literal(addr))
		}
		if a.Name != "" {
			h.Canonical = strings.TrimSuffix(a.Name, ".")
		}
	}
	if !strings.Contains(h.Canonical, ".") {
		if c, err := r.Canonical(ctx, node, dns.CanonOptions{TryMX: true}); err == nil && c.Name != "" {
			h.Canonical = strings.TrimSuffix(c.Name, ".")
		}
	}
	h.Interfaces = func(ctx context.Context, loopback bool) []string { return interfaceNames(ctx, r, loopback) }
	return h
}

// literal is an address as domain literal (RFC 5321 section 4.1.3).
func literal(a netip.Addr) string {
	return longForm.bracketed(a)
}

// interfaceNames lists the addresses of the interfaces that are up, and the names that these have.
func interfaceNames(ctx context.Context, r *dns.Resolver, loopback bool) []string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var names []string
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLinkLocalUnicast() || prefix.Addr().IsLoopback() && (!loopback || prefix.Addr().Is6()) {
			continue
		}
		names = append(names, literal(prefix.Addr()))
		if found, err := r.LookupPTR(ctx, prefix.Addr()); err == nil && len(found) > 0 {
			names = append(names, found[0])
		}
	}
	return names
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

// names are the words that class w begins with: the name, its shorter forms that still have a dot, the host's own name,
// and what else it is called.
func (h *HostNames) names() []string {
	list := []string{h.Canonical}
	for i := 0; i < len(h.Canonical); i++ {
		if h.Canonical[i] == '.' && strings.Contains(h.Canonical[i+1:], ".") {
			list = append(list, h.Canonical[:i])
		}
	}
	list = append(list, h.Node)
	return append(list, h.Others...)
}
