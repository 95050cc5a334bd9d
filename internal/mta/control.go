package mta

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"gosendmail/internal/safefile"
	"gosendmail/queue"
)

// ControlSocket is the path of option ControlSocketName, below the queue directory unless it is absolute, and how it
// and its folders are checked; found is false where there is none. timeout is Timeout.control.
func (s *Site) ControlSocket() (path string, check *safefile.Checker, timeout time.Duration, found bool, err error) {
	path = s.Config.Settings.ControlSocketName
	if path == "" {
		return "", nil, 0, false, nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Config.Settings.QueueDirectory, path)
	}
	check, err = s.fileChecker()
	return path, check, s.Config.Settings.Timeout.Control, true, err
}

// ControlHelp is what HELP tells of a topic, as lines of an SMTP reply.
func (s *Server) ControlHelp() []string {
	r := s.site.help("control")
	lines := make([]string, 0, len(r.Lines))
	for i, l := range r.Lines {
		mark := "-"
		if i == len(r.Lines)-1 {
			mark = " "
		}
		lines = append(lines, fmt.Sprintf("%d%s%s %s", r.Code, mark, r.Enhanced, l))
	}
	return lines
}

// ControlStatus is the first line of command status: sessions, MaxDaemonChildren, free blocks and the load average.
func (s *Server) ControlStatus(sessions int) string {
	o := &s.site.options
	return fmt.Sprintf("%d/%d/%d/%d", sessions, max(o.MaxDaemonChildren, 0), freeBlocks(o.QueueDirectory), s.load())
}

// ControlMstat is the same for programs, with the number of messages in each queue directory.
func (s *Server) ControlMstat(sessions int) []string {
	o := &s.site.options
	lines := []string{fmt.Sprintf("C:%d", sessions), fmt.Sprintf("M:%d", max(o.MaxDaemonChildren, 0)), fmt.Sprintf("L:%d", s.load())}
	var dirs []string
	for _, g := range s.spool.Groups() {
		name, n := g.Name(), -1
		if items, err := s.spool.List(queue.Selection{Group: name}); err == nil {
			n = len(items)
		}
		lines = append(lines, fmt.Sprintf("Q:%s:%d", strings.ReplaceAll(name, ":", "_"), n))
		dirs = append(dirs, g.Directories()...)
	}
	for i, dir := range dirs {
		lines = append(lines, fmt.Sprintf("D:%d/%s/%d", i, dir, freeBlocks(dir)))
	}
	return lines
}
