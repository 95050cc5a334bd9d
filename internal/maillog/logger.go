package maillog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Priority is a syslog severity.
type Priority int

// The severities of syslog(3).
const (
	Emerg Priority = iota
	Alert
	Crit
	Err
	Warning
	Notice
	Info
	Debug
)

// FacilityMail is the syslog facility of mail programs.
const FacilityMail = 2

// Levels of LogLevel (op.txt section 4.8) at which things are logged.
const (
	LevelSerious   = 1  // serious system failures and potential security problems
	LevelNetwork   = 2  // lost communications and protocol failures
	LevelMalformed = 3  // malformed addresses, transient errors, refused connections
	LevelMinor     = 4  // out of date alias files, connections rejected by rulesets
	LevelCollect   = 5  // from= lines
	LevelErrors    = 6  // creation of bounces, VRFY and EXPN
	LevelFailures  = 7  // to= lines of failures
	LevelDelivered = 8  // to= lines of success, alias files rebuilt
	LevelDeferred  = 9  // to= lines of what is put off, queued
	LevelExpansion = 10 // alias and .forward expansion
	LevelNIS       = 11 // end of processing
	LevelConnect   = 12 // SMTP connections
	LevelShells    = 13 // bad shells, improper permissions
	LevelRefused   = 14 // refused connections
	LevelCommands  = 15 // all SMTP commands
	LevelLocks     = 20 // attempts to run locked queue files
)

// Config says where the log goes.
type Config struct {
	Tag   string // program name; "" means sendmail
	Level int    // LogLevel
	// File is the option LogFile: "" for syslog, "stderr", or the path of a file to append to.
	File     string
	PID      int              // 0 means os.Getpid(); NoPID leaves it out
	Now      func() time.Time // nil means time.Now
	Stderr   io.Writer        // nil means os.Stderr
	Socket   string           // "" means /dev/log
	Facility int              // 0 means FacilityMail
	// Patience is how long a syslog that takes nothing may hold a line up; 0 means DefaultPatience.
	Patience time.Duration
}

// DefaultPatience is how long a line waits for a syslog whose queue is full. Those that follow do not wait until it
// has taken one.
const DefaultPatience = 5 * time.Second

// noPatience is enough for a socket that has room.
const noPatience = time.Millisecond

// NoPID as Config.PID makes lines without a process number, as the small programs of the original write them.
const NoPID = -1

// Logger writes the log. Its methods may be called by several goroutines. A nil Logger drops everything.
type Logger struct {
	cfg    Config
	custom bool // the tag was given: the original then counts one byte more for it

	mu   sync.Mutex
	out  io.Writer // file or standard error; nil for syslog
	file *os.File  // to be closed
	conn net.Conn  // syslog; nil until connected
	full bool      // syslog took no line in time, and none since
}

// Open makes a Logger. Without a syslog socket it writes to standard error, until the socket is there.
func Open(cfg Config) (*Logger, error) {
	l := &Logger{cfg: cfg, custom: cfg.Tag != "" && cfg.Tag != "sendmail"}
	c := &l.cfg
	if c.Tag == "" {
		c.Tag = "sendmail"
	}
	if c.PID == 0 {
		c.PID = os.Getpid()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Socket == "" {
		c.Socket = "/dev/log"
	}
	if c.Facility == 0 {
		c.Facility = FacilityMail
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	switch c.File {
	case "":
	case "stderr":
		l.out = c.Stderr
	default:
		f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
		if err != nil {
			return nil, fmt.Errorf("maillog: open: %w", err)
		}
		l.out, l.file = f, f
	}
	return l, nil
}

// Reopen closes and opens the log file anew, after it was moved away. Syslog is connected to anew.
func (l *Logger) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		err := l.conn.Close()
		l.conn = nil
		return err
	}
	if l.file == nil {
		return nil
	}
	f, err := os.OpenFile(l.cfg.File, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("maillog: reopen: %w", err)
	}
	old := l.file
	l.out, l.file = f, f
	return old.Close()
}

// Close ends the log.
func (l *Logger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if l.conn != nil {
		errs = append(errs, l.conn.Close())
		l.conn = nil
	}
	if l.file != nil {
		errs = append(errs, l.file.Close())
		l.file, l.out = nil, l.cfg.Stderr
	}
	return errors.Join(errs...)
}

// Enabled reports whether LogLevel lets lines of that level through.
func (l *Logger) Enabled(level int) bool { return l != nil && l.cfg.Level >= level }

// NoQueue stands for a queue ID where there is none.
const NoQueue = "NOQUEUE"

// Log writes "id: text" at a priority if LogLevel is at least level. An empty id becomes NOQUEUE.
func (l *Logger) Log(level int, pri Priority, id, text string) {
	if !l.Enabled(level) {
		return
	}
	if id == "" {
		id = NoQueue
	}
	for _, line := range l.divide(id, Printable(text)) {
		l.write(pri, line)
	}
}

// Logf is Log with a format.
func (l *Logger) Logf(level int, pri Priority, id, format string, args ...any) {
	if l.Enabled(level) {
		l.Log(level, pri, id, fmt.Sprintf(format, args...))
	}
}

// Plain writes text without a queue ID, as programs do at their start.
func (l *Logger) Plain(level int, pri Priority, text string) {
	if l.Enabled(level) {
		l.write(pri, Printable(text))
	}
}

// SysErr logs a failure of ours at critical priority, "SYSERR(user): text", as log watchers look for it.
func (l *Logger) SysErr(id, user, text string) {
	l.Log(0, Crit, id, "SYSERR("+user+"): "+clipTo(text, 900))
}

const (
	bufferSize = 1024 // SYSLOG_BUFSIZE
	partMargin = 12   // what "[n]" and " ..." take
	maxParts   = 100
)

// divide gives the lines "id: text", or "id[1]: text ...", "id[2]: ..." where one would be too long for syslog.
func (l *Logger) divide(id, text string) []string {
	head := len(id) + len(l.cfg.Tag) + 34
	if l.custom {
		head++
	}
	if len(text) < bufferSize-head {
		return []string{id + ": " + text}
	}
	limit := max(bufferSize-head-partMargin, 64)
	var lines []string
	for len(text) >= max(bufferSize-head, limit+1) {
		if len(lines) == maxParts {
			return append(lines, fmt.Sprintf("%s[%d]: log terminated, too many parts", id, len(lines)+1))
		}
		end := strings.LastIndexAny(text[:limit], ", ") + 1
		if end == 0 {
			end = limit
		}
		lines = append(lines, fmt.Sprintf("%s[%d]: %s ...", id, len(lines)+1, text[:end]))
		text = text[end:]
	}
	return append(lines, fmt.Sprintf("%s[%d]: %s", id, len(lines)+1, text))
}

// write sends one line. A log that cannot be written must not stop the mail: the line goes to standard error then.
func (l *Logger) write(pri Priority, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stamp, tag := l.cfg.Now().Format(time.Stamp), l.cfg.Tag
	if l.cfg.PID != NoPID {
		tag = fmt.Sprintf("%s[%d]", tag, l.cfg.PID)
	}
	if l.out == nil && l.send(fmt.Sprintf("<%d>%s %s: %s", l.cfg.Facility<<3|int(pri), stamp, tag, line)) {
		return
	}
	out := l.out
	if out == nil {
		out = l.cfg.Stderr
	}
	text := fmt.Sprintf("%s %s: %s\n", stamp, tag, line)
	if _, err := io.WriteString(out, text); err != nil && l.file != nil {
		fmt.Fprint(l.cfg.Stderr, text)
	}
}

// send gives a datagram to syslog, connecting anew once where the daemon was restarted. One that has stopped reading
// holds nobody up for long.
func (l *Logger) send(packet string) bool {
	for range 2 {
		if l.conn == nil {
			if _, err := os.Lstat(l.cfg.Socket); err != nil {
				return false // dearer to learn from a failed connection, with every line
			}
			conn, err := net.Dial("unixgram", l.cfg.Socket)
			if err != nil {
				return false
			}
			l.conn = conn
		}
		patience := l.cfg.Patience
		if l.full {
			patience = noPatience
		}
		l.conn.SetWriteDeadline(time.Now().Add(patience))
		_, err := io.WriteString(l.conn, packet)
		l.full = errors.Is(err, os.ErrDeadlineExceeded)
		if err == nil || l.full {
			return err == nil
		}
		l.conn.Close()
		l.conn = nil
	}
	return false
}
