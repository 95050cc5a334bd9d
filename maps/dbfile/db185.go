package dbfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Page types and item flags of a DB 1.85 btree. Each page begins with its number, the previous and next page, the flags
// (32 bits each), and the 16-bit ends of the index from below and of the items from above.
const (
	old185Header   = 20
	old185Internal = 1
	old185Leaf     = 2
	old185Overflow = 4
	old185Recno    = 8 | 16
	old185Type     = 31
	old185BigData  = 1
	old185BigKey   = 2
)

// btree185 is a btree of DB 1.85 (version 3): page 0 is the meta page, page 1 the root.
type btree185 struct {
	data     []byte
	order    binary.ByteOrder
	pagesize int
	pages    uint32
}

func openBtree185(data []byte) (format, error) {
	t := &btree185{data: data, order: orderOf(data, btreeMagic)}
	t.pagesize = int(t.order.Uint32(data[8:]))
	if t.pagesize < minPage || t.pagesize > maxPage || t.pagesize%4 != 0 || len(data) < 2*t.pagesize {
		return nil, fmt.Errorf("%w: meta page", ErrCorrupt)
	}
	t.pages = uint32(len(data) / t.pagesize)
	if t.order.Uint32(data[20:])&old185RecnoFile != 0 {
		return nil, fmt.Errorf("recno files of Berkeley DB are not supported")
	}
	return t, nil
}

// old185RecnoFile in the meta page's flags says that the file holds records by number.
const old185RecnoFile = 0x80

func (t *btree185) name() string { return "Berkeley DB 1.85 btree" }

func (t *btree185) u16(b []byte, at int) uint16 { return t.order.Uint16(b[at:]) }
func (t *btree185) u32(b []byte, at int) uint32 { return t.order.Uint32(b[at:]) }

func (t *btree185) page(n uint32) ([]byte, error) {
	if n == 0 || n >= t.pages {
		return nil, fmt.Errorf("%w: page %d is not there", ErrCorrupt, n)
	}
	p := t.data[int(n)*t.pagesize : (int(n)+1)*t.pagesize]
	if t.u32(p, 0) != n {
		return nil, fmt.Errorf("%w: page %d says that it is %d", ErrCorrupt, n, t.u32(p, 0))
	}
	return p, nil
}

// entries returns the number of items on a page.
func (t *btree185) entries(p []byte) (int, error) {
	lower := int(t.u16(p, 16))
	if lower < old185Header || lower > len(p) {
		return 0, fmt.Errorf("%w: page %d", ErrCorrupt, t.u32(p, 0))
	}
	return (lower - old185Header) / 2, nil
}

// item returns what follows the fixed part of item i: its two numbers (sizes of key and value; size and page below),
// flags and bytes.
func (t *btree185) item(p []byte, i int) (a, b uint32, flags byte, rest []byte, err error) {
	off := int(t.u16(p, old185Header+2*i))
	if off < old185Header || off+9 > len(p) {
		return 0, 0, 0, nil, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, t.u32(p, 0))
	}
	return t.u32(p, off), t.u32(p, off+4), p[off+8], p[off+9:], nil
}

// take returns the first n bytes, or what they point to on overflow pages.
func (t *btree185) take(b []byte, n uint32, big bool) ([]byte, error) {
	if uint64(n) > uint64(len(b)) || big && n < 8 {
		return nil, fmt.Errorf("%w: item of %d bytes", ErrCorrupt, n)
	}
	if !big {
		return b[:n], nil
	}
	return t.overflow(t.u32(b, 0), t.u32(b, 4))
}

func (t *btree185) overflow(n, size uint32) ([]byte, error) {
	if uint64(size) > uint64(len(t.data)) {
		return nil, fmt.Errorf("%w: item of %d bytes", ErrCorrupt, size)
	}
	out := make([]byte, 0, size)
	for range t.pages {
		p, err := t.page(n)
		if err != nil {
			return nil, err
		}
		if t.u32(p, 12)&old185Type != old185Overflow {
			return nil, fmt.Errorf("%w: overflow page %d", ErrCorrupt, n)
		}
		out = append(out, p[old185Header:min(len(p), old185Header+int(size)-len(out))]...)
		if len(out) == int(size) {
			return out, nil
		}
		n = t.u32(p, 8)
	}
	return nil, fmt.Errorf("%w: chain of pages does not end", ErrCorrupt)
}

// leaf returns the first leaf that can hold key; with a nil key the leftmost one.
func (t *btree185) leaf(key []byte) (uint32, error) {
	n := uint32(1)
	for range maxTreeDepth {
		p, err := t.page(n)
		if err != nil {
			return 0, err
		}
		switch t.u32(p, 12) & old185Type {
		case old185Leaf:
			return n, nil
		case old185Internal:
		default:
			return 0, fmt.Errorf("%w: page %d in a btree", ErrCorrupt, n)
		}
		if n, err = t.branch(p, key); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: btree is too deep", ErrCorrupt)
}

// branch returns the page below the last entry whose key is less than key (duplicates may begin there); the first
// counts as less than all.
func (t *btree185) branch(p, key []byte) (uint32, error) {
	n, err := t.entries(p)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fmt.Errorf("%w: page %d is empty", ErrCorrupt, t.u32(p, 0))
	}
	lo, hi := 0, n
	for key != nil && hi-lo > 1 {
		mid := (lo + hi) / 2
		size, _, flags, rest, err := t.item(p, mid)
		if err != nil {
			return 0, err
		}
		k, err := t.take(rest, size, flags&old185BigKey != 0)
		if err != nil {
			return 0, err
		}
		if bytes.Compare(k, key) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	_, below, _, _, err := t.item(p, lo)
	return below, err
}

// leaves calls visit for the records of leaf n and of those to its right, whose keys must ascend.
func (t *btree185) leaves(n uint32, visit func(key []byte, value func() ([]byte, error)) error) error {
	var last []byte
	for range t.pages {
		p, err := t.page(n)
		if err != nil {
			return err
		}
		count, err := t.entries(p)
		if err != nil {
			return err
		}
		if t.u32(p, 12)&old185Type != old185Leaf {
			return fmt.Errorf("%w: leaf %d", ErrCorrupt, n)
		}
		for i := range count {
			ksize, dsize, flags, rest, err := t.item(p, i)
			if err != nil {
				return err
			}
			k, err := t.take(rest, ksize, flags&old185BigKey != 0)
			if err != nil {
				return err
			}
			if last != nil && bytes.Compare(k, last) < 0 {
				return fmt.Errorf("%w: order of keys in leaf %d", ErrCorrupt, n)
			}
			last = k
			rest = rest[min(len(rest), int(ksize)):]
			if err := visit(k, func() ([]byte, error) { return t.take(rest, dsize, flags&old185BigData != 0) }); err != nil {
				return err
			}
		}
		if n = t.u32(p, 8); n == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: chain of leaves does not end", ErrCorrupt)
}

func (t *btree185) find(name string, nul bool, visit func([]byte) bool) error {
	key := []byte(name)
	if nul {
		key = append(key, 0)
	}
	n, err := t.leaf(key)
	if err != nil {
		return err
	}
	err = t.leaves(n, func(k []byte, value func() ([]byte, error)) error {
		switch c := bytes.Compare(k, key); {
		case c < 0:
			return nil
		case c > 0:
			return errStop
		}
		v, err := value()
		if err == nil && !visit(v) {
			err = errStop
		}
		return err
	})
	if err == errStop {
		return nil
	}
	return err
}

func (t *btree185) each(visit func(key, value []byte) error) error {
	n, err := t.leaf(nil)
	if err != nil {
		return err
	}
	return t.leaves(n, func(k []byte, value func() ([]byte, error)) error {
		v, err := value()
		if err != nil {
			return err
		}
		return visit(k, v)
	})
}
