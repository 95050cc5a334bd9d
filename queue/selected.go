package queue

// List returns the messages that sel takes, in no particular order.
func (s *Spool) List(sel Selection) ([]*Item, error) {
	var items []*Item
	for _, g := range s.groups {
		if !sel.group(g) {
			continue
		}
		for _, d := range g.dirs {
			found, err := g.listDirectory(d, sel.kinds())
			if err != nil {
				return nil, err
			}
			for _, it := range found {
				if sel.takes(it) {
					items = append(items, it)
				}
			}
		}
	}
	return items, nil
}
