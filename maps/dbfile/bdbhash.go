package dbfile

import (
	"fmt"
	"math/bits"
)

// Item types on hash pages.
const (
	hashKeyData = 1
	hashDups    = 2 // duplicates on the page
	hashOffPage = 3
	hashOffDups = 4 // a tree of duplicates
)

// charKey is what a Berkeley DB hash file stores the hash of, so that a reader with another hash function notices.
const charKey = "%$sniglet^&\x00"

// hash is a Berkeley DB hash table of version 7 to 10.
type hash struct {
	bdb
	maxBucket, highMask, lowMask uint32
	spares                       [32]uint32
}

func openHash(data []byte) (format, error) {
	b, err := openMeta(data, hashMagic, pageHashMeta)
	if err != nil {
		return nil, err
	}
	h := &hash{bdb: b, maxBucket: b.u32(data, 72), highMask: b.u32(data, 76), lowMask: b.u32(data, 80)}
	if b.u32(data, 92) != fnv(charKey, false) {
		return nil, fmt.Errorf("a Berkeley DB hash file with another hash function")
	}
	for i := range h.spares {
		h.spares[i] = b.u32(data, 96+4*i)
	}
	if h.maxBucket >= h.pages || h.maxBucket > h.highMask || h.lowMask > h.highMask {
		return nil, fmt.Errorf("%w: meta page", ErrCorrupt)
	}
	return h, nil
}

func (h *hash) name() string { return fmt.Sprintf("Berkeley DB hash version %d", h.version) }

// fnv is Berkeley DB's hash function (the multiplying kind of Fowler, Noll and Vo, from zero).
func fnv(key string, nul bool) uint32 {
	h := uint32(0)
	for i := 0; i < len(key); i++ {
		h = h*16777619 ^ uint32(key[i])
	}
	if nul {
		h *= 16777619
	}
	return h
}

// fnvBytes is fnv of a whole key.
func fnvBytes(key []byte) uint32 {
	h := uint32(0)
	for _, c := range key {
		h = h*16777619 ^ uint32(c)
	}
	return h
}

func (h *hash) bucket(hash uint32) uint32 {
	b := hash & h.highMask
	if b > h.maxBucket {
		b &= h.lowMask
	}
	return b
}

// bucketPage returns the first page of a bucket: buckets lie in groups that double in size, each group with an offset
// of its own.
func (h *hash) bucketPage(bucket uint32) uint32 { return bucket + h.spares[bits.Len32(bucket)&31] }

// untouched reports whether page n is all zero: the library reserves the pages of new buckets and writes them when a
// record goes there.
func (h *hash) untouched(n uint32) bool {
	if n == 0 || n >= h.pages {
		return false
	}
	for _, c := range h.data[int(n)*h.pagesize : (int(n)+1)*h.pagesize] {
		if c != 0 {
			return false
		}
	}
	return true
}

// chain calls visit with the pages of a bucket.
func (h *hash) chain(bucket uint32, visit func(p []byte) error) error {
	n := h.bucketPage(bucket)
	if h.untouched(n) {
		return nil
	}
	for range h.pages {
		p, err := h.page(n)
		if err != nil {
			return err
		}
		if t := pageType(p); (t != pageHash && t != pageHashUnsorted) || h.entries(p)%2 != 0 {
			return fmt.Errorf("%w: page %d in a hash bucket", ErrCorrupt, n)
		}
		if err := visit(p); err != nil {
			return err
		}
		if n = h.next(p); n == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: chain of pages does not end", ErrCorrupt)
}

// raw returns item i of a hash page with its type byte: it ends where the one before it begins.
func (h *hash) raw(p []byte, i int) ([]byte, error) {
	if h.lowEnd(p) > len(p) {
		return nil, fmt.Errorf("%w: page %d", ErrCorrupt, h.u32(p, 8))
	}
	end := len(p)
	if i > 0 {
		end = int(h.u16(p, h.inp+2*(i-1)))
	}
	off := int(h.u16(p, h.inp+2*i))
	if off < h.lowEnd(p) || off >= end || end > len(p) {
		return nil, fmt.Errorf("%w: item %d of page %d", ErrCorrupt, i, h.u32(p, 8))
	}
	return p[off:end], nil
}

// plain returns the bytes of a key or of a value that is no set of duplicates.
func (h *hash) plain(raw []byte) ([]byte, error) {
	switch {
	case raw[0] == hashKeyData:
		return raw[1:], nil
	case raw[0] == hashOffPage && len(raw) >= 12:
		return h.overflow(h.u32(raw, 4), h.u32(raw, 8))
	}
	return nil, fmt.Errorf("%w: hash item of type %d", ErrCorrupt, raw[0])
}

// values calls visit for each value in a data item.
func (h *hash) values(raw []byte, visit func([]byte) bool) (more bool, err error) {
	switch {
	case raw[0] == hashDups:
		return h.pageDups(raw[1:], visit)
	case raw[0] == hashOffDups && len(raw) >= 8:
		return h.duplicates(h.u32(raw, 4), visit)
	}
	v, err := h.plain(raw)
	if err != nil {
		return false, err
	}
	return visit(v), nil
}

// pageDups walks duplicates on the page: each has its length before and behind it.
func (h *hash) pageDups(b []byte, visit func([]byte) bool) (more bool, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return false, fmt.Errorf("%w: duplicates in a hash page", ErrCorrupt)
		}
		n := int(h.u16(b, 0))
		if n+4 > len(b) || int(h.u16(b, n+2)) != n {
			return false, fmt.Errorf("%w: duplicates in a hash page", ErrCorrupt)
		}
		if !visit(b[2 : 2+n]) {
			return false, nil
		}
		b = b[n+4:]
	}
	return true, nil
}

// key returns item i of a page of a bucket, which must be a key of that bucket: a damaged one is not passed over in
// silence.
func (h *hash) key(p []byte, i int, bucket uint32) ([]byte, error) {
	raw, err := h.raw(p, i)
	if err != nil {
		return nil, err
	}
	k, err := h.plain(raw)
	if err == nil && h.bucket(fnvBytes(k)) != bucket {
		err = fmt.Errorf("%w: item %d of page %d belongs to another bucket", ErrCorrupt, i, h.u32(p, 8))
	}
	return k, err
}

func (h *hash) find(key string, nul bool, visit func([]byte) bool) error {
	want := key
	if nul {
		want += "\x00"
	}
	bucket := h.bucket(fnv(key, nul))
	err := h.chain(bucket, func(p []byte) error {
		for i := 0; i < h.entries(p); i += 2 {
			k, err := h.key(p, i, bucket)
			if err != nil {
				return err
			}
			if string(k) != want {
				continue
			}
			raw, err := h.raw(p, i+1)
			if err != nil {
				return err
			}
			if _, err := h.values(raw, visit); err != nil {
				return err
			}
			return errStop // a key stands once in a bucket
		}
		return nil
	})
	if err == errStop {
		return nil
	}
	return err
}

func (h *hash) each(visit func(key, value []byte) error) error {
	for b := uint32(0); b <= h.maxBucket; b++ {
		err := h.chain(b, func(p []byte) error {
			for i := 0; i < h.entries(p); i += 2 {
				if err := h.pair(p, i, b, visit); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *hash) pair(p []byte, i int, bucket uint32, visit func(key, value []byte) error) error {
	k, err := h.key(p, i, bucket)
	if err != nil {
		return err
	}
	raw, err := h.raw(p, i+1)
	if err != nil {
		return err
	}
	var failed error
	_, err = h.values(raw, func(v []byte) bool {
		failed = visit(k, v)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}
