// Command expn expands mail aliases, asking the servers of those behind them in turn (EXPN and VRFY, RFC 5321 section
// 3.5).
//
//	expn [-1avwd] user[@host] ...
//
// The answers of a server are expanded at the servers that they name, until nothing new comes; what is left is printed,
// sorted. Without -a all of it is: -a prints only what can be written to, if that is at least eight tenths of an
// answer, and the unexpanded address otherwise; -aa asks for all, -aaa for nine tenths, more for the more. Each -1
// allows one level of expansion. -v prints each address before and after, -w the dialogues, -d how servers are chosen,
// all on standard error.
//
// A server is found by its address, or where it has none or does not answer, by its MX records. A host that is named
// without a domain is looked for in the domain of the server that named it, and then in the domains around it.
//
// The exit status is 0, or 64 for a wrong command line: what could not be expanded is printed with the reason.
//
// # SECURITY
//
// Servers choose which addresses and hosts are asked for next. Their lines are printed with control characters made
// visible, an address with a line end cannot become a command (dialogue.Send), and the number of addresses is bounded.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/dialogue"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], "25", os.Stdout, os.Stderr))
}

const (
	usage = "Usage: expn [-1avwd] user[@host] [user2[host2] ...]\n"
	// step is what a server may take for an answer (RFC 5321 section 4.5.3.2).
	step = 5 * time.Minute
	// maxAddresses bounds what is asked for: servers can name addresses without end.
	maxAddresses = 100000
)

// flags counts the letters.
type flags struct{ levels, valid, verbose, watch, debug int }

// parse takes flags out of the arguments, wherever they stand.
func (f *flags) parse(args []string) (users []string, ok bool) {
	letters := map[rune]*int{'1': &f.levels, 'a': &f.valid, 'v': &f.verbose, 'w': &f.watch, 'd': &f.debug}
	for _, a := range args {
		if a == "" || a[0] != '-' {
			users = append(users, a)
			continue
		}
		for _, c := range a[1:] {
			n := letters[c]
			if n == nil {
				return nil, false
			}
			*n++
		}
		if a == "-" {
			return nil, false
		}
	}
	return users, len(users) > 0
}

func run(ctx context.Context, args []string, port string, out, errout io.Writer) int {
	x := newExpander(port, errout)
	users, ok := x.flags.parse(args)
	if !ok {
		io.WriteString(errout, usage)
		return status.Usage
	}
	self, err := dialogue.HostName(ctx)
	if err != nil {
		fmt.Fprintf(errout, "expn: %v\n", err)
		return status.OSErr
	}
	x.self = self
	for _, u := range users {
		r := x.parse(u, self, "", true)
		x.queue(r.host, r.addr, r.name, 0)
	}
	for len(x.hosts) > 0 {
		host := x.hosts[0]
		x.hosts = x.hosts[1:]
		list := x.users[host]
		delete(x.users, host)
		x.serve(ctx, host, list)
	}
	if x.verbose+x.watch > 0 {
		io.WriteString(errout, "----------\n")
	}
	slices.Sort(x.results)
	for _, l := range x.results {
		fmt.Fprintln(out, maillog.Visible(l))
	}
	return status.OK
}

// at is an address that a host is to be asked for.
type at struct{ addr, host string }

// expander holds what is to be asked and what is known so far.
type expander struct {
	flags
	port, self string
	errout     io.Writer

	hosts   []string            // to be asked, in order
	users   map[string][]string // addresses to ask a host for
	asked   int
	names   map[at]string // full names of addresses
	level   map[at]int
	results []string

	spelling map[string]string // of hosts, by their names in lower case: the first that was seen
	given    map[string]string // hosts that were given up, and why

	exchanger   map[string]string   // the MX host that is taken instead of a host
	exchangers  map[string][]string // others as good as that
	before      map[at]string       // the host whose MX host it is
	beforeLocal map[at]string       // the server that named the host without a domain
	guesses     map[at][]string     // other hosts that may have been meant
	redirect    map[at]string       // the guess that is tried
	fellMX      map[at]string       // the host from which was fallen back to this one
	fellGuess   map[at]string
}

func newExpander(port string, errout io.Writer) *expander {
	return &expander{port: port, errout: errout, users: map[string][]string{}, names: map[at]string{}, level: map[at]int{},
		spelling: map[string]string{}, given: map[string]string{}, exchanger: map[string]string{}, exchangers: map[string][]string{},
		before: map[at]string{}, beforeLocal: map[at]string{}, guesses: map[at][]string{}, redirect: map[at]string{},
		fellMX: map[at]string{}, fellGuess: map[at]string{}}
}

// queue notes that a host is to be asked for an address, and returns the line of -v. Without a host it cannot be
// expanded.
func (x *expander) queue(host, addr, name string, level int) string {
	if host == "" {
		return x.final(addr, "NONE", name, "")
	}
	host = x.spell(host)
	if x.asked++; x.asked > maxAddresses {
		return x.final(addr, host, name, "too many addresses")
	}
	if len(x.users[host]) == 0 {
		if x.given[host] != "" {
			x.hosts = append([]string{host}, x.hosts...)
		} else {
			x.hosts = append(x.hosts, host)
		}
	}
	x.users[host] = append(x.users[host], addr)
	x.names[at{addr, host}], x.level[at{addr, host}] = name, level+1
	return "\t" + addr + "\n"
}

// spell is a host's name as it was first spelled.
func (x *expander) spell(host string) string {
	low := strings.ToLower(host)
	if x.spelling[low] == "" {
		x.spelling[low] = host
	}
	return x.spelling[low]
}

func (x *expander) say(n int, format string, args ...any) {
	if n > 0 {
		fmt.Fprintf(x.errout, format, args...)
	}
}

func (x *expander) trace(format string, args ...any) {
	x.say(x.debug, "%s\n", maillog.Visible(fmt.Sprintf(format, args...)))
}

// tell writes a line of -v.
func (x *expander) tell(line string) {
	x.say(x.verbose, "%s", showLine(line))
}

// showLine makes all but the tab at its beginning and the newline at its end visible.
func showLine(line string) string {
	text, tab := strings.CutPrefix(line, "\t")
	text, end := strings.CutSuffix(text, "\n")
	text = maillog.Visible(text)
	if tab {
		text = "\t" + text
	}
	if end {
		text += "\n"
	}
	return text
}
