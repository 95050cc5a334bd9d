// Command qtool moves, deletes and bounces messages of a queue while servers work in it.
//
//	qtool [-Q] [-C file] [-e expression] [-s seconds] directory source ...
//	qtool -b|-d [-Q] [-C file] [-e expression] [-s seconds] source ...
//
// A source is a control file, the ID of a message behind the path of its directory, or a directory, which stands for
// all messages in it. They are moved into the first directory; with -d deleted; with -b bounced, by sendmail -qI with
// Timeout.queuereturn=now, without another attempt. -Q takes quarantined messages (hf) instead of the others. -s takes
// those whose data file is older, -e those for which an expression is true (see expression). -C names the configuration
// whose queue groups a move could upset; it is warned of them.
//
// What happens is what the original's qtool.pl does, but each message is locked for a delete too, a move is safe
// against a crash, and what could not be done makes the exit status 75. 64 is a wrong command line, 78 a configuration
// that cannot be read.
//
// # STATES
//
// A move links the data file into the new directory, holding it locked, renames the control file, and then removes the
// old name of the data file: at each moment the message is in one queue as a whole. Between file systems, and where a
// line d of the control file names the directory of the data file, which would be wrong afterwards, the files are
// copied and synced instead; a crash then may leave the message in both queues. A delete removes the control file
// first. Folders are synced in between.
package main

//lint:file-ignore ST1005 the original's words

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], "/usr/sbin/sendmail", os.Stdout))
}

const usage = `Usage:	qtool [options] directory source ...
	qtool [-Q][-d|-b] source ...
Options:
	-b		Bounce the messages specified by source.
	-C configfile	Specify sendmail config file.
	-d		Delete the messages specified by source.
	-e [expression]
			Take only messages for which the expression is true.
	-Q		Operate on quarantined files.
	-s [seconds]	Take only messages whose data file is older
			than seconds.
`

// tool is one call.
type tool struct {
	out         io.Writer
	sendmail    string
	action      byte // 'b', 'd', or 'm' for a move
	quarantined bool
	config      string
	older       time.Duration // age that a data file must exceed; negative: any
	only        condition     // nil: all
	root        string        // the queue's folder, without the pattern of its subdirectories
	groups      bool          // Q lines are there
}

func run(ctx context.Context, args []string, sendmail string, out io.Writer) int {
	t := &tool{out: out, sendmail: sendmail, action: 'm', config: dbtool.DefaultCF, older: -1}
	operands, err := t.flags(args)
	if err != nil {
		fmt.Fprintf(out, "qtool: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return status.Usage
	}
	to := ""
	if t.action == 'm' {
		if len(operands) > 0 {
			to, operands = operands[0], operands[1:]
		}
		if info, err := os.Stat(to); err != nil || !info.IsDir() {
			fmt.Fprintf(out, "The destination '%s' must be an existing directory.\n%s", to, usage)
			return status.Usage
		}
	}
	if err := t.configure(); err != nil {
		fmt.Fprintf(out, "qtool: %v\n", err)
		return status.Config
	}
	if t.groups && t.action == 'm' {
		io.WriteString(out, "WARNING: moving queue files around when queue groups are used may\nresult in undelivered mail!\n")
	}
	list, err := t.sources(operands)
	if err != nil {
		fmt.Fprintf(out, "%v.\n", err)
		return status.NoInput
	}
	exit := status.OK
	for _, m := range list {
		if err := t.do(ctx, m, to); err != nil {
			fmt.Fprintf(out, "%v.\n", err)
			exit = status.TempFail
		}
	}
	return exit
}

func (t *tool) flags(args []string) (operands []string, err error) {
	var wrong error
	operands, err = dbtool.Getopt(args, "bC:de:Qs:", func(f byte, v string) {
		switch f {
		case 'b', 'd':
			if t.action != 'd' { // -d wins, as it did
				t.action = f
			}
		case 'C':
			t.config = v
		case 'Q':
			t.quarantined = true
		case 'e':
			var err error
			t.only, err = compile(v)
			wrong = errors.Join(wrong, err)
		case 's':
			n, err := strconv.ParseUint(v, 10, 31)
			if err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("-s %s: not a number of seconds", v))
			}
			t.older = time.Duration(n) * time.Second
		}
	})
	return operands, errors.Join(err, wrong)
}

// configure reads what matters of the configuration.
func (t *tool) configure() error {
	f, err := os.Open(t.config)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := cf.Parse(f, cf.Input{File: t.config})
	if err != nil {
		return err
	}
	t.root, t.groups = c.Settings.QueueDirectory, len(c.Queues) > 0
	if strings.HasSuffix(t.root, "*") {
		t.root = filepath.Dir(t.root)
	}
	return nil
}

// prefix begins the names of the control files that are looked at.
func (t *tool) prefix() string {
	if t.quarantined {
		return "hf"
	}
	return "qf"
}

// sources finds the messages that are named, each once, in the order of their IDs.
func (t *tool) sources(names []string) ([]*message, error) {
	found := map[string]*message{}
	for _, name := range names {
		list, err := t.source(name)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			found[m.id] = m
		}
	}
	list := make([]*message, 0, len(found))
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *message) int { return strings.Compare(a.id, b.id) })
	return list, nil
}

func (t *tool) source(name string) ([]*message, error) {
	info, err := os.Lstat(name)
	if err == nil && info.IsDir() {
		return t.all(name)
	}
	dir, id := filepath.Split(name)
	dir = filepath.Clean(dir)
	if strings.HasPrefix(id, t.prefix()) || strings.HasPrefix(id, "df") {
		id = id[2:]
	}
	for _, d := range []string{dir, filepath.Join(dir, "qf")} {
		info, err := os.Lstat(filepath.Join(d, t.prefix()+id))
		switch {
		case err != nil:
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("'%s' is not a plain file or a directory", filepath.Join(d, t.prefix()+id))
		default:
			return []*message{t.message(d, beside(dir, "df"), id)}, nil
		}
	}
	return nil, fmt.Errorf("'%s' does not exist", filepath.Join(dir, "qf", t.prefix()+id))
}

// all lists the messages of a directory, which may have subdirectories for control and data files.
func (t *tool) all(dir string) (list []*message, err error) {
	entries, err := os.ReadDir(beside(dir, "qf"))
	if err != nil {
		return nil, fmt.Errorf("Unable to open directory '%s'", dir)
	}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name(), t.prefix()); ok && e.Type().IsRegular() {
			list = append(list, t.message(beside(dir, "qf"), beside(dir, "df"), id))
		}
	}
	return list, nil
}

// beside is a subdirectory where it is there, and else the directory.
func beside(dir, sub string) string {
	path := filepath.Join(dir, sub)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return dir
}

// do does to one message what is asked, if it is one of those that are asked for.
func (t *tool) do(ctx context.Context, m *message, to string) error {
	if ok, err := t.wanted(m); err != nil || !ok {
		return err
	}
	switch t.action {
	case 'b':
		return t.bounce(ctx, m)
	case 'd':
		return m.delete()
	}
	return m.move(beside(to, "qf"), beside(to, "df"), to)
}

func (t *tool) wanted(m *message) (bool, error) {
	if t.older < 0 && t.only == nil {
		return true, nil
	}
	info, err := os.Stat(m.data())
	if err != nil {
		return false, err
	}
	if t.older >= 0 && time.Since(info.ModTime()) <= t.older {
		return false, nil
	}
	if t.only == nil {
		return true, nil
	}
	f, err := m.fields(info)
	return err == nil && t.only(f), err
}
