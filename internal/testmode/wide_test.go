package testmode_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/debug"
	"gosendmail/internal/mta"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/testmode"
)

// inside names, in the environment of this test program started once more within the private world, the folder of
// configurations (*.cf) and commands (*.in) that it is to answer (*.ours).
const inside = "GOSENDMAIL_TESTMODE_INSIDE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(inside); dir != "" {
		os.Exit(answer(dir))
	}
	if dir := os.Getenv(serving); dir != "" {
		os.Exit(serveMaps(dir))
	}
	os.Exit(m.Run())
}

// startFlags are the levels of -d with which the configurations are read in turn; "" means without.
var startFlags = []string{"", "-d37.1", "-d38.4", "-d37.1,38.2,21.4", "-d20.1,24.6,60.5"}

// answer runs the commands of each configuration in a folder through our test mode.
func answer(dir string) int {
	list, err := filepath.Glob(filepath.Join(dir, "*.cf"))
	for _, path := range list {
		if err == nil {
			err = answerOne(path, strings.TrimSuffix(path, ".cf"))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func answerOne(path, base string) error {
	var out bytes.Buffer
	log := &debug.Log{W: &out, Levels: new(debug.Levels)}
	if flags, err := os.ReadFile(base + ".flags"); err == nil && len(flags) > 0 {
		log.Levels.Set(strings.TrimPrefix(string(flags), "-d"))
	}
	site, err := mta.Load(context.Background(), mta.LoadOptions{Path: path, Version: version, OpMode: 't', Debug: log})
	if err != nil {
		return err
	}
	defer site.Close()
	in, err := os.Open(base + ".in")
	if err != nil {
		return err
	}
	defer in.Close()
	testmode.Run(context.Background(), site, in, &out, testmode.Options{Login: "root@localhost", Debug: log.Levels})
	return os.WriteFile(base+".ours", out.Bytes(), 0o644)
}

// features are configurations of our own choice, beside the stock ones: what follows OSTYPE(linux). "@" stands for a
// table in the private world.
var features = map[string]string{
	"tables": "FEATURE(`access_db')\nFEATURE(`mailertable')\nFEATURE(`virtusertable')\nFEATURE(`genericstable')\nFEATURE(`domaintable')\n" +
		"VIRTUSER_DOMAIN(`virt.test')\nGENERICS_DOMAIN(`gen.test')\nFEATURE(`blocklist_recipients')\nFEATURE(`delay_checks')",
	"friends":  "FEATURE(`access_db')\nFEATURE(`delay_checks',`friend')\nFEATURE(`blocklist_recipients')\nFEATURE(`compat_check')",
	"haters":   "FEATURE(`access_db',`hash -T<TMPF> /etc/mail/access')\nFEATURE(`delay_checks',`hater')\nFEATURE(`lookupdotdomain')",
	"masq":     "MASQUERADE_AS(`masq.test')\nFEATURE(`allmasquerade')\nFEATURE(`masquerade_envelope')\nFEATURE(`masquerade_entire_domain')\nMASQUERADE_DOMAIN(`in.test')",
	"limited":  "MASQUERADE_AS(`masq.test')\nMASQUERADE_DOMAIN(`in.test')\nFEATURE(`limited_masquerade')\nFEATURE(`local_no_masquerade')\nEXPOSED_USER(`root')\nFEATURE(`always_add_domain')",
	"lists":    "FEATURE(`dnsbl',`dnsbl.test')\nFEATURE(`enhdnsbl',`dnsbl.test',`no',`t',`127.0.0.2.')\nFEATURE(`rhsbl',`rhs.test')\nFEATURE(`access_db')",
	"relay":    "FEATURE(`relay_entire_domain')\nFEATURE(`relay_local_from')\nFEATURE(`relay_based_on_MX')\nRELAY_DOMAIN(`relay.test 10.9')\nFEATURE(`loose_relay_check')",
	"hosts":    "FEATURE(`relay_hosts_only')\nFEATURE(`access_db')\nFEATURE(`relay_mail_from',`domain')\nRELAY_DOMAIN(`relay.test')",
	"open":     "FEATURE(`promiscuous_relay')\nFEATURE(`accept_unqualified_senders')\nFEATURE(`accept_unresolvable_domains')",
	"limits":   "FEATURE(`access_db')\nFEATURE(`greet_pause',`1000')\nFEATURE(`conncontrol',,`terminate')\nFEATURE(`ratecontrol',`nodelay',`terminate')\nFEATURE(`require_rdns')\nFEATURE(`block_bad_helo')",
	"badmx":    "FEATURE(`badmx')\nFEATURE(`use_client_ptr')\nFEATURE(`access_db')\nFEATURE(`check_other')",
	"hub":      "define(`MAIL_HUB',`smtp:hub.test')\ndefine(`LUSER_RELAY',`error:nouser:no such user')\ndefine(`SMART_HOST',`relay:smart.test')\nFEATURE(`stickyhost')",
	"plus":     "FEATURE(`local_procmail')\nFEATURE(`preserve_local_plus_detail')\nFEATURE(`preserve_luser_host')\ndefine(`LUSER_RELAY',`smtp:l.test')\nFEATURE(`notsticky')",
	"plain":    "FEATURE(`nocanonify')\nFEATURE(`nopercenthack')\nFEATURE(`nouucp',`reject')\nFEATURE(`redirect')",
	"uucp":     "define(`UUCP_RELAY',`uu.test')\ndefine(`BITNET_RELAY',`bit.test')\ndefine(`DECNET_RELAY',`dec.test')\ndefine(`FAX_RELAY',`fax.test')\nFEATURE(`bitdomain')\nFEATURE(`uucpdomain')\nMAILER(`uucp')",
	"entire":   "FEATURE(`virtusertable')\nFEATURE(`genericstable')\nFEATURE(`virtuser_entire_domain')\nFEATURE(`generics_entire_domain')\nVIRTUSER_DOMAIN(`virt.test')\nGENERICS_DOMAIN(`gen.test')\nFEATURE(`domainmap',`hash /etc/mail/domains',`d.test')",
	"mx":       "FEATURE(`bestmx_is_local',`example.test')\nFEATURE(`mailertable')\nFEATURE(`access_db')",
	"nullmail": "FEATURE(`nullclient',`mail.remote.test')",
	"submit":   "FEATURE(`msp',`[127.0.0.1]')",
	"queues":   "QUEUE_GROUP(`qa',`P=/var/spool/mqueue')\nFEATURE(`queuegroup',`qa')\nFEATURE(`access_db')",
	"headers": "LOCAL_RULESETS\nHSubject: $>Csub\nHFrom: $>Cfrom\nHTo: $>+Cfrom\nHX-Y: $>+Csub\nH*: $>Call\n" +
		"SCsub\nRx\t$#discard $: discard\nR$* $* $*\t$#error $@ 5.7.1 $: 550 no $&{currHeader}\nSCfrom\nR$*\t$: $>3 $1\nSCall\nR$*\t$: $&{hdr_name} $&{hdrlen}",
	"missing": "LOCAL_CONFIG\nKm hash /etc/mail/nothere\nKmo hash -o /etc/mail/nothere\nKmt hash -T<TMPF> /etc/mail/nothere\nKmb btree /etc/mail/nothere\nKt text /etc/mail/access\n" +
		"Kto text -o /etc/mail/nothere\nKtm text /etc/mail/nothere\nKi implicit /etc/mail/nothere\nKio implicit -o /etc/mail/nothere\nKs sequence mo mt t\nKu user -v gecos\n" +
		"Kn null\nKr regex ^a\nKa arith\nKq macro\nKp program /bin/echo\nKb bestmx\nLOCAL_RULESETS\nSTry\nR$+ $| $*\t$: $(mo $1 $: no $) $(mt $1 $: no $) $(s $1 $: no $) $(ki $1 $)\n" +
		"R$+\t$: $(m $1 $: no $) $(t $1 $: no $) $(to $1 $: no $) $(r $1 $: no $) $(u $1 $: no $)",
	"tls": "FEATURE(`access_db')\nFEATURE(`tls_session_features')\nFEATURE(`tls_failures')\nFEATURE(`authinfo')\nFEATURE(`local_lmtp')",
}

// old are files that no m4 made: numbered rulesets, options of one letter, levels before the notation of today.
var old = map[string]string{
	"old1": oldHead("V1\n") + oldRules,
	"old5": oldHead("V5/Berkeley\n") + oldRules,
	"old7": oldHead("V7\n") + oldRules,
	"old0": oldHead("") + oldRules,
	"old9": oldHead("V9/Berkeley\n") + "O OperatorChars=.:%@!^/[]+\n" + oldRules,
}

func oldHead(level string) string {
	return level + "DjMail.Example.Test\nDnMAILER-DAEMON\nDo.:%@!^=/[]\nDlFrom $g  $d\nDq$?x$x <$g>$|$g$.\nOA/etc/mail/aliases\nOQ/var/spool/mqueue\n" +
		"OB.\nOL4\nCwmail one two\nCPuucp local\nCEroot\nDRhub.test\nTroot daemon\nPjunk=-100\n"
}

const oldRules = `S3
R$*<$*>$*		$2			the bare address
R$+ at $+		$1@$2
R@$+,$+:$+		@$1:$2:$3		a route
R@$+:$+			$@<@$1>:$2
R$+@$+			$:$1<@$2>
R$+<$+@$+>		$1$2<@$3>
R$+<@$+>		$@$1<@$2>
R$-!$+			$@$2<@$1.uucp>
R$+%$+			$@$>9$1%$2
S9
R$*%$*			$1@$2
R$*@$*@$*		$1%$2@$3
R$*@$*			$@$1<@$2>
S4
R$*<$+>$*		$1$2$3
R@$+:$+:$+		@$1,$2:$3
S0
R@			$#local$:$n
R$*<@$=w>$*		$@$>8$1
R$*<@$=P>$*		$#error$@68$:pseudo domain $2
R$*<@[$+]>$*		$#tcp$@[$2]$:$1@[$2]$3
R$*<@$-.uucp>$*		$#uux$@$2$:$1
R$+<@$->		$:$1<@$[$2$]>
R$*<@$*$~E>$*		$#tcp$@$2$3$:$1@$2$3$4
R$*<@$+>$*		$#tcp$@$2$:$1@$2$3
R$+			$#local$:$1
S8
R$=E			$#local$:exposed $1
R$+			$:$>3$1
R$*			$@$>0$1
S1
R$+			$:$1 ( $&x ) $?x with $x $| without $.
S2
R$-			$@$1@$R
S10
R$+@$+			$@$1@$2
R$+			$@$1@$j
S20
Mlocal, P=/bin/mail, F=lsDFMmn, S=10, R=20, A=mail -d $u
Mprog, P=/bin/sh, F=lsDFMe, S=10, R=20, A=sh -c $u
Mtcp, P=[IPC], F=mDFMueXLC, S=10, R=10, E=\r\n, A=IPC $h
Muux, P=/usr/bin/uux, F=sDFMhuU, S=10, R=10, M=100000, A=uux - $h!rmail ($u)
`

// worldTables are the tables of the private world.
var worldTables = map[string]string{
	"access": "spam@remote.test\tREJECT\nFrom:bad.test\tERROR:5.7.1:550 go away\nTo:closed.test\tDISCARD\n127.0.2\tRELAY\n10.1\tREJECT\n" +
		"Connect:10.2\tOK\nrelay.test\tRELAY\nSpam:alice@\tFRIEND\nSpam:bob@mail.example.test\tHATER\nhost\t550 no\nFrom:q.test\tQUARANTINE:why\n" +
		"GreetPause:127.0.2.8\t5000\nClientConn:127.0.2.8\t3\nClientRate:\t10\nalice@\t450 4.1.1 later\nTLS_Clt:x.test\tVERIFY\nCompat:a@b.test<@>c@d.test\tERROR:5.1.1 no\n",
	"virtusertable": "info@virt.test\talice\n@virt.test\t%1@remote.test\nerr@virt.test\terror:nouser 550 No such user\nplus+*@virt.test\tbob+%2\n",
	"mailertable":   "routed.test\tsmtp:[127.0.1.1]\n.sub.test\trelay:hub.test\nerr.test\terror:5.7.0:550 not here\nlocal.test\tlocal:alice\n",
	"genericstable": "alice\tAlice.L@gen.test\nbob@gen.test\tBob@out.test\n", "domaintable": "olddomain.test\tnewdomain.test\n",
	"bitdomain": "bithost\tbit.example.test\n", "uudomain": "uuhost\tuu.example.test\n", "domains": "d.test\te.test\n", "authinfo": "",
}

// compile makes the configurations; those that the original's m4 does not take are left out.
func compile(t *testing.T) map[string]string {
	t.Helper()
	tree := oracletest.Tree(t)
	all := maps.Clone(old)
	make := func(name, text string, args ...string) {
		run := oracletest.M4(t, args...)
		run.Dir = filepath.Join(tree, "cf")
		run.Stdin = strings.NewReader(text)
		if out, err := run.Output(); err == nil && bytes.Contains(out, []byte("\nMlocal")) || bytes.Contains(out, []byte("\nMesmtp")) {
			all[name] = string(out)
		} else {
			t.Logf("%s: left out: %v", name, err)
		}
	}
	stock, err := filepath.Glob(filepath.Join(tree, "cf/*.mc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stock {
		make(strings.TrimSuffix(filepath.Base(path), ".mc"), "", "-D_CF_DIR_="+tree+"/", tree+"/m4/cf.m4", path)
	}
	for name, text := range features {
		make("feature-"+name, "OSTYPE(`linux')dnl\n"+text+"\nMAILER(`local')\nMAILER(`smtp')\n", "-D_CF_DIR_="+tree+"/", tree+"/m4/cf.m4", "-")
	}
	return all
}

// TestWide: every stock configuration, combinations of features and old files, generated commands, names answered by a
// local server. GOSENDMAIL_SLOW=1 makes it 50,000 commands and more.
func TestWide(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	each, seed := 60, int64(4)
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		each = 1000
	}
	configurations := compile(t)
	names := slices.Sorted(maps.Keys(configurations))
	script := `cd $ARENA/wide
for m in access virtusertable mailertable genericstable domaintable bitdomain uudomain domains authinfo; do
  $MAKEMAP -C $ARENA/o.cf hash /etc/mail/$m <$m.text || echo makemap $m
done
for f in *.cf; do $SM2 -C $ARENA/wide/$f -bt $(cat ${f%.cf}.flags) <${f%.cf}.in >${f%.cf}.theirs 2>&1; done
` + inside + `=$ARENA/wide ` + self + "\n"
	dir, out := oracletest.Arena(t, "SM2=${SM%% *}\nMAKEMAP="+oracletest.Root(t)+"/usr/libexec/sendmail/makemap\n"+script, func(dir string) {
		wide := filepath.Join(dir, "wide")
		if err := os.Mkdir(wide, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range worldTables {
			write(t, wide, name+".text", text)
		}
		for i, name := range names {
			text := configurations[name]
			write(t, wide, name+".cf", text)
			write(t, wide, name+".in", newGenerator(seed+int64(i), text).commands(each))
			flags := startFlags[i%len(startFlags)]
			if strings.Contains(text, " regex ") { // we do not tell how these are compiled
				flags = strings.ReplaceAll(flags, "38.", "61.")
			}
			write(t, wide, name+".flags", flags)
		}
	})
	if out != "" {
		t.Log(out)
	}
	commands := 0
	for _, name := range names {
		commands += compareFiles(t, filepath.Join(dir, "wide", name))
	}
	t.Logf("%d configurations, %d commands", len(names), commands)
}

// called finds quoted ruleset names in rules: the original drops the quotes in its own program when it has once run
// them, so that what it shows with "=S" depends on what happened before.
var called = regexp.MustCompile(`\$> "?([A-Za-z0-9_]+)"? ?`)

// compareFiles compares what both answered and returns the number of commands.
func compareFiles(t *testing.T, base string) int {
	t.Helper()
	var text [3]string
	for i, ext := range []string{".in", ".theirs", ".ours"} {
		b, err := os.ReadFile(base + ext)
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
	}
	lines := strings.Split(strings.TrimSpace(text[0]), "\n")
	for i, s := range text {
		text[i] = called.ReplaceAllString(steady([]byte(s)), "$$> $1 ")
	}
	theirs, ours := strings.Split(text[1], "\n> "), strings.Split(text[2], "\n> ")
	differ := 0
	for i := range max(len(theirs), len(ours)) {
		if i < len(theirs) && i < len(ours) && theirs[i] == ours[i] {
			continue
		}
		if differ++; differ > 3 {
			break
		}
		a, b := fromDifference(strings.Join(at(theirs, i, i+1), ""), strings.Join(at(ours, i, i+1), ""))
		t.Errorf("%s: about command %d %q\n original %q\n ours     %q", filepath.Base(base), i, at(lines, i-3, i+1), a, b)
	}
	return len(lines)
}

// fromDifference cuts what two texts have in common, but for a few lines before, and what is far behind.
func fromDifference(a, b string) (string, string) {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	start := max(0, n-120)
	return a[start:min(len(a), n+250)], b[start:min(len(b), n+250)]
}
