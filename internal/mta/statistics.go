package mta

import (
	"strings"
	"time"

	"gosendmail/internal/maillog"
	"gosendmail/internal/mailstat"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// statisticsDelay is how long what was counted may wait until it is written to StatusFile.
const statisticsDelay = time.Second

// newStatistics makes the keeper of StatusFile.
func (s *Server) newStatistics() (*mailstat.Keeper, error) {
	check, err := s.site.fileChecker()
	if err != nil {
		return nil, err
	}
	told := func(err error) { s.Log.Logf(maillog.LevelSerious, maillog.Err, "", "%v", err) }
	return mailstat.NewKeeper(s.site.options.StatusFile, *check, s.now, statisticsDelay, told), nil
}

// mailerNumbers gives mailers the numbers that statistics know them by, names in lower case.
func mailerNumbers(configured []string) map[string]int {
	numbers := map[string]int{}
	for i, name := range mailstat.Names(configured) {
		numbers[strings.ToLower(name)] = i
	}
	return numbers
}

// number is a mailer's place in the statistics; ok is false where they have none for it.
func (m *message) number(mailer string) (i int, ok bool) {
	i, ok = m.site.numbers[strings.ToLower(mailer)]
	return i, ok && i < mailstat.Mailers
}

// senderNumber is the place of the sender's mailer.
func (m *message) senderNumber() (int, bool) {
	if m.senderMailer == nil {
		return 0, false
	}
	return m.number(m.senderMailer.Name)
}

func kilobytes(size int64) int64 { return (size + 1023) / 1024 }

// countFrom counts a message that came.
func (m *message) countFrom(size int64) {
	if i, ok := m.senderNumber(); ok {
		m.srv.stats.Count(func(c *mailstat.Counts) {
			c.From[i]++
			c.FromKB[i] += kilobytes(size)
		})
	}
}

// countTo counts a delivery to one recipient.
func (m *message) countTo(mailer string) {
	if i, ok := m.number(mailer); ok {
		m.srv.stats.Count(func(c *mailstat.Counts) {
			c.To[i]++
			c.ToKB[i] += kilobytes(m.size)
		})
	}
}

// reached reports whether an outcome is one of a mailer that was there: what it took is counted, whatever it said to
// it.
func reached(mailer *mailers.Mailer, s status.Status) bool {
	return s.Success() || mailer.Path == "[IPC]" && s.Remote != "" && s.Diagnostic != ""
}

// countVerdict counts what became of a message, or of a command, that rules had something against.
func (m *message) countVerdict(v maillog.Verdict) {
	i, ok := m.senderNumber()
	m.srv.stats.Count(func(c *mailstat.Counts) {
		switch {
		case v == maillog.Quarantined && ok:
			c.Quarantined[i]++
		case v == maillog.Discarded && ok:
			c.Discarded[i]++
		case v == maillog.Rejected && ok:
			c.Rejected[i]++
		}
		if v != maillog.Quarantined {
			c.Refused++
		}
	})
}

// countClient, countRefused and countPeer count a connection that came in, one that check_relay refused and one to
// another host.
func (s *Server) countClient() { s.stats.Count(func(c *mailstat.Counts) { c.Accepted++ }) }

func (s *Server) countRefused() { s.stats.Count(func(c *mailstat.Counts) { c.Refused++ }) }

func (s *Server) countPeer() { s.stats.Count(func(c *mailstat.Counts) { c.Made++ }) }
