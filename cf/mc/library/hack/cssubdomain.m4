divert(-1)
dnl HACK: short names of own hosts below the domains of Berkeley
LOCAL_RULE_3
R$* <@ $=w .CS.Berkeley.EDU> $*	$: $1 <@ $j> $3
R$* <@ $=w .Berkeley.EDU> $*	$: $1 <@ $j> $3
divert(-1)
