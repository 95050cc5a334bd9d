package mta

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns"
	"gosendmail/internal/dns/dnstest"
)

// TestDANE holds what becomes of mail where an exchanger has TLSA records (RFC 7672), with rules of the site that look
// at nothing.
func TestDANE(t *testing.T) {
	const signed = "outside.test. MX 10 mx.outside.test.\nmx.outside.test. A 127.0.0.1\n"
	const sent, sentInClear, waits = "tls=true cert= user= auth= rcpts=1", "tls=false cert= user= auth= rcpts=1", ""
	noTLS := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS10; c.MinVersion = tls.VersionTLS10 }
	for _, test := range []struct {
		name, zone, options, rules string
		change                     func(*tls.Config)
		want, log                  string // log is what {verify} was
	}{
		{"the certificate's key", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 KEY\n", "", "", nil, sent, "verify=TRUSTED"},
		{"another key", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "", "", nil, waits, "verify=DANE_FAIL"},
		{"one of several", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n_PORT._tcp.mx.outside.test. TLSA 3 1 1 KEY\n", "", "", nil, sent, "verify=TRUSTED"},
		{"no records", signed, "", "", nil, sent, "verify=FAIL"},
		{"none that can be used", signed + "_PORT._tcp.mx.outside.test. TLSA 1 1 1 OTHER\n_PORT._tcp.mx.outside.test. TLSA 3 1 1 00\n", "", "", nil, sent, "verify=FAIL"},
		{"none that can be used and no TLS", signed + "_PORT._tcp.mx.outside.test. TLSA 1 1 1 OTHER\n", "", "", noTLS, waits, "connect failed"},
		{"no TLS though clear is allowed", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 KEY\n", "O TLSFallbacktoClear=True\n", "", noTLS, waits, "connect failed"},
		{"records of an unsigned zone", "outside.test. MX 10 mx.unsigned.test.\nmx.unsigned.test. A 127.0.0.1\n_PORT._tcp.mx.unsigned.test. TLSA 3 1 1 OTHER\n", "", "", nil, sent, "verify=FAIL"},
		{"an unsigned MX", "unsigned.test. MX 10 mx.outside.test.\nmx.outside.test. A 127.0.0.1\n_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "", "", nil, sent, "verify=FAIL"},
		{"records that nobody answers for", "outside.test. MX 10 mx.broken.test.\nmx.broken.test. A 127.0.0.1\n", "", "", nil, waits, "verify=DANE_TEMP"},
		{"without MX", "outside.test. A 127.0.0.1\n_PORT._tcp.outside.test. TLSA 3 1 1 KEY\n", "", "", nil, sent, "verify=TRUSTED"},
		{"behind a CNAME", "outside.test. MX 10 mx.outside.test.\nmx.outside.test. CNAME real.outside.test.\nreal.outside.test. A 127.0.0.1\n_PORT._tcp.real.outside.test. TLSA 3 1 1 KEY\n", "", "", nil, sent, "verify=TRUSTED"},
		{"before a CNAME", "outside.test. MX 10 mx.outside.test.\nmx.outside.test. CNAME real.outside.test.\nreal.outside.test. A 127.0.0.1\n_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "", "", nil, waits, "verify=DANE_FAIL"},
		{"option off", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "O DANE=False\n", "", nil, sent, "verify=FAIL"},
		{"flag d", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "", "Stls_clt_features\nR$*\t$: flags=d\n", nil, sent, "verify=FAIL"},
		{"try_tls", signed + "_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n", "", "Stry_tls\nR$*\t$#error $@ 5.7.1 $: \"550 no\"\n", nil, sentInClear, ""},
		{"the next exchanger", signed + "outside.test. MX 20 mx2.outside.test.\nmx2.outside.test. A 127.0.0.1\n_PORT._tcp.mx.outside.test. TLSA 3 1 1 OTHER\n_PORT._tcp.mx2.outside.test. TLSA 3 1 1 KEY\n", "", "", nil, sent, "verify=TRUSTED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var pair tls.Certificate
			p := &provider{}
			port := p.serve(t, func(c *tls.Config) {
				pair = c.Certificates[0]
				if test.change != nil {
					test.change(c)
				}
			})
			leaf, err := x509.ParseCertificate(pair.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
			zone := dnstest.Start(t, strings.NewReplacer("PORT", port, "KEY", hex.EncodeToString(sum[:]), "OTHER", strings.Repeat("ab", 32)).Replace(test.zone))
			zone.Handle(unsigned(zone))
			conf := zone.Config()
			conf.TrustAD, conf.DNSSEC = true, true
			config := strings.Replace(testConfig, "A=TCP $h", "A=TCP $h "+port, 1)
			config = strings.Replace(config, "H?P?", "O DANE=True\n"+test.options+"O LogLevel=14\nH?P?", 1)
			config = strings.Replace(config, "Scheck_mail\n", test.rules+"Scheck_mail\n", 1)
			s := testServerAsking(t, dns.New(conf), "false", config, nil)
			domain := "outside.test"
			if strings.HasPrefix(test.zone, "unsigned") {
				domain = "unsigned.test"
			}
			queueOne(t, s, "<x@"+domain+">")
			deliver(t, s)
			p.mu.Lock()
			defer p.mu.Unlock()
			if got := strings.Join(p.mails, "; "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			log, err := os.ReadFile(s.logFile(t))
			if err != nil || !strings.Contains(string(log), test.log) {
				t.Errorf("%v: no %q in the log", err, test.log)
			}
		})
	}
}

// unsigned answers for zones without signatures, and not at all for TLSA records of broken.test.
func unsigned(zone *dnstest.Server) func(w mdns.ResponseWriter, q *mdns.Msg) bool {
	return func(w mdns.ResponseWriter, q *mdns.Msg) bool {
		name := q.Question[0].Name
		switch {
		case strings.HasSuffix(name, "broken.test.") && q.Question[0].Qtype == mdns.TypeTLSA:
			m := new(mdns.Msg).SetRcode(q, mdns.RcodeServerFailure)
			w.WriteMsg(m)
			return true
		case strings.HasSuffix(name, "unsigned.test."):
			m := zone.Reply(q)
			m.AuthenticatedData = false
			w.WriteMsg(m)
			return true
		}
		return false
	}
}

// queueOne queues a short message from nobody.
func queueOne(t *testing.T, s *Server, to string) {
	t.Helper()
	c := s.testSession(t)
	if r := c.Mail(t.Context(), "<>", &smtp.MailOptions{}); r.Code != 250 {
		t.Fatal(r)
	}
	if r := c.Rcpt(t.Context(), to, &smtp.RcptOptions{}); r.Code != 250 {
		t.Fatal(r)
	}
	c.StartData(t.Context())
	if r := c.Data(t.Context(), strings.NewReader("Subject: x\n\nx\n")); r.Code != 250 {
		t.Fatal(r)
	}
}
