package mta

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gosendmail/internal/alias"
	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
)

// Open implements alias.Env: a list or .forward is looked at and opened with the rights of the user who named it. Lists
// that aliases name, whom nobody answers for, are opened as DefaultUser, so that a name in somebody's folder leads to
// nothing that only root may read. Where this process is not root it has no other rights than its own, and the checks
// are made for the user all the same. A path that does not begin at the root is refused: it would lead to a file of
// whoever called this program in a folder of his.
func (e *expansion) Open(ctx context.Context, path string, kind alias.FileKind, as *envelope.Ctladdr) (opened *alias.Opened, err error) {
	if !filepath.IsAbs(path) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
	}
	c, err := e.m.site.fileChecker()
	if err != nil {
		return nil, err
	}
	what := safefile.IncludeFile
	if kind == alias.ForwardFile {
		what = safefile.ForwardFile
	}
	root := os.Geteuid() == 0
	if run := e.m.site.options.RunAsUser; run.Set && run.UID > 0 && !root && !c.Blame.Has(safefile.NonRootSafeAddr) {
		// Programs and files would get this process's rights, not those of whose list it is.
		defer func() {
			if opened != nil {
				opened.Unsafe = true
			}
		}()
	}
	id, err := e.reader(ctx, as)
	if err != nil {
		return nil, err
	}
	if as != nil || root {
		c.UID, c.GIDs = id.UID, id.Groups
	}
	if !root || id.UID == 0 { // root's own .forward
		return openList(c, path, what)
	}
	if failed := priv.OnBehalf(id, func() { opened, err = openList(c, path, what) }); failed != nil {
		return nil, failed
	}
	return opened, err
}

// reader is the user who opens a list: as, or DefaultUser.
func (e *expansion) reader(ctx context.Context, as *envelope.Ctladdr) (priv.Identity, error) {
	if as == nil {
		return e.m.site.defaultIdentity(ctx)
	}
	id := priv.Identity{UID: as.UID, GID: as.GID, Groups: []int{as.GID}}
	if e.m.site.options.DontInitGroups {
		return id, nil
	}
	if groups, err := e.m.srv.Accounts.Groups(ctx, as.User, as.GID); err == nil {
		id.Groups = groups
	}
	return id, nil
}

// openList checks and opens a list with the rights that the calling thread has.
func openList(c *safefile.Checker, path string, what safefile.Kind) (*alias.Opened, error) {
	f, err := c.Open(path, what)
	if err != nil {
		return nil, err
	}
	uid, gid, err := ownerOf(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	strict := safefile.Checker{Blame: c.Blame.Safe(), UID: c.UID, GIDs: c.GIDs}
	_, unsafe := strict.Check(path, what, safefile.Read)
	return &alias.Opened{ReadCloser: f, UID: uid, GID: gid, Unsafe: unsafe != nil}, nil
}

// defaultIdentity is DefaultUser with his groups: who acts where nobody else is answerable. He is never root.
func (s *Site) defaultIdentity(ctx context.Context) (priv.Identity, error) {
	o := options{Settings: s.Config.Settings}
	o.defaultUser()
	id := priv.Identity{UID: max(o.DefaultUser.UID, 1), GID: o.DefaultUser.GID}
	if id.GID < 0 {
		id.GID = 1
	}
	id.Groups = []int{id.GID}
	if o.DontInitGroups || o.DefaultUser.Name == "" {
		return id, nil
	}
	groups, err := priv.System().Groups(ctx, o.DefaultUser.Name, id.GID)
	if err != nil {
		return id, fmt.Errorf("mta: groups of DefaultUser: %w", err)
	}
	id.Groups = groups
	return id, nil
}
