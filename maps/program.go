package maps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxProgramOutput bounds what is kept of a program's answer (MAXLINE).
const maxProgramOutput = 2048

// runProgram is class program: the first line that a program writes, its exit code being the look-up's. The key is its
// last argument, never part of a shell command.
func runProgram(ctx context.Context, p *Params, key string, args []string) (string, error) {
	argv := append([]string{p.Path}, strings.Fields(p.Rest)...)
	argv = append(argv, key)
	run := p.env.Command
	if run == nil {
		run = runDirectly
	}
	out, exit, err := run(ctx, argv)
	switch {
	case err != nil:
		return "", notRun(p, err)
	case exit == exTempFail:
		return "", tempFail(fmt.Errorf("%s: exit code %d", p.Path, exit))
	case exit != exOK:
		return "", missing(exit, fmt.Errorf("%s: exit code %d", p.Path, exit))
	case len(out) == 0:
		return "", ErrNotFound
	}
	line, _, _ := bytes.Cut(out[:min(len(out), maxProgramOutput)], []byte{'\n'})
	return p.Result(ctx, key, string(line), args), nil
}

// notRun is the outcome of a program that did not run to its end. The original takes such a key for one that is not
// there.
func notRun(p *Params, err error) error {
	if x, ok := errors.AsType[*exec.ExitError](err); ok {
		if s, ok := x.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			p.tell(fmt.Sprintf("prog_map_lookup(%s): child died on signal %d", p.Name, s.Signal()), nil)
		}
	}
	if p.Optional {
		return missing(exOSFile, err)
	}
	return tempFail(err)
}

// runDirectly runs a program as the current user, with an empty environment.
func runDirectly(ctx context.Context, argv []string) (out []byte, exit int, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.WaitDelay = time.Second // a grandchild may hold its output open
	out, err = cmd.Output()
	if x, ok := errors.AsType[*exec.ExitError](err); ok && x.ExitCode() >= 0 {
		return out, x.ExitCode(), nil
	}
	return out, 0, err
}
