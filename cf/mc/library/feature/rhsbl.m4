divert(-1)
dnl FEATURE: refuses senders whose domain a DNS blocklist names; arguments: domain, text, text of a temporary failure or t
ifdef(`_RHSBL_R_',, `define(`_RHSBL_R_', `')
ifdef(`_DNSBL_R_',, `LOCAL_CONFIG
Kdnsbl host -T<TMP>
divert(-1)')')
define(`_RHSBL_SRV_', `_ARG_')
define(`_RHSBL_MSG_', `_NOARG_(`_ARG2_', `"550 Mail from " $`'&{RHS} " refused by blackhole site '_RHSBL_SRV_`"', `_ARG2_')')
define(`_RHSBL_MSG_TMP_', `ifelse(_ARG3_, `t', `"451 Temporary lookup failure of " $`'&{RHS} " at '_RHSBL_SRV_`"', `_ARG3_')')
LOCAL_DNSBL
# sender, then  table $| domain $| entry of the access table, then  rhsbl $| answer of the list
R$+			$: sender $| $>CanonAddr $&f
Rsender $| $* <@ $+ .>	$: table $| $2 $| $>SearchList <+ rhs> $| <F:$1@$2> <D:$2> <>
Rtable $| $+ $| <$={Accept}>	$: OKSOFAR
Rsender $| $*		$: OKSOFAR
Rtable $| $+ $| $*	$: rhsbl $| $(dnsbl $1 . _RHSBL_SRV_ . $: OK $) $(macro {RHS} $@ $1 $)
Rrhsbl $| OK		$: OKSOFAR
Rrhsbl $| $+ <TMP>	_NOARG_(`_ARG3_', `$: TMPOK', `$#error $@ 4.7.1 $: _RHSBL_MSG_TMP_')
Rrhsbl $| $+		$#error $@ 5.7.1 $: _RHSBL_MSG_
divert(-1)
