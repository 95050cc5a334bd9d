package rules

// Class is a set of words and phrases; case does not matter. Rules hold it from Compile on, so a word added later
// counts from then on; adding is not safe while rules run.
type Class struct {
	words   map[string]struct{} // in lower case
	longest int                 // bytes
	first   [256]bool           // first bytes of the words, in lower case
}

// Add puts a word or phrase in.
func (c *Class) Add(word string) {
	if c.words == nil {
		c.words = make(map[string]struct{})
	}
	var buf [128]byte
	c.words[string(appendLower(buf[:0], word))] = struct{}{}
	c.first[firstByte(word)] = true
	c.longest = max(c.longest, len(word))
}

// Has reports whether phrase is in the class.
func (c *Class) Has(phrase string) bool {
	if len(phrase) > c.longest || !c.first[firstByte(phrase)] {
		return false
	}
	var buf [128]byte
	_, ok := c.words[string(appendLower(buf[:0], phrase))]
	return ok
}

// firstByte is 0 where there is none.
func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return lower(s[0])
}

// Len returns the number of words.
func (c *Class) Len() int { return len(c.words) }

func (c *Class) hasBytes(phrase []byte) bool {
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
