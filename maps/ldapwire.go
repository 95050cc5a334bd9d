package maps

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"gosendmail/internal/guard"
)

// Bounds on what a server may answer.
const (
	maxLDAPMessage = 2 << 20  // bytes of one message
	maxLDAPAnswer  = 16 << 20 // bytes of all messages of one search
)

// errLDAPProtocol is found in errors about answers that are none.
var errLDAPProtocol = errors.New("wrong answer of the LDAP server")

// ldapWire is a connection to a server (RFC 4511), on which one request at a time is made. What the server sends is
// read message by message within bounds, and only what the request asks for is taken; anything else ends the
// connection.
type ldapWire struct {
	nc   net.Conn
	r    *bufio.Reader
	id   int64 // of the last request
	used bool  // it has answered before
	left int   // bytes that the answer under way may still have
	over bool  // the answer to the last search has come to its end
	buf  []byte
}

func newLDAPWire(nc net.Conn) *ldapWire { return &ldapWire{nc: nc, r: bufio.NewReader(nc)} }

// ldapEntry is an entry that a server found.
type ldapEntry struct {
	dn    string
	attrs []ldapValues
}

type ldapValues struct {
	name   string
	values []string
}

// within runs a request that takes at most limit and ends with ctx; a connection that it did not end well on is not to
// be used again.
func (w *ldapWire) within(ctx context.Context, limit time.Duration, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, guard.From(ctx).Func("LDAP request", func() { w.nc.SetDeadline(time.Unix(1, 0)) }))
	err := request()
	if !stop() && err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return errLDAPTimeout
		}
		return ctx.Err()
	}
	return err
}

// send writes a request and makes room for its answer.
func (w *ldapWire) send(op *ber.Packet) error {
	w.id++
	w.left, w.over = maxLDAPAnswer, false
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "LDAPMessage")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, w.id, "messageID"))
	m.AppendChild(op)
	_, err := w.nc.Write(m.Bytes())
	return err
}

// receive reads the next message of the answer to the last request: its kind, as the byte of its tag, and what it
// holds, which is good until the next call.
func (w *ldapWire) receive() (kind byte, op berReader, err error) {
	size, err := w.header()
	if err != nil {
		return 0, nil, err
	}
	if w.left -= size; size > maxLDAPMessage || w.left < 0 {
		return 0, nil, fmt.Errorf("%w: more than %d bytes", errLDAPProtocol, min(maxLDAPMessage, maxLDAPAnswer))
	}
	// Read as it comes: memory follows what was sent and not what was promised.
	into := bytes.NewBuffer(w.buf[:0])
	if _, err := io.CopyN(into, w.r, int64(size)); err != nil {
		return 0, nil, err
	}
	w.buf = into.Bytes()
	msg := berReader(w.buf)
	id, err := msg.integer(berInteger)
	if err != nil {
		return 0, nil, err
	}
	kind, op, err = msg.next()
	switch {
	case err != nil:
		return 0, nil, err
	case id == 0:
		return 0, nil, fmt.Errorf("%w: it gives the connection up", errLDAPProtocol)
	case id != w.id:
		return 0, nil, fmt.Errorf("%w: message %d is answered instead of %d", errLDAPProtocol, id, w.id)
	}
	return kind, op, nil
}

// header reads the tag and the length of a message.
func (w *ldapWire) header() (size int, err error) {
	tag, err := w.r.ReadByte()
	if err != nil {
		return 0, err
	}
	first, err := w.r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := int(first & 0x7f)
	if tag != berSequence || first == 0x80 || first > 0x80 && n > 4 {
		return 0, fmt.Errorf("%w: no message begins with %#x %#x", errLDAPProtocol, tag, first)
	}
	if first < 0x80 {
		return n, nil
	}
	for range n {
		c, err := w.r.ReadByte()
		if err != nil {
			return 0, err
		}
		size = size<<8 | int(c)
	}
	return size, nil
}

// bind logs in (RFC 4511 section 4.2, simple authentication).
func (w *ldapWire) bind(ctx context.Context, limit time.Duration, name, password string) error {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationBindRequest, nil, "bind")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 3, "version"))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "name"))
	op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, password, "simple"))
	return w.within(ctx, limit, func() error {
		if err := w.send(op); err != nil {
			return err
		}
		kind, answer, err := w.receive()
		if err != nil {
			return err
		}
		if kind != ldapBindResponse {
			return fmt.Errorf("%w: %#x to a bind", errLDAPProtocol, kind)
		}
		_, err = answer.result()
		return err
	})
}

// maxUnwanted is how many messages of an answer are read on when nothing more is wanted of it, so that the connection
// can be kept.
const maxUnwanted = 50

// search makes a search. Entries go to take as they come; when it returns an error the search ends with it. refs are
// the referrals of the answer and of its references.
func (w *ldapWire) search(ctx context.Context, limit time.Duration, req *ldap.SearchRequest, take func(*ldapEntry) error) (refs []string, err error) {
	op, err := searchPacket(req)
	if err != nil {
		return nil, err
	}
	err = w.within(ctx, limit, func() error {
		if err := w.send(op); err != nil {
			return err
		}
		unwanted := 0
		for {
			kind, answer, err := w.receive()
			if err != nil && unwanted > 0 {
				return errLDAPEnough
			}
			if err != nil {
				return err
			}
			switch kind {
			case ldapEntryResponse:
				var e *ldapEntry
				if e, err = answer.entry(); err == nil {
					err = take(e)
				}
				if err == errLDAPEnough && unwanted < maxUnwanted {
					unwanted++
					err = nil
				}
			case ldapReference:
				var list []string
				list, err = answer.uris()
				refs = append(refs, list...)
			case ldapDone:
				var list []string
				list, err = answer.result()
				refs = append(refs, list...)
				w.over = true
				if unwanted > 0 {
					return errLDAPEnough
				}
				return err
			default:
				err = fmt.Errorf("%w: %#x to a search", errLDAPProtocol, kind)
			}
			if err != nil {
				return err
			}
		}
	})
	return refs, err
}

// Bounds on a filter, which an entry of the directory may have written.
const (
	maxFilterText  = 64 << 10 // bytes
	maxFilterDepth = 100
)

// searchPacket encodes a search (RFC 4511 section 4.5.1).
func searchPacket(req *ldap.SearchRequest) (*ber.Packet, error) {
	depth, deepest := 0, 0
	for _, c := range []byte(req.Filter) {
		switch c {
		case '(':
			depth++
			deepest = max(deepest, depth)
		case ')':
			depth--
		}
	}
	if len(req.Filter) > maxFilterText || deepest > maxFilterDepth {
		return nil, fmt.Errorf("LDAP filter of %d bytes, %d deep: too large", len(req.Filter), deepest)
	}
	filter, err := ldap.CompileFilter(req.Filter)
	if err != nil {
		return nil, err
	}
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchRequest, nil, "search")
	number := func(tag ber.Tag, n int, what string) {
		op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, n, what))
	}
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, req.BaseDN, "base"))
	number(ber.TagEnumerated, req.Scope, "scope")
	number(ber.TagEnumerated, req.DerefAliases, "deref")
	number(ber.TagInteger, req.SizeLimit, "size limit")
	number(ber.TagInteger, req.TimeLimit, "time limit")
	op.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, req.TypesOnly, "types only"))
	op.AppendChild(filter)
	attrs := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attributes")
	for _, a := range req.Attributes {
		attrs.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, a, "attribute"))
	}
	op.AppendChild(attrs)
	return op, nil
}
