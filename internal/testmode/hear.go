package testmode

import (
	"errors"
	"strings"

	"gosendmail/maps"
)

// heard prints what a map says while it is asked. Of tables that cannot be opened OpenMap tells.
func (t *session) heard(err error) {
	p, ok := errors.AsType[*maps.Problem](err)
	if !ok || p.Words == "" {
		return
	}
	switch strings.ToLower(p.Spec.Class) {
	case "hash", "btree", "text":
		return
	}
	t.printf("%s\n", p.Words)
}
