package maps

// Style says how rules make keys for a map: what stands between adjacent words (-S, else option BlankSub), and whether
// quotes stay (-q). A map that does not exist has the defaults.
func (s *Set) Style(name string) (space byte, keepQuotes bool) {
	e := s.named(name)
	if e == nil {
		return s.env.BlankSub, false
	}
	return e.params.SpaceSub, e.params.KeepQuotes
}
