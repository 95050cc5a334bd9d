package mta

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gosendmail/internal/envelope"
)

// headerLine is an H line that adds a field (op.txt section 5.5).
type headerLine struct {
	name     string
	kind     fieldKind
	flags    string // the mailer flags of which one must be set; "" means always
	macro    string // or the macro that must be set, as "{name}"
	template string // in internal form
}

// headerCheck is an H line that calls a ruleset.
type headerCheck struct {
	ruleset  string
	comments bool // $>+: parentheses are no comments
}

// header takes the message's header in: it counts hops, runs the checks on its fields, learns what the fields tell, and
// puts the fields that the configuration adds in front.
func (m *message) header(ctx context.Context, h *headerText) {
	fields := h.fields
	if m.site.options.SingleLineFromHeader {
		joinFrom(fields)
	}
	m.oldHeader = oldStyleHeader(fields)
	for i := range fields {
		m.learn(&fields[i])
		m.checkField(ctx, &fields[i])
	}
	if v := m.check(ctx, "check_eoh", strconv.Itoa(len(fields)), itoa(h.size)); v != nil && m.rejected == nil {
		if refusal := m.obey(v, ""); refusal != nil {
			m.reject(*refusal)
		}
	}
	if m.fromHeader != nil {
		m.fromHeader(fields)
	}
	if h.date != "" && m.date == "" {
		m.set("a", h.date)
	}
	fields = slices.DeleteFunc(fields, m.saysNothing)
	defaults := m.defaults(fields)
	m.env.Header = append(defaults, m.kept(fields)...)
	if m.headerRead != nil {
		m.headerRead()
	}
	m.env.Header = slices.Insert(m.env.Header, len(defaults), m.doubts()...)
}

// doubts are the fields that say what makes the sender doubtful.
func (m *message) doubts() (list []envelope.Field) {
	for _, w := range m.warnings {
		list = append(list, envelope.Field{Name: "X-Authentication-Warning", Value: " " + w, Default: true})
	}
	return list
}

// saysNothing tells a field without a value, such as "Message-Id:", in whose place the configuration puts one of its
// own: it is as good as none.
func (m *message) saysNothing(f envelope.Field) bool {
	if strings.TrimSpace(f.Value) != "" {
		return false
	}
	if strings.EqualFold(f.Name, "From") || strings.EqualFold(f.Name, "Resent-From") {
		m.fromNothing = true
		return true
	}
	return !kindOf(f.Name).is(fieldForce) && slices.ContainsFunc(m.site.headerLines, func(l headerLine) bool {
		return strings.EqualFold(l.name, f.Name)
	})
}

// joinFrom makes one line of each From: field (option SingleLineFromHeader).
func joinFrom(fields []envelope.Field) {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, "from") {
			fields[i].Value = strings.Join(strings.FieldsFunc(fields[i].Value, func(r rune) bool { return r == '\n' }), "")
		}
	}
}

// learn takes from a field what the envelope needs of it.
func (m *message) learn(f *envelope.Field) {
	value := strings.TrimSpace(f.Value)
	kind := kindOf(f.Name)
	switch {
	case kind.is(fieldTrace):
		m.hops++
	case kind.is(fieldErrors):
		m.errorsTo = value
	}
	if kind.is(fieldResent) {
		m.resent = true
	}
	if value == "" {
		return
	}
	switch strings.ToLower(f.Name) {
	case "message-id":
		if !m.resent {
			m.messageID = value
		}
	case "resent-message-id":
		m.messageID = value
	case "date":
		m.date = value
	case "return-receipt-to":
		m.receiptTo = value
	case "full-name":
		m.set("x", value)
	case "precedence":
		if m.ranked { // the first one counts
			return
		}
		m.ranked = true
		m.env.Class = m.site.precedence(value)
		if m.env.Class < 0 { // nobody wants a mass mailing back
			m.env.Flags.NoReturn = true
		}
	}
}

// checkField runs the ruleset that belongs to a field, or the one for fields without their own.
func (m *message) checkField(ctx context.Context, f *envelope.Field) {
	hc, ok := m.site.headerChecks[strings.ToLower(f.Name)]
	if !ok {
		hc, ok = m.site.headerChecks["*"]
	}
	if !ok {
		return
	}
	m.set("{hdr_name}", f.Name)
	m.set("{currHeader}", QuotedText(f.Value))
	m.set("{hdrlen}", strconv.Itoa(len(f.Value)))
	v := m.checkHeader(ctx, hc, f.Value)
	for _, name := range []string{"{hdr_name}", "{currHeader}", "{hdrlen}"} {
		m.macros.Undefine(name)
	}
	if v == nil || m.rejected != nil {
		return
	}
	if refusal := m.obey(v, ""); refusal != nil {
		m.reject(*refusal)
	}
}

// QuotedText makes one quoted word of a text as ${currHeader} has it: cut where a name would be too long, backslashes
// as they are.
func QuotedText(s string) string {
	const most = MaxName - 3
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s) && b.Len() < most; i++ {
		switch c := s[i]; {
		case c == '"':
			b.WriteString(`\"`)
		case c >= '\t' && c <= '\r':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// defaults makes the fields that the configuration adds to a message with the given fields.
func (m *message) defaults(fields []envelope.Field) []envelope.Field {
	list := make([]envelope.Field, 0, len(m.site.headerLines)+len(fields)+1)
	m.countRecipients()
	for i := range m.site.headerLines {
		l := &m.site.headerLines[i]
		if l.kind.is(fieldResent) && !m.resent {
			continue
		}
		if !l.kind.is(fieldForce) && written(fields, l.name) {
			continue
		}
		f := envelope.Field{Flags: l.flags, Name: l.name, Default: true}
		if l.macro != "" {
			f.Flags = "$" + l.macro
		}
		if l.kind.is(fieldBind) {
			f.Template, f.Value = true, " "+showTemplate(l.template)
		} else if value := m.expand(l.template); value != "" {
			f.Value = " " + value
		} else if !l.kind.is(fieldFrom) || m.env.Sender != "" || !m.namedBefore && !m.fromNothing {
			continue // a From: of nobody is for mail that is handed in, or had one that says nothing
		}
		switch strings.ToLower(l.name) {
		case "message-id", "resent-message-id":
			if m.messageID == "" || m.resent && l.kind.is(fieldResent) {
				m.messageID = strings.TrimSpace(f.Value)
			}
		}
		if l.kind.is(fieldTrace) {
			m.hops++ // this host is one, too
		}
		list = append(list, f)
	}
	m.set("{msg_id}", m.messageID)
	if m.date != "" {
		m.set("a", m.date)
	}
	return list
}

// written reports whether the sender wrote a field of that name. (The original's manual tells of a habit of MH, by
// which a From: that says no more than the envelope is replaced; what it does is to keep it.)
func written(fields []envelope.Field, name string) bool {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			return true
		}
	}
	return false
}

// kept returns the fields of the sender that go on: without those that only we may write.
func (m *message) kept(fields []envelope.Field) []envelope.Field {
	out := make([]envelope.Field, 0, len(fields))
	for _, f := range fields {
		kind := kindOf(f.Name)
		if kind.is(fieldCheck) {
			if kind.is(fieldForce) {
				continue
			}
			if f.Flags = m.conditions(f.Name); f.Flags == "" {
				continue
			}
		}
		if namesRecipients(f.Name) {
			m.env.Flags.DeleteBcc = true
		}
		out = append(out, f)
	}
	return out
}

// namesRecipients tells the fields beside which no Bcc is wanted.
func namesRecipients(field string) bool {
	return strings.EqualFold(field, "To") || strings.EqualFold(field, "Cc") || strings.EqualFold(field, "Apparently-To")
}

// conditions are the mailer flags under which the configuration sends a field.
func (m *message) conditions(name string) string {
	for i := range m.site.headerLines {
		if strings.EqualFold(m.site.headerLines[i].name, name) {
			return m.site.headerLines[i].flags
		}
	}
	return ""
}

// countRecipients sets $u for the Received: line: only a single recipient is named, so that blind copies stay blind.
func (m *message) countRecipients() {
	if m.namedBefore {
		return
	}
	if len(m.env.Recipients) == 1 && m.named <= 1 && m.strangers == 0 && !m.env.Flags.Response {
		m.set("u", m.env.Recipients[0].Addr)
	} else {
		m.macros.Undefine("u")
	}
}

// complete settles what can be told only when header and body are known.
func (m *message) complete() {
	m.noRecipientAction()
	if m.receiptTo != "" && m.site.options.RrtImpliesDsn {
		for _, r := range m.env.Recipients {
			if r.Notify == 0 { // who said what he wants to hear hears that
				r.Notify = envelope.NotifySuccess | envelope.NotifyFailure | envelope.NotifyDelay
			}
		}
	}
	if m.env.QuarantineReason == "" && m.quarantine != "" {
		m.env.QuarantineReason = m.quarantine
	}
	m.prioritize()
	m.keepMacros()
}

// prioritize works out the priority: large messages, those to many and those of a low class are less urgent (op.txt
// section 4.5).
func (m *message) prioritize() { m.priorityOf(m.env.Size) }

func (m *message) priorityOf(size int64) {
	o := &m.site.options
	m.size = size
	m.env.Priority = size + int64(o.RecipientFactor)*int64(m.recipients()) - int64(o.ClassFactor)*int64(m.env.Class)
}

// reread notes whether the original's background process would read the queue file that was just written, as it does
// with messages that have a recipient whom aliases or an account stand for: it then works the priority out anew, with
// the recipients that aliases brought and the header as it stands in the file.
func (m *message) reread() { m.rereads = m.rereads || m.expands() }

// expands reports whether the message has a recipient whom aliases or an account stand for.
func (m *message) expands() bool {
	return slices.ContainsFunc(m.env.Recipients, func(r *envelope.Recipient) bool {
		mailer := m.site.Mailer(r.Triple.Mailer)
		return mailer != nil && (mailer.Flags.Has('A') || mailer.Flags.Has('w'))
	})
}

// queuedSize is the size of the header as the queue file has it.
func (m *message) queuedSize() int64 {
	var n int
	for i := range m.env.Header {
		f := &m.env.Header[i]
		if f.Nobody() {
			continue
		}
		n += len(f.Flags) + len(f.Name) + len(f.Value) + 1
		if !strings.HasPrefix(f.Value, " ") {
			n++
		}
	}
	return int64(n)
}

// noRecipientAction gives a message whose header names no recipient what the option asks for (RFC 5322 allows none).
func (m *message) noRecipientAction() {
	for i := range m.env.Header {
		if kindOf(m.env.Header[i].Name).is(fieldRcpt) {
			return
		}
	}
	add := func(name, value string) {
		m.env.Header = append(m.env.Header, envelope.Field{Name: name, Value: " " + value, Default: true})
	}
	switch m.site.options.NoRecipientAction {
	case "add-to", "add-apparently-to":
		name := "To"
		if m.site.options.NoRecipientAction != "add-to" {
			name = "Apparently-To"
		}
		for _, r := range m.env.Recipients {
			add(name, r.Addr)
		}
	case "add-bcc":
		add("Bcc", "")
	case "add-to-undisclosed":
		add("To", "undisclosed-recipients:;")
	}
}

// authWarning notes what makes the sender doubtful: in the log, and in the header where PrivacyOptions asks for it.
func (m *message) authWarning(format string, args ...any) {
	if !m.site.options.privacy.has(authWarnings) {
		return
	}
	text := m.site.Hostname() + ": " + fmt.Sprintf(format, args...)
	m.log(logInfo, 4, "Authentication-Warning: %s", text)
	m.warnings = append(m.warnings, text)
}
