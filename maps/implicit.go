package maps

import (
	"context"
	"errors"
	"io/fs"
)

// stabMap is class stab: a file of aliases in memory, which the alias package reads.
func openStab(p *Params) (Map, error) {
	if p.env.Aliases == nil {
		return nil, errNoAliases
	}
	return p.env.Aliases(p.Path)
}

var errNoAliases = errors.New("no reader of alias files")

// implicitMap is class implicit: a hash file, else a CDB file, else (for aliases) the text itself.
type implicitMap struct {
	hash, cdb *fileMap
	p         *Params
}

func openImplicit(p *Params) (Map, error) {
	return &implicitMap{newFileMap(p, ".db"), newFileMap(p, ".cdb"), p}, nil
}

// Lookup asks the first form of the map that is there.
func (m *implicitMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	for _, f := range []*fileMap{m.hash, m.cdb} {
		if _, err := idOf(f.path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f.Lookup(ctx, key, args...)
		}
	}
	text, err := openStab(m.p)
	if err != nil {
		return "", m.hash.unopened(errors.Join(fs.ErrNotExist, err))
	}
	defer text.Close()
	return text.Lookup(ctx, key, args...)
}

// Close closes both forms.
func (m *implicitMap) Close() error { return errors.Join(m.hash.Close(), m.cdb.Close()) }
