package drac

import "golang.org/x/sys/unix"

// oNoFollow keeps a lock from being made behind somebody's symbolic link.
const oNoFollow = unix.O_NOFOLLOW

// ownerOf returns who owns a file, where it is there.
func ownerOf(path string) (uid, gid int, ok bool) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
