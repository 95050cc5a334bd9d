package mta

import (
	"bytes"
	"fmt"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// maxTranscript bounds what a report tells of the attempts, in bytes.
const maxTranscript = 64 << 10

// maxOutputLines bounds how much of a program's output is told.
const maxOutputLines = 200

// maxReplyLines bounds how much of what a peer said is told.
const maxReplyLines = 1000

// transcribe adds the outcome of one recipient to the transcript.
func (m *message) transcribe(r *envelope.Recipient, s status.Status) {
	if s.Success() || m.transcript.Len() > maxTranscript {
		return
	}
	if s.Temporary() {
		fmt.Fprintf(&m.transcript, "%s%s... %s\n", s.Place, r.Addr, s.Text)
		return
	}
	if s.Remote != "" || tooLargeFor(s) { // the peer's own words, or ours, stand above
		t := status.FromExit(s.Exit)
		s.Code, s.Enhanced, s.Text = t.Code, t.Enhanced, t.Text
	}
	line := refused(r.Addr, s) + "\n"
	if s.Code == 556 { // its host takes no mail (RFC 7505)
		line = "554 5.0.0 " + s.Text + "\n"
	}
	if s.Scope == status.OfRecipient || !bytes.HasSuffix(m.transcript.Bytes(), []byte(line)) { // one for all whom the same answer concerns
		m.transcript.WriteString(line)
	}
}

// dialogue notes for the transcript which commands a peer refused, and passes everything on to whoever watches (-v).
type dialogue struct {
	m       *message
	job     *mailers.Job
	program bool     // no peer: what a program prints is for the report alone
	sent    []string // commands whose replies are to come
	command string   // whose reply comes, as it is shown
	within  bool     // a reply of several lines comes
	shown   bool     // the command is in the transcript
	refused bool     // MAIL was
	talking string   // the peer whose words are in lines
	told    int      // how many of lines are in the transcript
	lines   []string
}

// exchange is told every command sent and every reply line received.
func (d *dialogue) exchange(out bool, line string) {
	if d.m.watch != nil && !d.program {
		d.m.show(out, line)
	}
	if out {
		if line == "." { // what the dot is answered is the answer to DATA
			line = "DATA"
		}
		d.sent = append(d.sent, line)
		return
	}
	if d.program {
		if len(d.lines) < maxOutputLines {
			d.introduce()
			d.lines = append(d.lines, line)
		}
		return
	}
	d.reply(line)
}

// show gives whoever watches a line of a dialogue.
func (m *message) show(out bool, line string) {
	prefix := ""
	if out {
		prefix = ">>> "
	}
	m.tell(prefix + line)
}

// reply takes a line of the reply to the oldest command that has none yet. Of commands that went out together, those
// behind MAIL, the last is shown, as by the original, which sends them so.
func (d *dialogue) reply(line string) {
	if !d.within && len(d.sent) > 0 {
		command := d.sent[0]
		d.sent = d.sent[1:]
		if last := len(d.sent) - 1; last >= 0 && strings.HasPrefix(command, "RCPT ") {
			command = d.sent[last]
		}
		d.shown = d.shown && command == d.command
		d.command = command
	}
	d.within = len(line) > 3 && line[3] != ' '
	switch verb, _, _ := strings.Cut(d.command, " "); {
	case verb == "MAIL":
		d.refused = len(line) > 0 && line[0] >= '4'
	case d.refused && (verb == "RCPT" || verb == "DATA"):
		return // what was sent before the answer to MAIL came
	}
	if len(line) < 3 || line[0] != '4' && line[0] != '5' || len(d.lines) > maxReplyLines {
		return
	}
	if line[0] == '5' && strings.HasPrefix(d.command, "EHLO ") {
		return // HELO follows
	}
	d.introduce()
	if !d.shown {
		d.shown = true
		if d.command != "" {
			d.lines = append(d.lines, ">>> "+d.command)
		}
	}
	d.lines = append(d.lines, "<<< "+line)
}

// note takes what is to be told beside the dialogue.
func (d *dialogue) note(text string) { d.lines = append(d.lines, text) }

// introduce says whose words follow.
func (d *dialogue) introduce() {
	if p := d.job.Peer; p != nil && p.Name != "" && p.Name != d.talking {
		d.talking = p.Name
		d.lines = append(d.lines, "... while talking to "+p.Name+":")
	}
}

// take returns what was noted since it was last called.
func (d *dialogue) take() []string {
	lines := d.lines[d.told:]
	d.told = len(d.lines)
	return lines
}

// quote adds what was said to the transcript.
func (m *message) quote(lines []string) {
	if m.transcript.Len() > maxTranscript {
		return
	}
	for _, l := range lines {
		m.transcript.WriteString(l + "\n")
	}
}

// names are the addresses of recipients, as logs and -v show them.
func names(list []*envelope.Recipient) string {
	addrs := make([]string, len(list))
	for i, r := range list {
		addrs[i] = r.Addr
	}
	return strings.Join(addrs, ",")
}

// say tells whoever watches (-v).
func (m *message) say(format string, args ...any) {
	if m.watch != nil {
		m.tell(fmt.Sprintf(format, args...))
	}
}

// tell gives whoever watches a line, with what could steer his terminal in octal: addresses and replies are not his
// own.
func (m *message) tell(line string) { m.watch(maillog.Visible(line)) }
