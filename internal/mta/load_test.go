package mta

import (
	"fmt"
	"strings"
	"testing"
)

// TestQueueLA holds that new mail waits under load, by the limit of the daemon where it has one.
func TestQueueLA(t *testing.T) {
	for _, tt := range []struct {
		option, daemon int
		waits          bool
	}{{0, 0, false}, {10, 0, true}, {30, 0, false}, {10, 30, false}, {30, 10, true}} {
		config := withOption(fmt.Sprintf("QueueFactor=60000\nO QueueLA=%d", tt.option))
		config = strings.Replace(config, "DeliveryMode=queueonly", "DeliveryMode=interactive", 1)
		s := testServerOf(t, "false", config, nil)
		s.loadAt.Store(s.now().Unix() + 1000) // read just now, and for long
		s.loadIs.Store(60)
		if tt.option == 30 || tt.daemon == 30 {
			s.loadIs.Store(20)
		}
		c := s.testSession(t)
		d, problems := ParseDaemon(t.Context(), fmt.Sprintf("Name=MTA, queueLA=%d", tt.daemon), 1)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		c.daemon = d
		send(t, c, "<a@other.test>", []string{"<alice@mail.test>"}, "Subject: one\n\nx\n")
		if got := len(queueFiles(t, s)) == 1; got != tt.waits {
			t.Errorf("QueueLA=%d, queueLA=%d, load %d: waits %t", tt.option, tt.daemon, s.load(), got)
		}
	}
}
