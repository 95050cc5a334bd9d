package main

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxLine bounds what is looked at of a header line, in bytes; the rest of a longer one is passed over.
const maxLine = 64 << 10

// incoming is what matters of the message that may be answered.
type incoming struct {
	sender string
	wanted bool // it is one to be answered
}

// read reads a message to its end, so that who writes it does not see a broken pipe.
func (v *vacation) read(in io.Reader) (m incoming, err error) {
	r := bufio.NewReaderSize(in, maxLine)
	h := header{names: v.names, addressed: v.always}
	first := true
	for {
		line, err := readLine(r)
		if first {
			if m.sender, err = fromLine(line); err != nil {
				return m, err
			}
			first = false
			continue
		}
		if err != nil || line == "" {
			break
		}
		h.line(line)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return m, err
	}
	m.wanted = h.addressed && !h.automatic && !automaton(m.sender)
	if v.sender != "" {
		m.sender = v.sender
	}
	return m, nil
}

// readLine reads a line without its end.
func readLine(r *bufio.Reader) (string, error) {
	piece, err := r.ReadSlice('\n')
	line := string(piece)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// fromLine is the sender of "From sender date". The sender ends at a blank outside of quotes.
func fromLine(line string) (string, error) {
	text, ok := strings.CutPrefix(line, "From ")
	if !ok || text == "" || text[0] == ' ' {
		return "", words(`no initial "From " line.`)
	}
	quoted := false
	end := len(text)
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
			continue
		}
		if text[i] == '"' {
			quoted = !quoted
		}
		if text[i] == ' ' && !quoted {
			end = i
			break
		}
	}
	sender := text[:end]
	if strings.IndexFunc(sender, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return "", words(`badly formatted "From " line.`)
	}
	return sender, nil
}

// header looks for the user among the recipients, and for marks of programs.
type header struct {
	names                []string
	addressed, automatic bool
	inRecipients         bool // the field that goes on is To: or Cc:
}

func (h *header) line(line string) {
	if line[0] == ' ' || line[0] == '\t' {
		if h.inRecipients {
			h.recipients(line)
		}
		return
	}
	name, value, _ := strings.Cut(line, ":")
	h.inRecipients = false
	value = strings.ToLower(strings.TrimLeft(value, " \t"))
	switch strings.ToLower(strings.TrimRight(name, " \t")) {
	case "to", "cc":
		h.inRecipients = true
		h.recipients(value)
	case "precedence":
		for _, p := range []string{"junk", "bulk", "list"} {
			h.automatic = h.automatic || strings.HasPrefix(value, p)
		}
	case "auto-submitted":
		keyword := value[:strings.IndexAny(value+";", ";( \t")]
		h.automatic = h.automatic || keyword != "no" && keyword != ""
	}
}

// recipients looks for one of the names as a word of its own.
func (h *header) recipients(text string) {
	text = strings.ToLower(text)
	for _, name := range h.names {
		name = strings.ToLower(name)
		for at := 0; name != "" && !h.addressed; at++ {
			i := strings.Index(text[at:], name)
			if i < 0 {
				break
			}
			at += i
			end := at + len(name)
			h.addressed = (at == 0 || !alnum(text[at-1])) && (end == len(text) || !alnum(text[end]))
		}
	}
}

func alnum(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// automaton reports whether an address is that of a program or of somebody who keeps lists.
func automaton(address string) bool {
	local := strings.ToLower(address)
	if i := strings.LastIndexByte(local, '@'); i >= 0 {
		local = local[:i]
	}
	local = local[strings.LastIndexByte(local, '!')+1:]
	switch local {
	case "", "<>", "postmaster", "uucp", "mailer", "mailer-daemon":
		return true
	}
	for _, end := range []string{"-request", "-relay", "-owner"} {
		if strings.HasSuffix(local, end) {
			return true
		}
	}
	return strings.HasPrefix(local, "owner-")
}
