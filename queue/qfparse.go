package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/envelope"
)

// LineError tells which line of a control file is wrong.
type LineError struct {
	Line int
	Text string // the line, cut to a length fit for a log
	Err  error
}

// Error names the line and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s: %q", e.Line, e.Err, e.Text) }

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

// ParseControl reads a control file of versions 0 to 8, as leniently as the original: lines that other programs add
// (MailScanner's flagless headers, more lines than one of a kind) are taken, lines may end with CRLF, and the last one
// with the file. A file without its final "." or without a sender gives ErrIncomplete and no content: its recipients
// may be missing.
func ParseControl(data []byte) (*Control, error) {
	p := parser{c: &Control{Envelope: &envelope.Envelope{}}}
	rest := string(data)
	if strings.Contains(rest, "\r\n") {
		rest = strings.ReplaceAll(rest, "\r\n", "\n")
	}
	if strings.HasSuffix(rest, "\n.") {
		rest += "\n"
	}
	for rest != "" {
		line, after, full := cutLogical(rest)
		if !full {
			return nil, fmt.Errorf("queue: line %d: %w", p.n+1, ErrIncomplete)
		}
		rest = after
		p.n++
		if line == "." {
			return p.end(rest)
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("queue: %w", &LineError{p.n, clip(line), err})
		}
		p.n += strings.Count(line, "\n")
	}
	return nil, fmt.Errorf("queue: %w", ErrIncomplete)
}

// end ends the file; rest is what follows its last line.
func (p *parser) end(rest string) (*Control, error) {
	switch {
	case rest != "":
		return nil, fmt.Errorf("queue: %w", &LineError{p.n + 1, clip(rest), ErrTrailing})
	case p.c.Envelope.SenderText == "":
		return nil, fmt.Errorf("queue: no sender: %w", ErrIncomplete)
	}
	return p.c, nil
}

// cutLogical takes a line with its continuation lines (those that begin with white space) off s. full is false where
// the line has no end.
func cutLogical(s string) (line, rest string, full bool) {
	i := 0
	for {
		j := strings.IndexByte(s[i:], '\n')
		if j < 0 {
			return "", "", false
		}
		i += j
		if i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
			i++
			continue
		}
		return s[:i], s[i+1:], true
	}
}

func clip(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i]
	}
	return s[:min(len(s), 120)]
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
		return parseTime(text, &env.Created)
	case 'K':
		return parseTime(text, &env.LastTry)
	case 'N':
		return parseInt(text, &env.Tries)
	case 'P':
		return parseInt(text, &env.Priority)
	case 'I':
		p.inode(text)
	case 'd':
		return p.dataDir(text)
	case 'B':
		env.Body = text
	case 'q':
		env.QuarantineReason = text
	case 'M':
		env.Message = text
	case 'F':
		p.flags(text)
	case '$':
		return p.macro(text)
	case 'S':
		env.SenderText, env.Sender = text, bare(text)
	case 'Z':
		env.EnvID = decodeXtext(text)
	case 'A':
		env.AuthParam = decodeXtext(text)
	case '!':
		env.DeliverBy = text
	case 'C':
		p.ctladdr = parseCtladdr(text)
	case 'Q':
		p.orcpt = decodeXtext(text)
	case 'r':
		p.final = text
	case 'R':
		p.recipient(text)
	case 'H':
		return p.header(text)
	case 'L':
		return p.extension(text)
	case 'X', 'Y': // as earlier versions wrote; the original ignores it, too
	default:
		return ErrLine
	}
	return nil
}

func (p *parser) version(text string) error {
	v, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || v < 0 {
		return ErrLine
	}
	if v > Version {
		return ErrVersion
	}
	p.c.Version = v
	return nil
}

// number is the leading number of s, as atol reads it.
func number(s string) (int64, bool) {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	return n, err == nil
}

func parseTime(text string, to *time.Time) error {
	n, ok := number(text)
	switch {
	case !ok:
		return ErrLine
	case n == 0:
		*to = time.Time{}
	default:
		*to = time.Unix(n, 0)
	}
	return nil
}

func parseInt[T int | int64](text string, to *T) error {
	n, ok := number(text)
	if !ok || int64(T(n)) != n {
		return ErrLine
	}
	*to = T(n)
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
		return ErrLine
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
func (p *parser) macro(text string) error {
	var name, value string
	if rest, ok := strings.CutPrefix(text, "{"); ok {
		if name, value, ok = strings.Cut(rest, "}"); !ok {
			return ErrLine
		}
	} else if text != "" {
		name, value = text[:1], text[1:]
	}
	if !macroName(name) {
		return ErrLine
	}
	if p.c.Envelope.Macros == nil {
		p.c.Envelope.Macros = make(map[string]string)
	}
	p.c.Envelope.Macros[name] = value
	return nil
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
		if flags, addr, ok := strings.Cut(text, ":"); ok && onlyLetters(flags) {
			r.Addr = addr
			setRecipientFlags(r, flags)
		}
	}
	p.c.Envelope.Recipients = append(p.c.Envelope.Recipients, r)
}

func onlyLetters(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
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
func (p *parser) header(text string) error {
	var f envelope.Field
	if rest, ok := strings.CutPrefix(text, "?"); ok {
		if f.Flags, text, ok = strings.Cut(rest, "?"); !ok {
			return ErrLine
		}
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok || strings.TrimSpace(name) == "" || strings.Contains(name, "\n") {
		return ErrLine
	}
	f.Name = name
	if f.Flags == "" {
		f.Value = unmark(value)
	} else {
		f.Value, f.Template = unquote(value)
	}
	p.c.Envelope.Header = append(p.c.Envelope.Header, f)
	return nil
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
