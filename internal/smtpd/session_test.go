package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/status"
)

// fake is a session that takes everything but users named nosuch, and keeps what it was told.
type fake struct {
	refusal  *status.Reply
	features []string
	got      []string // calls, one line each
	messages [][]byte
	cause    error
	closed   bool
	trickle  int            // bytes of a message that are read at a time; 0: io.Copy
	stop     int            // bytes after which the session loses interest in a message; 0: never
	starts   []status.Reply // StartData's, one after the other
}

func (f *fake) note(format string, args ...any) { f.got = append(f.got, fmt.Sprintf(format, args...)) }

func (f *fake) Connect(ctx context.Context) status.Reply {
	if f.refusal != nil {
		return *f.refusal
	}
	return f.Greeting(ctx)
}
func (f *fake) Greeting(context.Context) status.Reply {
	return say(220, noEnhanced, "mail.example.test ESMTP")
}
func (f *fake) Client() string                    { return "root@localhost" }
func (f *fake) Features(context.Context) []string { return f.features }
func (f *fake) Attack(_ context.Context, command string, n int) {
	f.note("notice: attack by %s, %d", command, n)
}
func (f *fake) TooLong(_ context.Context, n int)        { f.note("notice: %d bytes", n) }
func (f *fake) Proxy(_ context.Context, line string)    { f.note("notice: proxy: %s", line) }
func (f *fake) Trapdoor(_ context.Context, name string) { f.note("notice: trapdoor %s", name) }
func (f *fake) Early(_ context.Context, verb string)    { f.note("notice: early after %s", verb) }
func (f *fake) Undecoded(_ context.Context, text string) {
	f.got = append(f.got, "notice: undecoded "+text)
}
func (f *fake) Misspoken(_ context.Context, text string) { f.note("notice: wrong: %s", text) }
func (f *fake) Reset(context.Context)                    { f.note("reset") }
func (f *fake) Close(_ context.Context, cause error)     { f.closed, f.cause = true, cause }
func (f *fake) StartData(context.Context) (r status.Reply) {
	if len(f.starts) > 0 {
		r, f.starts = f.starts[0], f.starts[1:]
	}
	return r
}
func (f *fake) Helo(_ context.Context, verb, name string) (status.Reply, []string) {
	f.note("%s %s", verb, name)
	return say(250, noEnhanced, "mail.example.test Hello root@localhost, pleased to meet you"), []string{"ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SIZE", "DSN", "DELIVERBY", "HELP"}
}
func (f *fake) Mail(_ context.Context, addr string, o *smtp.MailOptions) status.Reply {
	f.note("mail %s %d %s %s %q", addr, o.Size, o.Body, o.Return, o.EnvelopeID)
	return say(250, status.Enhanced{2, 1, 0}, addr+"... Sender ok")
}
func (f *fake) MailBy(ctx context.Context, addr string, o *smtp.MailOptions, by *smtp.DeliverByOptions) status.Reply {
	f.note("by %v %s %v", by.Time, by.Mode, by.Trace)
	return f.Mail(ctx, addr, o)
}
func (f *fake) Rcpt(_ context.Context, addr string, o *smtp.RcptOptions) status.Reply {
	f.note("rcpt %s %v %s;%q", addr, o.Notify, o.OriginalRecipientType, o.OriginalRecipient)
	if strings.Contains(addr, "nosuch") {
		return say(550, status.Enhanced{5, 1, 1}, addr+"... User unknown")
	}
	return say(250, status.Enhanced{2, 1, 5}, addr+"... Recipient ok")
}
func (f *fake) Data(_ context.Context, r io.Reader) status.Reply {
	var b bytes.Buffer
	var err error
	switch {
	case f.stop > 0:
		_, err = io.CopyN(&b, r, int64(f.stop))
	case f.trickle > 0:
		p := make([]byte, f.trickle)
		for err == nil {
			var n int
			n, err = r.Read(p)
			b.Write(p[:n])
		}
		if err == io.EOF {
			err = nil
		}
	default:
		_, err = io.Copy(&b, r)
	}
	if err != nil {
		f.note("data failed: %v", err)
		return say(451, status.Enhanced{4, 0, 0}, "failed")
	}
	f.messages = append(f.messages, b.Bytes())
	return say(250, ok200, "ID Message accepted for delivery")
}
func (f *fake) Verify(_ context.Context, arg string) status.Reply {
	if arg == "" {
		return say(501, syntax552, "Argument required")
	}
	return say(250, status.Enhanced{2, 1, 5}, "<"+arg+"@mail.example.test>")
}
func (f *fake) Expand(ctx context.Context, arg string) status.Reply { return f.Verify(ctx, arg) }
func (f *fake) Help(context.Context, string) status.Reply {
	return say(502, status.Enhanced{5, 3, 0}, "HELP not implemented")
}
func (f *fake) Etrn(_ context.Context, arg string) status.Reply {
	if arg == "" {
		return say(500, syntax552, "Parameter required")
	}
	return say(250, ok200, "Queuing for node "+arg+" started")
}
