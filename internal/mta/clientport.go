package mta

import (
	"fmt"
	"net/netip"
	"strconv"

	"gosendmail/mailers"
)

// clientPorts reads the ClientPortOptions lines (op.txt section 5.6).
func (s *Site) clientPorts() ([]mailers.ClientPort, error) {
	var list []mailers.ClientPort
	for _, line := range s.Config.Settings.ClientPortOptions {
		c, err := parseClientPort(line)
		if err != nil {
			return nil, fmt.Errorf("option ClientPortOptions: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}

func parseClientPort(line string) (mailers.ClientPort, error) {
	d := Daemon{Family: "inet"}
	if err := d.parse(line); err != nil {
		return mailers.ClientPort{}, err
	}
	c := mailers.ClientPort{IPv6: d.Family == "inet6", SendBuffer: d.SndBuf, RecvBuffer: d.RcvBuf,
		HeloByName: d.Has('h'), NoAuth: d.Has('A'), NoTLS: d.Has('S')}
	if d.Addr != "" && d.Addr != "*" {
		a, err := netip.ParseAddr(d.Addr)
		if err != nil {
			return c, fmt.Errorf("Addr=%s is no IP address", d.Addr)
		}
		if a.Is6() != c.IPv6 {
			return c, fmt.Errorf("Addr=%s is not of Family=%s", d.Addr, d.Family)
		}
		c.Addr = a
	}
	if d.Port != "" {
		n, err := strconv.ParseUint(d.Port, 10, 16)
		if err != nil {
			return c, fmt.Errorf("Port=%s is no port number", d.Port)
		}
		c.Port = uint16(n)
	}
	return c, nil
}
