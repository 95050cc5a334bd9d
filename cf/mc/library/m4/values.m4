divert(-1)
dnl Values that hold unless the .mc says otherwise. Definitions after this file win.

_DEFIFNOT(`MAIL_SETTINGS_DIR', `/etc/mail/')
dnl DATABASE_MAP_TYPE: class of the tables for which a FEATURE names none
define(`DATABASE_MAP_TYPE', `hash')

dnl _VALUES_(name, value, name, value...)
define(`_VALUES_', `ifelse(`$1',,, `define(`$1', `$2')_VALUES_(shift(shift($@)))')')
_VALUES_(`ALIAS_FILE', `MAIL_SETTINGS_DIR`'aliases', `confCW_FILE', `MAIL_SETTINGS_DIR`'local-host-names',
	`confCR_FILE', `-o MAIL_SETTINGS_DIR`'relay-domains', `confTIME_ZONE', `USE_SYSTEM', `confMAILER_NAME', ``MAILER-DAEMON'')
_VALUES_(
	`confALIAS_WAIT', `10', `confBLANK_SUB', `.', `confCHECK_ALIASES', `False', `confCON_EXPENSIVE', `False',
	`confDELIVERY_MODE', `background', `confFORWARD_PATH', `$z/.forward.$w:$z/.forward', `confFROM_LINE', `From $g $d',
	`confLOG_LEVEL', `9', `confMCI_CACHE_SIZE', `2', `confMCI_CACHE_TIMEOUT', `5m', `confMIME_FORMAT_ERRORS', `True',
	`confMIN_FREE_BLOCKS', `100', `confOLD_STYLE_HEADERS', `True', `confOPERATORS', `.:%@!^/[]+',
	`confPRIVACY_FLAGS', `authwarnings', `confSAFE_QUEUE', `True', `confSEVEN_BIT_INPUT', `False',
	`confSMTP_LOGIN_MSG', `$j Sendmail $v/$Z; $b', `confTEMP_FILE_MODE', `0600', `confTO_QUEUERETURN', `5d',
	`confTO_QUEUEWARN', `4h', `confUSE_ERRORS_TO', `False')
dnl What milters are told when.
_VALUES_(`confMILTER_MACROS_CONNECT', ``j, _, {daemon_name}, {if_name}, {if_addr}'',
	`confMILTER_MACROS_HELO', ``{tls_version}, {cipher}, {cipher_bits}, {cert_subject}, {cert_issuer}'',
	`confMILTER_MACROS_ENVFROM', ``i, {auth_type}, {auth_authen}, {auth_ssf}, {auth_author}, {mail_mailer}, {mail_host}, {mail_addr}'',
	`confMILTER_MACROS_ENVRCPT', ``{rcpt_mailer}, {rcpt_host}, {rcpt_addr}'', `confMILTER_MACROS_EOM', ``{msg_id}'')

dnl The Received: line in pieces, which a .mc may exchange one by one.
_VALUES_(`_REC_HDR_', `$?sfrom $s $.$?_($?s$|from $.$_)',
	`_REC_BY_', `$.by $j ($v/$Z)$?r with $r$. id $i$?{tls_version}',
	`_REC_AUTH_', `$.$?{auth_type}(authenticated',
	`_REC_FULL_AUTH_', `$.$?{auth_type}(user=${auth_authen} $?{auth_author}author=${auth_author} $.mech=${auth_type}',
	`_REC_TLS_', `(version=${tls_version} cipher=${cipher} bits=${cipher_bits} verify=${verify})$.$?u',
	`_REC_END_', `for $u; $|;
	$.$b', `confRECEIVED_HEADER', `_RECEIVED_(`_REC_AUTH_')')
dnl _RECEIVED_(pieces about AUTH): the whole header
define(`_RECEIVED_', `_REC_HDR_
	$1`'$?{auth_ssf} bits=${auth_ssf}$.)
	_REC_BY_
	_REC_TLS_
	_REC_END_')
divert(0)dnl
