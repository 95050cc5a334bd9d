divert(-1)
dnl FEATURE: the access table chooses queue groups; argument: the group of all others
_NEEDS_(`FEATURE(queuegroup)')
LOCAL_RULESETS
# ---- queuegroup: recipient; the group it waits in
Squeuegroup
R<$*>			$: $1
R$+ @ $+		$: entry $>SearchList <! qgrp> $| <F:$1@$2> <D:$2> <>
Rentry <?>		_NOARG_(`_ARG_', `$@', `$# _ARG_')
Rentry <$+>		$# $1
divert(-1)
