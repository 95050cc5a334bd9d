package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"
)

// until asks again and again whether something has come, and ends the process where it does not come.
func until(what string, ok func() bool) {
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "not within %v: %s\n", patience, what)
			os.Exit(1)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// talk is "talk PORT": it sends the lines of standard input to the server there, each after the reply to the one
// before, and prints the replies. PORT may be an address and a port, or the path of a socket. With a third word the
// client comes from that address.
func talk() {
	network, addr := "tcp", os.Args[1]
	switch {
	case strings.HasPrefix(addr, "/"):
		network = "unix"
	case !strings.Contains(addr, ":"):
		addr = "127.0.0.1:" + addr
	}
	d := net.Dialer{}
	if len(os.Args) > 2 {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(os.Args[2])}
	}
	var c net.Conn
	until("a connection to "+addr, func() (ok bool) {
		var err error
		c, err = d.Dial(network, addr)
		return err == nil
	})
	c.SetDeadline(time.Now().Add(patience))
	tp := textproto.NewConn(c)
	answer := func() bool {
		for {
			line, err := tp.ReadLine()
			if err != nil {
				fmt.Println("closed")
				return false
			}
			fmt.Println(line)
			if len(line) < 4 || line[3] != '-' {
				return true
			}
		}
	}
	open, content := answer(), false
	for in := bufio.NewScanner(os.Stdin); open && in.Scan(); {
		tp.PrintfLine("%s", in.Text())
		if content = content && in.Text() != "."; content {
			continue
		}
		open, content = answer(), in.Text() == "DATA"
	}
}

// await is "await FILE TEXT": it waits until a file holds a text.
func await() {
	until(strings.Join(os.Args[1:], " "), func() bool {
		b, err := os.ReadFile(os.Args[1])
		return err == nil && strings.Contains(string(b), os.Args[2])
	})
}

// hold is "hold PATH": it connects to a socket, says nothing and waits until the server has enough of that.
func hold() {
	c, err := net.Dial("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
