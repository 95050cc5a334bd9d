divert(-1)
dnl FEATURE: refuses clients whose reverse zone says that they are no mail server; arguments: text, text of a temporary failure or t, prefix of the name
ifdef(`_MTAMARK_R',, `define(`_MTAMARK_R', `')
LOCAL_CONFIG
Kmtamark dns -R TXT -a. -T<TMP> -r`'ifdef(`MTAMARK_TO', `MTAMARK_TO', `5')
divert(-1)')
define(`_MTAMARK_RR_', `_NOARG_(`_ARG3_', `_perm._smtp._srv', `_ARG3_')')
define(`_MTAMARK_MSG_', `_NOARG_(`_ARG_', `"550 Rejected: " $`'&{client_addr} " not listed as MTA"', `_ARG_')')
define(`_MTAMARK_MSG_TMP_', `ifelse(_ARG2_, `t', `"451 Temporary lookup failure of " _MTAMARK_RR_.$`'&{client_addr}', `_ARG2_')')
define(`_BACKWARDS_', `1')
LOCAL_DNSBL
R$*			$: $>Backwards $&{client_addr}
R$| $+			$: mtamark $| $(mtamark _MTAMARK_RR_.$1.in-addr.arpa. $: OK $)
Rmtamark $| 0.		$#error $@ 5.7.1 $: _MTAMARK_MSG_
Rmtamark $| 1.		$: OKSOFAR
Rmtamark $| $+ <TMP>	_NOARG_(`_ARG2_', `$: TMPOK', `$#error $@ 4.4.3 $: _MTAMARK_MSG_TMP_')
divert(-1)
