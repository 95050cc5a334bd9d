// Drac keeps the table of POP-before-SMTP from the command line and serves the DRAC protocol to POP servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"gosendmail/internal/drac"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/maps/dbfile"
)

const usage = `usage: drac [-f TABLE] [-e MINUTES] [-p PREFIX] COMMAND

  add ADDRESS...      let clients at these addresses relay from now on
  add -h HOST ADDRESS...   the same, by the DRAC service of HOST or HOST:PORT
  del ADDRESS...      end it
  list                the addresses that may relay, and until when
  clear               end it for all; makes the table if it is not there
  compact             write what the table's journal says into its file, for programs that read only that
  serve [-i] [-a ALLOW] [-l ADDRESS:PORT] [-r PORTMAPPER]
                      answer POP servers (RPC program 900101) in the foreground
  watch [-x REGEXP] FILE...
                      add the clients that log in according to a POP or IMAP server's log, for servers without DRAC

  -f TABLE    the table, with or without .db (default /etc/mail/drac)
  -e MINUTES  how long an address may relay after it was added (default 30)
  -p PREFIX   what stands before the address in each key, such as POP:

  serve -i             empty the table first
  serve -a ALLOW       a file of lines "netmask netaddr": the hosts that may add (default: this host alone)
  serve -l ADDRESS:PORT where to listen, UDP and TCP (default 0.0.0.0:0, a free port)
  serve -r PORTMAPPER  where the portmapper is (default 127.0.0.1:111); - for none

  watch FILE           a log that is followed from its end on, also when it is rotated; - for standard input
  watch -x REGEXP      what a login looks like, with the address as its group "addr" or its first one; known without it are Dovecot,
                       qpopper, UW, Courier, Cyrus, vpopmail, perdition, popa3d, teapop, solid-pop3d, vm-pop3d, gnu-pop3d
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errUsage says that the command line is wrong; what is wrong has been printed.
var errUsage = errors.New("usage")

var errNoAddress = errors.New("is not an IP address")

func run(args []string, out, errs io.Writer) int {
	err := command(args, out, errs)
	switch {
	case err == nil:
		return status.OK
	case errors.Is(err, errUsage):
		fmt.Fprint(errs, usage)
		return status.Usage
	}
	fmt.Fprintln(errs, err)
	switch {
	case errors.Is(err, errNoAddress):
		return status.DataErr
	case errors.Is(err, os.ErrPermission), safefile.IsUnsafe(err):
		return status.NoPerm
	}
	return status.TempFail
}

func flags(name string, errs io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(errs)
	set.Usage = func() {}
	return set
}

func command(args []string, out, errs io.Writer) error {
	set := flags("drac", errs)
	path := set.String("f", "/etc/mail/drac", "")
	minutes := set.Int("e", int(drac.DefaultLimit/time.Minute), "")
	prefix := set.String("p", "", "")
	if set.Parse(args) != nil || set.NArg() == 0 {
		return errUsage
	}
	table := &drac.Table{Path: *path, Limit: time.Duration(*minutes) * time.Minute, Prefix: *prefix, Files: files{}}
	name, rest := set.Arg(0), set.Args()[1:]
	switch {
	case name == "add":
		return add(table, rest, errs)
	case name == "del":
		return change(rest, table.Delete)
	case name == "list" && len(rest) == 0:
		return list(table, out)
	case name == "compact" && len(rest) == 0:
		return table.Compact()
	case name == "clear" && len(rest) == 0:
		return table.Clear()
	case name == "serve":
		return serve(table, rest, errs)
	case name == "watch":
		return watch(table, rest, errs)
	}
	fmt.Fprintf(errs, "drac: unknown command or wrong arguments: %q\n", set.Args())
	return errUsage
}

// files reads tables of any format and makes CDBs.
type files struct{}

// Open implements drac.Files.
func (files) Open(f *os.File) (drac.File, error) { return dbfile.Open(f) }

// Create implements drac.Files.
func (files) Create(path string) (drac.Maker, error) { return dbfile.Create(path) }

func addresses(args []string) ([]netip.Addr, error) {
	if len(args) == 0 {
		return nil, errUsage
	}
	var list []netip.Addr
	for _, a := range args {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return nil, fmt.Errorf("drac: %q %w", a, errNoAddress)
		}
		list = append(list, addr)
	}
	return list, nil
}

func change(args []string, do func(...netip.Addr) error) error {
	addrs, err := addresses(args)
	if err != nil {
		return err
	}
	return do(addrs...)
}

func add(table *drac.Table, args []string, errs io.Writer) error {
	set := flags("drac add", errs)
	host := set.String("h", "", "")
	if set.Parse(args) != nil {
		return errUsage
	}
	if *host == "" {
		return change(set.Args(), table.Add)
	}
	return change(set.Args(), func(addrs ...netip.Addr) error {
		for _, a := range addrs {
			if err := drac.RemoteAdd(context.Background(), *host, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func list(table *drac.Table, out io.Writer) error {
	entries, err := table.List()
	for _, e := range entries {
		fmt.Fprintf(out, "%s\t%s\n", e.Addr, e.End.Format(time.DateTime))
	}
	return err
}

func serve(table *drac.Table, args []string, errs io.Writer) error {
	set := flags("drac serve", errs)
	empty := set.Bool("i", false, "")
	allowFile := set.String("a", "", "")
	listen := set.String("l", "0.0.0.0:0", "")
	portmapper := set.String("r", "127.0.0.1:111", "")
	if set.Parse(args) != nil || set.NArg() > 0 {
		return errUsage
	}
	s := &drac.Server{Table: table, Log: logTo(errs)}
	if *allowFile != "" {
		f, err := drac.OpenAllow(*allowFile)
		if err != nil {
			return fmt.Errorf("drac: %w", err)
		}
		defer f.Close()
		if s.Allow, err = drac.ParseAllow(f, *allowFile); err != nil {
			return err
		}
	}
	if *empty {
		if err := table.Clear(); err != nil {
			return err
		}
	}
	ctx, stop := untilStopped()
	defer stop()
	return s.ListenAndServe(ctx, *listen, *portmapper)
}

func watch(table *drac.Table, args []string, errs io.Writer) error {
	set := flags("drac watch", errs)
	var expressions []string
	set.Func("x", "", func(x string) error {
		expressions = append(expressions, x)
		return nil
	})
	if set.Parse(args) != nil || set.NArg() == 0 || slices.Contains(set.Args(), "-") && set.NArg() > 1 {
		return errUsage
	}
	logins, err := drac.NewLogins(expressions...)
	if err != nil {
		fmt.Fprintln(errs, err)
		return errUsage
	}
	w := &drac.Watcher{Table: table, Logins: logins, Log: logTo(errs)}
	if set.Arg(0) == "-" {
		return w.Read(os.Stdin)
	}
	ctx, stop := untilStopped()
	defer stop()
	return w.Follow(ctx, set.Args()...)
}

// logTo writes what a command that stays in the foreground has to tell.
func logTo(errs io.Writer) func(string, ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(errs, time.Now().Format(time.DateTime)+" drac: "+format+"\n", args...)
	}
}

// untilStopped ends with the signals that end such a command.
func untilStopped() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}
