package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// A process that this program starts to go on in the background is handed descriptors: 3 proves that a process with the same rights
// made it (priv.Proof), those from 4 on are listening sockets.
const (
	// handoverEnv says that the process was started so, and how many sockets there are. Alone it means nothing: anybody can set it.
	handoverEnv = "GOSENDMAIL_HANDOVER"
	proofFD     = 3
	maxSockets  = 64
)

// handover is what a process was given by the one that started it.
type handover struct {
	proven  bool       // by this program, with the rights that this process has
	sockets []*os.File // the listening sockets
}

// takeOver returns what a parent of this program handed over. Rights must be settled: they are what the proof is held against.
func takeOver() (h handover, err error) {
	text, ok := os.LookupEnv(handoverEnv)
	os.Unsetenv(handoverEnv)
	if !ok || !priv.ProvenBy(proofFD) {
		return h, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxSockets {
		return h, fmt.Errorf("%s=%s is no number of sockets", handoverEnv, text)
	}
	for fd := proofFD + 1; fd <= proofFD+n; fd++ {
		unix.CloseOnExec(fd)
		h.sockets = append(h.sockets, os.NewFile(uintptr(fd), "listener"))
	}
	return handover{true, h.sockets}, nil
}

// listeners makes listeners of the sockets.
func (h *handover) listeners() (list []net.Listener, err error) {
	for i, f := range h.sockets {
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("inherited socket %d: %w", i, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// handOver starts this program again, without a terminal, with args and the listening sockets, and does not wait for it.
func (v *invocation) handOver(name string, args []string, sockets []*os.File) error {
	self, err := priv.Self()
	if err != nil {
		return err
	}
	ours, childs, err := priv.Proof()
	if err != nil {
		return err
	}
	defer ours.Close()
	defer childs.Close()
	cmd := exec.Command(self, args...)
	cmd.Args[0] = name
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", handoverEnv, len(sockets)))
	cmd.ExtraFiles = append([]*os.File{childs}, sockets...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if v.logsToStderr() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// detach starts the daemon as a child without a terminal and lets the parent end: what -bd means.
func (v *invocation) detach(sockets []*os.File) int {
	if err := v.handOver(v.argv[0], v.argv[1:], sockets); err != nil {
		return v.fail(status.OSErr, "cannot start the daemon: %v", err)
	}
	return status.OK
}
