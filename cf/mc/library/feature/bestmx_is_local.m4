divert(-1)
dnl FEATURE: domains whose best MX is this host are local; argument: the domains for which this is tried
define(`_BESTMX_IS_LOCAL_', _ARG_)
LOCAL_CONFIG
Kbestmx bestmx
ifelse(defn(`_ARG_'),, `dnl', `CB`'_ARG_')
LOCAL_NET_CONFIG
# best MX $| address: if that is this host, so is the host of the address
ifelse(defn(`_ARG_'),, `R$* <@ $*> $*		$: $(bestmx $2 $) $| $1 <@ $2> $3', `R$* <@ $* $=B .> $*	$: $(bestmx $2 $3 . $) $| $1 <@ $2 $3 .> $4')
R$=w . $| <@ $*> : $*	$@ $>Recurse $3
R$=w . $| $* $=O $* <@ $*> $*	$@ $>Recurse $2 $3 $4
R$=w . $| $* <@ $*> $*	$@ $>CanonLocal <$2>
R$* $| $*		$: $2
divert(-1)
