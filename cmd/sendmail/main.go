// Command sendmail is the mail server, the submission program and their tools. The name it is called by chooses what it does:
//
//	sendmail    as the flags say: submit a message (-bm, the default), serve (-bd, -bD), speak SMTP on standard input (-bs),
//	            run the queue (-q), list it (-bp), rebuild aliases (-bi), verify addresses (-bv), test rules (-bt)
//	smtpd       -bd
//	mailq       -bp
//	newaliases  -bi
//	hoststat    -bh
//	purgestat   -bH
//
// -C names a sendmail.cf, or an .mc that is compiled and run directly. The exit status is one of sysexits.h.
//
// # SECURITY
//
// Before the flags are read nothing is opened. An alternate configuration, a log of dialogues and options that not everybody may
// set give up set-group-ID rights, as they do with the original. Unknown flags do not make a submission fail: no mail is lost for a flag that another sendmail knew.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gosendmail/internal/debug"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// program is what one name of the program does.
type program struct {
	mode       byte // the operation mode that the name stands for; 0 means the flags decide
	keepSetgid bool // it works in the queue with the rights of a set-group-ID file
}

var programs = map[string]program{
	"sendmail":   {0, true},
	"smtpd":      {modeDaemon, true},
	"mailq":      {modeQueue, true},
	"newaliases": {modeAliases, false},
	"hoststat":   {modeHostStat, false},
	"purgestat":  {modePurgeStat, false},
}

// invocation is one run of the program.
type invocation struct {
	*flags
	name           string
	argv           []string
	stderrLog      bool          // the configuration logs to standard error
	levels         *debug.Levels // of -d; nil without it
	log            *debug.Log    // prints what levels ask for
	dialogues      *traffic      // -X; nil without
	stdin          io.Reader
	stdout, stderr io.Writer
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == mailers.ChildArg {
		os.Exit(mailers.ChildMain())
	}
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run does what a command line says and returns the exit status.
func run(argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name, called := "sendmail", "sendmail"
	if len(argv) > 0 {
		called = argv[0]
		name = filepath.Base(argv[0])
		argv = argv[1:]
	}
	p, ok := programs[name]
	if !ok {
		p = programs["sendmail"]
	}
	f, err := parseFlags(argv)
	if err != nil {
		if _, ok := err.(missing); ok {
			err = fmt.Errorf("%s: %w", called, err)
		}
		fmt.Fprintln(stderr, err)
		return status.Usage
	}
	if p.mode != 0 && !f.modeSet {
		f.setMode(p.mode)
	}
	if !p.keepSetgid || f.unsafe() {
		if err := priv.DropSetgid(); err != nil {
			fmt.Fprintln(stderr, err)
			return status.OSErr
		}
	}
	inv := &invocation{flags: f, name: name, argv: append([]string{called}, argv...), stdin: stdin, stdout: stdout, stderr: stderr}
	if code := inv.openTraffic(); code != 0 {
		return code
	}
	return inv.dispatch(context.Background())
}

// dispatch calls what the operation mode stands for.
func (v *invocation) dispatch(ctx context.Context) int {
	if len(v.unknown) > 0 && !v.submits() {
		fmt.Fprintf(v.stderr, "%s: illegal option -- %s\n", v.name, v.unknown[0][1:2])
		return status.Usage
	}
	if v.startDebug() {
		return status.OK
	}
	switch v.mode {
	case modeAliases:
		return v.aliases(ctx)
	case modeCheckCf:
		return v.checkConfig(ctx)
	case modeDaemon, modeForegrnd:
		return v.serve(ctx)
	case modeHostStat, modePurgeStat:
		return v.hostStatus(ctx)
	case modeQueue, modeQueueSize:
		return v.printQueue(ctx)
	case modeSMTP, modeARPANET:
		return v.standardSMTP(ctx)
	case modeTest:
		return v.testMode(ctx)
	case modeVerify:
		return v.verify(ctx)
	}
	if v.quarantine != nil {
		return v.setQuarantine(ctx)
	}
	if v.runQueue {
		return v.queueRun(ctx)
	}
	return v.submit(ctx)
}

// submits reports whether the invocation hands a message in.
func (v *invocation) submits() bool {
	switch v.mode {
	case modeDeliver:
		return !v.runQueue && v.quarantine == nil
	case modeSMTP, modeARPANET, modeVerify:
		return true
	}
	return false
}

// fail prints an error and returns the exit status that goes with it.
func (v *invocation) fail(code int, format string, args ...any) int {
	fmt.Fprintf(v.stderr, format+"\n", args...)
	return code
}
