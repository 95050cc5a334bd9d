package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"strings"
	"syscall"

	"gosendmail/internal/alias"
	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/internal/testmode"
	"gosendmail/queue"
)

// testMode is -bt.
func (v *invocation) testMode(ctx context.Context) int {
	site, log, code := v.load(ctx)
	if code != 0 {
		return code
	}
	defer log.Close()
	caller := v.serverConfig(ctx, site, log).Caller
	return testmode.Run(ctx, site, v.stdin, v.stdout, testmode.Options{Debug: v.levels, DebugTo: v.debugTo, Login: caller.Name + "@localhost", Path: v.configPath(),
		Silent: func(list []string) {
			fmt.Fprintf(v.stderr, "%s: -d%s prints nothing here\n", v.name, strings.Join(list, ","))
		}})
}

// verify is -bv: where mail for the addresses would go.
func (v *invocation) verify(ctx context.Context) int {
	if v.caller.uid != 0 {
		fmt.Fprintln(v.stdout, "Notice: -bv may give misleading output for non-privileged user")
	}
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	if len(v.args) == 0 && !v.fromHdr {
		return v.fail(status.Usage, "Recipient names must be specified")
	}
	args := v.args
	if v.fromHdr {
		args = append(args[:len(args):len(args)], headerRecipients(v.stdin)...)
	}
	lines, exit := m.Verify(ctx, args, v.sender, v.noAlias)
	for _, l := range lines {
		fmt.Fprintln(v.stdout, l)
	}
	if exit == status.OK && v.spoiled {
		exit = status.Usage
	}
	return exit
}

// headerRecipients are the recipient fields of a header (-bv -t).
func headerRecipients(in io.Reader) (list []string) {
	header, err := textproto.NewReader(bufio.NewReader(in)).ReadMIMEHeader()
	if err != nil && len(header) == 0 {
		return nil
	}
	for _, field := range []string{"To", "Cc", "Bcc", "Apparently-To"} {
		list = append(list, header[field]...)
	}
	return list
}

// printQueue is -bp, and -bP, which only counts.
func (v *invocation) printQueue(ctx context.Context) int {
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	if !m.MayPrintQueue(v.caller.uid, v.caller.groups) {
		return v.fail(status.NoPerm, "You are not permitted to see the queue")
	}
	if v.mode == modeQueueSize {
		if err := m.Spool().PrintCounts(v.stdout); err != nil {
			return v.fail(status.OSErr, "%v", err)
		}
		return status.OK
	}
	sel, err := v.selection()
	if err != nil {
		return v.fail(status.Usage, "%v", err)
	}
	if v.group != "" && m.Spool().Group(v.group) == nil {
		return v.fail(status.OK, "Queue group %s unknown", v.group)
	}
	l := m.Listing()
	l.Verbose, l.Select = v.verbose, sel
	l.Problem = func(err error) { fmt.Fprintln(v.stderr, err) }
	if err := m.Spool().Print(v.stdout, l); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}

// selection is what -qI, -qR, -qS, -qQ and -qG select.
func (v *invocation) selection() (queue.Selection, error) {
	var sel queue.Selection
	for _, l := range v.limits {
		arg := string([]byte{l.kind}) + l.substr
		if l.not {
			arg = "!" + arg
		}
		if err := sel.Parse(arg); err != nil {
			return sel, err
		}
	}
	sel.Group = v.group
	return sel, nil
}

// setQuarantine is -Q: it holds the selected messages back, or lets them go where no reason is given. Of those that are
// held already it sees only those that -qQ selects.
func (v *invocation) setQuarantine(ctx context.Context) int {
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	if !v.mayRunQueue(m) {
		return v.fail(status.NoPerm, "You do not have permission to process the queue")
	}
	sel, err := v.selection()
	if err != nil {
		return v.fail(status.Usage, "%v", err)
	}
	if sel.LostOnly {
		return v.fail(status.Usage, "Can not use -Q with -qL")
	}
	tell := v.watch()
	if tell == nil {
		tell = func(string) {}
	}
	if err := m.Quarantine(sel, *v.quarantine, tell); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}

// queueRun is -q without -bd: once, or with an interval for ever.
func (v *invocation) queueRun(ctx context.Context) int {
	if v.interval != "" {
		return v.queueDaemon(ctx)
	}
	sel, err := v.selection()
	if err != nil {
		return v.fail(status.Usage, "%v", err)
	}
	handedIn := v.given.proven && v.given.ready == nil
	var waiting mta.Waiting
	if handedIn {
		if err := json.NewDecoder(v.stdin).Decode(&waiting); err != nil {
			return v.fail(status.OSErr, "nothing was handed over: %v", err)
		}
	}
	m, log, code := v.server(ctx, func(c *mta.Config) {
		c.Watch = v.watch()
		c.HandedIn, c.Waiting = handedIn, waiting
		c.Named = v.senderFlag != 0 || !v.given.proven
	})
	if code != 0 {
		return code
	}
	defer log.Close()
	if !v.mayRunQueue(m) {
		return v.fail(status.NoPerm, "You do not have permission to process the queue")
	}
	if v.group != "" && m.Spool().Group(v.group) == nil {
		return v.fail(status.Usage, "Queue group %s unknown", v.group)
	}
	err = m.RunQueue(ctx, sel)
	m.Wait()
	if err := errors.Join(err, m.Close(ctx)); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}

// watch prints what is said to peers and what they answer, for -v.
func (v *invocation) watch() func(line string) {
	if !v.verbose {
		return nil
	}
	return v.print
}

func (v *invocation) print(line string) {
	fmt.Fprintln(v.stdout, line)
}

// aliases is -bi. What is wrong with single lines goes where the counts go, and makes the exit status that of an error,
// as scripts expect: the other lines are in the tables all the same.
func (v *invocation) aliases(ctx context.Context) int {
	site, log, code := v.load(ctx)
	if code != 0 {
		return code
	}
	defer log.Close()
	caller := v.serverConfig(ctx, site, log).Caller
	stats, problems, err := mta.RebuildAliases(ctx, site, log, caller.Name)
	exit := status.OK
	for _, p := range problems {
		fmt.Fprintln(v.stdout, p)
		if !p.Warning && !p.Detail {
			exit = status.Software
		}
	}
	for _, s := range stats {
		fmt.Fprintln(v.stdout, s)
	}
	switch {
	case errors.Is(err, alias.ErrUnsafeFolder):
		return v.fail(status.Software, "%v", err)
	case errors.Is(err, alias.ErrUnsafeDatabase):
		return v.fail(status.OSErr, "%v", err)
	case err != nil:
		return v.fail(status.CantCreat, "%v", err)
	}
	return exit
}

// ownsAliases reports whether a user owns the alias files: a site of an ordinary user.
func ownsAliases(site *mta.Site, uid int) bool {
	files := mta.AliasFiles(site)
	for _, path := range files {
		st, err := os.Stat(path)
		if err != nil {
			return false
		}
		if sys, ok := st.Sys().(*syscall.Stat_t); !ok || int(sys.Uid) != uid {
			return false
		}
	}
	return len(files) > 0
}

// hostStatus is -bh and -bH.
func (v *invocation) hostStatus(ctx context.Context) int {
	site, log, code := v.load(ctx)
	if code != 0 {
		return code
	}
	defer log.Close()
	problem := func(err error) { fmt.Fprintln(v.stderr, err) }
	if err := mta.HostStatus(site, v.stdout, v.mode == modePurgeStat, v.verbose, problem); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}
