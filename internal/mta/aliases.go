package mta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gosendmail/internal/alias"
	"gosendmail/maps"
)

// aliases are the alias sources of a site (option AliasFile), asked in turn.
type aliases struct {
	set   *maps.Set
	names []string // of the maps in set
	specs []alias.Spec
	wait  time.Duration // AliasWait
}

// openAliases declares the alias sources as maps. The service switch's "aliases" line needs no obeying: sources that it could
// name beside files are named in AliasFile.
func openAliases(site *Site, env maps.Env) (*aliases, error) {
	a := &aliases{wait: site.Config.Settings.AliasWait}
	known := knownClass(env)
	var specs []maps.Spec
	for _, text := range site.Config.Settings.AliasFile {
		list, err := alias.ParseSpecs(text, known)
		if err != nil {
			return nil, fmt.Errorf("%s: option AliasFile: %w", site.Config.File, err)
		}
		for _, s := range list {
			name := fmt.Sprintf("Alias%d", len(a.names))
			a.names = append(a.names, name)
			a.specs = append(a.specs, s)
			specs = append(specs, maps.Spec{Name: name, Class: s.Class, Args: s.Args, File: site.Config.File})
		}
	}
	var err error
	a.set, err = maps.NewSet(specs, env)
	return a, err
}

// Lookup finds the alias of a user. A source that cannot be asked now makes the mail wait, unless an earlier one knows.
func (a *aliases) Lookup(ctx context.Context, user string) (value string, found bool, err error) {
	key := aliasKey(user)
	if key == "" || key == alias.Rebuilt {
		return "", false, nil
	}
	ctx = maps.WithLiteral(ctx)
	for _, name := range a.names {
		v, lerr := a.set.Lookup(ctx, name, key)
		switch {
		case lerr == nil:
			return v, true, nil
		case errors.Is(lerr, maps.ErrTempFail):
			return "", false, lerr
		}
	}
	return "", false, nil
}

// aliasKey is a user part as the keys of alias data bases are.
func aliasKey(user string) string {
	return strings.ToLower(strings.TrimSpace(user))
}

// Close closes the sources.
func (a *aliases) Close() error { return a.set.Close() }
