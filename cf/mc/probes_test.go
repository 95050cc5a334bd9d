package mc_test

import (
	"fmt"
	"math/rand/v2"
)

// tables are the files of a site; those with tabs become hash tables.
var tables = map[string]string{
	"service.switch": "hosts files\n",
	"hosts.txt": "127.0.0.1 localhost\n192.0.2.1 host.domain.com\n192.0.2.7 known.example\n192.0.2.8 mx.client.example\n" +
		"192.0.2.9 other.domain1.com\n192.0.2.10 spammer.example\n192.0.2.11 mail.example\n192.0.2.12 q.example\n",
	"virtuser-domains": "domain1.com\ndomain2.tv\n",
	"relay-domains":    "relayme.example\n",
	"local-host-names": "localhost2\nhost2.domain.com\n",
	"trusted-users":    "trusty\n",
	"aliases":          "",
	"virtusertable": "you@domain1.com\tyou\nuser3@domain1.com\tuser3@docomo.example\nplus+*@domain1.com\t%1-%2\n" +
		"root@domain1.com\troot\na+b@domain1.com\tab@far.example\n@domain1.com\terror:5.5.1:Unknown user\n" +
		"user4@domain2.tv\tuser4\n@domain2.tv\t%1@elsewhere.example\nlist@domain2.tv\terror:nouser 550 No such list\n" +
		"joe@host.domain.com\tjoseph\nplus++@domain2.tv\tdetail%2\n++@known.example\tdouble%1\n+*@known.example\tstar%3\n",
	"mailertable": "domain.ne.jp\tsmtp:[192.168.0.100]\n.sub.example\tesmtp:gw.%1.example\nerr.example\terror:5.7.0:550 no mail there\n" +
		"loc.example\tlocal:bob\nloc2.example\tlocal:\nrel.example\trelay:fred@hub.example\n" +
		"sts1.example\tsecure match=sts1.example.:.mx.example servername=hostname\nsts2.example\tsecure servername=hostname\n" +
		"sts3.example\tsecure match=other.example\nsts4.example\tnone\nerrtext.example\terror:no thanks\n",
	"access": "Connect:24.60\tREJECT\n24.61\tREJECT\n127.0.0.1\tRELAY\n10.1\tRELAY\n10.2.3\tOK\nConnect:10.3\tDISCARD\n" +
		"10.4.5.6\tERROR:5.7.9:550 go away\n10.5\t450 later\n10.6\tERROR:550 bad\n10.7\tQUARANTINE:odd\nbad.client.example\tREJECT\n" +
		"friend.example\tRELAY\nFrom:spam@\tREJECT\nFrom:spammer.example\t550 no spam\nevil@mail.example\tREJECT\n" +
		"From:d@dis.example\tDISCARD\nTo:relayto.example\tRELAY\nTo:nobody@domain.com\tERROR:5.1.1:550 no nobody\nTo:local1@\tREJECT\n" +
		"good@mail.example\tOK\nsub.net.example\tRELAY\nIPv6:2001:db8\tREJECT\nSpam:friend@\tFRIEND\nSpam:x@b.c\tHATER\n" +
		"Spam:mail.example\tHATER\nCompat:a@b.c<@>d@e.f\tDISCARD: x\nCompat:a@b.c<@>t@e.f\tTEMP: y\nGreetPause:10.8\t5000\n" +
		"ClientRate:10.9\t5\nClientRate:\t20\nClientConn:\t10\nTLS_Clt:10.9\tVERIFY:112\nTLS_Clt:10.8\tPERM+VERIFY\n" +
		"TLS_Srv:tls.example\tENCR:112\nTLS_Srv:vfy.example\tTEMP+VERIFY:256+CN:other.example++CI:/C\nTry_TLS:no.example\tNO\n" +
		"TLS_Rcpt:x@tls.example\tVERIFY\nSrv_Features:10.9\tA v\nClt_Features:10.9\tD\nAuthInfo:auth.example\t\"U:me\" \"P:secret\"\n" +
		"AuthInfo:\t\"U:def\"\nCERTISSUER:/C=US\tRELAY\nCERTISSUER:/C=DE\tSUBJECT\nCERTSUBJECT:/CN=me\tRELAY\nqgrp:q@q.example\tqg1\n" +
		"bcc:copy.example\tcopy@arch.example\n.dotted.example\tREJECT\nskip.example\tSKIP\nsub.skip.example\tRELAY\nTo:full@fulladdr.example\tRELAY\n" +
		"To:local2@\tERROR:550 five\nTo:local3@\tDISCARD\nTo:local4@\tQUARANTINE:q\nTo:local5@\t551 text\nTo:local6@\tERROR:4.2.2:452 full\n" +
		"To:local7@\tOK\nTo:local8@\tSKIP\nTo:local9@\tSPAMFRIEND\nlocal10@\tREJECT\nTo:out@remote.example\tREJECT\nTo:blocked.example\tREJECT\n" +
		"From:pl+*@mail.example\tREJECT\npm+*@mail.example\tREJECT\nFrom:pn@mail.example\tREJECT\npo@mail.example\tREJECT\nFrom:ul+*@\tREJECT\n" +
		"um+*@\tREJECT\nFrom:un@\tREJECT\nuo@\tREJECT\nFrom:er@mail.example\tERROR:5.6.7:550 er\nFrom:qu@mail.example\tQUARANTINE:qq\n" +
		"From:ok@nowhere.invalid\tOK\nFrom:[10.66]\tREJECT\nFrom:[IPv6:2001:db8:5]\tREJECT\nFrom:known.example\t451 later\nE:x\tVALUE\n" +
		"Connect:IPv6:2001:db8:77::1\tREJECT\nConnect:IPv6:2001:db8:78\tRELAY\n" +
		"From:relayfrom@mail.example\tRELAY\nFrom:relaydom.example\tRELAY\nrhs:rhsok.example\tOK\nTLS_Srv_Features:10.9\tCipherList=x\nTLS_Clt_Features:10.9\tflags=d;CipherList=y;\nTLS_Clt_Features:sts1.example\tOptions=z\n",
	"drac":          "10.20.30.40\t1700000000\n2001:db8:1:2:3:4:5:6\t1700000000\n",
	"genericstable": "joe\tjoe.user@brand.example\nroot@host.domain.com\tadmin\nyou@domain1.com\tyou@brand.example\nplus+*@domain1.com\t%1+%2@brand.example\nlist@localhost2\tlists@brand.example\n",
	"domaintable":   "old.example\tnew.example\nh\tknown.example\n",
	"bitdomain":     "x\tx.edu.example\n",
	"uudomain":      "foo\tfoo.uu.example\n",
	"authinfo":      "AuthInfo:auth.example\t\"U:table\" \"P:pw\"\nAuthInfo:9.9.9.9\t\"U:addr\"\n",
	"bcctable":      "copy.example\tkeep@arch.example\n.mail.example\tall@arch.example\n",
}

var locals = []string{
	"you", "user3", "root", "plus+x", "plus+x+y", "a+b", "a+", "+b", "list", "joe", "nobody", "local1", "evil", "good", "good+x", "spam",
	"d", "foo.bar", "foo bar", `"foo bar"`, `"foo@bar"`, "foo!bar", "a%b", "a%known.example", "x!y!z", "foo:bar", "", "@a", "a,b", ".x", "x.",
	"friend", "x", "q", "MiXeD", "a%host.domain.com", "a%relayto.example", "full", "b::c", "copy", "h!u%v", "relayfrom", "prefix+you",
}

var domains = []string{
	"domain1.com", "host.domain.com", "localhost", "localhost.domain.com", "localhost2", "known.example", "[1.2.3.4]", "[127.0.0.1]", "[192.0.2.7]",
	"domain.ne.jp", "a.sub.example", "sub.example", "err.example", "loc.example", "loc2.example", "rel.example", "domain2.tv", "nowhere.invalid",
	"host", "UUCP", "foo.UUCP", "x.BITNET", "d.DECNET", "5.FAX", "POP", "comp.mail.USENET", "spammer.example", "sub.spammer.example", "dis.example",
	"mail.example", "relayto.example", "a.relayto.example", "relayme.example", "a.relayme.example", "b.c", "c..d", ".c", "c.", "[1.2.3.4]x",
	"[a]:[b]", "h:25", "foo.REDIRECT", "[IPv6:::1]", "[IPv6:2001:db8::1]", "tls.example", "q.example", "sub.net.example", "other.domain1.com",
	"x.com.", "host2.domain.com", "domain.com", "", "old.example", "x.dotted.example", "a.sub.skip.example", "copy.example", "errtext.example",
	"fulladdr.example", "rhsok.example", "relaydom.example", "sub.domain1.com", "x.localhost2",
}

var odd = []string{
	"<a@b.c>", "<>", "a@b@c.d", "@x.y,@z.w:u@v.t", "<@x.y:u@host.domain.com>", "foo:;", "foo: a@b.c;", "foo: a@b.c, d@e.f;", "Phrase <a@b.c>",
	"a@b.c (comment)", "a!b@c.d", "b!a", "x.y!z", "a::b", ":include:/tmp/x", "/tmp/x", "|prog", `"|prog x"`, `\you`, "a@", "@b", "@@b.c",
	"a%b%c@host.domain.com", "a%b@host.domain.com", "x<y<z@w.v>>", "<a@b.c", "a@b.c>", "a@[10.1.1.1]", "a@[10.1.1.1].foo", "u@*LOCAL*", "a b@c.d",
	"list:a@b.c", "you@domain1.com.", "<you@DOMAIN1.COM>", "@host.domain.com:foo@bar.example", "a@b:c", "foo <@>", "user@host.domain.com@x.y",
	"a%b@localhost", `"a b"@localhost`, "a@b;", "<a:b;>", "x: <a:;> y", "a@b.c%d", "host!user%a@b", "u@localhost.UUCP", "me@foo.localhost",
	"x: <a@b.c>", "a: b@[1.2.3.4]", "@a.b:c@[1.2.3.4]", "g: a@b.c;@d.e", "5.6::u", "a.b::c", "x <a@b> y", "a:b@c:d",
}

// client is who connects: address, name and what the look-up back and forth gave.
type client struct{ addr, name, resolve string }

var clients = []client{
	{"127.0.0.1", "localhost", "OK"}, {"24.60.1.2", "c.example", "OK"}, {"24.61.1.2", "c.example", "OK"}, {"10.1.1.1", "c.example", "OK"},
	{"10.2.3.4", "c.example", "TEMP"}, {"10.3.1.1", "[10.3.1.1]", "FAIL"}, {"10.4.5.6", "bad.client.example", "FORGED"},
	{"10.5.5.5", "x.bad.client.example", "OK"}, {"10.20.30.40", "pop.example", "OK"}, {"99.9.9.9", "a.friend.example", "OK"},
	{"99.9.9.9", "sub.net.example", "OK"}, {"10.6.1.1", "z.example", "OK"}, {"10.7.1.1", "z.example", "OK"}, {"99.1.1.1", "nothing.example", "OK"},
	{"99.1.1.2", "nothing.example", "TEMP"}, {"99.1.1.3", "[99.1.1.3]", "FAIL"}, {"99.1.1.4", "nothing.example", "FORGED"},
	{"IPv6:2001:db8:1:2:3:4:5:6", "six.example", "OK"}, {"99.1.1.5", "relayme.example", "OK"}, {"99.1.1.5", "h.relayme.example", "OK"},
	{"192.0.2.7", "known.example", "OK"}, {"10.8.1.1", "x.dotted.example", "OK"}, {"10.9.1.1", "a.sub.skip.example", "OK"}, {"0", "localhost", "OK"},
}

// rewritings are what an address goes through, in test mode's words.
var rewritings = []string{
	"3,0", "3,4", "93", "3,93", "94", "5", "3,EnvFromSMTP,4", "3,HdrFromSMTP,4", "3,HdrFromL,4", "3,EnvFromL,4", "3,EnvToL,4", "3,EnvToSMTP,4",
	"3,HdrToL,4", "3,MasqRelay,4", "ParseRecipient", "3,1,4", "3,2,4", "3,97", "3,Recurse",
}

// hooks are rule sets that take "a $| b", or anything.
var hooks = []string{
	"Start,tls_client NO $| MAIL", "Start,tls_client OK $| STARTTLS", "Start,tls_client NONE $| MAIL", "srv_features x", "clt_features x",
	"RateControl x", "ConnControl x", "Start,tls_srv_features z.example $| 10.9.1.1", "Start,tls_clt_features z.example $| 10.9.1.1",
	"queuegroup q@q.example", "queuegroup z@z.example", "bcc a@copy.example", "bcc a@x.mail.example", "bcc a@none.example",
	"Start,check_compat a@b.c $| d@e.f", "Start,check_compat a@b.c $| t@e.f", "Start,check_compat <a@b.c> $| <x@e.f>",
	"Start,check_other foo: bar $| 5", "Start,check_other foo $| 2", "Start,trust_auth me $| x", "trust_auth me", "trust_auth you", "trust_auth <me>",
	"tls_server NO", "tls_server OK", "tls_server SOFTWARE", "tls_server PROTOCOL", "tls_server DANE_FAIL", "tls_server CONFIG", "tls_server TRUSTED",
	"try_tls x", "tls_rcpt x@tls.example", "tls_rcpt y@tls.example", "tls_rcpt z", "authinfo x", "max 3:4", "max :4", "max 5:", "max :", "max 9:4",
}

// direct are questions to single rule sets, also to those that only other rules call, and to the rare branches of all.
var direct = []string{
	".Dh+detail", "5 joe", "5 joe+x", "5 joe+*", ".Dh", "5 joe", "5 joe+x", ".Dhhost.example", "5 joe", ".Dh+d@host.example", "5 joe", ".Dh",
	"MailerToTriple <> u <@ h . >", "MailerToTriple <error:5.7.1:550 text> u <@ h . >", "MailerToTriple <error:nouser:text> u <@ h . >",
	"MailerToTriple <error:text here> u <@ h . >", "MailerToTriple <local:> u <@ h . >", "MailerToTriple <local:bob> u <@ h . >",
	"MailerToTriple <local:bob@x> u <@ h . >", "MailerToTriple <local:bob> u", "MailerToTriple <local:> u", "MailerToTriple <esmtp:v@h2> u <@ h . > x",
	"MailerToTriple <esmtp:h2> u <@ h . >", "MailerToTriple <localhost2> u <@ h . >", "MailerToTriple <h3> u <@ h . >", "MailerToTriple <[1.2.3.4]> u <@ h . >",
	"MailerToTriple <localhost> u <@ h . >", "MailerToTriple <host.domain.com> u <@ h . >", "MailerToTriple <local:> a%b <@ h . >",
	"CanonLocal <> <@ h> : u@known.example", "CanonLocal <x> a%b <@ h>", "CanonLocal <> u <@ h . >", "CanonLocal <v@w> u <@ h . >", "CanonLocal <v> u",
	"Mailertable <a.sub.example> u <@ a.sub.example. >", "Mailertable <sub.example> u <@ h . >", "Mailertable <x.y.z> u <@ x.y.z. >",
	"Canonify2 u <@ localhost>", "Canonify2 u <@ [127.0.0.1]> x", "Canonify2 u <@ foo . UUCP>", "Canonify2 u <@ known.example>", "Canonify2 u <@ a.invalid>",
	"Canonify2 u <@ h>", "Canonify2 u <@ domain1.com>", "Canonify2 u <@ sub.domain1.com>", "Canonify2 u <@ x.BITNET>", "Canonify2 u <@ x. . >",
	".D{daemon_flags}CC", "Canonify2 u <@ known.example>", "Canonify2 u <@ h>", ".D{daemon_flags}c", "Canonify2 u <@ known.example>", "Canonify2 u <@ h>",
	".D{daemon_flags}h", ".D{addr_type}h s", "Canonify2 u <@ known.example>", ".D{daemon_flags}", ".D{addr_type}e r",
	"final u : ; <@>", "final <@>", "final u <@ h . > x", "final u <@ *LOCAL*>", "final @a : @b : u", "final <@a> : u@b", "final u@h.UUCP", "final u@5.6.DECNET",
	"final u%localhost@localhost", "final a <b> c <d>",
	"MasqHdr u <@ *LOCAL*>", "MasqHdr root <@ *LOCAL*>", "MasqHdr root <@ domain1.com. >", "MasqHdr u <@ domain1.com. >", "MasqHdr u <@ sub.domain1.com. >",
	"MasqHdr u <@ a.sub.example. >", "MasqHdr u <@ host.domain.com. >", "MasqHdr joe <@ host.domain.com. >", "MasqHdr root <@ host.domain.com. >",
	"MasqHdr plus+x <@ domain1.com. >", "MasqHdr joe+d <@ *LOCAL*>", "MasqHdr you <@ domain1.com. >", "MasqHdr <@ host.domain.com. > : x", "MasqHdr list+z <@ localhost2. >",
	"MasqHdr joe <@ sub.host.domain.com. >", "MasqEnv u <@ *LOCAL*>", "MasqEnv root <@ host.domain.com. >", "MasqEnv u <@ domain1.com. > x",
	"MasqSMTP u", "MasqSMTP u <@ h . > x", "MasqRelay u", "MasqRelay u <@ domain1.com. >", "AddDomain u", "AddDomain u <@ h . > x",
	"PseudoToReal <@ h> : u", "PseudoToReal u <@ x.BITNET. >", "PseudoToReal a.BITNET <@ relay:h>", "PseudoToReal u <@ foo.UUCP. >", "PseudoToReal u <@ h . > x",
	".Dhfoo", "PseudoToReal a!u <@ foo.UUCP. >", "PseudoToReal a.b!u <@ foo.UUCP. >", "PseudoToReal u <@ foo.UUCP. >", "FromU u <@ foo.UUCP. >", "FromU foo!bar!u",
	"FromU foo!u", "FromU u", "FromU <@>", "FromU : ; <@>", "FromU <@ a.UUCP> : u", "FromU <@ a.b> : u", "FromU u <@ h.i. >", "FromU u <@ host.domain.com. >", ".Dh",
	"EnvToU u <@ foo.UUCP. >", "HdrToU u", "EnvFromUD <@>", "EnvFromUD u", "EnvFromUUD u <@ h.i. >", "EnvFromUUD <@ a> : u", "EnvFromUUD u <@ foo.UUCP. >",
	"EnvFromSMTP u : ; <@>", "EnvFromSMTP <@ h> : u", "HdrFromSMTP : ; <@>", "HdrFromSMTP u <@> v", "HdrFromSMTP <@ h> : u", "HdrFromSMTP u", "EnvToSMTP u",
	"EnvFromL <@>", "EnvFromL @ <@ x>", "EnvFromL u", "HdrFromL <@>", "HdrFromL @ <@ x>", "HdrFromL u", "EnvToL u <@ h . >", "EnvToL u+d <@ h . >",
	".D{addr_type}e s", "EnvToL u+d", "EnvToL u+d <@ h>", ".D{addr_type}e r", "HdrToL u", "HdrToL u <@ *LOCAL*>",
	"Mail11To u <@ foo.UUCP>", "Mail11To u <@ foo.DECNET>", "Mail11To u <@ foo.LOCAL>", "Mail11To u <@ host.domain.com. >", "Mail11To host::a::u", "Mail11From u",
	"Parse0 <@>", "Parse0 a: b; <@>", "Parse0 @ <@ h>", "Parse0 <@ h>", "Parse0 u <@>", "Parse0 u <@ [1.2.3.4] : [5.6.7.8]>", "Parse0 u <@ [1.2.3.4], [5.6.7.8]>",
	"Parse0 u <@ [1.2.3.4] x>", "Parse0 u <@ a:b>", "Parse0 u <@ .a>", "Parse0 u <@ a..b>", "Parse0 u <@ a@>", "Parse0 u@v <@ a>", "Parse0 a,b <@ c>", "Parse0 a,@b <@ c>",
	"Parse0 u <@ > x", "Parse0 <@ localhost2. > : x@y", "Parse0 <@ h.i> : x@y", "Parse0 <@ *LOCAL*>", `Parse0 "a b" <@ localhost2. >`, `Parse0 ""`, `Parse0 "" <@ localhost2. >`,
	"Parse0 u. <@ h>", "Parse0 .u <@ h>", "Parse0 u%v", "Parse0 u%v <@ localhost2. >", "Parse0 <@ localhost2. >",
	"Parse1 u <@ [1.2.3.4]>", "Parse1 u <@ localhost2. >", "Parse1 u <@ h.i. >", "Parse1 u+d <@ localhost2. >", "Parse1 joe <@ localhost2. >", "Parse1 root", "Parse1 u",
	"Parse1 root <@ localhost2. >", "Parse1 u <@ bar.UUCP. >", "Parse1 u <@ baz.UUCP. >", "Parse1 comp.USENET <@ localhost2. >", "Parse1 u <@ a.known.example. >",
	"canonify @a,b@c", "canonify @[1.2.3.4]:u@v", "canonify a:b;@c", "canonify <a:b;>@c", "canonify u@v@[IPv6:::2]", "canonify @a:b", "canonify a!b!c", "canonify a.b!c", "canonify a!b",
	"canonify :include:x", "canonify a::b@c", "canonify @a:[b]", "canonify ;", "canonify a;;", "canonify %", "canonify a%", "canonify @", "canonify a%b@", "canonify 1.2::u",
	"ParseRecipient u%h.i@localhost2", `ParseRecipient "u@h.i"@localhost2`, `ParseRecipient "u%x"@relayme.example`, "ParseRecipient u%v@relayto.example", "ParseRecipient u%v@b.c",
	"ParseRecipient u%v@known.example", "CanonAddr @a.b:c@d.e", "CanonAddr <u@h>", "ParseBcc u", "FullAddr u", "FullAddr u <@ h . >", "FullAddr u <@ h>",
	"D <a.b.skip.example> <?> <+ Connect> <p>", "D <skip.example> <?> <! From> <p>", "D <x.y.z> <?> <! To> <p <q>>", "D <[10.66.1.1]> <?> <! From> <p>",
	"D <[IPv6:2001:db8:5:6::7]> <?> <+ From> <p>", "D <[IPv6:2001:db8:5:6:7:8:9:0]> <?> <+ From> <p>", "D <x.dotted.example> <?> <+ From> <p>",
	"D <a.friend.example> <d> <+ Connect> <p>", "A <10.3.4.5> <?> <+ Connect> <p>", "A <10.2.3.4> <?> <! Connect> <p>", "A <IPv6:2001:db8:77::1> <?> <+ Connect> <p>",
	"A <IPv6:2001:db8:78:1:2:3:4:5> <?> <+ Connect> <p>", "A <IPv6:2002:db8::> <d> <+ Connect> <p>", "A <9.9.9.9> <d> <! X> <p>",
	"F <pl+x@mail.example> <?> <+ From> <p>", "F <pm+x@mail.example> <?> <+ From> <p>", "F <pn+x@mail.example> <?> <+ From> <p>", "F <po+x@mail.example> <?> <+ From> <p>",
	"F <po+x@mail.example> <?> <! From> <p>", "F <pl+x@mail.example> <?> <! From> <p>", "F <zz@mail.example> <d> <! From> <p>",
	"U <ul+x@> <?> <+ From> <p>", "U <um+x@> <?> <+ From> <p>", "U <un+x@> <?> <+ From> <p>", "U <uo+x@> <?> <+ From> <p>", "U <uo+x@> <?> <! From> <p>", "U <zz@> <d> <! From> <p>",
	"E <x> <?> <! E> <p>", "E <relayto.example> <?> <! To> <p>", "E <friend.example> <?> <+ To> <p>", "E <a.friend.example> <d> <+ To> <p>",
	"Start,SearchList <+ From> $| <F:a@b> <U:spam@> <D:x.y> <>", "Start,SearchList <! From> $| <F:a@b> <D:x.spammer.example> <>", "Start,SearchList <! From> $| <E:q> <>",
	".D{client_addr}99.1.1.1", ".D{client_name}nothing.example", ".D{client_resolve}OK", ".Dfx@known.example", ".D{daemon_flags}",
	"check_rcpt local1@localhost2", "check_rcpt local2@host.domain.com", "check_rcpt local3@localhost2", "check_rcpt local4@localhost2", "check_rcpt local5@localhost2",
	"check_rcpt local6@localhost2", "check_rcpt local7@localhost2", "check_rcpt local8@localhost2", "check_rcpt local9@localhost2", "check_rcpt local10@localhost2", "check_rcpt local1",
	"check_rcpt out@remote.example", "check_rcpt x@a.blocked.example", "check_rcpt x@blocked.example", "check_rcpt <>", "check_rcpt nobody@domain.com", "check_rcpt full@fulladdr.example",
	"check_rcpt u%v@relayto.example", "check_rcpt u%v@localhost2", "check_rcpt u%relayto.example@localhost2", "check_rcpt x@sub.host.domain.com", "check_rcpt a!b@localhost2", "check_rcpt a!b",
	"check_rcpt x@a.domain.com", "check_rcpt postmaster", "check_rcpt joe", "check_rcpt u@sub.rhsok.example", "check_rcpt u@rhsok.example",
	"Rcpt_ok x@b.c", "Rcpt_ok x@localhost2", "Relay_ok x", "RelayTLS x", "Local_Relay_Auth x", "Basic_check_rcpt x@b.c", "Basic_check_mail <x@nowhere.invalid>",
	".D{auth_type}CRAM-MD5", "check_rcpt x@b.c", ".D{auth_type}PLAIN", "check_rcpt x@b.c", ".D{auth_type}",
	".D{verify}OK", ".D{cert_issuer}/C=US", "check_rcpt x@b.c", ".D{cert_issuer}/C=DE", ".D{cert_subject}/CN=me", "check_rcpt x@b.c", ".D{cert_subject}/CN=you", "check_rcpt x@b.c", ".D{verify}",
	".Dfrelayfrom@mail.example", "check_rcpt x@b.c", ".Dfz@a.relaydom.example", "check_rcpt x@b.c", ".Dfu@localhost2", "check_rcpt x@b.c", ".Dfz@relaydom.example", "check_rcpt x@b.c",
	".D{client_name}sub.host.domain.com", "check_rcpt x@b.c", ".D{client_name}x.domain.com", "check_rcpt x@b.c", ".D{client_name}localhost2", "check_rcpt x@b.c", ".D{client_name}x.UUCP", "check_rcpt x@b.c",
	".D{client_addr}192.0.2.1", "check_rcpt x@b.c", ".D{client_addr}", "check_rcpt x@b.c", ".D{client_addr}IPv6:0:0:0:0:0:0:0:1", "check_rcpt x@b.c", ".D{client_addr}IPv6:::1", "check_rcpt x@b.c",
	".D{client_addr}99.1.1.1", ".D{client_name}nothing.example",
	"check_mail <>", "check_mail u@localhost", "check_mail <u@[127.0.0.1]>", "check_mail <u@[IPv6:0:0:0:0:0:0:0:1]>", "check_mail u@[IPv6:::1]", "check_mail u@localhost.domain.com", "check_mail u@localhost.UUCP",
	"check_mail u", "check_mail <u@host.domain.com>", "check_mail u@x.UUCP", "check_mail x@nowhere.invalid", "check_mail er@mail.example", "check_mail qu@mail.example", "check_mail pl+a@mail.example",
	"check_mail pm+a@mail.example", "check_mail ul+a@mail.example", "check_mail ok@nowhere.invalid", "check_mail x@[10.66.1.1]", "check_mail x@[10.67.1.1]", "check_mail x@known.example", "check_mail x <y@mail.example> z",
	".D{client_name}localhost2", "check_mail u@localhost", ".D{client_name}", "check_mail u@localhost", ".D{client_addr}", "check_mail u", ".D{client_addr}99.1.1.1", ".D{client_name}nothing.example",
	".D{daemon_flags}f", "check_mail u@h", "check_mail u@mail.example", ".D{daemon_flags}u", "check_mail u@h", "check_mail u", "check_mail u@localhost", ".D{daemon_flags}r", "check_rcpt u@h", "check_rcpt u",
	"check_rcpt postmaster", "check_rcpt u@known.example", ".D{client_name}localhost2", "check_rcpt u@h", "check_rcpt u", ".D{client_name}nothing.example", ".D{daemon_flags}",
	".D{deliveryMode}d", "check_mail x@nowhere.invalid", "check_rcpt x@b.c", "Start,check_relay a.b $| 24.60.1.1", ".D{deliveryMode}",
	"Start,check_relay $| 24.60.1.1", "Start,check_relay $| 99.1.1.1", "Start,check_relay a $| IPv6:2001:db8:77::1", "Start,greet_pause $| 10.8.1.1", "Start,x_connect $| 1.2.3.4",
	".Dshost.domain.com", "check_rcpt x@b.c", ".Ds127.0.0.1", "check_rcpt x@b.c", ".Dsa.b", "check_rcpt x@b.c", ".DsIPv6:x", "check_rcpt x@b.c", ".Dsx", ".D{auth_authen}me", "check_rcpt x@b.c", ".D{auth_authen}",
	".D{server_name}h", "Start,TLS_connection OK $| <VERIFY>", "Start,TLS_connection NO $| <PERM+VERIFY>", "Start,TLS_connection FAIL $| <TEMP+VERIFY:56>", "Start,TLS_connection NOT $| <VERIFY:56>",
	"Start,TLS_connection NONE $| <VERIFY>", "Start,TLS_connection CLEAR $| <VERIFY>", "Start,TLS_connection ODD $| <VERIFY>", "Start,TLS_connection $| <VERIFY>", ".D{cipher_bits}128", ".D{auth_ssf}56",
	"Start,TLS_connection OK $| <ENCR:112>", "Start,TLS_connection OK $| <ENCR:256>", "Start,TLS_connection TRUSTED $| <VERIFY:128+CN>", ".D{TLS_Name}other.example", "Start,TLS_connection OK $| <VERIFY+CN>",
	"Start,TLS_connection OK $| <VERIFY+CN:a.b++CS:/CN=me>", "Start,TLS_connection OK $| <VERIFY+CI:/C=DE++CS:/CN=you>", "Start,TLS_connection OK $| <ENCR:56+CN:other.example++CI:x>",
	"Start,TLS_connection OK $| <VERIFY+CITag:CERTISSUER>", "Start,TLS_connection OK $| <VERIFY+CITag:none>", "Start,TLS_connection OK $| <OTHER>", "Start,TLS_connection SOFTWARE $| <ENCR:1>",
	"Start,TLS_connection PROTOCOL $| <PERM+VERIFY>", "Start,TLS_connection DANE_FAIL $| <?>", "Start,TLS_connection CONFIG $| <ENCR:1>", "TLS_connection SOFTWARE", "TLS_connection DANE_FAIL",
	".D{client_flags}MM", ".D{rcpt_addr}u@known.example", "STS_disabled x", ".D{client_flags}", "STS_disabled x", "Set_SNI x", "STS_secure OK", "STS_Check u@known.example", "DANE_disabled flags=d", "DANE_disabled x",
	".D{rcpt_addr}u@domain.ne.jp", "Set_SNI x", "STS_secure OK", "STS_Check u@loc.example", ".D{rcpt_addr}", "Set_SNI x", "STS_Check x", "STS_secure x",
	".D{rcpt_addr}u@sts1.example", ".D{server_name}sts1.example", "STS_Check u@sts1.example", "STS_secure NO", "STS_secure OK", "tls_server NO", "tls_rcpt u@sts1.example", "Set_SNI x",
	"Start,tls_clt_features sts1.example $| 1.2.3.4", "Start,tls_clt_features z.example $| 10.9.1.1", ".D{client_flags}MM", "Start,tls_clt_features sts1.example $| 1.2.3.4", "Start,tls_clt_features z.example $| 10.9.1.1", ".D{client_flags}",
	".D{server_name}a.mx.example", "STS_Check u@sts1.example", "Start,tls_clt_features sts1.example $| 1.2.3.4", ".D{server_name}b.a.mx.example", "STS_Check u@sts1.example", ".D{server_name}zz.example", "STS_Check u@sts1.example", "STS_Check <u@sts1.example.>",
	".D{rcpt_addr}u@sts2.example.", "STS_Check u@sts2.example", "STS_Check u@sts3.example", "STS_Check u@sts4.example", "STS_Check u@none.example", "STS_secure NO", "Set_SNI x", ".D{server_name}other.example", "STS_Check u@sts3.example",
	"tls_rcpt u@sts3.example", ".D{rcpt_addr}u@sts4.example", "Set_SNI x", "STS_secure NO", "Start,tls_clt_features x $| y", ".D{rcpt_addr}", "Start,tls_clt_features x $| y", "STS_Check u@sts3.example", "STS_SAN x", "DANE_disabled a;flags=xd;b",
	".D{sts_sni}x", "DANE_disabled a", ".D{sts_sni}", "Start,tls_srv_features a.bad.client.example $| 10.9.1.1",
	".D{client_rate}30", "RateControl x", ".D{client_connections}30", "ConnControl x", ".D{client_addr}10.9.1.1", "RateControl x", ".D{client_rate}1", ".D{client_connections}1", "RateControl x", "ConnControl x",
	".D{client_addr}99.1.1.1", ".D{opMode}s", ".D{addr_type}e r", "3,0 x@foo.REDIRECT", ".D{opMode}i", "3,0 x@foo.REDIRECT", ".D{opMode}s", "LDAPExpand <u <@ h . >> <u@h> <>",
	"LDAPExpand <joe <@ host.domain.com. >> <joe@host.domain.com> <>", "LDAPExpand <joe+d <@ host.domain.com. >> <joe+d@host.domain.com> <>", "LDAPExpand <u <@ domain1.com. >> <@domain1.com> <+d>",
	".D{addr_type}e s", "LDAPExpand <u <@ h . >> <@ h> <>", ".D{addr_type}e r", "LDAPExpand <x <@ domain.ne.jp. >> <domain.ne.jp> <>", "LDAPExpand <you <@ domain1.com. >> <domain.ne.jp> <+x>",
	"3,0 joe@domain1.com", "3,0 joe+x@domain1.com", "3,0 none@domain1.com", "3,0 joe@known.example", "bcc u@copy.example", "bcc u@a.mail.example", "BCC copy.example", "BCC a.b.mail.example",
	"queuegroup <q@q.example>", "check_eoh x", "CheckTo a@b.c", "CheckTo a,b",
}

// probes makes at least n commands for test mode, the same ones each time.
func probes(n int) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	address := func() string {
		if rnd.IntN(5) == 0 {
			return pick(odd)
		}
		return pick(locals) + "@" + pick(domains)
	}
	var out []string
	for _, a := range odd {
		out = append(out, "3,0 "+a)
	}
	for _, a := range locals {
		out = append(out, "3,0 "+a, "5 "+a)
	}
	for _, d := range domains {
		out = append(out, "3,0 x@"+d, "3,HdrFromSMTP,4 joe@"+d)
	}
	out = append(out, direct...)
	for _, a := range odd {
		out = append(out, "canonify "+a, "3,4 "+a, "3,HdrFromSMTP,4 "+a, "check_mail "+a, "check_rcpt "+a, "ParseRecipient "+a)
	}
	for _, flags := range []string{"HS", "ES", "HR", "ER"} {
		out = append(out, "/tryflags "+flags)
		for _, mailer := range []string{"local", "prog", "smtp", "esmtp", "relay", "procmail", "uucp-dom", "uucp-uudom", "uucp-new", "cyrusv2", "usenet", "feed"} {
			for range 4 {
				out = append(out, "/try "+mailer+" "+address())
			}
		}
	}
	for len(out) < n/2 {
		out = append(out, pick(rewritings)+" "+address())
	}
	each := n / 4 / len(clients)
	for _, c := range clients {
		out = append(out, session(c)...)
		for range max(each, 3) {
			a := address()
			out = append(out, "check_rcpt "+address(), ".Df"+a, "check_mail "+a, "check_mail <"+a+">")
		}
		for range 6 {
			out = append(out, pick(hooks))
		}
	}
	for _, s := range [][2]string{{"tls.example", "9.9.9.9"}, {"vfy.example", "8.8.8.8"}, {"no.example", "7.7.7.7"}, {"auth.example", "9.9.9.9"}} {
		out = append(out, ".D{server_name}"+s[0], ".D{server_addr}"+s[1], ".D{cipher_bits}112", ".D{auth_type}CRAM-MD5", ".D{auth_authen}me",
			".D{auth_author}you", ".D{cn_subject}other.example", ".D{cert_issuer}/C=DE", ".D{cert_subject}/CN=me", ".D{client_rate}30", ".D{client_connections}30",
			".D{rcpt_addr}x@tls.example")
		out = append(out, hooks...)
		out = append(out, ".D{verify}OK", "check_rcpt a@b.c", ".D{verify}")
	}
	return out
}

// session sets the macros of a client and asks what comes before a message.
func session(c client) []string {
	pair := fmt.Sprintf("%s $| %s", c.name, c.addr)
	return []string{
		".D{client_addr}" + c.addr, ".D{client_name}" + c.name, ".D{client_ptr}" + c.name, ".D{client_resolve}" + c.resolve, ".D{verify}NO",
		".D{auth_type}", ".D{auth_authen}", ".Dsbogus", ".D{client_rate}10", ".D{client_connections}3", ".D{server_name}" + c.name,
		".D{server_addr}" + c.addr, ".D{daemon_flags}" + []string{"", "f", "u", "c", "C C", "CC", "r"}[len(c.name)%7], ".D{opMode}s",
		"Start,check_relay " + pair, "Start,Local_check_relay " + pair, "Start,Basic_check_relay " + pair, "Start,greet_pause " + pair,
		"Start,checkrelay " + pair, "Start,x_connect " + pair,
	}
}
