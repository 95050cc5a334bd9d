package drac

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Allow is the list of the hosts that may add addresses: the file dracd.allow.
type Allow struct{ nets []allowed }

type allowed struct{ mask, net uint32 }

// ParseAllow reads lines "netmask netaddr"; # begins a comment. A host may add when its address under a line's mask is
// the line's net address. Errors begin with name and line.
func ParseAllow(r io.Reader, name string) (*Allow, error) {
	a := &Allow{}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return nil, fmt.Errorf("%s:%d: want a netmask and a net address, not %q", name, n, strings.TrimSpace(text))
		}
		var pair [2]uint32
		for i, w := range words {
			addr, err := netip.ParseAddr(w)
			if err != nil || !addr.Is4() {
				return nil, fmt.Errorf("%s:%d: %q is not an IPv4 address", name, n, w)
			}
			b := addr.As4()
			pair[i] = binary.BigEndian.Uint32(b[:])
		}
		if pair[1]&^pair[0] != 0 {
			return nil, fmt.Errorf("%s:%d: %s has bits outside the netmask %s", name, n, words[1], words[0])
		}
		a.nets = append(a.nets, allowed{pair[0], pair[1]})
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// has reports whether a host may add.
func (a *Allow) has(host netip.Addr) bool {
	if !host.Is4() {
		return host.IsLoopback()
	}
	b := host.As4()
	addr := binary.BigEndian.Uint32(b[:])
	for _, n := range a.nets {
		if addr&n.mask == n.net {
			return true
		}
	}
	return false
}
