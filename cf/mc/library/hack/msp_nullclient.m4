divert(-1)
dnl HACK: the submission program of a host that sends all mail to a hub; argument: the hub
ifelse(defn(`_ARG_'),, `_WRONG_(`HACK(msp_nullclient) needs the name of the hub')', `define(`_NULL_CLIENT_', _ARG_)')
ifdef(`DEBIAN_MSP',, `DOMAIN(`debian-msp')')
ifelse(defn(`_DPO_'),, `DAEMON_OPTIONS(`Name=NoMTA, Addr=127.0.0.1, M=E')')
undefine(`ALIAS_FILE')
_VALUES_(`SMART_HOST', _NULL_CLIENT_, `MAIL_HUB', _NULL_CLIENT_)
_DEFIFNOT(`confFROM_HEADER', `<$g>')
ifdef(`STATUS_FILE', `define(`_AT_', index(STATUS_FILE, `sendmail.st'))dnl
ifelse(_AT_, `-1',, `define(`STATUS_FILE', substr(STATUS_FILE, 0, _AT_)`sm-client.st')')', `define(`STATUS_FILE', `/var/run/sm-client.st')')
_VALUES_(`confFORWARD_PATH', `', `confUSE_MSP', `True', `confPRIVACY_FLAGS', `goaway,noetrn', `confRUN_AS_USER', `mail', `confTRUSTED_USER', `mail',
	`confQUEUE_FILE_MODE', `0660', `_DEF_LOCAL_MAILER_FLAGS', `lsDFM5q')
define(`QUEUE_DIR', ifdef(`MSP_QUEUE_DIR', `MSP_QUEUE_DIR', `/var/spool/clientmqueue'))
_DEFIFNOT(`confPID_FILE', QUEUE_DIR`/sm-client.pid')
FEATURE(`no_default_msa')
MASQUERADE_AS(_NULL_CLIENT_)FEATURE(`masquerade_envelope')FEATURE(`allmasquerade')
MAILER(`local')MAILER(`smtp')
