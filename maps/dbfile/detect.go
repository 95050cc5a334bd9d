package dbfile

import "encoding/binary"

// kind is what the first bytes of a file say.
type kind int

const (
	isCDB kind = iota
	isHash
	isBtree
	isHash185
	isBtree185
)

// The numbers that Berkeley DB files begin with: at byte 12 since DB 2, at byte 0 in DB 1.85.
const (
	hashMagic  = 0x061561
	btreeMagic = 0x053162
)

var formats = map[kind]func(data []byte) (format, error){
	isCDB:      openCDB,
	isHash:     openHash,
	isBtree:    openBtree,
	isHash185:  openHash185,
	isBtree185: openBtree185,
}

// kindOf tells the format. A CDB has no magic number; but at these places it has even table lengths or positions beyond
// its header, which the numbers and versions of Berkeley DB cannot be.
func kindOf(b []byte) kind {
	if order := orderOf(b[12:], hashMagic); order != nil && order.Uint32(b[16:]) < 32 {
		return isHash
	}
	if order := orderOf(b[12:], btreeMagic); order != nil && order.Uint32(b[16:]) < 32 {
		return isBtree
	}
	if binary.BigEndian.Uint32(b) == hashMagic && binary.BigEndian.Uint32(b[4:]) < 32 {
		return isHash185 // its header is big-endian on all machines
	}
	if order := orderOf(b, btreeMagic); order != nil && order.Uint32(b[4:]) == 3 {
		return isBtree185
	}
	return isCDB
}

// orderOf returns the byte order in which b holds magic, or nil.
func orderOf(b []byte, magic uint32) binary.ByteOrder {
	switch magic {
	case binary.LittleEndian.Uint32(b):
		return binary.LittleEndian
	case binary.BigEndian.Uint32(b):
		return binary.BigEndian
	}
	return nil
}
