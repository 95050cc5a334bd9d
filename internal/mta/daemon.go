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

// ParseDaemon reads the value of a DaemonPortOptions line; n counts the lines, from 1, for those without a name.
func ParseDaemon(value string, n int) (*Daemon, error) {
	d := &Daemon{Name: "Daemon" + strconv.Itoa(n-1), Family: "inet"}
	if err := d.parse(value); err != nil {
		return nil, fmt.Errorf("option DaemonPortOptions: %w", err)
	}
	if d.Has('s') {
		return nil, fmt.Errorf("option DaemonPortOptions: modifier s of %s (SMTP over TLS) is not supported", d.Name)
	}
	return d, nil
}

// parse reads a list of key=value, which the options for daemons and clients share.
func (d *Daemon) parse(value string) error {
	for _, part := range strings.Split(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		key, v, ok := strings.Cut(part, "=")
		if !ok {
			return fmt.Errorf("%q is no key=value", part)
		}
		if err := d.set(strings.TrimSpace(key), strings.TrimSpace(v)); err != nil {
			return err
		}
	}
	if strings.HasPrefix(d.Addr, "/") {
		d.Family = "local"
	}
	return nil
}

// set obeys one key. As in the original its first letter decides, the case telling some apart.
func (d *Daemon) set(key, v string) error {
	if key == "" {
		return fmt.Errorf("a key is missing before =%s", v)
	}
	number := func(to *int) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%s=%s is no number", key, v)
		}
		*to = n
		return nil
	}
	switch key[0] {
	case 'A':
		d.Addr = v
	case 'c':
		return number(&d.Children)
	case 'D':
		if v == "" || strings.IndexByte("bidq", v[0]) < 0 {
			return fmt.Errorf("unknown delivery mode %s", v)
		}
		d.Mode = v[:1]
	case 'd':
		return number(&d.DelayLA)
	case 'F':
		switch strings.ToLower(v) {
		case "inet", "inet6":
			d.Family = strings.ToLower(v)
		case "local", "unix":
			d.Family = "local"
		default:
			return fmt.Errorf("Unknown address family %s in Family=option", v)
		}
	case 'I':
		d.Filters = v
	case 'L':
		return number(&d.Backlog)
	case 'M':
		d.Modifiers = v
	case 'N':
		d.Name = v
	case 'P':
		d.Port = v
	case 'q':
		return number(&d.QueueLA)
	case 'R':
		return number(&d.RcvBuf)
	case 'r':
		return number(&d.RefuseLA)
	case 'S':
		return number(&d.SndBuf)
	default:
		return fmt.Errorf("unknown key %s", key)
	}
	return nil
}

// Has reports whether the daemon has a modifier.
func (d *Daemon) Has(modifier byte) bool { return strings.IndexByte(d.Modifiers, modifier) >= 0 }

// name is daemon= of the log.
func (d *Daemon) name() string {
	if d == nil {
		return ""
	}
	return d.Name
}

// flags is ${daemon_flags}: the modifiers with blanks between, upper case ones doubled so that rules, which know no case,
// can tell them apart.
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
