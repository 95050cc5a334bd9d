divert(-1)
dnl FEATURE: the access table judges pairs of sender and recipient
_NEEDS_(`FEATURE(compat_check)')
LOCAL_RULESETS
# ---- check_compat: sender $| recipient
Scheck_compat
R<$+> $| $+		$: $1 $| $2
R$+ $| <$+>		$: $1 $| $2
R$+ $| $+		$: <$(access Compat:$1<@>$2 $: OK $)>
R$* $| $*		$@ ok
R<DISCARD:$*>		$#discard $: $1 " - discarded by check_compat"
R<DISCARD $*>		$#discard $: $1 " - discarded by check_compat"
R<TEMP:$*>		$#error $@ TEMPFAIL $: $1 " error from check_compat. Try again later"
R<ERROR:$*>		$#error $@ UNAVAILABLE $: $1 " error from check_compat"
divert(-1)
