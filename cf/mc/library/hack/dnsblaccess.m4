divert(-1)
dnl HACK: what a DNS blocklist answers is looked up in the access table; arguments: domain, text, text of a temporary failure or t, tag
_NEEDS_(`HACK(dnsblaccess)')
ifdef(`_EDNSBL_R_',, `define(`_EDNSBL_R_', `1')
LOCAL_CONFIG
Kednsbl dns -R A -a. -T<TMP> -r`'ifdef(`EDNSBL_TO', `EDNSBL_TO', `5')
divert(-1)')
define(`_EDNSBL_SRV_', `_NOARG_(`_ARG_', `blackholes.mail-abuse.org', `_ARG_')')
define(`_EDNSBL_MSG_', `_NOARG_(`_ARG2_', `"550 Rejected: " $`'&{client_addr} " listed at '_EDNSBL_SRV_`"', `_ARG2_')')
define(`_EDNSBL_MSG_TMP_', `ifelse(_ARG3_, `t', `"451 Temporary lookup failure of " $`'&{client_addr} " at '_EDNSBL_SRV_`"', `_ARG3_')')
define(`_EDNSBL_KEY_', `_NOARG_(`_ARG4_', `dnsblaccess', `_ARG4_')')
define(`_BACKWARDS_', `1')
LOCAL_DNSBL
R$*			$: $>Backwards $&{client_addr}
R$| $+			$: ednsbl $| $(ednsbl $1 . _EDNSBL_SRV_ . $: OK $) $| $&{client_addr}
Rednsbl $| OK $| $*	$: OKSOFAR
Rednsbl $| $+ <TMP> $| $*	$: <TMPF> $| $| $2
Rednsbl $| $*		$: ? $| $1
# entry or ? $| answer $| address: the answer loses number after number, in the end the tag stands alone
R? $| $* $- . $| $*	$(access _EDNSBL_KEY_`:'$1$2 $@ $3 $@ _EDNSBL_SRV_ $: ? $) $| $1 $| $3
R? $| $* $| $*		$: $(access _EDNSBL_KEY_`:' $@ $2 $@ _EDNSBL_SRV_ $: ? $) $| $1 $| $2
R$* <TMPF> $| $*	_NOARG_(`_ARG3_', `$: TMPOK', `$#error $@ 4.4.3 $: _EDNSBL_MSG_TMP_')
R$={Accept} $| $*	$: OKSOFAR
RDISCARD $| $*		$#discard $: discard
RERROR : $- . $- . $- : $+ $| $* $| $*	$#error $@ $1.$2.$3 $: $4
RERROR : $+ $| $* $| $*	$#error $: $1
R$* $| $* $| $*		$#error $@ 5.7.1 $: _EDNSBL_MSG_
divert(-1)
