PUSHDIVERT(-1)
dnl MAILER: DECnet by mail11
_USUALLY_(`MAIL11_MAILER_PATH', `/usr/etc/mail11', `MAIL11_MAILER_FLAGS', `nsFx', `MAIL11_MAILER_ARGS', `mail11 $g $x $h $u')
define(`_USE_DECNET_SYNTAX_')
define(`_LOCAL_', `ifdef(`confLOCAL_MAILER', `confLOCAL_MAILER', `local')')
PUSHDIVERT(3)
# node $| DECNET $| user
R$* <@ $+ . DECNET .>	$: $2 $| DECNET $| $1
R$=w $| DECNET $| $*	$#_LOCAL_ $: $2
R$+ $| DECNET $| $+	$#mail11 $@ $1 $: $2
R$+ $| DECNET $| $*	$: $2 <@ $1 . DECNET .>
POPDIVERT
PUSHDIVERT(6)
CPDECNET
POPDIVERT
POPDIVERT`'dnl
# ---- Mailer mail11
# node $| network $| user: UUCP has its own sign between the two
SMail11To
R$+ <@ $=w .>		$: $2 $| LOCAL $| $1
R$+ <@ $- . $->		$: $2 $| $3 $| $1
R$+ $| UUCP $| $+	$: $1 ! $2
R$+ $| LOCAL $| $+	$: $1 :: $2
R$+ $| DECNET $| $+	$: $1 :: $2
R$+ $| $+ $| $+		$: $3 <@ $1 . $2>
# own nodes need not be named
R$=w :: $+		$2
SMail11From
R$*			$@ $>Mail11To $1

Mmail11,	P=MAIL11_MAILER_PATH, F=_MODMF_(MAIL11_MAILER_FLAGS, `MAIL11'), S=Mail11From, R=Mail11To,
		T=DNS/X-DECnet/X-Unix,_QGRP_(`MAIL11_MAILER_QGRP')
		A=MAIL11_MAILER_ARGS
