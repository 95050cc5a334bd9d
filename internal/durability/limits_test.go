package durability

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// limited runs sendmail with so many descriptors.
func (s *site) limited(ctx context.Context, n int, args ...string) *exec.Cmd {
	cmd := s.sendmail(args...)
	script := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n)
	limited := exec.CommandContext(ctx, "sh", append([]string{"-c", script}, cmd.Args...)...)
	limited.Cancel = func() error { return limited.Process.Kill() }
	limited.WaitDelay = time.Second
	return limited
}

// TestFewDescriptors starts with fewer and fewer descriptors: a message that was taken (exit 0) is kept, one that
// cannot be taken may be handed in again (exit 75), and a daemon greets or ends with words and a status.
func TestFewDescriptors(t *testing.T) {
	requireStrace(t) // the suite's rights
	s := newSite(t, "b", false)
	port := s.port(t)
	owed := map[string][]string{}
	greeted, refused := 0, 0
	for n := 3; n <= 24; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		tag := fmt.Sprintf("few-%d", n)
		submit := s.limited(ctx, n, "-odq", "-oem", "-i", "-f", "daemon@mail.test", "bin@mail.test")
		submit.Stdin = strings.NewReader(text(tag))
		out, err := submit.CombinedOutput()
		switch {
		case ctx.Err() != nil:
			t.Errorf("%d descriptors: a submission hangs: %s", n, out)
		case err == nil:
			owed[tag] = []string{"bin@mail.test"}
		case n > 8 && submit.ProcessState.ExitCode() != 75: // with fewer the program itself cannot start
			t.Errorf("%d descriptors: a submission fails for good: %v %s", n, err, out)
		}
		if out, err := s.limited(ctx, n, "-q").CombinedOutput(); ctx.Err() != nil {
			t.Errorf("%d descriptors: a queue run hangs: %v %s", n, err, out)
		}
		var said bytes.Buffer
		daemon := s.limited(ctx, n, "-bD")
		daemon.Stdout, daemon.Stderr = &said, &said
		must(t, daemon.Start())
		ended := make(chan error, 1)
		go func() { ended <- daemon.Wait() }()
		for serving := false; !serving; {
			select {
			case err := <-ended:
				if refused++; err == nil || said.Len() == 0 {
					t.Errorf("%d descriptors: the daemon ends: %v, %q", n, err, said.String())
				}
				serving = true
			default:
				if serving = smtp(port, ""); serving {
					greeted++
				} else {
					time.Sleep(5 * time.Millisecond)
				}
			}
		}
		cancel()
	}
	t.Logf("%d submissions taken; %d daemons serve, %d refuse", len(owed), greeted, refused)
	if len(owed) == 0 || greeted == 0 || refused == 0 {
		t.Error("the limits are too wide or too narrow")
	}
	for range 3 {
		s.drain(t)
	}
	if lost := s.account(t, owed, nil).lost; len(lost) > 0 {
		t.Errorf("lost: %v", lost)
	}
}
