package dbfile

import (
	"encoding/binary"
	"fmt"
)

// cdbHeader is the length of the 256 pairs of table position and length.
const cdbHeader = 2048

// cdbHash is the format's hash function.
func cdbHash(key string, nul bool) uint32 {
	h := uint32(5381)
	for i := 0; i < len(key); i++ {
		h = (h<<5 + h) ^ uint32(key[i])
	}
	if nul {
		h = h<<5 + h
	}
	return h
}

// cdbFile is a mapped CDB.
type cdbFile struct {
	data []byte
	end  uint32 // of the records: where the first table begins
}

// openCDB checks the header: every table must lie behind the header and inside the file, and together they must fill it
// from the first one on.
func openCDB(data []byte) (format, error) {
	if len(data) < cdbHeader || int64(len(data)) > 1<<32 {
		return nil, ErrCorrupt
	}
	end, tables := uint64(len(data)), uint64(0)
	for i := range 256 {
		pos, n := uint64(u32(data, i*8)), uint64(u32(data, i*8+4))
		if pos < cdbHeader || pos+n*8 > uint64(len(data)) {
			return nil, fmt.Errorf("%w: table %d of a CDB", ErrCorrupt, i)
		}
		end = min(end, pos)
		tables += n * 8
	}
	if end+tables != uint64(len(data)) {
		return nil, fmt.Errorf("%w: tables of a CDB", ErrCorrupt)
	}
	return &cdbFile{data: data, end: uint32(end)}, nil
}

func (c *cdbFile) name() string { return "cdb" }

func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

// cdbCursor walks the slots where a key can be.
type cdbCursor struct {
	c     *cdbFile
	key   string
	nul   bool
	hash  uint32
	table uint32 // position of the hash table
	slots uint32 // its length
	at    uint32 // next slot
	left  uint32 // slots not yet seen
}

func (c *cdbFile) cursor(key string, nul bool) cdbCursor {
	h := cdbHash(key, nul)
	i := int(h&0xff) * 8
	cur := cdbCursor{c: c, key: key, nul: nul, hash: h, table: u32(c.data, i), slots: u32(c.data, i+4)}
	cur.left = cur.slots
	if cur.slots > 0 {
		cur.at = (h >> 8) % cur.slots
	}
	return cur
}

// next returns the next value of the key. The slice is part of the mapping.
func (k *cdbCursor) next() (value []byte, found bool, err error) {
	d := k.c.data
	for k.left > 0 {
		slot := int(k.table) + int(k.at)*8
		if slot+8 > len(d) {
			return nil, false, fmt.Errorf("%w: slot of a CDB", ErrCorrupt)
		}
		h, pos := u32(d, slot), u32(d, slot+4)
		if pos == 0 && h == 0 {
			return nil, false, nil
		}
		if uint8(h) != uint8(k.hash) || pos == 0 {
			return nil, false, fmt.Errorf("%w: slot of a CDB at %d", ErrCorrupt, slot)
		}
		k.left--
		if k.at++; k.at == k.slots {
			k.at = 0
		}
		if h != k.hash {
			continue
		}
		rec, val, _, err := k.c.record(pos)
		if err != nil {
			return nil, false, err
		}
		if k.matches(rec) {
			return val, true, nil
		}
		if hashBytes(rec) != h {
			return nil, false, fmt.Errorf("%w: key of a CDB's record at %d", ErrCorrupt, pos)
		}
	}
	return nil, false, nil
}

func (k *cdbCursor) matches(rec []byte) bool {
	if !k.nul {
		return string(rec) == k.key
	}
	n := len(rec) - 1
	return n >= 0 && rec[n] == 0 && string(rec[:n]) == k.key
}

// record returns the key and value at a position, and the position after them.
func (c *cdbFile) record(pos uint32) (key, val []byte, next uint32, err error) {
	if pos < cdbHeader || uint64(pos)+8 > uint64(c.end) {
		return nil, nil, 0, fmt.Errorf("%w: record of a CDB at %d", ErrCorrupt, pos)
	}
	kl, vl := uint64(u32(c.data, int(pos))), uint64(u32(c.data, int(pos)+4))
	from := uint64(pos) + 8
	if from+kl+vl > uint64(c.end) {
		return nil, nil, 0, fmt.Errorf("%w: record of a CDB at %d", ErrCorrupt, pos)
	}
	return c.data[from : from+kl : from+kl], c.data[from+kl : from+kl+vl : from+kl+vl], uint32(from + kl + vl), nil
}

// first is the hot path: one value, copied.
func (c *cdbFile) first(key string, nul bool) (string, bool, error) {
	cur := c.cursor(key, nul)
	v, found, err := cur.next()
	if !found || err != nil {
		return "", false, err
	}
	return string(v), true, nil
}

func (c *cdbFile) find(key string, nul bool, visit func([]byte) bool) error {
	cur := c.cursor(key, nul)
	for {
		v, found, err := cur.next()
		if err != nil || !found || !visit(v) {
			return err
		}
	}
}

func (c *cdbFile) each(visit func(key, value []byte) error) error {
	for pos := uint32(cdbHeader); pos < c.end; {
		k, v, next, err := c.record(pos)
		if err != nil {
			return err
		}
		if err := visit(k, v); err != nil {
			return err
		}
		pos = next
	}
	return nil
}
