package rules

import "gosendmail/internal/macro"

// Token is one word of a workspace: an atom, a quoted string, an operator character of an address, or an operator of
// the rules ("$#", "$@", "$|"...), which the configuration alone can make.
type Token struct {
	text  string
	hash  uint32 // of the text in lower case
	op    byte   // the operator (package macro) or 0 for a word
	class byte   // character class of the first byte in rules, see charAtom and the others
	plain bool   // scanning the text again gives this one token
}

// Text returns the token in internal form: an operator as its byte, with the name that follows it.
func (t Token) Text() string { return t.text }

// String returns the token as the test mode prints it.
func (t Token) String() string { return macro.Show(t.text) }

// Is reports whether the token is the given word; case does not matter.
func (t Token) Is(word string) bool { return t.op == 0 && foldEqual(t.text, word) }

// Op returns the operator (a constant of package macro) that the token is, or 0 for a word.
func (t Token) Op() byte { return t.op }

// Workspace is a prescanned address.
type Workspace []Token

// String returns the tokens as the test mode prints them, with a blank between.
func (w Workspace) String() string {
	var b []byte
	for i := range w {
		if i > 0 {
			b = append(b, ' ')
		}
		b = macro.AppendShow(b, w[i].text)
	}
	return string(b)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func foldEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// foldHash is FNV-1a over the lower case form.
func foldHash(s string) uint32 {
	h := uint32(hashStart)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(lower(s[i]))) * hashPrime
	}
	return h
}

const (
	hashStart = 2166136261
	hashPrime = 16777619
)

// spread picks the upper bits of a hash, as many as index a table of 1<<bits entries.
func spread(hash uint32, bits uint8) uint32 { return hash * 0x9e3779b1 >> (32 - bits) }
