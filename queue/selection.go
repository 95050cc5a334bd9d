package queue

import (
	"fmt"
	"slices"
	"strings"
)

// Selection says which messages a run or a listing takes: -qI, -qR, -qS, -qQ, each with ! for "not", and -qG. Texts
// are matched as parts of what they stand for, IDs exactly and the others in any case. Several of one kind are
// alternatives, kinds must all hold.
type Selection struct {
	IDs         []Match
	Recipients  []Match
	Senders     []Match
	Reasons     []Match // quarantine reasons
	Quarantined bool    // -qQ: quarantined messages instead of the normal ones
	LostOnly    bool    // -qL: lost ones; a run makes ordinary ones of those that can be read
	Group       string  // -qG; "" means all
}

// Match is one text of a selection.
type Match struct {
	Text string
	Not  bool
}

// Parse adds the argument of one -q flag ("Iabc", "!Rbob@", "Q", "Gname", "L") to s.
func (s *Selection) Parse(arg string) error {
	text, not := strings.CutPrefix(arg, "!")
	if text == "" {
		return fmt.Errorf("invalid queue selection \"-q%s\"", arg)
	}
	kind, m := text[0], Match{text[1:], not}
	switch kind {
	case 'I':
		s.IDs = append(s.IDs, m)
	case 'R':
		s.Recipients = append(s.Recipients, m)
	case 'S':
		s.Senders = append(s.Senders, m)
	case 'Q':
		s.Quarantined = true
		if m.Text != "" {
			s.Reasons = append(s.Reasons, m)
		}
	case 'L':
		s.LostOnly = true
	case 'G':
		if m.Text == "" || not {
			return fmt.Errorf("invalid queue selection \"-q%s\"", arg)
		}
		s.Group = m.Text
	default:
		return fmt.Errorf("invalid queue selection \"-q%s\"", arg)
	}
	return nil
}

// Limited reports whether the selection takes less than everything: MinQueueAge does not count then.
func (s *Selection) Limited() bool {
	return len(s.IDs)+len(s.Recipients)+len(s.Senders)+len(s.Reasons) > 0
}

// equal reports whether two selections are the same.
func (s Selection) equal(o Selection) bool {
	return slices.Equal(s.IDs, o.IDs) && slices.Equal(s.Recipients, o.Recipients) && slices.Equal(s.Senders, o.Senders) &&
		slices.Equal(s.Reasons, o.Reasons) && s.Quarantined == o.Quarantined && s.LostOnly == o.LostOnly && s.Group == o.Group
}

// group reports whether messages of a group are selected.
func (s *Selection) group(g *Group) bool {
	return s.Group == "" || strings.EqualFold(s.Group, g.cfg.Name)
}

func (s *Selection) kinds() Kinds {
	switch {
	case s.LostOnly:
		return Lost
	case s.Quarantined:
		return Quarantined
	}
	return Normal
}

// takes reports whether it is selected.
func (s *Selection) takes(it *Item) bool {
	if !matches(strings.Contains, s.IDs, it.ID) {
		return false
	}
	if len(s.Senders)+len(s.Recipients)+len(s.Reasons) == 0 {
		return true
	}
	h := it.load()
	return matches(containsFold, s.Senders, h.sender) && matches(containsFold, s.Reasons, h.quarantine) &&
		matches(containsFold, s.Recipients, h.recipients...)
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// matches reports whether, for one of the texts, one of the values contains it, or with Not, does not: "-q!Rbob" takes
// messages that somebody else than bob is to get, as the original does. What has no value is not taken.
func matches(contains func(s, part string) bool, list []Match, values ...string) bool {
	if len(list) == 0 {
		return true
	}
	for _, m := range list {
		for _, v := range values {
			if v != "" && contains(v, m.Text) != m.Not {
				return true
			}
		}
	}
	return false
}
