PUSHDIVERT(-1)
dnl MAILER: Cyrus IMAP by its deliver program
_USUALLY_(`CYRUS_MAILER_FLAGS', `Ah5@/:|', `CYRUS_MAILER_PATH', `/usr/sbin/cyrdeliver', `CYRUS_MAILER_ARGS', `cyrdeliver -e -m $h -- $u', `CYRUS_MAILER_USER', `cyrus:mail',
	`CYRUS_BB_MAILER_FLAGS', `u', `CYRUS_BB_MAILER_ARGS', `cyrdeliver -e -m $u')
define(`_CYRUSLINE_', `M$1,	P=CYRUS_MAILER_PATH, F=_MODMF_(CONCAT(`$2', $3_MAILER_FLAGS), `CYRUS'), S=EnvFromL, R=EnvToL/HdrToL,
		_OPTINS(`CYRUS_MAILER_MAX', `M=', `, ')U=CYRUS_MAILER_USER, T=DNS/RFC822/X-Unix,_QGRP_(`CYRUS_MAILER_QGRP')
		A=$3_MAILER_ARGS')
POPDIVERT`'dnl
# ---- Mailer cyrus
_CYRUSLINE_(`cyrus', `lsDFMnPq', `CYRUS')
_CYRUSLINE_(`cyrusbb', `lsDFMnP', `CYRUS_BB')
