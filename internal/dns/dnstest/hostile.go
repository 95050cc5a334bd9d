package dnstest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Where the hostile server's names and addresses are. %d is the number of a fault or of a bad name.
const (
	FaultyPTR     = "127.20.0.%d" // the PTR record of this address is asked for in vain; its name is FaultyPTRName
	FaultyPTRName = "c%d.ptr.hostile.test"
	FaultyA       = "127.21.0.%d" // its name is FaultyAName, whose address is asked for in vain
	FaultyAName   = "c%d.fwd.hostile.test"
	NamedPTR      = "127.22.0.%d" // its name is a bad name, which has this address
	AliasedPTR    = "127.23.0.%d" // a CNAME leads from the question to a bad name, whose PTR is AliasedName
	AliasedName   = "c%d.alias.hostile.test"
	FaultyMX      = "f%d.mx.hostile.test"     // the MX record
	FaultyHost    = "f%d.host.hostile.test"   // the address of a host without MX
	FaultyRelay   = "f%d.relay.hostile.test"  // the address of its exchanger
	NamedMX       = "n%d.mxname.hostile.test" // its exchanger is a bad name, which has the address of the target
	NamedCNAME    = "n%d.cname.hostile.test"  // an alias of a bad name
)

// Target is where the hostile server's good names of hosts that take mail lead.
var Target = [4]byte{127, 30, 0, 1}

// hostile answers as its questions' names ask for.
type hostile struct {
	faults []Fault
	names  []BadName
}

// StartHostile runs a name server on an address, "127.0.0.2:53" or "127.0.0.1:0", over UDP and TCP until the test ends;
// it returns where. It knows the names and addresses above.
func StartHostile(tb testing.TB, addr string) string {
	tb.Helper()
	h := &hostile{faults: Faults(), names: BadNames()}
	return StartAnswering(tb, addr, h.answer)
}

// wireServer is a name server whose packets are made byte by byte.
type wireServer struct {
	// answer finds what is true and how it is spoiled.
	answer func(q *Question) (Fault, []Record)

	mu   sync.Mutex
	held []net.Conn
}

// StartAnswering runs a name server whose packets answer makes.
func StartAnswering(tb testing.TB, addr string, answer func(q *Question) (Fault, []Record)) string {
	tb.Helper()
	h := &wireServer{answer: answer}
	var pc net.PacketConn
	var l net.Listener
	var err error
	if strings.HasSuffix(addr, ":0") {
		pc, l = listen(tb)
	} else if pc, err = net.ListenPacket("udp", addr); err != nil {
		tb.Fatal(err)
	} else if l, err = net.Listen("tcp", addr); err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.packets(pc) })
	wg.Go(func() { h.streams(l) })
	tb.Cleanup(func() {
		pc.Close()
		l.Close()
		wg.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, c := range h.held {
			c.Close()
		}
	})
	return pc.LocalAddr().String()
}

func (h *wireServer) packets(pc net.PacketConn) {
	b := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		q, ok := parseQuestion(append([]byte(nil), b[:n]...), false)
		if !ok {
			continue
		}
		fault, truth := h.answer(q)
		for _, p := range fault.Reply(q, truth) {
			pc.WriteTo(p, from)
		}
	}
}

func (h *wireServer) streams(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.held = append(h.held, c)
		h.mu.Unlock()
		go h.stream(c)
	}
}

// silence is how long a connection over TCP says nothing where it is to be silent; the C library waits for its end.
const silence = 6 * time.Second

// stream answers one question. Where the fault says nothing of TCP, the packets come in their length; where it leads
// there and has nothing to say, the connection stays silent.
func (h *wireServer) stream(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(silence))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return
	}
	q, ok := parseQuestion(b, true)
	if !ok {
		return
	}
	fault, truth := h.answer(q)
	switch {
	case fault.Stream != nil:
		c.Write(fault.Stream(q, truth))
	case fault.Name == "tcp-silent":
		c.Read(size[:])
	default:
		for _, p := range fault.Reply(q, truth) {
			c.Write(Prefixed(p))
		}
	}
}

// good is the fault of a server without one.
var good = Fault{Reply: altered(func(*Packet) {})}

// absent is the fault of a server that does not know the name.
var absent = Fault{Reply: respond(3)}

// answer finds what is true and how it is spoiled.
func (h *hostile) answer(q *Question) (Fault, []Record) {
	for i, n := range h.names {
		if n.Name.lower() == q.Name {
			return h.bad(q, i)
		}
	}
	text := q.Name.text()
	if rest, ok := strings.CutSuffix(text, ".in-addr.arpa"); ok {
		return h.reverse(q, strings.Split(rest, "."))
	}
	label, zone, _ := strings.Cut(text, ".")
	i, err := strconv.Atoi(strings.TrimLeft(label, "abcdefghijklmnopqrstuvwxyz"))
	switch {
	case !strings.HasSuffix(zone, "hostile.test") || err != nil && label != "good":
		return absent, nil
	case err != nil:
		return good, only(q, A(q.Name, Target))
	}
	switch zone {
	case "ptr.hostile.test":
		return good, only(q, A(q.Name, [4]byte{127, 20, 0, byte(i)}))
	case "alias.hostile.test":
		return good, only(q, A(q.Name, [4]byte{127, 23, 0, byte(i)}))
	case "fwd.hostile.test":
		return h.spoiled(q, i, typeA, A(q.Name, [4]byte{127, 21, 0, byte(i)}))
	case "mx.hostile.test":
		return h.spoiled(q, i, typeMX, MX(q.Name, Host("good.hostile.test"), 10))
	case "host.hostile.test", "relayed.hostile.test":
		return h.spoiled(q, i, typeA, A(q.Name, Target))
	case "relay.hostile.test":
		return good, only(q, MX(q.Name, Host(fmt.Sprintf("f%d.relayed.hostile.test", i)), 10))
	}
	if i >= len(h.names) {
		return absent, nil
	}
	switch zone {
	case "mxname.hostile.test":
		return good, only(q, MX(q.Name, h.names[i].Name, 10))
	case "cname.hostile.test":
		return good, append([]Record{CNAME(q.Name, h.names[i].Name)}, only(q, A(h.names[i].Name, Target))...)
	}
	return absent, nil
}

// reverse answers for addresses.
func (h *hostile) reverse(q *Question, octets []string) (Fault, []Record) {
	if len(octets) != 4 || octets[3] != "127" || octets[1] != "0" {
		return absent, nil
	}
	i, err := strconv.Atoi(octets[0])
	if err != nil {
		return absent, nil
	}
	switch octets[2] {
	case "20":
		return h.spoiled(q, i, typePTR, PTR(q.Name, Host(fmt.Sprintf(FaultyPTRName, i))))
	case "21":
		return good, only(q, PTR(q.Name, Host(fmt.Sprintf(FaultyAName, i))))
	case "22", "23":
		if i >= len(h.names) {
			return absent, nil
		}
		if octets[2] == "22" {
			return good, only(q, PTR(q.Name, h.names[i].Name))
		}
		return good, append([]Record{CNAME(q.Name, h.names[i].Name)}, only(q, PTR(h.names[i].Name,
			Host(fmt.Sprintf(AliasedName, i))))...)
	}
	return absent, nil
}

// bad answers questions about a bad name: it has the address of the client that it is the name of, or of the target
// where somebody asks for exchangers.
func (h *hostile) bad(q *Question, i int) (Fault, []Record) {
	return good, only(q, A(q.Name, [4]byte{127, 22, 0, byte(i)}))
}

// only keeps a record of the type that was asked for.
func only(q *Question, r Record) []Record {
	if q.Type != r.Type {
		return nil
	}
	return []Record{r}
}

// spoiled answers with fault i where the type is asked for that it is to spoil, and knows nothing of other types.
func (h *hostile) spoiled(q *Question, i int, spoil uint16, r Record) (Fault, []Record) {
	if i >= len(h.faults) {
		return absent, nil
	}
	if q.Type == spoil {
		return h.faults[i], []Record{r}
	}
	return good, nil
}

// text is a name with dots between its labels.
func (n Name) text() string {
	var labels []string
	for len(n) > 1 {
		l := n.first()
		labels = append(labels, l)
		n = n[min(len(n), 1+len(l)):]
		if l == "" {
			break
		}
	}
	return strings.Join(labels, ".")
}
