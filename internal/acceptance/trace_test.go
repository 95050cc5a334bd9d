package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ending is how a traced program ended.
type ending struct {
	uids, gids string // real, effective and saved ids when it ended, as proc(5) shows them
	exit       int    // -1 where a signal ended it
	out        string
}

// effective is the second of the three ids that proc(5) shows.
func effective(ids string) string { return strings.Fields(ids)[1] }

// tracedTime is how long a traced program may run.
const tracedTime = 2 * time.Second

// traceToEnd runs a program and reports the rights that it had left when it ended. Children that it makes are not
// traced. The tracer is root, so that set-group-ID files keep their meaning.
func traceToEnd(t *testing.T, command func() *exec.Cmd) ending {
	t.Helper()
	for range 20 {
		if o := traceOnce(t, command()); o.gids != "" {
			return o
		}
	}
	t.Fatalf("%q ends too fast to be traced", command().Args)
	return ending{}
}

// traceOnce is traceToEnd; no ids are reported of a program that ended before it was traced.
func traceOnce(t *testing.T, cmd *exec.Cmd) (o ending) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	must(t, err)
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	runtime.LockOSThread() // the thread that seizes it is the tracer
	defer runtime.UnlockOSThread()
	must(t, cmd.Start())
	pid := cmd.Process.Pid
	late := time.AfterFunc(tracedTime, func() { unix.Kill(pid, unix.SIGTERM) })
	defer late.Stop()
	seize(t, pid)
	var ws unix.WaitStatus
	for {
		id, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		must(t, err)
		if ws.Exited() || ws.Signaled() {
			if id == pid {
				break
			}
			continue
		}
		if ws.TrapCause() == unix.PTRACE_EVENT_EXIT {
			o.uids, o.gids = idsOf(t, id)
		}
		signal := 0
		if s := ws.StopSignal(); ws.TrapCause() <= 0 && s != unix.SIGTRAP && s != unix.SIGSTOP {
			signal = int(s)
		}
		_ = unix.PtraceCont(id, signal) // it may be gone
	}
	o.exit = ws.ExitStatus()
	text, err := os.ReadFile(file.Name())
	must(t, err)
	o.out = string(text)
	return o
}

// seize makes this thread the tracer of a program that was just started, of all its threads. Attaching before it is
// started would take the meaning of its set-group-ID bit.
func seize(t *testing.T, pid int) {
	t.Helper()
	const options = unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	seen := map[string]bool{}
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return // it has ended
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			must(t, err)
			if seen[task.Name()] {
				continue
			}
			again, seen[task.Name()] = true, true
			_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, options, 0, 0)
			// EPERM: traced already, as the child of one that is; ESRCH: it has ended.
			if e != 0 && e != unix.EPERM && e != unix.ESRCH {
				t.Fatalf("seize %d: %v", tid, e)
			}
		}
	}
}

// idsOf reads the ids of a thread.
func idsOf(t *testing.T, tid int) (uids, gids string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(text)) {
		switch name, rest, _ := strings.Cut(line, ":"); name {
		case "Uid":
			uids = strings.Join(strings.Fields(rest), " ")
		case "Gid":
			gids = strings.Join(strings.Fields(rest), " ")
		}
	}
	return uids, gids
}
