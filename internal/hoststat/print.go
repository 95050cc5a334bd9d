package hoststat

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
)

// Print writes the table that hoststat shows; verbose gives the results in full. Files that cannot be read are told to
// problem (nil: nobody) and left out.
func (d *Dir) Print(out io.Writer, verbose bool, problem func(error)) error {
	w := bufio.NewWriter(out)
	fmt.Fprint(w, " -------------- Hostname --------------- How long ago ---------Results---------\n")
	width := 25
	if verbose {
		width = 79
	}
	err := d.each(func(path, host string) error {
		e, err := d.read(path)
		if err != nil {
			if problem != nil && !errors.Is(err, fs.ErrNotExist) {
				problem(err)
			}
			return nil
		}
		mark := ' '
		if inUse(path) {
			mark = '*'
		}
		fmt.Fprintf(w, "%c%-39s %12s %s\n", mark, maillog.Visible(host), interval(d.now().Sub(e.Updated)), maillog.Visible(clip(e.result(), width)))
		return nil
	})
	return errors.Join(err, w.Flush())
}

func clip(s string, width int) string { return s[:min(len(s), width)] }

func inUse(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(safefile.TryLock(f, safefile.Shared), safefile.ErrLocked)
}

// interval shows a span as DD+HH:MM:SS.
func interval(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%d+%s", days, text)
	}
	return text
}

// each calls do with every host's file, by path.
func (d *Dir) each(do func(path, host string) error) error {
	return filepath.WalkDir(d.Path, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hoststat: %w", err)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(d.Path, path)
		if err != nil {
			return fmt.Errorf("hoststat: %w", err)
		}
		return do(path, hostOf(rel))
	})
}

// hostOf is the host name that a path below the directory stands for.
func hostOf(rel string) string {
	parts := strings.Split(rel, "/")
	slices.Reverse(parts)
	for i := range parts {
		parts[i] = strings.TrimSuffix(parts[i], ".")
	}
	return strings.Join(parts, ".")
}

// Purge removes the files that were not written to for longer than Fresh, and directories that are empty then
// (purgestat). Files of hosts that are in use stay. It returns how many hosts went.
func (d *Dir) Purge() (int, error) {
	before := d.now().Add(-d.Fresh)
	gone := 0
	err := d.each(func(path, _ string) error {
		removed, err := purge(path, before)
		if removed {
			gone++
		}
		return err
	})
	return gone, errors.Join(err, d.prune())
}

func purge(path string, before time.Time) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hoststat: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.ModTime().After(before) {
		return false, err
	}
	if err := safefile.TryLock(f, safefile.Exclusive); err != nil {
		if errors.Is(err, safefile.ErrLocked) {
			return false, nil
		}
		return false, err
	}
	if err := os.Remove(path); err != nil {
		return false, fmt.Errorf("hoststat: %w", err)
	}
	return true, nil
}

// prune removes empty directories, the deepest first.
func (d *Dir) prune() error {
	var dirs []string
	err := filepath.WalkDir(d.Path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != d.Path {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		if e := os.Remove(dir); e != nil && !errors.Is(e, syscall.ENOTEMPTY) && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("hoststat: %w", e))
		}
	}
	return err
}
