package main

import (
	"strconv"
	"strings"

	"gosendmail/internal/envelope"
)

// setReturn reads -R: how much of a message a report brings back (RFC 3461 section 4.3). It can be said once.
func (f *flags) setReturn(text string) {
	switch {
	case f.ret != "":
		f.misuse("Duplicate -R flag")
	case strings.EqualFold(text, "full"):
		f.ret = envelope.ReturnFull
	case strings.EqualFold(text, "hdrs"):
		f.ret = envelope.ReturnHeaders
	default:
		f.misuse("Invalid -R value")
	}
}

// addNotify reads -N: "never", or some of success, failure and delay (RFC 3461 section 4.1). A further -N adds to the
// ones before; what it adds counts beside "never".
func (f *flags) addNotify(text string) {
	if strings.EqualFold(strings.TrimSpace(text), "never") {
		if f.notify == 0 {
			f.notify = envelope.NotifyNever
		}
		return
	}
	var n envelope.Notify
	for word := range strings.SplitSeq(text, ",") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "success":
			n |= envelope.NotifySuccess
		case "failure":
			n |= envelope.NotifyFailure
		case "delay":
			n |= envelope.NotifyDelay
		default:
			f.misuse("Invalid -N argument")
			return
		}
	}
	f.notify = f.notify&^envelope.NotifyNever | n
}

// xtext decodes text in which "+41" stands for a character (RFC 3461 section 4).
func xtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && i+2 < len(s):
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || n < ' ' || n > '~' || strings.ToUpper(s[i+1:i+3]) != s[i+1:i+3] {
				return "", strconv.ErrSyntax
			}
			b.WriteByte(byte(n))
			i += 2
		case c <= ' ' || c > '~' || c == '+' || c == '=':
			return "", strconv.ErrSyntax
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
