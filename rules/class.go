package rules

// Class is a set of words and phrases; case does not matter. Rules hold it from Compile on, so a word added later
// counts from then on; adding is not safe while rules run.
type Class struct {
	words   map[string]struct{} // in lower case
	longest int                 // bytes

	// begins is a Bloom filter of the tokens that words begin with: few phrases need to be put together to know that
	// they are not in the class. It is there from Compile on, which knows how words fall into tokens.
	begins []uint64
	bits   uint8 // begins has 1<<bits bits
	sets   *Sets
}

// Add puts a word or phrase in.
func (c *Class) Add(word string) {
	if c.words == nil {
		c.words = make(map[string]struct{})
	}
	var buf [128]byte
	c.words[string(appendLower(buf[:0], word))] = struct{}{}
	c.longest = max(c.longest, len(word))
	switch {
	case c.sets == nil:
	case len(c.words) > len(c.begins)*64/perWord:
		c.index(c.sets)
	default:
		c.note(word)
	}
}

// Has reports whether phrase is in the class.
func (c *Class) Has(phrase string) bool {
	if len(phrase) > c.longest {
		return false
	}
	var buf [128]byte
	_, ok := c.words[string(appendLower(buf[:0], phrase))]
	return ok
}

// Len returns the number of words.
func (c *Class) Len() int { return len(c.words) }

func (c *Class) hasBytes(phrase []byte) bool {
	if len(phrase) > c.longest {
		return false
	}
	var buf [128]byte
	b := buf[:0]
	for _, ch := range phrase {
		b = append(b, lower(ch))
	}
	_, ok := c.words[string(b)]
	return ok
}

func appendLower(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		b = append(b, lower(s[i]))
	}
	return b
}

// perWord is the room in begins, in bits: one in 16 tokens that begin no word passes at most.
const perWord = 16

// index makes begins for the tokens of a program.
func (c *Class) index(s *Sets) {
	bits := uint8(6)
	for 1<<bits < perWord*len(c.words) {
		bits++
	}
	c.sets, c.bits, c.begins = s, bits, make([]uint64, 1<<bits/64)
	for w := range c.words {
		c.note(w)
	}
}

// note enters the token that a word begins with: what stands before the first operator character. Where BlankSub is no
// such character, what it separates may be several tokens.
func (c *Class) note(word string) {
	n := c.sets.firstToken(word)
	for i := 1; i <= n; i++ {
		if i == n || word[i] == c.sets.space {
			b := spread(foldHash(word[:i]), c.bits)
			c.begins[b/64] |= 1 << (b % 64)
		}
	}
}

// mayBegin reports whether a phrase of the class may begin with the token.
func (c *Class) mayBegin(t *Token) bool {
	if len(c.words) == 0 {
		return false
	}
	if t.op != 0 || !t.plain {
		return true
	}
	b := spread(t.hash, c.bits)
	return c.begins[b/64]>>(b%64)&1 != 0
}
