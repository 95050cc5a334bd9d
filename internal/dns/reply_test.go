package dns

import (
	"encoding/binary"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"
)

func TestIsHostName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "a.b.": true, "A-1.b": true, "_dmarc.a": true, "a.-b": true, "a-.b": true, "127.0.0.1": true,
		strings.Repeat("x", 63) + ".a": true,
		"":                             false, ".": false, "-a.b": false, "a..b": false, ".a": false, "[127.0.0.1].evil.test": false, `a\.b`: false,
		`a\ b`: false, "a b": false,
		"a/b": false, "a\x00b": false, "a\nb": false, "caf\xc3\xa9": false, "a@b": false, "a:b": false, `a\"b`: false,
		"*.a":                          false,
		strings.Repeat("x", 64) + ".a": false, strings.Repeat("a.", 127) + "a": false,
	} {
		if IsHostName(name) != want {
			t.Errorf("IsHostName(%q) = %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"127.0.0.1": true, "1": true, "0x7f.1": true, "1.2.3.4.5": false,
		"a.1": false, "1.2.3.a": false} {
		if isAddress(name) != want {
			t.Errorf("isAddress(%q) = %v", name, !want)
		}
	}
}

// FuzzReply reads packets that belong to a question: what stands beside it is the fuzzer's.
func FuzzReply(f *testing.F) {
	q := new(mdns.Msg).SetQuestion("a.test.", mdns.TypeMX)
	question := []byte("\x01a\x04test\x00\x00\x0f\x00\x01")
	const one = "\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\xc0\x0c" // flags, counts and the owner of the only answer
	f.Add([]byte(one + "\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x05\x00\x0a\x01b\x00"))
	f.Add([]byte(one + "\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c"))
	f.Add([]byte(one + "\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01"))
	f.Add([]byte("\x81\x83\x00\x01\x00\x00\x00\x01\x00\x00" + "\x00\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00" +
		strings.Repeat("\x00\x00\x00\x01", 5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 10 || len(data) > 60000 {
			return
		}
		p := binary.BigEndian.AppendUint16(nil, q.Id)
		p = append(append(append(p, data[:10]...), question...), data[10:]...)
		r, err := readReply(p, q)
		if (r == nil) == (err == nil) {
			t.Fatalf("%v %v", r, err)
		}
		if err != nil {
			return
		}
		for _, qtype := range []uint16{mdns.TypeMX, mdns.TypeA, mdns.TypePTR, mdns.TypeTXT, mdns.TypeANY} {
			a := &Answer{}
			at, err := a.follow(r, "a.test.", qtype, map[string]bool{})
			if err == nil && at != "a.test." && hostType(qtype) && !IsHostName(at) {
				t.Fatalf("followed to %q", at)
			}
			for _, rr := range a.Records {
				if addr, ok := recordAddr(rr); addressType(qtype) && (!ok || !addr.IsValid()) {
					t.Fatalf("%v: no address", rr)
				}
			}
		}
	})
}
