package queue

// SetCrash makes s call f at every named crash point.
func SetCrash(s *Spool, f func(point string)) { s.crash = f }

// NextID gives the IDs that a spool would use.
func NextID(s *Spool) string { return s.ids.next() }
