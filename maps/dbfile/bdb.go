package dbfile

import (
	"encoding/binary"
	"fmt"
)

// Berkeley DB since 2.0: a page header of 26 bytes, then an index of 16-bit offsets, items from the end of the page
// downwards.
const (
	pageHeader = 26
	chksumMore = 6 // pages with a checksum have so many bytes more before the index
)

// Page types (byte 25 of a page).
const (
	pageHashUnsorted = 2
	pageIBtree       = 3
	pageIRecno       = 4
	pageLBtree       = 5
	pageLRecno       = 6
	pageOverflow     = 7
	pageHashMeta     = 8
	pageBtreeMeta    = 9
	pageLDup         = 12
	pageHash         = 13
	metaFlagChksum   = 1
	oldestVersion    = 7
	newestVersion    = 10
	deletedItem      = 0x80 // set in an item's type by a cursor that deleted it
	maxTreeDepth     = 32
	minPage, maxPage = 512, 65536
	itemKeyData      = 1 // btree item types
	itemDuplicate    = 2
	itemOverflow     = 3
)

// bdb is what hash and btree files have in common.
type bdb struct {
	data     []byte
	order    binary.ByteOrder
	version  uint32
	pagesize int
	pages    uint32 // whole pages in the file
	inp      int    // where a page's index begins
	sums     bool   // pages have checksums
}

// openMeta reads the generic part of the meta page.
func openMeta(data []byte, magic uint32, pageType byte) (bdb, error) {
	b := bdb{data: data, order: orderOf(data[12:], magic), inp: pageHeader}
	if len(data) < minPage {
		return b, fmt.Errorf("%w: no meta page", ErrCorrupt)
	}
	b.version = b.u32(data, 16)
	if b.version < oldestVersion || b.version > newestVersion {
		return b, fmt.Errorf("a Berkeley DB file of version %d is not supported (%d to %d are)", b.version, oldestVersion, newestVersion)
	}
	size := b.u32(data, 20)
	if size < minPage || size > maxPage || size&(size-1) != 0 || data[25] != pageType {
		return b, fmt.Errorf("%w: meta page", ErrCorrupt)
	}
	if data[24] != 0 {
		return b, fmt.Errorf("encrypted Berkeley DB files are not supported")
	}
	if data[26]&metaFlagChksum != 0 {
		b.inp += chksumMore
		b.sums = true
		if !b.summed(data[:minPage], metaChksum) {
			return b, fmt.Errorf("%w: checksum of the meta page", ErrCorrupt)
		}
	}
	b.pagesize = int(size)
	b.pages = uint32(len(data) / b.pagesize)
	if last := b.u32(data, 32); len(data)%b.pagesize != 0 || last >= b.pages {
		return b, fmt.Errorf("%w: the file ends before page %d", ErrCorrupt, last)
	}
	return b, nil
}

func (b *bdb) u16(p []byte, at int) uint16 { return b.order.Uint16(p[at:]) }
func (b *bdb) u32(p []byte, at int) uint32 { return b.order.Uint32(p[at:]) }

// page returns a page that says of itself that it is number n.
func (b *bdb) page(n uint32) ([]byte, error) {
	if n == 0 || n >= b.pages {
		return nil, fmt.Errorf("%w: page %d of %d", ErrCorrupt, n, b.pages)
	}
	p := b.data[int(n)*b.pagesize : (int(n)+1)*b.pagesize]
	if b.u32(p, 8) != n {
		return nil, fmt.Errorf("%w: page %d says it is page %d", ErrCorrupt, n, b.u32(p, 8))
	}
	if b.sums && !b.summed(p, pageChksum) {
		return nil, fmt.Errorf("%w: checksum of page %d", ErrCorrupt, n)
	}
	if !b.full(p) {
		return nil, fmt.Errorf("%w: items of page %d", ErrCorrupt, n)
	}
	return p, nil
}

// full reports whether the items of a page reach down to where its header says that they do: none was added or lost by
// damage.
func (b *bdb) full(p []byte) bool {
	switch pageType(p) {
	case pageHash, pageHashUnsorted, pageIBtree, pageLBtree, pageIRecno, pageLRecno, pageLDup:
	default:
		return true
	}
	if b.lowEnd(p) > len(p) {
		return false
	}
	low := len(p)
	for i := range b.entries(p) {
		low = min(low, int(b.u16(p, b.inp+2*i)))
	}
	return low == int(b.u16(p, 22)) || low == maxPage && b.u16(p, 22) == 0
}

// Where the checksum of a page is: the sum of all its bytes, with the checksum's own as zeros.
const (
	pageChksum = 28
	metaChksum = 492
)

// summed reports whether the checksum of a page is right.
func (b *bdb) summed(p []byte, at int) bool {
	h := uint32(0)
	for i, c := range p {
		if i-at < 4 && i >= at {
			c = 0
		}
		h = h*33 + uint32(c)
	}
	return h == b.u32(p, at)
}

func (b *bdb) entries(p []byte) int { return int(b.u16(p, 20)) }
func (b *bdb) prev(p []byte) uint32 { return b.u32(p, 12) }
func (b *bdb) next(p []byte) uint32 { return b.u32(p, 16) }
func (b *bdb) lowEnd(p []byte) int  { return b.inp + 2*b.entries(p) }
func pageType(p []byte) byte        { return p[25] }

// offset returns the place of item i, which must lie between the index and the end of the page.
func (b *bdb) offset(p []byte, i int) (int, error) {
	if i >= b.entries(p) || b.lowEnd(p) > len(p) {
		return 0, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, b.u32(p, 8))
	}
	off := int(b.u16(p, b.inp+2*i))
	if off < b.lowEnd(p) || off+4 > len(p) {
		return 0, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, b.u32(p, 8))
	}
	return off, nil
}

// overflow gathers an item that fills pages of its own.
func (b *bdb) overflow(n, total uint32) ([]byte, error) {
	if int64(total) > int64(len(b.data)) {
		return nil, fmt.Errorf("%w: item of %d bytes", ErrCorrupt, total)
	}
	out := make([]byte, 0, total)
	for range b.pages {
		p, err := b.page(n)
		if err != nil {
			return nil, err
		}
		size := int(b.u16(p, 22)) // a page of 64 KiB says 0 for a full one never: its header takes room
		if pageType(p) != pageOverflow || b.inp+size > len(p) || len(out)+size > int(total) {
			return nil, fmt.Errorf("%w: overflow page %d", ErrCorrupt, n)
		}
		out = append(out, p[b.inp:b.inp+size]...)
		if n = b.next(p); n == 0 {
			break
		}
	}
	if len(out) != int(total) {
		return nil, fmt.Errorf("%w: item of %d bytes ends after %d", ErrCorrupt, total, len(out))
	}
	return out, nil
}

// item is one key or value in a btree page: bytes on the page, on overflow pages, or a tree of duplicates.
type item struct {
	bytes   []byte
	dupRoot uint32 // 0: none
	deleted bool
}

func (b *bdb) leafItem(p []byte, i int) (item, error) {
	off, err := b.offset(p, i)
	if err != nil {
		return item{}, err
	}
	it := item{deleted: p[off+2]&deletedItem != 0}
	switch p[off+2] &^ deletedItem {
	case itemKeyData:
		n := int(b.u16(p, off))
		if off+3+n > len(p) {
			return it, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, b.u32(p, 8))
		}
		it.bytes = p[off+3 : off+3+n]
	case itemDuplicate, itemOverflow:
		if off+12 > len(p) {
			return it, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, b.u32(p, 8))
		}
		if p[off+2]&^deletedItem == itemDuplicate {
			it.dupRoot = b.u32(p, off+4)
			return it, nil
		}
		it.bytes, err = b.overflow(b.u32(p, off+4), b.u32(p, off+8))
	default:
		err = fmt.Errorf("%w: item %d of page %d has type %d", ErrCorrupt, i, b.u32(p, 8), p[off+2])
	}
	return it, err
}

// duplicates walks a tree of duplicates from its leftmost leaf on.
func (b *bdb) duplicates(root uint32, visit func([]byte) bool) (more bool, err error) {
	n := root
	for range maxTreeDepth {
		p, err := b.page(n)
		if err != nil {
			return false, err
		}
		switch pageType(p) {
		case pageIBtree, pageIRecno:
			if n, err = b.child(p, 0); err != nil {
				return false, err
			}
		case pageLDup, pageLRecno, pageLBtree:
			return b.dupLeaves(n, visit)
		default:
			return false, fmt.Errorf("%w: page %d of a duplicate tree", ErrCorrupt, n)
		}
	}
	return false, fmt.Errorf("%w: duplicate tree is too deep", ErrCorrupt)
}

func (b *bdb) dupLeaves(n uint32, visit func([]byte) bool) (more bool, err error) {
	for range b.pages {
		p, err := b.page(n)
		if err != nil {
			return false, err
		}
		for i := range b.entries(p) {
			it, err := b.leafItem(p, i)
			if err != nil {
				return false, err
			}
			if !it.deleted && !visit(it.bytes) {
				return false, nil
			}
		}
		if n = b.next(p); n == 0 {
			return true, nil
		}
	}
	return false, fmt.Errorf("%w: chain of pages does not end", ErrCorrupt)
}

// child returns the page below entry i of an internal page.
func (b *bdb) child(p []byte, i int) (uint32, error) {
	off, err := b.offset(p, i)
	if err != nil {
		return 0, err
	}
	if pageType(p) == pageIRecno {
		return b.u32(p, off), nil
	}
	if off+12 > len(p) {
		return 0, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, b.u32(p, 8))
	}
	return b.u32(p, off+4), nil
}
