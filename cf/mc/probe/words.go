package probe

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
	"x.com.", "host2.domain.com", "domain.com", "", "old.example", "x.dotted.example", "a.sub.skip.example", "copy.example", "errtext.example", "x.uucp", "LocalHost", "LOCALHOST.Domain.Com", "LocalHost.example", "X.Bitnet", "Host2.Domain.COM",
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
