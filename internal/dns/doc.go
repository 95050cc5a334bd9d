// Package dns is the resolver: host names, mail exchangers and addresses as resolv.conf(5), hosts(5) and the service
// switch say.
//
// It asks the name servers itself (RFC 1035, over UDP with EDNS0 and over TCP when an answer is truncated), checks that
// an answer belongs to its question, follows CNAME chains up to a limit and tells the four outcomes apart that mail
// depends on: the name does not exist, the name has no such record, nobody could tell now, and the answer is unusable.
// Only the first two may bounce mail.
//
// It obeys the options ResolverOptions, DontExpandCnames, Timeout.resolver.* and ServiceSwitchFile, through Config and
// CanonOptions.
//
// SECURITY: a name server is a peer. Source ports and identifiers are random, an answer with another question is
// dropped and the wait goes on, names are compared without case, chains and the cache are bounded. The AD bit counts
// only when Config.TrustAD says that the path to the server is trusted. Names from answers are returned as text in
// which unusual bytes are escaped (RFC 4343).
//
// It leaves out: validating DNSSEC signatures itself, dynamic updates, zone transfers, NIS.
package dns
