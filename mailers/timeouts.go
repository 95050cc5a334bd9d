package mailers

import "time"

// withDefaults fills in what op.txt section 4.1.2 says for timeouts that were not set.
func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&t.Initial, 5 * time.Minute},
		{&t.Helo, 5 * time.Minute},
		{&t.Mail, 10 * time.Minute},
		{&t.Rcpt, time.Hour},
		{&t.DataInit, 5 * time.Minute},
		{&t.DataBlock, time.Hour},
		{&t.DataFinal, time.Hour},
		{&t.Rset, 5 * time.Minute},
		{&t.Quit, 2 * time.Minute},
		{&t.Misc, 2 * time.Minute},
		{&t.Lhlo, 2 * time.Minute},
		{&t.Auth, 10 * time.Minute},
		{&t.StartTLS, time.Hour},
	} {
		if *d.at <= 0 {
			*d.at = d.def
		}
	}
	return t
}
