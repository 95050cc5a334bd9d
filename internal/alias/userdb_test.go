package alias

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gosendmail/internal/envelope"
)

// withUsers is a world with a user database.
type withUsers struct {
	world
	drops map[string][]string
	down  bool
}

func (w *withUsers) Resolve(ctx context.Context, addr string, from *envelope.Recipient) (Target, error) {
	t, err := w.world.Resolve(ctx, addr, from)
	t.UserDB = t.Triple.Mailer == "local"
	return t, err
}

func (w *withUsers) Maildrop(_ context.Context, user string) ([]string, string, error) {
	if w.down {
		return nil, "", errors.New("file is damaged")
	}
	if v, ok := w.drops[user]; ok {
		return v, user + "-request", nil
	}
	return nil, "", ErrNotFound
}

// TestUserDatabase: it is asked where no alias is, before .forward; one who is his own maildrop gets the mail.
func TestUserDatabase(t *testing.T) {
	w := &withUsers{
		world: world{aliases: map[string]string{"staff": "alice, anna"}, files: map[string]string{"/home/bob/.forward": "away@x.test\n"}},
		drops: map[string][]string{"anna": {"anna@one.test", "a2@two.test, a3@two.test"}, "staff": {"never@x.test"}, "alice": {"alice", "copy@x.test"}, "bob": {"bob@drop.test"}},
	}
	x := &Expander{Env: w}
	for rcpt, want := range map[string]string{
		"anna":  "anna@one.test a2@two.test a3@two.test",
		"staff": "copy@x.test alice anna@one.test a2@two.test a3@two.test",
		"bob":   "bob@drop.test",
		"carol": "carol",
	} {
		list, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: rcpt}})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		n := 0
		for _, r := range list {
			if r.State == envelope.Pending {
				got[r.Addr] = true
				n++
			}
			if r.Addr == "anna@one.test" && r.Owner != "anna-request" {
				t.Errorf("%s: errors go to %q", r.Addr, r.Owner)
			}
		}
		all := map[string]bool{}
		for _, a := range strings.Fields(want) {
			all[a] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(all) || n != len(all) {
			t.Errorf("%s: %v, want %v", rcpt, got, all)
		}
	}
	w.down = true
	if _, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: "anna"}}); err == nil {
		t.Error("a damaged user database did not make the mail wait")
	}
}
