package acceptance

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/sasl"
)

// authSite is a site with passwords and certificates. @MORE@ is what a variant adds.
const authSite = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<confTO_IDENT>>,<<0>>)dnl
define(<<confDELIVERY_MODE>>,<<q>>)dnl
define(<<confPRIVACY_FLAGS>>,<<authwarnings>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confLOG_LEVEL>>,<<12>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
define(<<confCACERT_PATH>>,<</etc/mail/certs/ca>>)dnl
define(<<confCACERT>>,<</etc/mail/certs/ca.pem>>)dnl
define(<<confSERVER_CERT>>,<</etc/mail/certs/server.pem>>)dnl
define(<<confSERVER_KEY>>,<</etc/mail/certs/server.key>>)dnl
define(<<confAUTH_MECHANISMS>>,<<EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 LOGIN PLAIN>>)dnl
TRUST_AUTH_MECH(<<EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 LOGIN PLAIN>>)dnl
FEATURE(<<no_default_msa>>)dnl
FEATURE(<<access_db>>,<<text -o -z| -k0 -v1 /etc/mail/access>>)dnl
@MORE@
DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1, Port=25>>)dnl
DAEMON_OPTIONS(<<Name=MSA, Addr=127.0.0.1, Port=587, M=Ea>>)dnl
DAEMON_OPTIONS(<<Name=SMTPS, Addr=127.0.0.1, Port=465, M=s>>)dnl
DAEMON_OPTIONS(<<Name=CLEAR, Addr=127.0.0.1, Port=2501, M=S>>)dnl
DAEMON_OPTIONS(<<Name=OPEN, Addr=127.0.0.1, Port=2502, M=A>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
LOCAL_CONFIG
Knote syslog -D -LNOTICE
LOCAL_RULESETS
SLocal_check_rcpt
R$*	$: $(note verify=$&{verify} tls=$&{tls_version} $&{cipher} $&{cipher_bits} $&{alg_bits} subject=$&{cert_subject} issuer=$&{cert_issuer} cn=$&{cn_subject} cni=$&{cn_issuer} md5=$&{cert_md5} fp=$&{cert_fp} $) $1
R$*	$: $(note type=$&{auth_type} authen=$&{auth_authen} author=$&{auth_author} ssf=$&{auth_ssf} flags=$&{daemon_flags} $) $1
`

// authVariants are the settings under which all dialogues are held.
var authVariants = []struct{ name, more, access string }{
	{"plain", "", ""},
	{"p,y", "define(<<confAUTH_OPTIONS>>,<<p,y>>)dnl", ""},
	{"d", "define(<<confAUTH_OPTIONS>>,<<d>>)dnl", "Srv_Features:127.0.0.1|V"},
	{"m", "define(<<confAUTH_OPTIONS>>,<<m A>>)dnl", "TLS_Clt:127.0.0.1|VERIFY"},
	{"few mechanisms", "define(<<confAUTH_MECHANISMS>>,<<LOGIN GSSAPI CRAM-MD5>>)dnl", "TLS_Clt:|ENCR:112"},
	{"client certificates not asked for", "define(<<confTLS_SRV_OPTIONS>>,<<V>>)dnl", ""},
	{"relaying by certificate", "define(<<confCERT_FINGERPRINT_ALGORITHM>>,<<sha256>>)dnl",
		"CertIssuer:/O=Test+20+28CA+29/CN=Root+20+2B|SUBJECT\nCertSubject:/C=JP/CN=Client+20One|RELAY"},
	{"no STARTTLS, no AUTH for us", "", "Srv_Features:127.0.0.1|S A"},
	{"AUTH required", "", "Srv_Features:127.0.0.1|l c"},
	{"a client that is refused", "", "Connect:127.0.0.1|REJECT"},
}

// authDialogues are spoken under each of them. A step is a command, or one of the words
//
//	TLS [NAME] [VERSION]   the handshake, with NAME's certificate
//	AUTH MECH USER PASSWORD
//	raw TEXT               sent without waiting for an answer
//	read                   an answer that comes unasked: the greeting after an implicit handshake
//
// port is the daemon's.
var authDialogues = []struct {
	port  string
	steps []string
}{
	{"25", []string{"EHLO c.test", "QUIT"}},
	{"25", []string{"HELO c.test", "AUTH PLAIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"AUTH PLAIN alice secret", "EHLO c.test", "AUTH PLAIN alice secret", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH PLAIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "RSET", "AUTH LOGIN alice secret", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH LOGIN alice secret", "MAIL FROM:<a@example.test> AUTH=<>", "RCPT TO:<u@remote.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH CRAM-MD5 alice secret", "MAIL FROM:<a@example.test> AUTH=alice", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH DIGEST-MD5 alice secret", "MAIL FROM:<a@example.test> AUTH=someone@else", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH DIGEST-MD5 bob@other.test bobpw", "MAIL FROM:<a@example.test>",
		"RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH DIGEST-MD5 alice@mail.example.test secret", "MAIL FROM:<a@example.test>",
		"RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH CRAM-MD5 bob@other.test bobpw", "MAIL FROM:<a@example.test>",
		"RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH SCRAM-SHA-256 bob@other.test bobpw", "MAIL FROM:<a@example.test>",
		"RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH SCRAM-SHA-1 alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH SCRAM-SHA-256 alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "DATA", "Subject: y\r\n\r\nx\r\n.", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH PLAIN alice wrong", "AUTH LOGIN alice wrong", "AUTH CRAM-MD5 alice wrong", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH PLAIN nobody secret", "AUTH LOGIN nobody secret", "AUTH CRAM-MD5 nobody secret", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH PLAIN bob@other.test bobpw", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH LOGIN bob bobpw", "AUTH PLAIN alice@mail.example.test secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH", "AUTH FOO", "AUTH GSSAPI", "AUTH PLAIN *", "AUTH PLAIN ====", "AUTH LOGIN", "*", "AUTH LOGIN", "!!!", "AUTH PLAIN", "*", "NOOP", "QUIT"}},
	{"25", []string{"EHLO c.test", "AUTH PLAIN =", "AUTH PLAIN AGFsaWNl", "AUTH PLAIN YQBiAGMAZA==", "QUIT"}},
	{"25", []string{"EHLO c.test", "MAIL FROM:<a@example.test>", "AUTH PLAIN alice secret", "STARTTLS", "RSET", "AUTH PLAIN alice secret", "QUIT"}},
	{"25", []string{"EHLO c.test", "MAIL FROM:<a@example.test> AUTH=alice", "RCPT TO:<root@mail.example.test>", "DATA", "Subject: z\r\n\r\nx\r\n.", "QUIT"}},
	{"25", []string{"EHLO c.test", "STARTTLS x", "STARTTLS", "TLS", "EHLO c.test", "STARTTLS", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "STARTTLS", "TLS client", "EHLO c.test", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "RCPT TO:<root@mail.example.test>", "DATA", "Subject: t\r\n\r\nx\r\n.", "QUIT"}},
	{"25", []string{"EHLO c.test", "STARTTLS", "TLS client", "EHLO c.test", "AUTH EXTERNAL =", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "STARTTLS", "TLS self", "EHLO c.test", "AUTH EXTERNAL =", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"25", []string{"STARTTLS", "TLS 1.2", "MAIL FROM:<a@example.test>", "HELO c.test", "MAIL FROM:<a@example.test>", "RCPT TO:<root@mail.example.test>", "QUIT"}},
	{"25", []string{"EHLO c.test", "STARTTLS", "TLS client 1.2", "EHLO c.test", "AUTH PLAIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "DATA", "Subject: u\r\n\r\nx\r\n.", "QUIT"}},
	{"587", []string{"EHLO c.test", "MAIL FROM:<a@example.test>", "VRFY root", "ETRN x", "NOOP", "AUTH PLAIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"587", []string{"EHLO c.test", "STARTTLS", "TLS", "EHLO c.test", "MAIL FROM:<a@example.test>", "AUTH LOGIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "DATA", "Subject: s\r\n\r\nx\r\n.", "QUIT"}},
	{"465", []string{"TLS", "read", "EHLO c.test", "STARTTLS", "AUTH PLAIN alice secret", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "DATA", "Subject: w\r\n\r\nx\r\n.", "QUIT"}},
	{"465", []string{"TLS client 1.2", "read", "EHLO c.test", "AUTH EXTERNAL =", "MAIL FROM:<a@example.test>", "RCPT TO:<u@remote.test>", "QUIT"}},
	{"2501", []string{"EHLO c.test", "STARTTLS", "AUTH PLAIN alice secret", "QUIT"}},
	{"2502", []string{"EHLO c.test", "AUTH PLAIN alice secret", "STARTTLS", "TLS", "EHLO c.test", "AUTH PLAIN alice secret", "QUIT"}},
}

// certificate makes a key and a certificate that issuer signed, or one that signed itself.
func certificate(t *testing.T, path string, subject pkix.Name, names []string, issuer *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: names, BasicConstraintsValid: true, IsCA: issuer == nil}
	parent, signer := tmpl, any(key)
	if issuer != nil {
		parent, signer = issuer.Leaf, issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	must(t, err)
	kder, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(t, os.WriteFile(path+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kder}), 0o600))
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// cyrus fetches the programs and mechanisms of Cyrus SASL.
func cyrus(t *testing.T) (root string, program func(program string, args ...string) *exec.Cmd) {
	t.Helper()
	return oracletest.Debian(t, "usr/sbin/saslpasswd2", "sasl2-bin", "libsasl2-2", "libsasl2-modules", "libsasl2-modules-db", "libdb5.3")
}

// layPasswords makes /etc/mail/sasl/sasldb2 with Cyrus' own program and lets both servers find it and Cyrus'
// mechanisms.
func layPasswords(t *testing.T, w world) {
	t.Helper()
	root, program := cyrus(t)
	for _, dir := range []string{"/usr/lib/x86_64-linux-gnu/sasl2", "/etc/sasl2"} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	must(t, syscall.Mount(filepath.Join(root, "usr/lib/x86_64-linux-gnu/sasl2"), "/usr/lib/x86_64-linux-gnu/sasl2", "", syscall.MS_BIND, ""))
	must(t, os.MkdirAll(w.path("sasl2"), 0o755))
	must(t, syscall.Mount(w.path("sasl2"), "/etc/sasl2", "", syscall.MS_BIND, ""))
	write(t, "/etc/sasl2/Sendmail.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /etc/mail/sasldb2\n")
	for _, user := range [][3]string{{"alice", "mail.example.test", "secret"}, {"bob", "other.test", "bobpw"}} {
		cmd := program("usr/sbin/saslpasswd2", "-c", "-p", "-f", "/etc/mail/sasldb2", "-u", user[1], user[0])
		cmd.Stdin = strings.NewReader(user[2] + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("saslpasswd2: %v\n%s", err, out)
		}
	}
	must(t, os.Chmod("/etc/mail/sasldb2", 0o600))
}

// secureTalk is a dialogue that can begin TLS and authenticate; it returns what was answered.
type secureTalk struct {
	conn    net.Conn
	r       *bufio.Reader
	answers []string
	dir     string // of certificates
}

func (s *secureTalk) read() string {
	var lines []string
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			lines = append(lines, "closed")
			break
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			break
		}
	}
	answer := strings.Join(lines, "\n")
	s.answers = append(s.answers, answer)
	return answer
}

func (s *secureTalk) ask(line string) string {
	if _, err := s.conn.Write([]byte(line + "\r\n")); err != nil {
		s.answers = append(s.answers, "closed")
		return "closed"
	}
	return s.read()
}

// step carries out one; false ends the dialogue.
func (s *secureTalk) step(t *testing.T, step string) bool {
	words := strings.Fields(step)
	last := ""
	if len(s.answers) > 0 {
		last = s.answers[len(s.answers)-1]
	}
	switch {
	case step == "read":
		s.read()
	case words[0] == "TLS":
		return s.handshake(t, words[1:], last)
	case words[0] == "AUTH" && len(words) == 4:
		s.auth(t, words[1], words[2], words[3])
	case strings.HasSuffix(step, "\r\n."):
		if strings.HasPrefix(last, "354") {
			s.ask(step)
		}
	default:
		return s.ask(step) != "closed"
	}
	return true
}

func (s *secureTalk) handshake(t *testing.T, words []string, last string) bool {
	if last != "" && !strings.HasPrefix(last, "220") {
		return true // STARTTLS was refused: the dialogue goes on in clear
	}
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	for _, w := range words {
		if w == "1.2" {
			conf.MaxVersion = tls.VersionTLS12
			continue
		}
		cert, err := tls.LoadX509KeyPair(filepath.Join(s.dir, w+".pem"), filepath.Join(s.dir, w+".key"))
		must(t, err)
		// The server's hint about authorities is passed over, so that a certificate of none of them is shown too.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	c := tls.Client(s.conn, conf)
	if err := c.Handshake(); err != nil {
		s.answers = append(s.answers, "no handshake")
		return false
	}
	s.conn, s.r = c, bufio.NewReader(c)
	return true
}

// auth runs an exchange with the client side of package sasl.
func (s *secureTalk) auth(t *testing.T, mechanism, user, password string) {
	cred := sasl.Credentials{User: user, Password: password}
	client, err := sasl.NewClient(mechanism, cred, sasl.Peer{Host: "mail.example.test"})
	must(t, err)
	_, initial, err := client.Start()
	must(t, err)
	line := "AUTH " + mechanism
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	answer := s.ask(line)
	for range 6 {
		text, more := strings.CutPrefix(answer, "334 ")
		if !more {
			return
		}
		s.answers[len(s.answers)-1] = "334" // a nonce
		challenge, err := base64.StdEncoding.DecodeString(text)
		must(t, err)
		next, err := client.Next(challenge)
		if err != nil {
			answer = s.ask("*")
			continue
		}
		answer = s.ask(base64.StdEncoding.EncodeToString(next))
	}
}

func speak(t *testing.T, w world, port string, steps []string) []string {
	t.Helper()
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 10*time.Second)
	must(t, err)
	defer func() { c.Close() }()
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	s := &secureTalk{conn: c, r: bufio.NewReader(c), dir: "/etc/mail/certs"}
	if port != "465" {
		s.read()
	}
	for _, step := range steps {
		if !s.step(t, step) {
			break
		}
	}
	return s.answers
}

var (
	authVolatile = regexp.MustCompile(`\w{3}, \d+ \w{3} 20[^\n]*|; \w{3},? [^\n]*|<[0-9.]+@|\(?8\.\d\d\.\d[0-9.]*(/8\.\d\d\.\d[0-9.]*)?\)?`)
	verb         = regexp.MustCompile(`\n250-VERB`)
)

func maskAuth(text string) string {
	return verb.ReplaceAllString(queueID.ReplaceAllString(authVolatile.ReplaceAllString(text, "<volatile>"), "<id>"), "")
}

// authLog keeps the lines about TLS, AUTH and what the rules saw.
func authLog(t *testing.T, w world) (lines []string) {
	t.Helper()
	for _, line := range logLines(t, w) {
		for _, word := range []string{"AUTH=server", "STARTTLS=server, relay", "STARTTLS=server, cert", "AUTH failure", "verify=", "authen=", "ruleset=", "decode64"} {
			if strings.Contains(line, word) {
				lines = append(lines, maskAuth(line))
				break
			}
		}
	}
	return lines
}

// received returns the Received: fields of what is queued, in the order of subjects.
func received(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/var/spool/mqueue/qf*")
	must(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		_, field, _ := strings.Cut(string(text), "H??Received:")
		field, _, _ = strings.Cut(field, "\nH")
		_, subject, _ := strings.Cut(string(text), "H??Subject:")
		subject, _, _ = strings.Cut(subject, "\n")
		_, auth, _ := strings.Cut(string(text), "\nA")
		auth, _, _ = strings.Cut(auth, "\n")
		list = append(list, subject+" A"+auth+maskAuth(field))
		must(t, os.Remove(f))
		must(t, os.Remove(filepath.Join(filepath.Dir(f), "df"+strings.TrimPrefix(filepath.Base(f), "qf"))))
	}
	slices.Sort(list)
	return list
}

// authOutcome is what one server made of all dialogues under one variant.
type authOutcome struct {
	answers [][]string
	log     [][]string
	queue   []string
}

func authRun(t *testing.T, w world, daemon *exec.Cmd) (o authOutcome) {
	t.Helper()
	d := start(t, "127.0.0.1:25", daemon)
	defer d.stop()
	settled(t, w)
	logLines(t, w)
	for _, x := range authDialogues {
		o.answers = append(o.answers, speak(t, w, x.port, x.steps))
		settled(t, w)
		o.log = append(o.log, authLog(t, w))
	}
	o.queue = received(t)
	return o
}

func maskAll(answers []string) []string {
	out := make([]string, len(answers))
	for i, a := range answers {
		out[i] = maskAuth(a)
	}
	return out
}

// authVariantsToday are two of the variants, others every day; all with GOSENDMAIL_SLOW.
func authVariantsToday() []int {
	n := len(authVariants)
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	day := int(time.Now().Unix() / 86400)
	return []int{day % n, (day + n/2) % n}
}

// TestAuthAsTheOriginal holds 290 dialogues with AUTH and STARTTLS beside the original: replies, log, what rules see,
// Received: fields.
func TestAuthAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) { cyrus(t) }, func(t *testing.T, w world) {
		oracletest.Root(t)
		layPasswords(t, w)
		ca := certificate(t, "/etc/mail/certs/ca", pkix.Name{Organization: []string{"Test (CA)"}, CommonName: "Root +"}, nil, nil)
		certificate(t, "/etc/mail/certs/server", pkix.Name{CommonName: "mail.example.test"}, []string{"mail.example.test"}, ca)
		certificate(t, "/etc/mail/certs/client", pkix.Name{Country: []string{"JP"}, CommonName: "Client One"}, nil, ca)
		certificate(t, "/etc/mail/certs/self", pkix.Name{CommonName: "Self <signed>"}, nil, nil)
		must(t, os.MkdirAll("/etc/mail/certs/ca", 0o755))
		write(t, "/etc/mail/local-host-names", "example.test\n")
		for _, n := range authVariantsToday() {
			v := authVariants[n]
			m4 := oracletest.M4(t)
			m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@MORE@", strings.NewReplacer("<<", "`", ">>", "'").Replace(v.more),
				"@TREE@", oracletest.Tree(t), "@DIR@", string(w)).Replace(authSite))
			cf, err := m4.Output()
			must(t, err)
			write(t, w.path("auth.cf"), string(cf))
			write(t, "/etc/mail/access", v.access+"\n")
			ours := authRun(t, w, exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("auth.cf")))
			want := authRun(t, w, oracletest.Sendmail(t, "-bD", "-C"+w.path("auth.cf")))
			for i, x := range authDialogues {
				head := fmt.Sprintf("%s, port %s, %q", v.name, x.port, x.steps)
				a, b := maskAll(ours.answers[i]), maskAll(want.answers[i])
				if !slices.Equal(a, b) {
					t.Errorf("%s:\nours:\n  %s\noriginal:\n  %s", head, strings.Join(a, "\n  "), strings.Join(b, "\n  "))
				}
				if !slices.Equal(ours.log[i], want.log[i]) {
					t.Errorf("%s: log:\nours:\n  %s\noriginal:\n  %s", head, strings.Join(ours.log[i], "\n  "), strings.Join(want.log[i], "\n  "))
				}
			}
			if !slices.Equal(ours.queue, want.queue) {
				t.Errorf("%s: queue:\nours:\n%s\noriginal:\n%s", v.name, strings.Join(ours.queue, "\n"), strings.Join(want.queue, "\n"))
			}
		}
	})
}
