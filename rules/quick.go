package rules

import "gosendmail/internal/macro"

// quick is match for runs without a fine trace. It finds the same spans; what it leaves out are attempts that must fail:
// a wildcard before a literal goes straight to where the literal is, one that ends the rule takes all. In a simple rule
// only the last wildcard is ever extended: whatever an earlier one could gain leaves less to what follows.
func (k *matcher) quick() bool {
	steps, ws := k.rule.steps, k.ws
	k.n = 0
	at, i, last := 0, 0, -1
	for {
		ok := false
		if i == len(steps) {
			if at == len(ws) {
				return true
			}
		} else {
			switch st := &steps[i]; st.op {
			case 0:
				if ok = at < len(ws) && st.tok.same(&ws[at]); ok {
					at++
				}
			case macro.MatchAny:
				last = k.n
				at, ok = k.reach(at, at, i)
			case macro.MatchSome:
				if at < len(ws) {
					last = k.n
					at, ok = k.reach(at, at+1, i)
				}
			default:
				var out outcome
				out, at = k.step(at, i)
				ok = out == advance
			}
		}
		if ok {
			i++
			continue
		}
		if k.m.steps++; k.m.steps > maxSteps {
			return false
		}
		if k.rule.simple {
			at, i = k.extend(last)
		} else {
			at, i = k.retreat()
		}
		if i < 0 {
			return false
		}
	}
}

// reach lets a wildcard take ws[first:end], or as much more as the step after it needs; false where that is nowhere.
func (k *matcher) reach(first, end, i int) (at int, ok bool) {
	if i+1 == len(k.rule.steps) {
		end = len(k.ws)
	} else if next := &k.rule.steps[i+1]; next.op == 0 {
		ws, hash := k.ws, next.tok.hash
		for end < len(ws) && (ws[end].hash != hash || !next.tok.sameText(&ws[end])) {
			end++
		}
		if end >= len(ws) {
			return end, false
		}
	}
	k.spans[k.n] = span{first, end, i}
	k.n++
	return end, true
}

// extend lets the wildcard of a span take one token more; step is -1 where it cannot.
func (k *matcher) extend(n int) (at, step int) {
	if n < 0 || n >= k.n {
		return 0, -1
	}
	k.n = n
	sp := k.spans[n]
	if sp.end == len(k.ws) {
		return 0, -1
	}
	at, ok := k.reach(sp.first, sp.end+1, sp.step)
	if !ok {
		return 0, -1
	}
	return at, sp.step + 1
}

// retreat extends the last wildcard that can take more; step is -1 where there is none.
func (k *matcher) retreat() (at, step int) {
	for k.n > 0 {
		n := k.n - 1
		switch sp := &k.spans[n]; k.rule.steps[sp.step].op {
		case macro.MatchAny, macro.MatchSome:
			if at, step = k.extend(n); step >= 0 {
				return at, step
			}
			k.n = n
		case macro.MatchClass:
			first, end, i := sp.first, sp.end, sp.step
			k.n = n
			if end < len(k.ws) {
				if out, at := k.phrase(first, end, i); out == advance {
					return at, i + 1
				}
			}
		default:
			k.n = n
		}
	}
	return 0, -1
}
