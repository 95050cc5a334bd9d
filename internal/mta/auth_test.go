package mta

import (
	"context"
	"testing"
)

// TestAuthBackendThatCannotBeUsed: AUTH is neither offered nor begun.
func TestAuthBackendThatCannotBeUsed(t *testing.T) {
	for _, backends := range []string{"nonsense:x", "map:none", "dovecot:/x,passwd:/y", "passwd:/nowhere/at.all,"} {
		s := testServer(t, "false")
		s.site.options.AuthBackends = backends
		s.openAuthority()
		c := s.testSession(t)
		if list, err := c.authMechanisms(context.Background()); len(list) > 0 || err != nil {
			t.Errorf("%s: offered %v, %v", backends, list, err)
		}
		if _, r := c.Auth(context.Background(), "PLAIN"); r.Code != 503 {
			t.Errorf("%s: AUTH is answered %s", backends, shown(r))
		}
	}
}
