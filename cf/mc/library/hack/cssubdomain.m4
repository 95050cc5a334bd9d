divert(-1)
dnl HACK: short names of own hosts below the domains of Berkeley
LOCAL_RULE_3
# name $| domain: with the department on the right side too, if the whole name is none of ours
R$* <@ $+ . Berkeley . EDU> $*	$: $1 <@ $2 $| Berkeley . EDU> $3
R$* <@ $=w $| $+> $*	$: $1 <@ $j> $4
R$* <@ $+ . CS $| $+> $*	$: $1 <@ $2 $| CS . $3> $4
R$* <@ $=w $| $+> $*	$: $1 <@ $j> $4
R$* <@ $+ $| $+> $*	$: $1 <@ $2 . $3> $4
divert(-1)
