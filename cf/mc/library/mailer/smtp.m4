PUSHDIVERT(-1)
dnl MAILER: SMTP (smtp, esmtp, smtp8), SMTP on demand of the other side (dsmtp), and the way to relays (relay)
_USUALLY_(`_DEF_SMTP_MAILER_FLAGS', `mDFMuX', `SMTP_MAILER_LL', `990', `RELAY_MAILER_LL', `2040',
	`SMTP_MAILER_ARGS', `TCP $h', `ESMTP_MAILER_ARGS', `TCP $h', `SMTP8_MAILER_ARGS', `TCP $h', `DSMTP_MAILER_ARGS', `TCP $h', `RELAY_MAILER_ARGS', `TCP $h')
_DEFIFNOT(`SMTP_MAILER_FLAGS')
_DEFIFNOT(`RELAY_MAILER_FLAGS', `SMTP_MAILER_FLAGS')
dnl _SMTPLINE_(mailer, defines, flags): one of the mailers that differ in flags only
define(`_SMTPLINE_', `M$1,		P=[IPC], F=_MODMF_(CONCAT(_DEF_SMTP_MAILER_FLAGS, `$3', SMTP_MAILER_FLAGS), `$2'), S=EnvFromSMTP/HdrFromSMTP, R=ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP'), E=\r\n, L=SMTP_MAILER_LL,
		_OPTINS(`SMTP_MAILER_MAX', `M=', `, ')_OPTINS(`SMTP_MAILER_MAXMSGS', `m=', `, ')_OPTINS(`SMTP_MAILER_MAXRCPTS', `r=', `, ')_OPTINS(`SMTP_MAILER_CHARSET', `C=', `, ')T=DNS/RFC822/SMTP,_QGRP_(`$2_MAILER_QGRP')
		A=$2_MAILER_ARGS')
POPDIVERT`'dnl
# ---- Mailer smtp
# every address that leaves has a host
SMasqSMTP
R$+			$: ? $1
R? $* <@ $*		$@ $1 <@ $2
R? $+			$@ $1 <@ *LOCAL*>

# addresses of other networks in a form that the Internet understands; source routes stay
SPseudoToReal
R<@ $+			$@ <@ $1
ifdef(`BITNET_RELAY', `R$+ <@ $+ . BITNET .>	$: $1 % $2 . BITNET <@ $B>
R$+ . BITNET <@ $+>	$: $1 . BITNET $| $>BareHost $2
R$+ $| $*		$: $1 <@ $2>', `dnl')
ifdef(`_NO_UUCP_', `dnl', `# user $| UUCP host: if that is the next host, what stands in front of user is the host; else the relay gets both
R$+ <@ $+ . UUCP .>	$: $1 $| $2
R$+ <@ $*		$@ $1 <@ $2
R$- ! $+ $| $&h		$@ $2 <@ $1 . UUCP .>
R$- . $+ ! $+ $| $&h	$@ $3 <@ $1 . $2>
R$+ $| $&h		$@ $1 <@ $&h . UUCP .>
R$+ $| $+		$: $2 ! $1 $| $>BareHost $Y
R$+ $| $+		$@ $1 <@ $2>
R$+ $|			$@ $1 <@ *LOCAL*>')

# BareHost: a relay without the mailer that leads to it
SBareHost
R$~[ $* : $+		$@ $3

# senders and recipients in envelopes, then in headers; groups without members and lists have no host to hide
SEnvFromSMTP
R$* :; <@>		$@
R$*			$: $>MasqEnv $>MasqSMTP $>PseudoToReal $1
SEnvToSMTP
R$*			$: $>FullName $>MasqSMTP $>PseudoToReal $1
SHdrFromSMTP
R:; <@>		$@
R<@ $*			$@ <@ $1
R$+ <@> $*		$@ $1 <@> $2
R$*			$: $>MasqHdr $>MasqSMTP $>PseudoToReal $1
SMasqRelay
R$*			$: $>MasqHdr $>MasqSMTP $1

_SMTPLINE_(`smtp', `SMTP')
_SMTPLINE_(`esmtp', `ESMTP', `a')
_SMTPLINE_(`smtp8', `SMTP8', `8')
_SMTPLINE_(`dsmtp', `DSMTP', `a%')
Mrelay,		P=[IPC], F=_MODMF_(CONCAT(_DEF_SMTP_MAILER_FLAGS, `a8', RELAY_MAILER_FLAGS), `RELAY'), S=EnvFromSMTP/HdrFromSMTP, R=MasqSMTP`'ifdef(`_ALL_MASQUERADE_', `/MasqRelay'), E=\r\n, L=RELAY_MAILER_LL,
		_OPTINS(`RELAY_MAILER_CHARSET', `C=', `, ')_OPTINS(`RELAY_MAILER_MAXMSGS', `m=', `, ')_OPTINS(`SMTP_MAILER_MAXRCPTS', `r=', `, ')T=DNS/RFC822/SMTP,_QGRP_(`RELAY_MAILER_QGRP')
		A=RELAY_MAILER_ARGS
