package acceptance

import (
	"crypto/x509/pkix"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The documents that the project began with show Postfix' settings for submission, passwords and providers. Each set-up
// is here as the .mc of a server of ours, with the programs that it names, and with Postfix as the provider. A test is
// named after the file of the document.

// passwordSite is what the set-ups have in common.
const passwordSite = `OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>, <<mail.example.jp>>)dnl
define(<<confDONT_PROBE_INTERFACES>>, <<True>>)dnl
define(<<confTO_IDENT>>, <<0>>)dnl
define(<<confQUEUE_LA>>, <<9999>>)dnl
define(<<confREFUSE_LA>>, <<9999>>)dnl
define(<<confLOG_LEVEL>>, <<12>>)dnl
define(<<confSERVER_CERT>>, <</etc/mail/certs/server.pem>>)dnl
define(<<confSERVER_KEY>>, <</etc/mail/certs/server.key>>)dnl
define(<<confCACERT>>, <</etc/mail/certs/ca.pem>>)dnl
define(<<LOCAL_MAILER_PATH>>, <<[mbox]>>)dnl
define(<<LOCAL_MAILER_ARGS>>, <<mbox /var/mail/$u>>)dnl
FEATURE(<<no_default_msa>>)dnl
@SITE@
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
@RULES@`

// startPasswordSite compiles and runs a site. Tables are made from texts by name.
func startPasswordSite(t *testing.T, w world, site, rules string, tables map[string]string) *daemon {
	t.Helper()
	ca := certificate(t, "/etc/mail/certs/ca", pkix.Name{CommonName: "The site's CA"}, nil, nil)
	certificate(t, "/etc/mail/certs/server", pkix.Name{CommonName: "mail.example.jp"}, []string{"mail.example.jp"}, ca)
	mc := strings.NewReplacer("@SITE@", site, "@RULES@", rules).Replace(passwordSite)
	write(t, "/etc/mail/site.mc", strings.NewReplacer("<<", "`", ">>", "'").Replace(mc))
	write(t, "/etc/mail/local-host-names", "example.jp\n")
	for name, text := range tables {
		write(t, "/etc/mail/"+name, text)
		must(t, os.Chmod("/etc/mail/"+name, 0o600))
		run(t, text, w.path("bin/makemap"), "hash", "/etc/mail/"+name)
	}
	run(t, "", w.path("bin/mkcf"), "lint", "/etc/mail/site.mc")
	write(t, "/etc/mail/sendmail.cf", run(t, "", w.path("bin/mkcf"), "/etc/mail/site.mc"))
	run(t, "", w.path("bin/sendmail"), "-bi")
	return start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD"))
}

// sasldbUser gives a user the password "secret" in Cyrus' database.
func sasldbUser(t *testing.T, user, realm string) {
	t.Helper()
	run(t, "secret\n", "/usr/sbin/saslpasswd2", "-c", "-p", "-f", "/etc/mail/sasldb2", "-u", realm, user)
}

// mailProgram is a program that people send mail with, and one way to use it. Its arguments may name @USER@ @PASS@
// @FROM@ @TO@ @SUBJECT@ @FILE@ (the message).
type mailProgram struct {
	name, port, mechanism string
	argv                  []string
}

const smtplib = `import smtplib, ssl, sys
port, how, mech, user, password, sender, to, file = sys.argv[1:]
context = ssl._create_unverified_context()
s = smtplib.SMTP_SSL('127.0.0.1', int(port), context=context) if how == 'tls' else smtplib.SMTP('127.0.0.1', int(port))
s.ehlo('pc.example.jp')
if how == 'starttls': s.starttls(context=context); s.ehlo('pc.example.jp')
s.user, s.password = user, password
s.auth(mech, getattr(s, 'auth_' + mech.lower().replace('-', '_')))
s.sendmail(sender, [to], open(file, 'rb').read())
s.quit()
`

// mailPrograms are tried with both ports of a site that takes PLAIN and LOGIN within TLS, and CRAM-MD5.
var mailPrograms = []mailProgram{
	{"swaks", "587", "PLAIN", swaks("587", "-tls", "PLAIN")},
	{"swaks", "587", "LOGIN", swaks("587", "-tls", "LOGIN")},
	{"swaks", "587", "CRAM-MD5", swaks("587", "-tls", "CRAM-MD5")},
	{"swaks", "465", "PLAIN", swaks("465", "-tlsc", "PLAIN")},
	{"swaks", "465", "LOGIN", swaks("465", "-tlsc", "LOGIN")},
	{"curl", "587", "PLAIN", curl("smtp://127.0.0.1:587/pc.example.jp", "PLAIN")},
	{"curl", "587", "LOGIN", curl("smtp://127.0.0.1:587/pc.example.jp", "LOGIN")},
	{"curl", "465", "PLAIN", curl("smtps://127.0.0.1:465/pc.example.jp", "PLAIN")},
	{"curl", "465", "CRAM-MD5", curl("smtps://127.0.0.1:465/pc.example.jp", "CRAM-MD5")},
	{"msmtp", "587", "PLAIN", msmtp("587", "on", "on", "plain")},
	{"msmtp", "465", "LOGIN", msmtp("465", "on", "off", "login")},
	{"msmtp", "587", "CRAM-MD5", msmtp("587", "on", "on", "cram-md5")},
	{"smtplib", "587", "PLAIN", python("587", "starttls", "PLAIN")},
	{"smtplib", "587", "CRAM-MD5", python("587", "starttls", "CRAM-MD5")},
	{"smtplib", "465", "LOGIN", python("465", "tls", "LOGIN")},
}

func swaks(port, tls, mechanism string) []string {
	return []string{"/usr/bin/swaks", "--server", "127.0.0.1", "--port", port, tls, "--auth", mechanism,
		"--auth-user", "@USER@", "--auth-password", "@PASS@", "--helo", "pc.example.jp",
		"--from", "@FROM@", "--to", "@TO@", "--header", "Subject: @SUBJECT@"}
}

func curl(url, mechanism string) []string {
	return []string{"/usr/bin/curl", "-sS", "-k", "--ssl-reqd", "--url", url, "--user", "@USER@:@PASS@",
		"--login-options", "AUTH=" + mechanism, "--mail-from", "@FROM@", "--mail-rcpt", "@TO@",
		"--upload-file", "@FILE@"}
}

func msmtp(port, tls, starttls, mechanism string) []string {
	return []string{"/bin/sh", "-c", `exec /usr/bin/msmtp --host=127.0.0.1 --port="$1" --tls="$2" --tls-starttls="$3" \
		--tls-certcheck=off --auth="$4" --user="$5" --passwordeval="echo $6" --domain=pc.example.jp --from="$7" \
		"$8" < "$9"`,
		"sh", port, tls, starttls, mechanism, "@USER@", "@PASS@", "@FROM@", "@TO@", "@FILE@"}
}

func python(port, how, mechanism string) []string {
	return []string{"/usr/bin/python3", "-c", smtplib, port, how, mechanism, "@USER@", "@PASS@", "@FROM@", "@TO@",
		"@FILE@"}
}

// use has the program send one message; it returns what the program printed, and whether it was content.
func (p mailProgram) use(t *testing.T, w world, user, password, from, to, subject string) (string, error) {
	t.Helper()
	file := w.path("message")
	write(t, file, "From: "+from+"\r\nTo: "+to+"\r\nSubject: "+subject+"\r\n\r\nby "+p.name+"\r\n")
	fill := strings.NewReplacer("@USER@", user, "@PASS@", password, "@FROM@", from, "@TO@", to, "@SUBJECT@", subject,
		"@FILE@", file)
	var argv []string
	for _, a := range p.argv {
		argv = append(argv, fill.Replace(a))
	}
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}

// title names the way of use.
func (p mailProgram) title() string { return p.name + " " + p.port + " " + p.mechanism }

// sendsToProvider has every program send through the site, and finds each mail at the provider.
func sendsToProvider(t *testing.T, w world, programs []mailProgram, user, from string) {
	t.Helper()
	for _, p := range programs {
		if out, err := p.use(t, w, user, "secret", from, "u@outside.test", p.title()); err != nil {
			t.Errorf("%s: %v\n%s", p.title(), err, out)
			continue
		}
		arrives(t, w, p.title())
		if out, err := p.use(t, w, user, "wrong", from, "u@outside.test", "wrong "+p.title()); err == nil {
			t.Errorf("%s: a wrong password is taken:\n%s", p.title(), out)
		}
	}
	if strings.Contains(provided(w), "Subject: wrong ") {
		t.Error("mail with a wrong password went out")
	}
}

// encryptedOnly is smtpd_enforce_tls=yes on the submission port.
const encryptedOnly = `LOCAL_RULESETS
SLocal_tls_client
R$* $| MAIL	$: $1 $| $&{daemon_name}
RNONE $| MSA	$#error $@ 5.7.0 $: "530 Must issue a STARTTLS command first"
`

// TestSeed001 is the memo with saslauthd, sender_login_maps, a provider that wants CRAM-MD5, PLAIN or LOGIN on its
// submission port, and the ports 587 with TLS and 465.
func TestSeed001(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		startSaslauthd(t, w, "pam")
		startDovecot(t, w)
		startPostfix(t, w)
		overlayDir(t, w, "/usr/lib/sasl2")
		write(t, "/usr/lib/sasl2/Sendmail.conf",
			"pwcheck_method: saslauthd\nmech_list: cram-md5 plain login\nsasldb_path: /etc/mail/sasldb2\n")
		sasldbUser(t, "alice", "mail.example.jp")
		const provider = `AuthInfo:smtpauth.example.ne.jp "U:isp_user" "P:isp_passwd"`
		startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
DAEMON_OPTIONS(<<Name=MSA, Addr=127.0.0.1, Port=587, M=Ea>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=sa>>)dnl
define(<<confPRIVACY_FLAGS>>, <<novrfy,needmailhelo>>)dnl
define(<<confAUTH_MECHANISMS>>, <<CRAM-MD5 PLAIN LOGIN>>)dnl
TRUST_AUTH_MECH(<<CRAM-MD5 PLAIN LOGIN>>)dnl
define(<<confAUTH_OPTIONS>>, <<p,y>>)dnl
define(<<confDONT_BLAME_SENDMAIL>>, <<GroupReadableSASLDBFile>>)dnl
define(<<confAUTH_OLD_CLIENTS>>, <<True>>)dnl
FEATURE(<<sender_login>>, <<hash -T<TMPF> /etc/mail/sasl_sender_login>>, <<everybody>>)dnl
define(<<SMART_HOST>>, <<relay:[smtpauth.example.ne.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/sasl_passwd>>)dnl
`, encryptedOnly, map[string]string{
			"sasl_sender_login": "aaa@example.jp alice@mail.example.jp\n",
			"sasl_passwd":       provider + ` "M:CRAM-MD5 PLAIN LOGIN"` + "\n",
		})
		sendsToProvider(t, w, mailPrograms, "alice", "aaa@example.jp")
		out, err := mailPrograms[0].use(t, w, "alice", "secret", "boss@example.jp", "u@outside.test", "not mine")
		if err == nil || !strings.Contains(out, "553 5.7.1") {
			t.Errorf("alice sent as boss: %v\n%s", err, out)
		}
		log := wholeLog(t, w)
		for _, want := range []string{"authid=alice, mech=CRAM-MD5, bits=0", "authid=alice, mech=PLAIN, bits=0",
			"authid=alice, mech=LOGIN, bits=0", "sasl_method=CRAM-MD5, sasl_username=isp_user"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
	})
}

// relays sends one message in clear from an address, and says what the server answered to RCPT for outside.test.
func relays(t *testing.T, from, addr, subject string) string {
	t.Helper()
	replies, err := talk(from, addr, "EHLO pc.example.jp", "MAIL FROM:<aaa@example.jp>", "RCPT TO:<u@outside.test>",
		"DATA", "Subject: "+subject+"\r\n\r\nx\r\n.", "QUIT")
	must(t, err)
	return replies[3]
}

// arrives waits for a subject at the provider.
func arrives(t *testing.T, w world, subject string) {
	t.Helper()
	eventually(t, subject+" is at the provider", func() bool {
		return strings.Contains(provided(w), "Subject: "+subject+"\n")
	})
}

// TestDovecotChecksPasswords lets Dovecot carry out the exchanges, and stops it in between.
func TestDovecotChecksPasswords(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		dovecot := startDovecot(t, w)
		startPostfix(t, w)
		startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
DAEMON_OPTIONS(<<Name=MSA, Addr=127.0.0.1, Port=587, M=Ea>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=sa>>)dnl
define(<<confAUTH_BACKENDS>>, <<dovecot:/run/dovecot/auth-client>>)dnl
define(<<confAUTH_MECHANISMS>>, <<SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN>>)dnl
TRUST_AUTH_MECH(<<SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN>>)dnl
define(<<confAUTH_OPTIONS>>, <<p,y>>)dnl
define(<<SMART_HOST>>, <<relay:[smtpauth.example.ne.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/saslpass>>)dnl
`, "", map[string]string{"saslpass": `AuthInfo:smtpauth.example.ne.jp "U:isp_user" "P:isp_passwd"` + "\n"})
		sendsToProvider(t, w, append([]mailProgram{
			{"msmtp", "587", "SCRAM-SHA-1", msmtp("587", "on", "on", "scram-sha-1")},
			{"msmtp", "465", "SCRAM-SHA-256", msmtp("465", "on", "off", "scram-sha-256")},
			{"msmtp", "587", "DIGEST-MD5", msmtp("587", "off", "on", "digest-md5")},
		}, mailPrograms...), "alice", "aaa@example.jp")
		dovecot.stop()
		swaks := mailPrograms[0]
		out, err := swaks.use(t, w, "alice", "secret", "aaa@example.jp", "u@outside.test", "nobody to ask")
		if err == nil || !strings.Contains(out, "454 4.") {
			t.Errorf("without Dovecot: %v\n%s", err, out)
		}
		startDovecot(t, w)
		sendsToProvider(t, w, mailPrograms[1:2], "alice", "aaa@example.jp")
	})
}

// TestAccountsBySender sends for three people of one site through one provider: two have accounts of their own there.
func TestAccountsBySender(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		startDovecot(t, w)
		startPostfix(t, w)
		startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
define(<<confMCI_CACHE_SIZE>>, <<4>>)dnl
define(<<SMART_HOST>>, <<relay:[smtpauth.example.ne.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/saslpass>>, <<by_sender>>)dnl
`, "", map[string]string{"saslpass": `AuthInfo:smtpauth.example.ne.jp "U:isp_user" "P:isp_passwd"
AuthInfo:smtpauth.example.ne.jp/alice@example.jp "U:alice" "P:secret"
AuthInfo:smtpauth.example.ne.jp/bob@example.jp "U:bob" "P:wrong"
`})
		accounts := []struct{ sender, account string }{{"alice", "alice"}, {"carol", "isp_user"}, {"alice", "alice"},
			{"carol", "isp_user"}, {"dave", "isp_user"}, {"alice", "alice"}}
		for i, c := range accounts {
			subject, before := fmt.Sprintf("mail %d", i), len(provided(w))
			replies := dialogue(t, "127.0.0.1", "EHLO pc.example.jp", "MAIL FROM:<"+c.sender+"@example.jp>",
				"RCPT TO:<u@outside.test>", "DATA", "Subject: "+subject+"\r\n\r\nx\r\n.", "QUIT")
			if !strings.HasPrefix(replies[5], "250") {
				t.Fatalf("%s: %q", c.sender, replies)
			}
			arrives(t, w, subject)
			if got := provided(w)[before:]; !strings.Contains(got, "(Authenticated sender: "+c.account+")") {
				t.Errorf("mail of %s went not as %s:\n%s", c.sender, c.account, got)
			}
		}
		if n := strings.Count(wholeLog(t, w), "AUTH=client"); n != 2 {
			t.Errorf("%d logins, want one for each account", n)
		}
	})
}

// TestSeed000 is the page with four ways from a client through a home server and its provider, by which of the two
// networks block port 25.
func TestSeed000(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		startSaslauthd(t, w, "shadow")
		startDovecot(t, w)
		overlayDir(t, w, "/etc/sasl2")
		write(t, "/etc/sasl2/Sendmail.conf", "pwcheck_method: saslauthd\nmech_list: plain login\n")
		const login = `define(<<confAUTH_MECHANISMS>>, <<PLAIN LOGIN>>)dnl
TRUST_AUTH_MECH(<<PLAIN LOGIN>>)dnl
define(<<confAUTH_OPTIONS>>, <<p,y>>)dnl
`
		const provider = `define(<<SMART_HOST>>, <<relay:[mail.boke.ne.jp]>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/saslpass>>)dnl
`
		saslpass := map[string]string{"saslpass": `AuthInfo:mail.boke.ne.jp "U:isp_user" "P:isp_passwd"` + "\n"}
		startPostfix(t, w, "smtpd_sasl_auth_enable = yes")
		t.Run("1 and 2, both networks block port 25", func(t *testing.T) {
			d := startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
DAEMON_OPTIONS(<<Name=MSA, Addr=127.0.0.1, Port=587, M=Ea>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=s>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
`+login+provider, "", saslpass)
			sendsToProvider(t, w, mailPrograms[:2], "alice", "aaa@example.jp")
			sendsToProvider(t, w, mailPrograms[3:5], "alice", "aaa@example.jp")
			if got := relays(t, "127.0.2.8", "127.0.0.1:25", "stranger"); !strings.HasPrefix(got, "550 5.7.1") {
				t.Errorf("a stranger may relay: %s", got)
			}
			d.stop()
		})
		t.Run("3, the server's network does not block it", func(t *testing.T) {
			d := startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=sa>>)dnl
`+login+provider, "", saslpass)
			curl := mailPrograms[7]
			out, err := curl.use(t, w, "alice", "secret", "aaa@example.jp", "u@outside.test", "by port 25")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			arrives(t, w, "by port 25")
			d.stop()
		})
		t.Run("a provider with port 465", func(t *testing.T) {
			d := startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TLS $h 465>>)dnl
`+provider, "", saslpass)
			if got := relays(t, "127.0.0.1", "127.0.0.1:25", "by port 465"); !strings.HasPrefix(got, "250") {
				t.Fatalf("RCPT: %s", got)
			}
			arrives(t, w, "by port 465")
			d.stop()
		})
		t.Run("4, only this host relays", func(t *testing.T) {
			d := startPasswordSite(t, w, `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
`+provider, "", saslpass)
			for from, want := range map[string]string{"127.0.0.1": "250 2.1.5", "127.0.2.8": "550 5.7.1"} {
				if got := relays(t, from, "127.0.0.1:25", "from "+from); !strings.HasPrefix(got, want) {
					t.Errorf("from %s: %s, want %s", from, got, want)
				}
			}
			arrives(t, w, "from 127.0.0.1")
			d.stop()
		})
		if log := wholeLog(t, w); strings.Count(log, "sasl_username=isp_user") < 6 {
			t.Errorf("the provider saw %d logins, want 6", strings.Count(log, "sasl_username=isp_user"))
		}
	})
}

// TestSeed002 is the page that keeps AUTH away from port 25 and asks for it on 587, with sasldb2, then with saslauthd.
func TestSeed002(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		startDovecot(t, w)
		startPostfix(t, w)
		overlayDir(t, w, "/etc/sasl2")
		const conf = "/etc/sasl2/Sendmail.conf"
		write(t, conf, "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /etc/mail/sasldb2\n")
		sasldbUser(t, "hoge", "example.com")
		site := `DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25, M=A>>)dnl
DAEMON_OPTIONS(<<Name=MSA, Addr=127.0.0.1, Port=587, M=a>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=sa>>)dnl
define(<<confAUTH_MECHANISMS>>, <<DIGEST-MD5 CRAM-MD5 PLAIN LOGIN>>)dnl
TRUST_AUTH_MECH(<<DIGEST-MD5 CRAM-MD5 PLAIN LOGIN>>)dnl
define(<<confAUTH_OPTIONS>>, <<y>>)dnl
define(<<confAUTH_REALM>>, <<example.com>>)dnl
define(<<confDONT_BLAME_SENDMAIL>>, <<GroupReadableSASLDBFile>>)dnl
define(<<SMART_HOST>>, <<relay:[smtpauth.example.ne.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/saslpass>>)dnl
`
		tables := map[string]string{"saslpass": `AuthInfo:smtpauth.example.ne.jp "U:isp_user" "P:isp_passwd"` + "\n"}
		d := startPasswordSite(t, w, site, "", tables)
		for port, want := range map[string]bool{"25": false, "587": true} {
			replies, err := talk("127.0.2.8", "127.0.0.1:"+port, "EHLO pc.example.jp", "QUIT")
			must(t, err)
			if strings.Contains(replies[1], "250-AUTH DIGEST-MD5 CRAM-MD5 PLAIN LOGIN") != want {
				t.Errorf("port %s offers: %s", port, replies[1])
			}
		}
		if got := relays(t, "127.0.2.8", "127.0.0.1:587", "no login"); !strings.HasPrefix(got, "503") {
			t.Errorf("587 without a login: %s", got)
		}
		clear := mailProgram{"msmtp", "587", "DIGEST-MD5", msmtp("587", "off", "on", "digest-md5")}
		sendsToProvider(t, w, []mailProgram{clear, mailPrograms[0]}, "hoge", "aaa@example.jp")
		sendsToProvider(t, w, mailPrograms[1:5], "hoge@example.com", "aaa@example.jp")
		d.stop()

		write(t, conf, "pwcheck_method: saslauthd\nmech_list: plain login\n")
		d = startPasswordSite(t, w, site, "", tables)
		swaks := mailPrograms[0]
		out, err := swaks.use(t, w, "alice", "secret", "aaa@example.jp", "u@outside.test", "nobody to ask")
		if err == nil || !strings.Contains(out, "454 4.") {
			t.Errorf("without saslauthd: %v\n%s", err, out)
		}
		saslauthd := startSaslauthd(t, w, "pam")
		sendsToProvider(t, w, mailPrograms[5:7], "alice", "aaa@example.jp")
		saslauthd.stop()
		out, err = swaks.use(t, w, "alice", "secret", "aaa@example.jp", "u@outside.test", "nobody to ask again")
		if err == nil || !strings.Contains(out, "454 4.") {
			t.Errorf("with saslauthd gone: %v\n%s", err, out)
		}
		d.stop()
	})
}

// TestSeed003 is the page about a provider's relay without a password, then with one, whose submission port has no TLS.
func TestSeed003(t *testing.T) {
	inArena(t, fetchPeers, func(t *testing.T, w world) {
		installPeers(t)
		startDovecot(t, w)
		startPostfix(t, w, "smtpd_tls_security_level = none",
			"smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject",
			"smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject",
			"mynetworks = 127.0.0.0/8")
		const here = "DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl\n"
		for _, relay := range []struct{ name, site, table, want string }{
			{"the relay without a password", "define(<<SMART_HOST>>, <<relay:[relay-mta.dion.ne.jp]>>)dnl\n", "",
				"relay=relay-mta.dion.ne.jp. [127.0.3.1], dsn=2.0.0, stat=Sent"},
			{"the submission port", `define(<<SMART_HOST>>, <<relay:[msa.a1.auone-net.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/smtp_passwd>>)dnl
`, `AuthInfo:msa.a1.auone-net.jp "U:isp_user" "P:isp_passwd" "M:CRAM-MD5 DIGEST-MD5 PLAIN LOGIN"` + "\n",
				"sasl_username=isp_user"},
			{"the submission port with PLAIN only", `define(<<SMART_HOST>>, <<relay:[msa.a1.auone-net.jp]>>)dnl
define(<<RELAY_MAILER_ARGS>>, <<TCP $h 587>>)dnl
FEATURE(<<authinfo>>, <<hash /etc/mail/smtp_passwd>>)dnl
`, `AuthInfo:msa.a1.auone-net.jp "U:isp_user" "P:isp_passwd" "M:PLAIN"` + "\n",
				"sasl_method=PLAIN, sasl_username=isp_user"},
		} {
			d := startPasswordSite(t, w, here+relay.site, "", map[string]string{"smtp_passwd": relay.table})
			if got := relays(t, "127.0.0.1", "127.0.0.1:25", relay.name); !strings.HasPrefix(got, "250") {
				t.Fatalf("%s: RCPT: %s", relay.name, got)
			}
			arrives(t, w, relay.name)
			d.stop()
			if log := wholeLog(t, w); !strings.Contains(log, relay.want) {
				t.Errorf("%s: the log lacks %q:\n%s", relay.name, relay.want, log)
			}
		}
	})
}
