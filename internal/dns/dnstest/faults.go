package dnstest

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Fault is one way in which a name server can misbehave.
type Fault struct {
	Name string
	// Reply makes the packets, in their order, that answer a question whose true answer are the records; none means
	// silence.
	Reply func(q *Question, truth []Record) [][]byte
	// Stream makes what a connection over TCP carries before it is closed, in place of the packets; nil keeps it open
	// and silent.
	Stream func(q *Question, truth []Record) []byte
}

// one makes the reply of faults that are a single packet.
func one(spoil func(q *Question, truth []Record) *Packet) func(*Question, []Record) [][]byte {
	return func(q *Question, truth []Record) [][]byte { return [][]byte{spoil(q, truth).Bytes()} }
}

// altered makes the reply of faults that change the true packet.
func altered(change func(p *Packet)) func(*Question, []Record) [][]byte {
	return one(func(q *Question, truth []Record) *Packet {
		p := reply(q, truth...)
		change(p)
		return p
	})
}

// respond makes the reply of faults that are a response code.
func respond(rcode uint16) func(*Question, []Record) [][]byte {
	return one(func(q *Question, _ []Record) *Packet { return failed(q, rcode) })
}

// records makes the reply of faults that are other records than the true ones.
func records(change func(q *Question, truth []Record) []Record) func(*Question, []Record) [][]byte {
	return one(func(q *Question, truth []Record) *Packet { return reply(q, change(q, truth)...) })
}

// data makes the reply of faults that change the data of each record.
func data(change func(b []byte) []byte) func(*Question, []Record) [][]byte {
	return records(func(_ *Question, truth []Record) []Record {
		out := append([]Record(nil), truth...)
		for i := range out {
			out[i].Data = change(bytes.Clone(out[i].Data))
		}
		return out
	})
}

// target makes the reply of faults that put bytes in the place of the name in a PTR or MX record, and of an address.
func target(name string) func(*Question, []Record) [][]byte {
	return records(func(q *Question, truth []Record) []Record {
		out := append([]Record(nil), truth...)
		for i := range out {
			switch out[i].Type {
			case typeMX:
				out[i].Data = append(out[i].Data[:2:2], name...)
			default:
				out[i].Data = []byte(name)
			}
		}
		return out
	})
}

// truncated is the reply over UDP that sends a resolver to TCP.
func truncated(q *Question, truth []Record) [][]byte {
	p := reply(q)
	p.Flags |= flagTruncated
	return [][]byte{p.Bytes()}
}

// Prefixed is a packet with its length, as TCP carries it.
func Prefixed(p []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)
}

// raw sends the same bytes whatever was asked.
func raw(p ...byte) func(*Question, []Record) [][]byte {
	return func(*Question, []Record) [][]byte { return [][]byte{p} }
}

// chain leads from the question's name over n CNAMEs to where last says.
func chain(q *Question, n int, last func(i int) Name) []Record {
	var out []Record
	at := q.Name
	for i := range n {
		next := Labels("hop"+string(rune('a'+i%26))+string(rune('a'+i/26)), "hostile", "test")
		if i == n-1 {
			next = last(i)
		}
		out = append(out, CNAME(at, next))
		at = next
	}
	return out
}

// moved gives the true records to another owner.
func moved(truth []Record, owner Name) []Record {
	out := append([]Record(nil), truth...)
	for i := range out {
		out[i].Owner = owner
	}
	return out
}

// Faults are the ways in which the packets themselves are wrong, whatever was asked.
func Faults() []Fault {
	return append(append(append(envelopeFaults(), codeFaults()...), recordFaults()...), streamFaults()...)
}

func envelopeFaults() []Fault {
	return []Fault{
		{Name: "silent", Reply: func(*Question, []Record) [][]byte { return nil }},
		{Name: "empty-packet", Reply: raw()},
		{Name: "one-byte", Reply: raw('x')},
		{Name: "eleven-bytes", Reply: func(q *Question, _ []Record) [][]byte { return [][]byte{reply(q).Bytes()[:11]} }},
		{Name: "header-only", Reply: func(q *Question, _ []Record) [][]byte { return [][]byte{reply(q).Bytes()[:header]} }},
		{Name: "garbage", Reply: raw([]byte(strings.Repeat("\xde\xad\xbe\xef", 20))...)},
		{Name: "text", Reply: raw([]byte("220 mail.example.test ESMTP\r\n")...)},
		{Name: "wrong-id", Reply: altered(func(p *Packet) { p.ID++ })},
		{Name: "query-echoed", Reply: altered(func(p *Packet) { p.Flags &^= flagResponse; p.Answers = nil })},
		{Name: "opcode-status", Reply: altered(func(p *Packet) { p.Flags |= 2 << 11 })},
		{Name: "opcode-update", Reply: altered(func(p *Packet) { p.Flags |= 5 << 11 })},
		{Name: "reserved-bit", Reply: altered(func(p *Packet) { p.Flags |= 1 << 6 })},
		{Name: "no-question", Reply: altered(func(p *Packet) { p.Question = nil })},
		{Name: "other-question", Reply: altered(func(p *Packet) {
			p.Question = append([]byte(Host("other.hostile.test")), p.Question[len(p.Question)-4:]...)
		})},
		{Name: "other-type", Reply: altered(func(p *Packet) {
			p.Question = bytes.Clone(p.Question)
			p.Question[len(p.Question)-3] = typeTXT
		})},
		{Name: "other-class", Reply: altered(func(p *Packet) {
			p.Question = bytes.Clone(p.Question)
			p.Question[len(p.Question)-1] = classCH
		})},
		{Name: "question-upper-case", Reply: altered(func(p *Packet) { p.Question = bytes.ToUpper(p.Question) })},
		{Name: "question-twice", Reply: altered(func(p *Packet) {
			p.Question = append(bytes.Clone(p.Question),
				p.Question...)
			p.Counts[0] = 1
		})},
		{Name: "question-cut", Reply: altered(func(p *Packet) { p.Answers = nil; p.Cut = 3 })},
		{Name: "qdcount-0", Reply: altered(func(p *Packet) { p.Counts[0] = -1 })},
		{Name: "qdcount-65535", Reply: altered(func(p *Packet) { p.Counts[0] = 65534 })},
		{Name: "ancount-more", Reply: altered(func(p *Packet) { p.Counts[1] = 1 })},
		{Name: "ancount-65535", Reply: altered(func(p *Packet) { p.Counts[1] = 65535 - len(p.Answers) })},
		{Name: "ancount-0", Reply: altered(func(p *Packet) { p.Counts[1] = -len(p.Answers) })},
		{Name: "nscount-lies", Reply: altered(func(p *Packet) { p.Counts[2] = 5 })},
		{Name: "arcount-lies", Reply: altered(func(p *Packet) { p.Counts[3] = 5 })},
		{Name: "trailing-garbage", Reply: altered(func(p *Packet) { p.Tail = []byte(strings.Repeat("x", 100)) })},
		{Name: "answer-cut", Reply: altered(func(p *Packet) { p.Cut = 2 })},
		{Name: "answer-cut-in-header", Reply: altered(func(p *Packet) {
			for _, r := range p.Answers {
				p.Cut = len(r.Data) + 5
			}
		})},
		{Name: "wrong-id-first", Reply: func(q *Question, truth []Record) [][]byte {
			p := reply(q, truth...)
			p.ID++
			return [][]byte{p.Bytes(), reply(q, truth...).Bytes()}
		}},
		{Name: "garbage-first", Reply: func(q *Question, truth []Record) [][]byte {
			return [][]byte{[]byte("garbage"), reply(q, truth...).Bytes()}
		}},
		{Name: "twice", Reply: func(q *Question, truth []Record) [][]byte {
			return [][]byte{reply(q, truth...).Bytes(), reply(q, truth...).Bytes()}
		}},
		{Name: "flood-of-wrong-ids", Reply: func(q *Question, truth []Record) [][]byte {
			var out [][]byte
			for i := range 200 {
				p := reply(q, truth...)
				p.ID += uint16(i + 1)
				out = append(out, p.Bytes())
			}
			return out
		}},
	}
}

func codeFaults() []Fault {
	list := []Fault{
		{Name: "nxdomain-with-answers", Reply: one(func(q *Question, truth []Record) *Packet {
			return failed(q, 3,
				truth...)
		})},
		{Name: "servfail-with-answers", Reply: one(func(q *Question, truth []Record) *Packet {
			return failed(q, 2,
				truth...)
		})},
		{Name: "no-answers", Reply: respond(0)},
		{Name: "referral", Reply: altered(func(p *Packet) {
			p.Answers, p.Authority = nil, []Record{{Owner: Host("test"), Type: typeNS, Data: []byte(Host("ns.hostile.test"))}}
		})},
		{Name: "soa-cut", Reply: altered(func(p *Packet) {
			p.Answers, p.Authority = nil, []Record{{Owner: Host("test"), Type: typeSOA, Data: []byte{0, 0, 1}}}
		})},
	}
	for code, name := range []string{"", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain", "", "",
		"notauth", "", "rcode-11"} {
		if name != "" {
			list = append(list, Fault{Name: name, Reply: respond(uint16(code))})
		}
	}
	return list
}

func recordFaults() []Fault {
	return []Fault{
		{Name: "other-owner", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				Host("other.hostile.test"))
		})},
		{Name: "root-owner", Reply: records(func(q *Question, t []Record) []Record { return moved(t, "\x00") })},
		{Name: "owner-is-pointer", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				Name(pointer(header)))
		})},
		{Name: "owner-points-to-itself", Reply: one(func(q *Question, t []Record) *Packet {
			return reply(q, moved(t, Name(pointer(header+len(q.text))))...)
		})},
		{Name: "owner-points-beyond", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				Name(pointer(0x3fff)))
		})},
		{Name: "owner-points-into-header", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				Name(pointer(2)))
		})},
		{Name: "owner-label-type-40", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				"\x41x\x00")
		})},
		{Name: "owner-label-type-80", Reply: records(func(q *Question, t []Record) []Record {
			return moved(t,
				"\x81x\x00")
		})},
		{Name: "class-ch", Reply: records(func(q *Question, t []Record) []Record {
			out := append([]Record(nil), t...)
			for i := range out {
				out[i].Class = classCH
			}
			return out
		})},
		{Name: "ttl-negative", Reply: records(func(q *Question, t []Record) []Record {
			out := append([]Record(nil), t...)
			for i := range out {
				out[i].TTL = 1<<32 - 1
			}
			return out
		})},
		{Name: "other-record-type", Reply: records(func(q *Question, t []Record) []Record {
			return []Record{{Owner: q.Name, Type: typeTXT, Data: []byte("\x04text")}}
		})},
		{Name: "unknown-record-type", Reply: records(func(q *Question, t []Record) []Record {
			return append([]Record{{Owner: q.Name, Type: 65280, Data: []byte("\x04text")}}, t...)
		})},
		{Name: "text-record-before", Reply: records(func(q *Question, t []Record) []Record {
			return append([]Record{{Owner: q.Name, Type: typeTXT, Data: []byte("\x04text")}}, t...)
		})},
		{Name: "broken-text-before", Reply: records(func(q *Question, t []Record) []Record {
			return append([]Record{{Owner: q.Name, Type: typeTXT, Data: []byte("\xfftext")}}, t...)
		})},
		{Name: "broken-record-behind", Reply: records(func(q *Question, t []Record) []Record {
			return append(append([]Record(nil), t...), Record{Owner: q.Name, Type: typeMX, Data: []byte{0}})
		})},
		{Name: "a-hundred-times", Reply: records(func(q *Question, t []Record) []Record {
			var out []Record
			for range 100 {
				out = append(out, moved(t, Name(pointer(header)))...)
			}
			return out[:min(len(out), 30)]
		})},
		{Name: "data-empty", Reply: data(func([]byte) []byte { return nil })},
		{Name: "data-one-byte", Reply: data(func(b []byte) []byte { return b[:1] })},
		{Name: "data-cut", Reply: data(func(b []byte) []byte { return b[:len(b)-1] })},
		{Name: "data-longer", Reply: data(func(b []byte) []byte { return append(b, "xx"...) })},
		{Name: "target-pointer-to-itself", Reply: one(func(q *Question, t []Record) *Packet {
			p := reply(q, moved(t, Name(pointer(header)))...)
			for i := range p.Answers {
				at := header + len(q.text) + 12
				if p.Answers[i].Type == typeMX {
					p.Answers[i].Data = append([]byte{0, 10}, pointer(at+2)...)
				} else {
					p.Answers[i].Data = []byte(pointer(at))
				}
			}
			return p
		})},
		{Name: "target-pointer-beyond", Reply: target(pointer(0x3fff))},
		{Name: "target-pointer-to-question", Reply: target(pointer(header))},
		{Name: "target-without-end", Reply: target("\x04name")},
		{Name: "target-label-beyond", Reply: target("\x3fname")},
		{Name: "target-label-type-40", Reply: target("\x41\x00")},
		{Name: "target-too-long", Reply: target(string(Labels(strings.Repeat("a", 63), strings.Repeat("b", 63),
			strings.Repeat("c", 63), strings.Repeat("d", 63), "test")))},
		{Name: "target-128-labels", Reply: target(strings.Repeat("\x01a", 127) + "\x00")},
		{Name: "cname-to-itself", Reply: records(func(q *Question, t []Record) []Record {
			return []Record{CNAME(q.Name,
				q.Name)}
		})},
		{Name: "cname-loop", Reply: records(func(q *Question, t []Record) []Record {
			return chain(q, 3,
				func(int) Name { return q.Name })
		})},
		{Name: "cname-chain-20", Reply: records(func(q *Question, t []Record) []Record {
			c := chain(q, 20, func(int) Name { return Host("end.hostile.test") })
			return append(c, moved(t, Host("end.hostile.test"))...)
		})},
		{Name: "cname-chain-5", Reply: records(func(q *Question, t []Record) []Record {
			c := chain(q, 5, func(int) Name { return Host("end.hostile.test") })
			return append(c, moved(t, Host("end.hostile.test"))...)
		})},
		{Name: "cname-to-nowhere", Reply: records(func(q *Question, t []Record) []Record {
			return []Record{CNAME(q.Name, Host("nowhere.hostile.test"))}
		})},
		{Name: "cname-behind", Reply: records(func(q *Question, t []Record) []Record {
			return append(append([]Record(nil), t...), CNAME(q.Name, Host("nowhere.hostile.test")))
		})},
		{Name: "cname-to-root", Reply: records(func(q *Question, t []Record) []Record {
			return []Record{CNAME(q.Name,
				"\x00")}
		})},
		{Name: "cname-of-other", Reply: records(func(q *Question, t []Record) []Record {
			return append([]Record{CNAME(Host("x.hostile.test"), Host("y.hostile.test"))}, t...)
		})},
		{Name: "two-cnames", Reply: records(func(q *Question, t []Record) []Record {
			return append([]Record{CNAME(q.Name, Host("y.hostile.test")), CNAME(q.Name, Host("end.hostile.test"))},
				moved(t, Host("end.hostile.test"))...)
		})},
	}
}

func streamFaults() []Fault {
	big := func(q *Question, truth []Record, n int) []byte {
		var all []Record
		for len(all) < n {
			all = append(all, moved(truth, Name(pointer(header)))...)
		}
		return reply(q, all...).Bytes()
	}
	return []Fault{
		{Name: "tcp-silent", Reply: truncated},
		{Name: "tcp-closed", Reply: truncated, Stream: func(*Question, []Record) []byte { return nil }},
		{Name: "tcp-length-only", Reply: truncated, Stream: func(*Question, []Record) []byte { return []byte{0, 200} }},
		{Name: "tcp-length-zero", Reply: truncated, Stream: func(*Question, []Record) []byte { return []byte{0, 0} }},
		{Name: "tcp-length-more", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			p := Prefixed(reply(q, t...).Bytes())
			p[0] = 1
			return p
		}},
		{Name: "tcp-length-less", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			p := Prefixed(reply(q, t...).Bytes())
			p[1] -= 2
			return p
		}},
		{Name: "tcp-garbage", Reply: truncated, Stream: func(*Question,
			[]Record) []byte {
			return []byte("HTTP/1.0 400 no\r\n\r\n")
		}},
		{Name: "tcp-truncated-again", Reply: truncated, Stream: func(q *Question,
			t []Record) []byte {
			return Prefixed(truncated(q, t)[0])
		}},
		{Name: "tcp-wrong-id", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			p := reply(q, t...)
			p.ID++
			return Prefixed(p.Bytes())
		}},
		{Name: "tcp-servfail", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			return Prefixed(failed(q,
				2).Bytes())
		}},
		{Name: "tcp-64k", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			return Prefixed(big(q, t,
				2000))
		}},
		{Name: "tcp-good", Reply: truncated, Stream: func(q *Question, t []Record) []byte {
			return Prefixed(reply(q,
				t...).Bytes())
		}},
		{Name: "truncated-with-answer", Reply: altered(func(p *Packet) { p.Flags |= flagTruncated }),
			Stream: func(q *Question, t []Record) []byte { return nil }},
		{Name: "udp-4k-unasked", Reply: func(q *Question, t []Record) [][]byte { return [][]byte{big(q, t, 200)} }},
	}
}
