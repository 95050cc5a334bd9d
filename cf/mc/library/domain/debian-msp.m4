divert(-1)
dnl DOMAIN: the submission program of a Debian host
ifdef(`sm_version',, `include(_CF_DIR_`'debian/autoconf.m4)divert(-1)')
_VALUES_(`DEBIAN_MSP', `', `confCF_VERSION', `Submit', `MSP_QUEUE_DIR', `/var/spool/mqueue-client', `STATUS_FILE', `/var/lib/sendmail/sm-client.st',
	`confHOST_STATUS_DIRECTORY', `', `confPID_FILE', `/var/run/sendmail/msp/sendmail.pid', `confCONTROL_SOCKET_NAME', `/var/run/sendmail/msp/smcontrol',
	`confPROCESS_TITLE_PREFIX', `MSP', `confRRT_IMPLIES_DSN', `False', `confSAFE_FILE_ENV', `/', `confSAFE_QUEUE', `True',
	`confQUEUE_FILE_MODE', `0660', `confTEMP_FILE_MODE', `0640', `confTO_ICONNECT', `2s', `confTO_MAIL', `2m', `confTO_DATAINIT', `2m',
	`confTO_RSET', `1m', `confTO_QUIT', `2m', `confTO_COMMAND', `5m', `confTO_IDENT', `5s', `confTO_HOSTSTATUS', `0',
	`confRUN_AS_USER', `smmsp', `confTRUSTED_USER', `smmsp')
FEATURE(`no_default_msa')
