package mta

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// bodyReaders hold the buffers through which messages are read; the longest header name must fit.
var bodyReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

// copyBuffers are the pieces in which bodies are copied.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// StartData answers DATA before the message comes: 354, or why there is no use in sending it.
func (c *Session) StartData(ctx context.Context) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	m := c.msg
	switch {
	case m == nil:
		return reply(503, status.Enhanced{5, 0, 0}, "Need MAIL command")
	case m.accepted == 0:
		return reply(503, status.Enhanced{5, 0, 0}, "Need RCPT (recipient)")
	}
	for _, name := range []string{"{rcpt_mailer}", "{rcpt_host}", "{rcpt_addr}"} {
		m.macros.Undefine(name)
	}
	if v := m.check(ctx, "check_data", fmt.Sprint(m.accepted)); v != nil {
		if refusal := m.obey(v, ""); refusal != nil {
			return refusal.Reply()
		}
	}
	return status.Reply{Code: 354, Lines: []string{"End data with <CR><LF>.<CR><LF>"}}
}

// Data takes the message in: it is in the queue, safe, when the answer is 250. r gives the message with LF line ends
// and dots undone.
func (c *Session) Data(ctx context.Context, r io.Reader) status.Reply {
	m := c.msg
	if m == nil {
		return reply(503, status.Enhanced{5, 0, 0}, "Need MAIL command")
	}
	defer c.endMessage()
	collected := false
	defer func() {
		if !collected { // a panic: the file and its lock must not stay
			m.abort()
		}
	}()
	m.collect(ctx, r)
	collected = true
	c.over = m.cut
	m.logFrom()
	if m.rejected != nil {
		m.logRejected()
		m.abort()
		return m.rejected.Reply()
	}
	if m.discard {
		m.log(logInfo, 3, "discarded")
		m.countVerdict(maillog.Discarded)
		m.abort()
		return reply(250, status.Enhanced{2, 0, 0}, m.id+" Message accepted for delivery")
	}
	return c.accept(ctx, m)
}

// accept makes the message safe and lets its delivery begin.
func (c *Session) accept(ctx context.Context, m *message) status.Reply {
	mode := c.deliveryMode()
	m.entry.Interactive = mode == deliverInteractive
	m.env.Flags.Split = m.markedSplit(mode)
	sortByHost(m.env.Recipients)
	if err := m.entry.Commit(m.env); err != nil {
		m.log(logAlert, 0, "SYSERR: %v", err)
		m.abort()
		return reply(451, status.Enhanced{4, 3, 0}, "Temporary system failure: cannot store the message")
	}
	answer := reply(250, status.Enhanced{2, 0, 0}, m.id+" Message accepted for delivery")
	if m.env.QuarantineReason != "" {
		m.countVerdict(maillog.Quarantined)
		if mode == deliverInteractive {
			m.logWaiting()
		}
		m.abort() // it waits for somebody's decision
		return answer
	}
	if c.overloaded(m) {
		mode = deliverQueueOnly
	}
	switch {
	case (mode == deliverQueueOnly || mode == deliverDeferred) && !m.expands():
		m.logWaiting()
		m.abort()
	case mode == deliverBackground:
		m.reread()
		c.srv.deliverSoon(m)
	case mode == deliverInteractive:
		c.srv.deliverNow(context.WithoutCancel(ctx), m)
	default:
		m.abort()
	}
	return answer
}

// markedSplit reports whether the original marks a message as split that it does not deliver at once, or holds.
func (m *message) markedSplit(mode byte) bool {
	held := m.env.QuarantineReason != ""
	return mode == deliverDeferred || mode == deliverQueueOnly && !held || mode == deliverInteractive && held
}

// collect reads header and body into the queue entry and runs the checks on them. What goes wrong is in m.rejected; the
// message is read to its end all the same, so that the client hears the answer.
func (m *message) collect(ctx context.Context, r io.Reader) {
	entry, err := m.srv.group(m).CreateAs(ctx, m.id)
	if err != nil {
		m.reject(storeStatus(err))
		m.log(logAlert, 0, "SYSERR: %v", err)
		m.drain(r)
		return
	}
	m.entry = entry
	m.rename(entry.ID())
	nul := &nulWatch{Reader: r}
	if m.site.options.RejectNUL {
		r = nul
	}
	br := bodyReaders.Get().(*bufio.Reader)
	br.Reset(r)
	defer func() { br.Reset(nil); bodyReaders.Put(br) }()

	h, err := readHeader(br, int64(m.site.options.MaxHeadersLength), m.site.options.SaveFromLine,
		m.sevenBit())
	if err != nil && !errors.Is(err, errHeaderTooLong) {
		m.env.Size = h.size
		m.broken(err, "header")
		return
	}
	m.env.Size = h.size
	m.env.Flags.EightBit = h.eight
	if h.eight && m.env.Body == "" && written(h.fields, "mime-version") {
		m.env.Body = envelope.Body8BitMIME // it says so itself
	}
	m.header(ctx, h)
	if err != nil {
		m.tooLongHeader()
	}
	m.body(br)
	if m.cut {
		return
	}
	m.bodySize = m.env.Size - h.size
	if nul.seen {
		m.reject(nulRefused)
	}
	m.finishSize()
	m.prioritize()
	m.countFrom(m.env.Size)
	m.logFrom()
	if m.tooLarge {
		m.log(logNotice, 6, "message size (%d) exceeds maximum (%d)", m.env.Size, m.site.options.MaxMessageSize)
	}
	if m.rejected == nil {
		m.checkEnd(ctx)
	}
	m.complete()
	m.layOutLists()
}

// broken ends a message that cannot be read on.
func (m *message) broken(err error, where string) {
	m.cut, m.messageID = true, ""
	m.readFailed(err, where)
	m.reject(status.As(err))
}

// tooLongHeader refuses a message whose header is longer than MaxHeadersLength.
func (m *message) tooLongHeader() {
	limit := m.site.options.MaxHeadersLength
	from := cmp.Or(m.get("{client_ptr}"), "local")
	m.log(logNotice, 6, "headers too large (%d max) from %s during message collect", limit, from)
	m.reject(status.Status{Exit: status.Unavailable, Code: 552, Enhanced: status.Enhanced{5, 6, 0},
		Text: fmt.Sprintf("Headers too large (%d max)", limit)})
}

// storeStatus is what the client hears when the queue cannot take a message.
func storeStatus(err error) status.Status {
	return status.Status{Exit: status.TempFail, Code: 452, Enhanced: status.Enhanced{4, 3, 1},
		Text: "Temporary system failure: cannot store the message", Err: err}
}

// reject remembers why the message is refused; the first reason counts.
func (m *message) reject(s status.Status) {
	if m.rejected == nil {
		m.rejected = &s
	}
}

// drain reads a message that cannot be stored.
func (m *message) drain(r io.Reader) {
	n, err := io.Copy(io.Discard, r)
	m.env.Size = n
	if err != nil {
		m.broken(err, "body")
	}
}

// body copies the rest of the message into the data file. An over-long or refused message is only counted.
func (m *message) body(r io.Reader) {
	bp := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(bp)
	eight, seven := m.env.Flags.EightBit, m.sevenBit()
	limit := m.site.options.MaxMessageSize
	for {
		n, err := r.Read(*bp)
		p := (*bp)[:n]
		m.env.Size += int64(n)
		if seven {
			for i := range p {
				p[i] &= 0x7f
			}
		}
		eight = eight || hasEightBit(p)
		if m.rejected == nil && !m.discard && (limit <= 0 || m.env.Size <= limit) {
			if _, werr := m.entry.Write(p); werr != nil {
				m.log(logAlert, 0, "SYSERR: %v", werr)
				m.reject(storeStatus(werr))
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			m.broken(err, "body")
			break
		}
	}
	m.env.Flags.EightBit = eight
	if m.env.Body == envelope.Body8BitMIME && !eight {
		m.bodyType, m.env.Body = m.env.Body, envelope.Body7Bit // nothing of it needs more
	}
	if eight && m.env.Body != envelope.Body8BitMIME && !written(m.env.Header, "mime-version") && mailers.EightBitMode(m.site.options.EightBitMode) == mailers.Strict8 {
		m.reject(status.Status{Exit: status.DataErr, Code: 554, Enhanced: status.Enhanced{5, 6, 1}, Text: "Eight bit data not allowed"})
	}
}

// sevenBit reports whether eighth bits are cut off (option SevenBitInput): not where the sender declared them.
func (m *message) sevenBit() bool {
	return m.site.options.SevenBitInput && m.env.Body != envelope.Body8BitMIME
}

// nulRefused is what the client hears of NUL bytes in a message (option RejectNUL).
var nulRefused = status.Status{Exit: status.DataErr, Code: 554, Enhanced: status.Enhanced{5, 6, 1},
	Text: "NUL byte not allowed"}

// nulWatch notes whether NUL bytes went through it.
type nulWatch struct {
	io.Reader
	seen bool
}

// Read implements io.Reader.
func (n *nulWatch) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	n.seen = n.seen || bytes.IndexByte(p[:k], 0) >= 0
	return k, err
}

// finishSize holds the message against MaxMessageSize.
func (m *message) finishSize() {
	limit := m.site.options.MaxMessageSize
	m.set("{msg_size}", itoa(m.env.Size))
	if limit <= 0 || m.env.Size <= limit || m.rejected != nil {
		return
	}
	m.tooLarge = true
	m.reject(status.Status{Exit: status.Unavailable, Code: 552, Enhanced: status.Enhanced{5, 2, 3},
		Text: fmt.Sprintf("Message exceeds maximum fixed size (%d)", limit)})
}

// checkEnd runs check_eom on the whole message.
func (m *message) checkEnd(ctx context.Context) {
	if v := m.check(ctx, "check_eom", itoa(m.env.Size)); v != nil {
		if refusal := m.obey(v, ""); refusal != nil {
			m.reject(*refusal)
		}
	}
}

// logRejected tells each recipient of a message that was refused after it was sent.
func (m *message) logRejected() {
	if m.cut {
		return // told when it was
	}
	for _, r := range m.env.Recipients {
		m.logTo([]*envelope.Recipient{r}, toLine{text: m.rejected.Text})
	}
}

// abort forgets what was stored of the message.
func (m *message) abort() {
	if m.entry == nil {
		return
	}
	if err := m.entry.Close(); err != nil {
		m.log(logErr, 1, "%v", err)
	}
	m.entry = nil
}

// headerSize is how many bytes fields take in a message.
func headerSize(fields []envelope.Field) int64 {
	var n int
	for i := range fields {
		n += len(fields[i].Name) + len(fields[i].Value) + 2 + strings.Count(fields[i].Value, "\n")
	}
	return int64(n)
}
