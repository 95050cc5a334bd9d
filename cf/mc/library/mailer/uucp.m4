PUSHDIVERT(-1)
dnl MAILER: UUCP: uucp-old and uucp-new, with MAILER(smtp) before it also uucp-dom and uucp-uudom
_USUALLY_(`UUCP_MAILER_PATH', `/usr/bin/uux', `UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
_DEFIFNOT(`UUCP_MAILER_FLAGS')
_DEFIFNOT(`UUCP_MAILER_MAX', `ifdef(`UUCP_MAX_SIZE', `UUCP_MAX_SIZE', 100000)')
dnl _BANG_: an address as host!user
define(`_BANG_', `R:; <@>			$`'@
R$`'* <@ $`'* .> $`'*	$`'1 <@ $`'2> $`'3
R$`'* <@ $`'=w>		$`'1
R<@ $`'- . UUCP> : $`'+	$`'1 ! $`'2
R<@ $`'+> : $`'+		$`'1 ! $`'2
R$`'* <@ $`'- . UUCP>	$`'2 ! $`'1
R$`'* <@ $`'+>		$`'2 ! $`'1')
dnl _OURNAME_: the next host sees its own name first, or ours
define(`_OURNAME_', `R$`'&h ! $`'+ ! $`'+		$`'@ $`'1 ! $`'2
R$`'&h ! $`'+		$`'@ $`'&h ! $`'1
R$`'+			$: $`'U ! $`'1
R! $`'+			$: $`'k ! $`'1')
dnl _UUCPLINE_(mailer, flags, sender, recipient)
define(`_UUCPLINE_', `M$1,	P=UUCP_MAILER_PATH, F=_MODMF_(CONCAT(`$2', UUCP_MAILER_FLAGS), `UUCP'), S=$3, R=$4,
		M=UUCP_MAILER_MAX, _OPTINS(`UUCP_MAILER_CHARSET', `C=', `, ')T=X-UUCP/X-UUCP/X-Unix,_QGRP_(`UUCP_MAILER_QGRP')
		A=UUCP_MAILER_ARGS')
ifdef(`_MAILER_smtp_',, `_CARE_(`without a MAILER(smtp) before MAILER(uucp) there is no uucp-dom')')
PUSHDIVERT(4)
# neighbours of UUCP
R$* <@ $=Z . UUCP.> $*	$#uucp-uudom $@ $2 $: $1 <@ $2 .UUCP.> $3
R$* <@ $=Y . UUCP.> $*	$#uucp-new $@ $2 $: $1 <@ $2 .UUCP.> $3
R$* <@ $=U . UUCP.> $*	$#uucp-old $@ $2 $: $1 <@ $2 .UUCP.> $3
POPDIVERT
POPDIVERT`'dnl
# ---- Mailer uucp
SFromU
R<@>			$n
_BANG_
_OURNAME_
SEnvToU
_BANG_
SHdrToU
_BANG_
_OURNAME_
ifdef(`_MAILER_smtp_', `# domain addresses through UUCP
SEnvFromUD
R<@>			$n
R$*			$@ $>EnvFromSMTP $1
SEnvFromUUD
R<@>			$n
R$*			$: $>EnvFromSMTP $1
R$* <@ $* .> $*		$1 <@ $2> $3
R<@ $- . UUCP> : $+	$@ $1 ! $2
R<@ $+> : $+		$@ $1 ! $2
R$* <@ $- . UUCP>	$@ $2 ! $1
R$* <@ $+>		$@ $2 ! $1', `dnl')

_UUCPLINE_(`uucp', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`uucp-old', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`suucp', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
_UUCPLINE_(`uucp-new', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
ifdef(`_MAILER_smtp_', `_UUCPLINE_(`uucp-dom', `mDFMhud', `EnvFromUD/HdrFromSMTP', `ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP')')
_UUCPLINE_(`uucp-uudom', `mDFMhud', `EnvFromUUD/HdrFromSMTP', `ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP')')', `dnl')
