package mta

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"gosendmail/internal/dns"
)

// The values of ${client_resolve}.
const (
	resolveOK     = "OK"     // the name leads back to the address
	resolveFail   = "FAIL"   // the address has no name
	resolveForged = "FORGED" // the name leads elsewhere or nowhere
	resolveTemp   = "TEMP"   // nobody could tell
)

// client is who talks to a session.
type client struct {
	addr    netip.Addr // invalid for standard input
	port    uint16
	name    string // the PTR name, or the address in brackets
	resolve string
	notation
	ident string // what the client's IDENT server said (RFC 1413), as "joe@"; "" means nothing
}

// lookupClient finds the client's name by its address and checks that the name leads back to it. An address without a
// name, and one whose name cannot be looked up now, is known by its bracketed form only.
func lookupClient(ctx context.Context, r *dns.Resolver, n notation, ap netip.AddrPort) client {
	addr := ap.Addr().Unmap()
	c := client{addr: addr, port: ap.Port(), notation: n, name: n.bracketed(addr), resolve: resolveFail}
	names, err := r.LookupPTR(ctx, addr)
	if err != nil || len(names) == 0 {
		// The library that the original asks does not go after a CNAME: one that leads to a server that is down is no
		// name.
		if failed := new(dns.Error); errors.As(err, &failed) && failed.Kind == dns.Temporary && failed.Alias == "" {
			c.resolve = resolveTemp
		}
		return c
	}
	c.name = strings.TrimSuffix(names[0], ".")
	c.resolve = resolveForged
	family := dns.IPv4
	if addr.Is6() {
		family = dns.IPv6
	}
	answer, err := r.LookupFamily(ctx, c.name, family)
	if err != nil {
		return c
	}
	for _, a := range answer.Addrs {
		if a.Unmap() == addr {
			c.resolve = resolveOK
		}
	}
	return c
}

// notation is how IPv6 addresses are written: with all their groups, as access tables have them, or with option
// UseCompressedIPv6Addresses in the short form.
type notation bool

const (
	longForm  notation = false
	shortForm notation = true
)

// notation is what the options say about it.
func (o *options) notation() notation { return notation(o.UseCompressedIPv6Addresses) }

// bracketed is an address as a domain literal: "[127.0.0.1]", "[IPv6:0:0:0:0:0:0:0:1]".
func (n notation) bracketed(a netip.Addr) string { return "[" + n.tagged(a) + "]" }

// tagged is an address with the tag that RFC 5321 section 4.1.3 wants before IPv6 ones.
func (n notation) tagged(a netip.Addr) string {
	switch {
	case !a.Is6() || a.Is4In6():
		return a.Unmap().String()
	case n == shortForm:
		return "IPv6:" + a.WithZone("").String()
	}
	b := a.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	return "IPv6:" + strings.Join(groups, ":")
}

// named reports whether a name was found, whoever it belongs to.
func (c *client) named() bool { return c.name != c.bracketed(c.addr) }

// text is the client as $_ and relay= show it: "name [address] (may be forged)".
func (c *client) text() string {
	if !c.addr.IsValid() {
		return c.name
	}
	s := c.name
	if c.named() {
		s += " " + c.bracketed(c.addr)
		if c.resolve == resolveForged {
			s += " (may be forged)"
		}
	}
	return c.ident + s
}

// proven is ${client_name}: the name where it leads back to the address, else the bracketed address.
func (c *client) proven() string {
	if c.addr.IsValid() && c.resolve != resolveOK {
		return c.bracketed(c.addr)
	}
	return c.name
}
