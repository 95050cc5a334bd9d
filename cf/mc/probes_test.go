package mc_test

import "gosendmail/cf/mc/probe"

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

// probes makes at least n commands for test mode, the same ones each time.
func probes(n int) []string { return probe.Commands(n) }
