package rules

import (
	"errors"
	"slices"
	"strings"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
)

// lookups does the map look-ups $( $) and $[ $] of a right side.
func (m *machine) lookups(f *frame, maxAtom int) (Workspace, int) {
	if !slices.ContainsFunc(f.made, opensLookup) {
		return f.made, status.OK
	}
	in, out := f.made, f.other[:0]
	exit := status.OK
	for i := 0; i < len(in); {
		if !opensLookup(in[i]) {
			out = append(out, in[i])
			i++
			continue
		}
		q, next := m.parseQuery(in, i)
		made, st := m.lookup(out, &q)
		if st == status.TempFail {
			exit = st
		} else if st != status.OK {
			return out, st
		}
		if len(made)+len(in)-next > maxAtom {
			return m.tooLong(out)
		}
		out, i = made, next
	}
	f.made, f.other = out, in
	return out, exit
}

func opensLookup(t Token) bool { return t.op == macro.LookupBegin || t.op == macro.HostBegin }

// query is one look-up as it stands in a workspace.
type query struct {
	name     string
	key      Workspace
	args     []Workspace
	fallback Workspace // after $:
	has      bool      // there is a fallback, perhaps empty
}

// parseQuery takes the look-up that begins at in[i] apart; next is where the rest begins.
func (m *machine) parseQuery(in Workspace, i int) (q query, next int) {
	q.args = m.parts[:0]
	end := endOf(in[i].op)
	q.name = "host"
	i++
	if end == macro.LookupEnd && i < len(in) {
		q.name = in[i].text
		i++
	}
	part, kind := i, byte(0)
	flush := func(to int) {
		switch words := in[part:to]; kind {
		case 0:
			q.key = words
		case macro.CanonHost:
			q.args = append(q.args, words)
		default:
			q.fallback, q.has = words, true
		}
	}
	for ; i < len(in) && in[i].op != end; i++ {
		if op := in[i].op; op == macro.CanonHost || op == macro.CanonUser {
			flush(i)
			part, kind = i+1, op
		}
	}
	flush(min(i, len(in)))
	m.parts = q.args
	return q, min(i+1, len(in))
}

// lookup appends the result of one look-up to out.
func (m *machine) lookup(out Workspace, q *query) (Workspace, int) {
	value, found, exit := m.ask(q)
	switch {
	case found:
	case !q.has:
		return append(out, q.key...), exit
	case q.fallback.direct():
		return append(out, q.fallback...), exit
	default:
		m.scratch = m.s.join(m.scratch[:0], q.fallback, 0, false)
		value = string(m.scratch)
	}
	if value == "" {
		return out, exit
	}
	mode := Internal
	if found {
		mode = External
	}
	out, ok := m.scan(out, value, mode)
	if !ok {
		return out, status.DataErr
	}
	return out, exit
}

// ask puts the question to the map.
func (m *machine) ask(q *query) (value string, found bool, exit int) {
	var space byte
	keep := false
	if m.styler != nil {
		space, keep = m.styler.MapStyle(q.name)
	}
	key := m.word(q.key, space)
	args := m.args[:0]
	for _, a := range q.args {
		if len(args) < maxMapArgs-2 {
			args = append(args, m.word(a, 0))
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
		m.emit(Event{Kind: MapLookup, Name: q.name, Key: key, Args: args, Value: value, Found: err == nil, Exit: code})
	}
	return value, found, exit
}

// word makes a key or an argument of tokens.
func (m *machine) word(ws Workspace, space byte) string {
	if len(ws) == 1 && ws[0].plain {
		return ws[0].text
	}
	m.scratch = m.s.join(m.scratch[:0], ws, space, true)
	return string(m.scratch)
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

// direct reports whether joining the tokens and scanning them again gives the same tokens.
func (w Workspace) direct() bool {
	angles, atom := 0, false
	for i := range w {
		t := &w[i]
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

// calls runs the rulesets called with $> in ws, the last one first: each takes all that follows it.
func (m *machine) calls(ws Workspace, depth, maxAtom int) (Workspace, int) {
	var sets [maxCalls]*Set
	var places [maxCalls]int
	n := 0
	for i := 0; i+1 < len(ws); i++ {
		if ws[i].op != macro.CallSet {
			continue
		}
		name := stripQuotes(ws[i+1].text)
		set, problem := m.s.Find(name)
		if problem != "" {
			m.report("", "%s", problem)
		}
		if set == nil {
			m.report("", "554 5.3.5 Unknown ruleset %s", name)
			return ws, status.Config
		}
		if len(set.Rules) == 0 {
			if m.level >= 3 {
				m.emit(Event{Kind: SkipEmpty, Name: name, Set: set})
			}
			ws = append(ws[:i], ws[i+2:]...)
			continue
		}
		if n++; n >= maxCalls {
			m.report("", "554 5.3.0 Too many subroutine calls (%d max)", maxCalls)
			return ws, status.Config
		}
		sets[n], places[n] = set, i
	}
	exit := status.OK
	for ; n > 0; n-- {
		at := places[n]
		ws = append(ws[:at], ws[at+2:]...)
		rest, st := m.rewrite(ws[at:], sets[n], depth+1, MaxAtom-at)
		ws = append(ws[:at], rest...)
		if st != status.OK && st != status.TempFail {
			return ws, st
		}
		if exit == status.OK || st == status.TempFail {
			exit = st
		}
	}
	return ws, exit
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
