package dnstest

import (
	"encoding/binary"
	"strings"
)

// Record types and classes of RFC 1035, as the hostile server writes them.
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeSOA   = 6
	typePTR   = 12
	typeMX    = 15
	typeTXT   = 16
	typeAAAA  = 28
	classIN   = 1
	classCH   = 3
)

// header is the number of bytes before the question of a packet (RFC 1035 section 4.1.1).
const header = 12

// Flags of the third and fourth byte of a packet.
const (
	flagResponse  = 1 << 15
	flagTruncated = 1 << 9
	flagsGood     = flagResponse | 1<<10 | 1<<8 | 1<<7 // authoritative, recursion desired and available
)

// Name is a domain name in the form of the wire, not compressed.
type Name string

// Labels makes a name of its labels, which may hold any bytes and be too long: nothing is checked.
func Labels(labels ...string) Name {
	var b strings.Builder
	for _, l := range labels {
		b.WriteByte(byte(len(l)))
		b.WriteString(l)
	}
	b.WriteByte(0)
	return Name(b.String())
}

// Host makes a name of text with dots between the labels, a final dot or none.
func Host(text string) Name {
	text = strings.TrimSuffix(text, ".")
	if text == "" {
		return "\x00"
	}
	return Labels(strings.Split(text, ".")...)
}

// lower is a name in lower case.
func (n Name) lower() Name { return Name(strings.ToLower(string(n))) }

// first is the first label.
func (n Name) first() string {
	if len(n) == 0 || int(n[0]) >= len(n) {
		return ""
	}
	return string(n[1 : 1+n[0]])
}

// Record is one resource record.
type Record struct {
	Owner Name
	Type  uint16
	Class uint16 // 0 means IN
	TTL   uint32 // 0 means a minute
	Data  []byte
}

func (r Record) append(b []byte) []byte {
	class, ttl := r.Class, r.TTL
	if class == 0 {
		class = classIN
	}
	if ttl == 0 {
		ttl = 60
	}
	b = append(b, r.Owner...)
	b = binary.BigEndian.AppendUint16(b, r.Type)
	b = binary.BigEndian.AppendUint16(b, class)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)))
	return append(b, r.Data...)
}

// pointer is a compressed name that leads to an offset of the packet.
func pointer(offset int) string { return string([]byte{0xc0 | byte(offset>>8), byte(offset)}) }

// Question is what a resolver asked.
type Question struct {
	ID   uint16
	Name Name // in lower case
	Type uint16
	TCP  bool
	text []byte // of the question section, as it came
}

// parseQuestion reads a query; ok is false where it is none.
func parseQuestion(p []byte, tcp bool) (q *Question, ok bool) {
	if len(p) < header+5 || p[2]&0x80 != 0 {
		return nil, false
	}
	i := header
	for i < len(p) && p[i] != 0 {
		i += 1 + int(p[i])
	}
	if i+5 > len(p) {
		return nil, false
	}
	return &Question{
		ID: binary.BigEndian.Uint16(p), Name: Name(p[header : i+1]).lower(), Type: binary.BigEndian.Uint16(p[i+1:]),
		TCP: tcp, text: p[header : i+5],
	}, true
}

// Packet is a reply in its parts, each of which a fault may spoil.
type Packet struct {
	ID                 uint16
	Flags              uint16
	Question           []byte
	Answers, Authority []Record
	Additional         []Record
	Counts             [4]int // added to the true counts
	Tail               []byte // after everything
	Cut                int    // bytes to leave out at the end
	RawAnswers         []byte // in place of Answers, with Counts[1] as their number
}

// reply begins a packet that answers q with records.
func reply(q *Question, answers ...Record) *Packet {
	return &Packet{ID: q.ID, Flags: flagsGood, Question: q.text, Answers: answers}
}

// failed answers q with a response code.
func failed(q *Question, rcode uint16, answers ...Record) *Packet {
	p := reply(q, answers...)
	p.Flags |= rcode
	return p
}

// Bytes is the packet as it goes over the wire.
func (p *Packet) Bytes() []byte {
	questions := 0
	if len(p.Question) > 0 {
		questions = 1
	}
	b := binary.BigEndian.AppendUint16(nil, p.ID)
	b = binary.BigEndian.AppendUint16(b, p.Flags)
	for i, n := range []int{questions, len(p.Answers), len(p.Authority), len(p.Additional)} {
		b = binary.BigEndian.AppendUint16(b, uint16(n+p.Counts[i]))
	}
	b = append(b, p.Question...)
	for _, section := range [][]Record{p.Answers, p.Authority, p.Additional} {
		for _, r := range section {
			b = r.append(b)
		}
	}
	b = append(append(b, p.RawAnswers...), p.Tail...)
	return b[:max(0, len(b)-p.Cut)]
}

// A, CNAME, PTR and MX make records of an owner.
func A(owner Name, addr [4]byte) Record { return Record{Owner: owner, Type: typeA, Data: addr[:]} }
func CNAME(owner, target Name) Record {
	return Record{Owner: owner, Type: typeCNAME, Data: []byte(target)}
}
func PTR(owner, target Name) Record { return Record{Owner: owner, Type: typePTR, Data: []byte(target)} }
func MX(owner, host Name, pref uint16) Record {
	return Record{Owner: owner, Type: typeMX, Data: append(binary.BigEndian.AppendUint16(nil, pref), host...)}
}

// Ask is the question of a resolver for records of a type.
func Ask(name Name, qtype uint16) *Question {
	text := binary.BigEndian.AppendUint16([]byte(name), qtype)
	return &Question{Name: name.lower(), Type: qtype, text: binary.BigEndian.AppendUint16(text, classIN)}
}

// Answer is the packet that answers a question with records.
func Answer(q *Question, records ...Record) []byte { return reply(q, records...).Bytes() }

// Around makes a packet of any bytes that belongs to the question as far as its first byte says: with 0 the identifier
// alone is the question's, otherwise the question stands in it too, behind the ten bytes of flags and counts.
func (q *Question) Around(data []byte) []byte {
	p := binary.BigEndian.AppendUint16(nil, q.ID)
	switch {
	case len(data) == 0:
		return nil
	case data[0] == 0:
		return append(p, data[1:]...)
	}
	data = data[1:]
	n := min(len(data), header-2)
	p = append(append(p, data[:n]...), make([]byte, header-2-n)...)
	return append(append(p, q.text...), data[n:]...)
}
