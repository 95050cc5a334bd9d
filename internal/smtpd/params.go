package smtpd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/status"
)

// paramReply is a reply that refuses a parameter.
func paramReply(code, subject, detail int, format string, args ...any) *status.Reply {
	r := say(code, status.Enhanced{5, subject, detail}, fmt.Sprintf(format, args...))
	return &r
}

// eachParam calls f with every parameter of a command (RFC 5321 section 4.1.2), its keyword in upper case; has tells
// "K=" from "K". word is the keyword as written: letters, digits and hyphens, as far as they go.
func eachParam(params string, f func(key, word, value string, has bool) *status.Reply) *status.Reply {
	for _, p := range strings.FieldsFunc(params, func(r rune) bool { return r == ' ' || r == '\t' }) {
		end := strings.IndexFunc(p, func(r rune) bool { return !isKeyword(r) })
		if end < 0 {
			end = len(p)
		}
		word := p[:end]
		value, has := strings.CutPrefix(p[end:], "=")
		if !has && value != "" {
			return unrecognised(word)
		}
		if bad := f(strings.ToUpper(word), word, value, has); bad != nil {
			return bad
		}
	}
	return nil
}

func isKeyword(r rune) bool {
	return r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func unrecognised(word string) *status.Reply {
	return paramReply(555, 5, 4, "%s parameter unrecognized", clean(word))
}

func noDSN(key string) *status.Reply {
	return paramReply(504, 7, 0, "Sorry, %s not supported, we do not allow DSN", key)
}

// mailParams are the parameters of MAIL.
type mailParams struct {
	opts smtp.MailOptions
	by   *smtp.DeliverByOptions
}

// allowed says which extensions the session has.
type allowed struct {
	dsn, by, utf8 bool
	maxSize       int64
}

func parseMailParams(params string, allow allowed) (m mailParams, bad *status.Reply) {
	seen := map[string]bool{}
	bad = eachParam(params, func(key, word, value string, has bool) *status.Reply {
		again := seen[key]
		seen[key] = true
		switch {
		case key == "SIZE":
			return m.size(value, has, allow.maxSize)
		case key == "BODY":
			return m.body(value, has)
		case key == "AUTH":
			return m.auth(value, has, again)
		case key == "SMTPUTF8" && allow.utf8:
			if has {
				return paramReply(501, 5, 4, "SMTPUTF8 does not take a value")
			}
			m.opts.UTF8 = true
			return nil
		case !allow.dsn && (key == "RET" || key == "ENVID"):
			return noDSN(key)
		case key == "RET":
			return m.ret(value, has, again)
		case key == "ENVID":
			return m.envid(value, has, again)
		case key == "BY" && allow.by:
			return m.deliverBy(value, has)
		}
		return unrecognised(word)
	})
	return m, bad
}

// size reads SIZE as the original does: leading digits count, so that clients that send rubbish are not lost (RFC
// 1870).
func (m *mailParams) size(value string, has bool, limit int64) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "SIZE requires a value")
	}
	if strings.HasPrefix(value, "-") {
		return paramReply(552, 2, 3, "Message size invalid")
	}
	digits := value[:len(value)-len(strings.TrimLeft(value, "0123456789"))]
	if digits == "" {
		digits = "0"
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return paramReply(552, 2, 3, "Message size exceeds maximum value")
	}
	if limit > 0 && n > limit {
		return paramReply(552, 2, 3, "Message size exceeds fixed maximum message size (%d)", limit)
	}
	m.opts.Size = n
	return nil
}

func (m *mailParams) body(value string, has bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "BODY requires a value")
	}
	switch b := smtp.BodyType(strings.ToUpper(value)); b {
	case smtp.Body7Bit, smtp.Body8BitMIME:
		m.opts.Body = b
		return nil
	}
	return paramReply(501, 5, 4, "Unknown BODY type %s", clean(value))
}

// auth reads AUTH= (RFC 4954 section 5).
func (m *mailParams) auth(value string, has, again bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "AUTH= requires a value")
	}
	if again {
		return paramReply(501, 5, 0, "Duplicate AUTH parameter")
	}
	id, err := decodeXtext(value)
	if err != nil {
		return paramReply(501, 5, 4, "Syntax error in AUTH parameter value")
	}
	if id == "<>" {
		id = ""
	}
	m.opts.Auth = &id
	return nil
}

func (m *mailParams) ret(value string, has, again bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "RET requires a value")
	}
	if again {
		return paramReply(501, 5, 0, "Duplicate RET parameter")
	}
	switch r := smtp.DSNReturn(strings.ToUpper(value)); r {
	case smtp.DSNReturnFull, smtp.DSNReturnHeaders:
		m.opts.Return = r
		return nil
	}
	return paramReply(501, 5, 2, "Bad argument \"%s\" to RET", clean(value))
}

func (m *mailParams) envid(value string, has, again bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "ENVID requires a value")
	}
	if again {
		return paramReply(501, 5, 0, "Duplicate ENVID parameter")
	}
	id, err := decodeXtext(value)
	if err != nil {
		return paramReply(501, 5, 4, "Syntax error in ENVID parameter value")
	}
	m.opts.EnvelopeID = id
	return nil
}

// deliverBy reads BY (RFC 2852 section 4): seconds, of at most nine digits, and a mode.
func (m *mailParams) deliverBy(value string, has bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "BY= requires a value")
	}
	seconds, mode, ok := strings.Cut(value, ";")
	n := 0
	if seconds != "" {
		var err error
		n, err = strconv.Atoi(seconds)
		if errors.Is(err, strconv.ErrSyntax) {
			ok = false
		} else if err != nil {
			n = 1e9
		}
	}
	switch {
	case !ok:
		return paramReply(501, 5, 2, "BY= missing ';'")
	case n > 999999999 || n < -999999999:
		return paramReply(501, 5, 2, "BY=%s out of range", clean(value))
	}
	by := &smtp.DeliverByOptions{Time: time.Duration(n) * time.Second}
	by.Mode = smtp.DeliverByMode(strings.ToUpper(mode[:min(1, len(mode))]))
	if by.Mode != smtp.DeliverByNotify && by.Mode != smtp.DeliverByReturn {
		if mode == "" {
			mode = "?"
		}
		return paramReply(501, 5, 2, "illegal by-mode '%s'", clean(mode[:1]))
	}
	if trace := mode[1:]; strings.EqualFold(trace, "T") {
		by.Trace = true
	} else if trace != "" {
		return paramReply(501, 5, 2, "illegal by-trace '%s'", clean(trace))
	}
	if by.Mode == smtp.DeliverByReturn && n <= 0 {
		return paramReply(501, 5, 4, "mode R requires BY time > 0")
	}
	m.by = by
	return nil
}

func parseRcptParams(params string, allow allowed) (opts smtp.RcptOptions, bad *status.Reply) {
	seenOrcpt := false
	bad = eachParam(params, func(key, word, value string, has bool) *status.Reply {
		switch {
		case !allow.dsn && (key == "NOTIFY" || key == "ORCPT"):
			return noDSN(key)
		case key == "NOTIFY":
			return notify(&opts, value, has)
		case key == "ORCPT":
			if seenOrcpt {
				return paramReply(501, 5, 0, "Duplicate ORCPT parameter")
			}
			seenOrcpt = true
			return orcpt(&opts, value, has)
		}
		return unrecognised(word)
	})
	return opts, bad
}

// notify reads NOTIFY (RFC 3461 section 4.1); a second one adds to the first.
func notify(opts *smtp.RcptOptions, value string, has bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "NOTIFY requires a value")
	}
	words := strings.Split(value, ",")
	for _, word := range words {
		n := smtp.DSNNotify(strings.ToUpper(word))
		switch n {
		case smtp.DSNNotifyNever:
			if len(words) > 1 {
				return paramReply(501, 5, 4, "Bad argument \"%s\"  to NOTIFY", clean(word))
			}
		case smtp.DSNNotifySuccess, smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed:
		default:
			return paramReply(501, 5, 4, "Bad argument \"%s\"  to NOTIFY", clean(word))
		}
		if !contains(opts.Notify, n) {
			opts.Notify = append(opts.Notify, n)
		}
	}
	return nil
}

func contains(list []smtp.DSNNotify, n smtp.DSNNotify) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

// orcpt reads ORCPT (RFC 3461 section 4.2): an address type, a semicolon, an address in xtext.
func orcpt(opts *smtp.RcptOptions, value string, has bool) *status.Reply {
	if !has {
		return paramReply(501, 5, 2, "ORCPT requires a value")
	}
	kind, addr, ok := strings.Cut(value, ";")
	text, err := decodeXtext(addr)
	if !ok || kind == "" || err != nil || !printable(kind) {
		return paramReply(501, 5, 4, "Syntax error in ORCPT parameter value")
	}
	opts.OriginalRecipientType, opts.OriginalRecipient = smtp.DSNAddressType(kind), text
	return nil
}

var errXtext = errors.New("smtpd: xtext is malformed")

// decodeXtext undoes xtext (RFC 3461 section 4). Control characters are refused in both forms: what is decoded goes
// into queue files and headers.
func decodeXtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			if i+2 >= len(s) || !upperHex(s[i+1]) || !upperHex(s[i+2]) {
				return "", errXtext
			}
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			c = byte(n)
			i += 2
			if c < ' ' || c == 0x7f {
				return "", errXtext
			}
		case c <= ' ' || c > '~' || c == '=':
			return "", errXtext
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

func upperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
