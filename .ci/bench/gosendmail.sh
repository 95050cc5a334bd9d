# gosendmail as a peer of the benchmark harness: the same site as the peer "sendmail", compiled by our own mkcf.
# .ci/bench/run copies this file beside the other peers.
S=$BENCH_PEERS/gosendmail-state
BIN=${BIN:?the folder of the binaries}

peer_available() { [ -x "$BIN/sendmail" ]; }
peer_info() { echo "gosendmail, SuperSafe=True, DeliveryMode=${GM_MODE:-q|b}, MaxDaemonChildren none, load limits off, Listen=1024, -bd without queue runner"; }
gm_mc() { # gm_mc DELIVERYMODE
	cat <<M
VERSIONID(\`bench')dnl
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`$BENCH_HOST')dnl
define(\`confDELIVERY_MODE', \`$1')dnl
define(\`confSAFE_QUEUE', \`True')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confDONT_BLAME_SENDMAIL', \`MapInUnsafeDirPath')dnl
define(\`confSERVICE_SWITCH_FILE', \`$S/switch')dnl
define(\`confQUEUE_LA', \`9999')dnl
define(\`confREFUSE_LA', \`9999')dnl
define(\`confTO_IDENT', \`0s')dnl
define(\`confPID_FILE', \`$S/pid')dnl
define(\`confLOG_FILE', \`$S/maillog')dnl
define(\`QUEUE_DIR', \`$S/mqueue')dnl
define(\`ALIAS_FILE', \`$S/aliases')dnl
define(\`STATUS_FILE', \`$S/statistics')dnl
define(\`HELP_FILE', \`$S/helpfile')dnl
define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
define(\`RELAY_MAILER_ARGS', \`TCP \$h $BENCH_SINK_PORT')dnl
define(\`LOCAL_MAILER_PATH', \`[mbox]')dnl
define(\`LOCAL_MAILER_ARGS', \`mbox $S/mail/\$u')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`access_db', \`hash -T<TMPF> $S/access')dnl
DAEMON_OPTIONS(\`Port=$BENCH_PORT, Addr=127.0.0.1, Name=MTA, Listen=1024')dnl
LOCAL_DOMAIN(\`$BENCH_DOMAIN')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
M
}
gm_submit_mc() {
	cat <<M
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`$BENCH_HOST')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confSERVICE_SWITCH_FILE', \`$S/switch')dnl
define(\`confPID_FILE', \`$S/submit.pid')dnl
define(\`MSP_QUEUE_DIR', \`$S/mqueue-client')dnl
define(\`STATUS_FILE', \`$S/submit-statistics')dnl
FEATURE(\`msp', \`[127.0.0.1]')dnl
M
}
# gm_submission: the set-group-ID program, its queue and its configuration, where ordinary users find them.
gm_submission() {
	mkdir -p "$S/mqueue-client" "$S/etc-mail" /etc/mail
	chown 2001:2001 "$S/mqueue-client"; chmod 2770 "$S/mqueue-client"
	cp "$BIN/sendmail" "$S/sendmail"; chgrp 2001 "$S/sendmail"; chmod 2755 "$S/sendmail"
	gm_submit_mc >"$S/submit.mc"
	"$BIN/mkcf" "$S/submit.mc" >"$S/etc-mail/submit.cf" || return 1
	mountpoint -q /etc/mail || mount --bind "$S/etc-mail" /etc/mail
}
# gm_world: the user and the hosts file that the other peers have in their chroots; the mounts end with the run.
gm_world() {
	grep -q '^bench:' /etc/passwd && return 0
	{ cat /etc/passwd; echo 'bench:x:2000:2000::/home/bench:/bin/sh'; echo 'smmsp:x:2001:2001::/:/bin/false'; } >"$S/passwd"
	mount --bind "$S/passwd" /etc/passwd
	{ cat /etc/group; echo 'smmsp:x:2001:'; } >"$S/group"
	mount --bind "$S/group" /etc/group
	printf '127.0.0.1 localhost %s\n' "$BENCH_HOST" >"$S/hosts"
	mount --bind "$S/hosts" /etc/hosts
}
peer_config() {
	local m=queueonly
	case $1 in relay | local) m=background ;; esac
	mkdir -p "$S/mqueue" "$S/mail"
	chmod 755 "$BENCH_PEERS" "$S"; chmod 700 "$S/mqueue"; chmod 1777 "$S/mail"
	gm_world
	printf 'hosts\tfiles\naliases\tfiles\n' >"$S/switch"
	[ "$1" != submit ] || gm_submission || return 1
	gm_mc $m >"$S/bench.mc"
	"$BIN/mkcf" "$S/bench.mc" >"$S/bench.cf" || return 1
	printf 'Connect:127.0.0.1\tRELAY\nSpam:x@y.example\tREJECT\n' >"$S/access"
	echo 'postmaster: root' >"$S/aliases"
	"$BIN/makemap" hash "$S/access" <"$S/access" && "$BIN/sendmail" "-C$S/bench.cf" -bi >/dev/null
}
peer_start() { "$BIN/sendmail" "-C$S/bench.cf" -bd </dev/null >/dev/null 2>&1; }
peer_stop() { [ -s "$S/pid" ] && kill "$(head -1 "$S/pid")" 2>/dev/null; rm -f "$S/pid"; }
peer_clean() {
	fresh_dir "$S/mqueue" "$S/mqueue-client"
	: >"$S/maillog"
	: >"$S/mail/bench"; chown 2000:2000 "$S/mail/bench"; chmod 660 "$S/mail/bench"
}
peer_queue_count() {
	local d=mqueue
	[ "${1:-}" != submit ] || d=mqueue-client
	find "$S/$d" -name 'qf*' | wc -l
}
peer_local() { echo "mbox:$S/mail/bench"; }
peer_submit_cmd() { printf '%s\n' "$S/sendmail" -t -odq; }
peer_start_cmds() {
	printf '%s\t%s\n' 'sendmail -bt </dev/null' "$BIN/sendmail -C$S/bench.cf -bt" \
		'sendmail -bp (empty queue)' "$BIN/sendmail -C$S/bench.cf -bp"
}
peer_map_cmds() {
	local d=$1
	printf '%s\t%s\t%s\t%s\n' \
		'makemap hash' "$d/in" "$d/h.db" "$BIN/makemap hash $d/h" \
		'makemap cdb' "$d/in" "$d/c.cdb" "$BIN/makemap cdb $d/c" \
		'dump makemap -u hash' - "$d/x" "$BIN/makemap -u hash $d/h" \
		'lookup sendmail -bt /map hash' "$d/bt" "$d/x" "$BIN/sendmail -C$S/bench-map.cf -bt"
	(cat "$S/bench.cf"; printf 'Kbench hash %s/h\n' "$d") >"$S/bench-map.cf"
}
peer_rules_config() {
	local i
	{
		gm_mc q | grep -v -e '^MAILER' -e 'FEATURE(.access_db'
		cat <<M
FEATURE(\`access_db', \`hash -T<TMPF> $S/rules-access')dnl
FEATURE(\`virtusertable', \`hash $S/rules-virt')dnl
FEATURE(\`mailertable', \`hash $S/rules-mailer')dnl
VIRTUSER_DOMAIN(\`virt.example.org')dnl
MASQUERADE_AS(\`bench.example')dnl
FEATURE(\`masquerade_envelope')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
M
	} >"$S/rules.mc"
	for i in $(seq 0 999); do echo "mt$i.example.net	esmtp:[127.0.0.1]"; done >"$S/rules-mailer"
	for i in $(seq 0 999); do echo "v$i@virt.example.org	bench"; done >"$S/rules-virt"
	{ for i in $(seq 0 9999); do echo "bad$i@spam.example	REJECT"; done; echo 'Connect:127.0.0.1	RELAY'; echo 'To:example.net	RELAY'; echo 'To:example.com	RELAY'; } >"$S/rules-access"
	"$BIN/mkcf" "$S/rules.mc" >"$S/rules.cf" || return 1
	for i in rules-mailer rules-virt rules-access; do "$BIN/makemap" hash "$S/$i" <"$S/$i"; done
}
peer_rules_cmd() { printf '%s\n' "$BIN/sendmail" "-C$S/rules.cf" -bt; }
