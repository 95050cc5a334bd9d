package m4

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// shell runs a command with /bin/sh -c, if that is allowed. It returns what the command printed if capture is set.
func (e *Engine) shell(args []Arg, capture bool) string {
	if !e.allowed(args[0].Text) {
		return ""
	}
	e.out.sync()
	var printed bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", args[1].Text)
	cmd.Args[0] = "sh" // the name that the shell's complaints begin with
	cmd.Stdin, cmd.Stderr = e.opt.Stdin, e.opt.Errors
	switch {
	case capture:
		cmd.Stdout = &printed
	case e.opt.Stdout != nil:
		cmd.Stdout = e.opt.Stdout
	default:
		cmd.Stdout = io.Writer(&rawOutput{e})
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		e.sysval = 0
	case errors.As(err, &exit):
		e.sysval = waitStatus(exit)
		if e.sysval == 127 && !capture {
			e.complainAt(location{}, Warning, "%s subprocess failed", args[0].Text)
		}
	default:
		e.sysval = 127
		e.Fail("cannot run command `%s': %s", args[1].Text, Reason(err))
	}
	return printed.String()
}

// waitStatus is the exit status, or the signal times 256.
func waitStatus(exit *exec.ExitError) int {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return int(ws.Signal()) << 8
	}
	return exit.ExitCode()
}

// rawOutput writes to the output itself, past the diversions.
type rawOutput struct{ e *Engine }

func (w *rawOutput) Write(text []byte) (int, error) {
	at := w.e.here
	w.e.out.main.append(string(text), Origin{at: at.spot, site: at.site, body: -1}, w.e.opt.Lines)
	w.e.spent(len(text))
	return len(text), nil
}

// allowed tells whether a builtin that touches the system may work, and complains if not.
func (e *Engine) allowed(name string) bool {
	if !e.opt.AllowShell {
		e.Fail("%s is not allowed here: macro files may neither run programs nor create files", name)
	}
	return e.opt.AllowShell
}

func biSyscmd(e *Engine, args []Arg) string {
	if args[1].Text == "" {
		if e.allowed(args[0].Text) {
			e.sysval = 0
		}
		return ""
	}
	return e.shell(args, false)
}

func biEsyscmd(e *Engine, args []Arg) string {
	if args[1].Text == "" {
		if e.allowed(args[0].Text) {
			e.sysval = 0
		}
		return ""
	}
	return e.shell(args, true)
}

func biSysval(e *Engine, _ []Arg) string { return strconv.Itoa(e.sysval) }

// tempTries bounds how often mkstemp looks for a name that is free.
const tempTries = 1000

// biMkstemp creates a file that only its owner can read, with random letters for the last six X of the template.
func biMkstemp(e *Engine, args []Arg) string {
	if !e.allowed(args[0].Text) {
		return ""
	}
	base, template := args[1].Text, args[1].Text
	for n := 0; n < 6 && strings.HasSuffix(base, "X"); n++ {
		base = base[:len(base)-1]
	}
	var err error
	for range tempTries {
		name := base + randomLetters(6)
		var f *os.File
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			if err = f.Close(); err == nil {
				return e.Quote(name)
			}
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	e.Warn("%s: cannot create tempfile `%s': %s", args[0].Text, template, Reason(err))
	return ""
}

// randomLetters makes up a part of a name. That nobody else has such a file is left to O_EXCL.
func randomLetters(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	name := make([]byte, n)
	for i := range name {
		name[i] = letters[rand.IntN(len(letters))]
	}
	return string(name)
}

// biMaketemp is mkstemp; traditional m4 only makes up a name from the process's number, and creates nothing.
func biMaketemp(e *Engine, args []Arg) string {
	if !e.opt.Traditional {
		return biMkstemp(e, args)
	}
	if !e.allowed(args[0].Text) {
		return ""
	}
	e.Warn("recommend using mkstemp instead")
	template := args[1].Text
	base := strings.TrimRight(template, "X")
	pid := strconv.Itoa(os.Getpid())
	width := len(template) - len(base)
	if len(pid) < width {
		pid = strings.Repeat("0", width-len(pid)) + pid
	}
	return base + pid[len(pid)-width:]
}
