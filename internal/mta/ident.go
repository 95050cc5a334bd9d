package mta

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"gosendmail/internal/guard"
)

// identPort is where hosts tell whose connections are (RFC 1413).
const identPort = 113

// identLimit bounds an answer, in bytes; RFC 1413 section 6 allows 512 for the name and some for the rest.
const identLimit = 1000

// identName is what is kept of a name, in bytes.
const identName = 99

// askIdent asks a client's host, at port, whose connection this is: "joe@". "" means that it does not say so within the
// time. The answer is the client's word: it is for logs and Received fields, nothing is decided by it, and a panic
// costs the answer alone.
func askIdent(ctx context.Context, local, remote netip.AddrPort, port uint16, within time.Duration) string {
	if within <= 0 || !local.IsValid() || !remote.IsValid() {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	// The question must come from the address that the connection came to: the host knows no other.
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local.Addr().Unmap(), 0))}
	return askIdentBy(ctx, d.DialContext, local, remote, port)
}

// askIdentBy is askIdent over a connection that dial makes.
func askIdentBy(ctx context.Context, dial func(ctx context.Context, network, addr string) (net.Conn, error),
	local, remote netip.AddrPort, port uint16) string {
	c, err := dial(ctx, "tcp", netip.AddrPortFrom(remote.Addr().Unmap(), port).String())
	if err != nil {
		return ""
	}
	name := ""
	guard.From(ctx).Run("ident query", func() { name = identAnswer(ctx, c, local, remote) })
	return name
}

// identAnswer asks over a connection, and closes it.
func identAnswer(ctx context.Context, c net.Conn, local, remote netip.AddrPort) string {
	defer c.Close()
	defer context.AfterFunc(ctx, guard.From(ctx).Func("ident query", func() { c.Close() }))()
	if _, err := fmt.Fprintf(c, "%d,%d\r\n", remote.Port(), local.Port()); err != nil {
		return ""
	}
	line, err := bufio.NewReader(io.LimitReader(c, identLimit)).ReadString('\n')
	if err != nil && err != io.EOF { // an answer may end with the connection
		return ""
	}
	line, _, _ = strings.Cut(line, "\x00")
	return identUser(line)
}

// identUser takes the name from an answer such as "1000, 25 : USERID : UNIX : joe" and returns it with the at sign that
// stands behind it in $_. The name that a system of the type OTHER gives is no user's and is marked. Only characters of
// atoms are kept, so that a name can be nothing but a name.
func identUser(line string) string {
	parts := strings.SplitN(line, ":", 4)
	if len(parts) < 4 || !strings.EqualFold(strings.TrimSpace(parts[1]), "USERID") {
		return ""
	}
	mark := ""
	system, _, _ := strings.Cut(strings.TrimSpace(parts[2]), ",")
	if system, _, _ = strings.Cut(system, " "); strings.EqualFold(system, "OTHER") {
		mark = "IDENT:"
	}
	name := mark + strings.Map(identChar, parts[3])
	if len(name) > identName {
		name = name[:identName]
	}
	return name + "@"
}

func identChar(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("!#$%&'*+-./^_`{|}~", r):
		return r
	}
	return -1
}
