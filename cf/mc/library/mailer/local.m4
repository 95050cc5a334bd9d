PUSHDIVERT(-1)
dnl MAILER: mailboxes (local) and programs (prog) of this host
_USUALLY_(`_DEF_LOCAL_MAILER_FLAGS', `lsDFMAw5:/|@q', `LOCAL_MAILER_FLAGS', `Prmn9', `LOCAL_MAILER_PATH', `/bin/mail', `LOCAL_MAILER_ARGS', `mail -d $u',
	`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `X-Unix', `_DEF_LOCAL_SHELL_FLAGS', `lsDFMoq', `LOCAL_SHELL_FLAGS', `eu9', `LOCAL_SHELL_PATH', `/bin/sh',
	`LOCAL_SHELL_ARGS', `sh -c $u', `LOCAL_SHELL_DIR', `$z:/')
define(`LOCAL_RWR', `S=ifdef(`_LOCAL_LMTP_', `EnvFromSMTP', `EnvFromL')/HdrFromL, R=EnvToL/HdrToL')
POPDIVERT`'dnl
# ---- Mailer local
# senders and recipients, in envelopes and headers
SEnvFromL
R$*			$: ifdef(`_LOCAL_NO_MASQUERADE_',, `$>MasqEnv ')$>Somebody $1
SHdrFromL
R$*			$: ifdef(`_LOCAL_NO_MASQUERADE_',, `$>MasqHdr ')$>Somebody $1
SEnvToL
R$+ <@ $*>		$: $1
ifdef(`confUSERDB_SPEC', `dnl', `# user $| detail $| type of the address: senders lose it
R$+ + $*		$: $1 $| + $2 $| $&{addr_type}
R$+ $| $* $| e s	$: $1
R$+ $| $* $| $*		$: $1 $2')
SHdrToL
ifdef(`_ALL_MASQUERADE_', `ifdef(`_LOCAL_NO_MASQUERADE_', `R$*			$: $>AddDomain $1', `R$*			$: $>MasqHdr $>AddDomain $1')', `R$*			$: $>FullName $>AddDomain $1')

# Somebody: a sender with a domain, where that is wanted; the null sender is the mailer daemon
SSomebody
R<@>			$: $n
R@ <@ $*>		$: $n
R$*			$@ $>AddDomain $1

# AddDomain: with always_add_domain an address without host gets one
SAddDomain
ifdef(`_ALWAYS_ADD_DOMAIN_', `R$+			$: ? $1
R? $* <@ $*		$@ $1 <@ $2
R? $+			$@ $1 <@ ifelse(len(X`'_ALWAYS_ADD_DOMAIN_), `1', `*LOCAL*', `_ALWAYS_ADD_DOMAIN_')>', `dnl')

Mlocal,		P=LOCAL_MAILER_PATH, F=_MODMF_(CONCAT(_DEF_LOCAL_MAILER_FLAGS, LOCAL_MAILER_FLAGS), `LOCAL'), LOCAL_RWR,_OPTINS(`LOCAL_MAILER_EOL', ` E=', `,')
		_OPTINS(`LOCAL_MAILER_MAX', `M=', `, ')_OPTINS(`LOCAL_MAILER_MAXMSGS', `m=', `, ')_OPTINS(`LOCAL_MAILER_MAXRCPTS', `r=', `, ')_OPTINS(`LOCAL_MAILER_CHARSET', `C=', `, ')T=DNS/RFC822/LOCAL_MAILER_DSN_DIAGNOSTIC_CODE,_QGRP_(`LOCAL_MAILER_QGRP')
		A=LOCAL_MAILER_ARGS
Mprog,		P=LOCAL_SHELL_PATH, F=_MODMF_(CONCAT(_DEF_LOCAL_SHELL_FLAGS, LOCAL_SHELL_FLAGS), `SHELL'), S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, D=LOCAL_SHELL_DIR,
		_OPTINS(`LOCAL_MAILER_MAX', `M=', `, ')T=X-Unix/X-Unix/X-Unix,_QGRP_(`LOCAL_PROG_QGRP')
		A=LOCAL_SHELL_ARGS
