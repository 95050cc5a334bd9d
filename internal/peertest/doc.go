// Package peertest holds peers that misbehave on purpose: SMTP servers and ident servers, each fault with a name. Only
// tests import it. The hostile name server is dnstest's.
package peertest
