divert(-1)
dnl FEATURE: the access table judges pairs of sender and recipient
_NEEDS_(`FEATURE(compat_check)')
LOCAL_RULESETS
# ---- check_compat: sender $| recipient. The table has both without brackets, with <@> between
Scheck_compat
R$* $| <$+>		$: $1 $| $2
R<$+> $| $*		$: $1 $| $2
R$+ $| $+		$: entry $| $(access Compat:$1<@>$2 $: OK $)
# a colon behind DISCARD may be left out
Rentry $| DISCARD : $*	$: entry $| DISCARD $1
Rentry $| DISCARD $*	$#discard $: $1 " - discarded by check_compat"
Rentry $| TEMP : $*	$#error $@ TEMPFAIL $: $1 " error from check_compat. Try again later"
Rentry $| ERROR : $*	$#error $@ UNAVAILABLE $: $1 " error from check_compat"
divert(-1)
