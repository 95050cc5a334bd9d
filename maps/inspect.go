package maps

import "strings"

// Params returns the arguments of a map as they were understood.
func (s *Set) Params(name string) (Params, bool) {
	e := s.named(name)
	if e == nil {
		return Params{}, false
	}
	return e.params, true
}

// Members are the maps of a sequence or switch in their order; nil for other classes.
func (s *Set) Members(name string) []string {
	e := s.named(name)
	if e == nil {
		return nil
	}
	if q, ok := e.params.extra.(*sequence); ok {
		return q.members
	}
	if strings.EqualFold(e.params.Class, "switch") && s.env.Switch != nil {
		var members []string
		services, err := s.env.Switch(e.params.Path)
		if err != nil {
			return nil
		}
		for _, service := range services {
			if m := e.params.Path + "." + service; s.named(m) != nil {
				members = append(members, m)
			}
		}
		return members
	}
	return nil
}
