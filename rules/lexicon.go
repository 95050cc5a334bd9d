package rules

// word is a token while rules run. It has no pointers: workspaces are copied all the time, and the garbage collector
// need not look at them.
type word struct {
	key  uint32 // what left sides compare: an operator, a word that one of them names, or unknown
	text uint32 // number of its Token, see machine.token
}

// Keys of words. Operators are their byte.
const (
	unknown  = 0      // no left side names the word
	never    = 1 << 8 // no word has it
	firstKey = never + 1
)

// bit is the place of a key in masks. Bit 0 is that of unknown words: no other has it.
func bit(key uint32) uint64 { return 1 << (key & 63) }

// lexicon numbers the words that left sides name; case does not matter. It does not change once rules run.
type lexicon struct {
	slots []slot // open addressing, at most half full
	bits  uint8  // len(slots) is 1<<bits
	used  int
	next  uint32
}

type slot struct {
	text string
	hash uint32
	key  uint32 // unknown: the slot is free
}

func newLexicon() lexicon {
	const bits = 8
	return lexicon{slots: make([]slot, 1<<bits), bits: bits, next: firstKey}
}

// find returns the slot that has the word, or the free one where it belongs.
func (l *lexicon) find(text string, hash uint32) *slot {
	for i := spread(hash, l.bits); ; i = (i + 1) & (1<<l.bits - 1) {
		s := &l.slots[i]
		if s.key == unknown || s.hash == hash && foldEqual(s.text, text) {
			return s
		}
	}
}

// key returns the key of a token.
func (l *lexicon) key(t *Token) uint32 {
	if t.op == 0 {
		return l.find(t.text, t.hash).key
	}
	if len(t.text) == 1 {
		return uint32(t.op)
	}
	return unknown // an operator with a name: rules have none of these to be compared
}

// add returns the key of a token of a left side, making one where there is none yet.
func (l *lexicon) add(t *Token) uint32 {
	if t.op != 0 {
		if len(t.text) > 1 {
			return never // an operator with a name, which does not belong there
		}
		return uint32(t.op)
	}
	s := l.find(t.text, t.hash)
	if s.key != unknown {
		return s.key
	}
	*s = slot{t.text, t.hash, l.next}
	key := l.next
	if l.next++; l.next&63 == 0 {
		l.next++
	}
	if l.used++; 2*l.used > len(l.slots) {
		l.grow()
	}
	return key
}

func (l *lexicon) grow() {
	old := l.slots
	l.bits++
	l.slots = make([]slot, 1<<l.bits)
	for i := range old {
		if s := &old[i]; s.key != unknown {
			*l.find(s.text, s.hash) = *s
		}
	}
}
