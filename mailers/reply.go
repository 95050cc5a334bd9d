package mailers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"gosendmail/internal/status"
)

// Limits of what a peer may answer to one command. RFC 5321 section 4.5.3.1.5 allows 512 bytes a line; longer lines are
// cut. Of a reply of many lines the first are kept, and the last, which decides. Lines that are no reply are skipped,
// as the original does, and count.
const (
	maxReplyLine  = 2047
	maxReplyLines = 256     // kept
	maxReplyBytes = 1 << 20 // read
)

var (
	errReplyTooLong = errors.New("reply has too many lines")
)

// reply is a peer's answer to one command.
type reply struct {
	Code     int
	opening  string          // the first line as it came, printable; its code may be another than the last one's, which counts
	Enhanced status.Enhanced // RFC 2034, of the last line; zero if there was none
	Lines    []string        // without code, printable
}

// readReply reads one answer. Each line goes to exchange, if that is not nil.
func readReply(br *bufio.Reader, exchange func(line string)) (reply, error) {
	var r reply
	for left, n := maxReplyBytes, 0; left > 0; n++ {
		line, size, err := readReplyLine(br, left)
		if err != nil {
			return reply{}, err
		}
		left -= size
		code, more, ok := replyCode(line)
		if exchange != nil && (n < maxReplyLines || ok && !more) {
			exchange(line)
		}
		if !ok || more && len(r.Lines) >= maxReplyLines {
			continue
		}
		text := ""
		if len(line) > 4 {
			text = line[4:]
		}
		if len(r.Lines) == 0 {
			r.opening = strings.TrimRight(line, " \t")
		}
		r.Lines = append(r.Lines, text)
		if more {
			continue
		}
		r.Code = code
		if e, rest, ok := status.ParseEnhanced(text); ok && (rest == "" || rest[0] == ' ') && e[0] == code/100 {
			r.Enhanced = e
		}
		return r, nil
	}
	return reply{}, errReplyTooLong
}

// readReplyLine reads one line of at most limit bytes, cuts it at maxReplyLine and makes it printable. A line that the
// connection's end cut off is no line.
func readReplyLine(br *bufio.Reader, limit int) (text string, size int, err error) {
	var line []byte
	for size < limit {
		part, err := br.ReadSlice('\n')
		size += len(part)
		if room := maxReplyLine - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		if err == nil {
			return printable(strings.TrimRight(string(line), "\r\n")), size, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", size, err
		}
	}
	return "", size, errReplyTooLong
}

// replyCode reads "250-" and "250 "; a bare "250" ends a reply too. Codes below 100 are remarks.
func replyCode(line string) (code int, more, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, false
		}
		code = code*10 + int(line[i]-'0')
	}
	if code < 100 {
		return 0, false, false
	}
	if len(line) == 3 || line[3] == ' ' {
		return code, false, true
	}
	return code, true, line[3] == '-'
}

// printable replaces control characters, which could forge lines in logs and DSNs, by question marks. Bytes beyond
// ASCII stay: they may be words; whoever shows them to a terminal must see to it (maillog.Printable).
func printable(s string) string {
	bad := func(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
	for i := range len(s) {
		if bad(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if bad(b[j]) {
					b[j] = '?'
				}
			}
			return string(b)
		}
	}
	return s
}

// last is the line that logs show, with its code.
func (r reply) last() string {
	if len(r.Lines) == 0 {
		return fmt.Sprint(r.Code)
	}
	return fmt.Sprintf("%d %s", r.Code, r.Lines[len(r.Lines)-1])
}

// text is the last line without its code.
func (r reply) text() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// lastLine is what the log shows of a refusal whose reply has several lines; for RCPT it shows the first.
func (r reply) lastLine(p phase) string {
	if len(r.Lines) < 2 || p == phaseRcpt {
		return ""
	}
	return r.last()
}

// first is the first line as the peer sent it, for Diagnostic-Code and logs.
func (r reply) first() string {
	if r.opening == "" {
		return fmt.Sprint(r.Code)
	}
	return r.opening
}

func (r reply) good() bool { return r.Code/100 == 2 }

// proper reports whether it is an answer that a command can have; after another the two sides may not mean the same by
// what follows.
func (r reply) proper() bool { return r.Code/100 == 2 || r.Code/100 == 4 || r.Code/100 == 5 }

// phase is the command whose answer is judged; the exit codes and enhanced codes that a bare reply code stands for
// depend on it.
type phase uint8

const (
	phaseGreeting phase = iota
	phaseHello
	phaseMail
	phaseRcpt
	phaseData
	phaseDot
)

// phaseWords name the phases as the log does for replies that are none.
var phaseWords = map[phase]string{phaseMail: "MAIL", phaseRcpt: "RCPT", phaseData: "DATA-1", phaseDot: "DATA-2"}

func (p phase) scope() status.Scope {
	switch p {
	case phaseGreeting, phaseHello, phaseMail:
		return status.OfSession
	case phaseRcpt:
		return status.OfRecipient
	}
	return status.OfMessage
}

// ProtocolError is a reply that the command cannot have.
type ProtocolError struct {
	Command string // as the original's log names it: "MAIL", "RCPT", "DATA-1", "DATA-2"
	Reply   string
}

// Error returns the log's words.
func (e *ProtocolError) Error() string { return "SMTP " + e.Command + " protocol error: " + e.Reply }

type verdict struct {
	exit     int
	enhanced status.Enhanced
}

// verdicts are the meanings of single reply codes; codes that are not listed follow from their first digit.
var verdicts = map[phase]map[int]verdict{
	phaseMail: {
		501: {status.DataErr, status.Enhanced{5, 5, 2}},
		552: {status.Unavailable, status.Enhanced{5, 3, 4}},
		553: {status.DataErr, status.Enhanced{5, 1, 3}},
	},
	phaseRcpt: {
		550: {status.NoUser, status.Enhanced{5, 1, 1}},
		551: {status.NoUser, status.Enhanced{5, 1, 6}},
		553: {status.NoUser, status.Enhanced{5, 1, 3}},
		552: {status.Unavailable, status.Enhanced{5, 2, 2}},
	},
	phaseDot: {
		550: {status.Unavailable, status.Enhanced{5, 2, 0}},
		551: {status.Unavailable, status.Enhanced{5, 1, 6}},
		552: {status.Unavailable, status.Enhanced{5, 2, 2}},
		553: {status.Unavailable, status.Enhanced{5, 1, 0}},
		554: {status.Unavailable, status.Enhanced{}},
		555: {status.Unavailable, status.Enhanced{5, 0, 0}},
	},
}

// meanings are the enhanced codes that a peer without them means by a bare code, where a verdict does not say
// otherwise.
var meanings = map[int]status.Enhanced{
	450: {4, 2, 0}, 451: {4, 3, 0}, 452: {4, 3, 1},
	500: {5, 5, 2}, 501: {5, 5, 4}, 502: {5, 5, 1}, 503: {5, 5, 1}, 504: {5, 5, 4}, 554: {5, 0, 0},
}

// unexpected is the outcome where a reply is none that the command can have: the peer speaks another protocol. As the
// original has it, a greeting of that kind is a refusal, an answer to EHLO may be better another time, and after MAIL
// nobody is asked again.
func (r reply) unexpected(p phase, peer string) status.Status {
	s := status.Status{Remote: peer, Diagnostic: r.first(), Scope: p.scope()}
	if words := phaseWords[p]; words != "" {
		s.Err = &ProtocolError{words, r.last()}
	}
	switch p {
	case phaseGreeting:
		s.Exit, s.Code, s.Enhanced = status.Unavailable, 554, status.Enhanced{5, 5, 0}
	case phaseHello:
		s.Exit, s.Code, s.Enhanced, s.Text = status.TempFail, 451, status.Enhanced{4, 5, 0}, "Deferred"
		return s
	case phaseRcpt, phaseDot:
		s.Exit, s.Code, s.Enhanced = status.Protocol, 554, status.Enhanced{5, 0, 0}
	default:
		s.Exit, s.Code, s.Enhanced = status.Protocol, 554, status.Enhanced{5, 5, 1}
	}
	s.Text = status.FromExit(s.Exit).Text
	return s
}

// turnedAway is the outcome where a peer does not begin: it is about the host, whatever the peer's own code says.
func (r reply) turnedAway(peer string) status.Status {
	s := status.Status{Exit: status.Unavailable, Code: r.Code, Enhanced: status.Enhanced{r.Code / 100, 5, 0},
		Remote: peer, Diagnostic: r.first(), LastLine: r.lastLine(phaseHello), Scope: status.OfSession}
	if r.Code/100 == 4 {
		s.Exit, s.Text = status.TempFail, "Deferred: "+r.last()
		return s
	}
	s.Text = status.FromExit(s.Exit).Text
	return s
}

// status judges the reply.
func (r reply) status(p phase, peer string) status.Status {
	s := status.Status{Code: r.Code, Enhanced: r.Enhanced, Remote: peer, Diagnostic: r.first(), LastLine: r.lastLine(p),
		Scope: p.scope()}
	v, ok := verdicts[p][r.Code]
	switch {
	case ok:
	case r.Code/100 == 2:
		v = verdict{status.OK, status.Enhanced{2, 0, 0}}
	case p <= phaseHello && (r.Code/100 == 4 || r.Code/100 == 5):
		return r.turnedAway(peer)
	case r.Code/100 == 4:
		v = verdict{status.TempFail, status.Enhanced{4, 0, 0}}
	case r.Code/100 == 5:
		v = verdict{status.Unavailable, status.Enhanced{5, 0, 0}}
		if p == phaseDot {
			v.exit = status.Protocol // no answer to a message
			s.Err = &ProtocolError{phaseWords[p], r.last()}
		}
	default:
		return r.unexpected(p, peer)
	}
	s.Exit = v.exit
	if s.Enhanced == (status.Enhanced{}) {
		s.Enhanced = v.enhanced
		if m, known := meanings[r.Code]; known && (!ok || v.enhanced == (status.Enhanced{})) && p != phaseData && (p != phaseMail || r.Code < 500) {
			s.Enhanced = m
		}
	}
	switch {
	case s.Exit == status.OK:
		s.Text = "Sent"
		t := r.text()
		if r.Enhanced != (status.Enhanced{}) {
			_, t, _ = status.ParseEnhanced(t)
			t = strings.TrimLeft(t, " ")
		}
		if t != "" {
			s.Text = "Sent (" + t + ")"
		}
	case s.Temporary():
		s.Text = "Deferred: " + r.last()
	default:
		s.Text = status.FromExit(s.Exit).Text
	}
	return s
}
