package drac

import (
	"encoding/binary"
	"errors"
)

// errShort says that a message ends before what it promises.
var errShort = errors.New("the message is too short")

// reader takes XDR items (RFC 4506) off the front of a message.
type reader struct{ b []byte }

func (r *reader) uint32() (uint32, error) {
	if len(r.b) < 4 {
		return 0, errShort
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v, nil
}

// opaque reads variable-length opaque data of at most limit bytes, with its padding (RFC 4506 section 4.10).
func (r *reader) opaque(limit uint32) ([]byte, error) {
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errors.New("opaque data is too long")
	}
	padded := int(n+3) &^ 3
	if len(r.b) < padded {
		return nil, errShort
	}
	v := r.b[:n]
	r.b = r.b[padded:]
	return v, nil
}

// words writes XDR unsigned integers.
func words(list ...uint32) []byte {
	var b []byte
	for _, w := range list {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}
