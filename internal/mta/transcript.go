package mta

import (
	"bytes"
	"fmt"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// maxTranscript bounds what a report tells of the attempts, in bytes.
const maxTranscript = 64 << 10

// maxOutputLines bounds how much of a program's output is told.
const maxOutputLines = 200

// transcribe adds the outcome of one recipient to the transcript.
func (m *message) transcribe(r *envelope.Recipient, s status.Status) {
	if s.Success() || m.transcript.Len() > maxTranscript {
		return
	}
	if s.Temporary() {
		fmt.Fprintf(&m.transcript, "%s... %s\n", r.Addr, s.Text)
		return
	}
	if s.Remote != "" { // the peer's own words stand above
		t := status.FromExit(s.Exit)
		s.Code, s.Enhanced, s.Text = t.Code, t.Enhanced, t.Text
	}
	line := replyText(about(r.Addr, s)) + "\n"
	if s.Code == 556 { // its host takes no mail (RFC 7505)
		line = "554 5.0.0 " + s.Text + "\n"
	}
	if !bytes.HasSuffix(m.transcript.Bytes(), []byte(line)) { // one for all whom the same answer concerns
		m.transcript.WriteString(line)
	}
}

// dialogue notes for the transcript which commands a peer refused, and passes everything on to whoever watches (-v).
type dialogue struct {
	m       *message
	program bool   // no peer: what a program prints is for the report alone
	command string // the last one sent
	shown   bool   // it is in the transcript
	lines   []string
}

// exchange is told every command sent and every reply line received.
func (d *dialogue) exchange(out bool, line string) {
	if d.m.watch != nil && !d.program {
		prefix := ""
		if out {
			prefix = ">>> "
		}
		d.m.watch(prefix + maillog.Visible(line))
	}
	if out {
		if line != "." { // what the dot is answered is the answer to DATA
			d.command = line
		}
		d.shown = false
		return
	}
	if d.program {
		if len(d.lines) < maxOutputLines {
			d.lines = append(d.lines, line)
		}
		return
	}
	if len(line) < 3 || line[0] != '4' && line[0] != '5' || len(d.lines) > 200 {
		return
	}
	if !d.shown {
		d.shown = true
		d.lines = append(d.lines, ">>> "+d.command)
	}
	d.lines = append(d.lines, "<<< "+line)
}

// close writes what was noted.
func (d *dialogue) close(peer *mailers.Peer) {
	if len(d.lines) == 0 || d.m.transcript.Len() > maxTranscript {
		return
	}
	if peer != nil && peer.Name != "" {
		fmt.Fprintf(&d.m.transcript, "... while talking to %s:\n", peer.Name)
	}
	for _, l := range d.lines {
		d.m.transcript.WriteString(l + "\n")
	}
}
