divert(-1)
dnl FEATURE: domains whose best MX is this host are local; argument: the domains for which this is tried
define(`_BESTMX_IS_LOCAL_', _ARG_)
LOCAL_CONFIG
Kbestmx bestmx
ifelse(defn(`_ARG_'),, `dnl', `CB`'_ARG_')
LOCAL_NET_CONFIG
ifelse(defn(`_ARG_'),, `R$* <@ $*> $*			$: $1 <@ $2 @@ $(bestmx $2 $)> $3', `R$* <@ $* $=B .> $*		$: $1 <@ $2 $3 . @@ $(bestmx $2 $3 . $)> $4')
R$* $=O $* <@ $* @@ $=w .> $*	$@ $>Recurse $1 $2 $3
R<@ $* @@ $=w .> : $*		$@ $>Recurse $3
R$* <@ $* @@ $=w .> $*		$@ $>CanonLocal <$1>
R$* <@ $* @@ $*> $*		$: $1 <@ $2> $4
divert(-1)
