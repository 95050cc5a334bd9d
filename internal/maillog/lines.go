package maillog

import (
	"fmt"
	"strings"
	"time"
)

// Printable shows tabs and line ends as \t, \n and \r, other control characters and bytes beyond ASCII in octal (\001),
// and doubles backslashes.
func Printable(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f || s[i] == '\\' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Visible shows control characters and bytes beyond ASCII in octal (\001) and leaves the rest, so that what peers say
// does not steer the terminal of whoever reads it.
func Visible(s string) string {
	unseen := func(c byte) bool { return c < ' ' || c >= 0x7f }
	i := 0
	for i < len(s) && !unseen(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if unseen(s[i]) {
			b = fmt.Appendf(b, "\\%03o", s[i])
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func clipTo(s string, n int) string { return s[:min(len(s), n)] }

// Shorten cuts the middle out of a text longer than n bytes, as the original does: "abc...xyz".
func Shorten(s string, n int) string {
	if len(s) <= n || n < 8 {
		return s
	}
	half := (n - 3) / 2
	return s[:half] + "..." + s[len(s)-half:]
}

// From is the line that a message makes when it was accepted.
type From struct {
	Sender   string // as written: "<a@b>", "alice"
	Size     int64  // bytes of header and body
	Class    int    // of Precedence
	Rcpts    int
	MsgID    string // with its angle brackets; "" leaves the field out
	BodyType string // "" leaves it out
	Proto    string // macro r; "" leaves it out
	Daemon   string // macro {daemon_name}; "" leaves it out
	Relay    string // macro _, "host [1.2.3.4]" or "user@localhost"
}

// Text returns the line without queue ID.
func (f *From) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from=%s, size=%d, class=%d, nrcpts=%d", clipTo(f.Sender, 200), f.Size, f.Class, f.Rcpts)
	field := func(name, value string, width int) {
		if value != "" {
			b.WriteString(", " + name + "=" + clipTo(value, width))
		}
	}
	field("msgid", Shorten(f.MsgID, 200), 200)
	field("bodytype", f.BodyType, 20)
	field("proto", f.Proto, 20)
	field("daemon", f.Daemon, 20)
	b.WriteString(", relay=" + f.Relay)
	return b.String()
}

// From logs the from= line of a message.
func (l *Logger) From(id string, f *From) {
	if l.Enabled(LevelCollect) {
		l.Log(LevelCollect, Info, id, f.Text())
	}
}

// To is the line of a delivery attempt, or of its being put off.
type To struct {
	Rcpts   []string       // as written
	Ctladdr string         // "alice (2001/2001)"; "" leaves the field out
	Delay   time.Duration  // since the message came
	XDelay  *time.Duration // of this attempt; nil leaves it out (queued, refused in SMTP)
	Mailer  string         // "" leaves it out
	Pri     int64
	Relay   string // "host. [1.2.3.4]"; "" leaves it out
	DSN     string // "2.0.0"; "" leaves it out
	// Quarantine is why the message is held; "" leaves the field out.
	Quarantine string
	Reply      string // the peer's words on a failure, "550 5.1.1 User unknown"; "" leaves it out
	Stat       string // "Sent (…)", "Deferred: …", "User unknown"
}

// CtladdrText is the value of ctladdr=.
func CtladdrText(addr string, uid, gid int) string { return fmt.Sprintf("%s (%d/%d)", addr, uid, gid) }

// Lines returns the lines without queue ID: the recipients are divided among as many as syslog's buffer
// demands, all but the last marked with [more].
func (t *To) Lines() []string {
	tail := t.tail()
	list := strings.Join(t.Rcpts, ",")
	limit := max(bufferSize-100-len(tail), 64)
	var lines []string
	for len(list) >= limit {
		end := strings.LastIndexByte(list[:min(limit+1, len(list))], ',')
		if end <= 0 {
			if end = strings.IndexByte(list, ','); end < 0 {
				break
			}
		}
		lines = append(lines, "to="+list[:end+1]+" [more]"+tail)
		list = list[end+1:]
	}
	return append(lines, "to="+list+tail)
}

func (t *To) tail() string {
	var b strings.Builder
	if t.Ctladdr != "" {
		b.WriteString(", ctladdr=" + t.Ctladdr)
	}
	b.WriteString(", delay=" + Interval(t.Delay))
	if t.XDelay != nil {
		b.WriteString(", xdelay=" + Interval(*t.XDelay))
	}
	if t.Mailer != "" {
		b.WriteString(", mailer=" + t.Mailer)
	}
	fmt.Fprintf(&b, ", pri=%d", t.Pri)
	if t.Relay != "" {
		b.WriteString(", relay=" + Shorten(t.Relay, 203))
	}
	if t.DSN != "" {
		b.WriteString(", dsn=" + t.DSN)
	}
	if t.Reply != "" {
		b.WriteString(", reply=" + Shorten(t.Reply, 203))
	}
	if t.Quarantine != "" {
		b.WriteString(", quarantine=" + Shorten(t.Quarantine, 256))
	}
	b.WriteString(", stat=" + Shorten(t.Stat, 400))
	return b.String()
}

// To logs the to= lines at the level that fits: LevelDelivered, LevelDeferred or LevelFailures.
func (l *Logger) To(level int, id string, t *To) {
	if !l.Enabled(level) {
		return
	}
	for _, line := range t.Lines() {
		l.Log(level, Info, id, line)
	}
}

// Interval shows a time span as HH:MM:SS, with days in front where there are any: 1+02:03:04.
func Interval(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	days := s / 86400
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days > 0 {
		return fmt.Sprintf("%d+%s", days, text)
	}
	return text
}

// Verdict is what a ruleset did to a command.
type Verdict string

// The verdicts that are logged.
const (
	Rejected    Verdict = "reject"
	Quarantined Verdict = "quarantine"
	Discarded   Verdict = "discard"
)

// Check is the line that a ruleset makes when it refuses, quarantines or discards (op.txt section 5.1.4).
type Check struct {
	Ruleset string // check_relay, check_mail, ...
	Arg1    string
	Arg2    string // "" leaves the field out
	Relay   string // "host [1.2.3.4]"; "" leaves it out
	Verdict Verdict
	Text    string // the reply ("550 5.7.1 Access denied") or the reason; not used with Discarded
}

// Line returns the line without queue ID.
func (c *Check) Line() string {
	var b strings.Builder
	b.WriteString("ruleset=" + c.Ruleset + ", arg1=" + Shorten(c.Arg1, 203))
	if c.Arg2 != "" {
		b.WriteString(", arg2=" + Shorten(c.Arg2, 203))
	}
	if c.Relay != "" {
		b.WriteString(", relay=" + c.Relay)
	}
	b.WriteString(", " + string(c.Verdict))
	if c.Verdict != Discarded {
		b.WriteString("=" + c.Text)
	}
	return b.String()
}

// Check logs the line at notice priority, whatever LogLevel above 3 is. An id of "" leaves the queue ID out, as it is
// for a refused connection.
func (l *Logger) Check(id string, c *Check) {
	if !l.Enabled(LevelMinor) {
		return
	}
	if id == "" {
		l.Plain(LevelMinor, Notice, c.Line())
		return
	}
	l.Log(LevelMinor, Notice, id, c.Line())
}
