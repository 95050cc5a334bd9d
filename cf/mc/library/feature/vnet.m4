divert(-1)
dnl FEATURE: gateways of the network of IBM; define macro A as the host of VNET mail
dnl _COUNTRY_(code): RSCS hosts of that name stand for a country, which has a domain of its own
define(`_COUNTRY_', `R DOL(*) % ibm$1 . rscs <@ DOL(*)> DOL(*)	DOL(:) DOL(1) <@ $1 . ibm . com> DOL(3)')
LOCAL_CONFIG
CAvnet.ibm.com vnet rscs ipnet
LOCAL_RULE_3
_COUNTRY_(`us')
_COUNTRY_(`ca')
_COUNTRY_(`uk')
R$* % $- $* <@ $+> $*	$: $1 $| $2 $3 $| $4 $| $5
R$* $| $- . rscs $| $* $| $*	$: $1 <@ $2 . rscs> $4
R$* $| $* $| $* $| $*	$: $1 % $2 <@ $3> $4
# a host known by its own name to one of the gateways
R$* <@ $- . $=A> $*	$: $1 <@ $2 . vnet .>
LOCAL_NET_CONFIG
# host $| user $| rest: own hosts leave here, the others have their gateways
R$* <@ $+> $*		$: $2 $| $1 $| $3
R$=w . $| $* $| $*	$@ $2 <@ $1 .> $3
R$=w $| $* $| $*	$@ $2 <@ $1 .> $3
R$- . vnet . $| $* $| $*	$#relay $@ $A $: $2 <@ $1 . VNET .> $3
R$+ . ibm . com . $| $* $| $*	$#relay $@ $1 . ibm . com $: $2 <@ $1 . ibm . com> $3
R$+ . ibm . com $| $* $| $*	$#relay $@ $1 . ibm . com $: $2 <@ $1 . ibm . com> $3
R$+ $| $* $| $*		$: $2 <@ $1> $3
divert(-1)
