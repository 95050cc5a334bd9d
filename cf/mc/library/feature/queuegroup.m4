divert(-1)
dnl FEATURE: the access table chooses queue groups; argument: the group of all others
_NEEDS_(`FEATURE(queuegroup)')
LOCAL_RULESETS
# ---- queuegroup: recipient; the group it waits in
Squeuegroup
R<$+>			$1
R$+ @ $+		$: $>SearchList <! qgrp> $| <F:$1@$2> <D:$2> <>
R<?>			_NOARG_(`_ARG_', `$@', `$# _ARG_')
R<$+>			$# $1
divert(-1)
