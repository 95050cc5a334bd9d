package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/safefile"
)

// LitterAge is how old files of unfinished messages must be before Recover removes them: longer than any transaction.
const LitterAge = 36 * time.Hour

// Recover removes what crashes left behind: data files and transcripts without a control file, and temporary control
// files, that have not been written to for age (0 means LitterAge) and that nobody holds locked. Messages in the queue
// (qf, hf, Qf) and their files are never touched. It returns the names of what it removed.
func (s *Spool) Recover(age time.Duration) ([]string, error) {
	if age <= 0 {
		age = LitterAge
	}
	before := s.cfg.Now().Add(-age)
	var removed []string
	var errs []error
	controls := make(map[string]bool)
	for _, d := range s.directories() {
		errs = append(errs, eachFile(d.qf, func(name string) error {
			if strings.IndexByte("qhQ", name[0]) >= 0 {
				controls[name[2:]] = true
			}
			return nil
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("queue: recover: %w", err) // without all control files nothing can be called litter
	}
	sweep := func(dir, letters string) {
		errs = append(errs, eachFile(dir, func(name string) error {
			if strings.IndexByte(letters, name[0]) < 0 {
				return nil
			}
			gone, err := s.dropLitter(dir, name, controls[name[2:]], before)
			if gone {
				removed = append(removed, filepath.Join(dir, name))
			}
			return err
		}))
	}
	for _, d := range s.directories() {
		sweep(d.qf, "t") // first: a tf that stays keeps its df
	}
	for _, d := range s.directories() {
		sweep(d.df, "d")
		sweep(d.xf, "x")
	}
	if err := errors.Join(errs...); err != nil {
		return removed, fmt.Errorf("queue: recover: %w", err)
	}
	return removed, nil
}

// directories returns every directory once.
func (s *Spool) directories() []*directory {
	var list []*directory
	seen := make(map[*directory]bool)
	for _, g := range s.groups {
		for _, d := range g.dirs {
			if !seen[d] {
				seen[d] = true
				list = append(list, d)
			}
		}
	}
	return list
}

// eachFile calls do with every name that can be a queue file's.
func eachFile(dir string, do func(name string) error) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range list {
		name := entry.Name()
		if len(name) > 2 && name[1] == 'f' && validID(name[2:]) && entry.Type().IsRegular() {
			errs = append(errs, do(name))
		}
	}
	return errors.Join(errs...)
}

// dropLitter removes one file if it is litter.
func (s *Spool) dropLitter(dir, name string, hasControl bool, before time.Time) (bool, error) {
	if hasControl && name[0] == 'd' {
		return false, nil
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.ModTime().Before(before) {
		return false, err
	}
	if err := safefile.TryLock(f, safefile.Exclusive); err != nil {
		if errors.Is(err, safefile.ErrLocked) {
			return false, nil
		}
		return false, err
	}
	if name[0] == 'd' && s.hasControl(name[2:]) {
		return false, nil // it came while we looked
	}
	return true, removeIfThere(path)
}

// hasControl looks again for a control file, of any kind and in any directory.
func (s *Spool) hasControl(id string) bool {
	for _, d := range s.directories() {
		for _, letter := range []string{"q", "h", "Q", "t"} {
			if _, err := os.Lstat(filepath.Join(d.qf, letter+"f"+id)); err == nil || !errors.Is(err, fs.ErrNotExist) {
				return true
			}
		}
	}
	return false
}
