package maps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// maxProgramOutput bounds what is kept of a program's answer (MAXLINE).
const maxProgramOutput = 2048

// runProgram is class program: the first line that a program writes, its exit code being the look-up's. The key is its last argument, never part of a shell command.
func runProgram(ctx context.Context, p *Params, key string, args []string) (string, error) {
	argv := append([]string{p.Path}, strings.Fields(p.Rest)...)
	argv = append(argv, key)
	run := p.env.Command
	if run == nil {
		run = runDirectly
	}
	out, exit, err := run(ctx, argv)
	switch {
	case err != nil && p.Optional:
		return "", missing(exOSFile, err)
	case err != nil:
		return "", tempFail(err)
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

// runDirectly runs a program as the current user, with an empty environment.
func runDirectly(ctx context.Context, argv []string) (out []byte, exit int, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err = cmd.Output()
	if x, ok := errors.AsType[*exec.ExitError](err); ok && x.ExitCode() >= 0 {
		return out, x.ExitCode(), nil
	}
	return out, 0, err
}
