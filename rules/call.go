package rules

import (
	"errors"
	"strings"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
)

// lookups does the map look-ups $( $) and $[ $] in f.made.
func (f *frame) lookups(maxAtom int) (exit int) {
	m, in := f.m, f.made
	i := nextLookup(in, 0)
	if i == len(in) {
		return status.OK
	}
	out := append(f.other[:0], in[:i]...)
	for i < len(in) {
		q, end := m.parseQuery(in, i)
		var st int
		if out, st = m.lookup(out, &q); st == status.TempFail {
			exit = st
		} else if st != status.OK {
			return st
		}
		if len(out)+len(in)-end > maxAtom {
			return m.tooLong()
		}
		i = nextLookup(in, end)
		out = append(out, in[end:i]...)
	}
	f.made, f.other = out, in
	return exit
}

// nextLookup returns where from i on a look-up begins; len(ws) where none does.
func nextLookup(ws []word, i int) int {
	for i < len(ws) && ws[i].key != macro.LookupBegin && ws[i].key != macro.HostBegin {
		i++
	}
	return i
}

// query is one look-up as it stands in a workspace.
type query struct {
	name     string
	key      []word
	args     [][]word
	fallback []word // after $:
	has      bool   // there is a fallback, perhaps empty
}

// parseQuery takes the look-up that begins at in[i] apart; next is where the rest begins.
func (m *machine) parseQuery(in []word, i int) (q query, next int) {
	q.args = m.parts[:0]
	end := uint32(endOf(byte(in[i].key)))
	q.name = "host"
	i++
	if end == macro.LookupEnd && i < len(in) {
		q.name = m.token(in[i]).text
		i++
	}
	first, kind := i, uint32(0)
	for ; ; i++ {
		key := end
		if i < len(in) {
			key = in[i].key
		}
		if key != end && key != macro.CanonHost && key != macro.CanonUser {
			continue
		}
		switch words := in[first:i]; kind {
		case 0:
			q.key = words
		case macro.CanonHost:
			q.args = append(q.args, words)
		default:
			q.fallback, q.has = words, true
		}
		if key == end {
			break
		}
		first, kind = i+1, key
	}
	m.parts = q.args
	return q, min(i+1, len(in))
}

// lookup appends the result of one look-up to out.
func (m *machine) lookup(out []word, q *query) ([]word, int) {
	value, found, exit := m.ask(q)
	mode := External
	if !found {
		if !q.has {
			return append(out, q.key...), exit
		}
		if m.direct(q.fallback) {
			return append(out, q.fallback...), exit
		}
		value, mode = string(m.join(nil, q.fallback, m.s.space, false)), Internal
	}
	if value == "" {
		return out, exit
	}
	out, ok := m.scan(out, value, mode)
	if !ok {
		return out, status.DataErr
	}
	return out, exit
}

// ask puts the question to the map.
func (m *machine) ask(q *query) (value string, found bool, exit int) {
	space, keep := m.s.space, false
	if m.styler != nil {
		var own byte
		if own, keep = m.styler.MapStyle(q.name); own != 0 {
			space = own
		}
	}
	key := m.text(q.key, space)
	args := m.args[:0]
	for _, a := range q.args {
		if len(args) < maxMapArgs-2 {
			args = append(args, m.text(a, m.s.space))
		}
	}
	m.args = args
	value, err := m.env.Lookup(m.ctx, q.name, key, args...)
	if err != nil && err != ErrNotFound && errors.Is(err, ErrNoMap) {
		m.report("", "554 5.3.0 rewrite: map %s not found", q.name)
		return "", false, status.OK
	}
	found, code := err == nil, status.OK
	if !found {
		value, found, code, exit = m.missed(err)
	}
	if m.maps >= 1 && err != ErrNotOpen {
		if !keep {
			key = stripQuotes(key)
		}
		m.emit(Event{Kind: MapLookup, Name: q.name, Key: key, Args: args, Value: value, Found: err == nil, Exit: code}, nil)
	}
	return value, found, exit
}

// text makes a key or an argument of words.
func (m *machine) text(ws []word, space byte) string {
	if len(ws) == 1 {
		if t := m.token(ws[0]); t.plain {
			return t.text
		}
	}
	m.scratch = m.join(m.scratch[:0], ws, space, true)
	return string(m.scratch)
}

// join is Sets.Join for words.
func (m *machine) join(b []byte, ws []word, space byte, external bool) []byte {
	for i := range ws {
		b = m.appendText(b, ws, i, space, external)
	}
	return b
}

// appendText appends the text of ws[i], with space between where that and the one before are atoms.
func (m *machine) appendText(b []byte, ws []word, i int, space byte, external bool) []byte {
	t := m.token(ws[i])
	if i > 0 && t.class == charAtom && space != NoSpace && m.token(ws[i-1]).class == charAtom {
		b = append(b, space)
	}
	return t.appendTo(b, external)
}

// missed reads the error of a look-up: code is for traces, exit for the run.
func (m *machine) missed(err error) (value string, found bool, code, exit int) {
	if err == ErrNotFound {
		return "", false, status.OK, status.OK
	}
	var temp *TempFail
	var exiter interface{ ExitCode() int }
	switch {
	case errors.Is(err, ErrNotFound):
		if m.maps >= 1 && errors.As(err, &exiter) {
			code = exiter.ExitCode()
		}
		return "", false, code, status.OK
	case !errors.As(err, &temp):
		return "", false, status.TempFail, status.TempFail
	case temp.NoDefer:
		return temp.Value, temp.Has, status.TempFail, status.OK
	}
	return temp.Value, temp.Has, status.TempFail, status.TempFail
}

// direct reports whether joining the words and scanning them again gives the same words.
func (m *machine) direct(ws []word) bool {
	angles, atom := 0, false
	for _, w := range ws {
		t := m.token(w)
		if !t.plain || t.class == charAtom && atom {
			return false
		}
		atom = t.class == charAtom
		switch t.text {
		case "<":
			angles++
		case ">":
			if angles--; angles < 0 {
				return false
			}
		}
	}
	return angles == 0
}

// calls runs the rulesets called with $> in f.made, the last one first: each takes all that follows it.
func (f *frame) calls(depth int) (exit int) {
	m, ws := f.m, f.made
	var places [maxCalls]int32
	n := 0
	for i := 0; i+1 < len(ws); i++ {
		if ws[i].key != macro.CallSet {
			continue
		}
		set := m.called(ws[i+1])
		if set == nil {
			m.does |= calls
			return status.Config
		}
		if len(set.Rules) == 0 {
			if m.level >= 3 {
				m.emit(Event{Kind: SkipEmpty, Name: stripQuotes(m.token(ws[i+1]).text), Set: set}, nil)
			}
			ws = append(ws[:i], ws[i+2:]...)
			f.made = ws
			continue
		}
		if n++; n >= maxCalls {
			m.report("", "554 5.3.0 Too many subroutine calls (%d max)", maxCalls)
			m.does |= calls
			return status.Config
		}
		places[n] = int32(i)
	}
	if len(ws) > 0 && ws[len(ws)-1].key == macro.CallSet {
		m.does |= calls // a later rule may put a name behind it
	}
	for ; n > 0; n-- {
		at := int(places[n])
		rest, st := m.rewrite(ws[at+2:], m.called(ws[at+1]), depth+1, m.most-at)
		ws = append(ws[:at], rest...)
		f.made = ws
		if st != status.OK && st != status.TempFail {
			m.does |= calls
			return st
		}
		exit = worse(exit, st)
	}
	return exit
}

// called returns the ruleset that the word after $> names; nil where there is none, which has been told.
func (m *machine) called(w word) *Set {
	if int(w.text) < len(m.s.calls) {
		if n := m.s.calls[w.text]; n != 0 {
			return m.s.byNumber[n-1]
		}
	}
	name := stripQuotes(m.token(w).text)
	set, problem := m.s.Find(name)
	if problem != "" {
		m.report("", "%s", problem)
	}
	if set == nil {
		m.report("", "554 5.3.5 Unknown ruleset %s", name)
	}
	return set
}

// stripQuotes drops quotes, and backslashes before the characters that they protect.
func stripQuotes(s string) string {
	if strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	if n := len(s) - 1; n > 0 && s[0] == '"' && s[n] == '"' && !strings.ContainsAny(s[1:n], "\"\\") {
		return s[1:n]
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b = append(b, s[i])
		case s[i] != '"' && s[i] != '\\':
			b = append(b, s[i])
		}
	}
	return string(b)
}
