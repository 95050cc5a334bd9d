package maps

import (
	"context"
	"errors"
	"io/fs"
	"sync"
)

// stabMap is class stab: a file of aliases in memory, which Env.Aliases reads, again when the file was replaced.
type stabMap struct {
	p *Params

	mu      sync.Mutex
	id      fileID
	aliases Map // nil: not read
}

func openStab(p *Params) (Map, error) {
	m := &stabMap{p: p}
	_, err := m.current()
	return m, err
}

var errNoAliases = errors.New("no reader of alias files")

// current returns the aliases as the file is now.
func (m *stabMap) current() (Map, error) {
	if m.p.env.Aliases == nil {
		return nil, errNoAliases
	}
	id, err := idOf(m.p.Path)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.aliases != nil && m.id == id {
		return m.aliases, nil
	}
	aliases, err := m.p.env.Aliases(m.p.Path)
	if err != nil {
		return nil, err
	}
	m.aliases, m.id = aliases, id // the one before holds nothing but memory, and look-ups may be in it
	return aliases, nil
}

// Lookup finds an alias.
func (m *stabMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	aliases, err := m.current()
	if err != nil {
		return "", tempFail(err)
	}
	v, err := aliases.Lookup(ctx, key, args...)
	if err != nil {
		return "", err
	}
	return m.p.Result(ctx, key, v, args), nil
}

// Close closes what was read.
func (m *stabMap) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.aliases == nil {
		return nil
	}
	return m.aliases.Close()
}

// implicitMap is class implicit: a hash file, else a CDB file, else for aliases the text itself.
type implicitMap struct {
	hash, cdb *fileMap
	text      *stabMap
}

func openImplicit(p *Params) (Map, error) {
	return &implicitMap{newFileMap(p, ".db"), newFileMap(p, ".cdb"), &stabMap{p: p}}, nil
}

// Lookup asks the first form of the map that is there.
func (m *implicitMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	for _, f := range []*fileMap{m.hash, m.cdb} {
		if _, err := idOf(f.path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f.Lookup(ctx, key, args...)
		}
	}
	err := m.ready()
	if err != nil {
		return "", m.hash.unopened(err)
	}
	return m.text.Lookup(ctx, key, args...)
}

// ready reports whether any form of the map can be opened. The text serves for aliases only.
func (m *implicitMap) ready() error {
	for _, f := range []*fileMap{m.hash, m.cdb} {
		if _, err := idOf(f.path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f.ready()
		}
	}
	if m.text.p.Use != ForAliases {
		return errNoDatabase
	}
	_, err := m.text.current()
	return err
}

var errNoDatabase = errors.New("neither X.db nor X.cdb is there")

// Close closes all forms.
func (m *implicitMap) Close() error {
	return errors.Join(m.hash.Close(), m.cdb.Close(), m.text.Close())
}
