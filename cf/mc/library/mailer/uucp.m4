PUSHDIVERT(-1)
dnl MAILER: UUCP: uucp-old and uucp-new, with MAILER(smtp) before it also uucp-dom and uucp-uudom
_USUALLY_(`UUCP_MAILER_PATH', `/usr/bin/uux', `UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
_DEFIFNOT(`UUCP_MAILER_FLAGS')
_DEFIFNOT(`UUCP_MAILER_MAX', `ifdef(`UUCP_MAX_SIZE', `UUCP_MAX_SIZE', 100000)')
dnl _UUCPLINE_(mailer, flags, sender, recipient)
define(`_UUCPLINE_', `M$1,	P=UUCP_MAILER_PATH, F=_MODMF_(CONCAT(`$2', UUCP_MAILER_FLAGS), `UUCP'), S=$3, R=$4,
		M=UUCP_MAILER_MAX, _OPTINS(`UUCP_MAILER_CHARSET', `C=', `, ')T=X-UUCP/X-UUCP/X-Unix,_QGRP_(`UUCP_MAILER_QGRP')
		A=UUCP_MAILER_ARGS')
ifdef(`_MAILER_smtp_',, `_CARE_(`without a MAILER(smtp) before MAILER(uucp) there is no uucp-dom')')
PUSHDIVERT(4)
# neighbours of UUCP
R$* <@ $+ . UUCP .> $*	$: $2 $| $1 <@ $2 . UUCP .> $3
R$=Z $| $*		$#uucp-uudom $@ $1 $: $2
R$=Y $| $*		$#uucp-new $@ $1 $: $2
R$=U $| $*		$#uucp-old $@ $1 $: $2
R$+ $| $*		$: $2
POPDIVERT
POPDIVERT`'dnl
# ---- Mailer uucp
# senders, and recipients in headers, bear a host name in front; recipients in envelopes do if they are not ours
SFromU
R<@>			$: $n
R$*			$@ $>HdrToU $1
SHdrToU
R$*			$@ $>Led $>EnvToU $1
SEnvToU
R:; <@>			$@
R$* . > $*		$1 > $2
R$* <@ $=w>		$@ $1
R$*			$@ $>BangPath $1

# BangPath: the inner form, without dot, as host!user
SBangPath
R$* <@ $- . UUCP> $*	$: $1 <@ $2> $3
R<@ $+> : $+		$: $2 <@ $1>
R$* <@ $+>		$@ $2 ! $1

# Led: the next host sees its own name first if there is no other, everybody else ours
SLed
R$&h ! $+		$: $1 $| $&h
R$+ ! $+ $| $*		$@ $1 ! $2
R$+ $| $*		$@ $2 ! $1
R$+			$: $U $| $1
R$| $+			$@ $k ! $1
R$+ $| $+		$@ $1 ! $2

ifdef(`_MAILER_smtp_', `# domain addresses through UUCP
SEnvFromUD
R<@>			$: $n
R$*			$@ $>EnvFromSMTP $1
SEnvFromUUD
R$*			$: $>EnvFromUD $1
R$* . > $*		$1 > $2
R$*			$@ $>BangPath $1', `dnl')

_UUCPLINE_(`uucp', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`uucp-old', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`suucp', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`uucp-new', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
ifdef(`_MAILER_smtp_', `_UUCPLINE_(`uucp-dom', `mDFMhud', `EnvFromUD/HdrFromSMTP', `ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP')')
_UUCPLINE_(`uucp-uudom', `mDFMhud', `EnvFromUUD/HdrFromSMTP', `ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP')')', `dnl')
