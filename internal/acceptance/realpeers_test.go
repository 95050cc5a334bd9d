package acceptance

import (
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
)

// realPeers are the packages whose programs the tests of submission meet: Cyrus' saslauthd and saslpasswd2, Dovecot's
// auth service, Postfix as a provider, and programs that people send mail with.
var realPeers = []string{"postfix", "dovecot-core", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db", "swaks",
	"libio-socket-ssl-perl", "libauthen-sasl-perl", "msmtp", "curl", "python3", "openssl"}

// fetchPeers is done before the arena, which has no network.
func fetchPeers(t *testing.T, w world) {
	oracletest.Packages(t, realPeers...)
	passwd, group := arenaUsers()
	write(t, w.path("etc/passwd"), passwd+"postfix:x:301:301::/var/spool/postfix:/usr/sbin/nologin\n"+
		"dovecot:x:302:302::/nonexistent:/usr/sbin/nologin\ndovenull:x:303:303::/nonexistent:/usr/sbin/nologin\n")
	write(t, w.path("etc/group"), group+"postfix:x:301:\npostdrop:x:304:\n"+
		"dovecot:x:302:\ndovenull:x:303:\nsasl:x:45:\n")
	write(t, w.path("zone"), peersZone)
}

// arenaUsers are the users that an arena has of itself.
func arenaUsers() (passwd, group string) {
	for _, u := range []struct {
		name string
		id   int
		home string
	}{{"root", 0, "/root"}, {"daemon", 1, "/"}, {"mail", 8, "/var/mail"}, {"nobody", 65534, "/"}, {"smmta", 116, "/"},
		{"smmsp", 117, "/"}, {"mailnull", 118, "/"}, {"alice", 2001, "/home/alice"}, {"bob", 2002, "/home/bob"}} {
		passwd += fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", u.name, u.id, u.id, u.home)
		group += fmt.Sprintf("%s:x:%d:\n", u.name, u.id)
	}
	return passwd, group
}

// peersZone has the providers of the documents, each on an address of its own.
const peersZone = `example.jp. MX 10 mail.example.jp.
mail.example.jp. A 127.0.0.1
1.0.0.127.in-addr.arpa. PTR mail.example.jp.
smtpauth.example.ne.jp. A 127.0.3.1
msa.a1.auone-net.jp. A 127.0.3.1
mail.boke.ne.jp. A 127.0.3.1
relay-mta.dion.ne.jp. A 127.0.3.1
relay-mta.dion.ne.jp. MX 10 wrong.dion.ne.jp.
wrong.dion.ne.jp. A 127.0.3.99
1.3.0.127.in-addr.arpa. PTR smtpauth.example.ne.jp.
8.2.0.127.in-addr.arpa. PTR good.client.test.
good.client.test. A 127.0.2.8
`

// installPeers lays the packages' programs over the machine's, for this arena alone.
func installPeers(t *testing.T) {
	t.Helper()
	root := oracletest.Packages(t, realPeers...)
	for _, dir := range []string{"usr", "lib"} {
		from, over := filepath.Join(root, dir), filepath.Join("/usr", strings.TrimPrefix(dir, "usr"))
		if _, err := os.Stat(from); err == nil {
			run(t, "", "mount", "-t", "overlay", "overlay", "-o", "lowerdir="+from+":"+over, over)
		}
	}
}

// overlay puts a file of text in the place of one of the machine's, for this arena alone.
func overlay(t *testing.T, w world, path, text string, perm os.FileMode) {
	t.Helper()
	own := w.path("over", path)
	write(t, own, text)
	must(t, os.Chmod(own, perm))
	must(t, syscall.Mount(own, path, "", syscall.MS_BIND, ""))
}

// overlayDir does so for a folder, which it makes where the machine has none.
func overlayDir(t *testing.T, w world, path string) {
	t.Helper()
	own := w.path("over", path)
	must(t, os.MkdirAll(own, 0o755))
	must(t, os.MkdirAll(path, 0o755))
	must(t, syscall.Mount(own, path, "", syscall.MS_BIND, ""))
}

// background starts a program that stays in the foreground, and stops it at the end.
func background(t *testing.T, argv ...string) *daemon {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Postfix ends with its whole process group
	must(t, cmd.Start())
	d := &daemon{cmd, make(chan error, 1)}
	go func() { d.done <- cmd.Wait() }()
	t.Cleanup(d.stop)
	return d
}

// listening waits until something listens at addr, or at the socket of that name.
func listening(t *testing.T, network, addr string) {
	t.Helper()
	eventually(t, addr+" listens", func() bool {
		c, err := net.Dial(network, addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// startSaslauthd runs Cyrus' daemon on the passwords of the system: alice's is "secret".
func startSaslauthd(t *testing.T, w world, mechanism string) *daemon {
	t.Helper()
	hash := strings.TrimSpace(run(t, "", "openssl", "passwd", "-6", "secret"))
	overlay(t, w, "/etc/shadow", "root:*:19000:0:99999:7:::\nalice:"+hash+":19000:0:99999:7:::\n", 0o600)
	overlayDir(t, w, "/etc/pam.d")
	write(t, "/etc/pam.d/smtp", "auth required pam_unix.so\naccount required pam_permit.so\n")
	must(t, os.MkdirAll("/run/saslauthd", 0o755))
	d := background(t, "/usr/sbin/saslauthd", "-d", "-a", mechanism, "-m", "/run/saslauthd", "-n", "0")
	listening(t, "unix", "/run/saslauthd/mux")
	return d
}

// startDovecot runs Dovecot with its auth service alone. Its socket is /run/dovecot/auth-client; isp_user's password is
// isp_passwd, alice's is "secret".
func startDovecot(t *testing.T, w world) *daemon {
	t.Helper()
	write(t, w.path("dovecot/users"), "isp_user:{PLAIN}isp_passwd\nalice:{PLAIN}secret\n")
	write(t, w.path("dovecot/conf"), `base_dir = /run/dovecot
state_dir = /run/dovecot
log_path = `+w.path("dovecot/log")+`
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
passdb {
  driver = passwd-file
  args = `+w.path("dovecot/users")+`
}
userdb {
  driver = static
  args = uid=2001 gid=2001 home=/tmp
}
service auth {
  unix_listener auth-client {
    mode = 0666
  }
}
service stats {
  chroot =
}
`)
	d := background(t, "/usr/sbin/dovecot", "-F", "-c", w.path("dovecot/conf"))
	listening(t, "unix", "/run/dovecot/auth-client")
	return d
}

// postfixMain is a provider that relays for who has logged in, and keeps what it gets for outside.test in a file.
// Dovecot knows the passwords.
const postfixMain = `compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = @DIR@/postfix/data
meta_directory = @META@
mail_owner = postfix
setgid_group = postdrop
myhostname = smtpauth.example.ne.jp
mydestination =
mynetworks =
alias_maps =
inet_protocols = ipv4
smtpd_tls_cert_file = /etc/mail/certs/provider.pem
smtpd_tls_key_file = /etc/mail/certs/provider.key
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = /run/dovecot/auth-client
smtpd_sasl_authenticated_header = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = outside.test
virtual_mailbox_base = @DIR@/provider
virtual_mailbox_maps = static:box
virtual_uid_maps = static:2001
virtual_gid_maps = static:2001
smtputf8_enable = no
`

// startPostfix runs Postfix as the provider on the ports 25, 587 and 465 of 127.0.3.1. options are further lines.
func startPostfix(t *testing.T, w world, options ...string) {
	t.Helper()
	ca := certificate(t, "/etc/mail/certs/provider-ca", pkix.Name{CommonName: "Provider's CA"}, nil, nil)
	certificate(t, "/etc/mail/certs/provider", pkix.Name{CommonName: "smtpauth.example.ne.jp"},
		[]string{"smtpauth.example.ne.jp", "msa.a1.auone-net.jp", "mail.boke.ne.jp"}, ca)
	root := oracletest.Packages(t, realPeers...)
	dir := w.path("postfix/etc")
	fill := strings.NewReplacer("@DIR@", string(w), "@META@", filepath.Join(root, "etc/postfix"))
	write(t, filepath.Join(dir, "main.cf"), fill.Replace(postfixMain)+strings.Join(options, "\n")+"\n")
	master, err := os.ReadFile(filepath.Join(root, "usr/share/postfix/master.cf.dist"))
	must(t, err)
	text := strings.Replace(string(master), "smtp      inet", "127.0.3.1:25 inet", 1)
	text = strings.ReplaceAll(text, "  -       y       -", "  -       n       -") // no chroot
	text += "127.0.3.1:587 inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n" +
		"127.0.3.1:465 inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n  -o smtpd_sasl_auth_enable=yes\n"
	write(t, filepath.Join(dir, "master.cf"), text)
	must(t, os.MkdirAll("/var/spool/postfix", 0o755))
	must(t, os.MkdirAll(w.path("provider"), 0o777))
	must(t, os.Chown(w.path("provider"), 2001, 2001))
	must(t, os.MkdirAll(w.path("postfix/data"), 0o755))
	must(t, os.Chown(w.path("postfix/data"), 301, 301))
	run(t, "", "/usr/sbin/postfix", "-c", dir, "check")
	background(t, "/usr/lib/postfix/sbin/master", "-c", dir, "-d")
	listening(t, "tcp", "127.0.3.1:587")
}

// provided is what the provider has got by now.
func provided(w world) string {
	text, _ := os.ReadFile(w.path("provider/box"))
	return string(text)
}
