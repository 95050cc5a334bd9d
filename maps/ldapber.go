package maps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Tags of what LDAP messages are made of, as their one byte (X.690 section 8.1.2; RFC 4511).
const (
	berInteger    = 0x02
	berOctets     = 0x04
	berEnumerated = 0x0a
	berSequence   = 0x30
	berSet        = 0x31
	berReferral   = 0xa3 // of an LDAPResult

	ldapBindResponse  = 0x61
	ldapEntryResponse = 0x64
	ldapDone          = 0x65
	ldapReference     = 0x73
)

// berReader takes elements (definite lengths only, RFC 4511 section 5.1) off the front of a message that is in memory.
// It never goes deeper than whoever reads.
type berReader []byte

// next returns the next element.
func (b *berReader) next() (tag byte, content berReader, err error) {
	s := *b
	if len(s) < 2 || s[0]&0x1f == 0x1f {
		return 0, nil, fmt.Errorf("%w: an element is cut off", errLDAPProtocol)
	}
	tag, n, head := s[0], int(s[1]), 2
	if n >= 0x80 {
		digits := n & 0x7f
		if digits == 0 || digits > 4 || len(s) < 2+digits {
			return 0, nil, fmt.Errorf("%w: a length that is none", errLDAPProtocol)
		}
		n = 0
		for _, c := range s[2 : 2+digits] {
			n = n<<8 | int(c)
		}
		head += digits
	}
	if n > len(s)-head {
		return 0, nil, fmt.Errorf("%w: an element of %d bytes in %d", errLDAPProtocol, n, len(s)-head)
	}
	*b = s[head+n:]
	return tag, s[head : head+n], nil
}

// want returns the next element, which has that tag.
func (b *berReader) want(tag byte) (berReader, error) {
	got, content, err := b.next()
	if err == nil && got != tag {
		err = fmt.Errorf("%w: %#x in place of %#x", errLDAPProtocol, got, tag)
	}
	return content, err
}

func (b *berReader) integer(tag byte) (int64, error) {
	c, err := b.want(tag)
	if err != nil {
		return 0, err
	}
	if len(c) == 0 || len(c) > 8 {
		return 0, fmt.Errorf("%w: a number of %d bytes", errLDAPProtocol, len(c))
	}
	n := int64(int8(c[0]))
	for _, x := range c[1:] {
		n = n<<8 | int64(x)
	}
	return n, nil
}

func (b *berReader) text() (string, error) {
	c, err := b.want(berOctets)
	return string(c), err
}

// entry reads a SearchResultEntry.
func (b berReader) entry() (*ldapEntry, error) {
	e := &ldapEntry{}
	var err error
	if e.dn, err = b.text(); err != nil {
		return nil, err
	}
	list, err := b.want(berSequence)
	if err != nil {
		return nil, err
	}
	for len(list) > 0 {
		a, err := list.attribute()
		if err != nil {
			return nil, err
		}
		e.attrs = append(e.attrs, a)
	}
	return e, nil
}

// attribute reads a PartialAttribute. A NUL in a value is an error, as it is for the original: what follows would be
// seen by some of those who read it and not by others.
func (b *berReader) attribute() (a ldapValues, err error) {
	pair, err := b.want(berSequence)
	if err != nil {
		return a, err
	}
	if a.name, err = pair.text(); err != nil {
		return a, err
	}
	set, err := pair.want(berSet)
	if err != nil {
		return a, err
	}
	for len(set) > 0 {
		v, err := set.text()
		if err != nil {
			return a, err
		}
		if strings.IndexByte(v, 0) >= 0 {
			return a, fmt.Errorf("%w: a NUL in a value of %.100q", errLDAPProtocol, a.name)
		}
		a.values = append(a.values, v)
	}
	return a, nil
}

// uris reads a list of URLs.
func (b berReader) uris() (list []string, err error) {
	for len(b) > 0 {
		u, err := b.text()
		if err != nil {
			return nil, err
		}
		if len(list) < maxLDAPSteps {
			list = append(list, u)
		}
	}
	return list, nil
}

// result reads an LDAPResult: its referrals, and an *ldap.Error unless all is well.
func (b berReader) result() (refs []string, err error) {
	code, err := b.integer(berEnumerated)
	if err != nil {
		return nil, err
	}
	if _, err := b.text(); err != nil { // the DN that was found
		return nil, err
	}
	words, err := b.text()
	if err != nil {
		return nil, err
	}
	if len(b) > 0 && b[0] == berReferral {
		_, list, err := b.next()
		if err != nil {
			return nil, err
		}
		if refs, err = list.uris(); err != nil {
			return nil, err
		}
	}
	if code == ldap.LDAPResultReferral && len(refs) > 1 {
		refs = refs[:1] // the others are copies of the same (RFC 4511 section 4.1.10)
	}
	switch {
	case code < 0 || code > 0xffff:
		return nil, fmt.Errorf("%w: result code %d", errLDAPProtocol, code)
	case code != ldap.LDAPResultSuccess:
		return refs, &ldap.Error{ResultCode: uint16(code), Err: errors.New(words)}
	}
	return refs, nil
}
