package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Overwrite makes text the content of a file, which is made where it is not there. It writes to nothing but a regular
// file with one name that is no program, and follows no link: where others can write to the directory, they choose no
// other file.
func Overwrite(path, text string, perm fs.FileMode) error {
	f, err := os.OpenFile(path, unix.O_WRONLY|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, perm.Perm())
	if err != nil {
		return fmt.Errorf("safefile: overwrite: %w", err)
	}
	if err := overwrite(f, text); err != nil {
		return errors.Join(fmt.Errorf("safefile: overwrite %s: %w", path, err), f.Close())
	}
	return f.Close()
}

func overwrite(f *os.File, text string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return NotRegular
	case st.Nlink != 1:
		return HardLink
	case st.Mode&0o111 != 0:
		return Executable
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteString(text)
	return err
}
