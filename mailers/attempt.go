package mailers

import (
	"errors"
	"slices"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// attempt is the delivery of one transaction: hosts are tried until each recipient was taken or refused for good by one
// of them. A recipient that a host puts off, by what it says or by ending the connection, is named to the next one.
type attempt struct {
	t       *Table
	job     *Job
	rcpts   []Rcpt // who waits for a host
	report  func(*envelope.Recipient, status.Status)
	failed  error                                 // why the hosts so far did not do; always a status.Status
	put     map[*envelope.Recipient]status.Status // why they did not do for one recipient, where that is known
	passed  []putOff                              // what was said of single recipients by the host that was asked last
	tried   int                                   // connections, and names without an address, so far
	reached bool                                  // a host took a connection
	refused bool                                  // a host refused the session: nobody else is asked
	clear   bool                                  // TLS failed and is not tried again with this host (TLSFallbacktoClear)
}

// putOff is what a host said of one recipient who is named to the next one then.
type putOff struct {
	rcpt   *envelope.Recipient
	status status.Status
	peer   Peer
}

// errPutOff says that a host answered and that not all recipients are done with.
var errPutOff = errors.New("mailers: put off")

// fail notes why a host does not do, for all who wait.
func (a *attempt) fail(err error) {
	var lost *lostError
	if errors.As(err, &lost) {
		a.warn(lost)
		err = lost.status()
	}
	a.failed = worse(a.failed, err)
	for _, r := range a.rcpts {
		if old, ok := a.put[r.Recipient]; ok {
			a.put[r.Recipient] = status.As(worse(old, err))
		}
	}
}

// answer takes what a peer said of a recipient. What is not final is for the next host to say.
func (a *attempt) answer(r *envelope.Recipient, st status.Status) {
	if old, ok := a.put[r]; ok && !st.Temporary() && st.Scope == status.OfSession && old.Scope == status.OfRecipient {
		a.refused = true // what a host said of the recipient counts for more than that another one does not want to talk
		return
	}
	if !st.Temporary() {
		a.done(r, st)
		return
	}
	if a.put == nil {
		a.put = map[*envelope.Recipient]status.Status{}
	}
	a.put[r] = st
	if st.Scope == status.OfRecipient {
		a.passed = append(a.passed, putOff{r, st, *a.job.Peer})
	}
}

// done takes a final outcome.
func (a *attempt) done(r *envelope.Recipient, st status.Status) {
	a.rcpts = slices.DeleteFunc(slices.Clone(a.rcpts), func(w Rcpt) bool { return w.Recipient == r })
	a.report(r, st)
}

// next begins with another host: what the one before said of single recipients is told.
func (a *attempt) next() {
	for _, p := range a.passed {
		if a.job.PutOff != nil {
			a.job.PutOff(p.rcpt, p.status, &p.peer)
		}
	}
	a.passed = nil
}

// rest reports those for whom no host did.
func (a *attempt) rest() {
	for _, r := range a.rcpts {
		st, ok := a.put[r.Recipient]
		if !ok {
			st = status.As(a.failed)
		}
		a.report(r.Recipient, st)
	}
	a.rcpts = nil
}

// warn tells of a peer that gave no reply; of one that let us wait too long the log, too.
func (a *attempt) warn(lost *lostError) {
	if lost.reading && a.job.Note != nil {
		a.job.Note("451 4.4.1 reply: read error from " + lost.peer)
	}
	if lost.reading && timedOut(lost.err) && a.job.Warn != nil {
		a.job.Warn("timeout waiting for input from " + lost.peer + " during client " + lost.phase())
	}
}
