// Command smrsh is the restricted shell for sendmail's prog mailer (FEATURE(smrsh)): it runs only programs of one
// folder.
//
//	smrsh -c command
//
// A command is a list of programs and their arguments with && or || between them. Of each program's name only what
// follows the last slash counts, and it must be an executable file (or a link to one) in /etc/mail/smrsh; exec before a
// program, exit and echo are allowed too. The list is then given to /bin/sh, with PATH=/usr/bin:/bin and nothing else
// in the environment.
//
// The exit status is that of the command; 64 for a wrong command line, 69 for a command that is refused. Refusals go to
// standard error, which ends up in a bounce, and to the log with the caller's number.
//
// # SECURITY
//
// It runs with the rights of the user whose mail is delivered, on a command that a sender may have had a hand in. What
// would let one command become another is refused wherever it stands, quoted or not: ` < > ; $ ( ) ^ carriage return,
// newline, and & and | that are not doubled. What the shell does besides (quotes, backslashes, patterns, ~) changes
// arguments only. The folder is the administrator's: a shell, or a program that runs others (perl, procmail), in it
// makes all this pointless.
package main

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

// Where programs are and where /bin/sh looks for others. Packages for systems that keep them elsewhere (FreeBSD:
// /usr/libexec/sm.bin) set these with -ldflags "-X main.folder=...".
var (
	folder = "/etc/mail/smrsh"
	path   = "/usr/bin:/bin"
)

const shell = "/bin/sh"

func main() { os.Exit(run(os.Args, os.Stderr)) }

// run becomes the shell, and returns only if it cannot.
func run(argv []string, stderr io.Writer) int {
	log, err := maillog.Open(maillog.Config{Tag: "smrsh", PID: maillog.NoPID, Stderr: io.Discard})
	if err != nil {
		fmt.Fprintf(stderr, "smrsh: %v\n", err)
		return status.OSErr
	}
	name := "smrsh"
	if len(argv) > 0 {
		name = argv[0]
	}
	command := ""
	if len(argv) == 3 && argv[1] == "-c" {
		command = argv[2]
	}
	if trimSpace(command) == "" {
		fmt.Fprintf(stderr, "Usage: %s -c command\n", name)
		log.Plain(0, maillog.Err, "usage")
		return status.Usage
	}
	line, refused := restrict(folder, command)
	if refused != nil {
		fmt.Fprintf(stderr, "%s: %s\n", name, refused.told)
		log.Plain(0, refused.priority, refused.logged(os.Getuid()))
		return status.Unavailable
	}
	err = syscall.Exec(shell, []string{shell, "-c", line}, []string{"PATH=" + path})
	log.Plain(0, maillog.Crit, fmt.Sprintf("Cannot exec %s: %v", shell, err))
	fmt.Fprintf(stderr, "%s: %v\n", shell, err)
	return status.OSFile
}
