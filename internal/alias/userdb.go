package alias

import (
	"context"
	"errors"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// UserDB is what an Env with a user database (option UserDatabaseSpec) has besides: it is asked for users that no alias
// takes, where the mailer has flag @.
type UserDB interface {
	// Maildrop returns the addresses of a user, and who is told of errors with them ("" where nobody is named).
	// ErrNotFound says that there are none; any other error is temporary.
	Maildrop(ctx context.Context, user string) (list []string, sender string, err error)
}

// maildrop replaces a user by what the user database names, and reports whether it did, or has to wait (op.txt section
// 5.12.2).
func (r *run) maildrop(rcpt *envelope.Recipient, m *meta) bool {
	db, ok := r.Env.(UserDB)
	user := m.target.Triple.User
	if !ok || strings.HasPrefix(user, "@") {
		return false
	}
	list, sender, err := db.Maildrop(r.ctx, user)
	switch {
	case errors.Is(err, ErrNotFound):
		return false
	case err != nil:
		r.temp = status.Status{Exit: status.TempFail, Code: 451, Enhanced: status.Enhanced{4, 3, 0}, Text: "Deferred: user database error", Err: err}
		return true
	}
	m.name, m.dropped = user, true
	r.Env.Log("expand %s => %s", rcpt.Addr, strings.Join(list, ", "))
	var addrs []listed
	for _, v := range list {
		for _, addr := range SplitList(v) {
			addrs = append(addrs, listed{addr: addr})
		}
	}
	r.children(rcpt, m, addrs, sender, false, rcpt.Ctladdr)
	return true
}
