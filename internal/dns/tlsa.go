package dns

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	mdns "github.com/miekg/dns"
)

// TLSA is one record of RFC 6698.
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// TLSAAnswer holds the records of one service.
type TLSAAnswer struct {
	Records []TLSA
	Secure  bool // validated; nothing may be concluded from others (RFC 7672 section 2.1)
}

// LookupTLSA returns the records of a TCP service of a host. NoName and NoData mean that it has none.
func (r *Resolver) LookupTLSA(ctx context.Context, host string, port uint16) (*TLSAAnswer, error) {
	a, err := r.Query(ctx, fmt.Sprintf("_%d._tcp.%s", port, strings.TrimSuffix(host, ".")), mdns.TypeTLSA)
	if err != nil {
		return nil, err
	}
	out := &TLSAAnswer{Secure: a.Secure}
	for _, rr := range a.Records {
		t, ok := rr.(*mdns.TLSA)
		if !ok {
			continue
		}
		data, err := hex.DecodeString(t.Certificate)
		if err != nil {
			continue // the DNS library wrote it
		}
		out.Records = append(out.Records, TLSA{Usage: t.Usage, Selector: t.Selector, Matching: t.MatchingType, Data: data})
	}
	return out, nil
}
