divert(-1)
dnl FEATURE: clients that send what is no SMTP command are cut off; argument: pattern of such lines
define(`CHKORX', ifelse(defn(`_ARG_'),, ``^[[:print:]]+ *:'', `defn(`_ARG_')'))
LOCAL_CONFIG
Kbadcmd regex -m -a<BADCMD> defn(`CHKORX')
LOCAL_RULESETS
# ---- check_other: line of the client $| first digit of the reply; only what was refused for good is looked at
Scheck_other
R$+ $| 5		$: refused $| $(badcmd $1 $)
Rrefused $| $* <BADCMD>	$#error $@ 4.7.0 $: 421 bad command
divert(-1)
