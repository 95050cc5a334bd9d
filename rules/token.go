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

// same reports whether a literal of a rule matches u.
func (t *Token) same(u *Token) bool {
	return t.hash == u.hash && t.sameText(u)
}

// sameText is same for equal hashes.
func (t *Token) sameText(u *Token) bool {
	return t.op == u.op && (t.hash < longHash || t.text == u.text || foldEqual(t.text, u.text))
}

// active reports whether the engine has to do something where the token stands in a workspace.
func (t *Token) active() bool {
	return t.op == macro.CallSet || t.op == macro.LookupBegin || t.op == macro.HostBegin
}

// bit is the token's place in the mask of a workspace.
func (t *Token) bit() uint64 { return 1 << (t.hash * 0x9e3779b1 >> 26) }

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

// survey looks at all tokens: mask has a bit for every one (a rule cannot match where one of its literals has none),
// active tells whether one of them is.
func (w Workspace) survey() (mask uint64, active bool) {
	for i := range w {
		mask |= w[i].bit()
		active = active || w[i].op != 0 && w[i].active()
	}
	return mask, active
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

// longHash is a bit that hashes of texts of more than three bytes have. Those of shorter ones are different for
// different texts.
const longHash = 1 << 31

// foldHash is FNV-1a over the lower case form; for short texts it is the text and its length.
func foldHash(s string) uint32 {
	if len(s) <= 3 {
		h := uint32(len(s))
		for i := 0; i < len(s); i++ {
			h = h<<8 | uint32(lower(s[i]))
		}
		return h
	}
	h := uint32(2166136261)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(lower(s[i]))) * 16777619
	}
	return h ^ h>>15 | longHash
}
