package mta

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"gosendmail/internal/hoststat"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// hostDirectory is HostStatusDirectory; ok is false where the option is not set. A relative path is
// below the queue folder, as the original's.
func hostDirectory(site *Site) (dir *hoststat.Dir, ok bool, err error) {
	o := &site.Config.Settings
	path := o.HostStatusDirectory
	if path == "" {
		return nil, false, nil
	}
	checks, err := site.fileChecker()
	if err != nil {
		return nil, false, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.QueueDirectory, path)
	}
	return &hoststat.Dir{Path: path, Fresh: o.Timeout.HostStatus, Checks: *checks}, true, nil
}

// hostRecords keeps for the mailers what is known of hosts.
type hostRecords struct {
	dir *hoststat.Dir
	srv *Server
}

// hostStatus is nil without HostStatusDirectory.
func (s *Server) hostStatus() mailers.HostStatus {
	dir, ok, err := hostDirectory(s.site.Site)
	if err != nil {
		s.Log.Logf(maillog.LevelSerious, maillog.Warning, "", "HostStatusDirectory: %v", err)
	}
	if !ok {
		return nil
	}
	dir.Now = s.now
	return &hostRecords{dir, s}
}

// Down implements mailers.HostStatus: a host that failed temporarily a moment ago is not tried again.
func (h *hostRecords) Down(_ context.Context, host string) error {
	e, known, err := h.dir.Get(host)
	if err != nil {
		h.srv.Log.Logf(maillog.LevelSerious, maillog.Warning, "", "host status of %s: %v", host, err)
		return nil
	}
	if !known || e.Exit != status.TempFail {
		return nil
	}
	st := status.FromExit(status.TempFail)
	if e.Reply != "" {
		st.Text = e.Reply
	} else if e.Errno != 0 {
		st.Text = "Deferred: " + e.Errno.Error()
	}
	return st
}

// Hold implements mailers.HostStatus: with SingleThreadDelivery a host is locked, and a delivery that finds it so waits
// for a queue run.
func (h *hostRecords) Hold(host string) (set func(error), release func(), err error) {
	if !h.srv.site.options.SingleThreadDelivery {
		return func(err error) { h.put(host, err, h.dir.Put) }, func() {}, nil
	}
	put, unlock, err := h.dir.Hold(host)
	if errors.Is(err, hoststat.ErrLocked) {
		st := status.FromExit(status.TempFail)
		st.Text, st.Err = "Deferred: another delivery to "+host+" is going on", err
		return nil, nil, st
	}
	if safefile.IsUnsafe(err) { // what others can write to is not used, as if there were no directory
		h.tell(host, err)
		return func(error) {}, func() {}, nil
	}
	if err != nil { // it cannot be known who else delivers
		st := status.FromExit(status.TempFail)
		st.Err = err
		return nil, nil, st
	}
	release = func() {
		if err := unlock(); err != nil {
			h.tell(host, err)
		}
	}
	return func(err error) { h.put(host, err, put) }, release, nil
}

func (h *hostRecords) tell(host string, err error) {
	h.srv.Log.Logf(maillog.LevelSerious, maillog.Warning, "", "host status of %s: %v", host, err)
}

// put notes the outcome of an attempt.
func (h *hostRecords) put(host string, err error, put func(hoststat.Entry) error) {
	e := hoststat.Entry{Host: host}
	if err != nil {
		st := status.As(err)
		e.Exit, e.Reply = st.Exit, st.Text
		if st.Enhanced != (status.Enhanced{}) {
			e.DSN = st.Enhanced.String()
		}
		errors.As(err, &e.Errno)
	}
	if err := put(e); err != nil {
		h.tell(host, err)
	}
}

// HostStatus prints or purges what is known of hosts (HostStatusDirectory).
func HostStatus(site *Site, out io.Writer, purge, verbose bool, problem func(error)) error {
	dir, ok, err := hostDirectory(site)
	switch {
	case !ok:
		return err
	case purge:
		_, err := dir.Purge()
		return err
	}
	return dir.Print(out, verbose, problem)
}
