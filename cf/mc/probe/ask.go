package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ErrSilent is for a program that did not answer each command.
var ErrSilent = errors.New("it does not answer as sendmail -bt does")

// Ask gives commands to the address test mode of a program, a sendmail, under a configuration file. It returns what the
// program says before the first prompt, and the last result of each command.
func Ask(ctx context.Context, program, cf string, commands []string) (banner string, results []string, err error) {
	cmd := exec.CommandContext(ctx, program, "-bt", "-C", cf)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	runErr := cmd.Run() // it exits with what was wrong with the last address
	banner, results = Answers(out.String())
	if len(results) < len(commands) {
		said, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
		return banner, nil, fmt.Errorf("probe: ask %s: %w: %d answers to %d commands (%v; %.200s)", program, ErrSilent, len(results), len(commands), runErr, said)
	}
	return banner, results[:len(commands)], nil
}
