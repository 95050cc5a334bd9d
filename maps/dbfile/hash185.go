package dbfile

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// What stands in the place of a value's offset on a page of a DB 1.85 hash file. Offsets are larger.
const (
	old185Link        = 0 // the number before it is the next page
	old185PartialKey  = 1 // a large key goes on at the next page
	old185FullKey     = 2 // a large key ends here; or: the value goes on at the next page
	old185FullKeyData = 3 // a large key ends and its value begins here; or: the value ends here
	old185Real        = 4
)

// hash185 is a hash table of DB 1.85 (version 2). Each page is an array of 16-bit numbers: how many follow, then pairs
// of the offsets of key and value, then the free space and its end; keys and values lie from the end of the page
// downwards.
type hash185 struct {
	data                         []byte
	order                        binary.ByteOrder // of the pages; the header is big-endian
	pagesize                     int
	pages                        int
	maxBucket, highMask, lowMask uint32
	headerPages                  uint32
	spares                       [32]uint32
}

func openHash185(data []byte) (format, error) {
	be := binary.BigEndian
	if len(data) < 260 {
		return nil, fmt.Errorf("%w: header", ErrCorrupt)
	}
	if v := be.Uint32(data[4:]); v != 2 {
		return nil, fmt.Errorf("hash files of DB 1 in version %d are not supported: write the table with makemap", v)
	}
	h := &hash185{data: data, pagesize: int(be.Uint32(data[12:])), maxBucket: be.Uint32(data[40:]), highMask: be.Uint32(data[44:]),
		lowMask: be.Uint32(data[48:]), headerPages: be.Uint32(data[60:])}
	switch be.Uint32(data[8:]) {
	case 1234:
		h.order = binary.LittleEndian
	case 4321:
		h.order = be
	default:
		return nil, fmt.Errorf("%w: byte order", ErrCorrupt)
	}
	for i := range h.spares {
		h.spares[i] = be.Uint32(data[68+4*i:])
	}
	if h.pagesize < 64 || h.pagesize > 32768 || h.headerPages == 0 || h.headerPages > 1<<20 || h.maxBucket > h.highMask || h.lowMask > h.highMask || h.maxBucket > 1<<28 {
		return nil, fmt.Errorf("%w: header", ErrCorrupt)
	}
	if be.Uint32(data[64:]) != times33(charKey, false) {
		return nil, fmt.Errorf("a DB 1.85 hash file with another hash function")
	}
	h.pages = len(data) / h.pagesize
	for i := 1; i < bits.Len32(h.maxBucket); i++ {
		if h.spares[i] < h.spares[i-1] {
			return nil, fmt.Errorf("%w: header", ErrCorrupt)
		}
	}
	return h, nil
}

func (h *hash185) name() string { return "Berkeley DB 1.85 hash" }

// times33 is DB 1.85's hash function.
func times33(key string, nul bool) uint32 {
	v := uint32(0)
	for i := 0; i < len(key); i++ {
		v = v*33 + uint32(key[i])
	}
	if nul {
		v *= 33
	}
	return v
}

// bucketPage returns the page of a bucket: buckets lie in order, with the overflow pages of each doubling of the table
// between them.
func (h *hash185) bucketPage(bucket uint32) int {
	n := bucket + h.headerPages
	if bucket > 0 {
		n += h.spares[(bits.Len32(bucket)-1)&31] // the smallest power of two above the bucket
	}
	return int(n)
}

// linkPage returns the page of an overflow address: the doubling in which it was made, and its number there.
func (h *hash185) linkPage(addr uint16) int {
	return h.bucketPage(uint32(1)<<(addr>>11)-1) + int(addr&0x7ff)
}

// page185 is one page: its numbers.
type page185 struct {
	h    *hash185
	n    int
	b    []byte // nil: never written, empty
	used int
}

// at returns number i of a page.
func (p *page185) at(i int) uint16 { return p.h.order.Uint16(p.b[2*i:]) }

// next returns the page that the last pair of numbers leads to.
func (p *page185) next() uint16 { return p.at(p.used - 1) }

// walk185 reads pages: each at most once, in a healthy file.
type walk185 struct {
	*hash185
	left int    // pages that may still be read
	at   uint32 // the bucket that is read
}

func (h *hash185) walk() *walk185 { return &walk185{hash185: h, left: h.pages + 1} }

// belongs finds keys that are damaged: they are not of the bucket in which they stand.
func (h *walk185) belongs(key []byte) error {
	if b := h.bucketOf(times33(string(key), false)); b != h.at {
		return fmt.Errorf("%w: a key of bucket %d in bucket %d", ErrCorrupt, b, h.at)
	}
	return nil
}

// bucketOf returns the bucket of a hash.
func (h *hash185) bucketOf(hash uint32) uint32 {
	b := hash & h.highMask
	if b > h.maxBucket {
		b &= h.lowMask
	}
	return b
}

func (h *walk185) page(n int) (*page185, error) {
	if h.left--; h.left < 0 {
		return nil, fmt.Errorf("%w: chain of pages does not end", ErrCorrupt)
	}
	p := &page185{h: h.hash185, n: n}
	if n <= 0 || n >= 1<<30 {
		return nil, fmt.Errorf("%w: page %d is not there", ErrCorrupt, n)
	}
	if n >= h.pages {
		return p, nil // buckets are made by writing into them
	}
	p.b = h.data[n*h.pagesize : (n+1)*h.pagesize]
	p.used = int(p.at(0))
	if p.used%2 != 0 || 2*(p.used+3) > len(p.b) && p.used > 0 {
		return nil, fmt.Errorf("%w: page %d", ErrCorrupt, n)
	}
	return p, nil
}

// span returns bytes of a page.
func (p *page185) span(from, to int) ([]byte, error) {
	if from < 2*(p.used+1) || from > to || to > len(p.b) {
		return nil, fmt.Errorf("%w: item on page %d", ErrCorrupt, p.n)
	}
	return p.b[from:to], nil
}

// bucket calls visit for the records of a bucket. The value is read only if visit asks for it.
func (h *walk185) bucket(bucket uint32, visit func(key []byte, value func() ([]byte, error)) error) error {
	n := h.bucketPage(bucket)
	h.at = bucket
	for {
		p, err := h.page(n)
		if err != nil {
			return err
		}
		link, err := h.records(p, visit)
		if err != nil || link == 0 {
			return err
		}
		n = h.linkPage(link)
	}
}

// records visits the records of one page, or the large one that begins on it, and returns the address of the next page,
// 0 for none.
func (h *walk185) records(p *page185, visit func(key []byte, value func() ([]byte, error)) error) (link uint16, err error) {
	end := h.pagesize
	for i := 1; i < p.used; i += 2 {
		key, val := p.at(i), p.at(i+1)
		switch {
		case val == old185Link:
			return key, nil
		case val < old185Real && i == 1:
			return h.large(p, visit)
		case val < old185Real:
			return 0, fmt.Errorf("%w: page %d", ErrCorrupt, p.n)
		}
		k, err := p.span(int(key), end)
		if err == nil {
			err = h.belongs(k)
		}
		if err != nil {
			return 0, err
		}
		if err := visit(k, func() ([]byte, error) { return p.span(int(val), int(key)) }); err != nil {
			return 0, err
		}
		end = int(val)
	}
	return 0, nil
}

// large visits a record whose key and value have pages of their own.
func (h *walk185) large(p *page185, visit func(key []byte, value func() ([]byte, error)) error) (link uint16, err error) {
	var key, val []byte
	for {
		part, err := p.span(int(p.at(1)), h.pagesize)
		if err != nil {
			return 0, err
		}
		key = append(key, part...)
		if p.at(2) != old185PartialKey {
			break
		}
		if p, err = h.follow(p); err != nil {
			return 0, err
		}
	}
	if err := h.belongs(key); err != nil {
		return 0, err
	}
	done := false
	if p.at(2) == old185FullKeyData {
		if p.used < 4 {
			return 0, fmt.Errorf("%w: page %d", ErrCorrupt, p.n)
		}
		part, err := p.span(int(p.at(p.used)), int(p.at(1)))
		if err != nil {
			return 0, err
		}
		val = append(val, part...)
		done = p.at(p.used+1) != 0 // free space: the writer leaves some where the value is complete
	}
	for !done {
		if p, err = h.follow(p); err != nil {
			return 0, err
		}
		part, err := p.span(int(p.at(1)), h.pagesize)
		if err != nil {
			return 0, err
		}
		val = append(val, part...)
		done = p.at(2) == old185FullKeyData
	}
	if err := visit(key, func() ([]byte, error) { return val, nil }); err != nil || p.used <= 2 {
		return 0, err
	}
	return p.at(3), nil
}

// follow goes to the next page of a large record.
func (h *walk185) follow(p *page185) (*page185, error) {
	if p.used < 4 {
		return nil, fmt.Errorf("%w: page %d", ErrCorrupt, p.n)
	}
	next, err := h.page(h.linkPage(p.next()))
	if err != nil {
		return nil, err
	}
	if next.used < 2 || next.at(2) >= old185Real || next.at(2) == old185Link {
		return nil, fmt.Errorf("%w: page %d", ErrCorrupt, next.n)
	}
	return next, nil
}

func (h *hash185) find(key string, nul bool, visit func([]byte) bool) error {
	want := key
	if nul {
		want += "\x00"
	}
	err := h.walk().bucket(h.bucketOf(times33(key, nul)), func(k []byte, value func() ([]byte, error)) error {
		if string(k) != want {
			return nil
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

func (h *hash185) each(visit func(key, value []byte) error) error {
	w := h.walk()
	for b := uint32(0); b <= h.maxBucket && h.bucketPage(b) < h.pages; b++ {
		err := w.bucket(b, func(k []byte, value func() ([]byte, error)) error {
			v, err := value()
			if err != nil {
				return err
			}
			return visit(k, v)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
