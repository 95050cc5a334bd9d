package mta

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"gosendmail/internal/hoststat"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// hostDirectory is HostStatusDirectory, or nil. A relative path is below the queue folder, as the original's.
func hostDirectory(site *Site) *hoststat.Dir {
	o := &site.Config.Settings
	path := o.HostStatusDirectory
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.QueueDirectory, path)
	}
	return &hoststat.Dir{Path: path, Fresh: o.Timeout.HostStatus}
}

// hostRecords keeps for the mailers what is known of hosts.
type hostRecords struct {
	dir *hoststat.Dir
	srv *Server
}

// hostStatus is nil without HostStatusDirectory.
func (s *Server) hostStatus() mailers.HostStatus {
	dir := hostDirectory(s.site.Site)
	if dir == nil {
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

// Set implements mailers.HostStatus.
func (h *hostRecords) Set(host string, err error) {
	e := hoststat.Entry{Host: host}
	if err != nil {
		st := status.As(err)
		e.Exit, e.Reply = st.Exit, st.Text
		if st.Enhanced != (status.Enhanced{}) {
			e.DSN = st.Enhanced.String()
		}
		errors.As(err, &e.Errno)
	}
	if err := h.dir.Put(e); err != nil {
		h.srv.Log.Logf(maillog.LevelSerious, maillog.Warning, "", "host status of %s: %v", host, err)
	}
}

// HostStatus prints or purges what is known of hosts (HostStatusDirectory).
func HostStatus(site *Site, out io.Writer, purge, verbose bool, problem func(error)) error {
	dir := hostDirectory(site)
	switch {
	case dir == nil:
		return nil
	case purge:
		_, err := dir.Purge()
		return err
	}
	return dir.Print(out, verbose, problem)
}
