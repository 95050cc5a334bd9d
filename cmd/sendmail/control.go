package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"

	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/operate"
	"gosendmail/internal/safefile"
)

// The orders of the control socket.
const (
	orderRestart  = "restart"
	orderShutdown = "shutdown"
)

// openControl opens the control socket of a configuration, in place of the one before. A socket that cannot be had is
// told in the log, as by the original: the daemon serves without it.
func (d *daemon) openControl(ctx context.Context, site *mta.Site, log *maillog.Logger) {
	d.closeControl()
	path, check, timeout, found, err := site.ControlSocket()
	if err == nil && !found {
		return
	}
	if err == nil {
		d.control, err = operate.Listen(ctx, path, check, timeout, d)
	}
	if err != nil {
		log.Plain(0, maillog.Warning, fmt.Sprintf("daemon could not open control socket %s: %s", path, safefile.Reason(err)))
	}
}

func (d *daemon) closeControl() {
	if d.control != nil {
		d.control.Close()
		d.control = nil
	}
}

// Help implements operate.Daemon, as the methods after it.
func (d *daemon) Help() []string { return d.current.Load().mta.ControlHelp() }

// Status is what the daemon does, and for whom: sessions are no processes of their own and have its number.
func (d *daemon) Status() []string {
	clients := d.clients()
	lines := []string{d.current.Load().mta.ControlStatus(len(clients)), fmt.Sprintf("%d accepting connections", os.Getpid())}
	for _, c := range clients {
		lines = append(lines, fmt.Sprintf("%d SMTP server for %s", os.Getpid(), c))
	}
	return lines
}

// Mstat is Status in the original's form for programs.
func (d *daemon) Mstat() []string {
	clients := d.clients()
	lines := append(d.current.Load().mta.ControlMstat(len(clients)), fmt.Sprintf("P:%d accepting connections", os.Getpid()))
	for _, c := range clients {
		lines = append(lines, fmt.Sprintf("P:%d SMTP server for %s", os.Getpid(), c))
	}
	return lines
}

// Memdump tells of memory in figures: there is no list of what is allocated.
func (d *daemon) Memdump() []string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return []string{fmt.Sprintf("heap %d bytes in %d objects, %d bytes from the system, %d collections, %d goroutines",
		m.HeapAlloc, m.HeapObjects, m.Sys, m.NumGC, runtime.NumGoroutine())}
}

// Restart reads the configuration anew.
func (d *daemon) Restart() { d.order(orderRestart) }

// Shutdown ends the daemon.
func (d *daemon) Shutdown() { d.order(orderShutdown) }

// order passes an order on; one that waits already is enough.
func (d *daemon) order(what string) {
	select {
	case d.orders <- what:
	default:
	}
}

func (d *daemon) clients() (list []string) {
	for _, s := range d.current.Load().smtpd {
		list = append(list, s.Clients()...)
	}
	slices.Sort(list)
	return list
}
