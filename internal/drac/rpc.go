package drac

import "fmt"

// Numbers of ONC RPC (RFC 5531 section 9) and of the portmapper (RFC 1833 section 3).
const (
	msgCall, msgReply           = 0, 1
	rpcVersion                  = 2
	msgAccepted, msgDenied      = 0, 1
	rpcMismatch                 = 0
	acceptSuccess               = 0
	acceptProgUnavail           = 1
	acceptProgMismatch          = 2
	acceptProcUnavail           = 3
	acceptGarbageArgs           = 4
	acceptSystemErr             = 5
	authNone                    = 0
	maxAuth                     = 400 // bytes of a credential or verifier, RFC 5531 section 8.2
	programPortmap              = 100000
	portmapSet, portmapUnset    = 1, 2
	portmapGetPort              = 3
	protoTCP, protoUDP          = 6, 17
	programDRAC                 = 900101
	procNull, procAdd           = 0, 1
	versionIPv4, versionIPv6    = 1, 2
	addressWords                = 16 // version 2: an array of 16 chars, each in a word of its own
	statusSuccess, statusPerm   = 0, 1
	statusSystem, statusStrange = 2, 3
)

// call is the header of an RPC call and its arguments.
type call struct {
	xid, program, version, procedure uint32
	args                             []byte
}

// parseCall reads a call. A message that is no call of ours gets no answer (ok is false); one of another RPC version
// gets the refusal that RFC 5531 asks for.
func parseCall(msg []byte) (c call, refusal []byte, ok bool) {
	r := reader{msg}
	var head [6]uint32 // xid, type, RPC version, program, version, procedure
	for i := range head {
		v, err := r.uint32()
		if err != nil || i == 1 && v != msgCall {
			return call{}, nil, false
		}
		head[i] = v
	}
	if head[2] != rpcVersion {
		return call{}, words(head[0], msgReply, msgDenied, rpcMismatch, rpcVersion, rpcVersion), false
	}
	for range 2 { // credential and verifier: the service asks for none
		if _, err := r.uint32(); err != nil {
			return call{}, nil, false
		}
		if _, err := r.opaque(maxAuth); err != nil {
			return call{}, nil, false
		}
	}
	return call{head[0], head[3], head[4], head[5], r.b}, nil, true
}

// accepted makes the reply to a call: how it was taken, then what it returns.
func (c call) accepted(stat uint32, result ...uint32) []byte {
	return words(append([]uint32{c.xid, msgReply, msgAccepted, authNone, 0, stat}, result...)...)
}

// encode makes the call message with an empty credential.
func (c call) encode() []byte {
	return append(words(c.xid, msgCall, rpcVersion, c.program, c.version, c.procedure, authNone, 0, authNone, 0), c.args...)
}

// parseReply returns what a call returned.
func (c call) parseReply(msg []byte) ([]byte, error) {
	r := reader{msg}
	var head [3]uint32
	for i := range head {
		v, err := r.uint32()
		if err != nil {
			return nil, err
		}
		head[i] = v
	}
	if head[0] != c.xid || head[1] != msgReply {
		return nil, fmt.Errorf("the answer belongs to another call")
	}
	if head[2] != msgAccepted {
		return nil, fmt.Errorf("the call was denied")
	}
	if _, err := r.uint32(); err != nil {
		return nil, err
	}
	if _, err := r.opaque(maxAuth); err != nil {
		return nil, err
	}
	stat, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if stat != acceptSuccess {
		return nil, fmt.Errorf("the call failed: %s", acceptTexts[stat])
	}
	return r.b, nil
}

// acceptTexts are words for accept_stat.
var acceptTexts = map[uint32]string{
	acceptProgUnavail:  "the program is not served there",
	acceptProgMismatch: "the program is served in another version",
	acceptProcUnavail:  "the procedure is not known",
	acceptGarbageArgs:  "the arguments were not understood",
	acceptSystemErr:    "system error",
}
