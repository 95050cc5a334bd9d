package maps

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Types of the attributes that a map asks for (op.txt section 6.5.1, LDAP Recursion).
type attrType int

const (
	attrNormal attrType = iota
	attrClass           // objectClass itself: asked for, not part of the result
	attrDN
	attrFilter
	attrURL
)

var attrTypes = map[string]attrType{"": attrNormal, "normal": attrNormal, "dn": attrDN, "filter": attrFilter, "url": attrURL}

// ldapAttr is one attribute of -v: NAME[:TYPE[:OBJECTCLASS[|OBJECTCLASS...]]].
type ldapAttr struct {
	name    string
	kind    attrType
	classes []string // of the entries in which it counts; nil: all
}

// maxLDAPAttrs bounds -v (LDAPMAP_MAX_ATTR), objectClass included.
const maxLDAPAttrs = 64

// check reads -k and -v once all flags are known.
func (m *ldapMap) check() error {
	if m.filter == "" {
		return fmt.Errorf("No filter given in map %s", m.p.Name)
	}
	if m.filter != "%s" {
		if _, err := ldap.CompileFilter(m.fill([]string{"x", "x", "x", "x", "x", "x", "x", "x", "x", "x"})); err != nil {
			return fmt.Errorf("Bad filter %s in map %s: %v", m.filter, m.p.Name, err)
		}
	}
	if m.single {
		m.sizeLimit = 2 // enough to see that there is more than one
	}
	var err error
	m.attrs, err = ldapAttrs(m.attributes, m.p.Name)
	if err != nil {
		return err
	}
	kinds := map[attrType]bool{}
	for _, a := range m.attrs {
		kinds[a.kind] = true
	}
	recursive := kinds[attrDN] || kinds[attrFilter] || kinds[attrURL]
	switch {
	case recursive && !kinds[attrNormal]:
		return fmt.Errorf("LDAP recursion requested in %s but no returnable attribute given", m.p.Name)
	case recursive && m.namesOnly:
		return fmt.Errorf("LDAP recursion requested in %s can not be used with -n", m.p.Name)
	}
	return nil
}

// ldapAttrs reads -v. objectClass comes first, as an attribute that is not returned unless -v names it.
func ldapAttrs(list, mapName string) ([]ldapAttr, error) {
	if strings.Trim(list, blanks+",") == "" {
		return nil, nil
	}
	attrs := []ldapAttr{{name: "objectClass", kind: attrClass}}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimLeft(item, blanks)
		if item == "" {
			continue
		}
		part := strings.SplitN(item, ":", 3)
		a := ldapAttr{name: part[0]}
		if len(part) > 1 {
			var ok bool
			if a.kind, ok = attrTypes[strings.ToLower(part[1])]; !ok {
				return nil, fmt.Errorf("Unknown attribute type (%s) in %s", part[1], mapName)
			}
		}
		if len(part) > 2 && part[2] != "" && part[2][0] != '*' {
			a.classes = strings.FieldsFunc(part[2], func(r rune) bool { return r == '|' })
		}
		same := func(b ldapAttr) bool { return strings.EqualFold(a.name, b.name) }
		switch i := slices.IndexFunc(attrs, same); {
		case i == 0 && attrs[0].kind == attrClass:
			attrs[0].kind = a.kind
		case i >= 0:
			return nil, fmt.Errorf("Duplicate attribute (%s) in %s", a.name, mapName)
		case len(attrs) >= maxLDAPAttrs:
			return nil, fmt.Errorf("Too many return attributes in %s (max %d)", mapName, maxLDAPAttrs)
		default:
			attrs = append(attrs, a)
		}
	}
	return attrs, nil
}

// fill puts a look-up's words into the filter: %0 (and %1 to %9 with -K) and %s by their text with what means something
// in filters quoted (RFC 4515 section 3). The original puts %s in as it is, so that a sender could write a filter of
// his own; here it does so only where the filter is "%s" alone and the key is a filter by intention. %% is a percent
// sign, other percent signs stay.
func (m *ldapMap) fill(words []string) string {
	if m.filter == "%s" {
		return normalFilter(words[0])
	}
	var b strings.Builder
	f := normalFilter(m.filter)
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 == len(f) {
			b.WriteByte(f[i])
			continue
		}
		n := -1
		switch c := f[i+1]; {
		case c == 's' || c == '0':
			n = 0
		case m.multi && c >= '1' && c <= '9':
			n = int(c - '0')
		}
		switch {
		case n >= 0 && n < len(words):
			b.WriteString(quoteFilter(words[n]))
			i++
		case n >= 0:
			i++
		default:
			b.WriteByte('%')
			if f[i+1] == '%' {
				i++
			}
		}
	}
	return b.String()
}

// quoteFilter writes a value so that it means itself in a filter. Bytes beyond ASCII are written by number too: they
// need not be UTF-8.
func quoteFilter(v string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '*' || c == '(' || c == ')' || c == '\\' || c == 0 || c >= 0x80:
			b.Write([]byte{'\\', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// normalFilter gives a filter its outer parentheses and takes white space between its parts away: both are what
// OpenLDAP's library allows.
func normalFilter(f string) string {
	f = strings.Trim(f, blanks)
	if !strings.HasPrefix(f, "(") {
		f = "(" + f + ")"
	}
	b := make([]byte, 0, len(f))
	structural := true // nothing but the filter's structure can come here: white space has no meaning
	for i := 0; i < len(f); i++ {
		c := f[i]
		if structural && strings.IndexByte(blanks, c) >= 0 {
			continue
		}
		structural = c == '(' || c == ')' || structural && strings.IndexByte("&|!", c) >= 0 && len(b) > 0 && b[len(b)-1] == '('
		b = append(b, c)
	}
	return string(b)
}

// ldapURL is an LDAP URL (RFC 4516) that an entry or a referral names.
type ldapURL struct {
	scheme, host string // host with port, as in the URL
	base         string
	attrs        []string
	scope        int
	hasScope     bool
	filter       string // "" where the URL has none
}

var errBadLDAPURL = errors.New("not an LDAP URL")

// parseLDAPURL reads scheme://host:port/dn?attributes?scope?filter?extensions. Critical extensions are refused.
func parseLDAPURL(text string) (*ldapURL, error) {
	text = strings.Trim(text, "<>")
	if len(text) > 4 && strings.EqualFold(text[:4], "url:") {
		text = text[4:]
	}
	scheme, rest, ok := strings.Cut(text, "://")
	u := &ldapURL{scheme: strings.ToLower(scheme), scope: ldap.ScopeBaseObject}
	if !ok || u.scheme != "ldap" && u.scheme != "ldaps" && u.scheme != "ldapi" {
		return nil, fmt.Errorf("%w: %.200q", errBadLDAPURL, text)
	}
	host, query, _ := strings.Cut(rest, "/")
	part := append(strings.Split(query, "?"), "", "", "", "")[:5]
	for i, p := range []*string{&host, &part[0], &part[1], &part[3], &part[4]} {
		v, err := unpercent(*p)
		if err != nil {
			return nil, fmt.Errorf("%w: %.200q: part %d", errBadLDAPURL, text, i)
		}
		*p = v
	}
	u.host, u.base, u.filter = host, part[0], part[3]
	if part[1] != "" {
		u.attrs = strings.Split(part[1], ",")
	}
	if part[2] != "" {
		if u.scope, u.hasScope = ldapScopes[strings.ToLower(part[2])]; !u.hasScope {
			return nil, fmt.Errorf("%w: %.200q: scope", errBadLDAPURL, text)
		}
	}
	if strings.HasPrefix(part[4], "!") || strings.Contains(part[4], ",!") {
		return nil, fmt.Errorf("%w: %.200q: a critical extension", errBadLDAPURL, text)
	}
	return u, nil
}

// unpercent undoes %XX.
func unpercent(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errBadLDAPURL
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errBadLDAPURL
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
