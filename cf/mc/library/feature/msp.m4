divert(-1)
dnl FEATURE: the submission program, which hands all mail to the server; arguments: host, MSA for port 587
undefine(`ALIAS_FILE')
_VALUES_(`confUSE_MSP', `True', `confDELIVERY_MODE', `i', `confPRIVACY_FLAGS', `goaway,noetrn,restrictqrun', `confQUEUE_FILE_MODE', `0660',
	`confFORWARD_PATH', `', `confDONT_PROBE_INTERFACES', `True')
_DEFIFNOT(`confRUN_AS_USER', `smmsp')
_DEFIFNOT(`confTRUSTED_USER', `ifelse(index(confRUN_AS_USER, `:'), -1, `confRUN_AS_USER', `substr(confRUN_AS_USER, 0, index(confRUN_AS_USER, `:'))')')
define(`QUEUE_DIR', ifdef(`MSP_QUEUE_DIR', `MSP_QUEUE_DIR', `/var/spool/clientmqueue'))
_DEFIFNOT(`confPID_FILE', QUEUE_DIR`/sm-client.pid')
dnl the statistics get a file beside the one of the server
ifdef(`STATUS_FILE', `define(`_AT_', index(STATUS_FILE, `sendmail.st'))dnl
ifelse(_AT_, `-1',, `define(`STATUS_FILE', substr(STATUS_FILE, 0, _AT_)`sm-client.st')')', `define(`STATUS_FILE', QUEUE_DIR`/sm-client.st')')
define(`_MTA_HOST_', ifelse(defn(`_ARG_'),, `[localhost]', `_ARG_'))
define(`_MSP_FQHN_', `ifdef(`MASQUERADE_NAME', `ifdef(`_MASQUERADE_ENVELOPE_', `$M', `$j')', `$j')')
ifelse(_ARG2_, `MSA', `define(`RELAY_MAILER_ARGS', `TCP $h 587')')
FEATURE(`no_default_msa')
ifelse(defn(`_DPO_'),, `DAEMON_OPTIONS(`Name=NoMTA, Addr=127.0.0.1, M=E')')
dnl all mailers go to that host
define(`_DEF_LOCAL_MAILER_FLAGS', `')
define(`_DEF_LOCAL_SHELL_FLAGS', `')
define(`LOCAL_MAILER_PATH', `[IPC]')
define(`LOCAL_MAILER_FLAGS', `lmDFMuXkw5')
define(`LOCAL_MAILER_ARGS', `TCP $h')
define(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `SMTP')
define(`LOCAL_SHELL_PATH', `[IPC]')
define(`LOCAL_SHELL_FLAGS', `lmDFMuXk5')
define(`LOCAL_SHELL_ARGS', `TCP $h')
MODIFY_MAILER_FLAGS(`SMTP', `+k5')
MODIFY_MAILER_FLAGS(`ESMTP', `+k5')
MODIFY_MAILER_FLAGS(`DSMTP', `+k5')
MODIFY_MAILER_FLAGS(`SMTP8', `+k5')
MODIFY_MAILER_FLAGS(`RELAY', `+k')
MAILER(`local')
MAILER(`smtp')
LOCAL_CONFIG
D{MTAHost}_MTA_HOST_
LOCAL_RULESETS
SLocal_localaddr
# a bare user gets the name of this host; addresses with a host, or a node of DECnet, go as they are
R$*			$: $>ParseRecipient $1
R$*			$: bare $| $1
Rbare $| $* <@ $+	$: $1 <@ $2
ifdef(`_USE_DECNET_SYNTAX_', `Rbare $| $+ :: $+	$: $1 :: $2', `dnl')
Rbare $| $*		$: $1 <@ _MSP_FQHN_>
R$*			$#relay $@ ${MTAHost} $: $1
divert(-1)
