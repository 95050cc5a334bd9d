package mta

import (
	"context"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/macro"
	"gosendmail/mailers"
)

// listWidth is where address lists are folded, unless the mailer's lines are shorter.
const listWidth = 78

// headerFor makes the header as a mailer gets it: fields that its flags do not ask for left out, addresses rewritten,
// blind copies hidden. t holds the macros of the delivery.
func (m *message) headerFor(ctx context.Context, mailer *mailers.Mailer, t *macro.Table) []envelope.Field {
	out := make([]envelope.Field, 0, len(m.env.Header))
	for i := range m.env.Header {
		f := m.env.Header[i]
		kind := kindOf(f.Name)
		if !m.wanted(&f, kind, mailer, t) {
			continue
		}
		switch {
		case f.Template:
			f.Value = m.bind(f.Value, t)
			f.Template = false
		case kind.is(fieldBcc):
			f.Value = ""
		case kind.is(fieldFrom|fieldRcpt) && strings.TrimSpace(f.Value) != "":
			f.Value = m.rewritten(ctx, i, &f, kind, mailer, t)
		case f.Nobody():
			from, _ := t.Macro("g")
			f.Value = " " + unquoteMacro(from) // nobody, or who speaks for nobody to this mailer
		}
		f.Flags = ""
		m.limitMIME(&f)
		out = append(out, f)
	}
	return out
}

// wanted reports whether a field goes to a mailer.
func (m *message) wanted(f *envelope.Field, kind fieldKind, mailer *mailers.Mailer, t *macro.Table) bool {
	if m.consumed(kind) {
		return false
	}
	if f.Flags == "" {
		return !kind.is(fieldCheck) // what another program wrote into the queue
	}
	if name, ok := strings.CutPrefix(f.Flags, "$"); ok {
		v, _ := t.Macro(name)
		return v != ""
	}
	for i := 0; i < len(f.Flags); i++ {
		if mailer.Flags.Has(f.Flags[i]) {
			return true
		}
	}
	return false
}

// consumed reports whether a field goes no further: blind copies, and what asks for a receipt where it asked us, or
// where the part of a list's owner is delivered by the one who split it off; later runs send it, as the original.
func (m *message) consumed(kind fieldKind) bool {
	return kind.is(fieldBcc) && m.env.Flags.DeleteBcc ||
		kind.is(fieldReceipt) && (m.site.options.RrtImpliesDsn || m.inherited)
}

// bind expands a field that depends on the delivery.
func (m *message) bind(value string, t *macro.Table) string {
	text, _ := macro.Encode(value, m.site.level)
	return expandText(text, t)
}

// rewriteKey is a field of the header as a mailer gets it.
type rewriteKey struct {
	mailer *mailers.Mailer
	field  int
	value  string // as it came
}

// rewritten is the value of a field for a mailer. It is worked out once for all deliveries of an attempt, unless the
// rules looked at what only one delivery has: a message to many hosts would otherwise cost as many times the length of
// its header.
func (m *message) rewritten(ctx context.Context, i int, f *envelope.Field, kind fieldKind, mailer *mailers.Mailer, t *macro.Table) string {
	key := rewriteKey{mailer, i, f.Value}
	if value, ok := m.rewrites[key]; ok {
		return value
	}
	env := m.envAbove(t)
	value := m.rewriteList(ctx, env, f, kind, mailer)
	if !env.OfDelivery && !env.unanswered {
		if m.rewrites == nil {
			m.rewrites = map[rewriteKey]string{}
		}
		m.rewrites[key] = value
	}
	return value
}

// rewriteList rewrites the addresses of a field for a mailer and lays the list out anew.
func (m *message) rewriteList(ctx context.Context, env *Env, f *envelope.Field, kind fieldKind, mailer *mailers.Mailer) string {
	limit := listWidth
	if l := mailer.LineLimit; l > 0 && l-2 < limit {
		limit = l - 2
	}
	return m.layOut(f, kind, limit, func(name string) string {
		return m.headerAddress(ctx, env, name, mailer, kind.is(fieldFrom))
	})
}

// layOutLists lays the lists of the header out as the queue file keeps them.
func (m *message) layOutLists() {
	for i := range m.env.Header {
		f := &m.env.Header[i]
		if kind := kindOf(f.Name); !f.Default && kind.is(fieldFrom|fieldRcpt) && strings.TrimSpace(f.Value) != "" {
			f.Value = m.layOut(f, kind, listWidth, func(name string) string { return name })
		}
	}
}

// layOut writes a list of addresses, each as shown gives it, with as many blanks in front as white space was there, and
// in lines of limit columns.
func (m *message) layOut(f *envelope.Field, kind fieldKind, limit int, shown func(name string) string) string {
	text := strings.TrimLeft(f.Value, " \t\r\n")
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", len(f.Value)-len(text)))
	pos, first := len(f.Name)+2, true
	for _, name := range m.splitList(text, !kind.is(fieldFrom) && m.oldHeader && m.oldStyle(text)) {
		name = shown(name)
		if name == "" {
			continue
		}
		pos += len(name)
		if !first {
			pos += 2
		}
		if pos > limit && !first {
			b.WriteString(",\n        ")
			pos = 8 + len(name)
		} else if !first {
			b.WriteString(", ")
		}
		b.WriteString(name)
		first = false
	}
	return b.String()
}

// oldStyle reports whether a list may have blanks between its addresses (option OldStyleHeaders).
func (m *message) oldStyle(list string) bool {
	return m.site.options.OldStyleHeaders && !strings.ContainsAny(list, ",<(\":;")
}

// oldStyleHeader reports whether lists of a header may be of the old style: one field that parts or marks its addresses
// shows that the sender knows the new one.
func oldStyleHeader(fields []envelope.Field) bool {
	for _, f := range fields {
		if kindOf(f.Name).is(fieldFrom|fieldRcpt) && strings.ContainsAny(strings.Trim(f.Value, ", \t\n"), ",;<(") {
			return false
		}
	}
	return true
}

// splitList takes an address list apart. In old style lists blanks part addresses too, but not around an at sign.
func (m *message) splitList(list string, oldStyle bool) []string {
	delim := byte(',')
	if oldStyle {
		delim = ' '
	}
	var names []string
	for list != "" {
		list = strings.TrimLeft(list, ", \t\r\n")
		end := m.addressEnd(list, delim)
		if name := strings.TrimRight(list[:end], ", \t\r\n"); name != "" {
			names = append(names, name)
		}
		list = list[end:]
	}
	return names
}

// addressEnd finds where the first address of a list ends.
func (m *message) addressEnd(list string, delim byte) int {
	end := 0
	for {
		n := m.site.scanEnd(list[end:], delim)
		end += n
		rest := strings.TrimLeft(list[end:], " \t\r\n")
		if !strings.HasPrefix(rest, "@") || end == len(list) {
			break
		}
		end = len(list) - len(rest) + 1
		end = len(list) - len(strings.TrimLeft(list[end:], " \t\r\n"))
	}
	if end == 0 {
		return len(list)
	}
	return end
}
