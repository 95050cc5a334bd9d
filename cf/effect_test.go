package cf_test

import (
	"slices"
	"strings"
	"testing"

	"gosendmail/cf"
)

func TestDisregarded(t *testing.T) {
	c, err := cf.Parse(strings.NewReader(`V10
O MeToo=True
O SmtpUTF8=false
O DontBlameSendmail=safe
O MailboxDatabase=pw
O SmtpUTF8=true
O DontBlameSendmail=filedeliverytosymlink
O ServerCertFile=/c
O StrictTransportSecurity=true
O DontBlameSendmail=safe,filedeliverytohardlink
O DANE=true
O Timeout.ident=5s
O Timeout.connect=5s
`), cf.Input{File: "x.cf"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"x.cf: line 6: option SmtpUTF8: addresses in UTF-8 are not offered",
		"x.cf: line 7: option DontBlameSendmail.FileDeliveryToSymLink: symbolic links are never delivered to",
		"x.cf: line 10: option DontBlameSendmail.FileDeliveryToHardLink: files that have more than one name are never delivered to",
	}
	if got := c.Disregarded(cf.Told); !slices.Equal(got, want) {
		t.Errorf("told:\n%s", strings.Join(got, "\n"))
	}
	want = []string{"x.cf: line 9: option StrictTransportSecurity: policies of MTA-STS are not followed"}
	if got := c.Disregarded(cf.Refused); !slices.Equal(got, want) {
		t.Errorf("refused:\n%s", strings.Join(got, "\n"))
	}
}

// Every line of the table is about something that exists, or nobody would see that it has become wrong.
func TestLimitsAreOfOptions(t *testing.T) {
	for _, key := range cf.LimitKeys() {
		if strings.ContainsAny(key, ": ") || key == cf.LineX {
			continue // no option: packages mta and compatibility look these up
		}
		name, sub, dotted := strings.Cut(key, ".")
		if _, ok := cf.Lookup(name); !ok {
			t.Errorf("%s: there is no such option", key)
		}
		if dotted && !slices.Contains(cf.Values(name), sub) {
			t.Errorf("%s: %s has no %s", key, name, sub)
		}
	}
}
