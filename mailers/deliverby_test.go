package mailers

import (
	"testing"
	"time"

	"gosendmail/internal/envelope"
)

// TestTimeLeft holds what a peer is told of the time of BY=, and which peer is not given the message.
func TestTimeLeft(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	const hour = time.Hour
	for _, c := range []struct {
		mode      envelope.ByMode
		trace     bool
		time, age time.Duration
		offers    string // DELIVERBY with its minimum; "-" where there is none
		want      string // BY=, or "late"
	}{
		{envelope.ByReturn, false, 2 * hour, hour, "", "3600;R"},
		{envelope.ByReturn, true, 2 * hour, hour, "600", "3600;RT"},
		{envelope.ByReturn, false, 2 * hour, hour, "3600", "3600;R"},
		{envelope.ByReturn, false, 2 * hour, hour, "3601", "late"},
		{envelope.ByReturn, false, 2 * hour, hour, "-", "late"},
		{envelope.ByReturn, false, 2 * hour, hour, "x", "3600;R"},
		{envelope.ByReturn, false, 0, hour, "", "1;R"},
		{envelope.ByNotify, false, 2 * hour, 3 * hour, "600", "-3600;N"},
		{envelope.ByNotify, true, 2 * hour, hour, "9000", "3600;NT"},
	} {
		caps := capabilities{}
		if c.offers != "-" {
			caps["DELIVERBY"] = c.offers
		}
		env := &envelope.Envelope{Created: now.Add(-c.age),
			DeliverBy: envelope.DeliverBy{Mode: c.mode, Time: c.time, Trace: c.trace}}
		tr := &transaction{s: &session{caps: caps}, job: &Job{Envelope: env}, cfg: &Config{Now: clock}}
		got := "late"
		if tr.inTime() == nil {
			got = tr.timeLeft().String()
		}
		if got != c.want {
			t.Errorf("%v after %v of a peer with %q: %s, want %s", env.DeliverBy, c.age, c.offers, got, c.want)
		}
	}
}
