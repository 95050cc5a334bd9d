package maps

// maxSteps and maxKey bound the work of one match with back references, whose cost can grow beyond any bound with the
// key.
const (
	maxSteps = 1_000_000
	maxKey   = 4096
)

// backtracker tries all ways from one place and keeps the longest.
type backtracker struct {
	key   string
	caps  []int // places of the groups; -1: no part
	best  []int
	steps int
	fold  bool
}

// backtrack finds the leftmost longest match of a pattern with back references.
func (re *posixRegexp) backtrack(key string) ([]int, error) {
	if len(key) > maxKey {
		return nil, errTooHard
	}
	b := &backtracker{key: key, fold: re.fold, caps: make([]int, 2*(re.groups+1))}
	for start := 0; start <= len(key); start++ {
		for i := range b.caps {
			b.caps[i] = -1
		}
		b.caps[0] = start
		b.run(re.tree, start, func(end int) {
			if b.best == nil || end > b.best[1] {
				b.best = append([]int(nil), b.caps...)
				b.best[1] = end
			}
		})
		if b.steps > maxSteps {
			return nil, errTooHard
		}
		if b.best != nil {
			return b.best, nil
		}
	}
	return nil, nil
}

// run calls next for every place at which n can end when it begins at i.
func (b *backtracker) run(n *reNode, i int, next func(end int)) {
	if b.steps++; b.steps > maxSteps {
		return
	}
	switch n.op {
	case reSet:
		if i < len(b.key) && n.set[b.key[i]] {
			next(i + 1)
		}
	case reCat:
		b.sequence(n.subs, i, next)
	case reAlt:
		for _, s := range n.subs {
			b.run(s, i, next)
		}
	case reGroup:
		b.group(n, i, next)
	case reRep:
		b.repeat(n, 0, i, next)
	case reBack:
		b.backref(n, i, next)
	case reBegin:
		if i == 0 {
			next(i)
		}
	case reEnd:
		if i == len(b.key) {
			next(i)
		}
	case reWord:
		if b.wordEdge(n.n, i) {
			next(i)
		}
	}
}

func (b *backtracker) sequence(subs []*reNode, i int, next func(int)) {
	if len(subs) == 0 {
		next(i)
		return
	}
	b.run(subs[0], i, func(end int) { b.sequence(subs[1:], end, next) })
}

func (b *backtracker) group(n *reNode, i int, next func(int)) {
	from, to := b.caps[2*n.n], b.caps[2*n.n+1]
	b.run(n.subs[0], i, func(end int) {
		f, t := b.caps[2*n.n], b.caps[2*n.n+1]
		b.caps[2*n.n], b.caps[2*n.n+1] = i, end
		next(end)
		b.caps[2*n.n], b.caps[2*n.n+1] = f, t
	})
	b.caps[2*n.n], b.caps[2*n.n+1] = from, to
}

func (b *backtracker) repeat(n *reNode, done, i int, next func(int)) {
	if n.max < 0 || done < n.max {
		b.run(n.subs[0], i, func(end int) {
			if end > i || done < n.min {
				b.repeat(n, done+1, end, next)
			}
		})
	}
	if done >= n.min {
		next(i)
	}
}

func (b *backtracker) backref(n *reNode, i int, next func(int)) {
	from, to := b.caps[2*n.n], b.caps[2*n.n+1]
	if from < 0 {
		return
	}
	text := b.key[from:to]
	if len(b.key)-i < len(text) {
		return
	}
	if at := b.key[i : i+len(text)]; at == text || b.fold && fold(at) == fold(text) {
		next(i + len(text))
	}
}

func (b *backtracker) wordEdge(kind, i int) bool {
	word := func(i int) bool {
		return i >= 0 && i < len(b.key) && (classHas("alnum", b.key[i]) || b.key[i] == '_')
	}
	before, after := word(i-1), word(i)
	switch kind {
	case 'b':
		return before != after
	case 'B':
		return before == after
	case '<':
		return !before && after
	}
	return before && !after
}
