divert(-1)
dnl HACK: clients that the access table marks XConnect: may use XCNCT
_NEEDS_(`HACK(xconnect)')
ifdef(`_ACCESS_TABLE_', `LOCAL_RULESETS
Sx_connect
R$*			$: $>PeerEntry <! XConnect> $1
R<?>			$# no
R<$+>			$@ yes
divert(-1)')
