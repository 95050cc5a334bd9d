package mta

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
)

// dane is what the DNS demands of a connection to another host (RFC 7672). The zero value demands nothing.
type dane struct {
	encrypted bool       // there are records: no mail goes over the connection in clear
	records   []dns.TLSA // usable ones; without any, encryption alone is demanded (section 2.2)
	base      string     // the name that has them, which the server is asked for
	names     []string   // that a certificate signed by a named authority may have
	unknown   bool       // whether there are records could not be learnt
}

// noDANE demands nothing.
var noDANE = &dane{}

// demands returns what is demanded of the connection. It is looked up once.
func (o *protection) demands(ctx context.Context) *dane {
	if o.dane == nil || o.flags.noDANE {
		o.dane = noDANE
		if o.srv.site.options.DANE && o.peer.Secure && !o.flags.noDANE {
			o.dane = o.lookUpDANE(ctx)
		}
	}
	return o.dane
}

// lookUpDANE asks for the records of the host, by its name behind CNAMEs first (RFC 7672 section 2.2.2).
func (o *protection) lookUpDANE(ctx context.Context) *dane {
	host := strings.ToLower(strings.Trim(o.peer.Name, "[]."))
	bases := []string{strings.ToLower(o.peer.Canonical), host}
	if bases[0] == "" || bases[0] == host {
		bases = bases[1:]
	}
	for _, base := range bases {
		a, err := o.srv.site.Resolver().LookupTLSA(ctx, base, o.peer.Port)
		switch {
		case err != nil && (dns.KindOf(err) == dns.NoName || dns.KindOf(err) == dns.NoData):
		case err != nil:
			return &dane{unknown: true}
		case a.Secure && len(a.Records) > 0:
			names := []string{base, host, strings.ToLower(o.peer.Domain)}
			return &dane{encrypted: true, records: tlsconf.UsableTLSA(a.Records), base: base, names: slices.Compact(names)}
		}
	}
	return noDANE
}

// verify judges the certificates of a server; verified and why are what the site's own authorities say of them.
func (d *dane) verify(state *tls.ConnectionState, verified string, why error, now time.Time) (string, error) {
	switch {
	case d.unknown:
		return tlsconf.VerifyDANETemp, why
	case len(d.records) == 0:
		return verified, why
	}
	if err := tlsconf.VerifyDANE(state, d.records, d.names, now); err != nil {
		return tlsconf.VerifyDANEFail, err
	}
	return tlsconf.VerifyTrusted, nil
}

// inClear is the value of {verify} of a connection without TLS.
func (d *dane) inClear(without string) string {
	switch {
	case d.unknown:
		return tlsconf.VerifyDANETemp
	case d.encrypted:
		return tlsconf.VerifyDANEFail
	}
	return without
}

// unproven refuses what DANE refuses where the rules of the site do not look at it.
func (o *protection) unproven(verify string) *ruling {
	if verify != tlsconf.VerifyDANEFail && verify != tlsconf.VerifyDANETemp {
		return nil
	}
	st := status.FromExit(status.TempFail)
	st.Code, st.Enhanced, st.Text = 454, status.Enhanced{4, 7, 0}, "DANE check failed."
	return &ruling{ruleset: "tls_server", arg1: verify, Verdict: Verdict{Resolved: true, Status: st}}
}
