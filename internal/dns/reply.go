package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
)

// What can be wrong with a packet as a whole.
var (
	errForeign   = errors.New("answer to another question")
	errShort     = errors.New("packet without a header")
	errMalformed = errors.New("malformed answer")
)

// headerSize is the number of bytes before the question (RFC 1035 section 4.1.1).
const headerSize = 12

// Bits of the third and fourth byte.
const (
	bitResponse  = 1 << 15
	bitTruncated = 1 << 9
	bitSecure    = 1 << 5 // AD, RFC 4035 section 3.2.3
	maskRcode    = 0xf
)

// reply is what can be read of a server's packet. A server that sends something malformed has answered: to wait for a
// better packet, or to ask it again, would only take time.
type reply struct {
	name      string // that was asked for
	rcode     int
	truncated bool
	secure    bool // the AD bit
	records   []record
	negative  uint32 // seconds for which an absence holds (RFC 2308 section 5); 0: unknown
	broken    bool   // the answers end before their number says, or cannot be told apart
}

// record is one record of the answer section.
type record struct {
	header mdns.RR_Header
	data   mdns.RR // nil: the data is not what the type says
}

// readReply reads a packet that came for question q. errForeign says that it belongs to another question (RFC 5452
// section 9.1), errShort that it is too short to say anything, errMalformed that
// its question cannot be read: the server cannot be asked.
func readReply(p []byte, q *mdns.Msg) (*reply, error) {
	if len(p) < headerSize {
		return nil, errShort
	}
	field := func(i int) int { return int(binary.BigEndian.Uint16(p[2*i:])) }
	if field(0) != int(q.Id) || field(2) != 1 {
		return nil, errForeign
	}
	r := &reply{
		name: q.Question[0].Name, rcode: field(1) & maskRcode,
		truncated: field(1)&bitTruncated != 0, secure: field(1)&bitSecure != 0,
	}
	name, off, err := mdns.UnpackDomainName(p, headerSize)
	if err != nil || off+4 > len(p) {
		return nil, errMalformed
	}
	qtype, qclass := binary.BigEndian.Uint16(p[off:]), binary.BigEndian.Uint16(p[off+2:])
	if asked := q.Question[0]; qtype != asked.Qtype || qclass != asked.Qclass || !strings.EqualFold(name, asked.Name) {
		return nil, errForeign
	}
	if field(1)&bitResponse == 0 {
		r.broken = true
		return r, nil
	}
	r.body(p, off+4, field(3), field(4))
	return r, nil
}

// body reads the answers and from the authority section how long an absence holds.
func (r *reply) body(p []byte, off, answers, authority int) {
	for range answers {
		rec, next, ok := readRecord(p, off)
		if rec.header.Name != "" {
			r.records = append(r.records, rec)
		}
		if !ok {
			r.broken = true
			return
		}
		off = next
	}
	for range authority {
		rec, next, ok := readRecord(p, off)
		if !ok {
			return // the section says nothing that decides
		}
		off = next
		if soa, ok := rec.data.(*mdns.SOA); ok {
			r.negative = min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
}

// readRecord reads the record at an offset; ok is false where it cannot be told where it ends, or where the packet ends
// before. A header that could be read is there all the same.
func readRecord(p []byte, off int) (rec record, next int, ok bool) {
	name, off, err := mdns.UnpackDomainName(p, off)
	if err != nil || off+10 > len(p) {
		return rec, 0, false
	}
	h := mdns.RR_Header{
		Name: name, Rrtype: binary.BigEndian.Uint16(p[off:]), Class: binary.BigEndian.Uint16(p[off+2:]),
		Ttl: binary.BigEndian.Uint32(p[off+4:]), Rdlength: binary.BigEndian.Uint16(p[off+8:]),
	}
	if h.Ttl > 1<<31-1 {
		h.Ttl = 0 // RFC 2181 section 8
	}
	off += 10
	end := off + int(h.Rdlength)
	if end > len(p) {
		return record{header: h}, 0, false
	}
	return record{header: h, data: readData(h, p[:end], off)}, end, true
}

// readData reads the data of a record, which reaches from an offset to the end of p. Bytes behind a name are passed
// over, as the C library does. Nil means that the data is not what the type says.
func readData(h mdns.RR_Header, p []byte, off int) mdns.RR {
	if h.Rdlength == 0 {
		return nil
	}
	switch h.Rrtype {
	case mdns.TypePTR, mdns.TypeCNAME, mdns.TypeNS:
		name, _, err := mdns.UnpackDomainName(p, off)
		switch {
		case err != nil:
			return nil
		case h.Rrtype == mdns.TypePTR:
			return &mdns.PTR{Hdr: h, Ptr: name}
		case h.Rrtype == mdns.TypeNS:
			return &mdns.NS{Hdr: h, Ns: name}
		}
		return &mdns.CNAME{Hdr: h, Target: name}
	case mdns.TypeMX:
		if h.Rdlength < 3 {
			return nil
		}
		name, _, err := mdns.UnpackDomainName(p, off+2)
		if err != nil {
			return nil
		}
		return &mdns.MX{Hdr: h, Preference: binary.BigEndian.Uint16(p[off:]), Mx: name}
	}
	rr, _, err := mdns.UnpackRRWithHeader(h, p, off)
	if err != nil {
		return nil
	}
	return rr
}

// owned reports whether the record is one of a name: a server has no say about others here.
func (r *record) owned(name string) bool {
	return r.header.Class == mdns.ClassINET && strings.EqualFold(r.header.Name, name)
}

// cname returns the record that says what a name is an alias of, or nil.
func (r *reply) cname(at string) *mdns.CNAME {
	for i := range r.records {
		if c, ok := r.records[i].data.(*mdns.CNAME); ok && r.records[i].owned(at) {
			return c
		}
	}
	return nil
}

// outcome says what the response code means for a question; 0 means that the records decide.
func (r *reply) outcome() Kind {
	switch r.rcode {
	case mdns.RcodeSuccess:
		return 0
	case mdns.RcodeNameError:
		return NoName
	case mdns.RcodeServerFailure, mdns.RcodeNotImplemented, mdns.RcodeRefused:
		return Temporary
	}
	return Unusable
}

// cause is the response code, or the malformed answer, as the cause of an error; nil where nothing is wrong with the
// reply.
func (r *reply) cause() error {
	switch {
	case r.broken:
		return errMalformed
	case r.rcode == mdns.RcodeSuccess || r.rcode == mdns.RcodeNameError:
		return nil
	}
	if text, ok := mdns.RcodeToString[r.rcode]; ok {
		return errors.New(text)
	}
	return fmt.Errorf("response code %d", r.rcode)
}

// recordAddr is the address of an A or AAAA record.
func recordAddr(rr mdns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *mdns.A:
		a, ok := netip.AddrFromSlice(rr.A)
		return a.Unmap(), ok
	case *mdns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}
