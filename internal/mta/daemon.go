package mta

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"gosendmail/cf"
)

// Daemon is one DaemonPortOptions line: a socket to listen on (op.txt section 5.6).
type Daemon struct {
	Name      string // Name=
	Addr      string // Addr=: address, host name or path of a socket; "" means all interfaces
	Port      string // Port=: number or service; "" means smtp
	Family    string // Family=: "inet", "inet6" or "local"
	Modifiers string // Modifier=
	Backlog   int    // Listen=: connections that wait; raised to what the system allows, since a short queue only loses mail
	Children  int    // children=: sessions at a time; 0 means MaxDaemonChildren
	Mode      string // DeliveryMode=: first letter; "" means the option's
	RefuseLA  int    // refuseLA=; 0 means the option's
	DelayLA   int    // delayLA=
	QueueLA   int    // queueLA=
	SndBuf    int    // bytes; 0 means the system's
	RcvBuf    int    // bytes
	Filters   string // InputMailFilters=
}

// set obeys one key of DaemonPortOptions or ClientPortOptions, named by its first letter. usable says that the problem
// is only a doubt.
func (d *Daemon) set(key byte, v string) (problem string, usable bool) {
	number := func(to *int) (string, bool) {
		n, err := strconv.Atoi(v)
		if *to = n; err != nil {
			*to = int(cf.Number(v))
			return fmt.Sprintf("%q is no number; %d is taken", v, *to), true
		}
		return "", false
	}
	switch key {
	case 'A':
		d.Addr = v
	case 'c':
		return number(&d.Children)
	case 'D':
		if v == "" || strings.IndexByte("bidq", v[0]) < 0 {
			return fmt.Sprintf("Unknown delivery mode %.1s", v), false
		}
		d.Mode = v[:1]
	case 'd':
		return number(&d.DelayLA)
	case 'F':
		return d.setFamily(v), false
	case 'I':
		d.Filters = v
	case 'L':
		return number(&d.Backlog)
	case 'M':
		d.Modifiers = v
	case 'N':
		d.Name = v
	case 'P':
		return d.setPort(v), false
	case 'q':
		return number(&d.QueueLA)
	case 'R':
		return number(&d.RcvBuf)
	case 'r':
		return number(&d.RefuseLA)
	case 'S':
		return number(&d.SndBuf)
	}
	return "", false
}

func (d *Daemon) setFamily(v string) (problem string) {
	switch v = strings.ToLower(v); v {
	case "inet", "inet6", "local":
		d.Family = v
	case "unix":
		d.Family = "local"
	default:
		return fmt.Sprintf("Unknown address family %s in Family=option", v)
	}
	return ""
}

// setPort takes a number or the name of a service.
func (d *Daemon) setPort(v string) (problem string) {
	n, err := strconv.Atoi(v)
	switch {
	case err == nil && n > 65535:
		return fmt.Sprintf("%s is no port number", v)
	case err == nil && n >= 0:
	default:
		if _, err := net.LookupPort("tcp", v); v == "" || err != nil {
			return fmt.Sprintf("service \"%s\" unknown", v)
		}
	}
	d.Port = v
	return ""
}

// Has reports whether the daemon has a modifier; no daemon has none.
func (d *Daemon) Has(modifier byte) bool {
	return d != nil && strings.IndexByte(d.Modifiers, modifier) >= 0
}

// name is daemon= of the log.
func (d *Daemon) name() string {
	if d == nil {
		return ""
	}
	return d.Name
}

// flags is ${daemon_flags}: the modifiers with blanks between, upper case ones doubled so that rules, which know no
// case, can tell them apart.
func (d *Daemon) flags() string {
	var words []string
	for i := 0; i < len(d.Modifiers); i++ {
		w := d.Modifiers[i : i+1]
		if w >= "A" && w <= "Z" {
			w += w
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// define sets the macros of the daemon.
func (d *Daemon) define(set func(name, value string)) {
	if d == nil {
		set("{daemon_flags}", "")
		return
	}
	set("{daemon_name}", d.Name)
	set("{daemon_flags}", d.flags())
	set("{daemon_family}", d.Family)
	addr := d.Addr
	if addr == "" {
		addr = map[string]string{"inet": "0.0.0.0", "inet6": "IPv6:::"}[d.Family]
	}
	set("{daemon_addr}", addr)
	set("{daemon_port}", d.portText())
}

func (d *Daemon) portText() string {
	if d.Port == "" {
		return "25"
	}
	if _, err := strconv.Atoi(d.Port); err == nil {
		return d.Port
	}
	if n, err := net.LookupPort("tcp", d.Port); err == nil {
		return strconv.Itoa(n)
	}
	return d.Port
}

// Listen opens the daemon's socket. The error is worded as the original's.
func (d *Daemon) Listen(ctx context.Context) (net.Listener, error) {
	network, address := "tcp4", net.JoinHostPort(d.Addr, d.portText())
	switch d.Family {
	case "inet6":
		network = "tcp6"
	case "local":
		network, address = "unix", d.Addr
		if st, err := os.Lstat(d.Addr); err == nil && st.Mode().Type() == os.ModeSocket && !answers(d.Addr) {
			os.Remove(d.Addr)
		}
	}
	lc := net.ListenConfig{Control: d.buffers}
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("opendaemonsocket: daemon %s: %w", d.Name, bindError(err))
	}
	return l, nil
}

// answers reports whether a daemon serves a Unix socket already.
func answers(path string) bool {
	c, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// buffers sets the socket's buffers before it is bound.
func (d *Daemon) buffers(_, _ string, c syscall.RawConn) error {
	var err error
	set := func(fd uintptr) {
		if d.SndBuf > 0 {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, d.SndBuf)
		}
		if err == nil && d.RcvBuf > 0 {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, d.RcvBuf)
		}
	}
	if cerr := c.Control(set); cerr != nil {
		return cerr
	}
	return err
}

// bindError words a failed Listen: "cannot bind: Address already in use".
func bindError(err error) error {
	var errno syscall.Errno
	if op, ok := err.(*net.OpError); ok {
		if sys, ok := op.Err.(*os.SyscallError); ok {
			errno, _ = sys.Err.(syscall.Errno)
		}
	}
	if errno == 0 {
		return err
	}
	text := errno.Error()
	return fmt.Errorf("cannot bind: %s%.0w", strings.ToUpper(text[:1])+text[1:], err)
}

// AddrPort is the address of a TCP socket's end; invalid for others.
func AddrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	return netip.AddrPort{}
}
