package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"gosendmail/internal/alias"
	"gosendmail/maps"
)

// aliases are the alias sources of a site, asked in turn: those of option AliasFile where the service switch says
// "files", and the map aliases.NAME for each other service of its line "aliases".
type aliases struct {
	set   *maps.Set
	names []string // of the maps in set, in the order in which they are asked
	specs []alias.Spec
	wait  time.Duration // AliasWait
	users *maps.UserDB  // UserDatabaseSpec

	once  sync.Once
	tell  func(text string)                          // what the log is to know
	sleep func(context.Context, time.Duration) error // waits
}

// openAliases declares the alias sources as maps.
func openAliases(site *Site) (*aliases, error) {
	a := &aliases{wait: site.Config.Settings.AliasWait, tell: func(string) {}, sleep: sleep}
	services, err := site.services("aliases")
	if err != nil {
		return nil, fmt.Errorf("mta: service switch: %w", err)
	}
	var specs []maps.Spec
	for _, m := range site.Config.Maps { // a source may be a sequence of maps
		specs = append(specs, maps.Spec{Name: m.Name, Class: m.Class, Args: m.Args, File: m.File, Line: m.Line, Use: useOf(m.Name)})
	}
	for _, service := range services {
		more, err := a.service(site, service)
		if err != nil {
			return nil, err
		}
		specs = append(specs, more...)
	}
	if a.users, err = maps.OpenUserDB(site.env.UserDB, site.env); err != nil {
		return nil, fmt.Errorf("%s: %w", site.Config.File, err)
	}
	a.set, err = maps.NewSet(specs, site.env)
	return a, err
}

// useOf makes maps named aliases.NAME, as a service switch names them, alias sources.
func useOf(name string) maps.Use {
	if strings.HasPrefix(name, "aliases.") {
		return maps.ForAliases
	}
	return maps.ForRules
}

// service adds the sources that one service of the switch stands for.
func (a *aliases) service(site *Site, service string) (specs []maps.Spec, err error) {
	name := "aliases." + service
	declared := false
	for _, m := range site.Config.Maps {
		declared = declared || m.Name == name
	}
	switch {
	case declared:
		a.names = append(a.names, name)
		return nil, nil
	case service == "files":
		return a.files(site)
	case service == "ldap":
		a.names = append(a.names, name)
		return []maps.Spec{{Name: name, Class: "ldap", Args: "-b . -h localhost -k mail=%0 -v mailgroup", Use: maps.ForAliases}}, nil
	}
	return nil, fmt.Errorf("%s: service switch: aliases from %s are not supported; a map named %s would be asked", site.Config.File, service, name)
}

// files adds the sources of option AliasFile.
func (a *aliases) files(site *Site) (specs []maps.Spec, err error) {
	known := knownClass(site.env)
	for _, text := range site.Config.Settings.AliasFile {
		list, err := alias.ParseSpecs(text, known)
		if err != nil {
			return nil, fmt.Errorf("%s: option AliasFile: %w", site.Config.File, err)
		}
		for _, s := range list {
			name := fmt.Sprintf("Alias%d", len(a.specs))
			a.names = append(a.names, name)
			a.specs = append(a.specs, s)
			specs = append(specs, maps.Spec{Name: name, Class: s.Class, Args: s.Args, File: site.Config.File, Use: maps.ForAliases})
		}
	}
	return specs, nil
}

// Lookup finds the alias of a user. A source that cannot be asked now makes the mail wait, unless an earlier one knows;
// one that is not there does, unless any other knows.
func (a *aliases) Lookup(ctx context.Context, user string) (value string, found bool, err error) {
	key := aliasKey(user)
	if key == "" || key == alias.Rebuilt {
		return "", false, nil
	}
	a.once.Do(func() { a.begin(ctx) })
	ctx = maps.WithLiteral(ctx)
	var missing error
	for _, name := range a.names {
		v, lerr := a.set.Lookup(ctx, name, key)
		switch {
		case lerr == nil:
			return v, true, nil
		case errors.Is(lerr, maps.ErrTempFail) && errors.Is(lerr, fs.ErrNotExist):
			missing = lerr
		case errors.Is(lerr, maps.ErrTempFail):
			return "", false, lerr
		}
	}
	return "", false, missing
}

// begin looks at the data bases before the first alias is looked up: one without "@" is being made by a program that
// writes in place, and is waited for; one that is older than its text is told.
func (a *aliases) begin(ctx context.Context) {
	for i, sp := range a.specs {
		if sp.File() == "" || !rebuildable(sp.Class) {
			continue
		}
		text, err := os.Stat(sp.File())
		if err != nil {
			continue // nothing to make it of
		}
		db, err := os.Stat(sp.Database())
		if err != nil {
			continue
		}
		m, err := a.set.Map(fmt.Sprintf("Alias%d", i))
		if err == nil {
			err = alias.Wait(ctx, m, a.wait, a.sleep)
		}
		if errors.Is(err, alias.ErrRebuilding) || db.ModTime().Before(text.ModTime()) {
			a.tell("alias database " + sp.Database() + " out of date")
		}
	}
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// aliasKey is a user part as the keys of alias data bases are.
func aliasKey(user string) string {
	return strings.ToLower(strings.TrimSpace(user))
}

// maildrop finds a user's addresses in the user database, and who is told of errors with them.
func (a *aliases) maildrop(ctx context.Context, user string) (list []string, sender string, err error) {
	user = strings.ToLower(user)
	if list, err = a.users.All(ctx, user, "maildrop"); err != nil {
		return nil, "", err
	}
	sender, err = a.users.Get(ctx, user, "mailsender")
	if errors.Is(err, maps.ErrNotFound) && !errors.Is(err, maps.ErrTempFail) {
		return list, "", nil
	}
	return list, sender, err
}

// Close closes the sources.
func (a *aliases) Close() error { return errors.Join(a.set.Close(), a.users.Close()) }
