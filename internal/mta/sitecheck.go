package mta

import (
	"fmt"
	"net/netip"
	"strings"

	"gosendmail/cf"
)

// without tells of settings that have no effect here though somebody may count on them.
func (s *Site) without() []string {
	list := s.Config.Disregarded(cf.Told)
	for _, d := range s.ports.daemons {
		for _, k := range DaemonModifiers {
			if k.Limit.Effect == cf.Told && d.Has(k.Name[0]) {
				list = append(list, fmt.Sprintf("%s: DaemonPortOptions: modifier %s of %s: %s", s.Config.File, k.Name, d.Name, k.Limit.Why))
			}
		}
	}
	return list
}

// checkValues adds to Problems the values that only their use would show to be wrong.
func (s *Site) checkValues() {
	for _, o := range s.Config.Options {
		var err error
		switch o.Name {
		case "TimeZoneSpec":
			_, err = zoneOf(s.Settings())
		case "ConnectOnlyTo":
			_, err = connectOnlyTo(o.Value)
		case "AliasFile":
			_, err = new(aliases).files(s)
		case "SingleThreadDelivery":
			if set := s.Settings(); set.SingleThreadDelivery && set.HostStatusDirectory == "" {
				s.Problems = append(s.Problems, cf.Message{Position: o.Position, Warning: true,
					Text: "Warning: HostStatusDirectory required for SingleThreadDelivery"})
			}
		}
		if err != nil {
			s.complainAt(o.Position, []cf.Message{{Text: fmt.Sprintf("option %s=%s: %v", o.Name, o.Value, err)}})
		}
	}
}

// connectOnlyTo reads the option of that name.
func connectOnlyTo(value string) (netip.Addr, error) {
	if value == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(strings.TrimPrefix(value, "IPv6:"))
}
