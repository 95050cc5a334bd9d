package rules

import "gosendmail/internal/macro"

// Return is what a ruleset made of a workspace.
type Return struct {
	Workspace
	sets *Sets
}

// Triple is what the workspace resolves to; nil where the ruleset only rewrote.
func (r *Return) Triple() *Triple {
	if len(r.Workspace) == 0 || r.Workspace[0].op != macro.CanonNet {
		return nil
	}
	p := r.Parts()
	return &Triple{Mailer: p.Mailer, Host: r.sets.Join(p.Host, 0, true), User: r.sets.Join(p.User, ' ', false)}
}

// Join puts tokens together to text. Between adjacent atoms stands space; 0 means BlankSub, NoSpace nothing. External
// drops the quoting of the internal form.
func (s *Sets) Join(ws Workspace, space byte, external bool) string {
	if len(ws) == 1 && ws[0].plain {
		return ws[0].text
	}
	if space == 0 {
		space = s.space
	}
	var buf [128]byte
	b := buf[:0]
	for i := range ws {
		t := &ws[i]
		if i > 0 && t.class == charAtom && space != NoSpace && ws[i-1].class == charAtom {
			b = append(b, space)
		}
		b = t.appendTo(b, external)
	}
	return string(b)
}

// NoSpace tells Join to put nothing between atoms.
const NoSpace = 0xff

// appendTo appends the token's text; external drops the quoting of the internal form.
func (t *Token) appendTo(b []byte, external bool) []byte {
	if !external || t.plain {
		return append(b, t.text...)
	}
	for i := 0; i < len(t.text); i++ {
		if t.text[i] == macro.Quote && i+1 < len(t.text) {
			i++
		}
		b = append(b, t.text[i])
	}
	return b
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
