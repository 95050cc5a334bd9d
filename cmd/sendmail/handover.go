package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// A process that this program starts to go on in the background is handed descriptors: 3 proves that a process with the
// same rights made it (priv.Proof), 4 is there for daemons, whose start is waited for.
const (
	// handoverEnv says that the process was started so, and for what. Alone it means nothing: anybody can set it.
	handoverEnv = "GOSENDMAIL_HANDOVER"
	forDelivery = "delivery"
	// forCaller is a delivery with the caller's rights alone, where a set-group-ID program gave up its group. Whoever
	// says so only gives up rights.
	forCaller = "delivery for the caller"
	forDaemon = "daemon"
	proofFD   = 3
	readyFD   = 4
)

// handover is what a process was given by the one that started it.
type handover struct {
	proven bool     // by this program, with the rights that this process has
	ready  *os.File // a byte written to it says that the daemon serves; nil where nobody waits for that
}

// takeOver returns what a parent of this program handed over. Rights must be settled: they are what the proof is held
// against.
func takeOver() (h handover, err error) {
	text, ok := os.LookupEnv(handoverEnv)
	os.Unsetenv(handoverEnv)
	if !ok || !priv.ProvenBy(proofFD) {
		return h, nil
	}
	h.proven = true
	switch text {
	case forDelivery, forCaller:
		return h, nil
	case forDaemon:
		unix.CloseOnExec(readyFD)
		h.ready = os.NewFile(readyFD, "ready")
		return h, nil
	}
	return handover{}, fmt.Errorf("%s=%s: nothing of this program", handoverEnv, text)
}

// handOver starts this program again, without a terminal, with args and, unless it is nil, input. A daemon has ready,
// on which it is waited for, and what it prints until then goes where our own output goes.
func (v *invocation) handOver(name string, args []string, input, ready *os.File) (*exec.Cmd, error) {
	self, err := priv.Self()
	if err != nil {
		return nil, err
	}
	ours, childs, err := priv.Proof()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer childs.Close()
	cmd := exec.Command(self, args...)
	cmd.Args[0] = name
	cmd.ExtraFiles = []*os.File{childs}
	if input != nil {
		cmd.Stdin = input
	}
	purpose := forDelivery
	if !priv.Elevated() {
		purpose = forCaller
	}
	if ready != nil {
		purpose = forDaemon
		cmd.ExtraFiles = append(cmd.ExtraFiles, ready)
		cmd.Stdout = v.stdout
	}
	if ready != nil || v.stderrLog {
		cmd.Stderr = v.stderr
	}
	cmd.Env = append(os.Environ(), handoverEnv+"="+purpose)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// detaches reports whether the command line asks for a process in the background.
func (v *invocation) detaches() bool {
	queueOnly := v.mode == modeDeliver && v.quarantine == nil && v.runQueue && v.interval != "" && !v.foreground
	return v.mode == modeDaemon || queueOnly
}

// detach starts this command line again in the background and waits for it. The exit status is OK when the child
// serves, else the child's.
func (v *invocation) detach() int {
	wait, ready, err := os.Pipe()
	if err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	defer wait.Close()
	cmd, err := v.handOver(v.argv[0], v.argv[1:], nil, ready)
	ready.Close()
	if err != nil {
		return v.fail(status.OSErr, "cannot start the daemon: %v", err)
	}
	if n, _ := wait.Read(make([]byte, 1)); n == 1 {
		return status.OK
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
		return v.fail(status.OSErr, "the daemon ended before it served: %v", err)
	}
	return cmd.ProcessState.ExitCode()
}

// ready ends the waiting of whoever started a daemon, and lets go of the standard output and error that he gave: they
// may be pipes which somebody reads to their end. Standard error stays where it is the log.
func (v *invocation) ready() {
	if v.given.ready == nil {
		return
	}
	if err := v.letGo(); err != nil {
		fmt.Fprintln(v.stderr, err)
	}
	v.given.ready.Write([]byte{1}) // who did not wait need not know
	v.given.ready.Close()
	v.given.ready = nil
}

// letGo closes standard output and error: what is written there goes nowhere.
func (v *invocation) letGo() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	err = syscall.Dup3(int(null.Fd()), 1, 0)
	if !v.stderrLog {
		err = errors.Join(err, syscall.Dup3(int(null.Fd()), 2, 0))
	}
	return err
}
