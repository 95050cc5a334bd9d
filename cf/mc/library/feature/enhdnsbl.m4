divert(-1)
dnl FEATURE: refuses clients by what a DNS blocklist answers; arguments: domain, text or quarantine or discard, text of a temporary failure or t, up to six answers that count
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(enhdnsbl) needs a domain')')
ifdef(`_EDNSBL_R_',, `define(`_EDNSBL_R_', `')
LOCAL_CONFIG
Kednsbl dns -R A -a. -T<TMP> -r`'ifdef(`EDNSBL_TO', `EDNSBL_TO', `5')
divert(-1)')
define(`_EDNSBL_SRV_', `_ARG_')
define(`_EDNSBL_MSG_', `ifelse(X`'_ARG2_, `Xquarantine', `_EDNSBL_SRV_', `_NOARG_(`_ARG2_', `"550 Rejected: " $`'&{client_addr} " listed at '_EDNSBL_SRV_`"', `_ARG2_')')')
define(`_EDNSBL_MSG_TMP_', `ifelse(_ARG3_, `t', `"451 Temporary lookup failure of " $`'&{client_addr} " at '_EDNSBL_SRV_`"', `_ARG3_')')
define(`_EDNSBL_ACTION_', `ifelse(X`'_ARG2_, `Xquarantine', `$`'#error $`'@ quarantine', X`'_ARG2_, `Xdiscard', `$`'#discard', `$`'#error $`'@ 5.7.1')')
dnl _ANSWER_(pattern): an answer that counts
define(`_ANSWER_', `_NOARG_(`$1', `dnl', `Rednsbl $| $1		_EDNSBL_ACTION_ $: _EDNSBL_MSG_')')
define(`_BACKWARDS_', `1')
LOCAL_DNSBL
R$*			$: $>Backwards $&{client_addr}
R$| $+			$: ednsbl $| $(ednsbl $1 . _EDNSBL_SRV_ . $: OK $)
Rednsbl $| OK		$: OKSOFAR
Rednsbl $| $+ <TMP>	_NOARG_(`_ARG3_', `$: TMPOK', `$#error $@ 4.4.3 $: _EDNSBL_MSG_TMP_')
Rednsbl $| _NOARG_(`_ARG4_', `$+', `_ARG4_')		_EDNSBL_ACTION_ $: _EDNSBL_MSG_
_ANSWER_(_ARG5_)
_ANSWER_(_ARG6_)
_ANSWER_(_ARG7_)
_ANSWER_(_ARG8_)
_ANSWER_(_ARG9_)
divert(-1)
