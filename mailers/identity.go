package mailers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// rights are those that a delivery has.
type rights struct {
	as        *priv.Identity // nil: ours
	effective bool           // as is only the effective user; the real one remains ours
}

// runAs says with whose rights a program of this job runs. Without root there is no choice.
//
//   - F=S: ours; with U= that user's as the effective ones.
//   - F=o: the recipient's controlling user, where there is one or an alias named the recipient. Otherwise the sender,
//     if a local user submitted the message.
//   - else U=, else DefaultUser. Root as controlling user counts as none.
func (t *Table) runAs(ctx context.Context, job *Job, rc Rcpt) (rights, error) {
	if os.Geteuid() != 0 {
		return rights{}, nil
	}
	m := job.Mailer
	if m.Flags.Has('S') {
		if m.User == nil {
			return rights{}, nil
		}
		id := t.mailerUser(m)
		if u, err := t.cfg.Accounts.UserID(ctx, id.UID); err == nil {
			if id.Groups, err = t.groups(ctx, &envelope.Ctladdr{User: u.Name, GID: id.GID}); err != nil {
				return rights{}, err
			}
		}
		return rights{as: id, effective: true}, nil
	}
	ctl := job.Envelope.SenderCtladdr
	if m.Flags.Has('o') && (rc.Ctladdr != nil || rc.Alias != nil) {
		ctl = rc.Ctladdr
	}
	id, err := t.identity(ctx, m, ctl)
	return rights{as: id}, err
}

func (t *Table) identity(ctx context.Context, m *Mailer, ctl *envelope.Ctladdr) (*priv.Identity, error) {
	switch {
	case ctl != nil && ctl.UID == t.cfg.DefaultUser.UID && ctl.GID == 0: // as the original writes him into queue files
	case ctl != nil && ctl.UID > 0:
		if ctl.GID == 0 { // nobody's group, there
			ctl = &envelope.Ctladdr{User: ctl.User, UID: ctl.UID, GID: t.cfg.DefaultUser.GID}
		}
		groups, err := t.groups(ctx, ctl)
		if err != nil {
			return nil, err
		}
		return &priv.Identity{UID: ctl.UID, GID: ctl.GID, Groups: groups}, nil
	case m.User != nil:
		return t.mailerUser(m), nil
	}
	if t.cfg.DefaultUser.UID == 0 {
		return nil, errors.New("mailers: DefaultUser is root or not set: nobody to run programs as")
	}
	id := t.cfg.DefaultUser
	return &id, nil
}

// groups are the groups that deliveries on behalf of a user have.
func (t *Table) groups(ctx context.Context, ctl *envelope.Ctladdr) ([]int, error) {
	if t.cfg.NoInitGroups {
		return []int{ctl.GID}, nil
	}
	return t.cfg.Accounts.Groups(ctx, ctl.User, ctl.GID)
}

// mailerUser is the identity of U=.
func (t *Table) mailerUser(m *Mailer) *priv.Identity {
	id := &priv.Identity{UID: m.User.UID, GID: m.User.GID}
	if id.GID < 0 {
		id.GID = t.cfg.DefaultUser.GID
	}
	return id
}

// mailboxOwner is the user whose mailbox a recipient of [mbox] or [maildir] has. Mailboxes of people who are no users
// belong to U=.
func (t *Table) mailboxOwner(ctx context.Context, job *Job, rc Rcpt, path string) (rights, error) {
	if os.Geteuid() != 0 {
		return rights{}, nil
	}
	if job.Mailer.User != nil {
		return rights{as: t.mailerUser(job.Mailer)}, nil
	}
	ctl, user := rc.Ctladdr, userOf(job.Mailer, rc.User)
	if ctl == nil || ctl.User != user || ctl.UID < 0 { // not who named the recipient counts, but whose mailbox it is
		u, err := t.cfg.Accounts.User(ctx, user)
		if errors.Is(err, priv.ErrNotFound) {
			return rights{}, status.FromExit(status.NoUser)
		}
		if err != nil {
			return rights{}, err
		}
		ctl = &envelope.Ctladdr{User: u.Name, UID: u.UID, GID: u.GID}
	}
	groups, err := t.groups(ctx, ctl)
	if err != nil {
		return rights{}, err
	}
	id := &priv.Identity{UID: ctl.UID, GID: ctl.GID, Groups: groups}
	// A spool that a group such as mail may write to takes new mailboxes and lock files from that group only.
	if st, err := os.Stat(filepath.Dir(path)); err == nil && st.Mode().Perm()&0o020 != 0 {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Gid != 0 && !slices.Contains(groups, int(sys.Gid)) {
			id.Groups = append(id.Groups, int(sys.Gid))
		}
	}
	return rights{as: id}, nil
}

// environ is the whole environment of programs: AGENT and what the configuration adds. There is no PATH, as with the
// original: shells have their own default.
func (t *Table) environ() []string {
	return append([]string{"AGENT=sendmail"}, t.cfg.Environ...)
}
