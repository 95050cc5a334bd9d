divert(-1)
dnl FEATURE: refuses clients that a DNS blocklist names; arguments: domain, text or quarantine or discard, text of a temporary failure or t
_DEFIFNOT(`DNSBL_MAP', `dns -R A')
ifdef(`_DNSBL_R_',, `define(`_DNSBL_R_', `')
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(dnsbl) needs a domain')')
LOCAL_CONFIG
Kdnsbl DNSBL_MAP -T<TMP>ifdef(`DNSBL_MAP_OPT', ` DNSBL_MAP_OPT')
divert(-1)')
define(`_DNSBL_SRV_', `_ARG_')
define(`_DNSBL_MSG_', `_NOARG_(`_ARG2_', `"550 Rejected: " $`'&{client_addr} " listed at '_DNSBL_SRV_`"', `_ARG2_')')
define(`_DNSBL_MSG_TMP_', `ifelse(_ARG3_, `t', `"451 Temporary lookup failure of " $`'&{client_addr} " at '_DNSBL_SRV_`"', `_ARG3_')')
define(`_BACKWARDS_', `1')
LOCAL_DNSBL
R$*			$: $>Backwards $&{client_addr}
R$| $+			$: dnsbl $| $(dnsbl $1 . _DNSBL_SRV_ . $: OK $)
Rdnsbl $| OK		$: OKSOFAR
Rdnsbl $| $+ <TMP>	_NOARG_(`_ARG3_', `$: TMPOK', `$#error $@ 4.4.3 $: _DNSBL_MSG_TMP_')
Rdnsbl $| $+		ifelse(`X'_ARG2_, `Xquarantine', `$#error $@ quarantine $: _DNSBL_SRV_', `X'_ARG2_, `Xdiscard', `$#discard $: _DNSBL_SRV_', `$#error $@ 5.7.1 $: _DNSBL_MSG_')
divert(-1)
