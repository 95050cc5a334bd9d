package queue

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
)

// ParseControl reads a control file of versions 0 to 8, as leniently as the original: lines that other programs add
// (MailScanner's flagless headers, more lines than one of a kind) are taken, lines may end with CRLF, and the last one
// with the file; a header field or macro that is none is passed over, with a complaint. A file without its final "." or
// without a sender gives ErrIncomplete and no content: its recipients may be missing.
func ParseControl(data []byte) (*Control, error) {
	p := parser{c: &Control{Envelope: &envelope.Envelope{}}}
	rest := string(data)
	if strings.Contains(rest, "\r\n") {
		rest = strings.ReplaceAll(rest, "\r\n", "\n")
	}
	for rest != "" {
		var line string
		line, rest = cutLogical(rest)
		p.n++
		text, _, _ := strings.Cut(line, "\x00")
		if strings.HasPrefix(text, ".") {
			return p.end(rest)
		}
		if err := p.line(text); err != nil {
			return nil, lineError(p.n, text, err)
		}
		p.n += strings.Count(line, "\n")
	}
	return nil, fmt.Errorf("queue: line %d: %w", p.n+1, ErrIncomplete)
}

// end ends the file; rest is what follows its last line.
func (p *parser) end(rest string) (*Control, error) {
	switch {
	case rest != "":
		line, _ := cutLogical(rest)
		line, _, _ = strings.Cut(line, "\x00")
		return nil, lineError(p.n+1, line, ErrBogus)
	case p.c.Envelope.SenderText == "":
		return nil, fmt.Errorf("queue: no sender: %w", ErrIncomplete)
	}
	return p.c, nil
}

// cutLogical takes a line with its continuation lines (those that begin with white space) off s.
func cutLogical(s string) (line, rest string) {
	i := 0
	for {
		j := strings.IndexByte(s[i:], '\n')
		if j < 0 {
			return s, ""
		}
		i += j
		if i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
			i++
			continue
		}
		return s[:i], s[i+1:]
	}
}

// parser holds what earlier lines said about the next R line.
type parser struct {
	c            *Control
	n            int // line number
	ctladdr      *envelope.Ctladdr
	orcpt, final string
	skip         bool // the next R line is the original's: what it names is owed
}

func (p *parser) line(line string) error {
	if line == "" {
		return ErrLine
	}
	env, text := p.c.Envelope, line[1:]
	switch line[0] {
	case 'V':
		return p.version(text)
	case 'T':
		env.Created = parseTime(text)
	case 'K':
		env.LastTry = parseTime(text)
	case 'N':
		env.Tries = int(number(text))
	case 'P':
		env.Priority = number(text)
	case 'I':
		p.inode(text)
	case 'd':
		return p.dataDir(text)
	case 'B':
		return p.body(text)
	case 'q':
		p.c.Held, env.QuarantineReason = true, text
	case 'M':
		env.Message = text
	case 'F':
		p.flags(text)
	case '$':
		p.macro(text)
	case 'S':
		env.SenderText, env.Sender = text, bare(text)
	case 'Z':
		env.EnvID = decodeXtext(text)
	case 'A':
		return p.auth(text)
	case '!':
		env.DeliverBy = parseDeliverBy(text)
	case 'C':
		p.ctladdr = parseCtladdr(text)
	case 'Q':
		p.orcpt = decodeXtext(text)
	case 'r':
		p.final = text
	case 'R':
		p.recipient(text)
	case 'H':
		p.header(text)
	case 'L':
		return p.extension(text)
	case 'D', 'E': // as earlier versions wrote; the original passes over them, too
	default:
		return ErrLine
	}
	return nil
}

func (p *parser) complain(format string, args ...any) {
	p.c.Complaints = append(p.c.Complaints, fmt.Sprintf(format, args...))
}

func (p *parser) version(text string) error {
	v := number(text)
	if v > Version {
		return ErrVersion
	}
	p.c.Version = int(max(v, 0))
	return nil
}

// number is the leading number of s, as atol reads it: 0 where there is none, the last one where it is too large.
func number(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return n
}

// parseTime reads seconds; a time that cannot be is none.
func parseTime(text string) time.Time {
	n := number(text)
	if n <= 0 || n > maxTime {
		return time.Time{}
	}
	return time.Unix(n, 0)
}

// maxTime is the end of the year 9999.
const maxTime = 253402300799

// isBody reports whether line B can name that kind of body.
func isBody(s string) bool { return strings.EqualFold(s, "7BIT") || strings.EqualFold(s, "8BITMIME") }

func (p *parser) body(text string) error {
	if !isBody(text) {
		return ErrBogus
	}
	p.c.Envelope.Body = text
	return nil
}

func (p *parser) auth(text string) error {
	if !isXtext(text) {
		return ErrBogus
	}
	p.c.Envelope.AuthParam = decodeXtext(text)
	return nil
}

// inode reads "major/minor/inode"; the line helps people only, so what cannot be read is left out.
func (p *parser) inode(text string) {
	var in Inode
	if n, _ := fmt.Sscanf(text, "%d/%d/%d", &in.Major, &in.Minor, &in.Ino); n == 3 {
		p.c.Data = in
	}
}

// dataDir takes an absolute directory without "..": whether it is one of the queue's is checked where it is used.
func (p *parser) dataDir(text string) error {
	if !strings.HasPrefix(text, "/") || slices.Contains(strings.Split(text, "/"), "..") {
		return ErrPlace
	}
	p.c.DataDir = text
	return nil
}

func (p *parser) flags(text string) {
	for _, pair := range envelopeFlags(&p.c.Envelope.Flags) {
		*pair.flag = strings.IndexByte(text, pair.letter) >= 0
	}
}

// macro reads "xvalue" or "{name}value".
func (p *parser) macro(text string) {
	var name, value string
	switch rest, long := strings.CutPrefix(text, "{"); {
	case long:
		var closed bool
		if name, value, closed = strings.Cut(rest, "}"); !closed {
			p.complain("Unbalanced { on %s", rest)
			return
		}
	case text != "":
		name, value = text[:1], text[1:]
	}
	switch {
	case name == "":
		p.complain("Name required for macro/class")
	case macroName(name):
		if p.c.Envelope.Macros == nil {
			p.c.Envelope.Macros = make(map[string]string)
		}
		p.c.Envelope.Macros[name] = value
	}
}

// macroName reports whether a queue file can hold a macro of that name.
func macroName(name string) bool {
	if len(name) == 1 {
		return name[0] > ' ' && name[0] != '{' && name[0] < 0x7f
	}
	return name != "" && !strings.ContainsAny(name, "{}\n\r\x00")
}

// bare is the address within the last pair of angle brackets of s, or s itself.
func bare(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasSuffix(s, ">") {
		if i := strings.LastIndexByte(s, '<'); i >= 0 {
			return s[i+1 : len(s)-1]
		}
	}
	return s
}

// parseCtladdr reads "user:uid:gid:alias", "user:alias" or nothing, which ends an earlier one.
func parseCtladdr(text string) *envelope.Ctladdr {
	if text == "" {
		return nil
	}
	user, rest, _ := strings.Cut(text, ":")
	c := &envelope.Ctladdr{User: user, UID: -1, GID: -1, Addr: rest}
	fields := strings.SplitN(rest, ":", 3)
	if user == "" || len(fields) < 2 {
		return c
	}
	uid, errU := strconv.ParseUint(fields[0], 10, 31)
	gid, errG := strconv.ParseUint(fields[1], 10, 31)
	if errU == nil && errG == nil {
		c.UID, c.GID, c.Addr = int(uid), int(gid), strings.Join(fields[2:], "")
	}
	return c
}

// recipient reads "flags:address"; version 0 had no flags.
func (p *parser) recipient(text string) {
	r := &envelope.Recipient{Addr: text, Primary: true, Orcpt: p.orcpt, Final: p.final, Ctladdr: p.ctladdr}
	p.orcpt, p.final = "", ""
	if p.skip {
		p.skip = false
		return
	}
	if p.c.Version >= 1 {
		if flags, addr, ok := strings.Cut(text, ":"); ok && onlyFlags(flags) {
			r.Addr = addr
			setRecipientFlags(r, flags)
		}
	}
	p.c.Envelope.Recipients = append(p.c.Envelope.Recipients, r)
}

func onlyFlags(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != ' ' {
			return false
		}
	}
	return true
}

func setRecipientFlags(r *envelope.Recipient, flags string) {
	has := func(c byte) bool { return strings.IndexByte(flags, c) >= 0 }
	r.Primary, r.IsAlias = has('P'), has('A')
	var n envelope.Notify
	for c, bit := range map[byte]envelope.Notify{
		'S': envelope.NotifySuccess, 'F': envelope.NotifyFailure, 'D': envelope.NotifyDelay,
	} {
		if has(c) {
			n |= bit
		}
	}
	switch {
	case has('N') && n == 0:
		n = envelope.NotifyNever
	case !has('N') && n == envelope.NotifyFailure|envelope.NotifyDelay:
		n = 0
	case !has('N'):
		n |= envelope.NotifyImplied
	}
	r.Notify = n
}

// header reads "?flags?Name: value" or "Name: value".
func (p *parser) header(text string) {
	var f envelope.Field
	whole := text
	bad := func() { p.complain("header syntax error, line \"%s\"", maillog.Shorten(whole, 203)) }
	if rest, ok := strings.CutPrefix(text, "?"); ok {
		if f.Flags, text, ok = strings.Cut(rest, "?"); !ok {
			bad()
			return
		}
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok || !fieldName(name) {
		bad()
		return
	}
	f.Name = name
	if f.Flags == "" {
		f.Value = unmark(value)
	} else {
		f.Value, f.Template = unquote(value)
	}
	p.c.Envelope.Header = append(p.c.Envelope.Header, f)
}

// fieldName reports whether a header field can have that name; blanks may follow it.
func fieldName(s string) bool {
	s = strings.TrimRight(s, " \t")
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// unmark takes the marks off the bytes of a header value without macros.
func unmark(s string) string {
	if strings.IndexByte(s, metaQuote) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == metaQuote && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unquote undoes the marks of a header value. Where it holds a macro, which only fields with flags have, the result is
// a template.
func unquote(s string) (string, bool) {
	template := false
	for i := 0; i < len(s); i++ {
		if s[i] == metaQuote {
			i++
		} else if s[i] == metaMacro {
			template = true
		}
	}
	if !template && strings.IndexByte(s, metaQuote) < 0 {
		return s, false
	}
	out := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == metaQuote && i+1 < len(s):
			i++
			out = append(out, s[i])
		case s[i] == metaMacro:
			out = append(out, '$')
		case s[i] == '$' && template:
			out = append(out, "$$"...)
		default:
			out = append(out, s[i])
		}
	}
	return string(out), template
}

// sortedMacros gives the order in which macros are written; names that a queue file cannot hold are left out.
func sortedMacros(macros map[string]string) []string {
	names := make([]string, 0, len(macros))
	for name := range macros {
		if macroName(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(min(len(a), 2), min(len(b), 2)), strings.Compare(a, b))
	})
	return names
}
