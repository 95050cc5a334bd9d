divert(-1)
dnl FEATURE: one domain with a table of its own; arguments: domain, map. DOMAINMAP_NO_REGEX: leaves out a map that only other rules may need
define(`_DMAP_', `domain_'translit(_ARG_, `.-', `__'))
ifdef(`_DOMAIN_MAP_',, `define(`_DOMAIN_MAP_', `1')
ifdef(`DOMAINMAP_NO_REGEX',, `LOCAL_CONFIG
K domainmap_regex regex -a.:NOTDONE: -s1,2 -d_ (.*)[-\.]([^-\.]*)$
divert(-1)')
LOCAL_RULE_0
R$* $=O $* <@ $={MappedDomain} .>	$@ $>parse $>canonify $1 $2 $3
divert(-1)')
LOCAL_RULE_0
R$+ <@ _ARG_ .>		$>_DMAP_ $1 <@ _ARG_ .>
LOCAL_CONFIG
C{MappedDomain} _ARG_
K _DMAP_ _ARG2_ -T<TEMP>
LOCAL_RULESETS
# ---- users of one domain in its table, without their detail; users of class L and senders stay
S`'_DMAP_
R$+ <@ $+>		$: $&{addr_type} $| $1 $| $2
R$* $| $=L $| $=w .	$@ $2 <@ $3 .>
Re s $| $+ $| $+	$#smtp $@ $2 $: $1 @ $2
R$* $| $+ $| $+		$: $2 $| $| $3
R$+ + $* $| $| $+	$: $1 $| +$2 $| $3
R$+ $| $* $| $+		$: $1 $| $2 $| $3 $| $(_DMAP_ $1 $: ? $)
R$* $| ?		$#error $@ 5.1.1 $: "550 email address lookup in domain map failed"
R$* $| $* $| $* $| $* <TEMP> $*	$#dsmtp $@ localhost $: $1 $2 @ $3
R$* $| +$* $| $* $| $+ @ $+	$@ $>Recurse $4 + $2 @ $5
R$* $| $* $| $* $| $+	$@ $>Recurse $4
divert(-1)
