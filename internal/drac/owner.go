package drac

import "golang.org/x/sys/unix"

// ownerOf returns who owns a file, where it is there; a link is not followed.
func ownerOf(path string) (uid, gid int, ok bool) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
