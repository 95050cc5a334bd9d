package mta

import (
	"fmt"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// maxTranscript bounds what a report tells of the attempts, in bytes.
const maxTranscript = 64 << 10

// transcribe adds the outcome of one recipient to the transcript.
func (m *message) transcribe(r *envelope.Recipient, s status.Status) {
	if s.Success() || m.transcript.Len() > maxTranscript {
		return
	}
	if s.Temporary() {
		fmt.Fprintf(&m.transcript, "%s... %s\n", r.Addr, s.Text)
		return
	}
	m.transcript.WriteString(replyText(about(r.Addr, s)) + "\n")
}

// dialogue notes for the transcript which commands a peer refused, and passes everything on to whoever watches (-v).
type dialogue struct {
	m       *message
	command string // the last one sent
	shown   bool   // it is in the transcript
	lines   []string
	program bool // no peer: what a program prints is for the report alone
}

// exchange is told every command sent and every reply line received.
func (d *dialogue) exchange(out bool, line string) {
	if d.m.watch != nil && !d.program {
		prefix := ""
		if out {
			prefix = ">>> "
		}
		d.m.watch(prefix + line)
	}
	if out {
		d.command, d.shown = line, false
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
