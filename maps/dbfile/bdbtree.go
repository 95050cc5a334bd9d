package dbfile

import (
	"bytes"
	"fmt"
)

// btree is a Berkeley DB btree of version 7 to 10.
type btree struct {
	bdb
	root uint32
}

func openBtree(data []byte) (format, error) {
	b, err := openMeta(data, btreeMagic, pageBtreeMeta)
	if err != nil {
		return nil, err
	}
	t := &btree{bdb: b, root: b.u32(data, 88)}
	p, err := t.page(t.root)
	if err != nil {
		return nil, err
	}
	switch pageType(p) {
	case pageIBtree, pageLBtree:
		return t, nil
	case pageIRecno, pageLRecno:
		return nil, fmt.Errorf("recno files of Berkeley DB are not supported")
	}
	return nil, fmt.Errorf("%w: root page", ErrCorrupt)
}

func (t *btree) name() string { return fmt.Sprintf("Berkeley DB btree version %d", t.version) }

// leaf returns the first leaf that can hold key; with a nil key the leftmost one.
func (t *btree) leaf(key []byte) (uint32, error) {
	n := t.root
	for range maxTreeDepth {
		p, err := t.page(n)
		if err != nil {
			return 0, err
		}
		switch pageType(p) {
		case pageLBtree:
			return n, nil
		case pageIBtree:
		default:
			return 0, fmt.Errorf("%w: page %d in a btree has type %d", ErrCorrupt, n, pageType(p))
		}
		i := 0
		if key != nil {
			if i, err = t.branch(p, key); err != nil {
				return 0, err
			}
		}
		if n, err = t.child(p, i); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: btree is too deep", ErrCorrupt)
}

// branch returns the last entry of an internal page whose key is less than key; the first entry counts as less than
// all. Duplicates of a key may begin on the page before the one that the key leads to, therefore 'less'.
func (t *btree) branch(p []byte, key []byte) (int, error) {
	lo, hi := 0, t.entries(p)
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		k, err := t.branchKey(p, mid)
		if err != nil {
			return 0, err
		}
		if bytes.Compare(k, key) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}

func (t *btree) branchKey(p []byte, i int) ([]byte, error) {
	off, err := t.offset(p, i)
	if err != nil {
		return nil, err
	}
	n := int(t.u16(p, off))
	if off+12+n > len(p) {
		return nil, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, t.u32(p, 8))
	}
	if p[off+2]&^deletedItem != itemOverflow {
		return p[off+12 : off+12+n], nil
	}
	if n < 12 {
		return nil, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, t.u32(p, 8))
	}
	return t.overflow(t.u32(p, off+16), t.u32(p, off+20))
}

func (t *btree) find(name string, nul bool, visit func([]byte) bool) error {
	key := []byte(name)
	if nul {
		key = append(key, 0)
	}
	n, err := t.leaf(key)
	if err != nil {
		return err
	}
	below, found := false, false // whether a key below the wanted one, and the wanted one, were seen
	err = t.leaves(n, func(k []byte, it item) error {
		c := bytes.Compare(k, key)
		below, found = below || c < 0, found || c == 0
		switch {
		case c < 0:
			return nil
		case c > 0:
			return errStop
		case it.dupRoot != 0:
			more, err := t.duplicates(it.dupRoot, visit)
			if err == nil && !more {
				err = errStop
			}
			return err
		case !visit(it.bytes):
			return errStop
		}
		return nil
	})
	if err != nil && err != errStop {
		return err
	}
	if !below && !found {
		return t.begins(n, key)
	}
	return nil
}

// begins makes sure that a key that is not there could not be before leaf n: a damaged page on the way would have led
// past it.
func (t *btree) begins(n uint32, key []byte) error {
	p, err := t.page(n)
	if err != nil || t.prev(p) == 0 {
		return err
	}
	before, err := t.page(t.prev(p))
	if err != nil {
		return err
	}
	if pageType(before) != pageLBtree || t.next(before) != n {
		return fmt.Errorf("%w: leaf before %d", ErrCorrupt, n)
	}
	if t.entries(before) < 2 {
		return nil
	}
	last, err := t.leafItem(before, t.entries(before)-2)
	if err == nil && bytes.Compare(last.bytes, key) >= 0 {
		err = fmt.Errorf("%w: way to leaf %d", ErrCorrupt, n)
	}
	return err
}

// leaves calls visit for the records of leaf n and of those to its right, whose keys must ascend.
func (t *btree) leaves(n uint32, visit func(key []byte, it item) error) error {
	var last []byte
	for range t.pages {
		p, err := t.page(n)
		if err != nil {
			return err
		}
		if pageType(p) != pageLBtree || t.entries(p)%2 != 0 {
			return fmt.Errorf("%w: leaf %d", ErrCorrupt, n)
		}
		for i := 0; i < t.entries(p); i += 2 {
			k, err := t.leafItem(p, i)
			if err != nil {
				return err
			}
			v, err := t.leafItem(p, i+1)
			if err != nil {
				return err
			}
			if last != nil && bytes.Compare(k.bytes, last) < 0 {
				return fmt.Errorf("%w: order of keys in leaf %d", ErrCorrupt, n)
			}
			last = k.bytes
			if k.deleted || v.deleted {
				continue
			}
			if err := visit(k.bytes, v); err != nil {
				return err
			}
		}
		if n = t.next(p); n == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: chain of leaves does not end", ErrCorrupt)
}

func (t *btree) each(visit func(key, value []byte) error) error {
	n, err := t.leaf(nil)
	if err != nil {
		return err
	}
	return t.leaves(n, func(k []byte, it item) error {
		if it.dupRoot == 0 {
			return visit(k, it.bytes)
		}
		var failed error
		_, err := t.duplicates(it.dupRoot, func(v []byte) bool {
			failed = visit(k, v)
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		return err
	})
}
