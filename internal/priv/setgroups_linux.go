package priv

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawSetgroups sets the groups of the calling thread; the library's call would change all threads.
func rawSetgroups(groups []uint32) error {
	if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0); e != 0 {
		return e
	}
	return nil
}
