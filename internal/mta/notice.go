package mta

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

// What a session leaves in the log beside its messages, in the words that log watchers know.

// Attack is told when a client repeats a command without need.
func (c *Session) Attack(_ context.Context, command string, count int) {
	c.log(logInfo, maillog.LevelErrors, "%s: possible SMTP attack: command=%s, count=%d", c.relay, shorten(command, 40), count)
}

// TooLong is told when a command is longer than any may be.
func (c *Session) TooLong(_ context.Context, bytes int) {
	c.log(logInfo, maillog.LevelErrors, "%s: SMTP violation, input too long: %d", c.relay, bytes)
}

// Proxy is told when a web browser's command comes.
func (c *Session) Proxy(_ context.Context, line string) {
	c.log(logInfo, maillog.LevelErrors, "%s: probable open proxy: command=%s", c.relay, shorten(line+"\r\n", 40))
}

// Trapdoor is told when somebody looks for doors that mail servers of old had.
func (c *Session) Trapdoor(_ context.Context, name string) {
	c.log(maillog.Crit, maillog.LevelSerious, "%q command from %s (%s)", name, c.relay, c.addressText())
}

// Early is told when more came before the reply to a command.
func (c *Session) Early(_ context.Context, verb string) {
	name := c.client.name
	if !c.client.addr.IsValid() {
		name = "localhost"
	}
	c.log(logInfo, maillog.LevelErrors, "rejecting server %s from %s [%s] due to traffic before response", verb, name, c.addressText())
	c.silent = true
}

// Misspoken is told of recipients whose syntax was wrong.
func (c *Session) Misspoken(_ context.Context, text string) {
	c.log(logNotice, maillog.LevelCollect, "%s", text)
	c.countBad()
}

// Issued is told when the client shows what it wants.
func (c *Session) Issued(context.Context, string) { c.silent = true }

func (c *Session) addressText() string {
	if !c.client.addr.IsValid() {
		return "0"
	}
	return c.client.tagged(c.client.addr)
}

func shorten(text string, n int) string { return text[:min(len(text), n)] }

// daemonText names the daemon that the client came to.
func (c *Session) daemonText() string {
	if name := c.daemon.name(); name != "" {
		return name
	}
	return "stdin"
}

// lost tells how a dialogue ended that did not end with QUIT. Only a client that had begun a message is missed.
func (c *Session) lost(cause error) {
	var l interface {
		error
		After() string
	}
	if c.over || !errors.As(cause, &l) {
		return
	}
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		c.log(logNotice, maillog.LevelNetwork, "timeout waiting for input from %s during server cmd read", shorten(c.client.name, 100))
	}
	if c.msg != nil {
		c.log(logNotice, maillog.LevelNetwork, "lost input channel from %s to %s after %s", c.relay, c.daemonText(), l.After())
	}
}

// idle tells of a client that came and went.
func (c *Session) idle() {
	if !c.silent && c.reject == nil {
		c.log(logInfo, maillog.LevelErrors, "%s did not issue MAIL/EXPN/VRFY/ETRN during connection to %s", shorten(c.relay, 100), c.daemonText())
	}
}

// readFailed tells that the message could not be read to its end: the connection is lost, or the message has a fault
// for which it is cut off. where is the part of the message that was being read.
func (m *message) readFailed(err error, where string) {
	what := "collect: relay=" + m.get("{client_ptr}") + ", from=" + m.env.SenderText + ", info="
	var fault status.Status
	switch {
	case errors.As(err, &fault):
		m.log(logNotice, maillog.LevelSerious, "%s%s, where=%s, status=tempfail", what, fault.Text, where)
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.sysErr("%sread timeout", what)
		return
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		m.log(maillog.Warning, maillog.LevelSerious, "collect: premature EOM: unexpected close")
		m.log(logNotice, maillog.LevelSerious, "%sunexpected close", what)
		return
	}
	m.log(maillog.Warning, maillog.LevelSerious, "collect: premature EOM: %s", lostText(err, m.get("{client_ptr}")))
	m.sysErr("%sI/O error", what)
}

// lostText is the system's word for a connection that was lost to a host.
func lostText(err error, host string) string {
	if errors.Is(err, syscall.ECONNRESET) {
		return "Connection reset by " + host
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
