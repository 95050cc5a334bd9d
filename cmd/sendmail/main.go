// Command sendmail is the mail server, the submission program and their tools. The name it is called by chooses what it
// does:
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
// The program may be set-group-ID. It reads its arguments, decides from them which rights the call keeps (keepsSetgid),
// gives up the others, empties an environment that it must not trust and closes what it inherited; only then it opens a
// file. No argument and no environment variable reaches anything that only the program itself may ask for. Once the
// configuration is read, RunAsUser takes root from every mode but daemons, which bind their sockets first, and -bt.
// docs/security.md has the whole order.
//
// Unknown flags do not make a submission fail: no mail is lost for a flag that another sendmail knew.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/debug"
	"gosendmail/internal/status"
)

// programs are the names of the program beside sendmail, with the operation modes that they stand for.
var programs = map[string]byte{
	"smtpd":      modeDaemon,
	"mailq":      modeQueue,
	"newaliases": modeAliases,
	"hoststat":   modeHostStat,
	"purgestat":  modePurgeStat,
}

// invocation is one run of the program.
type invocation struct {
	*flags
	name           string
	argv           []string
	realName       string // $NAME: the caller's full name where -F gives none
	caller         caller
	given          handover
	levels         *debug.Levels // of -d; nil without it
	log            *debug.Log    // prints what levels ask for
	debugTo        io.Writer     // -D; nil without
	stderrLog      bool          // the configuration logs to standard error
	dialogues      *traffic      // -X; nil without
	spoiled        bool          // the command line is wrong: the exit status tells it where the mail goes on
	doubts         []string      // what X-Authentication-Warning says of the command line
	stdin          io.Reader
	stdout, stderr io.Writer
}

func main() {
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
	f, err := parseFlags(argv)
	if err != nil {
		(&invocation{flags: f, name: name, stdout: stdout, stderr: stderr}).misused()
		if _, ok := err.(missing); ok {
			fmt.Fprintf(stderr, "%s: %v\n", called, err)
		} else {
			fmt.Fprintln(stdout, err)
		}
		return status.Usage
	}
	if mode := programs[name]; mode != 0 && !f.modeSet {
		f.setMode(mode)
	}
	inv := &invocation{flags: f, name: name, argv: append([]string{called}, argv...), stdin: stdin, stdout: stdout, stderr: stderr}
	inv.realName = os.Getenv("NAME") // entering may empty the environment
	if err := inv.enter(); err != nil {
		return inv.fail(status.OSErr, "%v", err)
	}
	if code := inv.openTraffic(); code != 0 {
		inv.misused()
		return code
	}
	if code := inv.openDebugLog(); code != 0 {
		return code
	}
	return inv.dispatch(context.Background())
}

// dispatch calls what the operation mode stands for.
func (v *invocation) dispatch(ctx context.Context) int {
	misused := v.misused()
	if misused && (v.mode != modeTest || len(v.unknown) > 0) {
		return status.Usage
	}
	if v.detaches() && v.given.ready == nil {
		return v.detach()
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
	case modeSMTP:
		return v.standardSMTP(ctx)
	case modeTest:
		code := v.testMode(ctx)
		if misused {
			code = status.Usage
		}
		return code
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
	fmt.Fprintf(v.complaints(), format+"\n", args...)
	return code
}

// complaints is where errors of a call go: as the original's to standard output, which programs that hand mail in read;
// whoever starts a daemon reads standard error.
func (v *invocation) complaints() io.Writer {
	if v.mode == modeDaemon || v.mode == modeForegrnd || v.mode == modeCheckCf {
		return v.stderr
	}
	return v.stdout
}

// replies reports whether who reads what is printed expects replies of SMTP.
func (v *invocation) replies() bool { return v.mode == modeSMTP || v.mode == modeARPANET }

// misused reports whether the command line is wrong, and prints what, with what is wrong with options before it.
func (v *invocation) misused() bool {
	options := cf.CheckOptions(v.configOptions()[:len(v.settings)])
	found := func(is func(cf.Message) bool) bool {
		return slices.ContainsFunc(options, func(list []cf.Message) bool { return slices.ContainsFunc(list, is) })
	}
	submits := v.submits()
	ends := func(m misuse) bool { return !m.mild && !(submits && m.flag != 0) }
	wrong := slices.ContainsFunc(v.wrong, ends) || found(isUsage)
	v.spoiled = slices.ContainsFunc(v.wrong, func(m misuse) bool { return m.mild }) ||
		found(func(m cf.Message) bool { return strings.HasPrefix(m.Text, "Invalid time unit") })
	if wrong {
		v.startDebug()
	}
	said := 0
	for _, m := range append(v.wrong, misuse{behind: len(v.settings)}) {
		for ; wrong && said < m.behind && v.mode != modeTest; said++ { // which says it itself
			v.say(errorsOf(options[said])...)
			if slices.ContainsFunc(options[said], isUsage) {
				return true // nothing behind it is looked at
			}
		}
		switch text := string(m.complaint); {
		case m.flag != 0 && !submits:
			if strings.IndexByte("IU", m.flag) < 0 {
				fmt.Fprintf(v.stderr, "%s: illegal option -- %c\n", v.name, m.flag)
			}
			return true
		case text == "" || m.mild && wrong:
		case v.replies():
			fmt.Fprintf(v.stdout, "550 %s\r\n", text)
		case !m.mild || v.errorsPrinted():
			fmt.Fprintln(v.complaints(), text)
		}
	}
	return wrong
}

// errorsOf leaves out what the original takes without a word.
func errorsOf(list []cf.Message) []cf.Message {
	return slices.DeleteFunc(slices.Clone(list), func(m cf.Message) bool { return m.Doubt })
}

// errorsPrinted reports whether the command line leaves errors to be printed (ErrorMode).
func (v *invocation) errorsPrinted() bool {
	printed := true
	for _, s := range v.settings {
		if s.short && s.name == "e" || strings.EqualFold(s.name, "ErrorMode") {
			printed = s.value == "" || s.value[0] == 'p'
		}
	}
	return printed
}
