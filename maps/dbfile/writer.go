package dbfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"math"
	"math/bits"
)

// ErrTooBig says that a CDB cannot hold more: its positions are 32-bit numbers.
var ErrTooBig = errors.New("a CDB holds at most 4 GiB")

// Writer writes a CDB record by record. It keeps 32 to 48 bytes per record in memory, not the records.
type Writer struct {
	Limit int64 // size of the file in bytes that ErrTooBig guards; 0: what the format's 32-bit positions can reach

	out   io.WriterAt
	in    io.ReaderAt
	buf   []byte // not yet written, from base on
	base  int64
	err   error // first write error; sticks
	seed  maphash.Seed
	recs  []record
	slots []uint64 // open addressing over recs: upper half of the print, number of the record + 1
	dead  int      // records that were replaced
}

type record struct {
	print uint64 // of the key, for finding duplicates
	hash  uint32 // the format's
	pos   uint32 // 0: replaced by a later record
}

const writeBuffer = 1 << 20

// NewWriter starts a CDB in an empty file.
func NewWriter(f interface {
	io.WriterAt
	io.ReaderAt
}) *Writer {
	return &Writer{out: f, in: f, base: cdbHeader, buf: make([]byte, 0, writeBuffer), seed: maphash.MakeSeed(), slots: make([]uint64, 1024)}
}

// maxExpected bounds the room that is made for records that may never come.
const maxExpected = 1 << 22

// Expect makes room for n records at once, before the first is added: growing step by step costs a tenth of the time.
func (w *Writer) Expect(n int) {
	n = min(n, maxExpected)
	if len(w.recs) > 0 || n < len(w.slots)/2 {
		return
	}
	w.recs = make([]record, 0, n)
	w.slots = make([]uint64, 1<<bits.Len(uint(2*n)))
}

// Add adds a record, whether or not its key is there.
func (w *Writer) Add(key, value []byte) error {
	w.grow()
	p := maphash.Bytes(w.seed, key)
	return w.append(key, value, p, w.free(p))
}

// Insert adds a record unless its key is there, and reports whether it did.
func (w *Writer) Insert(key, value []byte) (added bool, err error) {
	w.grow()
	p := maphash.Bytes(w.seed, key)
	at, dup, err := w.lookup(key, p)
	if err != nil || dup {
		return false, err
	}
	return true, w.append(key, value, p, at)
}

// Replace adds a record in place of all with its key, and reports whether there was one.
func (w *Writer) Replace(key, value []byte) (replaced bool, err error) {
	w.grow()
	p := maphash.Bytes(w.seed, key)
	at, dup, err := w.lookup(key, p)
	if err != nil {
		return false, err
	}
	if dup {
		if err := w.kill(key, p); err != nil {
			return true, err
		}
		at = w.free(p)
	}
	return dup, w.append(key, value, p, at)
}

// Len returns the number of records.
func (w *Writer) Len() int { return len(w.recs) - w.dead }

// slotOf is the slot of record n: enough of its key's print that others need not be looked at.
func slotOf(print uint64, n int) uint64 { return print>>32<<32 | uint64(n+1) }

// free returns the first empty slot on the way of a print.
func (w *Writer) free(print uint64) int {
	mask := uint64(len(w.slots) - 1)
	at := print & mask
	for w.slots[at] != 0 {
		at = (at + 1) & mask
	}
	return int(at)
}

// lookup finds a living record of the key, or the slot for it.
func (w *Writer) lookup(key []byte, print uint64) (slot int, found bool, err error) {
	mask := uint64(len(w.slots) - 1)
	for at := print & mask; ; at = (at + 1) & mask {
		n := w.slots[at]
		if n == 0 {
			return int(at), false, nil
		}
		if (n^print)>>32 != 0 {
			continue
		}
		r := &w.recs[uint32(n)-1]
		if r.pos == 0 {
			continue
		}
		same, err := w.sameKey(r.pos, key)
		if err != nil || same {
			return int(at), same, err
		}
	}
}

// kill takes all records of a key out of the index. Their bytes go when the file is finished.
func (w *Writer) kill(key []byte, print uint64) error {
	mask := uint64(len(w.slots) - 1)
	for at := print & mask; w.slots[at] != 0; at = (at + 1) & mask {
		r := &w.recs[uint32(w.slots[at])-1]
		if r.print != print || r.pos == 0 {
			continue
		}
		same, err := w.sameKey(r.pos, key)
		if err != nil {
			return err
		}
		if same {
			r.pos = 0
			w.dead++
		}
	}
	return nil
}

func (w *Writer) sameKey(pos uint32, key []byte) (bool, error) {
	var head [8]byte
	if err := w.readAt(head[:], int64(pos)); err != nil {
		return false, err
	}
	if int(binary.LittleEndian.Uint32(head[:])) != len(key) {
		return false, nil
	}
	old := make([]byte, len(key))
	if err := w.readAt(old, int64(pos)+8); err != nil {
		return false, err
	}
	return bytes.Equal(old, key), nil
}

// readAt reads back what was written, from the buffer where it is still there.
func (w *Writer) readAt(p []byte, off int64) error {
	if off >= w.base {
		copy(p, w.buf[off-w.base:])
		return nil
	}
	if off+int64(len(p)) > w.base {
		if err := w.flush(); err != nil {
			return err
		}
	}
	_, err := w.in.ReadAt(p, off)
	return err
}

func (w *Writer) append(key, value []byte, print uint64, slot int) error {
	pos := w.base + int64(len(w.buf))
	tables := int64(len(w.recs)+1) * 16
	limit := w.Limit
	if limit == 0 {
		limit = math.MaxUint32
	}
	if pos+8+int64(len(key))+int64(len(value))+tables > limit {
		return ErrTooBig
	}
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(key)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(value)))
	w.write(head[:])
	w.write(key)
	w.write(value)
	w.recs = append(w.recs, record{print: print, hash: hashBytes(key), pos: uint32(pos)})
	w.slots[slot] = slotOf(print, len(w.recs)-1)
	return w.err
}

func hashBytes(key []byte) uint32 {
	h := uint32(5381)
	for _, c := range key {
		h = (h<<5 + h) ^ uint32(c)
	}
	return h
}

// grow keeps the slots at most half full.
func (w *Writer) grow() {
	if len(w.recs)*2 < len(w.slots) {
		return
	}
	w.slots = make([]uint64, len(w.slots)*2)
	for i, r := range w.recs {
		w.slots[w.free(r.print)] = slotOf(r.print, i)
	}
}

func (w *Writer) write(p []byte) {
	for len(p) > 0 && w.err == nil {
		n := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf = w.buf[:len(w.buf)+n]
		if p = p[n:]; len(w.buf) == cap(w.buf) {
			w.flush()
		}
	}
}

func (w *Writer) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.WriteAt(w.buf, w.base)
		w.base += int64(len(w.buf))
		w.buf = w.buf[:0]
	}
	return w.err
}

// Finish writes the tables and the header. The writer is used up then.
func (w *Writer) Finish() error {
	var header [cdbHeader]byte
	for i, list := range w.byTable() {
		pos := w.base + int64(len(w.buf))
		binary.LittleEndian.PutUint32(header[i*8:], uint32(pos))
		binary.LittleEndian.PutUint32(header[i*8+4:], uint32(2*len(list)))
		w.write(cdbTable(list))
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.out.WriteAt(header[:], 0)
	return err
}

// byTable sorts the living records by the table that their hash names, keeping their order.
func (w *Writer) byTable() [256][]record {
	var count [256]int
	for _, r := range w.recs {
		if r.pos != 0 {
			count[r.hash&0xff]++
		}
	}
	var lists [256][]record
	all := make([]record, w.Len())
	for i, n := range count {
		lists[i], all = all[:0:n], all[n:]
	}
	for _, r := range w.recs {
		if r.pos != 0 {
			i := r.hash & 0xff
			lists[i] = append(lists[i], r)
		}
	}
	return lists
}

// cdbTable lays one table out: twice as many slots as records, each record in the first empty slot from its hash on.
func cdbTable(list []record) []byte {
	slots := 2 * len(list)
	table := make([]byte, slots*8)
	for _, r := range list {
		at := int(r.hash>>8) % slots
		for binary.LittleEndian.Uint32(table[at*8+4:]) != 0 {
			if at++; at == slots {
				at = 0
			}
		}
		binary.LittleEndian.PutUint32(table[at*8:], r.hash)
		binary.LittleEndian.PutUint32(table[at*8+4:], r.pos)
	}
	return table
}

// copyTo adds the living records to another writer, in order.
func (w *Writer) copyTo(to *Writer) error {
	var head [8]byte
	var rec []byte
	for _, r := range w.recs {
		if r.pos == 0 {
			continue
		}
		if err := w.readAt(head[:], int64(r.pos)); err != nil {
			return err
		}
		k, v := int(binary.LittleEndian.Uint32(head[:])), int(binary.LittleEndian.Uint32(head[4:]))
		rec = append(rec[:0], make([]byte, k+v)...)
		if err := w.readAt(rec, int64(r.pos)+8); err != nil {
			return err
		}
		if err := to.Add(rec[:k], rec[k:]); err != nil {
			return err
		}
	}
	return nil
}
