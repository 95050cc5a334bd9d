package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Abort forgets the message.
func (s *Submission) Abort() { s.m.abort() }

// Addressed reports whether the message has a recipient, good or bad.
func (s *Submission) Addressed() bool { return len(s.m.env.Recipients) > 0 }

// Stored reports whether the message is safe in the queue, or was until it ended.
func (s *Submission) Stored() bool { return s.stored }

// Waiting counts the recipients that were complained of and are tried again.
func (s *Submission) Waiting() int { return s.failures }

// commit makes the message safe.
func (s *Submission) commit(split bool) error {
	m := s.m
	m.env.Flags.Split = split
	m.noteOwed()
	if err := m.entry.Commit(m.env); err != nil {
		m.log(maillog.Alert, 0, "SYSERR: %v", err)
		return fmt.Errorf("mta: submit: %w", err)
	}
	s.stored = true
	return nil
}

// Deliver stores the message and makes the first attempt now. How it goes is in Exit; saved is the dead.letter that a
// message which could not be delivered was saved in.
func (s *Submission) Deliver(ctx context.Context) (saved string, err error) {
	m := s.m
	if err := s.commit(false); err != nil {
		return "", err
	}
	s.useLetters()
	e := m.entry
	err = errors.Join(m.attempt(ctx), e.Close())
	m.entry = nil
	if m.exit < 0 {
		m.exit = status.Unavailable // a code that has no name
	}
	if m.exit != status.OK {
		s.Fail(m.exit)
	}
	return m.saved, err
}

// Waiting is a part of a message that waits to be delivered.
type Waiting struct {
	ID         string
	Size       int64             // bytes, as they count for the priority of reports
	Transcript []byte            // what its report tells of the submission
	Unresolved map[string]string // hosts of those whose addresses could not be looked up: they are left to a queue run
	Sender     *envelope.Ctladdr // the local user who sends it
}

// Release stores the message for another process or the next run, and returns the parts that wait. With queued the log
// says of each recipient that it waits. The sender is told of those who cannot be reached, unless the message is
// detached and a part of it waits: the process that delivers it tells him then, and by mail, since nobody waits for the
// answer.
func (s *Submission) Release(ctx context.Context, queued, detached bool) (waiting []Waiting, saved string, err error) {
	m := s.m
	m.failuresOnly = true // receipts come with the delivery
	if !queued && m.allUnresolved() {
		queued, detached = true, false
		m.attempted()
		defer func() { waiting = nil }()
	}
	detached = detached && len(m.env.PendingRecipients()) > 0
	if detached {
		m.quiet = false
	} else {
		s.useLetters()
		m.nameLists()
	}
	if err := s.commit(queued); err != nil {
		return nil, "", err
	}
	if m.site.options.MaxHopCount > 0 && m.hops > m.site.options.MaxHopCount {
		m.tooManyHops()
		s.fail(status.Status{Exit: status.Unavailable, Code: 554})
	}
	parts, err := m.split(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, p := range parts {
		if detached && len(p.env.PendingRecipients()) > 0 {
			p.transcript.Write(m.transcript.Bytes()) // the owner hears the whole session
		} else {
			p.reportInherited(ctx, m)
		}
	}
	for _, p := range append([]*message{m}, parts...) {
		if len(p.env.PendingRecipients()) > 0 {
			waiting = append(waiting, p.waitingPart())
		}
		err = errors.Join(err, s.leave(ctx, p, queued, detached))
	}
	return waiting, m.saved, err
}

// waitingPart is a message as the process gets it that delivers it.
func (m *message) waitingPart() Waiting {
	w := Waiting{ID: m.id, Size: m.size, Transcript: m.transcript.Bytes(), Sender: m.env.SenderCtladdr}
	w.Unresolved = map[string]string{}
	for r := range m.unresolved {
		w.Unresolved[r.Addr] = r.Triple.Host
	}
	return w
}

// takeUp goes on with a message that another process handed in: the queue file does not say what that knows.
func (m *message) takeUp(w *Waiting) {
	m.size, m.env.SenderCtladdr = w.Size, w.Sender
	m.transcript.Write(w.Transcript)
	for _, r := range m.env.Recipients {
		host, unresolved := w.Unresolved[r.Addr]
		if unresolved {
			r.Triple.Host = host // his place among the others
		}
		if r.Owed || unresolved { // no mailer sees him
			m.putOff(r)
		}
	}
	if m.env.Sender == "" && !m.env.Flags.Response && !written(m.env.Header, "from") {
		m.fromNobody()
	}
}

// Held reports whether the message is quarantined: it waits for somebody's decision, whatever the delivery mode.
func (s *Submission) Held() bool { return s.m.env.QuarantineReason != "" }

// leave leaves a message in the queue, without those who are reported to the sender; detached ones are left to who
// delivers it.
func (s *Submission) leave(ctx context.Context, m *message, queued, detached bool) error {
	if queued {
		m.logWaiting()
	}
	var err error
	if !detached || len(m.env.PendingRecipients()) == 0 {
		err = m.drop(ctx)
	}
	if cerr := m.entry.Close(); err == nil {
		err = cerr
	}
	m.entry = nil
	return err
}

// drop reports those of whom the sender is to hear; the rest stays in the queue, and where there is none the message
// goes.
func (m *message) drop(ctx context.Context) error {
	told := len(m.reportable()) > 0
	err := m.report(ctx, "")
	if err == nil && !told && len(m.env.PendingRecipients()) > 0 {
		return nil // the queue file says all there is to say
	}
	_, err = m.depart(ctx, err)
	return err
}

// GiveUp ends a message that cannot be delivered as it was meant: those who failed are reported to the sender, all of
// them where the message is refused, or where nobody failed because a list of the header is damaged, and the others
// wait for the next queue run.
func (s *Submission) GiveUp(ctx context.Context) (saved string, err error) {
	m := s.m
	if m.entry == nil {
		return "", nil
	}
	if err := s.commit(false); err != nil {
		return "", err
	}
	if s.unsent || !m.quiet && (m.rejected != nil || s.broken && len(failures(m.reportable())) == 0) {
		s.failAll()
	}
	m.nameLists()
	m.failuresOnly, m.givenUp = true, true
	err = m.drop(ctx)
	if m.unreturned != "" {
		s.complaints = append(s.complaints, m.unreturned)
	}
	if cerr := m.entry.Close(); err == nil {
		err = cerr
	}
	m.entry = nil
	return m.saved, err
}

// nameLists lets the report of failures name the lists that the message was given to, too.
func (m *message) nameLists() {
	m.namesLists = true
	children := m.children()
	for _, r := range m.env.Recipients {
		if r.State == envelope.Expanded && children[r] > 1 {
			r.Tried = m.srv.now()
		}
	}
}

// Unreturned is why the report about a message that was given up did not reach the sender, "" where it did. It is known
// when all is delivered (Server.Wait).
func (s *Submission) Unreturned() string { return s.m.notReturned }

// failAll fails everyone whose failure the sender wants to know.
func (s *Submission) failAll() {
	st := status.Status{Exit: status.DataErr, Code: 554, Enhanced: status.Enhanced{5, 0, 0}}
	if s.m.rejected != nil {
		s.m.transcript.WriteString(replyText(*s.m.rejected) + "\n")
	}
	for _, r := range s.m.env.PendingRecipients() {
		if r.Notify == 0 || r.Notify&envelope.NotifyFailure != 0 {
			r.State, r.Status, r.Tried = envelope.Failed, st, s.m.srv.now()
			s.m.putOff(r)
			s.m.logTo([]*envelope.Recipient{r}, toLine{text: s.m.env.Message})
		}
	}
}

// useLetters makes reports of failures go to the caller's dead.letter, where he is the sender and has a home.
func (s *Submission) useLetters() {
	m := s.m
	c := m.env.SenderCtladdr
	local := m.senderMailer != nil && m.senderMailer.Flags.Has('w') && m.senderMailer.Flags.Has('l')
	m.letters = s.letters && local && c != nil && c.UID == m.srv.Caller.UID && c.Home != ""
}

// saveLetter appends the message to the sender's dead.letter.
func (m *message) saveLetter(ctx context.Context) bool {
	if !m.letters {
		return false
	}
	c := m.env.SenderCtladdr
	if path := filepath.Join(c.Home, "dead.letter"); m.saveIn(ctx, path, c, priv.AsCaller) {
		m.saved = path
		return true
	}
	return false
}

// dropLetter appends a message that can be neither delivered nor returned to the file that option DeadLetterDrop names.
func (m *message) dropLetter(ctx context.Context) bool {
	path := m.site.options.DeadLetterDrop
	return path != "" && m.saveIn(ctx, path, nil, func(f func()) error { f(); return nil })
}

// saveIn appends the message to a file, which as opens with somebody's rights.
func (m *message) saveIn(ctx context.Context, path string, c *envelope.Ctladdr, as func(func()) error) bool {
	mailer := m.site.Mailer("*file*")
	if mailer == nil {
		return false
	}
	r := &envelope.Recipient{Addr: path, Triple: rules.Triple{Mailer: mailer.Name, User: path}, Ctladdr: c}
	job := m.job(ctx, &group{mailer: mailer, rcpts: []*envelope.Recipient{r}}, []*envelope.Recipient{r})
	var f *os.File
	var err error
	if aerr := as(func() { f, err = openLetter(path) }); aerr != nil || err != nil {
		return false
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false
	}
	err = errors.Join(m.srv.agents().Letter(job, f), f.Sync())
	if err == nil && end == 0 { // its name may be new, too
		aerr := as(func() { err = syncName(path) })
		err = errors.Join(aerr, err)
	}
	if err != nil {
		m.log(logErr, 1, "%s: %v", path, errors.Join(err, f.Truncate(end)))
		return false
	}
	return true
}

// syncName makes the name of a file durable. Who may write to a folder but not read it has to do without.
func syncName(path string) error {
	if err := safefile.SyncDir(filepath.Dir(path)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// openLetter opens a file for a message, making it where it is not there: a regular file, by no symbolic link, with one
// name, which is no program.
func openLetter(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil {
		err = letterFault(st)
	}
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// letterFault is why a file is not written to, for which the original refuses it, too.
func letterFault(st os.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.Mode().IsRegular():
		return safefile.NotRegular
	case ok && sys.Nlink != 1:
		return safefile.HardLink
	case st.Mode()&0o111 != 0:
		return safefile.Executable
	}
	return nil
}

// fromNobody gives a message without a sender that was handed in the From: field that no queue file has, behind the
// date.
func (m *message) fromNobody() {
	at := 0
	for i := range m.env.Header {
		if name := m.env.Header[i].Name; strings.EqualFold(name, "date") || strings.EqualFold(name, "received") && at == 0 {
			at = i + 1
		}
	}
	fields := []envelope.Field{{Flags: m.conditions("from"), Name: "From", Default: true}}
	if written(m.env.Header, "resent-date") && !written(m.env.Header, "resent-from") {
		fields = slices.Insert(fields, 0, envelope.Field{Flags: m.conditions("resent-from"), Name: "Resent-From", Default: true})
	}
	m.env.Header = slices.Insert(m.env.Header, at, fields...)
}
