package maps

import (
	"context"
	"errors"
	"strings"
)

// Flags are the flags that a K line has in common for most classes (op.txt section 5.9), and what follows them.
type Flags struct {
	NullOnly   bool   // -N: keys in the table end in a NUL byte
	BareOnly   bool   // -O: they do not; neither flag: both are tried; both: nothing ever matches
	Optional   bool   // -o
	NoFold     bool   // -f: the key keeps its case
	MatchOnly  bool   // -m: the value is the key itself
	Merge      bool   // -A: duplicate keys are merged when an alias file is rebuilt
	KeepQuotes bool   // -q
	NoDefer    bool   // -t: a temporary failure counts as not found
	Deferred   bool   // -D: no look-up in delivery mode deferred
	Append     string // -a: after the value
	TempAppend string // -T: after the key, when the look-up failed temporarily
	HasTemp    bool   // -T was given (its text may be empty)
	KeyCol     string // -k; HasKeyCol tells whether it was given
	ValCol     string // -v
	HasKeyCol  bool
	HasValCol  bool
	Delim      byte // -z; 0: not given
	SpaceSub   byte // -S, else option BlankSub

	Path string // first word after the flags: a file mostly
	Rest string // what follows it
}

// flagScanner walks the flags of a K line: "-x" with its value up to white space, for a few flags after white space.
type flagScanner struct {
	s     string
	blank byte // what ended the word of the last flag; 0: the end of the line
}

// next returns the next flag letter and what is glued to it, or 0 at the first word without a dash.
func (f *flagScanner) next() (letter byte, value string) {
	f.s = strings.TrimLeft(f.s, " \t\n\r\f\v")
	if !strings.HasPrefix(f.s, "-") {
		return 0, ""
	}
	word, rest := cutSpace(f.s[1:])
	if f.blank = 0; len(word) < len(f.s[1:]) {
		f.blank = f.s[1+len(word)]
	}
	f.s = rest
	if word == "" {
		return '-', ""
	}
	return word[0], word[1:]
}

// after returns value, or the next word when value is empty: "-k2" and "-k 2" mean the same.
func (f *flagScanner) after(value string) string {
	if value != "" {
		return value
	}
	value, f.s = cutSpace(strings.TrimLeft(f.s, " \t\n\r\f\v"))
	return value
}

func cutSpace(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t\n\r\f\v")
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// delimiter reads the value of -z: one character, or \n or \t.
func delimiter(v string) byte {
	switch {
	case v == "":
		return 0
	case v[0] != '\\':
		return v[0]
	case len(v) > 1 && v[1] == 'n':
		return '\n'
	case len(v) > 1 && v[1] == 't':
		return '\t'
	}
	return '\\'
}

// common applies one flag that all classes with flags share, and reports whether it is one.
func (f *Flags) common(letter byte, value string) bool {
	switch letter {
	case 'N':
		f.NullOnly = true
	case 'O':
		f.BareOnly = true
	case 'o':
		f.Optional = true
	case 'f':
		f.NoFold = true
	case 'm':
		f.MatchOnly = true
	case 'A':
		f.Merge = true
	case 'q':
		f.KeepQuotes = true
	case 't':
		f.NoDefer = true
	case 'D':
		f.Deferred = true
	case 'a':
		f.Append = value
	case 'T':
		f.TempAppend, f.HasTemp = value, true
	case 'S':
		f.SpaceSub = firstByte(value)
	default:
		return false
	}
	return true
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

// parseFlags reads the flags of table-like classes, the file name and the rest.
func parseFlags(p *Params) error {
	sc := flagScanner{s: p.Args}
	var bad error
	for {
		letter, value := sc.next()
		if letter == 0 {
			break
		}
		switch letter {
		case 'k':
			p.KeyCol, p.HasKeyCol = sc.after(value), true
		case 'v':
			p.ValCol, p.HasValCol = sc.after(value), true
		case 'z':
			if p.Delim = delimiter(value); value == "" {
				p.Delim = sc.blank // the character behind the letter, whatever it is
			}
		default:
			if !p.common(letter, value) {
				bad = errors.Join(bad, illegal(letter, p.Name))
			}
		}
	}
	p.setFile(sc.s)
	return bad
}

func (p *Params) setFile(s string) {
	p.Path, p.Rest = cutSpace(strings.TrimLeft(s, " \t\n\r\f\v"))
	p.Rest = strings.TrimLeft(p.Rest, " \t\n\r\f\v")
}

// Result makes the value of a look-up from what the class found: the key with -m, else value with the arguments put in;
// then -a.
func (f *Flags) Result(ctx context.Context, key, value string, args []string) string {
	if f.MatchOnly {
		return key + f.Append
	}
	if strings.IndexByte(value, '%') >= 0 && !isLiteral(ctx) {
		value = interpolate(value, key, args)
	}
	return value + f.Append
}

// interpolate replaces %0 by the key, %1..%9 by the arguments (nothing where there is none) and %% by a percent sign.
// Other percent signs stay.
func interpolate(value, key string, args []string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '%' || i+1 == len(value) {
			b.WriteByte(c)
			continue
		}
		i++
		switch d := value[i]; {
		case d == '%':
			b.WriteByte('%')
		case d == '0':
			b.WriteString(key)
		case d >= '1' && d <= '9':
			if n := int(d - '1'); n < len(args) {
				b.WriteString(args[n])
			}
		default:
			b.WriteByte('%')
			b.WriteByte(d)
		}
	}
	return b.String()
}

// dequote removes double quotes, and the backslashes before other characters.
func dequote(s string) string {
	if strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' {
			continue
		}
		if c == '\\' {
			if i++; i == len(s) {
				break
			}
			c = s[i]
		}
		b = append(b, c)
	}
	return string(b)
}

// fold returns key in lower case (ASCII, as makemap writes keys).
func fold(key string) string {
	for i := 0; i < len(key); i++ {
		if c := key[i]; 'A' <= c && c <= 'Z' {
			return lowered(key)
		}
	}
	return key
}

func lowered(key string) string {
	b := []byte(key)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
