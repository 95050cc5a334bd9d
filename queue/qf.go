package queue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/envelope"
)

// Version is the version of the control files that are written (line V).
const Version = 8

// Errors of control files.
var (
	// ErrIncomplete means that the final line "." is missing: the file was cut off.
	ErrIncomplete = errors.New("incomplete queue file read")
	// ErrBogus means that a line is not as this program or the original writes it, or that something follows the final
	// ".": somebody may be forging.
	ErrBogus = errors.New("bogus queue line")
	// ErrVersion means that a newer program wrote it.
	ErrVersion = errors.New("unsupported queue file version")
	// ErrLine means that a line has no meaning.
	ErrLine = errors.New("unrecognized line")
	// ErrPlace means that line d names a directory that is not the queue's.
	ErrPlace = errors.New("bogus queue file directory")
)

// Inode is what line I tells about the data file, for the recovery of broken file systems.
type Inode struct {
	Major, Minor uint32
	Ino          uint64 // 0: not told
}

// Control is the content of a qf or hf file (op.txt appendix B).
type Control struct {
	Version  int
	Envelope *envelope.Envelope // without ID, Open and Size
	DataDir  string             // line d: the queue directory of the df file; "" means where the qf is
	Data     Inode              // line I
	Held     bool               // line q is there: the message is quarantined
	// Complaints are what is wrong with lines that were passed over.
	Complaints []string
}

// AppendControl appends the control file of c to dst, with the lines in the order and the escapes of sendmail V8.
func AppendControl(dst []byte, c *Control) []byte {
	w := writer{dst}
	env := c.Envelope
	w.line('V', strconv.Itoa(Version))
	w.line('T', unixTime(env.Created))
	w.line('K', unixTime(env.LastTry))
	w.line('N', strconv.Itoa(env.Tries))
	w.line('P', strconv.FormatInt(env.Priority, 10))
	if c.Data.Ino != 0 {
		w.line('I', fmt.Sprintf("%d/%d/%d", c.Data.Major, c.Data.Minor, c.Data.Ino))
	}
	w.optional('d', c.DataDir)
	if isBody(env.Body) {
		w.line('B', env.Body)
	}
	w.optional('q', env.QuarantineReason)
	w.optional('M', env.Message)
	w.optional('F', flagLetters(env.Flags))
	w.macros(env.Macros)
	w.line('S', senderText(env))
	w.optional('Z', encodeXtext(env.EnvID))
	w.optional('A', encodeXtext(env.AuthParam))
	w.optional('!', deliverByText(env.DeliverBy))
	w.parts(env)
	w.recipients(env.Recipients)
	for i := range env.Header {
		if !env.Header[i].Nobody() {
			w.header(&env.Header[i])
		}
	}
	return append(w.buf, ".\n"...)
}

// writer builds the lines.
type writer struct{ buf []byte }

// line writes one line; a line break inside, which could forge another line, becomes a space.
func (w *writer) line(code byte, text string) {
	w.buf = append(w.buf, code)
	w.text(text)
	w.buf = append(w.buf, '\n')
}

func (w *writer) optional(code byte, text string) {
	if text != "" {
		w.line(code, text)
	}
}

func (w *writer) text(s string) {
	if strings.ContainsAny(s, "\n\r\x00") {
		s = oneLine.Replace(s)
	}
	w.buf = append(w.buf, s...)
}

var oneLine = strings.NewReplacer("\n", " ", "\r", "", "\x00", "")

// macros writes single-letter macros first, then the others, each kind by name: the original goes by its numbers.
func (w *writer) macros(macros map[string]string) {
	for _, name := range sortedMacros(macros) {
		w.buf = append(w.buf, '$')
		if len(name) > 1 {
			w.buf = append(append(append(w.buf, '{'), name...), '}')
		} else {
			w.buf = append(w.buf, name...)
		}
		w.text(macros[name])
		w.buf = append(w.buf, '\n')
	}
}

// recipients writes those that are still to be delivered, with a C line wherever the controlling user changes, and the
// outcomes that the sender is yet to be told. The original tries those again that failed, unless they are a program or
// a file, which the site may have refused.
func (w *writer) recipients(list []*envelope.Recipient) {
	var last string
	for _, r := range list {
		switch {
		case r.State == envelope.Pending:
		case !r.Owed:
			continue
		case r.State != envelope.Failed || r.Triple.Mailer == "prog" || r.Triple.Mailer == "*file*" || r.Triple.Mailer == "*include*":
			w.owed(r, false)
			continue
		default:
			w.owed(r, true)
		}
		w.optional('M', r.Message)
		if user := ctladdrText(controller(r)); user != last {
			w.line('C', user)
			last = user
		}
		w.optional('Q', encodeOrcpt(r.Orcpt))
		w.optional('r', r.Final)
		w.buf = append(w.buf, 'R')
		w.buf = append(w.buf, recipientFlags(r)...)
		w.buf = append(w.buf, ':')
		w.text(r.Addr)
		w.buf = append(w.buf, '\n')
	}
}

// controller is what the C line before a recipient says: whose rights programs and files that it stands for have, and
// which alias it came from. A user whom the sender named stands for himself: no alias is to be thought of.
func controller(r *envelope.Recipient) *envelope.Ctladdr {
	switch {
	case r.Alias == nil && r.Ctladdr != nil && r.Ctladdr.Addr == r.Addr:
		return nil
	case r.Alias == nil:
		return r.Ctladdr
	case r.Ctladdr == nil:
		return &envelope.Ctladdr{UID: -1, GID: -1, Addr: r.Alias.Addr}
	}
	c := *r.Ctladdr
	c.Addr = r.Alias.Addr
	return &c
}

// header writes one H line; its continuation lines begin with white space as in the message.
func (w *writer) header(f *envelope.Field) {
	w.buf = append(w.buf, "H?"...)
	w.text(f.Flags)
	w.buf = append(w.buf, '?')
	w.text(strings.ReplaceAll(f.Name, ":", ""))
	w.buf = append(w.buf, ':')
	value := strings.TrimRight(f.Value, "\n")
	if f.Template {
		w.template(value)
	} else {
		w.value(value)
	}
	w.buf = append(w.buf, '\n')
}

const (
	metaQuote = 0xff // the next byte is meant literally
	metaMacro = 0x81 // a macro that is expanded at delivery
)

// value writes literal text: bytes that the original uses as marks (0x80 to 0x9f, 0xff) are quoted.
func (w *writer) value(s string) {
	for i := 0; i < len(s); i++ {
		w.byte(s, i)
	}
}

func (w *writer) byte(s string, i int) {
	c := s[i]
	switch {
	case c == 0:
		return
	case c >= 0x80 && c < 0xa0 || c == metaQuote:
		w.buf = append(w.buf, metaQuote)
	case c == '\n' && i+1 < len(s) && s[i+1] != ' ' && s[i+1] != '\t':
		w.buf = append(w.buf, '\n', '\t')
		return
	}
	w.buf = append(w.buf, c)
}

// template writes text in which $x stands for a macro and $$ for a dollar sign.
func (w *writer) template(s string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '$' || i+1 == len(s):
			w.byte(s, i)
		case s[i+1] == '$':
			w.buf = append(w.buf, '$')
			i++
		default:
			w.buf = append(w.buf, metaMacro)
		}
	}
}

func unixTime(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func senderText(env *envelope.Envelope) string {
	if env.SenderText != "" {
		return env.SenderText
	}
	return "<" + env.Sender + ">"
}

// The bits by which line ! tells how BY= (RFC 2852) was asked for.
const (
	byNotify = 0x01
	byReturn = 0x02
	byTrace  = 0x10
)

// deliverByText is the content of line !: a byte of bits and the seconds that were left.
func deliverByText(by envelope.DeliverBy) string {
	var bits byte
	switch by.Mode {
	case envelope.ByNotify:
		bits = byNotify
	case envelope.ByReturn:
		bits = byReturn
	default:
		return ""
	}
	if by.Trace {
		bits |= byTrace
	}
	return string([]byte{bits, ' '}) + strconv.FormatInt(by.Seconds(), 10)
}

// parseDeliverBy undoes deliverByText. What is not of that form is no request.
func parseDeliverBy(text string) (by envelope.DeliverBy) {
	if len(text) < 3 || text[1] != ' ' {
		return by
	}
	switch bits := text[0]; {
	case bits&byNotify != 0:
		by.Mode = envelope.ByNotify
	case bits&byReturn != 0:
		by.Mode = envelope.ByReturn
	default:
		return by
	}
	const most = 999999999 // nine digits, as MAIL has them
	by.Time = time.Duration(max(-most, min(number(text[2:]), most))) * time.Second
	by.Trace = text[0]&byTrace != 0
	return by
}

// ctladdrText is the content of a C line: user, with ids where they are known, and the alias.
func ctladdrText(c *envelope.Ctladdr) string {
	if c == nil {
		return ""
	}
	if c.User == "" || c.UID < 0 {
		return c.User + ":" + c.Addr
	}
	return fmt.Sprintf("%s:%d:%d:%s", c.User, c.UID, c.GID, c.Addr)
}

// recipientFlags are the letters of an R line, in the original's order.
func recipientFlags(r *envelope.Recipient) []byte {
	flags := make([]byte, 0, 8)
	add := func(c byte, on bool) {
		if on {
			flags = append(flags, c)
		}
	}
	n := r.Notify
	if n == 0 {
		n = envelope.NotifyImplied | envelope.NotifyFailure | envelope.NotifyDelay
	}
	add('P', r.Primary)
	add('N', n&envelope.NotifyImplied == 0)
	add('S', n&envelope.NotifySuccess != 0)
	add('F', n&envelope.NotifyFailure != 0)
	add('D', n&envelope.NotifyDelay != 0)
	add('A', r.IsAlias)
	return flags
}

// envelopeFlags pairs the letters of line F with their flags, in the original's order.
func envelopeFlags(f *envelope.Flags) []struct {
	letter byte
	flag   *bool
} {
	return []struct {
		letter byte
		flag   *bool
	}{
		{'w', &f.Warning}, {'r', &f.Response}, {'8', &f.EightBit}, {'b', &f.DeleteBcc},
		{'d', &f.RetParam}, {'n', &f.NoReturn}, {'s', &f.Split},
	}
}

func flagLetters(f envelope.Flags) string {
	var letters []byte
	for _, p := range envelopeFlags(&f) {
		if *p.flag {
			letters = append(letters, p.letter)
		}
	}
	return string(letters)
}
