package rules

import (
	"strings"

	"gosendmail/internal/macro"
)

// span is what one wildcard matched: ws[first:end]. step is where in the left side it stands.
type span struct{ first, end, step int }

// matcher tries one rule against one workspace. It goes from left to right; where it cannot go on it returns to the last
// wildcard that can take one token more.
type matcher struct {
	m     *machine
	rule  *Rule
	ws    Workspace
	spans [MaxMatch + 1]span
	n     int // spans in use
}

// outcome of one step.
type outcome uint8

const (
	advance outcome = iota
	backUp
	giveUp
)

// match reports whether the rule matches; spans then tell what the wildcards matched.
func (k *matcher) match() bool {
	k.n = 0
	at, i := 0, 0
	for at < len(k.ws) || i < len(k.rule.steps) {
		if k.m.steps++; k.m.steps > maxSteps {
			return false
		}
		if k.m.level >= 35 {
			k.m.emit(Event{Kind: Advance, Step: stepText(k.rule, i), Token: k.tokenText(at)})
		}
		out := backUp
		if i < len(k.rule.steps) {
			out, at = k.step(at, i)
		}
		if out == advance {
			i++
			continue
		}
		if at, i = k.back(); i < 0 {
			return false
		}
	}
	return true
}

func (k *matcher) tokenText(at int) string {
	if at < len(k.ws) {
		return k.ws[at].text
	}
	return ""
}

func stepText(r *Rule, i int) string {
	if i < len(r.steps) {
		return r.steps[i].tok.text
	}
	return ""
}

// step matches one step at a token.
func (k *matcher) step(at, i int) (outcome, int) {
	st := &k.rule.steps[i]
	if at == len(k.ws) && st.op != macro.MatchAny && st.op != macro.CanonHost {
		return backUp, at
	}
	switch st.op {
	case 0:
		if !st.tok.same(&k.ws[at]) {
			return backUp, at
		}
		return advance, at + 1
	case macro.MatchAny:
		return k.take(at, at, i)
	case macro.MatchSome, macro.MatchOne:
		return k.take(at, at+1, i)
	case macro.MatchClass:
		return k.phrase(at, at, i)
	case macro.MatchNotClass:
		if k.m.inClass(st, k.ws[at].text) {
			return backUp, at
		}
		return k.take(at, at+1, i)
	case macro.Deferred:
		return k.deferred(at, st)
	}
	return advance, at // $@ matches no token
}

// take notes what a wildcard matched.
func (k *matcher) take(first, end, i int) (outcome, int) {
	k.spans[k.n] = span{first, end, i}
	k.n++
	return advance, end
}

// phrase looks for a phrase of a class that begins at first and goes at least to the token at last.
func (k *matcher) phrase(first, last, i int) (outcome, int) {
	st := &k.rule.steps[i]
	for ; last < len(k.ws); last++ {
		if found, hopeless := k.m.inPhrase(st, k.ws[first:last+1]); found {
			if k.m.level >= 36 {
				k.m.emit(Event{Kind: ClassMatch})
			}
			return k.take(first, last+1, i)
		} else if hopeless && k.m.level < 36 {
			break
		}
		if k.m.level >= 36 {
			k.m.emit(Event{Kind: Extend, Step: st.tok.text, Token: k.ws[last].text})
		}
	}
	return backUp, last
}

// deferred compares the tokens with the value of a macro as it is now.
func (k *matcher) deferred(at int, st *step) (outcome, int) {
	value, ok := k.m.env.Macro(st.name)
	if k.m.level >= 2 {
		k.m.emit(Event{Kind: LeftMacro, Name: st.name, Value: value, Found: ok})
	}
	if !ok {
		return advance, at
	}
	first := at
	for value != "" {
		if at == len(k.ws) {
			return backUp, first
		}
		t := k.ws[at].text
		if len(value) < len(t) || !strings.EqualFold(value[:len(t)], t) {
			return backUp, first
		}
		value = value[len(t):]
		at++
	}
	return advance, at
}

// back returns to the last wildcard that can be extended; step is -1 where there is none.
func (k *matcher) back() (at, step int) {
	for k.n > 0 {
		k.n--
		sp := k.spans[k.n]
		st := &k.rule.steps[sp.step]
		if k.m.level >= 36 {
			k.m.emit(Event{Kind: Backup, Step: st.tok.text, Token: k.tokenText(sp.end)})
		}
		if sp.end == len(k.ws) {
			continue
		}
		switch st.op {
		case macro.MatchAny, macro.MatchSome:
			k.spans[k.n].end++
			k.n++
			return sp.end + 1, sp.step + 1
		case macro.MatchClass:
			if out, at := k.phrase(sp.first, sp.end, sp.step); out == advance {
				return at, sp.step + 1
			}
		}
	}
	return 0, -1
}
