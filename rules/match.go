package rules

import (
	"strings"

	"gosendmail/internal/macro"
)

// span is what one wildcard matched: ws[first:end].
type span struct{ first, end int32 }

// Levels of category 21 from which on each step of the matching is traced. None may be left out then.
const (
	levelSteps = 35
	levelBack  = 36
)

// match reports whether the frame's rule matches its workspace; spans then tell what the wildcards matched, each of
// them as little as it can, from left to right.
func (f *frame) match() bool {
	f.m.steps += 1 + len(f.ws)/wordsOfStep
	if f.code.simple && f.m.level < levelSteps {
		return f.matchSimple()
	}
	return f.search()
}

// matchSimple matches literals, $-, $* and $+. Between two gaps ($*, $+) stands a row of words that can be looked for
// from left to right: where it is found first leaves most to what follows, so nothing ever needs to be tried again.
func (f *frame) matchSimple() bool {
	left := f.code.left
	head, end := int(f.code.head), len(f.ws)-int(f.code.tail)
	if head > end || !f.fits(left[:head], 0) {
		return false
	}
	if head == len(left) {
		return head == end
	}
	if !f.fits(left[len(left)-int(f.code.tail):], end) {
		return false
	}
	for at, i := head, head; ; {
		gap := left[i]
		first, row := at, left[i+1:i+1+gap.arg()]
		if gap.op() == macro.MatchSome {
			at++
		}
		i += 1 + len(row)
		if i == len(left) {
			f.spans[gap.slot()] = span{int32(first), int32(end)}
			return at <= end
		}
		if at = f.find(row, at, end); at < 0 {
			return false
		}
		f.spans[gap.slot()] = span{int32(first), int32(at)}
		at += len(row)
	}
}

// find returns where between at and end a row is found first; -1 where it is not.
func (f *frame) find(row []elem, at, end int) int {
	if len(row) == 0 {
		return at
	}
	ws, key, literal := f.ws, uint32(row[0]), row[0].op() == 0
	for ; at+len(row) <= end; at++ {
		if (!literal || ws[at].key == key) && f.fits(row, at) {
			return at
		}
	}
	return -1
}

// fits reports whether the words from at on are those of a row of literals and $-.
func (f *frame) fits(row []elem, at int) bool {
	if len(row) == 0 {
		return true
	}
	ws := f.ws[at : at+len(row)]
	for i, e := range row {
		if e.op() != 0 {
			f.spans[e.slot()] = span{int32(at + i), int32(at + i + 1)}
		} else if uint32(e) != ws[i].key {
			return false
		}
	}
	return true
}

// search matches any rule. It goes from left to right; where it cannot go on it returns to the last wildcard that can
// take more.
func (f *frame) search() bool {
	left, ws := f.code.left, f.ws
	f.taken = 0
	for at, i := 0, 0; at < len(ws) || i < len(left); {
		if f.m.level >= levelSteps {
			f.m.emit(Event{Kind: Advance, Step: f.stepText(i), Token: f.tokenText(at)}, nil)
		}
		ok := false
		if i < len(left) {
			at, ok = f.step(at, i)
		}
		if ok {
			i++
			continue
		}
		if f.m.steps++; f.m.steps > maxSteps {
			return false
		}
		if at, i = f.back(); i < 0 {
			return false
		}
	}
	return true
}

func (f *frame) tokenText(at int) string {
	if at < len(f.ws) {
		return f.m.token(f.ws[at]).text
	}
	return ""
}

func (f *frame) stepText(i int) string {
	if lhs := f.rule.LHS; i < len(lhs) {
		return lhs[i].text
	}
	return ""
}

// step matches one element at a word; it returns where the next one is to go on.
func (f *frame) step(at, i int) (int, bool) {
	e := f.code.left[i]
	op := e.op()
	if at == len(f.ws) && op != macro.MatchAny && op != macro.CanonHost {
		return at, false
	}
	switch op {
	case 0:
		return at + 1, uint32(e) == f.ws[at].key
	case macro.MatchAny:
		return f.reach(at, at, i)
	case macro.MatchSome:
		return f.reach(at, at+1, i)
	case macro.MatchOne:
		return f.take(at, at+1, i)
	case macro.MatchClass:
		return f.phrase(at, at, i)
	case macro.MatchNotClass:
		if f.inClass(&f.m.s.refs[e.arg()], at) {
			return at, false
		}
		return f.take(at, at+1, i)
	case macro.Deferred:
		return f.deferred(at, f.m.s.refs[e.arg()].name)
	}
	return at, true // $@ matches no token
}

// take notes what the wildcard at the ith element matched.
func (f *frame) take(first, end, i int) (int, bool) {
	f.spans[f.taken] = span{int32(first), int32(end)}
	f.places[f.taken] = int32(i)
	f.taken++
	return end, true
}

// reach lets a gap take ws[first:end], or as much more as what follows it needs: all where it ends the rule, up to the
// next place of a literal. It is false where that is nowhere.
func (f *frame) reach(first, end, i int) (int, bool) {
	left, ws := f.code.left, f.ws
	switch {
	case f.m.level >= levelSteps:
	case i+1 == len(left):
		end = len(ws)
	case left[i+1].op() == 0:
		for key := uint32(left[i+1]); end < len(ws) && ws[end].key != key; {
			end++
		}
		f.m.steps += (end - first) / wordsOfStep
		if end == len(ws) {
			return end, false
		}
	}
	return f.take(first, end, i)
}

// back returns to the last wildcard that can take more; i, the element to go on with, is -1 where there is none.
func (f *frame) back() (at, i int) {
	for f.taken > 0 {
		f.taken--
		first, end, i := int(f.spans[f.taken].first), int(f.spans[f.taken].end), int(f.places[f.taken])
		if f.m.level >= levelBack {
			f.m.emit(Event{Kind: Backup, Step: f.stepText(i), Token: f.tokenText(end)}, nil)
		}
		if end == len(f.ws) {
			continue
		}
		ok := false
		switch e := f.code.left[i]; {
		case e.gap():
			at, ok = f.reach(first, end+1, i)
		case e.op() == macro.MatchClass:
			at, ok = f.phrase(first, end, i)
		}
		if ok {
			return at, i + 1
		}
	}
	return 0, -1
}

// deferred compares the words with the value of a macro as it is now.
func (f *frame) deferred(at int, name string) (int, bool) {
	m := f.m
	value, ok := m.env.Macro(name)
	if m.level >= 2 {
		m.emit(Event{Kind: LeftMacro, Name: name, Value: value, Found: ok}, nil)
	}
	if !ok {
		return at, true
	}
	for first := at; value != ""; at++ {
		if at == len(f.ws) {
			return first, false
		}
		t := m.token(f.ws[at]).text
		if len(value) < len(t) || !strings.EqualFold(value[:len(t)], t) {
			return first, false
		}
		value = value[len(t):]
	}
	return at, true
}

// inClass reports whether a word is in a class.
func (f *frame) inClass(r *ref, at int) bool {
	t := f.m.token(f.ws[at])
	if r.class == nil {
		return f.m.env.InClass(r.name, t.text)
	}
	return r.class.mayBegin(t) && r.class.Has(t.text)
}

// phrase looks for the shortest phrase of a class that begins at first and goes at least to the word at last.
func (f *frame) phrase(first, last, i int) (int, bool) {
	m, r := f.m, &f.m.s.refs[f.code.left[i].arg()]
	if r.class != nil && m.level < levelBack && !r.class.mayBegin(m.token(f.ws[first])) {
		return last, false
	}
	text := m.phrase[:0]
	for at := first; at < len(f.ws); at++ {
		text = m.appendText(text, f.ws[first:], at-first, m.s.space, true)
		m.steps += 1 + len(text)/bytesOfStep
		if at < last {
			continue
		}
		if m.phrase = text; m.isIn(r, text) {
			if m.level >= levelBack {
				m.emit(Event{Kind: ClassMatch}, nil)
			}
			return f.take(first, at+1, i)
		}
		switch {
		case m.level >= levelBack:
			m.emit(Event{Kind: Extend, Step: f.stepText(i), Token: f.tokenText(at)}, nil)
		case r.class != nil && len(text) >= r.class.longest, m.steps > maxSteps:
			return at, false
		}
	}
	return last, false
}

// isIn reports whether a class has a phrase.
func (m *machine) isIn(r *ref, phrase []byte) bool {
	if r.class == nil {
		return m.env.InClass(r.name, string(phrase))
	}
	return r.class.hasBytes(phrase)
}
