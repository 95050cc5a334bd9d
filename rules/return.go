package rules

import "gosendmail/internal/macro"

// Return is what a ruleset made of a workspace.
type Return struct {
	Workspace
	*Triple // nil: the ruleset only rewrote
}

// Join puts tokens together to text. Between adjacent atoms stands space; 0 means BlankSub, NoSpace nothing. External
// drops the quoting of the internal form.
func (s *Sets) Join(ws Workspace, space byte, external bool) string {
	return string(s.join(nil, ws, space, external))
}

// NoSpace tells Join to put nothing between atoms.
const NoSpace = 0xff

func (s *Sets) join(b []byte, ws Workspace, space byte, external bool) []byte {
	if space == 0 {
		space = s.space
	}
	atom := false
	for i := range ws {
		isAtom := ws[i].class == charAtom
		if atom && isAtom && space != NoSpace {
			b = append(b, space)
		}
		atom = isAtom
		text := ws[i].text
		if !external {
			b = append(b, text...)
			continue
		}
		for j := 0; j < len(text); j++ {
			if text[j] == macro.Quote && j+1 < len(text) {
				j++
			}
			b = append(b, text[j])
		}
	}
	return b
}

// triple reads $#mailer $@host $:user; nil where ws does not begin with $#.
func (s *Sets) triple(ws Workspace) *Triple {
	if len(ws) == 0 || ws[0].op != macro.CanonNet {
		return nil
	}
	p := ws.Parts()
	t := &Triple{Host: s.Join(p.Host, 0, true), User: s.Join(p.User, ' ', false)}
	if len(ws) > 1 {
		t.Mailer = ws[1].text
	}
	return t
}

// Parts is a resolved address as tokens.
type Parts struct {
	Mailer  string
	Host    Workspace // after $@
	HasHost bool      // there is a $@ with something after it
	User    Workspace // after $:
	HasUser bool      // there is a $:
}

// Parts takes a workspace apart that begins with $#.
func (w Workspace) Parts() (p Parts) {
	if len(w) < 2 || w[0].op != macro.CanonNet {
		return p
	}
	p.Mailer = w[1].text
	i := 2
	host := -1
	if i < len(w) && w[i].op == macro.CanonHost {
		i++
		host = i
	}
	for i < len(w) && w[i].op != macro.CanonUser {
		i++
	}
	if host >= 0 && host < i {
		p.Host, p.HasHost = w[host:i], true
	}
	if i < len(w) {
		p.HasUser = true
		p.User = w[i+1:]
	}
	return p
}
