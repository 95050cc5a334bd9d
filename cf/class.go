package cf

import (
	"strings"

	"gosendmail/internal/macro"
)

// classLine is a C line.
func (p *parser) classLine(s string) {
	name, rest := p.name(s)
	if name != "" {
		p.addWords(name, p.expand(rest))
	}
}

// addWords puts the words of s into a class. A word that is "$=x" stands for the members of class x.
func (p *parser) addWords(class, s string) {
	line := ClassLine{Position: p.at(), Class: class}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }) {
		if w[0] != macro.MatchClass {
			line.Words = append(line.Words, Word{Text: w})
			continue
		}
		if from, _ := macro.Unit(w[1:]); from != "" {
			line.Words = append(line.Words, Word{Text: from, Copy: true})
		}
	}
	p.c.Classes = append(p.c.Classes, line)
}

// classFileLine is an F line: "Fx [-o] file [format]", "Fx |command", "Fx key@class:spec", "Fx @LDAP".
func (p *parser) classFileLine(s string) {
	name, rest := p.name(s)
	if name == "" {
		return
	}
	f := &ClassFile{}
	rest = skipSpace(rest)
	if strings.HasPrefix(rest, "-o") {
		f.Optional = true
		i := strings.IndexAny(rest, space)
		if i < 0 {
			i = len(rest)
		}
		rest = skipSpace(rest[i:])
	}
	switch {
	case isMapSpec(rest):
		p.classMap(name, rest, f)
	case !p.classPath(rest, f):
		return
	}
	p.c.Classes = append(p.c.Classes, ClassLine{Position: p.at(), Class: name, File: f})
}

func isMapSpec(s string) bool {
	if s == "" || s[0] == '/' || s[0] == '|' {
		return false
	}
	_, spec, ok := strings.Cut(s, "@")
	return ok && (spec == "LDAP" || !strings.HasPrefix(spec, ":") && strings.Contains(spec, ":"))
}

// classMap takes key@class:spec apart; @LDAP has a query of its own (op.txt section 5.3).
func (p *parser) classMap(name, s string, f *ClassFile) {
	key, spec, _ := strings.Cut(s, "@")
	f.Key = key
	if spec != "LDAP" {
		f.MapClass, f.MapSpec, _ = strings.Cut(spec, ":")
		return
	}
	host := p.expand(string([]byte{macro.Interpolate, 'j'}))
	if host == "" {
		host = "localhost"
	}
	cluster, _ := p.c.Macros.Macro("{sendmailMTACluster}")
	f.MapClass = "ldap"
	f.MapSpec = "-k (&(objectClass=sendmailMTAClass)(sendmailMTAClassName=" + strings.Trim(name, "{}") +
		")(|(sendmailMTACluster=" + p.expand(cluster) + ")(sendmailMTAHost=" + host + "))) " +
		"-v sendmailMTAClassValue,sendmailMTAClassSearch:FILTER:sendmailMTAClass,sendmailMTAClassURL:URL:sendmailMTAClass"
}

// classPath reads a file name, which may be quoted or have blanks escaped, and the format after it.
func (p *parser) classPath(s string, f *ClassFile) bool {
	path, rest, ok := quoted(s)
	if !ok {
		p.errorf("illegal filename '%s'", plain(s))
		return false
	}
	if path == "" {
		p.errorf("fileclass: missing file name")
		return false
	}
	if path[0] == '|' {
		f.Program = strings.Fields(s[strings.IndexByte(s, '|')+1:])
		return true
	}
	f.Path, f.Format = path, skipSpace(rest)
	if f.Format == "" {
		f.Format = "%s"
	}
	return true
}

// quoted reads up to a blank outside quotes. A backslash keeps a blank; before anything else it stays.
func quoted(s string) (field, rest string, ok bool) {
	var b strings.Builder
	inQuotes, backslash := false, false
	i := 0
loop:
	for ; i < len(s); i++ {
		c := s[i]
		if backslash {
			backslash = false
			if c != ' ' {
				b.WriteByte('\\')
			} else {
				b.WriteByte(c)
				continue
			}
		}
		switch {
		case c == '\\':
			backslash = true
		case c == '"':
			inQuotes = !inQuotes
		case c == ' ' && !inQuotes:
			break loop
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), s[i:], !inQuotes && !backslash
}
