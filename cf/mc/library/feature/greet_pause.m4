divert(-1)
dnl FEATURE: a pause before the banner, in which a client must be silent; argument: milliseconds for clients that the access table does not name
_NOARG_(`_ARG_', `_NEEDS_(`FEATURE(greet_pause)')')
define(`_GREET_PAUSE_', `')
LOCAL_RULESETS
# ---- greet_pause: client name $| client address; milliseconds to wait
SLocal_greet_pause
Sgreet_pause
_HEAR_(`Local_greet_pause')
ifdef(`_ACCESS_TABLE_', `R$*			$: $>PeerEntry <! GreetPause> $1
R<?>			_NOARG_(`_ARG_', `$@', `$# _ARG_')
R<$* <TMPF>>		$@
R<$+>			$# $1', `R$*			$# _ARG_')
divert(-1)
