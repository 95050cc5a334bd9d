// Package operate is the daemon's control socket (options ControlSocketName and Timeout.control): a local socket that
// takes one command in a line and answers it, as smcontrol asks: help, status, mstat, memdump, restart, shutdown.
//
// # SECURITY
//
// Who can write to the socket rules the daemon. Its folder, and all above it, must be writable by their owner alone,
// the socket is for its owner and group (mode 0660); what stands in its place is removed only if it is a socket. A peer
// has Timeout.control for his command, and one command is answered at a time of a few peers.
package operate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/guard"
	"gosendmail/internal/safefile"
)

// Daemon is what the socket's commands are about. Its methods return lines without their ends.
type Daemon interface {
	Help() []string
	Status() []string
	Mstat() []string
	Memdump() []string
	// Restart and Shutdown are called after their answer was sent.
	Restart()
	Shutdown()
}

const (
	maxCommand = 1024 // bytes
	maxPeers   = 8    // at a time; others wait
)

// Control is an open control socket.
type Control struct {
	path     string
	listener *net.UnixListener
	timeout  time.Duration
	daemon   Daemon
	report   guard.Report
	slots    chan struct{}
}

// Listen makes the socket. timeout is for one command; 0 means no limit.
func Listen(ctx context.Context, path string, check *safefile.Checker, timeout time.Duration, d Daemon) (*Control, error) {
	rules := check.Blame.Rules(safefile.ControlSocket)
	info, err := check.CheckRules(path, rules, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, &fs.PathError{Op: "listen", Path: path, Err: syscall.EEXIST}
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	old := syscall.Umask(0o117)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	syscall.Umask(old)
	if err != nil {
		return nil, err
	}
	c := &Control{path: path, listener: l, timeout: timeout, daemon: d, report: guard.From(ctx), slots: make(chan struct{}, maxPeers)}
	c.report.Go("control socket", c.serve)
	return c, nil
}

// Close removes the socket.
func (c *Control) Close() error { return c.listener.Close() }

func (c *Control) serve() {
	for {
		c.slots <- struct{}{}
		conn, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			<-c.slots
			time.Sleep(time.Second) // out of descriptors
			continue
		}
		c.report.Go("control command", func() {
			defer func() { <-c.slots }()
			c.answer(conn)
		})
	}
}

// answer reads one command and answers it.
func (c *Control) answer(conn net.Conn) {
	defer conn.Close()
	if c.timeout > 0 {
		if conn.SetDeadline(time.Now().Add(c.timeout)) != nil {
			return
		}
	}
	line, err := bufio.NewReaderSize(conn, maxCommand).ReadSlice('\n')
	if err != nil {
		return
	}
	words := strings.Fields(string(line))
	word := ""
	if len(words) > 0 {
		word = words[0]
	}
	var after func()
	var lines []string
	switch strings.ToLower(word) {
	case "help":
		lines = c.daemon.Help()
	case "status":
		lines = c.daemon.Status()
	case "mstat":
		lines = c.daemon.Mstat()
	case "memdump":
		lines = c.daemon.Memdump()
	case "restart":
		lines, after = []string{"OK"}, c.daemon.Restart
	case "shutdown":
		lines, after = []string{"OK"}, c.daemon.Shutdown
	default:
		lines = []string{"Bad command (" + word + ")"}
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(conn, "%s\r\n", l); err != nil {
			break
		}
	}
	if after != nil {
		conn.Close()
		after()
	}
}
